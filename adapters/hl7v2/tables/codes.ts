/** The code maps: the guide's (generated) and ours, where the guide has a hole. A map's name is its key. */
import { type CodeRow, codeMaps, systems } from './generated/codes.ts'
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

/** Codes of HL7 tables (`http://terminology.hl7.org/CodeSystem/v2-nnnn`) that are surely theirs, with their displays. */
const v2 = new Map<string, string>()
for (const table of tables.values()) {
  for (const mapped of table.values())
    if (/\/v2-\d{4}$/.test(mapped.system)) v2.set(`${mapped.system}|${mapped.code}`, mapped.display)
}

/** The display of a code in an HL7 table; undefined when we do not know that the table has it. */
export function v2Display(system: string, code: string): string | undefined {
  return v2.get(`${system}|${code}`)
}

function fromRow([code, system, display]: CodeRow): Mapped {
  return { system: systems[system]!, code, display }
}
