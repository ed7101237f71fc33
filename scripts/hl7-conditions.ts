/**
 * Reads the "Computable ANTLR" conditions of HL7's v2-to-FHIR guide into the grammar of adapters/hl7v2/maps/condition.ts.
 * The guide's authors write them in many ways (of 247, a third obey the guide's own grammar); each way that is clear has a
 * rule here, and what is not clear stands in adapters/hl7v2/tables/patches.ts.
 */
import { parseCondition, printCondition } from '../adapters/hl7v2/maps/condition.ts'
import { conditionPatches } from '../adapters/hl7v2/tables/patches.ts'

export type Kind = 'message' | 'segment' | 'datatype'

/** Where a condition stands: the map (`PID[Patient]`), the place of its row (`PID-12`; empty for a row without). */
export type Row = Readonly<{ map: string; id: string; kind: Kind }>

/**
 * A condition of the guide in our grammar and its normal form; undefined where a patch says that it is none. `used` gets
 * the patches that were needed.
 * Throws TypeError for a text that does not parse and has no patch.
 */
export function readCondition(text: string, row: Row, used: Set<string>): string | undefined {
  const given = text.trim().replaceAll(/\s+/g, ' ')
  const patch = Object.hasOwn(conditionPatches, given) ? conditionPatches[given]! : null
  if (patch) used.add(given)
  if (patch?.when === null) return undefined
  try {
    return printCondition(parseCondition(patch?.when ?? normalise(given, row)))
  } catch (error) {
    throw new TypeError(`${row.map} ${row.id}: ${given}`, { cause: error })
  }
}

/** Ways of writing → ours, in this order; `§n` stands for a quoted text. */
const rewrites: readonly (readonly [RegExp, string])[] = [
  [/\bLST\.COUNT\b/g, 'COUNT'],
  [/\bIF\b/g, ''],
  [/\b(?:IS EMPTY|DOES NOT EXIST)\b/g, 'NOT VALUED'],
  [/\bIS (?=NOT|VALUED|IN)\b/g, ''],
  [/\bIS (?=§)/g, 'EQUALS '],
  [/\bNOT (?=§)/g, 'NOT EQUALS '],
  [/\bEQUAL(?: TO)?\b/g, 'EQUALS'],
  [/=/g, ' EQUALS '],
  [/>/g, ' GREATER THAN '],
  [/</g, ' LESS THAN '],
]

function normalise(given: string, row: Row): string {
  const texts: string[] = []
  const bare = given.replaceAll(/"([^"]*)"|'([^']*)'/g, (_, double, single) => `§${texts.push(double ?? single) - 1}`)
  const plain = rewrites.reduce((text, [from, to]) => text.replaceAll(from, to), bare.toUpperCase())
  const tokens = plain.match(/§\d+|[A-Z0-9.-]+|[(),]|\S+/g) ?? []
  const named = tokens.map(token => placeOf(token, row))
  return complete(named, row.id)
    .map(token => token.replace(/^§(\d+)$/, (_, n) => `"${texts[Number(n)]}"`))
    .join(' ')
}

const place = /^([A-Z][A-Z0-9]{1,2})[-.](\d+(?:\.\d+)*)$/

/**
 * A place in the spelling of its map: `ORC.1` is the field ORC-1, `HD-3` the component HD.3. A component in a segment's map
 * (`XAD.7` at ROL-11) is one of the row's own field.
 */
function placeOf(token: string, { map, id, kind }: Row): string {
  const [, name, numbers] = place.exec(token) ?? []
  if (!name) return token
  if (kind === 'datatype') return `${name}.${numbers}`
  const ofField = kind === 'segment' && !token.includes('-') && name !== map.split('[')[0]
  return ofField ? `${id}.${numbers}` : `${name}-${numbers}`
}

const joints = new Set(['AND', 'OR', '(', ')'])
const tests = new Set(['NOT', 'VALUED', 'IN', 'EQUALS', 'COUNT', 'LENGTH'])

/** Every test gets a place (the one before, else the row's own), every place a test (the next one's: `A AND B VALUED`). */
function complete(tokens: readonly string[], id: string): readonly string[] {
  const clauses = split(tokens)
  let last = id
  for (const clause of clauses) {
    if (tests.has(clause[0] ?? '')) clause.unshift(last)
    else if (clause[0] && !joints.has(clause[0])) last = clause[0]
  }
  for (const [i, clause] of [...clauses.entries()].reverse()) {
    const isBare = clause.length === 1 && !joints.has(clause[0]!)
    const next = clauses.slice(i + 1).find(other => !joints.has(other[0]!))
    if (isBare && next) clause.push(...next.slice(1))
  }
  return clauses.flat()
}

/** Clauses and the joints between them; the brackets and commas of a list belong to its clause. */
function split(tokens: readonly string[]): string[][] {
  const clauses: string[][] = []
  let list = false
  let open = false
  for (const token of tokens) {
    if (token === '(' && clauses.at(-1)?.at(-1) === 'IN') list = true
    const joins = !list && joints.has(token)
    const isThan = token === 'OR' && clauses.at(-1)?.at(-1) === 'THAN'
    if (joins && !isThan) clauses.push([token])
    else if (open) clauses.at(-1)!.push(token)
    else clauses.push([token])
    open = !joins || isThan
    if (token === ')') list = false
  }
  return clauses
}
