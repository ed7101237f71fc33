/** The guide's rows of PID, PV1, AL1, OBR, OBX and NTE that are not rows of ours. */
import type { Reasons } from './index.ts'

/** Translated, but by code, because a row cannot say it. */
export const inCode: Reasons = {
  'PID[Patient]': {
    'PID-12 address': 'maps/segments/patient.ts: depends on how many addresses PID-11 has',
  },
  'PV1[Encounter]': {
    'PV1-45 status': 'maps/segments/encounter.ts: finished',
  },
  'MSH[Encounter]': {
    'MSH-9 status':
      'maps/segments/encounter.ts: A03 is finished; the other rows (A04 planned, A08 unknown) say less than PV1-2',
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

const extension = 'an extension outside the ten resource types and their elements; it stays in the sealed original'
const ordered = 'R4 has no note of a report; the text is DiagnosticReport.conclusion, the rest stays in the original'

/** Not translated. */
export const leftOut: Reasons = {
  'PID[Patient]': {
    'PID-6 extension': extension,
    'PID-17 extension': extension,
    'PID-21 $this': 'RelatedPerson is no type of this release',
    'PID-23 extension': extension,
    'PID-26 extension': extension,
    'PID-28 extension': extension,
    'PID-35 extension': extension,
    'PID-36 extension': extension,
    'PID-39 extension': extension,
  },
  'PV1[Encounter]': {
    'PV1-37 hospitalization': 'a code of destinations (DLD.1), not a place; the guide has no row in its map of it',
    'PV1-40 location': 'the status of a bed, not of the visit; a Location of ours is only named',
    'PV1-53 episodeOfCare': 'EpisodeOfCare is no type of this release',
    'PV1-54 episodeOfCare': 'EpisodeOfCare is no type of this release',
  },
  'PV1[Patient]': {
    'PV1-16 extension': 'VIP is read as the courtesy of the visit, not of the person',
  },
  'AL1[AllergyIntolerance]': {
    'AL1-4 reaction': 'either criticality or severity: criticality',
  },
  'OBR[ServiceRequest]': {
    'OBR-13 extension': extension,
    'OBR-17 requester': extension,
    'OBR-27 $this': 'timing of the order, superseded by TQ1 since v2.5',
    'OBR-29 basedOn': 'a reference that leads out of the message would be held (E_REFERENCE)',
  },
  'OBX[Observation]': {
    'OBX-4 $this': 'part of the name of the result (identity.ts); what it groups is not told by the standard',
    'OBX-5 valueSampedData': 'waveforms (NA, MA) come with documents; E_PRUNED',
    'OBX-5 extension': 'attachments (ED, RP) come with documents; E_PRUNED',
    'OBX-10 extension': extension,
    'OBX-11 status': extension,
    'OBX-18 device': 'Device here is what publishes to the gateway; the number of an analyser is no resource yet',
    'OBX-19 extension': extension,
    'OBX-29 category': 'the guide gives no code',
    'OBX-30 extension': extension,
    'OBX-33 extension': 'Specimen is no type of this release',
    'OBX-33 specimen': 'Specimen is no type of this release',
  },
  'NTE[ServiceRequest]': {
    'NTE-3 note': ordered,
    'NTE-5 note': ordered,
    'NTE-6 note': ordered,
  },
}
