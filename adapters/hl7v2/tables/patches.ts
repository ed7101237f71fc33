/**
 * Where HL7's guide (v2-to-FHIR 1.0.0) is mistaken: conditions that are no conditions, code rows that lead wrong. The
 * generator (scripts/gen-hl7-tables.ts) reads this file; a condition that neither parses nor stands here is an error, and
 * so is a row here that the guide no longer needs.
 */

/** The guide's text → ours in the grammar of maps/condition.ts (null: no condition at all), and what was wrong. */
export type ConditionPatch = Readonly<{ when: string | null; why: string }>

const slip = (when: string, why: string): ConditionPatch => ({ when, why })
const none = (why: string): ConditionPatch => ({ when: null, why })

export const conditionPatches: Readonly<Record<string, ConditionPatch>> = {
  'IF (OBX-2 EQUALS "SN" AND OBX-5.1 EQUALS "<>"': slip(
    'OBX-2 EQUALS "SN" AND OBX-5.1 EQUALS "<>"',
    'the bracket is never closed',
  ),
  'IF PID-11 LST.COUNT EQUALS 1 AND PID-11.9 IS VALUED NOT EQUAL PID-12': slip(
    'PID-11 COUNT EQUALS 1 AND PID-11.9 VALUED AND PID-11.9 NOT EQUALS PID-12',
    'two tests of one place without a word between them',
  ),
  'IF PRT-2 IS IN ("A", "S", "U", X")': slip('PRT-2 IN ("A", "S", "U", "X")', 'a quotation mark is missing'),
  'IF PRT-5 AND PRT-6 AREA NOT VALUED': slip('PRT-5 NOT VALUED AND PRT-6 NOT VALUED', 'AREA stands for ARE'),
  'IF PV1-20 VALUE': slip('PV1-20 VALUED', 'VALUE stands for VALUED'),
  'IF PL.1 VALUE AND PL.2 NOT VALUED AND PL.3 NOT VALUED': slip(
    'PL.1 VALUED AND PL.2 NOT VALUED AND PL.3 NOT VALUED',
    'VALUE stands for VALUED',
  ),
  'IF PL.8 VALUED AND PL.1 NOT VALUED AND PL.2 NOT VALUED AND PL3.NOT VALUED': slip(
    'PL.8 VALUED AND PL.1 NOT VALUED AND PL.2 NOT VALUED AND PL.3 NOT VALUED',
    'PL3.NOT stands for PL.3 NOT',
  ),
  'IF PL.11 VALUED AND IF PL.8 VALUED AND PL.1 NOT VALUED AND PL.2 NOT VALUED AND PL3.NOT VALUED': slip(
    'PL.11 VALUED AND PL.8 VALUED AND PL.1 NOT VALUED AND PL.2 NOT VALUED AND PL.3 NOT VALUED',
    'PL3.NOT stands for PL.3 NOT',
  ),
  'IF XCN.19 NOT VALUED XCN.20 NOT VALUED': slip(
    'XCN.19 NOT VALUED AND XCN.20 NOT VALUED',
    'the word AND is missing; the same row of XCN[RelatedPerson] has it',
  ),
  'IF OBR-25 NOT VALUED ERROR': slip(
    'OBR-25 NOT VALUED',
    'ERROR would stop the whole message because of one empty status; the report says unknown',
  ),
  'IF NOT MAPPED ERROR': none('stands beside a code and says what to do with codes that have no row'),
  'IF CX.4 IN http://hl7.org/implement/standards/fhir/identifier-registry.html': none(
    'the list is a web page; a system is given where the authority is a URI (identity.ts)',
  ),
  c: none('a letter left behind'),
  ic: none('a letter left behind'),
}

/** A row of a code map as the guide's generator has it. */
export type GuideCode = Readonly<{ code: string; fhirCode: string; fhirDisplay: string; fhirSystem: string }>

/** What is changed in a row (null: it is left out), and why. */
export type CodePatch = Readonly<{ to: Partial<GuideCode> | null; why: string }>

