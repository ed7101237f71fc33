/**
 * Resources of which everybody agrees that they are valid, and such as break one named rule each. The check is tested with
 * them, and so is the referee (test/referee): what both must accept, and what neither may let through.
 */
import { decimal } from '../../../src/fhir/json.ts'

type Json = Record<string, unknown>

export const seal = {
  url: 'urn:oid:2.25.144945447775286426550389422523417143571.1',
  valueString: 'e1.0UloRK5TD-Xqyr0Q.oKGio6SlpqeoqaqrnToRD3',
}
export const band = { url: 'urn:oid:2.25.144945447775286426550389422523417143571.2', valueString: '90+' }
export const mask = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }

const loinc = 'http://loinc.org'
const ucum = 'http://unitsofmeasure.org'
const quantity = (value: unknown, unit: string, code: string) => ({ value, unit, system: ucum, code })
const concept = (system: string, code: string, display?: string) => ({
  coding: [{ system, code, ...(display ? { display } : {}) }],
})
const mrn = {
  use: 'usual',
  type: concept('http://terminology.hl7.org/CodeSystem/v2-0203', 'MR'),
  system: 'urn:oid:2.16.840.1.113883.19.5',
  value: '12345',
}
const vital = concept('http://terminology.hl7.org/CodeSystem/observation-category', 'vital-signs', 'Vital Signs')
const allergy = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-'

export const patient: Json = {
  resourceType: 'Patient',
  id: 'patient',
  identifier: [mrn],
  active: true,
  name: [{ use: 'official', family: 'Müller\u3000-Öz', given: ['Änne', '美咲'] }],
  telecom: [{ system: 'phone', value: '+44 20 7946 0123', use: 'home' }],
  gender: 'female',
  birthDate: '1974-12-25',
  address: [
    { use: 'home', line: ['1 Any\u00a0Street'], city: 'Exeter', state: 'DE', country: 'GB', postalCode: 'EX1 1AA' },
  ],
  maritalStatus: concept('http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', 'M'),
  contact: [{ relationship: [{ text: 'mother' }], name: { family: 'Muster' } }],
  managingOrganization: { reference: 'Organization/org' },
}

const order: Json = {
  resourceType: 'ServiceRequest',
  id: 'order-1',
  status: 'active',
  intent: 'order',
  code: { text: 'full blood count' },
  subject: { reference: 'Patient/patient' },
}

export const heartRate: Json = {
  resourceType: 'Observation',
  id: 'obs-1',
  status: 'final',
  category: [vital],
  code: concept(loinc, '8867-4', 'Heart rate'),
  subject: { reference: 'Patient/patient' },
  effectiveDateTime: '2026-11-24T08:00:00+01:00',
  valueQuantity: quantity(72, 'beats/minute', '/min'),
  device: { reference: 'Device/watch' },
}

const pressure: Json = {
  resourceType: 'Observation',
  id: 'bp',
  status: 'final',
  category: [vital],
  code: concept(loinc, '85354-9', 'Blood pressure panel with all children optional'),
  subject: { reference: 'Patient/patient' },
  effectiveDateTime: '2026-11-24T08:00:00Z',
  component: [
    { code: concept(loinc, '8480-6', 'Systolic blood pressure'), valueQuantity: quantity(120, 'mmHg', 'mm[Hg]') },
    { code: concept(loinc, '8462-4', 'Diastolic blood pressure'), valueQuantity: quantity(80, 'mmHg', 'mm[Hg]') },
  ],
}

const lab: Json = {
  resourceType: 'Observation',
  id: 'lab-1',
  status: 'final',
  code: { ...concept(loinc, '2951-2', 'Sodium [Moles/volume] in Serum or Plasma'), text: 'Na' },
  subject: { reference: 'Patient/patient' },
  effectiveDateTime: '2026-11-24',
  valueQuantity: quantity(decimal('140.0'), 'mmol/L', 'mmol/L'),
  referenceRange: [{ low: quantity(135, 'mmol/L', 'mmol/L'), high: quantity(145, 'mmol/L', 'mmol/L') }],
}

const encounter: Json = {
  resourceType: 'Encounter',
  id: 'visit',
  status: 'in-progress',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'IMP' },
  subject: { reference: 'Patient/patient' },
  period: { start: '2026-11-20T10:00:00Z' },
  location: [{ location: { reference: 'Location/ward' }, status: 'active' }],
}

const intolerance: Json = {
  resourceType: 'AllergyIntolerance',
  id: 'allergy-1',
  clinicalStatus: concept(`${allergy}clinical`, 'active'),
  verificationStatus: concept(`${allergy}verification`, 'confirmed'),
  category: ['medication'],
  code: { text: 'penicillin' },
  patient: { reference: 'Patient/patient' },
  reaction: [{ manifestation: [{ text: 'rash' }], severity: 'mild' }],
}

const organization: Json = {
  resourceType: 'Organization',
  id: 'org',
  name: 'North Clinic',
  telecom: [{ system: 'phone', value: '1', use: 'work' }],
}

const location: Json = {
  resourceType: 'Location',
  id: 'ward',
  status: 'active',
  name: 'Ward 2',
  mode: 'instance',
  position: { longitude: decimal('3.50'), latitude: 50 },
}

const device: Json = {
  resourceType: 'Device',
  id: 'watch',
  status: 'active',
  manufacturer: 'Acme',
  deviceName: [{ name: 'Watch 3', type: 'model-name' }],
}

