/** PV1[Encounter], PV2[Encounter] and MSH[Encounter] (status by event). */
import type {
  Coding,
  Duration,
  Encounter,
  EncounterLocation,
  EncounterParticipant,
  Identifier,
  Location,
  Reference,
} from 'fhir/r4.js'
import { locationName } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { type VisitEvent, visitEvent } from '../../tables/adt-events.ts'
import { lookUp } from '../../tables/codes.ts'
import { coding, concept } from '../concept.ts'
import { clean, code, dateTime, readNumber, yesNo } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { cx, pl, xcn } from '../references.ts'

/** Display and text: the guide has the one for ATND, the other for the rest. */
const participants: Readonly<Record<string, string>> = {
  ADM: 'admitter',
  ATND: 'attender',
  CON: 'consultant',
  PART: 'Participation',
  REF: 'referrer',
}

/** XCN as a participant; `as` is its code in v3-ParticipationType. */
const participant: DataMap<EncounterParticipant> = (cell, draft, options) => {
  const individual = xcn(cell, draft, options)
  const [code, display] = [options.as!, participants[options.as!]!]
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType'
  return individual && { type: [{ coding: [{ system, code, display }], text: display }], individual }
}

/** CX of the visit number: the guide's type, with its text. */
const visitNumber: DataMap<Identifier> = (cell, draft, options) => {
  const identifier = cx(cell, draft, { ...options, as: 'VN' })
  return identifier && { ...identifier, type: { ...identifier.type, text: 'visit number' } }
}

/** PL as a place of the encounter; `as` is its status. */
const place: DataMap<EncounterLocation> = (cell, draft, options) => {
  const location = pl(cell, draft, options)
  return location && { location, status: options.as as 'active' }
}

/** DLD[Location-Discharge]: a kind of place, such as a nursing home; which one is not told. */
const destination: DataMap<Reference> = (cell, draft) => {
  const name = clean(cell.value()) ?? clean(cell.value(1, 2))
  const type = concept(cell.part(1), draft, {})
  if (!name || !type) return undefined
  return draft.mention([locationName(['discharge', name], draft)], 'Location', id => {
    const resource: Location = { resourceType: 'Location', id, mode: 'kind', type: [type] }
    return resource
  })
}

/** PV1[Encounter] */
// biome-ignore format: a row a line
export const pv1Encounter = segmentMap([
  ['PV1-19', 'identifier[]', visitNumber],
  ['PV1-50', 'identifier[]', cx],
  ['PV1-2', 'status', code, { codes: 'PatientClass[EncounterStatus]', when: 'PV1-45 NOT VALUED' }],
  ['PV1-2', 'class', coding, { codes: 'PatientClass[EncounterClass]' }],
  ['PV1-4', 'type[]', concept, { codes: 'AdmissionType' }],
  ['PV1-10', 'serviceType', concept, { codes: 'HospitalService' }],
  ['PV1-7', 'participant[]', participant, { as: 'ATND' }],
  ['PV1-8', 'participant[]', participant, { as: 'REF' }],
  ['PV1-9', 'participant[]', participant, { as: 'CON' }],
  ['PV1-17', 'participant[]', participant, { as: 'ADM' }],
  ['PV1-52', 'participant[]', participant, { as: 'PART' }],
  ['PV1-44', 'period.start', dateTime],
  ['PV1-45', 'period.end', dateTime],
  ['PV1-5', 'hospitalization.preAdmissionIdentifier', cx],
  ['PV1-14', 'hospitalization.admitSource', concept],
  ['PV1-13', 'hospitalization.reAdmission', concept, { codes: 'ReadmissionIndicator' }],
  ['PV1-38', 'hospitalization.dietPreference[]', concept],
  ['PV1-16', 'hospitalization.specialCourtesy[]', concept],
  ['PV1-15', 'hospitalization.specialArrangement[]', concept, { codes: 'AmbulatoryStatus' }],
  ['PV1-36', 'hospitalization.dischargeDisposition', concept],
  ['PV1-37', 'hospitalization.destination', destination],
  ['PV1-3', 'location[]', place, { as: 'active', when: 'PV1-2 NOT EQUALS "P"' }],
  ['PV1-3', 'location[]', place, { as: 'planned', when: 'PV1-2 EQUALS "P"' }],
  ['PV1-6', 'location[]', place, { as: 'completed' }],
  ['PV1-11', 'location[]', place, { as: 'active' }],
  ['PV1-42', 'location[]', place, { as: 'reserved' }],
  ['PV1-43', 'location[]', place, { as: 'completed' }],
])

