/** The guide's rows of PID, AL1, OBR, OBX and NTE that are not rows of ours. */
import type { Reasons } from './index.ts'

/** Translated, but by code, because a row cannot say it. */
export const inCode: Reasons = {
  'PID[Patient]': {
    'PID-12 address': 'maps/segments/patient.ts: depends on how many addresses PID-11 has',
  },
  'AL1[AllergyIntolerance]': {
    'AL1 clinicalStatus': 'maps/segments/allergy.ts: active',
  },
  'OBR[ServiceRequest]': {
    'OBR intent': 'maps/segments/order.ts: order',
    'OBR-11 intent': 'maps/segments/order.ts: G is reflex-order; A has no target that is a FHIR code',
  },
  'OBX[Observation]': {
    'OBX-5 valueQuantity': 'maps/value.ts',
    'OBX-5 valueString': 'maps/value.ts',
    'OBX-5 valueCodeableConcept': 'maps/value.ts',
    'OBX-5 valuePeriod': 'maps/value.ts',
    'OBX-5 valueDateTime': 'maps/value.ts',
    'OBX-5 valueRange': 'maps/value.ts',
    'OBX-5 valueTime': 'maps/value.ts',
    'OBX-5 valueRatio': 'maps/value.ts',
    'OBX-6 valueQuantity': 'maps/value.ts',
    'OBX-6 valueRange': 'maps/value.ts',
    'OBX-6 valueRatio': 'maps/value.ts',
    'OBX-7 referenceRange': 'maps/value.ts',
    'OBX-11 dataAbsentReason': 'maps/segments/observation.ts',
    'OBX-14 effectiveDateTime': 'maps/segments/observation.ts: refuses a wrong time, and falls back to OBR-7',
    'OBX-24 performer': 'maps/references.ts: the address of the organisation in OBX-23',
  },
  'NTE[Observation]': {
    'NTE-3 note': 'maps/segments/note.ts',
    'NTE-5 note': 'maps/segments/note.ts',
    'NTE-6 note': 'maps/segments/note.ts',
  },
}

const extension = 'an extension: those are sealed whole by the privacy policy; it stays in the sealed original'

/** Not translated. */
export const leftOut: Reasons = {
  'PID[Patient]': {
    'PID-6 extension': extension,
    'PID-17 extension': extension,
    'PID-23 extension': extension,
    'PID-26 extension': extension,
    'PID-28 extension': extension,
    'PID-35 extension': extension,
    'PID-36 extension': extension,
    'PID-39 extension': extension,
  },
  'PV1[Patient]': {
    'PV1-16 extension': 'VIP is read as the courtesy of the visit, not of the person',
  },
  'AL1[AllergyIntolerance]': {
    'AL1-4 reaction': 'either criticality or severity: criticality',
  },
  'OBR[ServiceRequest]': {
    'OBR-17 requester': extension,
  },
  'OBX[Observation]': {
    'OBX-4 $this': 'part of the name of the result (identity.ts); what it groups is not told by the standard',
    'OBX-10 extension': extension,
    'OBX-11 status': extension,
    'OBX-19 extension': extension,
    'OBX-29 category': 'the guide gives no code',
    'OBX-30 extension': extension,
  },
}
