/**
 * NK1[RelatedPerson], NK1[Patient] (a contact), GT1 and the insured of IN1 and IN2 as RelatedPerson (the guide has no map
 * for these two; ours).
 */
import type { Patient, PatientContact, Reference, RelatedPerson } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { concept, language } from '../concept.ts'
import { clean, code, date, xad, xpn, xtn } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type SegmentMap, segmentMap } from '../engine.ts'
import { cx, plainIdentifier, xon } from '../references.ts'

/** NK1[RelatedPerson] */
// biome-ignore format: a row a line
export const nk1RelatedPerson = segmentMap([
  ['NK1-2', 'name[]', xpn],
  ['NK1-3', 'relationship[]', concept, { codes: 'Relationship' }],
  ['NK1-4', 'address[]', xad],
  ['NK1-5', 'telecom[]', xtn],
  ['NK1-6', 'telecom[]', xtn, { as: 'work' }],
  ['NK1-7', 'relationship[]', concept, { codes: 'ContactRole' }],
  ['NK1-8', 'period.start', date],
  ['NK1-9', 'period.end', date],
  ['NK1-12', 'identifier[]', cx],
  ['NK1-15', 'gender', code, { codes: 'AdministrativeSex' }],
  ['NK1-16', 'birthDate', date],
  ['NK1-20', 'communication[].language', language],
  ['NK1-30', 'name[]', xpn],
  ['NK1-31', 'telecom[]', xtn],
  ['NK1-32', 'address[]', xad],
  ['NK1-33', 'identifier[]', cx],
  ['NK1-37', 'identifier[]', plainIdentifier, { as: 'SS' }],
  ['NK1-40', 'telecom[]', xtn],
  ['NK1-41', 'telecom[]', xtn],
])

/** NK1[Patient]: the rows of one contact. */
// biome-ignore format: a row a line
export const nk1Contact = segmentMap([
  ['NK1-2', 'contact[0].name', xpn],
  ['NK1-3', 'contact[0].relationship[]', concept, { codes: 'Relationship' }],
  ['NK1-4', 'contact[0].address', xad],
  ['NK1-5', 'contact[0].telecom[]', xtn],
  ['NK1-6', 'contact[0].telecom[]', xtn, { as: 'work' }],
  ['NK1-7', 'contact[0].relationship[]', concept, { codes: 'ContactRole' }],
  ['NK1-8', 'contact[0].period.start', date],
  ['NK1-9', 'contact[0].period.end', date],
  ['NK1-13', 'contact[0].organization', xon],
  ['NK1-15', 'contact[0].gender', code, { codes: 'AdministrativeSex' }],
  ['NK1-40', 'contact[0].telecom[]', xtn],
  ['NK1-41', 'contact[0].telecom[]', xtn],
])

/** GT1 as a person, ours: the fields that say of the guarantor what NK1 says of a next of kin. */
// biome-ignore format: a row a line
export const gt1RelatedPerson = segmentMap([
  ['GT1-2', 'identifier[]', cx],
  ['GT1-12', 'identifier[]', plainIdentifier, { as: 'SS' }],
  ['GT1-19', 'identifier[]', cx],
  ['GT1-3', 'name[]', xpn],
  ['GT1-11', 'relationship[]', concept, { codes: 'Relationship' }],
  ['GT1-5', 'address[]', xad],
  ['GT1-6', 'telecom[]', xtn, { as: 'home' }],
  ['GT1-7', 'telecom[]', xtn, { as: 'work' }],
  ['GT1-8', 'birthDate', date],
  ['GT1-9', 'gender', code, { codes: 'AdministrativeSex' }],
  ['GT1-36', 'communication[].language', language],
])

/** IN1 as the insured person, ours beyond the guide's `subscriber(RelatedPerson)` of IN1-16. */
// biome-ignore format: a row a line
export const in1Subscriber = segmentMap([
  ['IN1-16', 'name[]', xpn],
  ['IN1-17', 'relationship[]', concept, { codes: 'Relationship' }],
  ['IN1-18', 'birthDate', date],
  ['IN1-19', 'address[]', xad],
  ['IN1-43', 'gender', code, { codes: 'AdministrativeSex' }],
  ['IN1-49', 'identifier[]', cx],
])

/** IN2 as the insured person, ours. */
// biome-ignore format: a row a line
export const in2Subscriber = segmentMap([
  ['IN2-1', 'identifier[]', cx],
  ['IN2-2', 'identifier[]', plainIdentifier, { as: 'SS' }],
  ['IN2-34', 'communication[].language', language],
  ['IN2-63', 'telecom[]', xtn, { as: 'home' }],
  ['IN2-64', 'telecom[]', xtn, { as: 'work' }],
])

/**
 * What kind of contact a relationship is: these codes of HL7 table 0063 and 0131 (employer, federal agency, insurance,
 * state agency) are organisations, which FHIR has as a contact only.
 */
const organisations = new Set(['EMR', 'E', 'F', 'I', 'S'])

/** True where NK1-3 names a person and not an organisation (the guide's condition). */
export function isPerson(nk1: Segment): boolean {
  return !organisations.has(clean(nk1.value(3)) ?? '')
}

/** A person beside the patient by one map or several; null where nothing tells who it is (no name, identifier, telecom). */
export function personOf(
  maps: readonly (readonly [SegmentMap, Segment | undefined])[],
  id: string,
  patient: Reference,
  draft: Draft,
): RelatedPerson | null {
  const resource: RelatedPerson = { resourceType: 'RelatedPerson', id, patient: { ...patient } }
  for (const [map, segment] of maps) if (segment) map(segment, resource, draft)
  return resource.name || resource.identifier || resource.telecom ? resource : null
}

/** The contact of an NK1; null where it has none of what FHIR pat-1 demands. */
export function contactOf(nk1: Segment, draft: Draft): PatientContact | null {
  const holder: Pick<Patient, 'contact'> = {}
  nk1Contact(nk1, holder, draft)
  const contact = holder.contact?.[0]
  return contact && (contact.name || contact.telecom || contact.address || contact.organization) ? contact : null
}
