/** PD1[Patient], PD1[Observation-LivingWill]. */
import type { Observation, Patient } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import type { Draft } from '../draft.ts'
import { segmentMap } from '../engine.ts'
import { xcn, xon } from '../references.ts'

/** PD1[Patient] */
// biome-ignore format: a row a line
export const pd1Patient = segmentMap([
  ['PD1-3', 'generalPractitioner[]', xon],
  ['PD1-4', 'generalPractitioner[]', xcn],
])

/** PD1[Observation-LivingWill] */
// biome-ignore format: a row a line
export const pd1LivingWill = segmentMap([
  ['PD1-7', 'valueCodeableConcept', concept, { codes: 'LivingWillCode' }],
])

/** Adds what a PD1 says to the patient of its PID. */
export function addDemographics(pd1: Segment, patient: Patient, draft: Draft): void {
  pd1Patient(pd1, patient, draft)
}

/** Whether the patient has a living will (PD1-7), as LOINC 75320-2; null where PD1-7 is empty. */
export function livingWillOf(pd1: Segment, draft: Draft): Omit<Observation, 'id'> | null {
  const resource: Omit<Observation, 'id'> = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '75320-2', display: 'Advance directive' }] },
  }
  pd1LivingWill(pd1, resource, draft)
  return resource.valueCodeableConcept ? resource : null
}
