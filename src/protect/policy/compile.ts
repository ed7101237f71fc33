/** The rows of the policy as functions, compiled once: a tree of rules for each resource type. */
import { coding, concept } from '../acts/concept.ts'
import { dosage } from '../acts/dosage.ts'
import { match } from '../acts/match.ts'
import { address, annotation, attachment, contactPoint, humanName, identifier } from '../acts/people.ts'
import { number, type PrimitiveAct, time, year, yearOrBand } from '../acts/primitives.ts'
import { quantity, quantityPair, sampledData, sealSamples } from '../acts/quantity.ts'
import { reference } from '../acts/reference.ts'
import { type ComplexAct, unknownAct, words } from '../acts/slot.ts'
import { period, sealed } from '../acts/time.ts'
import { type PolicyRow, policyRows } from './policy.ts'

/**
 * What is done with a member:
 * - `branch`: a backbone element, walked by its own rules
 * - `primitive`, `complex`: an act; `holds`: what does not stay holds the message; `clinical`: sealed where the labels say so
 * - `own`: sealed as a whole into the token of the element it belongs to
 * - `inside`: contained resources
 * - `extension`, `drop`, `refuse`: extensions; not sent; its presence alone holds the message
 * - `given`: written elsewhere (id and meta)
 */
export type Rule = Readonly<
  | { kind: 'branch'; rules: Rules }
  | { kind: 'primitive'; act: PrimitiveAct; holds: boolean; clinical: boolean }
  | { kind: 'complex'; act: ComplexAct; arg: string | undefined; sealAct: ComplexAct; clinical: boolean }
  | { kind: 'own' | 'inside' | 'extension' | 'drop' | 'refuse' | 'given' }
>

export type Rules = Map<string, Rule>

/** Nothing readable is left of them, and FHIR does not allow them without. */
const ownTypes = new Set(['Narrative', 'Signature'])

const clinicalActs = new Set(['concept', 'quantity', 'number', 'match'])

function compile(rows: readonly PolicyRow[]): Map<string, Rules> {
  const types: Rules = new Map()
  for (const row of rows) {
    const steps = row.path.split('.')
    const name = steps.pop()!
    branchAt(types, steps).set(name, ruleOf(row))
  }
  return new Map([...types].flatMap(([type, rule]) => (rule.kind === 'branch' ? [[type, rule.rules] as const] : [])))
}

function branchAt(rules: Rules, steps: readonly string[]): Rules {
  let at = rules
  for (const step of steps) {
    const known = at.get(step)
    const branch = known?.kind === 'branch' ? known : { kind: 'branch' as const, rules: new Map() }
    at.set(step, branch)
    at = branch.rules
  }
  return at
}

function ruleOf(row: PolicyRow): Rule {
  const { type, act, arg } = row
  if (act === 'const' || arg === 'self') return { kind: 'given' }
  if (act === 'drop') return { kind: 'drop' }
  if (act === 'match' && arg === 'none') return { kind: 'refuse' }
  if (type === 'Extension') return { kind: 'extension' }
  if (type === 'Resource') return { kind: 'inside' }
  if (ownTypes.has(type) || row.path.split('.')[1] === 'language') return { kind: 'own' }
  const clinical = clinicalActs.has(act) && arg !== 'required'
  if (/^[a-z]/.test(type)) return { kind: 'primitive', act: primitiveAct(row), holds: act === 'enum', clinical }
  return { kind: 'complex', act: complexAct(row), arg, sealAct: sealActs[type] ?? sealed, clinical }
}

/** How a datatype looks when it is sealed. */
const sealActs: Readonly<Record<string, ComplexAct>> = {
  HumanName: humanName,
  ContactPoint: contactPoint,
  Attachment: attachment,
  Annotation: annotation,
  SampledData: sealSamples,
}

/** How an act treats a datatype. */
const complexActs: Readonly<Record<string, ComplexAct>> = {
  'place Address': address,
  'identifier Identifier': identifier,
  'reference Reference': reference,
  'concept CodeableConcept': concept,
  'concept Coding': coding,
  'quantity Quantity': quantity,
  'quantity Duration': quantity,
  'quantity Age': quantity,
  'quantity Range': quantityPair,
  'quantity Ratio': quantityPair,
  'quantity SampledData': sampledData,
  'quantity Dosage': dosage,
  'time Period': period,
}

function complexAct({ path, type, act }: PolicyRow): ComplexAct {
  if (act === 'seal') return sealActs[type] ?? sealed
  return complexActs[`${act} ${type}`] ?? unknownAct(path)
}

function primitiveAct({ path, act, arg }: PolicyRow): PrimitiveAct {
  if (act === 'enum' && arg === 'true false') return value => (typeof value === 'boolean' ? value : undefined)
  if (act === 'enum' && arg) return listAct(arg)
  if (act === 'number') return number
  if (act === 'time') return time
  if (act === 'year') return arg === 'age-band' ? yearOrBand : year
  if (act === 'match' && arg) return match(arg)
  if (act === 'seal') return () => undefined
  return unknownAct(path)
}

function listAct(list: string): PrimitiveAct {
  const values = words(list)
  return value => (values.has(value) ? value : undefined)
}

/** The rules of each resource type. */
export const rulesOf: ReadonlyMap<string, Rules> = compile(policyRows)
