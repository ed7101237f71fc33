/**
 * The guide's rows of datatypes that are not rows of ours (../../maps/guide.ts): translated by code, or left out, and why.
 * `*` stands for all rows of a map that are not named. Keys are those of `keyOf`.
 */
import type { Reasons } from './index.ts'

const concept = 'maps/concept.ts: concept reads three codings with code, text, system and version, and the text'
const xcn = 'maps/references.ts: xcn, with the name by xcnName (maps/datatypes.ts)'
const ei =
  'maps/references.ts: ei; the authority (identity.ts) is the system where it is a URI, else the assigner by name'
const value = 'maps/value.ts'
const document = 'maps/attachment.ts'
const header = 'maps/segments/provenance.ts: headerOf'
const timing = 'maps/segments/timing.ts'
const time = 'maps/datatypes.ts: dateTime'
const code = 'maps/datatypes.ts: code'
const text = 'maps/datatypes.ts: text'

/** Translated by a function. */
export const inCode: Reasons = {
  'CE[CodeableConcept]': { '*': concept },
  'CF[CodeableConcept]': { '*': concept },
  'CNE[CodeableConcept]': { '*': concept },
  'CNN[Practitioner]': { '*': `${xcn.replaceAll('xcn', 'cnn')}; CNN.7 is the qualification, as in XCN[Practitioner]` },
  'CQ[Quantity]': { '*': 'maps/quantity.ts: quantity' },
  'CQ[code]': { '*': 'maps/segments/timing.ts: the unit of a duration, one of FHIR’s' },
  'CQ[decimal]': { '*': 'maps/segments/timing.ts: a duration' },
  'CWE[CodeableConcept]': { '*': concept },
  'CWE[Coding]': { '*': 'maps/concept.ts: coding' },
  'CWE[Organization]': { '*': 'maps/references.ts: producer' },
  'CWE[Quantity]': { '*': 'maps/value.ts: unitOfObx, maps/dose.ts: unitAt; coded only where the unit is UCUM' },
  'CWE[code]': { '*': code },
  'CWE[string]': { '*': 'maps/dose.ts: unitAt; the unit’s text' },
  'CX[Identifier]': {
    'CX.1 value': 'maps/references.ts: cx',
    'CX.4 assigner': 'maps/references.ts: cx; by name, because an Organization of an authority alone says no more',
    'CX.4 system': 'maps/references.ts: cx; where the authority is a URI',
    'CX.5 type': 'maps/references.ts: cx',
    'CX.7 period': 'maps/references.ts: cx',
    'CX.8 period': 'maps/references.ts: cx',
  },
  'CX[RelatedPerson-Mother]': { '*': 'maps/messages/details.ts: a RelatedPerson with her numbers' },
  'CX[string]': { '*': text },
  'DLN[Identifier]': {
    'DLN.1 value': 'maps/references.ts: dln',
    'DLN.1 type': 'maps/references.ts: dln',
    'DLN.3 period': 'maps/references.ts: dln',
  },
  'DLD[Location-Discharge]': { '*': 'maps/segments/encounter.ts' },
  'DR[dateTime]': { '*': time },
  'DTM[Annotation-Time]': { '*': 'maps/segments/note.ts' },
  'DTM[dateTime]': { '*': `${time}; instant and date where FHIR has those` },
  'ED[Attachment]': { 'ED.3 contentType': document, 'ED.5 data': document },
  'ED[DocumentReference]': { 'ED status': document, 'ED.3 content': document, 'ED.5 content': document },
  'EIP[Identifier-FillerAssignedIdentifier]': { '*': 'maps/segments/specimen.ts, maps/segments/order.ts' },
  'EIP[Identifier-PlacerAssignedIdentifier]': { '*': 'maps/segments/specimen.ts, maps/segments/order.ts' },
  'EI[Device-udiCarrier]': { '*': 'maps/segments/device.ts' },
  'EI[Identifier-DefaultAssigner]': { '*': 'maps/references.ts: pl, ei' },
  'EI[Identifier-Extension]': { '*': ei },
  'EI[Identifier-Organization]': { '*': ei },
  'EI[Identifier-System]': { '*': ei },
  'EI[Procedure]': { '*': ei },
  'FN[HumanName]': { 'FN.1 family': 'maps/datatypes.ts: xpn and xcnName read FN.1 as a subcomponent' },
  'FT[Annotation-Comment]': { '*': 'maps/segments/note.ts' },
  'HD[Device]': { '*': 'maps/parties.ts: hdIdentifier; what sent a message is told by identifier, it is no Device' },
  'HD[Identifier]': { '*': 'maps/references.ts: pl; a universal id stands as urn:ietf:rfc:3986' },
  'HD[Location]': { 'HD.1 name': 'maps/parties.ts: hdLocation', 'HD.2 physicalType': 'maps/parties.ts: hdLocation' },
  'HD[MessageHeader.destination-endpoint]': {
    'HD.1 name': header,
    'HD.2 endpoint': `${header}; an endpoint where the authority is a URI, else no destination: FHIR demands one`,
  },
  'HD[MessageHeader.source-endpoint]': {
    'HD.1 name': header,
    'HD.2 endpoint': `${header}; an endpoint where the authority is a URI, else the sender’s own authority`,
  },
  'HD[MessageHeader.source-name]': { 'HD.1 name': header },
  'HD[Organization]': { '*': 'maps/parties.ts: hdOrganization' },
  'HD[uri]': { '*': 'identity.ts: authorityOf' },
  'ID[CodeableConcept]': { '*': concept },
  'MSG[Coding]': { '*': header },
  'MSG[MessageHeader]': { 'MSG.2 eventCoding': header },
  'ID[Coding]': { '*': 'maps/concept.ts: coding' },
  'ID[boolean]': { '*': 'maps/datatypes.ts: yesNo' },
  'ID[code]': { '*': code },
  'ID[string]': { '*': text },
  'IS[CodeableConcept]': { '*': concept },
  'IS[code]': { '*': code },
  'IS[string]': { '*': text },
  'MSG[code]': { '*': 'maps/messages: the status of a visit by event' },
  'NDL[PractitionerRole]': {
    'NDL.1 practitioner': 'maps/references.ts: ndl; a Practitioner, which is all that CNN tells',
  },
  'NM[Quantity-LengthOfStay]': { '*': 'maps/segments/encounter.ts: days' },
  'NM[Quantity]': { '*': value },
  'NM[positiveInt]': { '*': 'maps/datatypes.ts: positive' },
  'NR[Range]': { '*': value },
  'PLN[Identifier]': { '*': 'maps/references.ts: pln' },
  'PL[Location]': { '*': 'maps/references.ts: pl' },
  'RI[Timing]': { 'RI-1 code': timing },
  'RP[Attachment]': { '*': document },
  'RP[DocumentReference]': { '*': document },
  'RPT[Timing]': {
    'RPT.1 code': timing,
    'RPT.5 repeat': timing,
    'RPT.6 repeat': timing,
    'RPT.8 repeat': timing,
  },
  'SAD[Address]': { '*': 'maps/datatypes.ts: xad reads SAD as subcomponents of XAD.1' },
  'SN[Quantity]': { 'SN.1 comparator': value, 'SN.2 value': value },
  'SN[Range]': { 'SN.2 low': value, 'SN.4 high': value },
  'SN[Ratio]': { 'SN.1 numerator': value, 'SN.2 numerator': value, 'SN.4 denominator': value },
  'SPS[Specimen-Source]': { '*': 'maps/segments/specimen.ts' },
  'ST[CodeableConcept]': { '*': 'maps/concept.ts: textConcept' },
  'ST[Identifier]': { '*': 'maps/references.ts: plainIdentifier' },
  'TQ[Appointment]': { '*': 'maps/segments/appointment.ts: SCH-11' },
  'TQ[MedicationRequest]': { '*': `${timing}; maps/segments/dosage.ts: the dosage's timing, TQ.8 its text` },
  'TQ[ServiceRequest]': { '*': timing },
  'TS[dateTime]': { '*': time },
  'XCN[Annotation-Author]': { '*': `${xcn}; maps/segments/note.ts` },
  'XCN[PractitionerRole]': { '*': `${xcn}; a Practitioner, because XCN tells nothing of a role` },
  'XCN[Practitioner]': { '*': xcn },
  'XON[Organization]': { '*': 'maps/references.ts: xon' },
  'XPN[HumanName]': {
    'XPN.15 given': 'maps/datatypes.ts: nickname, a name of its own',
    'XPN.15 use': 'maps/datatypes.ts: nickname',
  },
  'XTN[ContactPoint]': {
    'XTN.1 value': 'maps/datatypes.ts: xtn',
    'XTN.2 use': 'maps/datatypes.ts: xtn',
    'XTN.3 system': 'maps/datatypes.ts: xtn; without XTN.3 email where XTN.4 has one, else phone',
    'XTN.4 value': 'maps/datatypes.ts: xtn',
    'XTN.7 value': 'maps/datatypes.ts: xtn',
    'XTN.12 value': 'maps/datatypes.ts: xtn; before the parts, because it is the number as a whole',
    'XTN.13 period': 'maps/datatypes.ts: xtn',
    'XTN.14 period': 'maps/datatypes.ts: xtn',
    'XTN.18 rank': 'maps/datatypes.ts: xtn',
  },
}

