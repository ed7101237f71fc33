/** From names to pseudonyms: ids of resources and the references between them (SEALING S5). */
import { createSecretKey } from 'node:crypto'
import { GatewayError, refuse } from '../errors.ts'
import type { Name } from '../records.ts'
import { isObject, type Json, type JsonObject } from './acts/slot.ts'
import { lp, pseudonym } from './format.ts'
import type { Keys } from './keys.ts'
import type { Terms } from './terms.ts'

/** The pseudonym of a name of that resource type. Throws GatewayError E_INTERNAL for a pseudonym that is none. */
export type IdOf = (type: string, name: Name) => string

export function namer({ version, key }: Keys['psk'], tenant: string): IdOf {
  const psk = createSecretKey(key)
  return (type, name) => {
    if (!('pseudonym' in name)) return pseudonym(psk, version, tenant, type, name.system, name.value)
    if (!/^p[1-9]\d{0,3}-[a-z2-7]{32}$/.test(name.pseudonym)) throw new GatewayError('E_INTERNAL', 'pseudonym')
    return name.pseudonym
  }
}

/** The same, computing each name once: for the length of one message, in which a person is named with every resource. */
export function onceEach(idOf: IdOf): IdOf {
  const known = new Map<string, string>()
  return (type, name) => {
    const key = 'pseudonym' in name ? name.pseudonym : lp(type, name.system, name.value)
    const id = known.get(key) ?? idOf(type, name)
    known.set(key, id)
    return id
  }
}

/** Members under which `value` is somebody's number or address. */
const identifiers = new Set(
  'identifier requisition preAdmissionIdentifier accessionIdentifier masterIdentifier groupIdentifier telecom contact component'.split(
    ' ',
  ),
)

/** Elements of which `reference` is an address of words, and leads to no resource (Immunization.education). */
const notReferences = new Set(['education'])

/**
 * A copy of a resource with its final id and references, contained resources counted through (`#c1`), and `terms` taught
 * what identifies people in it. `references`: local reference → final one.
 * Throws Refusal E_REFERENCE for a reference that leads nowhere, E_PRIVACY_NO_RULE for a modifier nobody here knows.
 */
export function rename(
  resource: JsonObject,
  id: string,
  references: ReadonlyMap<string, string>,
  terms: Terms,
): JsonObject {
  const type = String(resource.resourceType)
  const contained = Array.isArray(resource.contained) ? resource.contained.filter(isObject) : []
  const inside = new Map(contained.map((one, place) => [`#${one.id}`, `#c${place + 1}`]))
  const target = (reference: string) => references.get(reference) ?? inside.get(reference)

  function copy(value: Json, member: string, at: string): Json {
    if (Array.isArray(value)) return value.map(one => copy(one, member, at))
    if (isObject(value)) return copyObject(value, member, at)
    if (typeof value === 'string') terms.learn(member, value)
    return value
  }

  function copyObject(value: JsonObject, member: string, at: string): JsonObject {
    const made: JsonObject = {}
    for (const name of Object.keys(value)) {
      const place = `${at}.${name}`
      if (name === 'modifierExtension') refuse('E_PRIVACY_NO_RULE', place)
      if (name === 'value' && !identifiers.has(member)) made[name] = value[name]
      else if (name === 'reference' && !notReferences.has(member)) made[name] = lead(value[name], at)
      else made[name] = copy(value[name], name, place)
    }
    return made
  }

  function lead(reference: Json, at: string): Json {
    if (typeof reference !== 'string') return reference
    return target(reference) ?? refuse('E_REFERENCE', at)
  }

  const made = copyObject(resource, '', type)
  made.id = id
  if (Array.isArray(made.contained)) {
    made.contained = made.contained.map((one, place) => (isObject(one) ? { ...one, id: `c${place + 1}` } : one))
  }
  return made
}
