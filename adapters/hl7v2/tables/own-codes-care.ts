/** Code maps of our own for appointments, immunisations and medication; see own-codes.ts. Reasons: ../MAPPING.md. */
const mapped =
  (system: string) =>
  (code: string, display = '') => ({ system, code, display })

const appointment = mapped('http://hl7.org/fhir/appointmentstatus')
const request = mapped('http://hl7.org/fhir/CodeSystem/medicationrequest-status')
const origin = mapped('http://terminology.hl7.org/CodeSystem/immunization-origin')
const actReason = mapped('http://terminology.hl7.org/CodeSystem/v3-ActReason')

export const careCodes = {
  /** HL7 table 0278, codes without a target in the guide, and what senders write instead of the table's. */
  'FillerStatusCodes[Appointment]': {
    Arrived: appointment('arrived'),
    Canceled: appointment('cancelled'),
    'Checked-in': appointment('checked-in'),
    Completed: appointment('fulfilled'),
    Confirmed: appointment('booked'),
    Discontinued: appointment('cancelled'),
    'No-show': appointment('noshow'),
    Overbook: appointment('booked'),
    Rescheduled: appointment('booked'),
    Scheduled: appointment('booked'),
  },
  /** HL7 table 0119 (ORC-1) → MedicationRequest.status; a code that is not here leaves the status to ORC-5. */
  'OrderControlCode[MedicationRequest.status]': {
    CA: request('cancelled'),
    OC: request('cancelled'),
    CR: request('cancelled'),
    UA: request('cancelled'),
    DC: request('stopped'),
    OD: request('stopped'),
    DR: request('stopped'),
    DF: request('stopped'),
    RP: request('stopped'),
    RU: request('stopped'),
    RQ: request('stopped'),
    HD: request('on-hold'),
    OH: request('on-hold'),
    HR: request('on-hold'),
    RL: request('active'),
    OE: request('active'),
    OR: request('active'),
  },
  /** HL7 table 0038 (ORC-5) → MedicationRequest.status. */
  'OrderStatus[MedicationRequest.status]': {
    A: request('active'),
    CA: request('cancelled'),
    CM: request('completed'),
    DC: request('stopped'),
    ER: request('entered-in-error'),
    HD: request('on-hold'),
    IP: request('active'),
    RP: request('stopped'),
    SC: request('active'),
  },
  /** NIP001 (RXA-9 of the US immunisation guide) → where a record that is not the giver's own comes from. */
  ImmunizationOrigin: {
    '02': origin('provider', 'Other Provider'),
    '03': origin('record', 'Written Record'),
    '04': origin('recall', 'Parent/Guardian/Patient Recall'),
    '06': origin('record', 'Written Record'),
    '07': origin('school', 'School Record'),
  },
  /** NIP002 (RXA-18 of the US immunisation guide): the decisions of patient and parent. */
  ImmunizationRefusal: {
    '00': actReason('PATOBJ', 'patient objection'),
    '03': actReason('PATOBJ', 'patient objection'),
  },
} as const
