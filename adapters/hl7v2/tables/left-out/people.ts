/** The guide's rows of people, problems, insurance and provenance that are not rows of ours. */
import type { Reasons } from './index.ts'

const condition = 'maps/messages/diagnoses.ts: the Condition that DG1[Condition] makes'
const member = 'maps/segments/role.ts and maps/messages/roles.ts'

/** Translated, but by code, because a row cannot say it. */
export const inCode: Reasons = {
  'DG1[Condition]': {
    'DG1-21 verificationStatus': 'maps/segments/condition.ts: D is entered-in-error',
  },
  'DG1[Encounter]': {
    'DG1-3 diagnosis': condition,
    'DG1-4 diagnosis': condition,
    'DG1-5 diagnosis': condition,
    'DG1-16 diagnosis': condition,
    'DG1-19 diagnosis': condition,
    'DG1-20 diagnosis': condition,
    'DG1-21 diagnosis': 'maps/messages/diagnoses.ts: what is taken back has no place in the visit',
  },
  'EVN[Provenance]': {
    'EVN activity': 'maps/segments/provenance.ts: the event as a code of table 0003, which says more than a display',
  },
  'IAM[AllergyIntolerance]': {
    'IAM-14 recorder': 'maps/segments/adverse-reaction.ts: a name without number is a display',
    'IAM-15 recorder': 'maps/segments/adverse-reaction.ts: SEL is the patient',
    'IAM-17 clinicalStatus': 'maps/segments/adverse-reaction.ts: with the verification status that it also says',
    'IAM-27 code': 'maps/segments/adverse-reaction.ts: further codings of IAM-3',
    'IAM clinicalStatus': 'maps/segments/adverse-reaction.ts: active',
  },
  'IN1[Coverage]': {
    'IN1-5 payer': 'maps/segments/coverage.ts: the address of the company in IN1-4',
    'IN1-10 policyHolder': 'maps/segments/coverage.ts: the number of the employer in IN1-11',
    'IN1-16 subscriber': 'maps/messages/insurance.ts: the patient (IN1-17 SEL), else a RelatedPerson',
    'IN1-49 extension': 'maps/segments/coverage.ts: R4 has the element subscriberId',
  },
  'IN3[CareTeam]': {
    'IN3-21 participant': 'maps/segments/coverage.ts: with the name in IN3-21, which the guide forgets',
  },
  'MSA[MessageHeader]': {
    'MSA-1 response': 'maps/segments/provenance.ts',
    'MSA-2 response': 'maps/segments/provenance.ts: where it is an id',
  },
  'MSH[MessageHeader]': {
    'MSH-9 eventCoding': 'maps/segments/provenance.ts: EVN-1 where MSH-9.2 is empty; the display is that of table 0003',
  },
  'MSH[Provenance-Operator]': {
    'MSH-4 agent': 'maps/segments/provenance.ts: MSH[Provenance-Source] has the same agent; both are one Provenance',
    'MSH-22 agent': 'maps/segments/provenance.ts: MSH[Provenance-Source] has the same agent; both are one Provenance',
  },
  'MSH[Provenance-Source]': {
    'MSH-3 entity': 'maps/segments/provenance.ts: the application by its identifier',
    'MSH-7 occurred': 'maps/segments/provenance.ts: where no EVN says when (EVN-6)',
    'MSH-9 activity': 'maps/segments/provenance.ts: the event as a code of table 0003',
  },
  'PD1[Observation-LivingWill]': {
    'PD1 status': 'maps/segments/demographics.ts: final',
    'PD1 code': 'maps/segments/demographics.ts: LOINC 75320-2',
  },
  'PID[Account]': {
    'PID status': 'maps/segments/account.ts: active',
  },
  'PID[Patient]': {
    'PID-21 $this': 'maps/messages/details.ts: the mother as a RelatedPerson',
  },
  'PID[Provenance-Patient]': {
    'PID recorded': 'maps/segments/provenance.ts: PID-33, else MSH-7; a time of our own would differ on every run',
    'PID activity': 'maps/segments/provenance.ts: UPDATE',
  },
  'PR1[Procedure]': {
    'PR1 status': 'maps/segments/procedure.ts: unknown, or entered-in-error by PR1-20 D',
    'PR1-5 performedPeriod': 'maps/segments/procedure.ts',
    'PR1-7 performedPeriod': 'maps/segments/procedure.ts: minutes after PR1-5',
    'PR1-16 code': 'maps/segments/procedure.ts: for codes of CPT, which alone have such a syntax',
    'PR1-25 partOf': 'maps/messages/diagnoses.ts: a procedure of the same message',
  },
  'PRT[CareTeam]': {
    'PRT-4 participant': member,
    'PRT-5 participant': member,
    'PRT-6 participant': member,
    'PRT-8 participant': member,
    'PRT-11 participant': `${member}; R4 has participant.period and no coveragePeriod`,
    'PRT-12 participant': `${member}; R4 has participant.period and no coveragePeriod`,
    'PRT-14 participant': member,
    'PRT-15 participant': member,
  },
  'PRT[Patient-GeneralPractitioner-Practitioner]': {
    'PRT-5 generalPractitioner': member,
  },
  'PRT[Patient-GeneralPractitioner-PractitionerRole]': {
    'PRT-4 generalPractitioner': member,
    'PRT-5 generalPractitioner': member,
    'PRT-8 generalPractitioner': member,
    'PRT-9 generalPractitioner': member,
    'PRT-14 generalPractitioner': member,
    'PRT-15 generalPractitioner': member,
    'PRT-24 generalPractitioner': member,
  },
  'PRT[PractitionerRole]': {
    'PRT-14 practitioner': 'maps/segments/role.ts: the address of the Practitioner',
  },
  'ROL[CareTeam]': {
    'ROL-3 participant': member,
    'ROL-4 participant': member,
    'ROL-5 participant': member,
    'ROL-6 participant': member,
    'ROL-8 reasonCode': member,
    'ROL-9 participant': member,
    'ROL-12 telecom': "maps/segments/role.ts: the number is the member's, not the team's",
    'ROL-14 participant': member,
  },
  'ROL[Encounter-PractitionerRole]': {
    'ROL-3 participant': member,
    'ROL-4 participant': member,
    'ROL-5 participant': member,
    'ROL-6 participant': member,
    'ROL-11 participant': 'maps/segments/role.ts: the address of the Practitioner',
    'ROL-12 participant': member,
    'ROL-13 participant': member,
    'ROL-14 participant': member,
  },
  'ROL[Patient-GeneralPractitioner]': {
    'ROL-3 generalPractitioner': member,
    'ROL-4 generalPractitioner': member,
    'ROL-11 generalPractitioner': 'maps/segments/role.ts: the address of the Practitioner',
    'ROL-12 generalPractitioner': member,
    'ROL-13 generalPractitioner': member,
    'ROL-14 generalPractitioner': member,
  },
}

