/** Which business identifiers name a posted resource. */
import { refuse } from '../../src/errors.ts'
import type { JsonObject } from '../../src/fhir/json.ts'
import { objectOf, objectsOf } from '../../src/fhir/members.ts'
import type { Arrival, Identity, Issue } from '../../src/records.ts'
import type { Entry } from './entries.ts'

/** Numbers that name a person everywhere; no pseudonym is made of them (HL7 table 0203). */
const universal = new Set(['SS', 'DL', 'PPN'])
const universalSystems = new Set(['http://hl7.org/fhir/sid/us-ssn'])

/** The candidates, the best first; `note` says that they hold for this message only. */
export type Named = Readonly<{ identity: readonly Identity[]; note: Issue | null }>

/**
 * The identity of an entry: the identifier that the request names, those of the resource, else the Idempotency-Key, else
 * its content. Throws Refusal E_NO_PATIENT (held) for a Patient without an identifier of its own.
 */
export function identityOf(entry: Entry, position: number, arrival: Arrival): Named {
  const own = identifiersOf(entry.resource)
  const candidates = entry.criterion ? [entry.criterion, ...own.filter(id => !isSame(id, entry.criterion!))] : own
  if (candidates.length > 0) return { identity: candidates, note: null }
  if (entry.type === 'Patient') return refuse('E_NO_PATIENT', `${entry.at}.identifier`)
  const system = `client:${arrival.sender}`
  if (arrival.messageId !== null) {
    const value = arrival.meta.interaction === 'transaction' ? `${arrival.messageId}#${position}` : arrival.messageId
    return { identity: [{ system, value }], note: null }
  }
  const content = { system: `${system}:content`, value: JSON.stringify(entry.resource) }
  return { identity: [content], note: { code: 'E_PROVISIONAL', at: entry.at } }
}

/** System and value of an Identifier; null where one is missing or it must not name anybody. */
export function identityIn(identifier: JsonObject): Identity | null {
  const { system, value, use } = identifier
  if (typeof system !== 'string' || typeof value !== 'string') return null
  const types = objectsOf(objectOf(identifier.type).coding).map(coding => String(coding.code))
  const isUniversal = universalSystems.has(system) || types.some(type => universal.has(type))
  return isUniversal || use === 'old' ? null : { system, value }
}

function identifiersOf(resource: JsonObject): Identity[] {
  return objectsOf(resource.identifier).flatMap(identifier => identityIn(identifier) ?? [])
}

function isSame(a: Identity, b: Identity): boolean {
  return a.system === b.system && a.value === b.value
}