const sealedPatient: Json = {
  resourceType: 'Patient',
  id: 'p1-y6mguxnb7e6osiuhb5q2wdoujqodyuso',
  meta: {
    security: [
      { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'PSEUDED' },
      { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'MASKED' },
    ],
  },
  extension: [seal],
  identifier: [
    { use: 'usual', system: 'urn:oid:2.16.840.1.113883.19.5', extension: [seal], _value: { extension: [mask] } },
  ],
  name: [{ use: 'official', extension: [seal], _family: { extension: [mask] } }],
  telecom: [{ system: 'phone', extension: [seal], _value: { extension: [mask] } }],
  gender: 'male',
  birthDate: '1974',
  _birthDate: { extension: [seal] },
  address: [{ use: 'home', state: 'VT', country: 'US', extension: [seal] }],
  contact: [{ name: { extension: [seal], _family: { extension: [mask] } } }],
}

const contained = (inner: Json, rest: Json = {}) => ({
  ...heartRate,
  performer: [{ reference: '#nurse' }],
  contained: [inner],
  ...rest,
})
const nurse = { resourceType: 'Practitioner', id: 'nurse', name: [{ family: 'N' }] }

const bundle = (type: string, entry: Json[]): Json => ({ resourceType: 'Bundle', type, entry })
const uuid = 'urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a'

/** The copy of a resource with other members; `undefined` takes one away. */
function but(resource: Json, changes: Json): Json {
  const copy = { ...resource, ...changes }
  return Object.fromEntries(Object.entries(copy).filter(([, value]) => value !== undefined))
}

/** A type besides those above, with what most of its kind have. */
const relative: Json = {
  resourceType: 'RelatedPerson',
  id: 'mother',
  patient: { reference: 'Patient/patient' },
  relationship: [concept('http://terminology.hl7.org/CodeSystem/v3-RoleCode', 'MTH', 'mother')],
  name: [{ family: 'Müller' }],
  birthDate: '1950-01-02',
}

const problem: Json = {
  resourceType: 'Condition',
  id: 'diagnosis',
  clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'active'),
  category: [concept('http://terminology.hl7.org/CodeSystem/condition-category', 'encounter-diagnosis')],
  code: concept('http://hl7.org/fhir/sid/icd-10', 'I10'),
  subject: { reference: 'Patient/patient' },
  onsetDateTime: '2026-11',
}

const visit: Json = {
  resourceType: 'Appointment',
  id: 'slot',
  status: 'booked',
  appointmentType: concept('http://terminology.hl7.org/CodeSystem/v2-0276', 'ROUTINE'),
  start: '2026-11-24T08:00:00Z',
  end: '2026-11-24T08:20:00Z',
  minutesDuration: 20,
  participant: [{ actor: { reference: 'Patient/patient' }, status: 'accepted' }],
}

const vaccine: Json = {
  resourceType: 'Immunization',
  id: 'shot',
  status: 'completed',
  vaccineCode: concept('http://hl7.org/fhir/sid/cvx', '141'),
  patient: { reference: 'Patient/patient' },
  occurrenceDateTime: '2026-11-24',
  lotNumber: 'AB-1234',
  education: [{ reference: 'https://www.cdc.gov/vis', publicationDate: '2026' }],
  protocolApplied: [{ doseNumberPositiveInt: 2 }],
}

const drug = { medicationCodeableConcept: concept('http://www.nlm.nih.gov/research/umls/rxnorm', '197361') }
const dosage: Json = {
  text: 'one tablet twice a day',
  timing: { repeat: { frequency: 2, period: 1, periodUnit: 'd' } },
  route: concept('http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration', 'PO'),
  doseAndRate: [{ doseQuantity: quantity(5, 'mg', 'mg') }],
}

const given: Json = {
  resourceType: 'MedicationDispense',
  id: 'dispense',
  status: 'completed',
  ...drug,
  subject: { reference: 'Patient/patient' },
  quantity: { value: 30 },
  whenPrepared: '2026-11-24T08:00:00Z',
  whenHandedOver: '2026-11-24T09:00:00Z',
  dosageInstruction: [dosage],
}

const administered: Json = {
  resourceType: 'MedicationAdministration',
  id: 'given',
  status: 'completed',
  ...drug,
  subject: { reference: 'Patient/patient' },
  effectiveDateTime: '2026-11-24T08:00:00Z',
  dosage: { text: 'by mouth', dose: quantity(5, 'mg', 'mg') },
}

const charge: Json = {
  resourceType: 'ChargeItem',
  id: 'charge',
  status: 'billable',
  code: { text: 'consultation' },
  subject: { reference: 'Patient/patient' },
  quantity: { value: 1 },
  priceOverride: { value: decimal('120.00'), currency: 'EUR' },
}

const team: Json = {
  resourceType: 'CareTeam',
  id: 'team',
  status: 'active',
  subject: { reference: 'Patient/patient' },
  participant: [{ member: { reference: 'Practitioner/doctor' }, onBehalfOf: { reference: 'Organization/org' } }],
}

const link: Json = {
  resourceType: 'Linkage',
  id: 'link',
  active: true,
  item: [
    { type: 'source', resource: { reference: 'Patient/patient' } },
    { type: 'alternate', resource: { reference: 'RelatedPerson/mother' } },
  ],
}

