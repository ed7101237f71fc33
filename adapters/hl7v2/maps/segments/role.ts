/**
 * ROL and PRT: roles of people around a patient, a visit or a procedure. Their fields are the same things under other
 * numbers, so that both are read to one `Role` (PRT[PractitionerRole], ROL[…PractitionerRole]).
 */
import type { CodeableConcept, Period, Practitioner, PractitionerRole, Reference } from 'fhir/r4.js'
import { authorityOf, cellOf, partOf } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean, dateTime, xad, xtn } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type SegmentMap, segmentMap } from '../engine.ts'
import { mentionRole } from '../parties.ts'
import { pl, plainIdentifier, xcn, xon } from '../references.ts'

/** PRT[PractitionerRole] */
// biome-ignore format: a row a line
export const prtRole = segmentMap([
  ['PRT-4', 'code[]', concept, { codes: 'Participation' }],
  ['PRT-5', 'practitioner', xcn],
  ['PRT-6', 'specialty[]', concept],
  ['PRT-8', 'organization', xon],
  ['PRT-9', 'location[]', pl],
  ['PRT-15', 'telecom[]', xtn],
  ['PRT-24', 'identifier[]', plainIdentifier],
])

/** ROL[Patient-GeneralPractitioner] and ROL[Encounter-PractitionerRole]: the rows of the PractitionerRole that they name; ROL-9 is ours. */
// biome-ignore format: a row a line
export const rolRole = segmentMap([
  ['ROL-3', 'code[]', concept, { codes: 'ProviderRole' }],
  ['ROL-4', 'practitioner', xcn],
  ['ROL-9', 'specialty[]', concept],
  ['ROL-14', 'organization', xon],
  ['ROL-13', 'location[]', pl],
  ['ROL-12', 'telecom[]', xtn],
])

/** When somebody had the role, with this patient: a period of the participation, not of the role, which all patients share. */
// biome-ignore format: a row a line
const periods = {
  ROL: segmentMap([['ROL-5', 'period.start', dateTime], ['ROL-6', 'period.end', dateTime]]),
  PRT: segmentMap([['PRT-11', 'period.start', dateTime], ['PRT-12', 'period.end', dateTime]]),
}

/** What a ROL says of a care team beside the role itself. */
// biome-ignore format: a row a line
const rolTeam = segmentMap([
  ['ROL-8', 'reasonCode[]', concept],
  ['ROL-9', 'role[]', concept],
])

/** Where the person works, which is the person's and not the role's. */
// biome-ignore format: a row a line
const addresses = {
  ROL: segmentMap([['ROL-11', 'address[]', xad]]),
  PRT: segmentMap([['PRT-14', 'address[]', xad]]),
}

/** A participation: who, as what, when. */
export type Role = Readonly<{
  /** HL7 table 0443 or 0912, as sent. */
  kind: string
  /** Its coding, where the sender gave one. */
  type: CodeableConcept | undefined
  /** The kind of provider (ROL-9), and why he takes part (ROL-8). */
  further: readonly CodeableConcept[]
  reasons: readonly CodeableConcept[]
  /** A PractitionerRole where more than the person is known, else the person or the organisation. */
  member: Reference
  organization: Reference | undefined
  period: Period | undefined
}>

/** Places of the role, the person, the organisation and the location in each of the two. */
const places = {
  ROL: { kind: 3, who: 4, organization: 14, location: 13 },
  PRT: { kind: 4, who: 5, organization: 8, location: 9 },
} as const

/** ROL-2 and PRT-2 (HL7 table 0287; `D` of table 0206 as many write it): whoever is taken off has no part any more. */
export function isTakenOff(segment: Segment): boolean {
  return /^(?:DE?|UN)$/.test(clean(segment.value(2)) ?? '')
}

/** The role of a ROL or PRT; null where it is taken off, or names neither person nor organisation (a device, a place). */
export function roleOf(segment: Segment, draft: Draft): Role | null {
  if (isTakenOff(segment)) return null
  const name = segment.name === 'ROL' ? 'ROL' : 'PRT'
  const read: Partial<PractitionerRole> = {}
  ;(name === 'ROL' ? rolRole : prtRole)(segment, read, draft)
  const member = read.practitioner ? personIn(segment, places[name], read, draft) : read.organization
  if (!member) return null
  if (read.practitioner) addAddress(segment, addresses[name], read.practitioner, draft)
  const around: { period?: Period; role?: CodeableConcept[]; reasonCode?: CodeableConcept[] } = {}
  periods[name](segment, around, draft)
  if (name === 'ROL') rolTeam(segment, around, draft)
  return {
    kind: clean(segment.value(places[name].kind)) ?? '',
    type: read.code?.[0],
    further: around.role ?? [],
    reasons: around.reasonCode ?? [],
    member,
    organization: read.practitioner && read.organization,
    period: around.period,
  }
}

function addAddress(segment: Segment, map: SegmentMap, person: Reference, draft: Draft): void {
  draft.amend<Practitioner>(person, practitioner => {
    if (!practitioner.address) map(segment, practitioner, draft)
  })
}

/**
 * A person with a number is a PractitionerRole of the practitioner; one with a name only stays a display, because a role of
 * nobody in particular would be everybody's.
 */
function personIn(
  segment: Segment,
  place: (typeof places)[keyof typeof places],
  read: Partial<PractitionerRole>,
  draft: Draft,
): Reference {
  const practitioner = read.practitioner!
  if (!practitioner.reference) return practitioner
  const who = [authorityOf(cellOf(segment, place.who).part(9), draft.profile).system, partOf(segment, place.who)]
  const where = [partOf(segment, place.organization), clean(segment.field(place.location)[0]?.text()) ?? '']
  return mentionRole(read, [...who, partOf(segment, place.kind), ...where], draft)
}
