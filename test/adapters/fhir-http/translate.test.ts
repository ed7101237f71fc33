import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fhirTranslator } from '../../../adapters/fhir-http/translate.ts'
import type { Translated } from '../../../src/records.ts'
import { patient } from '../../src/fhir/cases.ts'
import {
  arrival,
  entry,
  type Json,
  lone,
  measured,
  mrn,
  type Request,
  refusal,
  transaction,
  translate,
  uuid,
} from './requests.ts'

describe('create', () => {
  it('names a patient by its identifiers and forgets the client id', () => {
    const { changes, repeatable } = translate({ type: 'Patient', body: { ...lone, id: '4711' } })
    expect(changes).toMatchObject([{ verb: 'replace', identity: [mrn], subject: mrn, resource: { id: 'patient-1' } }])
    expect(repeatable).toBe(false)
  })

  it('keeps the digits of decimals', () => {
    const body = JSON.stringify(measured).replace('"value":72', '"value":72.50')
    const [, observation] = translate({ type: 'Observation', body }).changes
    expect(JSON.stringify(observation!.resource)).toContain('"value":72.50')
  })

  it('makes a thin patient of a subject that is known by identifier', () => {
    const { changes } = translate({ type: 'Observation', body: measured })
    expect(changes).toMatchObject([
      { verb: 'ensure', identity: [mrn], subject: mrn, resource: { resourceType: 'Patient', id: 'patient-ref-1' } },
      { verb: 'replace', subject: mrn, resource: { subject: { reference: 'Patient/patient-ref-1' } } },
    ])
  })

  it('names a resource by its identifier, else by Idempotency-Key, else by its content', () => {
    const own = { system: 'urn:oid:2.16.840.1.113883.19.6', value: 'A1' }
    const identityOf = (request: Omit<Request, 'type'>) =>
      translate({ type: 'Observation', ...request }).changes.at(-1)!.identity
    expect(identityOf({ body: { ...measured, identifier: [own] } })).toEqual([own])
    expect(identityOf({ body: measured, messageId: 'k1' })).toEqual([{ system: 'client:lab', value: 'k1' }])
    expect(identityOf({ body: measured })).toEqual(identityOf({ body: JSON.stringify(measured, null, 2) }))
    expect(identityOf({ body: measured })).not.toEqual(identityOf({ body: { ...measured, status: 'amended' } }))
  })

  it('says that a name holds for this message only', () => {
    expect(translate({ type: 'Observation', body: measured }).issues).toEqual([
      { code: 'E_PROVISIONAL', at: 'Observation' },
    ])
    const withKey = translate({ type: 'Observation', body: measured, messageId: 'k1' })
    expect([withKey.issues, withKey.repeatable]).toEqual([[], true])
  })

  it('ensures where If-None-Exist names an identifier', () => {
    const meta = { ifNoneExist: `identifier=${encodeURIComponent(`${mrn.system}|${mrn.value}`)}` }
    expect(translate({ type: 'Patient', body: lone, meta }).changes).toMatchObject([
      { verb: 'ensure', identity: [mrn] },
    ])
  })

  it('never makes a name of a number that names a person everywhere', () => {
    const ssn = { system: 'http://hl7.org/fhir/sid/us-ssn', value: '999-99-9999' }
    const licence = {
      type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'DL' }] },
      system: 'urn:x:dl',
      value: '1',
    }
    expect(
      translate({ type: 'Patient', body: { ...lone, identifier: [ssn, licence, mrn] } }).changes[0]!.identity,
    ).toEqual([mrn])
    expect(refusal({ type: 'Patient', body: { ...lone, identifier: [ssn] } })).toBe(
      'held E_NO_PATIENT Patient.identifier',
    )
  })

  it.each([
    ['http://hl7.org/fhir/sid/us-ssn', 'If-None-Exist'],
    ['urn:oid:2.16.840.1.113883.4.1', 'If-None-Exist'],
    ['urn:oid:2.16.840.1.113883.4.3.25', 'If-None-Exist'],
    ['urn:oid:2.16.840.1.113883.4.330.203', 'If-None-Exist'],
    ['urn:x:dl', 'Patient.identifier'],
  ])('nor where a condition asks for one: %s', (system, at) => {
    const licence = { type: { coding: [{ code: 'DL' }] }, system: 'urn:x:dl', value: '1' }
    const meta = { ifNoneExist: `identifier=${system}|1` }
    const body = { ...lone, identifier: [licence, mrn] }
    expect(refusal({ type: 'Patient', body, meta })).toBe(`never E_FIELD_TYPE ${at}`)
    const request = { method: 'PUT', url: `Patient?${meta.ifNoneExist}` }
    const place = at === 'If-None-Exist' ? 'Bundle.entry[0].request' : 'Bundle.entry[0].resource.identifier'
    expect(refusal({ body: transaction(entry(1, body, request)) })).toBe(`never E_FIELD_TYPE ${place}`)
  })

  it('holds what is about nobody, or about somebody it does not know', () => {
    const at = (subject: unknown) =>
      refusal({ type: 'Observation', body: { ...measured, code: { text: 'x' }, subject } })
    expect(at(undefined)).toBe('held E_NO_PATIENT Observation.subject')
    expect(at({ display: 'Anna' })).toBe('held E_NO_PATIENT Observation.subject')
    expect(at({ reference: 'Patient/4711' })).toBe('held E_REFERENCE Observation.subject')
    expect(at({ reference: 'https://ehr.clinic.test/fhir/Patient/4711' })).toBe('held E_REFERENCE Observation.subject')
    expect(at({ reference: uuid(1) })).toBe('held E_REFERENCE Observation.subject')
    const encounter = { ...measured, encounter: { type: 'Encounter', identifier: mrn } }
    expect(refusal({ type: 'Observation', body: encounter })).toBe('held E_REFERENCE Observation.encounter')
  })

  it.each<[string, Request, string]>([
    ['broken JSON', { type: 'Patient', body: '{' }, 'never E_JSON $.?'],
    ['nesting', { type: 'Patient', body: '['.repeat(100) + ']'.repeat(100) }, 'E_JSON_DEPTH'],
    ['__proto__', { type: 'Patient', body: '{"resourceType":"Patient","__proto__":{"a":1}}' }, 'never E_JSON_KEY $.?'],
    [
      'a member twice',
      { type: 'Patient', body: '{"resourceType":"Patient","id":"a","id":"b"}' },
      'never E_JSON_KEY $.?',
    ],
    [
      'another type than the URL',
      { type: 'Observation', body: patient },
      'never E_FHIR_INVALID Observation.resourceType',
    ],
    ['no resource', { type: 'Patient', body: [] }, 'never E_FHIR_INVALID Patient.resourceType'],
    ['a type that is not taken', { type: 'Medication', body: {} }, 'never E_TYPE Medication'],
    ['invalid FHIR', { type: 'Patient', body: { ...lone, gender: 'M' } }, 'never E_FHIR_INVALID Patient.gender'],
    ['an unknown member', { type: 'Patient', body: { ...lone, Anna: 1 } }, 'never E_FHIR_INVALID Patient.?'],
    [
      'another search',
      { type: 'Patient', body: lone, meta: { ifNoneExist: 'name=Anna' } },
      'never E_FIELD_TYPE If-None-Exist',
    ],
    ['a type out of scope', { type: 'Patient', body: lone, scopes: ['Observation'] }, 'never E_SCOPE Patient'],
  ])('refuses %s', (_, request, answer) => {
    expect(refusal(request)).toContain(answer)
  })
})

