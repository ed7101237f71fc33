/** OBX[Observation], and OBX[Observation-Component] where OBX-5 repeats. */
import type { CodeableConcept, Observation, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { numberOf } from '../../../../src/fhir/json.ts'
import { impossible } from '../../../../src/fhir/ranges.ts'
import type { Segment } from '../../message.ts'
import { isDocument } from '../attachment.ts'
import { concept } from '../concept.ts'
import { clean, code } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { segmentMap } from '../engine.ts'
import { ei, producer, xonWithAddress } from '../references.ts'
import { observer } from '../roles.ts'
import { referenceRange, type Valued, valuesOf } from '../value.ts'
import { device } from './device.ts'

/** OBX[Observation] */
// biome-ignore format: a row a line
export const obxObservation = segmentMap([
  ['OBX-21', 'identifier[]', ei, { as: 'FILL' }],
  ['OBX-11', 'status', code, { codes: 'ObservationResultStatusCodesInterpretation' }],
  ['OBX-3', 'code', concept],
  ['OBX-16', 'performer[]', observer, { as: 'RO' }],
  ['OBX-23', 'performer[]', xonWithAddress, { when: 'OBX-25 NOT VALUED' }],
  ['OBX-15', 'performer[]', producer, { when: 'OBX-23 NOT VALUED' }],
  ['OBX-25', 'performer[]', observer, { as: 'MDIR' }],
  ['OBX-8', 'interpretation[]', concept, { codes: 'InterpretationCodes' }],
  ['OBX-20', 'bodySite', concept],
  ['OBX-17', 'method', concept],
  ['OBX-18', 'device', device],
])

const loinc = 'http://loinc.org'
const absentReasons = 'http://terminology.hl7.org/CodeSystem/data-absent-reason'

/** Where an observation stands: category, time and specimen of its OBR; `focus` where it is about the specimen itself. */
export type Around = Readonly<{
  category?: Observation['category']
  effective?: string | undefined
  specimen?: Reference | undefined
  focus?: Reference | undefined
}>

/** Results that no longer count; a wrong value in them is left out instead of refusing the message. */
const dead: readonly (string | undefined)[] = ['cancelled', 'entered-in-error']

/**
 * The observation of an OBX, without subject; of a document (ED, RP) without value; null for `U` without a value, which would wipe the value it confirms, and
 * for an OBX without code and value.
 * Throws Refusal: E_FIELD_MISSING at OBX-3, E_FIELD_TYPE and E_VALUE_RANGE at OBX-5, E_DATE at OBX-5 and OBX-14.
 */
export function observationOf(segment: Segment, around: Around, draft: Draft): Omit<Observation, 'id'> | null {
  const resource = {
    resourceType: 'Observation',
    status: 'unknown',
    ...(around.category && { category: around.category }),
  } as Observation
  obxObservation(segment, resource, draft)
  if (!resource.code && saysNothing(segment)) return null
  if (!resource.code) refuse('E_FIELD_MISSING', segment.at(3))
  const firm = !dead.includes(resource.status)
  const effective = effectiveOf(segment, firm, draft) ?? around.effective
  if (effective) resource.effectiveDateTime = effective
  if (around.specimen) resource.specimen = { ...around.specimen }
  if (around.focus) resource.focus = [{ ...around.focus }]
  if (isDocument(segment)) return resource
  const { values, left } = valuesOf(segment, firm, draft)
  if (firm && values.some(value => cannotBe(value, resource.code))) refuse('E_VALUE_RANGE', segment.at(5))
  if (values.length === 0 && clean(segment.value(11)) === 'U') return null
  putValues(resource, values, absence(segment, left))
  const range = referenceRange(segment, values[0])
  if (range) resource.referenceRange = range
  return resource
}

/** Nothing in OBX-5; of a document only what it would be encoded with. */
function saysNothing(segment: Segment): boolean {
  const part = clean(segment.value(2)) === 'ED' ? 5 : undefined
  return segment.field(5).every(field => !clean(field.text(part)))
}

function effectiveOf(segment: Segment, firm: boolean, draft: Draft): string | undefined {
  const value = clean(segment.value(14))
  const moment = value ? draft.time(value, segment.at(14)) : undefined
  if (moment === null && firm) refuse('E_DATE', segment.at(14))
  return moment?.at
}

/** A measurement that no body has (heart rate 9000/min); what lies beyond a limit (`<5`) is no measurement. */
function cannotBe({ valueQuantity }: Valued, { coding = [] }: CodeableConcept): boolean {
  if (!valueQuantity?.code || valueQuantity.comparator) return false
  const { value, code: unit } = valueQuantity
  return coding.some(({ system, code }) => system === loinc && impossible(code ?? '', unit, numberOf(value)))
}

/** One value is the observation's; several are components under the same code. */
function putValues(resource: Observation, values: readonly Valued[], absent: string): void {
  if (values.length === 1) Object.assign(resource, values[0])
  if (values.length > 1) resource.component = values.map(value => ({ code: resource.code, ...value }))
  if (values.length > 0) return
  resource.dataAbsentReason = { coding: [{ system: absentReasons, code: absent }] }
}

/** Says of an observation whose document could not be read that it has no value. */
export function withoutDocument(observation: Omit<Observation, 'id'>): Omit<Observation, 'id'> {
  return { ...observation, dataAbsentReason: { coding: [{ system: absentReasons, code: 'unsupported' }] } }
}

/** Why there is no value: not asked (OBX-11 N), of a type that does not travel, or unknown. */
function absence(segment: Segment, left: boolean): string {
  if (clean(segment.value(11)) === 'N') return 'not-asked'
  return left ? 'unsupported' : 'unknown'
}
