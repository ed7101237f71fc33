/** The guide's rows of appointments, immunisations and medication that are not rows of ours. */
import type { Reasons } from './index.ts'

const asPeriod = 'maps/segments/appointment.ts: the period of the participant'
const inDosage = 'maps/segments/dosage.ts: amount and unit are one quantity'
const inNote = 'maps/segments/dosage.ts: a line of note, because Medication is no type of this release'
const inTiming = 'maps/segments/timing.ts: one Timing from all its fields'

/** Translated, but by code, because a row cannot say it. */
export const inCode: Reasons = {
  'SCH[Appointment]': {
    'SCH-9 minutesDuration': 'maps/segments/appointment.ts: by its unit in SCH-10',
    'SCH-11 $this': 'maps/segments/appointment.ts: start and end, after TQ1',
    'SCH-25 status': 'maps/segments/appointment.ts: after the event, in any spelling',
    'SCH-26 basedOn': 'maps/messages/scheduling.ts',
    'SCH-27 basedOn': 'maps/messages/scheduling.ts',
  },
  'AIS[Appointment]': {
    'AIS-4 participant':
      'maps/segments/appointment.ts: the time of the appointment where SCH has none; a service takes no part',
    'AIS-7 participant': 'maps/segments/appointment.ts: as AIS-4',
    'AIS-10 status': 'maps/segments/appointment.ts: where SCH-25 is empty',
  },
  'AIG[Appointment]': { 'AIG-9 participant': asPeriod, 'AIG-11 participant': asPeriod },
  'AIL[Appointment]': { 'AIL-7 participant': asPeriod, 'AIL-9 participant': asPeriod },
  'AIP[Appointment]': {
    'AIP-7 participant': asPeriod,
    'AIP-9 participant': asPeriod,
    'AIP-12 participant': 'maps/segments/appointment.ts: the status of the participant',
  },
  'AIS[ServiceRequest]': {
    'AIS-4 occurrencePeriod': 'maps/segments/appointment.ts',
    'AIS-7 occurrencePeriod': 'maps/segments/appointment.ts',
  },
  'PID[Appointment]': { 'PID-3 participant': 'maps/segments/appointment.ts: the patient of the message' },
  'SCH[ServiceRequest]': {
    'SCH status': 'maps/segments/appointment.ts: active',
    'SCH-6 intent': 'maps/segments/appointment.ts: order',
  },
  'RXA[Immunization]': {
    'RXA-6 doseQuantity': 'maps/segments/immunization.ts: 999 is no amount',
    'RXA-7 doseQuantity': 'maps/segments/immunization.ts: the unit of RXA-6',
    'RXA-21 status': 'maps/segments/immunization.ts: D is entered-in-error',
  },
  'RXO[MedicationRequest]': {
    'RXO intent': 'maps/messages/medication.ts: original-order',
    'RXO-1 medication': 'maps/segments/dosage.ts: medicationCodeableConcept',
    'RXO-2 dosageInstruction': inDosage,
    'RXO-3 dosageInstruction': inDosage,
    'RXO-4 dosageInstruction': inDosage,
    'RXO-5 medication': inNote,
    'RXO-9 substitution': 'maps/segments/medication.ts',
    'RXO-11 dispenseRequest': 'maps/segments/medication.ts: amount and unit are one quantity',
    'RXO-12 dispenseRequest': 'maps/segments/medication.ts: amount and unit are one quantity',
    'RXO-13 dispenseRequest': 'maps/segments/medication.ts: 0 refills is something to tell',
    'RXO-14 requester': 'maps/segments/medication.ts: where ORC-12 is empty',
    'RXO-18 medicationReference': inNote,
    'RXO-19 medicationReference': inNote,
    'RXE-19 dosageInstruction': 'maps/segments/dosage.ts: RXO-23 and RXE-19',
    'RXO-25 medicationReference': inNote,
    'RXO-26 medicationReference': inNote,
  },
  'TQ1[MedicationRequest]': {
    'TQ1-2 dosageInstruction': 'maps/segments/dosage.ts: where the order itself has no amount',
    'TQ1-3 dosageInstruction': inTiming,
    'TQ1-4 dosageInstruction':
      'maps/segments/timing.ts: a time of day (repeat.timeOfDay), because TM has no date for an event',
    'TQ1-6 occurrenceTiming': inTiming,
    'TQ1-7 dosageInstruction': inTiming,
    'TQ1-8 dosageInstruction': inTiming,
    'TQ1-9 priority': 'maps/segments/medication.ts',
    'TQ1-10 dosageInstruction': 'maps/segments/dosage.ts: with PRN as needed, else a further instruction',
    'TQ1-11 text': 'maps/segments/dosage.ts: the text of the dosage',
    'TQ1-13 dosageInstruction': inTiming,
    'TQ1-14 dosageInstruction': 'maps/segments/timing.ts: count, because countMax asks for count (tim-8)',
  },
}

const comment = "R4's Appointment has no notes: the texts of all NTE are its comment"
const subject = "R5's subject; the patient is a participant"
const service = 'what is done is a code of the order, and no number of it'

/** Not translated. */
export const leftOut: Reasons = {
  'AIS[Appointment]': { 'AIS-5 participant': 'a service takes no part; its offset says nothing of the appointment' },
  'AIS[ServiceRequest]': {
    'AIS-3 identifier': `${service}; it is ServiceRequest.code`,
    'AIS-5 occurrencePeriod': 'an offset from a time that the appointment has',
    'AIS-11 identifier': service,
    'AIS-12 identifier': service,
  },
  'NTE[Appointment-Comment]': {
    'NTE-3 extension': comment,
    'NTE-4 extension': comment,
    'NTE-5 extension': comment,
    'NTE-6 extension': comment,
    'NTE-9 extension': comment,
  },
  'PID[Appointment]': {
    'PID-2 extension': subject,
    'PID-2 participant': 'the patient takes part once, whatever its numbers',
    'PID-3 extension': subject,
    'PID-4 extension': subject,
    'PID-4 participant': 'the patient takes part once, whatever its numbers',
  },
  'SCH[Provenance]': {
    'SCH-20 agent': 'who entered the appointment is a participant of it, as the guide says as well',
  },
  'SCH[ServiceRequest]': {
    'SCH-25 status': 'the status of the appointment is none of an order; its codes are not in FHIR request-status',
  },
  'ORC[MedicationAdministration]': { 'ORC-1 extension': 'the event of the order, not of what was given' },
  'RXA[Immunization]': { 'RXA-28 location': 'a Location of ours is only named (RXA-27, RXA-11)' },
  'TQ1[MedicationRequest]': {
    'TQ1-5 dosageInstruction': 'an offset without the event that it is relative to (FHIR tim-9)',
    'TQ1-6 occurneceTiming': 'a start reckoned back from the end is nobody’s statement',
  },
}