/** One valid resource of every type that came with the whole of HL7 v2. */
export const more: readonly [string, Json][] = [
  ['a relative', relative],
  ['a condition', problem],
  [
    'a condition that is over',
    but(problem, {
      clinicalStatus: concept('http://terminology.hl7.org/CodeSystem/condition-clinical', 'resolved'),
      abatementDateTime: '2026-11-24',
      stage: [{ summary: { text: 'II' } }],
      evidence: [{ code: [{ text: 'x-ray' }] }],
    }),
  ],
  [
    'a condition that was a mistake',
    but(problem, {
      clinicalStatus: undefined,
      verificationStatus: concept('http://terminology.hl7.org/CodeSystem/condition-ver-status', 'entered-in-error'),
    }),
  ],
  [
    'a procedure',
    {
      resourceType: 'Procedure',
      id: 'operation',
      status: 'completed',
      code: { text: 'appendectomy' },
      subject: { reference: 'Patient/patient' },
      performedDateTime: '2026-11-24T08:00:00Z',
      performer: [{ actor: { reference: 'Practitioner/doctor' } }],
    },
  ],
  [
    'a coverage',
    {
      resourceType: 'Coverage',
      id: 'insurance',
      status: 'active',
      subscriberId: 'M-123456',
      beneficiary: { reference: 'Patient/patient' },
      relationship: concept('http://terminology.hl7.org/CodeSystem/subscriber-relationship', 'self'),
      payor: [{ reference: 'Organization/org' }],
      class: [{ type: concept('http://terminology.hl7.org/CodeSystem/coverage-class', 'group'), value: '4711' }],
      costToBeneficiary: [{ valueMoney: { value: 10, currency: 'USD' } }],
    },
  ],
  [
    'a specimen',
    {
      resourceType: 'Specimen',
      id: 'tube',
      accessionIdentifier: { value: 'A-1' },
      status: 'available',
      type: concept('http://terminology.hl7.org/CodeSystem/v2-0487', 'BLD'),
      subject: { reference: 'Patient/patient' },
      collection: { collectedDateTime: '2026-11-24T07:00:00Z', quantity: quantity(5, 'mL', 'mL') },
      container: [{ description: 'red top' }],
    },
  ],
  ['an appointment', visit],
  ['an appointment without a time yet', but(visit, { status: 'proposed', start: undefined, end: undefined })],
  ['an appointment that was called off', but(visit, { status: 'cancelled', cancelationReason: { text: 'ill' } })],
  ['an appointment that was missed', but(visit, { status: 'noshow' })],
  ['an immunization', vaccine],
  [
    'a prescription',
    {
      resourceType: 'MedicationRequest',
      id: 'prescription',
      status: 'active',
      intent: 'order',
      ...drug,
      subject: { reference: 'Patient/patient' },
      groupIdentifier: { value: 'G-1' },
      dosageInstruction: [dosage],
      dispenseRequest: { numberOfRepeatsAllowed: 2, quantity: { value: 30 } },
      substitution: { allowedBoolean: true },
    },
  ],
  ['a dispense', given],
  ['an administration', administered],
  [
    'an infusion',
    but(administered, {
      dosage: { rateRatio: { numerator: quantity(100, 'mL', 'mL'), denominator: quantity(1, 'h', 'h') } },
    }),
  ],
  [
    'a document',
    {
      resourceType: 'DocumentReference',
      id: 'letter',
      masterIdentifier: { value: 'D-1' },
      status: 'current',
      docStatus: 'final',
      type: concept(loinc, '18842-5'),
      subject: { reference: 'Patient/patient' },
      date: '2026-11-24T08:00:00Z',
      securityLabel: [concept('http://terminology.hl7.org/CodeSystem/v3-Confidentiality', 'N')],
      relatesTo: [{ code: 'replaces', target: { reference: 'DocumentReference/draft' } }],
      content: [{ attachment: { contentType: 'text/plain', data: 'SGFsbG8=', title: 'letter' } }],
    },
  ],
  [
    'an account',
    {
      resourceType: 'Account',
      id: 'account',
      status: 'active',
      name: 'Müller, Änne',
      subject: [{ reference: 'Patient/patient' }],
      guarantor: [{ party: { reference: 'RelatedPerson/mother' }, onHold: false }],
    },
  ],
  [
    'a provenance',
    {
      resourceType: 'Provenance',
      id: 'provenance',
      target: [{ reference: 'Observation/lab-1' }],
      recorded: '2026-11-24T08:00:00Z',
      activity: concept('http://terminology.hl7.org/CodeSystem/v3-DataOperation', 'UPDATE'),
      agent: [{ who: { reference: 'Practitioner/doctor' } }],
      signature: [
        {
          type: [{ system: 'urn:iso-astm:E1762-95:2013', code: '1.2.840.10065.1.12.1.1' }],
          when: '2026-11-24T08:00:00Z',
          who: { reference: 'Practitioner/doctor' },
        },
      ],
    },
  ],
  [
    'a message header',
    {
      resourceType: 'MessageHeader',
      id: 'header',
      eventCoding: { system: 'http://terminology.hl7.org/CodeSystem/v2-0003', code: 'A01' },
      source: { name: 'EHR', endpoint: 'urn:x:ehr' },
      destination: [{ name: 'BOX', endpoint: 'urn:x:box' }],
      response: { identifier: 'M1', code: 'ok' },
      focus: [{ reference: 'Patient/patient' }],
    },
  ],
  ['a care team', team],
  [
    'a role',
    {
      resourceType: 'PractitionerRole',
      id: 'role',
      practitioner: { reference: 'Practitioner/doctor' },
      specialty: [concept('http://nucc.org/provider-taxonomy', '207R00000X')],
      telecom: [{ system: 'phone', value: '1' }],
      notAvailable: [{ description: 'on leave' }],
    },
  ],
  [
    'an episode',
    {
      resourceType: 'EpisodeOfCare',
      id: 'episode',
      status: 'active',
      statusHistory: [{ status: 'planned', period: { start: '2026-10', end: '2026-11' } }],
      patient: { reference: 'Patient/patient' },
      diagnosis: [{ condition: { reference: 'Condition/diagnosis' }, rank: 1 }],
    },
  ],
  ['a charge', charge],
  ['a link', link],
]