const unused = 'no segment map of the guide uses it'
const extension =
  'an extension: sealed whole by the privacy policy, and what it says stands in the element or the original'
const checkDigit = 'check digits are part of how a number is written; the number is kept as sent'
const noEndpoint = 'an address that is none says nothing'
const tasks = `Task is no type of this release; ${unused}`

/** Not translated. */
export const leftOut: Reasons = {
  'CQ[unsignedInt]': { '*': 'TQ1-5 (offset) needs an event to count from, which RPT.8 names in few messages' },
  'CWE[Annotation]': { '*': unused },
  'CWE[Device]': {
    '*': 'ORC-18: a code of a place or terminal, which is no device with a number',
  },
  'CWE[Duration]': { '*': unused },
  'CWE[Identifier]': {
    '*': 'a code is no number of anything: what AIG, AIS and IN1 name so stands as a code or a name',
  },
  'CWE[Observation-SupportingInfo]': { '*': `${unused}; OBR-13 is left out` },
  'CWE[PractitionerRole]': { '*': 'PRT-6 is the specialty of the role of PRT-5' },
  'CWE[Timing-DurationUnit]': { '*': unused },
  'CWE[uri]': { '*': 'DLN.2 is a state’s code and no URI' },
  'CX[Identifier]': { 'CX.2 extension': checkDigit, 'CX.3 extension': checkDigit },
  'CX[RelatedPerson-Mother]': { 'CX.2 identifier': checkDigit, 'CX.3 identifier': checkDigit },
  'DLN[Identifier]': { 'DLN.2 system': 'a state’s code is no URI; it is the assigner by name' },
  'ED[Attachment]': { 'ED.2 extension': 'the type of data is in ED.3, or made of both (maps/attachment.ts)' },
  'ED[DocumentReference]': { 'ED.2 content': 'as in ED[Attachment]' },
  'EI[Coding]': { '*': unused },
  'EI[Condition]': { '*': 'a reference that leads out of the message would be held (E_REFERENCE)' },
  'FN[HumanName]': {
    'FN.2 family': extension,
    'FN.3 family': extension,
    'FN.4 family': extension,
    'FN.5 family': extension,
  },
  'HD[Location]': { 'HD.2 identifier': 'the facility is named by its namespace; HD.2 is in its Organization' },
  'HD[MessageHeader.destination-endpoint]': { 'HD.3 endpoint': noEndpoint },
  'HD[MessageHeader.destination-name]': { '*': 'the name is HD.1; HD.2 is the endpoint' },
  'HD[MessageHeader.source-endpoint]': { 'HD.2 name': noEndpoint, 'HD.3 endpoint': noEndpoint },
  'HD[MessageHeader.source-name]': { 'HD.2 software': 'a universal id is no name of a software; SFT-3 is one' },
  'ID[CodeableConcept-UniversalID]': {
    '*': 'the type of a universal id is in the form of its URI (urn:oid:, urn:uuid:)',
  },
  'MSG[MessageHeader]': { 'MSG.3 definition': 'the guide names message structures without URIs' },
  'NA[SampledData]': { '*': 'the guide gives no period and no origin, without which samples mean nothing; E_PRUNED' },
  'NDL[PractitionerRole]': { '*': 'when and where a reader sat is no fact of the report' },
  'OG[Extension-Subidentifier]': { '*': extension },
  'PT[Meta]': { '*': 'the gateway tags resources itself: a test message goes to its own topic (MSH-11) or is refused' },
  'RI[Timing]': { 'RI-2 repeat': 'explicit times of the old TQ; TQ1-4 is read' },
  'RPT[Timing]': {
    'RPT.3 repeat': 'days of the week by number only with RPT.2; a pattern like Q1J3 says them',
    'RPT.4 repeat': 'as RPT.3',
    'RPT.9 repeat': 'FHIR counts an offset from an event of the day, in minutes; RPT.10 is seldom one',
  },
  'SN[Quantity]': { 'SN extension': extension },
  'SN[Range]': { 'SN extension': extension },
  'SN[Ratio]': { 'SN extension': extension },
  'TQ[Task-ExecutionPeriod]': { '*': tasks },
  'TQ[Task-Priority]': { '*': tasks },
  'XAD[Address]': { 'XAD.7 extension': extension, 'XAD.10 extension': extension },
  'XCN[Patient]': { '*': 'whom ROL-4 names as the patient is the patient of the message already' },
  'XCN[RelatedPerson]': {
    '*': 'ROL and PRT name staff; relatives are told by NK1 (ROL[RelatedPerson], PRT[RelatedPerson])',
  },
  'XON[Location]': { '*': 'ORC-21 is an organisation and read as one' },
  'XON[string]': { '*': 'SFT-1 and PD1-14: maker of the software, place of care; not read' },
  'XPN[HumanName]': { 'XPN.11 extension': extension },
  'XPN[string]': { '*': `PID-6: ${extension}` },
  'XTN[ContactPoint]': {
    'XTN.5 extension': extension,
    'XTN.6 extension': extension,
    'XTN.7 extension': extension,
    'XTN.8 extension': extension,
  },
}
