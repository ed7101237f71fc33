import { createPublicKey, verify } from 'node:crypto'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { Refusal } from '../../../src/errors.ts'
import { readJson } from '../../../src/fhir/json.ts'
import { day } from '../../../src/limits.ts'
import type { Protector, SealedMessage } from '../../../src/ports.ts'
import { BAND, MASK, recordSigningInput, SEAL } from '../../../src/protect/format.ts'
import { demandClean } from '../../../src/protect/scan.ts'
import { Terms } from '../../../src/protect/terms.ts'
import type { Sealed } from '../../../src/records.ts'
import type { JsonObject } from './generate.ts'
import { dataKeys, open } from './opener.ts'
import { anna, change, newWorld, people, receivedAt, type World } from './world.ts'

let world: World
let protector: Protector
beforeAll(() => {
  world = newWorld()
  protector = world.open()
})

const observation = {
  resourceType: 'Observation',
  id: 'obs-1',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
  subject: { reference: 'Patient/patient' },
  effectiveDateTime: '2026-11-24T07:59:00+01:00',
  valueQuantity: {
    value: JSON.rawJSON('72.50'),
    unit: 'beats/minute',
    system: 'http://unitsofmeasure.org',
    code: '/min',
  },
}
const noted = { ...observation, note: [{ text: 'rang her neighbour' }] }

const lanes = (message: SealedMessage) => message.records.map(record => record.lane)
const headersOf = (record: Sealed) => JSON.parse(record.headers) as Record<string, string>
const bodyOf = (record: Sealed) => readJson(record.value!) as JsonObject
const last = (message: SealedMessage) => message.records.at(-1)!

/** Seals a resource with the people it refers to, and returns what is readable of it. */
function seal(resource: JsonObject, over = {}): JsonObject {
  return bodyOf(last(protector.seal([...people, change(resource, over)], world.stamp())))
}

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof Refusal) return `${error.kind} ${error.issues.map(one => `${one.code} ${one.at}`).join()}`
    throw error
  }
  return 'nothing refused'
}

