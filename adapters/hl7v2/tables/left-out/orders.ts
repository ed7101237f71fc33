/** The guide's rows of orders, results, specimens and documents that are not rows of ours. */
import type { Reasons } from './index.ts'

const order = 'maps/segments/order.ts'
const value = 'maps/value.ts'
const timing = 'maps/segments/timing.ts: one Timing from all its fields, in the rules of FHIR (tim-1 to tim-10)'
const document =
  'maps/attachment.ts and maps/messages/results.ts: a DocumentReference that the observation is derived from'
const content =
  'maps/messages/documents.ts: attachments of the document; the guide has `data` where R4 has content.attachment.data'
const text =
  'maps/messages/documents.ts: the lines of one OBX-3 are one attachment, as plain text, which text/hl7v2 and application/text are not'

/** Translated, but by code, because a row cannot say it. */
export const inCode: Reasons = {
  'ORC[ServiceRequest]': {
    'ORC-1 intent': `${order}: order, reflex-order by OBR-11`,
    'ORC-1 status': `${order}: ORC-5, else ORC-1, else OBR-25; own codes in tables/own-codes.ts`,
    'ORC-5 status': `${order}: as ORC-1`,
    'ORC-7 $this': timing,
    'ORC-21 requester': 'maps/roles.ts: the organisation of the role in ORC-12',
    'ORC-22 requester': 'maps/roles.ts: its address',
    'ORC-23 requester': 'maps/roles.ts: the telephone of the role',
  },
  'ORC[DiagnosticReport]': {
    'ORC-2 basedOn': 'maps/messages/oru.ts: the order of the same OBR',
  },
  'ORC[Provenance]': {
    'ORC-1 activity': 'maps/segments/order-provenance.ts',
    'ORC-17 agent': 'maps/segments/order-provenance.ts: on whose behalf the enterer acts',
  },
  'OBR[ServiceRequest]': {
    'OBR-27 $this': timing,
    'OBR-29 basedOn':
      'maps/messages/requests.ts: an order of the same message; a reference out of it would be held (E_REFERENCE)',
  },
  'OBR[Specimen]': {
    'OBR-15 $this': 'maps/segments/specimen.ts: SPS, or a CWE where the sender wrote one',
  },
  'SPM[Specimen]': {
    'SPM-3 parent': 'maps/messages/specimens.ts: the parent of this message, else one that is only named',
  },
  'TQ1[ServiceRequest]': {
    'TQ1-2 quantityQuantity': 'maps/segments/timing.ts',
    'TQ1-3 occurrenceTiming': timing,
    'TQ1-4 occurrenceTiming': timing,
    'TQ1-6 occurrenceTiming': `${timing}; where a begin or an end stands, these say it`,
    'TQ1-7 occurrenceTiming': timing,
    'TQ1-8 occurrenceTiming': timing,
    'TQ1-9 priority': 'maps/segments/timing.ts: before OBR-5',
    'TQ1-11 note': 'maps/segments/timing.ts',
    'TQ1-13 occurrenceTiming': timing,
    'TQ1-14 occurrenceTiming': `${timing}: count, because countMax needs one beside it`,
  },
  'NTE[ServiceRequest]': {
    'NTE-3 note':
      'maps/messages/requests.ts: of an order; behind the OBR of a result it is the conclusion of the report',
    'NTE-5 note': 'maps/segments/note.ts',
    'NTE-6 note': 'maps/segments/note.ts',
  },
  'NTE[DocumentReference]': {
    'NTE-3 content': 'maps/messages/documents.ts: further lines of the text that it follows',
  },
  'OBX[Observation]': {
    'OBX-5 extension': document,
    'OBX-33 specimen':
      'maps/messages/specimens.ts: a specimen that the message has as well, else the only one of its OBR',
  },
  'OBX[Observation-Component]': {
    'OBX-3 component': 'maps/segments/observation.ts: the code of each component',
    'OBX-5 component': value,
    'OBX-5 derivedFrom': document,
    'OBX-6 component': value,
    'OBX-7 component': `${value}: the range of the observation, because it stands once`,
    'OBX-11 dataAbsentReason': 'maps/segments/observation.ts',
    'OBX-14 effectiveDateTime': 'maps/segments/observation.ts: refuses a wrong time, and falls back to OBR-7',
    'OBX-24 performer': 'maps/references.ts: the address of the organisation in OBX-23',
    'OBX-33 specimen': 'maps/messages/specimens.ts',
  },
  'OBX[DocumentReference]': {
    'OBX-5 content': `${content}; ${text}`,
  },
  'TXA[DocumentReference]': {
    'TXA status': 'maps/segments/document.ts: current',
    'TXA-3 content':
      'maps/attachment.ts: the type of an attachment comes from ED and RP; TXA-3 where only a notice is sent',
    'TXA-17 docStatus': 'maps/segments/document.ts: HL7 table 0271 as composition-status, which the guide does not map',
    'TXA-19 status': 'maps/segments/document.ts: T11 and CA take it back, OB is superseded',
  },
}