describe('transaction', () => {
  it('resolves references between entries, whatever their order', () => {
    const observation = { ...measured, subject: { reference: uuid(1) }, performer: [{ reference: 'Practitioner/77' }] }
    const nurse = { resourceType: 'Practitioner', id: '77', name: [{ family: 'N' }] }
    const named = {
      fullUrl: 'https://ehr.clinic.test/fhir/Practitioner/77',
      resource: nurse,
      request: { method: 'POST', url: 'Practitioner' },
    }
    const { changes } = translate({ body: transaction(entry(2, observation), entry(1, lone), named), messageId: 'k' })
    expect(changes.map(change => change.resource.id)).toEqual(['practitioner-3', 'patient-2', 'observation-1'])
    expect(changes[2]).toMatchObject({
      identity: [{ system: 'client:lab', value: 'k#0' }],
      subject: mrn,
      resource: {
        subject: { reference: 'Patient/patient-2' },
        performer: [{ reference: 'Practitioner/practitioner-3' }],
      },
    })
  })

  it('leads a reference by identifier to the entry that has it', () => {
    const { changes } = translate({ body: transaction(entry(1, lone), entry(2, measured)) })
    expect(changes.map(change => change.resource.id)).toEqual(['patient-1', 'observation-2'])
    expect(changes[1]).toMatchObject({ subject: mrn, resource: { subject: { reference: 'Patient/patient-1' } } })
  })

  const anna = { ...lone, id: '1' }
  const ben = { ...lone, id: '1', identifier: [{ ...mrn, value: '2' }] }
  const reading = { ...measured, id: '7', subject: { reference: 'Patient/1' } }
  const posted = (resource: Json, fullUrl?: string) => ({
    ...(fullUrl ? { fullUrl } : {}),
    resource,
    request: { method: 'POST', url: resource.resourceType },
  })
  const at = (base: string, { resourceType, id }: Json) => `${base}/fhir/${resourceType}/${id}`
  const [a, b] = ['http://a.example', 'http://b.example']

  it('leads a relative reference to the server of its own entry', () => {
    const people = [posted(anna, at(a, anna)), posted(ben, at(b, ben))]
    const subjectFrom = (base: string) => {
      const { changes } = translate({ body: transaction(...people, posted(reading, at(base, reading))) })
      return changes.at(-1)!.subject
    }
    expect([subjectFrom(a), subjectFrom(b)]).toEqual([mrn, { ...mrn, value: '2' }])
  })

  it('holds a relative reference to what the server of its own entry has not sent', () => {
    const body = transaction(posted(ben, at(b, ben)), posted(reading, at(a, reading)))
    expect(refusal({ body })).toBe('held E_REFERENCE Bundle.entry[1].resource.subject')
  })

  it.each<[string, unknown[]]>([
    ['two entries without fullUrl', [posted(anna), posted(ben), posted(reading)]],
    ['entries of two servers', [posted(anna, at(a, anna)), posted(ben, at(b, ben)), posted(reading, uuid(3))]],
    [
      'two versions under one fullUrl',
      [
        posted({ ...anna, meta: { versionId: '1' } }, at(a, anna)),
        posted({ ...ben, meta: { versionId: '2' } }, at(a, ben)),
        posted(reading, at(a, reading)),
      ],
    ],
    [
      'an identifier of both',
      [
        posted({ ...anna, identifier: [mrn, { system: 'urn:x:family', value: '1' }] }),
        posted({ ...ben, identifier: [...ben.identifier, { system: 'urn:x:family', value: '1' }] }),
        posted({ ...reading, subject: { identifier: { system: 'urn:x:family', value: '1' } } }),
      ],
    ],
  ])('refuses a reference that means two people: %s', (_, entries) => {
    expect(refusal({ body: transaction(...entries) })).toBe('never E_BUNDLE Bundle.entry[2].resource.subject')
  })

  it('takes a conditional update as replace and a conditional create as ensure', () => {
    const url = `Patient?identifier=${mrn.system}|${mrn.value}`
    const other = { system: mrn.system, value: '2' }
    const put = entry(1, { ...lone, identifier: undefined }, { method: 'PUT', url })
    const post = entry(
      2,
      { ...lone, identifier: [other] },
      { method: 'POST', url: 'Patient', ifNoneExist: `identifier=${mrn.system}|2` },
    )
    expect(translate({ body: transaction(put, post) }).changes).toMatchObject([
      { verb: 'replace', identity: [mrn] },
      { verb: 'ensure', identity: [other] },
    ])
  })

  const post = (request: Json) => ({
    body: transaction(entry(1, lone), entry(2, { ...lone, identifier: [{ ...mrn, value: '2' }] }, request)),
  })

  it.each<[string, Request, string]>([
    ['a batch', { body: { ...transaction(entry(1, lone)), type: 'batch' } }, 'never E_BUNDLE Bundle.type'],
    ['a message', { body: { ...transaction(), type: 'message' } }, 'never E_BUNDLE Bundle.type'],
    ['no Bundle', { body: lone }, 'never E_FHIR_INVALID Bundle.resourceType'],
    ['an empty Bundle', { body: { resourceType: 'Bundle', type: 'transaction' } }, 'never E_BUNDLE Bundle.entry'],
    ['an update by id', post({ method: 'PUT', url: 'Patient/1' }), 'never E_BUNDLE Bundle.entry[1].request'],
    ['a deletion', post({ method: 'DELETE', url: 'Patient/1' }), 'never E_BUNDLE Bundle.entry[1].request'],
    ['another type', post({ method: 'POST', url: 'Observation' }), 'never E_BUNDLE Bundle.entry[1].request'],
    ['another search', post({ method: 'PUT', url: 'Patient?name=Anna' }), 'never E_BUNDLE Bundle.entry[1].request'],
    [
      'a version match',
      post({ method: 'POST', url: 'Patient', ifMatch: 'W/"1"' }),
      'never E_BUNDLE Bundle.entry[1].request',
    ],
    [
      'an entry without resource',
      { body: transaction({ request: { method: 'GET', url: 'Patient' } }) },
      'never E_BUNDLE Bundle.entry[0].request',
    ],
    [
      'the same patient twice',
      { body: transaction(entry(1, lone), entry(2, lone)) },
      'never E_BUNDLE Bundle.entry[1].resource',
    ],
    [
      'an invalid entry',
      { body: transaction(entry(1, { ...lone, gender: 'M' })) },
      'never E_FHIR_INVALID Bundle.entry[0].resource.gender',
    ],
    [
      'a type out of scope',
      { body: transaction(entry(1, lone)), scopes: ['Observation'] },
      'never E_SCOPE Bundle.entry[0].resource',
    ],
    [
      'an unresolved reference',
      { body: transaction(entry(1, { ...lone, managingOrganization: { reference: uuid(9) } })) },
      'held E_REFERENCE Bundle.entry[0].resource.managingOrganization',
    ],
  ])('refuses %s as a whole', (_, request, answer) => {
    expect(refusal(request)).toBe(answer)
  })
})