describe('records', () => {
  it('carry the headers of DESIGN §4 in their order, and a signature over all of them', () => {
    const { records } = protector.seal([...people, change(noted)], world.stamp())
    const record = records.at(-1)!
    const headers = headersOf(record)
    expect(Object.keys(headers)).toEqual(
      'ce_specversion ce_type ce_source ce_time content-type ce_subject ce_id cg-type cg-verb cg-version cg-message cg-part cg-gateway cg-epoch cg-seq cg-mode cg-purpose cg-policy cg-sig'.split(
        ' ',
      ),
    )
    const id = bodyOf(record).id
    expect(headers).toMatchObject({
      ce_type: 'clinic-gateway.Observation.replace',
      ce_source: '/demo/demo-1',
      ce_time: '2026-11-24T08:00:00.000Z',
      ce_subject: `Observation/${id}`,
      'cg-version': '1795555555.000000000007.0000',
      'cg-message': '7',
      'cg-part': '3/3',
      'cg-seq': String(record.seq),
      'cg-mode': 'live',
      'cg-purpose': 'demo',
      'cg-policy': protector.policy,
    })
    for (const one of records) {
      const input = recordSigningInput(one.topic, one.key, headersOf(one), one.value)
      const signature = Buffer.from(headersOf(one)['cg-sig']!, 'base64url')
      expect(verify(null, Buffer.from(input), createPublicKey(world.keys.signing), signature)).toBe(true)
    }
    expect(records.map(one => one.seq)).toEqual(records.map((_, place) => records[0]!.seq + place))
  })

  it('are keyed by the person, and by their own id where there is none', () => {
    const place = { resourceType: 'Location', id: 'ward', status: 'active' }
    const { records, named, subjects } = protector.seal([...people, change(observation), change(place)], world.stamp())
    const patient = protector.idOf('Patient', anna)
    const data = records.filter(one => one.lane === 'data')
    expect(data.map(one => one.key)).toEqual(named.map(one => one.key))
    expect(data.map(one => one.topic)).toEqual(data.map(() => 'demo.fhir'))
    expect(named.map(one => one.key === patient)).toEqual([true, false, true, false])
    expect(named[3]!.key).toBe(named[3]!.id)
    expect(subjects).toEqual([patient])
  })

  it('of key records carry no resource headers and travel before the data', () => {
    const fresh = world.open()
    const { records } = fresh.seal([...people, change(noted)], world.stamp())
    expect(records.map(one => one.lane)).toEqual(['key', 'data', 'data', 'data'])
    expect(records[0]!.topic).toBe('demo.keys')
    expect(Object.keys(headersOf(records[0]!))).toEqual(
      'ce_specversion ce_source ce_time cg-gateway cg-epoch cg-seq cg-purpose cg-sig'.split(' '),
    )
    expect(JSON.parse(Buffer.from(records[0]!.value!).toString())).toMatchObject({
      v: 'k1',
      kid: records[0]!.key,
      subject: fresh.idOf('Patient', anna),
      notBefore: '2026-11-24T08:00:00Z',
      notAfter: '2026-11-25T08:00:00Z',
    })
  })

  it('of test messages go to the test topic and say so', () => {
    const record = last(protector.seal([...people, change(observation)], world.stamp({ mode: 'test' })))
    expect(record.topic).toBe('demo.test')
    expect(headersOf(record)['cg-mode']).toBe('test')
    const { security } = bodyOf(record).meta as { security: { code: string }[] }
    expect(security.map(one => one.code)).toEqual(['PSEUDED', 'HTEST'])
  })

  it('of a delete have no value; one sent again says that it is historical', () => {
    const gone = change({ resourceType: 'Observation', id: 'gone' }, { verb: 'delete' })
    const { records, resources } = protector.seal([gone], world.stamp({ historical: true }))
    expect(records).toHaveLength(1)
    expect(resources).toEqual([])
    expect(records[0]!.value).toBeNull()
    expect(headersOf(records[0]!)).toMatchObject({ 'cg-verb': 'delete', 'cg-historical': '1', 'cg-part': '1/1' })
  })

  it('of a merge go out as one version under both keys', () => {
    const survivor = { system: 'urn:oid:1.2.3', value: 'survivor' }
    const prior = {
      resourceType: 'Patient',
      id: 'prior',
      active: false,
      link: [{ other: { reference: 'Patient/new' }, type: 'replaced-by' }],
    }
    const merge = [
      change({ resourceType: 'Patient', id: 'new' }, { verb: 'ensure', identity: [survivor], subject: survivor }),
      change(prior, { alsoFor: [survivor] }),
    ]
    const { records, subjects } = protector.seal(merge, world.stamp())
    const [, own, other] = records.filter(one => one.lane === 'data').map(one => ({ ...one, headers: headersOf(one) }))
    expect([own!.key, other!.key]).toEqual([protector.idOf('Patient', anna), protector.idOf('Patient', survivor)])
    expect(Buffer.from(other!.value!)).toEqual(Buffer.from(own!.value!))
    expect(other!.headers['cg-version']).toBe(own!.headers['cg-version'])
    expect(other!.headers.ce_id).not.toBe(own!.headers.ce_id)
    expect(other!.seq).toBe(own!.seq + 1)
    expect(new Set(subjects)).toEqual(new Set([own!.key, other!.key]))
  })

  it('keep the digits of decimals', () => {
    expect(
      Buffer.from(last(protector.seal([...people, change(observation)], world.stamp())).value!).toString(),
    ).toContain('"value":72.50,')
  })

  it('larger than what is forwarded are refused, and nothing is numbered', () => {
    const photo = [{ contentType: 'image/png', data: Buffer.alloc(600_000).toString('base64') }]
    let numbered = 0
    const stamp = world.stamp({ nextSeq: () => ++numbered })
    const act = () => protector.seal([change({ resourceType: 'Patient', id: 'patient', photo })], stamp)
    expect(refusal(act)).toBe('never E_RECORD_TOO_LARGE Patient')
    expect(numbered).toBe(0)
  })
})

