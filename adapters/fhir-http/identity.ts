/** Which business identifiers name a posted resource. */
import { refuse } from '../../src/errors.ts'
import type { JsonObject } from '../../src/fhir/json.ts'
import { objectOf, objectsOf } from '../../src/fhir/members.ts'
import type { Arrival, Identity, Issue } from '../../src/records.ts'
import type { Entry } from './entries.ts'

/** Numbers that name a person everywhere; no pseudonym is made of them (HL7 table 0203). */
const universal = new Set(['SS', 'DL', 'PPN'])
/** US social security, driver's licence by state, passport by country, as URI and OID (HL7 OID registry). */
const universalSystems =
  /^(?:http:\/\/hl7\.org\/fhir\/sid\/(?:us-ssn$|passport-)|urn:oid:2\.16\.840\.1\.113883\.4\.(?:1|3|330)(?:\.|$))/

/** The candidates, the best first; `note` says that they hold for this message only. */
export type Named = Readonly<{ identity: readonly Identity[]; note: Issue | null }>

/**
 * The identity of an entry: the identifier that the request names, those of the resource, else the Idempotency-Key, else
 * its content. Throws Refusal E_NO_PATIENT (held) for a Patient without an identifier of its own, E_FIELD_TYPE (never)
 * where the request names a number that the resource says to be one that names a person everywhere.
 */
export function identityOf(entry: Entry, position: number, arrival: Arrival): Named {
  demandNameable(entry)
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

/** Whether numbers of this system name a person everywhere. */
export function isUniversal(system: string): boolean {
  return universalSystems.test(system)
}

/** System and value of an Identifier; null where one is missing or it must not name anybody. */
export function identityIn(identifier: JsonObject): Identity | null {
  const { system, value, use } = identifier
  if (typeof system !== 'string' || typeof value !== 'string') return null
  return use === 'old' || isUniversal(system) || isUniversalType(identifier) ? null : { system, value }
}

function isUniversalType(identifier: JsonObject): boolean {
  return objectsOf(objectOf(identifier.type).coding).some(coding => universal.has(String(coding.code)))
}

function demandNameable({ criterion, resource, at }: Entry): void {
  if (criterion === null) return
  const named = objectsOf(resource.identifier).filter(
    ({ system, value }) => system === criterion.system && value === criterion.value,
  )
  if (named.some(isUniversalType)) refuse('E_FIELD_TYPE', `${at}.identifier`)
}

/** A document may have nothing but a master identifier, which names one version of it (R4, DocumentReference). */
function identifiersOf({ identifier, masterIdentifier }: JsonObject): Identity[] {
  return [...objectsOf(identifier), objectOf(masterIdentifier)].flatMap(one => identityIn(one) ?? [])
}

function isSame(a: Identity, b: Identity): boolean {
  return a.system === b.system && a.value === b.value
}