describe('whatever comes', () => {
  const observation = { ...measured, subject: { reference: uuid(1) }, performer: [{ reference: '#n' }] }
  const nurse = { resourceType: 'Practitioner', id: 'n', active: true }
  const body = transaction(entry(1, lone), entry(2, { ...observation, contained: [nurse] }), entry(3, measured))
  const junk = fc.constantFrom<unknown>(
    null,
    '',
    'Patient',
    '#n',
    uuid(1),
    0,
    true,
    [],
    {},
    [{}],
    { reference: uuid(1) },
    [mrn],
  )

  it('is refused with a Refusal, or makes valid resources whose references lead somewhere', () => {
    fc.assert(
      fc.property(fc.nat(), junk, (where, value) => {
        const mutant = structuredClone(body)
        const places = placesOf(mutant)
        const [holder, member] = places[where % places.length]!
        holder[member] = value
        let changes: Translated['changes'] = []
        expect(refusal({ body: mutant })).toMatch(/^(taken|never E_|held E_)/)
        if (refusal({ body: mutant }) === 'taken') changes = translate({ body: mutant }).changes
        const names = new Set(changes.map(({ resource }) => `${resource.resourceType}/${resource.id}`))
        for (const [, reference] of JSON.stringify(changes).matchAll(/"reference":"([^"#]+)"/g)) {
          expect(names).toContain(reference)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the outline', () => {
  const outline = (request: Request) => fhirTranslator.outline(arrival(request))

  it('names types and counts, never a value', () => {
    expect(outline({ type: 'Patient', body: lone })).toBe('create Patient')
    expect(outline({ type: 'Anna', body: '{' })).toBe('create ?')
    const two = transaction(entry(1, lone), entry(2, measured), entry(3, measured), entry(4, { resourceType: 'Anna' }))
    expect(outline({ body: two })).toBe('transaction Patient Observation*2 ?')
    expect(outline({ body: '{"Anna' })).toBe('transaction ?')
  })
})

/** Every member and entry of a value with what holds it. */
function placesOf(value: object): [Record<string, unknown>, string][] {
  return Object.entries(value).flatMap(([member, inner]) => [
    [value as Record<string, unknown>, member] as [Record<string, unknown>, string],
    ...(typeof inner === 'object' && inner !== null ? placesOf(inner) : []),
  ])
}
