/** The person that a group of orders, results or documents is about. */
import type { Reference } from 'fhir/r4.js'
import type { Draft } from '../draft.ts'
import { addAllergies } from './adt.ts'
import { addDetails } from './details.ts'
import type { PatientGroup } from './groups.ts'
import { addEncounter, addPatient, type Subject } from './people.ts'

export type Person = Readonly<{ subject: Subject; encounter: Reference | undefined }>

/** What `addPerson` reads of a group. */
export type PersonSegments = Pick<PatientGroup, 'pid' | 'pv1' | 'pv2' | 'details'>

/** Segments of a person that these messages read, for a message map's `segments`. */
export const personSegments = 'PID PV1 PV2 AL1 PD1 NK1 ROL PRT DG1 PR1 GT1 IN1 IN2 IN3 IAM'

/**
 * Adds the patient, his visit and what stands beside them. All `ensure`: a laboratory repeats what it was told once, and its
 * thin lists wipe nothing. Throws Refusal E_NO_PATIENT.
 */
export function addPerson(group: PersonSegments, event: string, draft: Draft): Person {
  const { pid, pv1, pv2, details } = group
  const subject = addPatient(pid, pv1, 'ensure', draft)
  const encounter = pv1 && addEncounter(pv1, subject, { verb: 'ensure', event, visit: false, pv2 }, draft)
  const allergies = details.filter(({ name }) => name === 'AL1')
  addAllergies(allergies, subject, 'ensure', draft)
  addDetails(details, { subject, encounter, verb: 'ensure' }, draft)
  return { subject, encounter }
}
