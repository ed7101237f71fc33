/** PV1[Encounter] and MSH[Encounter] (status by event). */
import type { Encounter, EncounterLocation, EncounterParticipant, Reference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { coding, concept } from '../concept.ts'
import { code, dateTime } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { cx, pl, xcn } from '../references.ts'

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
  return individual && { type: [{ coding: [{ system, code, display }] }], individual }
}

/** PL as a place of the encounter; `as` is its status. */
const place: DataMap<EncounterLocation> = (cell, draft, options) => {
  const location = pl(cell, draft, options)
  return location && { location, status: options.as as 'active' }
}

/** PV1[Encounter] */
// biome-ignore format: a row a line
export const pv1Encounter = segmentMap([
  ['PV1-19', 'identifier[]', cx, { as: 'VN' }],
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
  ['PV1-3', 'location[]', place, { as: 'active', when: 'PV1-2 NOT EQUALS "P"' }],
  ['PV1-3', 'location[]', place, { as: 'planned', when: 'PV1-2 EQUALS "P"' }],
  ['PV1-6', 'location[]', place, { as: 'completed' }],
  ['PV1-11', 'location[]', place, { as: 'active' }],
  ['PV1-42', 'location[]', place, { as: 'reserved' }],
])

/**
 * The encounter of a PV1. Status: `finished` after A03 or with PV1-45, else by PV1-2. FHIR demands a class: without
 * PV1-2 it is v3-NullFlavor `UNK`.
 */
export function encounterOf(segment: Segment, id: string, subject: Reference, event: string, draft: Draft): Encounter {
  const unknown = { system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor', code: 'UNK', display: 'unknown' }
  const encounter: Encounter = { resourceType: 'Encounter', id, status: 'unknown', class: unknown, subject }
  pv1Encounter(segment, encounter, draft)
  if (event === 'A03' || segment.value(45)) encounter.status = 'finished'
  return encounter
}