export const good: readonly [string, Json][] = [
  ...more,
  ['a patient with names of all the world', patient],
  ['a heart rate', heartRate],
  ['a blood pressure', pressure],
  [
    'a blood pressure with a masked half',
    but(pressure, {
      component: [
        (pressure.component as Json[])[0]!,
        {
          code: concept(loinc, '8462-4'),
          dataAbsentReason: concept('http://terminology.hl7.org/CodeSystem/data-absent-reason', 'masked'),
        },
      ],
    }),
  ],
  ['a laboratory value with its digits', lab],
  [
    'oxygen saturation with both codes',
    but(heartRate, {
      code: {
        coding: [
          { system: loinc, code: '2708-6' },
          { system: loinc, code: '59408-5' },
        ],
      },
      valueQuantity: quantity(97, '%', '%'),
    }),
  ],
  [
    'a body temperature in degrees Celsius',
    but(heartRate, {
      code: concept(loinc, '8310-5'),
      valueQuantity: quantity(decimal('36.50'), 'Cel', 'Cel'),
    }),
  ],
  ['an encounter', encounter],
  [
    'a report',
    {
      resourceType: 'DiagnosticReport',
      id: 'report',
      status: 'final',
      code: { text: 'blood count' },
      subject: { reference: 'Patient/patient' },
      effectiveDateTime: '2026-11',
      issued: '2026-11-24T08:00:00.000Z',
      result: [{ reference: 'Observation/lab-1' }],
      presentedForm: [{ contentType: 'application/pdf', data: 'SGFsbG8=', title: 'report' }],
    },
  ],
  [
    'an order',
    but(order, { orderDetail: [{ text: 'fasting' }], occurrencePeriod: { start: '2025', end: '2026-11-24' } }),
  ],
  [
    'an order with a timing',
    but(order, {
      occurrenceTiming: { repeat: { frequency: 1, period: 1, periodUnit: 'd', when: ['AC'], offset: 30 } },
    }),
  ],
  ['an allergy', intolerance],
  [
    'an allergy that was a mistake',
    but(intolerance, {
      clinicalStatus: undefined,
      verificationStatus: concept(`${allergy}verification`, 'entered-in-error'),
    }),
  ],
  ['a practitioner', { ...nurse, qualification: [{ code: { text: 'RN' } }] }],
  ['an organization', organization],
  ['a location', location],
  ['a device', device],
  ['a leap day', but(patient, { birthDate: '2024-02-29' })],
  [
    'a time with its fraction after one without',
    but(encounter, { period: { start: '2026-11-24T08:00:00Z', end: '2026-11-24T09:00:00.500+01:00' } }),
  ],
  ['a leap second', but(lab, { effectiveDateTime: '2016-12-31T23:59:60Z' })],
  [
    'an unknown value with its reason',
    but(lab, {
      valueQuantity: undefined,
      dataAbsentReason: concept('http://terminology.hl7.org/CodeSystem/data-absent-reason', 'unknown'),
    }),
  ],
  [
    'a waveform',
    but(lab, {
      code: { text: 'ECG' },
      valueQuantity: undefined,
      referenceRange: undefined,
      valueSampledData: { origin: quantity(0, 'uV', 'uV'), period: 4, dimensions: 1, data: '1 2 E 3' },
    }),
  ],
  [
    'a narrative',
    but(lab, {
      text: {
        status: 'generated',
        div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>140 <b>mmol/L</b><br/></p></div>',
      },
    }),
  ],
  ['a contained practitioner', contained(nurse)],
  [
    'padding where only one given name is sealed',
    but(patient, {
      name: [{ given: ['Änne', null], _given: [null, { extension: [mask] }] }],
    }),
  ],
  [
    'a patient who speaks',
    but(patient, { communication: [{ language: concept('urn:ietf:bcp:47', 'de-CH'), preferred: true }] }),
  ],
  ['a logical reference', but(lab, { subject: { type: 'Patient', identifier: mrn } })],
  ['a sealed patient', sealedPatient],
  [
    'a sealed patient of ninety',
    but(sealedPatient, { birthDate: undefined, _birthDate: { extension: [seal, mask, band] } }),
  ],
  [
    'a sealed observation',
    but(lab, {
      note: [{ extension: [seal], _text: { extension: [mask] } }],
      code: { coding: [{ system: loinc, code: '2951-2' }], extension: [seal] },
      performer: [{ reference: 'Practitioner/p1-kgxpdzj5y6nhqawqyxaxcnh3z3itrdfb', extension: [seal] }],
    }),
  ],
  [
    'a sealed text value',
    but(lab, {
      valueQuantity: undefined,
      referenceRange: undefined,
      _valueString: { extension: [seal, mask] },
    }),
  ],
  [
    'a sealed organization',
    but(organization, { name: undefined, _name: { extension: [seal, mask] }, telecom: undefined }),
  ],
  [
    'a sealed attachment',
    {
      resourceType: 'Binary',
      id: 'p1-y6mguxnb7e6osiuhb5q2wdoujqodyuso-1',
      contentType: 'application/vnd.clinic-gateway.sealed',
      data: 'AAECAwQFBgcICQoL',
    },
  ],
  [
    'a transaction',
    bundle('transaction', [{ fullUrl: uuid, resource: patient, request: { method: 'POST', url: 'Patient' } }]),
  ],
  [
    'an outcome',
    {
      resourceType: 'OperationOutcome',
      issue: [
        {
          severity: 'error',
          code: 'invalid',
          details: { text: 'not valid FHIR R4' },
          expression: ['Patient.birthDate'],
        },
      ],
    },
  ],
]