describe('what can neither stay nor be sealed', () => {
  const patient = { resourceType: 'Patient', id: 'patient' }
  const unknown = [{ url: 'urn:x:not', valueBoolean: true }]

  it('holds the message', () => {
    expect(refusal(() => seal({ ...observation, modifierExtension: unknown }))).toBe(
      'held E_PRIVACY_NO_RULE Observation.modifierExtension',
    )
    expect(refusal(() => seal({ ...observation, implicitRules: 'urn:x' }))).toBe(
      'held E_PRIVACY_NO_RULE Observation.implicitRules',
    )
    expect(refusal(() => seal({ ...patient, contact: [{ modifierExtension: unknown }] }))).toBe(
      'held E_PRIVACY_NO_RULE Patient.contact.modifierExtension',
    )
    expect(refusal(() => seal({ ...observation, status: 'anna' }))).toBe('held E_PRIVACY_NO_RULE Observation.status')
    const effectiveTiming = { modifierExtension: unknown }
    expect(refusal(() => seal({ ...observation, effectiveDateTime: undefined, effectiveTiming }))).toBe(
      'held E_PRIVACY_NO_RULE Observation.effectiveTiming.modifierExtension',
    )
    const label = { security: [{ system: 'urn:x:local', code: 'secret' }] }
    expect(refusal(() => seal({ ...patient, meta: label }))).toBe('held E_PRIVACY_NO_RULE Patient.meta.security')
    const clinicalStatus = { coding: [{ system: 'urn:x:local', code: 'Anna' }] }
    const allergy = {
      resourceType: 'AllergyIntolerance',
      id: 'a',
      clinicalStatus,
      patient: { reference: 'Patient/patient' },
    }
    expect(refusal(() => seal(allergy))).toBe('held E_PRIVACY_NO_RULE AllergyIntolerance.clinicalStatus')
  })

  it('such as a reference that leads nowhere, or to an id that looks like ours', () => {
    for (const reference of [
      'Patient/other',
      'https://ehr/Patient/1',
      '#x',
      'urn:uuid:1',
      `Patient/${protector.idOf('Patient', anna)}`,
    ]) {
      expect(refusal(() => seal({ ...observation, subject: { reference } }))).toBe(
        'held E_REFERENCE Observation.subject',
      )
    }
  })

  it('refuses a type without rules', () => {
    expect(refusal(() => seal({ resourceType: 'Medication', id: 'm' }))).toBe('never E_TYPE resourceType')
  })
})