const shared = 'a time with one patient; the role is a resource that all his patients share'
const numbering = 'an instance of the segment (often 1, 2, 3); a role is named by who has it and where'
const relative =
  'ROL and PRT name professionals (HL7 tables 0443, 0912); relatives are NK1, and no field tells one apart'
const dueTo = 'extension condition-dueTo: it would be sealed whole'
const episode =
  'an episode is only named (PV1-54); its first diagnosis would stand for ever. Encounter.diagnosis has them'
const label = 'a security label of the message: record headers and the sealing policy say what may be read'
const bundle = 'no Bundle goes out: a record is a resource, cg-message and cg-part say what belongs together'
const gateway = 'what the gateway did is in the signed record headers (cg-gateway, cg-policy, cg-sig)'
const basic = 'Basic is no type of this release; a temporary place (PV1-11) is a location of the visit'
const software = 'Device here is what publishes to the gateway; the software stands in MessageHeader.source'
const preferred = 'extension iso21090-preferred: it would be sealed whole'
const unit = 'a kind of organisation without a name (the guide gives its codes no target)'
const contact = 'a person in an organisation; NK1[RelatedPerson] has it as a name, telecom and address'

/** Not translated. */
export const leftOut: Reasons = {
  'DG1[Condition]': {
    'DG1-19 extension': 'the guide offers recordedDate as well, which is an element',
    'DG1-22 extension': dueTo,
  },
  'DG1[Encounter]': {
    'DG1-22 diagnosis': dueTo,
  },
  'DG1[EpisodeOfCare]': {
    'DG1-3 diagnosis': episode,
    'DG1-4 diagnosis': episode,
    'DG1-5 diagnosis': episode,
    'DG1-6 diagnosis': episode,
    'DG1-15 diagnosis': episode,
    'DG1-16 diagnosis': episode,
    'DG1-19 diagnosis': episode,
    'DG1-20 diagnosis': episode,
    'DG1-21 diagnosis': episode,
    'DG1-22 diagnosis': episode,
  },
  'IAM[AllergyIntolerance]': {
    'IAM-4 reaction': 'either criticality or severity: criticality, as in AL1',
  },
  'IN1[Coverage]': {
    'IN1-10 extension': "the subscriber's number is IN1-49; one of type SN in IN1-10 stays the identifier of the group",
  },
  'MSH[Bundle]': {
    'MSH type': bundle,
    'MSH-7 timestamp': bundle,
    'MSH-10 identifier': bundle,
  },
  'MSH[MessageHeader]': {
    'MSH-8 meta': label,
    'MSH-11 meta': 'record header cg-mode; what is a test goes to another topic',
    'MSH-17 sender': 'the country of the message, which is no address of the sender',
    'MSH-19 language': 'the language of the message; no text of it stands in the header',
    'MSH-26 meta': label,
    'MSH-27 meta': label,
  },
  'MSH[Provenance-Source]': {
    'MSH entity': 'the original is kept in the box, sealed; a document of it would carry it out a second time',
  },
  'MSH[Provenance-Transformation]': {
    'MSH activity': gateway,
    'MSH recorded': gateway,
    'MSH policy': gateway,
    'MSH agent': gateway,
    'MSH entity': gateway,
  },
  'NK1[Patient]': {
    'NK1-30 contact': contact,
    'NK1-31 contact': contact,
    'NK1-32 contact': contact,
  },
  'PD1[Patient]': {
    'PD1-6 extension': 'extension patient-disability: it would be sealed whole',
    'PD1-14 extension': 'extension patient-congregation: it would be sealed whole',
  },
  'PRT[Patient-GeneralPractitioner-PractitionerRole]': {
    'PRT-2 Operation': 'what to do in a REST service; the message says what is so',
    'PRT-11 generalPractitioner': shared,
    'PRT-12 generalPractitioner': shared,
  },
  'PRT[PractitionerRole]': {
    'PRT-7 organization': unit,
    'PRT-11 period': shared,
    'PRT-12 period': shared,
    'PRT-23 telecom': preferred,
  },
  'PRT[RelatedPerson]': {
    'PRT-4 relationship': relative,
    'PRT-5 $this': relative,
    'PRT-11 period': relative,
    'PRT-12 period': relative,
    'PRT-14 address': relative,
    'PRT-15 telecom': relative,
    'PRT-23 telecom': relative,
    'PRT-24 identifier': relative,
  },
  'PV1[Basic-EncounterHistory]': {
    'PV1 code': basic,
    'PV1-11 location': basic,
    'PV1-43 extension': basic,
  },
  'ROL[CareTeam]': {
    'ROL-10 participant': unit,
  },
  'ROL[Encounter-PractitionerRole]': {
    'ROL-1 participant': numbering,
  },
  'ROL[Patient-GeneralPractitioner]': {
    'ROL-1 generalPractitioner': numbering,
    'ROL-5 generalPractitioner': shared,
    'ROL-6 generalPractitioner': shared,
  },
  'ROL[RelatedPerson]': {
    'ROL-1 identifier': relative,
    'ROL-3 relationship': relative,
    'ROL-4 $this': relative,
    'ROL-5 period': relative,
    'ROL-6 period': relative,
    'ROL-11 address': relative,
    'ROL-12 telecom': relative,
  },
  'SFT[Device]': {
    'SFT type': software,
    'SFT-1 manufacturer': software,
    'SFT-2 version': software,
    'SFT-3 deviceName': software,
    'SFT-4 modelNumber': software,
    'SFT-5 note': software,
    'SFT-6 version': software,
  },
}
