import { describe, expect, it } from 'vitest'
import { takenTypes } from '../../../adapters/fhir-http/release.ts'
import type { Change } from '../../../src/records.ts'
import { good, more } from '../../src/fhir/cases.ts'
import { type Json, lone, mrn, refusal, transaction, translate } from './requests.ts'

const ben = { ...mrn, value: '2' }
const posted = (resource: Json) => ({ resource, request: { method: 'POST', url: resource.resourceType } })
const sample = (type: string): Json => [...more, ...good].find(([, one]) => one.resourceType === type)![1]
const lastOf = (changes: readonly Change[], type: string) =>
  changes.findLast(({ resource }) => resource.resourceType === type)!

/** What `create` of one resource makes, with references by identifier. */
function created(type: string, over: Json): Change {
  return lastOf(translate({ type, body: { ...sample(type), ...over }, messageId: 'k' }).changes, type)
}

describe('whose a resource is', () => {
  const nobody = { resourceType: 'Practitioner', id: 'doctor', active: true }
  const others: Json[] = [
    ...[lone, nobody, sample('Organization'), { ...sample('Location'), managingOrganization: undefined }],
    ...[sample('Observation'), sample('ServiceRequest'), sample('AllergyIntolerance'), sample('DiagnosticReport')],
    ...[sample('Encounter'), sample('Device'), { ...sample('DocumentReference'), id: 'draft', relatesTo: undefined }],
    { ...sample('Observation'), id: 'lab-1', code: { text: 'x' }, valueQuantity: undefined, device: undefined },
  ]
  const taken = more.map(([, one]) => one).filter(one => (takenTypes as readonly unknown[]).includes(one.resourceType))
  // of several with one id the last; one masterIdentifier would name two documents
  const all = [...others, ...taken].map((one: Json) => ({ ...one, masterIdentifier: undefined }) as Json)
  const clinic = [...new Map(all.map(one => [`${one.resourceType}/${one.id}`, one])).values()]

  it('is found for every type of this release', () => {
    const { changes } = translate({ body: transaction(...clinic.map(posted)), messageId: 'k' })
    expect(new Set(changes.map(({ resource }) => resource.resourceType))).toEqual(new Set(takenTypes))
    const impersonal = ['Organization', 'Practitioner', 'PractitionerRole', 'Location', 'Device']
    for (const { resource, subject, alsoFor } of changes) {
      expect({ type: resource.resourceType, subject, alsoFor }).toEqual({
        type: resource.resourceType,
        subject: impersonal.includes(resource.resourceType) ? null : mrn,
        alsoFor: undefined,
      })
    }
  })

  it.each([
    ['Condition', { subject: { identifier: mrn } }],
    ['Procedure', { subject: { identifier: mrn }, performer: undefined }],
    ['Coverage', { beneficiary: { identifier: mrn }, payor: [{ display: 'X' }] }],
    ['RelatedPerson', { patient: { identifier: mrn } }],
    ['Immunization', { patient: { identifier: mrn } }],
    ['EpisodeOfCare', { patient: { identifier: mrn }, diagnosis: undefined }],
    ['Account', { subject: [{ identifier: mrn }], guarantor: undefined }],
    ['Specimen', { subject: { identifier: mrn } }],
    ['MedicationDispense', { subject: { identifier: mrn } }],
    ['Appointment', { participant: [{ actor: { type: 'Patient', identifier: mrn }, status: 'accepted' }] }],
    [
      'Provenance',
      { target: [{ type: 'Patient', identifier: mrn }], agent: [{ who: { display: 'X' } }], signature: undefined },
    ],
  ])('is told by identifier: %s', (type, over) => {
    expect(created(type, over).subject).toEqual(mrn)
  })

  it('is several people where several are named', () => {
    const participant = [mrn, ben, mrn].map(identifier => ({
      actor: { type: 'Patient', identifier },
      status: 'accepted',
    }))
    expect(created('Appointment', { participant })).toMatchObject({ subject: mrn, alsoFor: [ben] })
    const family = { subject: [{ identifier: ben }, { identifier: mrn }], guarantor: undefined }
    expect(created('Account', family)).toMatchObject({ subject: ben, alsoFor: [mrn] })
  })

  it('is nobody where a provenance is of what is nobody’s', () => {
    const target = [{ type: 'Practitioner', identifier: { system: 'urn:x', value: '1' } }]
    expect(
      created('Provenance', { target, agent: [{ who: { display: 'X' } }], signature: undefined }).subject,
    ).toBeNull()
  })

  it.each([
    ['Specimen', { subject: undefined }, 'held E_NO_PATIENT Specimen.subject'],
    [
      'Coverage',
      { beneficiary: { display: 'Anna' }, payor: [{ display: 'X' }] },
      'held E_NO_PATIENT Coverage.beneficiary',
    ],
    [
      'Appointment',
      { participant: [{ actor: { display: 'Anna' }, status: 'accepted' }] },
      'held E_NO_PATIENT Appointment.participant',
    ],
    [
      'Provenance',
      { target: [{ display: 'Anna' }], agent: [{ who: { display: 'X' } }], signature: undefined },
      'held E_NO_PATIENT Provenance.target',
    ],
    ['MessageHeader', {}, 'never E_TYPE MessageHeader'],
    ['Linkage', {}, 'never E_TYPE Linkage'],
  ])('is not guessed: %s', (type, over, answer) => {
    expect(refusal({ type, body: { ...sample(type), ...over } })).toBe(answer)
  })
})

describe('names of the types of HL7 v2', () => {
  it('are the master identifier of a document that has no other', () => {
    const own = { system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.4' }
    const document = { subject: { identifier: mrn }, relatesTo: undefined, masterIdentifier: own }
    expect(created('DocumentReference', document).identity).toEqual([own])
  })

  it('are not looked for in the address of a leaflet', () => {
    const { resource } = created('Immunization', {
      patient: { identifier: mrn },
      education: [{ reference: 'https://www.cdc.gov/vis' }],
    })
    expect(resource).toMatchObject({ education: [{ reference: 'https://www.cdc.gov/vis' }] })
  })
})
