/** PID[Patient]. Left out of the guide's rows, with reasons: ../../tables/left-out/. */
import type { Address, Patient } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { concept, language } from '../concept.ts'
import { code, date, dateTime, nickname, positive, text, xad, xpn, xtn, yesNo } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { segmentMap } from '../engine.ts'
import { cx, dln, plainIdentifier } from '../references.ts'

/** PID[Patient] */
// biome-ignore format: a row a line
export const pidPatient = segmentMap([
  ['PID-3', 'identifier[]', cx],
  ['PID-2', 'identifier[]', cx],
  ['PID-4', 'identifier[]', cx],
  ['PID-19', 'identifier[]', plainIdentifier, { as: 'SS' }],
  ['PID-20', 'identifier[]', dln],
  ['PID-5', 'name[]', xpn],
  ['PID-5', 'name[]', nickname],
  ['PID-9', 'name[]', xpn],
  ['PID-13', 'telecom[]', xtn, { as: 'home' }],
  ['PID-14', 'telecom[]', xtn, { as: 'work' }],
  ['PID-40', 'telecom[]', xtn],
  ['PID-8', 'gender', code, { codes: 'AdministrativeSex' }],
  ['PID-7', 'birthDate', date],
  ['PID-30', 'deceasedBoolean', yesNo, { when: 'PID-29 NOT VALUED' }],
  ['PID-29', 'deceasedDateTime', dateTime],
  ['PID-11', 'address[]', xad],
  ['PID-16', 'maritalStatus', concept, { codes: 'MaritalStatus' }],
  ['PID-24', 'multipleBirthBoolean', yesNo, { when: 'PID-25 NOT VALUED' }],
  ['PID-25', 'multipleBirthInteger', positive],
  ['PID-15', 'communication[].language', language],
])

const county = segmentMap([['PID-12', 'district', text]])

/** The patient of a PID; the caller gives it its name. */
export function patientOf(segment: Segment, id: string, draft: Draft): Patient {
  const patient: Patient = { resourceType: 'Patient', id }
  pidPatient(segment, patient, draft)
  addCounty(segment, patient, draft)
  return patient
}

/** PID-12 (a county without address) belongs to the only address that has none, else it is an address of its own. */
function addCounty(segment: Segment, patient: Patient, draft: Draft): void {
  const own: Address = {}
  county(segment, own, draft)
  if (!own.district) return
  const [only, ...more] = patient.address ?? []
  if (only && more.length === 0 && !only.district) only.district = own.district
  else if (only?.district !== own.district) patient.address = [...(patient.address ?? []), own]
}