const mojibake = 'bytes of a non-breaking space read as text'
const notMeals = 'between meals is no code of the value set that FHIR binds Timing.repeat.when to'
const notCodes = 'a description of codes, not a code'
const phones = 'http://hl7.org/fhir/contact-point-system'

/** By map and v2 code, as the guide spells them. */
export const codePatches: Readonly<Record<string, CodePatch>> = {
  'TelecommunicationEquipmentType CP': {
    to: { fhirCode: 'phone', fhirDisplay: 'Phone', fhirSystem: phones },
    why: 'the guide has the system mobile, which FHIR does not know; xtn (maps/datatypes.ts) gives the use mobile',
  },
  'MaritalStatus C': {
    to: { fhirSystem: 'http://terminology.hl7.org/CodeSystem/v2-0002' },
    why: "R4's v3-MaritalStatus has no code C (common law); HL7 table 0002 has",
  },
  'BodyParts CHESTÂ': { to: { code: 'CHEST', fhirCode: 'CHEST' }, why: mojibake },
  'BodyParts KIDNÂ': { to: { code: 'KIDN', fhirCode: 'KIDN' }, why: mojibake },
  'BodyParts Â': { to: null, why: `no code at all: ${mojibake}` },
  'EventRelatedPeriod IC': { to: null, why: notMeals },
  'EventRelatedPeriod ICM': { to: null, why: notMeals },
  'EventRelatedPeriod ICD': { to: null, why: notMeals },
  'EventRelatedPeriod ICV': { to: null, why: notMeals },
  'RepeatPattern "U <spec>"': { to: null, why: notCodes },
  'RepeatPattern "Meal Related Timings"': { to: null, why: notCodes },
}

/** Targets that R4's code system does not have and that stay, with the reason. */
export const laterCodes: Readonly<Record<string, string>> = {
  EventType: 'events S38 to S52 came with HL7 v2.8.2, after R4 took its copy of table 0003; the codes are right',
}

/**
 * Other mistakes of the guide, by map and row, that no machine finds (rows whose element R4 does not have are found by
 * scripts/hl7-targets.ts): what is wrong and what is done instead.
 */
export const mistakes: Readonly<Record<string, string>> = {
  'CWE[Identifier] CWE.13 [3].system': 'CWE.13 is a version; the third system is CWE.12',
  'CX[RelatedPerson-Mother] CX relationship[1].coding[1].system':
    'the address of a page; the system of MTH is http://terminology.hl7.org/CodeSystem/v3-RoleCode',
  'DLN[Identifier] DLN.2 system': 'a state’s code is no URI; it is the assigner by name',
  'FN[HumanName] FN.5 family.extension[3].valueString': 'the partner’s prefix has that number already; left out',
  'HD[uri] HD.1 $value':
    'a namespace is no URI; a system is given where identity.ts finds one, else the assigner by name',
  'IN1[Coverage] IN1-16 subscriber(Patient)':
    'the condition compares IN1-17 with "patient", which HL7 table 0063 does not have: SEL says it',
  'NDL[PractitionerRole] NDL.8 [2].status': 'the condition speaks of PL; and the status of a room is none of a role',
  'NM[Quantity-LengthOfStay] NM.1 system': 'UCUM’s URI has no slash at its end: http://unitsofmeasure.org',
  'OBX[Observation] OBX-5 valueQuantity.value':
    'the structure’s row asks for one value AND type NA where one OR NA is meant (OBX-5 LST.count … in ORU_R01)',
  'PL[Location] PL.10 [5].identifier[2]': 'PL.1 is Location 4 and PL.7 is 5: the two are exchanged here',
  'PL[Location] PL.7 [5].partOf.reference(Location[5])': 'a place is no part of itself: the next wider one',
  'XON[Location] XON.7 identifier[2].type.coding.system': 'the type’s code stands in identifier 1',
  'XTN[ContactPoint] XTN.7 value': 'four rows cover four of sixteen ways to fill XTN.5 to 8; xtn joins what is there',
}