/** NM[Quantity-LengthOfStay]: days, where positive. */
const days: DataMap<Duration> = cell => {
  const value = readNumber(clean(cell.value()) ?? '')
  return value !== undefined && Number(value) > 0
    ? { value: value as unknown as number, unit: 'days', system: 'http://unitsofmeasure.org', code: 'd' }
    : undefined
}

/** The guide puts yes or no into `meta.security`, which are no labels; a visit that the sender protects is restricted. */
const confidentiality: DataMap<Coding> = (cell, draft, options) => {
  const system = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality'
  return yesNo(cell, draft, options) ? { system, code: 'R', display: 'restricted' } : undefined
}

/** PV2[Encounter] */
// biome-ignore format: a row a line
export const pv2Encounter = segmentMap([
  ['PV2-1', 'location[]', place, { as: 'planned' }],
  ['PV2-3', 'reasonCode[]', concept],
  ['PV2-11', 'length', days],
  ['PV2-13', 'participant[]', participant, { as: 'REF' }],
  ['PV2-22', 'meta.security[]', confidentiality],
  ['PV2-25', 'priority', concept, { codes: 'EncounterPriority' }],
])

/** What there is of a visit: its PV1, and its PV2 where the message has one. */
export type VisitSegments = Readonly<{ pv1: Segment; pv2?: Segment | undefined }>

/**
 * The encounter of a PV1 and the PV2 behind it, as the event tells it (tables/adt-events.ts). Status: the event's;
 * `finished` with PV1-45; else by PV1-2. FHIR demands a class: without PV1-2 it is v3-NullFlavor `UNK`.
 */
export function encounterOf(
  { pv1, pv2 }: VisitSegments,
  id: string,
  subject: Reference,
  event: string,
  draft: Draft,
): Encounter {
  const told = visitEvent(event)
  const encounter: Encounter = { resourceType: 'Encounter', id, status: 'unknown', class: unknownClass(), subject }
  pv1Encounter(pv1, encounter, draft)
  if (pv2) pv2Encounter(pv2, encounter, draft)
  encounter.status = statusOf(pv1, told) ?? encounter.status
  for (const field of told.calledOff ?? []) leaveOut(field, { pv1, pv2 }, encounter, draft)
  fitPlaces(encounter)
  return withoutEmpty(encounter)
}

/** v3-NullFlavor UNK: the class of a visit of which only the number is known. */
export function unknownClass(): Coding {
  return { system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor', code: 'UNK', display: 'unknown' }
}

/** Undefined: as the row of PV1-2 says. */
function statusOf(pv1: Segment, { status, visit, calledOff = [] }: VisitEvent): Encounter['status'] | undefined {
  if (visit === 'cancelled' || !pv1.value(45)) return status
  if (!calledOff.includes('PV1-45')) return 'finished'
  const byClass = lookUp('PatientClass[EncounterStatus]', pv1.value(2) ?? '')
  return status ?? (byClass?.code as Encounter['status'])
}

/** Takes away what the field said: a discharge that did not happen, a bed that nobody waits for any more. */
function leaveOut(
  field: NonNullable<VisitEvent['calledOff']>[number],
  { pv1, pv2 }: VisitSegments,
  encounter: Encounter,
  draft: Draft,
): void {
  const segment = field.startsWith('PV1') ? pv1 : pv2
  const n = Number(field.slice(4))
  if (!segment?.value(n)) return
  draft.note('E_PRUNED', segment.at(n))
  if (field === 'PV1-45') delete encounter.period?.end
  if (field === 'PV1-36') delete encounter.hospitalization?.dischargeDisposition
  if (field === 'PV1-37') delete encounter.hospitalization?.destination
  const gone = statusOfPlace[field]
  const places = encounter.location?.filter(({ status }) => status !== gone)
  if (gone && places) encounter.location = places
}

/** What was left out may have been all there was of an element, and FHIR has no empty ones. */
function withoutEmpty(encounter: Encounter): Encounter {
  const { period, hospitalization, location } = encounter
  if (period && Object.keys(period).length === 0) delete encounter.period
  if (hospitalization && Object.keys(hospitalization).length === 0) delete encounter.hospitalization
  if (location?.length === 0) delete encounter.location
  return encounter
}

const statusOfPlace: Readonly<Record<string, EncounterLocation['status']>> = {
  'PV1-6': 'completed',
  'PV1-42': 'reserved',
  'PV2-1': 'planned',
}

/** Nobody is yet where a planned visit will be; and whoever did not come was nowhere. */
function fitPlaces({ status, location }: Encounter): void {
  for (const place of location ?? []) {
    if (status === 'planned' && place.status === 'active') place.status = 'planned'
    if (status === 'cancelled') delete place.status
  }
}
