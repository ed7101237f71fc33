/** What every act works with: the place of an element, and the means to seal it. */
import { GatewayError, refuse } from '../../errors.ts'
import type { Ms } from '../../records.ts'
import { BAND, MASK, SEAL } from '../format.ts'
import type { Terms } from '../terms.ts'

/** JSON as it stands in a resource; decimals may be raw (src/fhir/json.ts). */
export type Json = unknown
export type JsonObject = { [member: string]: Json }

/** The sealing of one resource. */
export interface Sealing {
  /** The resource type, for locations. */
  readonly type: string
  readonly receivedAt: Ms
  /** What identifies people in this message, for the last scan. */
  readonly terms: Terms
  /** Whether the clinical body is sealed too, because of its security labels. */
  readonly restricted: boolean
  /** Set when a value was generalised. */
  abstracted: boolean
  /** Contained resources are sealed as a whole, and with them the references that lead to them. */
  containedWhole: boolean
  /** Seals a plaintext for the element at `path` and returns the token. */
  token(path: string, plain: Json): string
}

/** What is done with a complex element: its readable form, with the rest in tokens. `arg`: of the policy row. */
export type ComplexAct = (value: JsonObject, path: string, sealing: Sealing, arg?: string) => JsonObject

export function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}

export const masked = { url: MASK, valueCode: 'masked' }

/** The `_member` that says: there is a value, and it is not shown. */
export const maskedMember = { extension: [masked] }

export function sealExtension(token: string): JsonObject {
  return { url: SEAL, valueString: token }
}

/** `_member` of a sealed primitive; `shown`: its (generalised) value stays in clear beside it. */
export function sealedMember(token: string, { shown, band }: { shown: boolean; band: boolean }): JsonObject {
  const extension = [sealExtension(token), ...(shown ? [] : [masked])]
  return { extension: band ? [...extension, { url: BAND, valueString: '90+' }] : extension }
}

/**
 * A complex element of which `clear` stays (SEALING S2): all its other members go into one token on the element, and
 * `masks` names the members that readers and invariants look for. Members in `clear` that are not the element's own value
 * are in the token too; `walked` names members that carry tokens of their own. Element ids are dropped.
 */
export function sealComplex(
  value: JsonObject,
  path: string,
  sealing: Sealing,
  { clear, masks = [], walked = [] }: { clear: JsonObject; masks?: readonly string[]; walked?: readonly string[] },
): JsonObject {
  const hidden: JsonObject = {}
  for (const name of Object.keys(value)) {
    if (name !== 'id' && clear[name] !== value[name] && !walked.includes(name))
      hidden[name] = hideable(name, value[name])
  }
  if (Object.keys(hidden).length === 0) return clear
  const made: JsonObject = { ...clear, extension: [sealExtension(sealing.token(path, { m: hidden }))] }
  for (const name of masks) if (!(name in clear)) made[`_${name}`] = maskedMember
  return made
}

const hideableName = /^_?[A-Za-z][A-Za-z0-9]*$/
const never = new Set(['resourceType', 'id', 'meta', 'implicitRules', 'modifierExtension'])

/** A member that may travel in a token; any other one would be refused on opening (SEALING S3). */
export function hideable(name: string, value: Json): Json {
  if (never.has(name) || !hideableName.test(name)) refuse('E_PRIVACY_NO_RULE', '?')
  return value
}

/** The members named that the value has, as they are. */
export function pick(value: JsonObject, names: readonly string[]): JsonObject {
  const picked: JsonObject = {}
  for (const name of names) if (value[name] !== undefined) picked[name] = value[name]
  return picked
}

/** The members that have an act of their own, each treated by it under its own path; lists entry by entry. */
export function pickWalked(
  value: JsonObject,
  acts: Readonly<Record<string, ComplexAct>>,
  path: string,
  sealing: Sealing,
): JsonObject {
  const made: JsonObject = {}
  for (const [name, act] of Object.entries(acts)) {
    const part = value[name]
    const one = (element: Json, at: string) => act(isObject(element) ? element : {}, at, sealing)
    if (Array.isArray(part)) made[name] = part.map((element, i) => one(element, `${path}.${name}[${i}]`))
    else if (part !== undefined) made[name] = one(part, `${path}.${name}`)
  }
  return made
}

/** A member whose value is one of a closed list, as an object of one or no member. */
export function pickListed(value: JsonObject, name: string, list: ReadonlySet<Json>): JsonObject {
  return list.has(value[name]) ? { [name]: value[name] } : {}
}

export function words(text: string): ReadonlySet<Json> {
  return new Set(text.split(' '))
}

/** A place without indexes and names of the sender: `Patient.contact.name`. */
export function location({ type }: Pick<Sealing, 'type'>, path: string): string {
  const members = path.replace(/\[\d+\]/g, '')
  return members === '$' ? type : `${type}.${members}`
}

/** A mistake in the policy tables themselves; the tests find it. */
export function unknownAct(path: string): never {
  throw new GatewayError('E_INTERNAL', path)
}
