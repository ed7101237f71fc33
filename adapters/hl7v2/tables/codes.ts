/** The code maps: the guide's (generated) and ours, where the guide has a hole. A map's name is its key. */
import { type CodeRow, codeMaps, systems } from './generated/codes.ts'
import { v2Tables } from './generated/v2-tables.ts'
import { ownCodes } from './own-codes.ts'

export type CodeMap = keyof typeof codeMaps | keyof typeof ownCodes

export type Mapped = Readonly<{ system: string; code: string; display: string }>

const tables = new Map<string, ReadonlyMap<string, Mapped>>()
for (const [name, rows] of Object.entries<Readonly<Record<string, CodeRow>>>(codeMaps)) {
  const mapped = Object.entries(rows).map(([code, row]) => [code, fromRow(row)] as const)
  tables.set(name, new Map(mapped))
}
for (const [name, rows] of Object.entries(ownCodes)) {
  const base = tables.get(name) ?? []
  tables.set(name, new Map([...base, ...Object.entries<Mapped>(rows)]))
}

/** What a v2 code means in FHIR; undefined when the map has no row for it. Case counts, as in the tables. */
export function lookUp(map: CodeMap, code: string): Mapped | undefined {
  return tables.get(map)?.get(code)
}

/** HL7's own tables that were asked for; the others are text still. */
const official = new Map<string, ReadonlyMap<string, string>>()

/** The display of a code in an HL7 table (`http://terminology.hl7.org/CodeSystem/v2-nnnn`); undefined when the table lacks it. */
export function v2Display(system: string, code: string): string | undefined {
  const number = /\/v2-(\d{4})$/.exec(system)?.[1]
  return number && officialTable(number).get(code)
}

function officialTable(number: string): ReadonlyMap<string, string> {
  const known = official.get(number)
  if (known) return known
  const lines = Object.hasOwn(v2Tables, number) ? v2Tables[number]!.split('\n') : []
  const made = new Map(lines.map(line => line.split('\t') as [string, string]))
  official.set(number, made)
  return made
}

function fromRow([code, system, display]: CodeRow): Mapped {
  return { system: systems[system]!, code, display }
}