describe('what stays readable', () => {
  it('is a birth year, and no year from the 90th birthday on', () => {
    const birth = (birthDate: string) => seal({ resourceType: 'Patient', id: 'patient', birthDate })
    expect(birth('1974-12-25')).toMatchObject({ birthDate: '1974', _birthDate: { extension: [{ url: SEAL }] } })
    expect((birth('1974-12-25')._birthDate as JsonObject).extension).toHaveLength(1)
    expect(birth('1974')).not.toHaveProperty('_birthDate')
    expect(birth('1936-11-25')).toMatchObject({ birthDate: '1936' })
    for (const old of ['1936-11-24', '1936', '1900-01']) {
      const sealed = birth(old)
      expect(sealed).not.toHaveProperty('birthDate')
      expect(sealed._birthDate).toMatchObject({
        extension: [{ url: SEAL }, { url: MASK, valueCode: 'masked' }, { url: BAND, valueString: '90+' }],
      })
    }
    const codes = (sealed: JsonObject) =>
      (sealed.meta as { security: { code: string }[] }).security.map(one => one.code)
    expect(codes(birth('1974-12-25'))).toEqual(['PSEUDED', 'MASKED', 'ABSTRED'])
    expect(codes(birth('1974'))).toEqual(['PSEUDED'])
  })

  it('is a state of its country, never a word', () => {
    const address = (one: JsonObject) =>
      (seal({ resourceType: 'Patient', id: 'patient', address: [one] }).address as JsonObject[])[0]!
    expect(address({ city: 'X', state: 'VT', country: 'US' })).toMatchObject({ state: 'VT', country: 'US' })
    expect(address({ city: 'X', state: 'CH-ZH', country: 'CHE' })).toMatchObject({ state: 'CH-ZH', country: 'CHE' })
    expect(address({ city: 'X', state: 'VT' })).toMatchObject({ state: 'VT' })
    for (const one of [
      { state: 'Apt 4B' },
      { state: 'VT', country: 'Germany' },
      { state: 'VT', country: 'DE' },
      { state: 'VT', country: 'constructor' },
    ]) {
      expect(address({ ...one, city: 'X' })).not.toHaveProperty('state')
    }
  })

  it('are codes of public systems with our own displays', () => {
    const code = (...coding: JsonObject[]) =>
      seal({ ...observation, code: { coding, text: 'pulse of Anna' } }).code as JsonObject
    const loinc = { system: 'http://loinc.org', code: '8867-4' }
    expect(code(loinc, { system: 'urn:x:local', code: 'HR' }).coding).toEqual([loinc])
    expect(code({ ...loinc, display: 'Pulse of Anna' }).coding).toEqual([{ ...loinc, display: 'Heart rate' }])
    expect(code({ ...loinc, code: '8867-5' })).not.toHaveProperty('coding')
    expect(code({ system: 'http://snomed.info/sct', code: '73211008' })).not.toHaveProperty('coding')
    expect(code({ system: 'http://snomed.info/sct', code: '73211009', display: 'x' }).coding).toEqual([
      { system: 'http://snomed.info/sct', code: '73211009' },
    ])
    const own = seal({ ...observation, code: { coding: [{ ...loinc, display: 'Heart rate' }], text: 'Heart rate' } })
    expect(own.code).toEqual({ coding: [{ ...loinc, display: 'Heart rate' }], text: 'Heart rate' })
  })

  it.each(['positive', 'Not detected', '1+', '<0.5', '>= 1.50', '1:64', '120/80', '-'])(
    'is the result %s',
    valueString => {
      expect(seal({ ...observation, valueQuantity: undefined, valueString })).toMatchObject({ valueString })
    },
  )

  it.each([
    'Anna Mueller',
    '555-1234',
    '079 123 45 67',
    '1974-12-25',
    'positive for Anna',
    '12345678',
    '5557654',
    '47118',
  ])('is not the text %s', valueString => {
    const sealed = seal({ ...observation, valueQuantity: undefined, valueString })
    expect(sealed).not.toHaveProperty('valueString')
    expect(sealed._valueString).toMatchObject({ extension: [{ url: SEAL }, { url: MASK }] })
  })

  it.each([
    'mg/dL',
    'mm[Hg]',
    '/min',
    '10*3/uL',
    '{beats}/min',
    'kg/m2',
    '%',
    'ug/(24.h)',
    'mmol/L',
    'm/s2',
    'mL/min/{1.73_m2}',
    '/(24.h)',
    'Cel',
  ])('is the unit %s', code => {
    const valueQuantity = { value: 1, unit: code, system: 'http://unitsofmeasure.org', code }
    expect(seal({ ...observation, valueQuantity }).valueQuantity).toEqual(valueQuantity)
  })

  it.each(['Anna', '{Anna}', '((((', '123456', 'mg/Anna', '12345678', 'mg{Mueller}', 'a.b.c'])(
    'is not the unit %s',
    code => {
      const valueQuantity = { value: 1, unit: code, system: 'http://unitsofmeasure.org', code }
      const sealed = seal({ ...observation, valueQuantity }).valueQuantity as JsonObject
      expect(sealed).toMatchObject({ value: 1, _unit: { extension: [{ url: MASK }] } })
      expect(sealed).not.toHaveProperty('code')
    },
  )

  it('is no value of a code that asks who somebody is', () => {
    const name = { coding: [{ system: 'http://loinc.org', code: '21112-8' }] }
    const component = [{ code: name, valueInteger: 19741225 }]
    expect(seal({ ...observation, code: name })).not.toHaveProperty('valueQuantity.value')
    const sealed = seal({ ...observation, valueQuantity: undefined, component })
    expect((sealed.component as JsonObject[])[0]).not.toHaveProperty('valueInteger')
  })

  it('is no clinical body where the labels restrict it', () => {
    const meta = {
      security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }],
      source: 'urn:x:ehr',
    }
    const sealed = seal({ ...observation, meta })
    expect(sealed).not.toHaveProperty('code.coding')
    expect(sealed).not.toHaveProperty('valueQuantity.value')
    expect(sealed).toMatchObject({ status: 'final', effectiveDateTime: observation.effectiveDateTime })
    const { security, ...rest } = sealed.meta as { security: { code: string }[] }
    expect(security.map(one => one.code)).toEqual(['R', 'PSEUDED', 'MASKED'])
    expect(rest).toEqual({})
  })

  it('is nothing that names somebody of the message, though it has the form of a code', () => {
    const patient = {
      resourceType: 'Patient',
      id: 'patient',
      name: [{ family: 'Trace' }],
      identifier: [{ system: 'urn:x', value: '29463-7' }],
    }
    const weight = { coding: [{ system: 'http://loinc.org', code: '29463-7' }] }
    const named = [change(patient, { verb: 'ensure' }), people[1]!]
    const sealed = (resource: JsonObject) => bodyOf(last(protector.seal([...named, change(resource)], world.stamp())))
    expect(sealed({ ...observation, code: weight })).not.toHaveProperty('code.coding')
    expect(sealed({ ...observation, valueQuantity: undefined, valueString: 'trace' })).not.toHaveProperty('valueString')
    expect(seal({ ...observation, code: weight })).toHaveProperty('code.coding')
  })

  it('are contained resources sealed inside, and as a whole where no readable reference leads to them', () => {
    const contained = [{ resourceType: 'Practitioner', id: 'smith', gender: 'female', name: [{ family: 'Smith' }] }]
    const inside = seal({ ...observation, contained, performer: [{ reference: '#smith' }] })
    expect(inside).toMatchObject({ contained: [{ id: 'c1', gender: 'female' }], performer: [{ reference: '#c1' }] })
    const whole = seal({ ...observation, contained, note: [{ text: 'x', authorReference: { reference: '#smith' } }] })
    expect(whole).not.toHaveProperty('contained')
    const specimen = [{ resourceType: 'Medication', id: 'tube' }]
    expect(seal({ ...observation, contained: specimen, specimen: { reference: '#tube' } }).specimen).not.toHaveProperty(
      'reference',
    )
  })
})

