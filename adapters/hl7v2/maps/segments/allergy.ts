/** AL1[AllergyIntolerance]. AL1-4 is read as criticality, the guide's first choice. */
import type { AllergyIntolerance, Reference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { concept, textConcept } from '../concept.ts'
import { code, dateTime } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { segmentMap } from '../engine.ts'

/** AL1[AllergyIntolerance] */
// biome-ignore format: a row a line
export const al1Allergy = segmentMap([
  ['AL1-2', 'type', code, { codes: 'AllergyType' }],
  ['AL1-2', 'category[]', code, { codes: 'AllergenType[AllergyIntoleranceCategory]' }],
  ['AL1-4', 'criticality', code, { codes: 'AllergySeverity[AllergyIntolerance.criticality]' }],
  ['AL1-3', 'code', concept],
  ['AL1-6', 'onsetDateTime', dateTime],
  ['AL1-5', 'reaction[0].manifestation[]', textConcept],
])

const active = { system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }

/** The allergy of an AL1. */
export function allergyOf(segment: Segment, id: string, patient: Reference, draft: Draft): AllergyIntolerance {
  const resource: AllergyIntolerance = {
    resourceType: 'AllergyIntolerance',
    id,
    clinicalStatus: { coding: [active] },
    patient,
  }
  al1Allergy(segment, resource, draft)
  return resource
}