/** Name of the rule, the resource, and where the finding is. */
export const bad: readonly [string, Json, string][] = [
  // structure
  ['an unknown member', but(patient, { Anna: 1 }), 'Patient.?'],
  ['an unknown member inside', but(patient, { name: [{ family: 'M', surname: 'M' }] }), 'Patient.name[0].?'],
  ['an underscore beside a complex member', but(patient, { _name: {} }), 'Patient.?'],
  ['one where there are many', but(patient, { name: { family: 'M' } }), 'Patient.name'],
  ['many where there is one', but(patient, { gender: ['female'] }), 'Patient.gender'],
  ['an empty array', but(patient, { name: [] }), 'Patient.name'],
  ['an empty object (ele-1)', but(patient, { name: [{}] }), 'Patient.name[0]'],
  ['an element with an id only (ele-1)', but(patient, { name: [{ id: 'a' }] }), 'Patient.name[0]'],
  ['null', but(patient, { gender: null }), 'Patient.gender'],
  ['padding without a companion', but(patient, { name: [{ given: ['A', null] }] }), 'Patient.name[0].given[1]'],
  [
    'a companion of another length',
    but(patient, { name: [{ given: ['A', 'B'], _given: [null, null, { extension: [mask] }] }] }),
    'Patient.name[0].given',
  ],
  ['a string where an object is due', but(patient, { name: ['Anna'] }), 'Patient.name[0]'],
  ['an object where a string is due', but(organization, { name: { text: 'x' } }), 'Organization.name'],
  ['no status', but(lab, { status: undefined }), 'Observation.status'],
  ['no code', but(lab, { code: undefined }), 'Observation.code'],
  ['no patient of an allergy', but(intolerance, { patient: undefined }), 'AllergyIntolerance.patient'],
  ['no class of an encounter', but(encounter, { class: undefined }), 'Encounter.class'],
  ['no text of an annotation', but(lab, { note: [{ time: '2026' }] }), 'Observation.note[0].text'],
  ['two values of one choice', but(lab, { valueString: 'x' }), 'Observation.valueString'],
  ['two values, one masked', but(lab, { _valueString: { extension: [mask] } }), 'Observation.valueString'],
  ['deceased twice', but(patient, { deceasedBoolean: true, deceasedDateTime: '2026' }), 'Patient.deceasedDateTime'],
  ['a contained resource without type', contained({ id: 'nurse' }), 'Observation.contained[0].resourceType'],
  ['no resource type of R4', { resourceType: 'Anna', id: 'x' }, '?.resourceType'],
  // primitives
  ['an empty string', but(organization, { name: '' }), 'Organization.name'],
  ['a blank string', but(organization, { name: ' \n' }), 'Organization.name'],
  ['a control character', but(organization, { name: 'a\u0007b' }), 'Organization.name'],
  [
    'a number as text',
    but(lab, { valueQuantity: quantity('140', 'mmol/L', 'mmol/L') }),
    'Observation.valueQuantity.value',
  ],
  ['a boolean as text', but(patient, { active: 'true' }), 'Patient.active'],
  ['a fraction as integer', but(lab, { valueQuantity: undefined, valueInteger: 1.5 }), 'Observation.valueInteger'],
  [
    'an integer beyond 32 bits',
    but(lab, { valueQuantity: undefined, valueInteger: 2147483648 }),
    'Observation.valueInteger',
  ],
  [
    'zero as positiveInt',
    but(patient, { telecom: [{ system: 'phone', value: '1', rank: 0 }] }),
    'Patient.telecom[0].rank',
  ],
  ['the 30th of February', but(patient, { birthDate: '2026-02-30' }), 'Patient.birthDate'],
  ['the 29th of February of a common year', but(patient, { birthDate: '2100-02-29' }), 'Patient.birthDate'],
  ['the 31st of April', but(lab, { effectiveDateTime: '2026-04-31T08:00:00Z' }), 'Observation.effectiveDateTime'],
  ['month 13', but(patient, { birthDate: '2026-13' }), 'Patient.birthDate'],
  ['a date with a time', but(patient, { birthDate: '1974-12-25T00:00:00Z' }), 'Patient.birthDate'],
  ['a dateTime without zone', but(lab, { effectiveDateTime: '2026-11-24T08:00:00' }), 'Observation.effectiveDateTime'],
  ['a dateTime without seconds', but(lab, { effectiveDateTime: '2026-11-24T08:00Z' }), 'Observation.effectiveDateTime'],
  ['an instant that is a day', but(lab, { issued: '2026-11-24' }), 'Observation.issued'],
  ['an id with an underscore', but(patient, { id: 'a_b' }), 'Patient.id'],
  ['an id of 65 characters', but(patient, { id: 'a'.repeat(65) }), 'Patient.id'],
  [
    'a blank in a uri',
    but(patient, { identifier: [{ system: 'urn:x y', value: '1' }] }),
    'Patient.identifier[0].system',
  ],
  [
    'a bad OID',
    but(patient, { identifier: [{ system: 'urn:oid:2.16.01', value: '1' }] }),
    'Patient.identifier[0].system',
  ],
  [
    'a bad UUID',
    but(patient, { identifier: [{ system: 'urn:uuid:61ebe359', value: '1' }] }),
    'Patient.identifier[0].system',
  ],
  [
    'a relative system of an identifier',
    but(patient, { identifier: [{ system: 'mrn', value: '1' }] }),
    'Patient.identifier[0].system',
  ],
  [
    'a code with blanks at its end',
    but(lab, { valueQuantity: { value: 1, system: ucum, code: 'mmol/L ' } }),
    'Observation.valueQuantity.code',
  ],
  [
    'broken base64',
    {
      resourceType: 'DiagnosticReport',
      status: 'final',
      code: { text: 'x' },
      presentedForm: [{ contentType: 'text/plain', data: 'SGFsbG8' }],
    },
    'DiagnosticReport.presentedForm[0].data',
  ],
  // required bindings
  ['gender M', but(patient, { gender: 'M' }), 'Patient.gender'],
  [
    'no gender, with a reason',
    but(patient, { gender: undefined, _gender: { extension: [{ ...mask, valueCode: 'unknown' }] } }),
    'Patient.gender',
  ],
  [
    'a category without a value',
    but(intolerance, { category: ['food', null], _category: [null, { extension: [mask] }] }),
    'AllergyIntolerance.category[1]',
  ],
  ['an unknown status', but(lab, { status: 'finished' }), 'Observation.status'],
  [
    'a clinical status of another system',
    but(intolerance, { clinicalStatus: concept('http://loinc.org', 'active') }),
    'AllergyIntolerance.clinicalStatus.coding',
  ],
  [
    'an unknown clinical status',
    but(intolerance, { clinicalStatus: concept(`${allergy}clinical`, 'dormant') }),
    'AllergyIntolerance.clinicalStatus.coding',
  ],
  [
    'a clinical status in words',
    but(intolerance, { clinicalStatus: { text: 'active' } }),
    'AllergyIntolerance.clinicalStatus.coding',
  ],
  ['an unknown use of a name', but(patient, { name: [{ use: 'legal', family: 'M' }] }), 'Patient.name[0].use'],
  [
    'an unknown reason of absence',
    but(patient, { birthDate: undefined, _birthDate: { extension: [{ ...mask, valueCode: 'secret' }] } }),
    'Patient._birthDate.extension[0].valueCode',
  ],
  // references
  [
    'a reference to a type that may not be there',
    but(lab, { subject: { reference: 'Organization/org' } }),
    'Observation.subject.reference',
  ],
  ['a reference to no type', but(lab, { subject: { reference: 'Anna/1' } }), 'Observation.subject.reference'],
  ['a reference with a bad id', but(lab, { subject: { reference: 'Patient/a_b' } }), 'Observation.subject.reference'],
  [
    'ref-1: nothing of that name is contained',
    but(lab, { performer: [{ reference: '#nurse' }] }),
    'Observation.performer[0].reference',
  ],
  // invariants of datatypes
  [
    'ext-1: value and extensions',
    but(patient, { extension: [{ ...seal, extension: [mask] }] }),
    'Patient.extension[0]',
  ],
  ['ext-1: neither', but(patient, { extension: [{ url: seal.url }] }), 'Patient.extension[0]'],
  ['an extension without url', but(patient, { extension: [{ valueString: 'x' }] }), 'Patient.extension[0].url'],
  [
    'our extension with another type',
    but(patient, { extension: [{ url: seal.url, valueBoolean: true }] }),
    'Patient.extension[0].valueString',
  ],
  ['per-1', but(encounter, { period: { start: '2026-11-24', end: '2026-11-20' } }), 'Encounter.period.end'],
  [
    'per-1: nobody knows',
    but(encounter, { period: { start: '2026-11-24', end: '2026-11-24T10:00:00Z' } }),
    'Encounter.period.end',
  ],
  [
    'a code that its system does not have',
    but(patient, { maritalStatus: concept('http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', 'MARRIED') }),
    'Patient.maritalStatus.coding[0].code',
  ],
  [
    'a unit that UCUM does not have',
    but(lab, { valueQuantity: quantity(1, 'mEq/L', 'mEq/L') }),
    'Observation.valueQuantity.code',
  ],
  [
    'an identifier that is no URI though it says so',
    but(patient, { identifier: [{ system: 'urn:ietf:rfc:3986', value: '2.16.840.1' }] }),
    'Patient.identifier[0].value',
  ],
  ['a language by its name', but(patient, { language: 'ENGLISH' }), 'Patient.language'],
  [
    'a language of another system',
    but(patient, { communication: [{ language: concept('urn:iso:std:iso:639:2', 'deu') }] }),
    'Patient.communication[0].language',
  ],
  [
    'a relative system of a quantity',
    but(lab, { valueQuantity: { value: 1, system: 'UCUM', code: 'g' } }),
    'Observation.valueQuantity.system',
  ],
  ['qty-3', but(lab, { valueQuantity: { value: 1, code: 'mmol/L' } }), 'Observation.valueQuantity.system'],
  [
    'sqty-1',
    but(lab, { referenceRange: [{ low: { ...quantity(1, 'mmol/L', 'mmol/L'), comparator: '<' } }] }),
    'Observation.referenceRange[0].low.comparator',
  ],
  [
    'rng-2',
    but(lab, { valueQuantity: undefined, valueRange: { low: quantity(2, 'g', 'g'), high: quantity(1, 'g', 'g') } }),
    'Observation.valueRange.high',
  ],
  [
    'rat-1',
    but(lab, { valueQuantity: undefined, valueRatio: { numerator: { value: 1 } } }),
    'Observation.valueRatio.denominator',
  ],
  ['cpt-2', but(patient, { telecom: [{ value: '1' }] }), 'Patient.telecom[0].system'],
  ['att-1', but(patient, { photo: [{ data: 'AAAA' }] }), 'Patient.photo[0].contentType'],
  [
    'tim-1',
    but(order, { occurrenceTiming: { repeat: { duration: 1 } } }),
    'ServiceRequest.occurrenceTiming.repeat.durationUnit',
  ],
  [
    'tim-2',
    but(order, { occurrenceTiming: { repeat: { period: 1 } } }),
    'ServiceRequest.occurrenceTiming.repeat.periodUnit',
  ],
  [
    'tim-5',
    but(order, { occurrenceTiming: { repeat: { period: -1, periodUnit: 'd' } } }),
    'ServiceRequest.occurrenceTiming.repeat.period',
  ],
  [
    'tim-6',
    but(order, { occurrenceTiming: { repeat: { periodMax: 1 } } }),
    'ServiceRequest.occurrenceTiming.repeat.period',
  ],
  [
    'tim-9',
    but(order, { occurrenceTiming: { repeat: { offset: 5 } } }),
    'ServiceRequest.occurrenceTiming.repeat.offset',
  ],
  [
    'tim-10',
    but(order, { occurrenceTiming: { repeat: { timeOfDay: ['08:00:00'], when: ['AC'] } } }),
    'ServiceRequest.occurrenceTiming.repeat.timeOfDay',
  ],
  [
    'txt-1',
    but(lab, {
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>' },
    }),
    'Observation.text.div',
  ],
  [
    'txt-2',
    but(lab, { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"> </div>' } }),
    'Observation.text.div',
  ],
  // invariants of resources
  ['pat-1', but(patient, { contact: [{ gender: 'female' }] }), 'Patient.contact[0]'],
  ['obs-3', but(lab, { referenceRange: [{ appliesTo: [{ text: 'x' }] }] }), 'Observation.referenceRange[0]'],
  ['obs-6', but(lab, { dataAbsentReason: { text: 'x' } }), 'Observation.dataAbsentReason'],
  [
    'obs-7',
    but(lab, {
      component: [{ code: concept(loinc, '2951-2', 'Sodium [Moles/volume] in Serum or Plasma'), valueString: 'x' }],
    }),
    'Observation.component[0].code',
  ],
  ['ait-1', but(intolerance, { clinicalStatus: undefined }), 'AllergyIntolerance.clinicalStatus'],
  [
    'ait-2',
    but(intolerance, { verificationStatus: concept(`${allergy}verification`, 'entered-in-error') }),
    'AllergyIntolerance.clinicalStatus',
  ],
  ['prr-1', but(order, { code: undefined, orderDetail: [{ text: 'x' }] }), 'ServiceRequest.orderDetail'],
  ['org-1', { resourceType: 'Organization', id: 'o', active: true }, 'Organization'],
  ['org-2', but(organization, { address: [{ use: 'home', city: 'X' }] }), 'Organization.address'],
  ['org-3', but(organization, { telecom: [{ system: 'phone', value: '1', use: 'home' }] }), 'Organization.telecom'],
  [
    'dom-2',
    contained({ ...nurse, contained: [{ resourceType: 'Device', id: 'd', owner: { reference: '#' } }] }),
    'Observation.contained[0]',
  ],
  ['dom-3', contained(nurse, { performer: [{ display: 'nobody' }] }), 'Observation.contained[0]'],
  ['dom-4', contained({ ...nurse, meta: { versionId: '1' } }), 'Observation.contained[0]'],
  [
    'dom-5',
    contained({ ...nurse, meta: { security: [mask.url].map(system => ({ system, code: 'R' })) } }),
    'Observation.contained[0]',
  ],
  ['con-1', but(problem, { stage: [{ type: { text: 'TNM' } }] }), 'Condition.stage[0]'],
  ['con-2', but(problem, { evidence: [{ extension: [mask] }] }), 'Condition.evidence[0]'],
  ['con-4', but(problem, { abatementDateTime: '2026' }), 'Condition.clinicalStatus'],
  [
    'con-5',
    but(problem, {
      verificationStatus: concept('http://terminology.hl7.org/CodeSystem/condition-ver-status', 'entered-in-error'),
    }),
    'Condition.clinicalStatus',
  ],
  ['app-1', but(visit, { participant: [{ status: 'accepted' }] }), 'Appointment.participant[0]'],
  ['app-2', but(visit, { end: undefined }), 'Appointment.end'],
  ['app-3', but(visit, { start: undefined, end: undefined }), 'Appointment.start'],
  ['app-4', but(visit, { cancelationReason: { text: 'ill' } }), 'Appointment.cancelationReason'],
  [
    'app-4: missed, as R4 words it',
    but(visit, { status: 'noshow', cancelationReason: { text: 'ill' } }),
    'Appointment.cancelationReason',
  ],
  ['imm-1', but(vaccine, { education: [{ publicationDate: '2026' }] }), 'Immunization.education[0]'],
  ['mdd-1', but(given, { whenHandedOver: '2026-11-24T07:59:59Z' }), 'MedicationDispense.whenHandedOver'],
  ['mad-1', but(administered, { dosage: { text: 'by mouth' } }), 'MedicationAdministration.dosage'],
  [
    'ctm-1',
    but(team, {
      contained: [but(relative, { id: 'r' })],
      participant: [{ member: { reference: '#r' }, onBehalfOf: { reference: 'Organization/org' } }],
    }),
    'CareTeam.participant[0].onBehalfOf',
  ],
  ['lnk-1', but(link, { item: [(link.item as Json[])[0]] }), 'Linkage.item'],
  [
    'a currency of nobody',
    but(charge, { priceOverride: { value: 1, currency: 'XXQ' } }),
    'ChargeItem.priceOverride.currency',
  ],
  [
    'a relative who speaks a language of another system',
    but(relative, { communication: [{ language: concept('urn:iso:std:iso:639:2', 'deu') }] }),
    'RelatedPerson.communication[0].language',
  ],
  ['an appointment of no status', but(visit, { status: 'done' }), 'Appointment.status'],
  [
    'a contained resource without id in a type of HL7 v2',
    but(team, { contained: [but(relative, { id: undefined })] }),
    'CareTeam.contained[0]',
  ],
  // vital signs
  [
    'a heart rate in bpm',
    but(heartRate, { valueQuantity: quantity(72, 'bpm', 'bpm') }),
    'Observation.valueQuantity.code',
  ],
  [
    'a heart rate without unit',
    but(heartRate, { valueQuantity: { value: 72, system: ucum, code: '/min' } }),
    'Observation.valueQuantity.unit',
  ],
  ['a heart rate without category', but(heartRate, { category: undefined }), 'Observation.category'],
  ['a heart rate without a time', but(heartRate, { effectiveDateTime: undefined }), 'Observation.effectiveDateTime'],
  ['vs-1: the year only', but(heartRate, { effectiveDateTime: '2026' }), 'Observation.effectiveDateTime'],
  ['vs-2: no value and no reason', but(heartRate, { valueQuantity: undefined }), 'Observation.dataAbsentReason'],
  [
    'vs-1: a period',
    but(heartRate, { effectiveDateTime: undefined, effectivePeriod: { start: '2026-11-24' } }),
    'Observation.effectiveDateTime',
  ],
  ['a heart rate of nobody', but(heartRate, { subject: undefined }), 'Observation.subject'],
  ['a heart rate of a device', but(heartRate, { subject: { reference: 'Device/watch' } }), 'Observation.subject'],
  ['a heart rate in words', but(heartRate, { valueQuantity: undefined, valueString: 'fast' }), 'Observation.value'],
  [
    'a blood pressure with one component',
    but(pressure, { component: [(pressure.component as Json[])[0]] }),
    'Observation.component',
  ],
  [
    'a blood pressure in kPa',
    but(pressure, {
      component: (pressure.component as Json[]).map(c => ({ ...c, valueQuantity: quantity(16, 'kPa', 'kPa') })),
    }),
    'Observation.component[0].valueQuantity.code',
  ],
  [
    'vs-3: a component without value',
    but(pressure, { component: (pressure.component as Json[]).map((c, i) => (i ? { code: c.code } : c)) }),
    'Observation.component[1].dataAbsentReason',
  ],
  [
    'oxygen saturation without 2708-6',
    but(heartRate, { code: concept(loinc, '59408-5'), valueQuantity: quantity(97, '%', '%') }),
    'Observation.code.coding',
  ],
  [
    'a temperature in C',
    but(heartRate, { code: concept(loinc, '8310-5'), valueQuantity: quantity(36.5, 'C', 'C') }),
    'Observation.valueQuantity.code',
  ],
  [
    'a height in metres',
    but(heartRate, { code: concept(loinc, '8302-2'), valueQuantity: quantity(1.8, 'm', 'm') }),
    'Observation.valueQuantity.code',
  ],
  [
    'a profile that is not kept',
    but(lab, { meta: { profile: ['http://hl7.org/fhir/StructureDefinition/heartrate'] } }),
    'Observation.category',
  ],
  // Bundle
  ['bdl-3', bundle('transaction', [{ fullUrl: uuid, resource: patient }]), 'Bundle.entry[0].request'],
  [
    'bdl-7',
    bundle('collection', [
      { fullUrl: uuid, resource: patient },
      { fullUrl: uuid, resource: patient },
    ]),
    'Bundle.entry[1].fullUrl',
  ],
  [
    'a relative fullUrl',
    bundle('collection', [{ fullUrl: 'Patient/patient', resource: patient }]),
    'Bundle.entry[0].fullUrl',
  ],
  [
    'a mistake inside a Bundle',
    bundle('collection', [{ fullUrl: uuid, resource: but(patient, { gender: 'M' }) }]),
    'Bundle.entry[0].resource.gender',
  ],
]