describe('the second pass of the last scan', () => {
  const terms = new Terms()
  terms.learn('family', 'Müller-White')
  terms.learn('value', '079 123 45 67')

  it('holds what still names somebody', () => {
    for (const text of ['ward of MÜLLER', 'White', 'call 079 123 45 67', '0791234567']) {
      expect(
        refusal(() => demandClean({ resourceType: 'Device', deviceName: [{ name: text }] }, terms)),
        text,
      ).toBe('held E_PRIVACY_SCAN Device.deviceName.name')
    }
  })

  it('leaves codes of closed lists, our displays and dates alone', () => {
    const code = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] }
    terms.learn('family', 'Final')
    demandClean({ resourceType: 'Observation', status: 'final', code, effectiveDateTime: '2026-11-24' }, terms)
  })
})

describe('keys and what was sent', () => {
  it('a key record travels with every message until one that was accepted is on disk', () => {
    const fresh = world.open()
    const message = () => fresh.seal([...people, change(noted)], world.stamp())
    expect(lanes(message())[0]).toBe('key')
    fresh.discard()
    fresh.committed()
    expect(lanes(message())[0]).toBe('key')
    fresh.accept()
    expect(lanes(message())[0]).toBe('data')
    fresh.rolledBack()
    expect(lanes(message())[0]).toBe('key')
    fresh.accept()
    fresh.committed()
    expect(lanes(message())[0]).toBe('data')
  })

  it('a message that is refused leaves no key behind', () => {
    const fresh = world.open()
    expect(
      refusal(() =>
        fresh.seal(
          [...people, change(noted), change({ ...noted, id: 'o2', subject: { reference: 'Patient/x' } })],
          world.stamp(),
        ),
      ),
    ).toContain('E_REFERENCE')
    fresh.accept()
    fresh.committed()
    expect(lanes(fresh.seal([...people, change(noted)], world.stamp()))).toEqual(['key', 'data', 'data', 'data'])
  })

  it('a data key is used for 24 hours, and by one subject', () => {
    const fresh = world.open()
    const kids = () => {
      const { records } = fresh.seal([...people, change(noted)], world.stamp())
      return records.filter(one => one.lane === 'key').map(one => one.key)
    }
    const first = kids()
    expect(kids()).toEqual(first)
    world.clock.now += day
    expect(kids()).not.toEqual(first)
    world.clock.now = receivedAt
    const other = { system: 'urn:oid:1.2.3', value: 'other' }
    const both = fresh.seal(
      [
        ...people,
        change(noted),
        change({ ...noted, id: 'o2' }, { subject: other }),
        change({ resourceType: 'Location', id: 'l', name: 'Ward' }),
      ],
      world.stamp(),
    )
    const subjects = both.records
      .filter(one => one.lane === 'key')
      .map(one => JSON.parse(Buffer.from(one.value!).toString()).subject)
    expect(subjects).toEqual([fresh.idOf('Patient', anna), fresh.idOf('Patient', other), 'tenant'])
  })

  it('a data key is not used for longer because the clock was set back', () => {
    const fresh = world.open()
    const kids = () => {
      const { records } = fresh.seal([...people, change(noted)], world.stamp())
      return records.filter(one => one.lane === 'key').map(one => one.key)
    }
    const first = kids()
    world.clock.now -= day
    expect(kids()).not.toEqual(first)
    world.clock.now = receivedAt
  })

  it('an ensure with the same content is sent once in 24 hours, from the commit on', () => {
    const fresh = world.open()
    const thin = (family: string) =>
      change({ resourceType: 'Patient', id: 'patient', name: [{ family }] }, { verb: 'ensure' })
    const sent = (family: string, over = {}) =>
      fresh.seal([thin(family)], world.stamp(over)).records.filter(one => one.lane === 'data').length
    const commit = () => {
      fresh.accept()
      fresh.committed()
    }
    expect([sent('A'), sent('A')]).toEqual([1, 1])
    fresh.accept()
    fresh.rolledBack()
    expect(sent('A')).toBe(1)
    commit()
    expect(sent('A')).toBe(0)
    expect(sent('A', { mode: 'test' })).toBe(1)
    expect(sent('B')).toBe(1)
    commit()
    expect(sent('A')).toBe(1)
    commit()
    expect(sent('A', { receivedAt: receivedAt + day - 1 })).toBe(0)
    expect(sent('A', { receivedAt: receivedAt + day })).toBe(1)
    fresh.seal([{ ...thin('A'), verb: 'delete' }], world.stamp())
    commit()
    expect(sent('A')).toBe(1)
  })

  it('what was not sent again is named all the same', () => {
    const fresh = world.open()
    const message = () => fresh.seal(people, world.stamp())
    message()
    fresh.accept()
    fresh.committed()
    expect(message()).toMatchObject({
      records: [],
      resources: [],
      named: [{ type: 'Patient' }, { type: 'Practitioner' }],
    })
  })

  it('opens with the reader half of the demo keys and nothing in the box', () => {
    const fresh = world.open()
    const { records } = fresh.seal([...people, change(noted)], world.stamp())
    const keys = dataKeys(join(world.dir, 'reader'), records)
    expect(open(bodyOf(records.at(-1)!), keys, 'demo')).toMatchObject({ note: [{ text: 'rang her neighbour' }] })
  })
})