const extension = 'an extension; it stays in the sealed original'
const businessEvent = 'an extension; what was done to the order and when is the Provenance of it (ORC[Provenance])'

/** Not translated. */
export const leftOut: Reasons = {
  'ORC[ServiceRequest]': {
    'ORC-1 extension': businessEvent,
    'ORC-9 extension': businessEvent,
    'ORC-14 extension': extension,
    'ORC-16 extension': extension,
    'ORC-24 requester':
      'the address of a practitioner, whom other messages name as well: it would be the address of all of them',
  },
  'ORC[DiagnosticReport]': {
    'ORC-16 extension': extension,
  },
  'ORC[Provenance]': {
    'ORC-18 agent': 'a code of a place or terminal, which is no device with a number',
    'ORC-21 location': 'an organisation, no place; it stands in the role of the requester',
    'ORC-22 location': 'as ORC-21',
    'ORC-23 location': 'as ORC-21',
    'ORC-24 agent': 'the address of a practitioner, see ORC[ServiceRequest]',
  },
  'OBR[ServiceRequest]': {
    'OBR-13 extension': 'an extension; its text is a note of the order (maps/segments/order.ts)',
  },
  'OBR[Specimen]': {
    'OBR-2 accessionIdentifier': 'the guide asks whether the number is one of accession, which no message says',
    'OBR-13 collection':
      'the guide asks whether it is about fasting, which a text does not say; it is a note of the order',
  },
  'OBX[Observation]': {
    'OBX-5 valueSampedData': 'R4 wants the time between two values, which NA does not have; E_PRUNED',
    'OBX-33 extension': 'several specimens of one result: the extension is younger than R4',
  },
  'OBX[Observation-Component]': {
    'OBX-4 $this': 'part of the name of the result (identity.ts); what it groups is not told by the standard',
    'OBX-10 extension': extension,
    'OBX-11 status': extension,
    'OBX-19 extension': extension,
    'OBX-29 category': 'the guide gives no code',
    'OBX-30 extension': extension,
    'OBX-33 extension': 'several specimens of one result: the extension is younger than R4',
  },
  'NTE[DocumentReference]': {
    'NTE-9 content': 'a coded comment (v2.9), in no version that is read',
  },
  'TQ1[ServiceRequest]': {
    'TQ1-5 occurrenceTIming': 'a time relative to an event that the segment does not name',
  },
  'PRT[Device]': {
    'PRT-10 udiCarrier': 'the guide asks whether the number is a UDI; PRT-16 says so',
  },
  'PRT[Observation-Location]': {
    'PRT-9 extension': extension,
    'PRT-14 extension': extension,
  },
  'TXA[DocumentReference]': {
    'TXA-6 extension': extension,
  },
  'TXA[Provenance]': {
    'TXA recorded':
      'TXA-8, of which the guide says itself that one Provenance an edit would be needed; the versions of the document say it',
    'TXA agent': 'who wrote is the author of the document; who got a copy (TXA-23) took no part in it',
    'TXA reason': 'as TXA-8',
  },
}

/** Rows of ours that the guide does not have. */
export const beyond: Reasons = {
  'OBX[Observation-Component]': {
    'OBX-15 performer': 'the same map as OBX[Observation]',
  },
}
