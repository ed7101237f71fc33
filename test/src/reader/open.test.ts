import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/fhir/json.ts'
import { openValue } from '../../../src/reader/index.ts'
import { Reader } from '../../../src/reader/reader.ts'
import { band, keyRecord, mask, newDek, newKeys, sealed, token, vectorId } from './sealer.ts'

const dek = newDek()
const keys = newKeys()
new Reader({ keys }).take(keyRecord(dek))

const at = (path: string, type = 'Patient') => [type, vectorId, path] as const
const patient = (members: JsonObject) => ({ resourceType: 'Patient', id: vectorId, ...members })
const open = (resource: JsonObject, only?: string[]) =>
  openValue(Buffer.from(JSON.stringify(resource)), keys, only ? { only } : {})
const text = (resource: JsonObject, only?: string[]) => JSON.stringify(open(resource, only).resource)

/** An element whose token brings `m`. */
const withToken = (path: string, m: unknown, members: JsonObject = {}) => ({
  ...members,
  extension: [sealed(token(dek, at(path), { m }))],
})

describe('opening by the rules of SEALING S3', () => {
  it('puts members back, keeps digits, and takes the masks away', () => {
    const plain = '{"m":{"value":1.50,"unit":"kg"}}'
    const extension = [sealed(token(dek, at('valueQuantity', 'Observation'), plain))]
    const value = JSON.stringify({
      resourceType: 'Observation',
      id: vectorId,
      valueQuantity: { extension, _value: { extension: [mask] } },
    })
    const opened = openValue(Buffer.from(value), keys)
    expect(JSON.stringify(opened.resource.valueQuantity)).toBe('{"value":1.50,"unit":"kg"}')
  })

  it('restores a primitive, its old extensions, and the age band', () => {
    const plain = { v: '1930-01-02', x: { id: 'b', extension: [{ url: 'urn:x', valueString: 'y' }] } }
    const extension = [sealed(token(dek, at('birthDate'), plain)), mask, { url: band, valueString: '90+' }]
    expect(open(patient({ _birthDate: { extension } })).resource).toEqual(
      patient({ birthDate: '1930-01-02', _birthDate: plain.x }),
    )
    const onlyUnder = [sealed(token(dek, at('birthDate'), { x: { id: 'b' } })), mask]
    expect(open(patient({ _birthDate: { extension: onlyUnder } })).resource).toEqual(
      patient({ _birthDate: { id: 'b' } }),
    )
  })

  it('opens children before parents and never looks for tokens in what a token brought', () => {
    const inside = sealed(token(dek, at('contact[0].name'), { m: { family: 'B' } }))
    const hidden = { url: 'urn:note', extension: [sealed(token(dek, at('extension[0]'), { m: { family: 'C' } }))] }
    const opened = open(
      patient({
        contact: [{ name: { extension: [inside], _family: { extension: [mask] } } }],
        extension: [sealed(token(dek, at('$'), { m: { extension: [hidden], text: 'T' }, id: '42' }))],
      }),
    )
    expect(opened).toMatchObject({ sourceId: '42', failed: [] })
    expect(opened.resource).toEqual(patient({ contact: [{ name: { family: 'B' } }], text: 'T', extension: [hidden] }))
  })

  it('appends extensions and leaves a mask that belongs to no token', () => {
    const kept = { url: mask.url, valueCode: 'unknown' }
    const opened = open(
      patient({
        gender: 'female',
        _gender: { extension: [kept] },
        name: [
          { extension: [kept, sealed(token(dek, at('name[0]'), { m: { extension: [{ url: 'urn:x' }] } }))] },
          { _family: { extension: [mask] } },
        ],
      }),
    )
    expect(opened.resource).toEqual(
      patient({
        gender: 'female',
        _gender: { extension: [kept] },
        name: [{ extension: [kept, { url: 'urn:x' }] }, { _family: { extension: [mask] } }],
      }),
    )
  })

  it('replaces clear values only where a token may', () => {
    const address = withToken(
      'address[0]',
      { state: 'Apt 4B', postalCode: '03-1' },
      { state: 'CH-ZH', postalCode: '030' },
    )
    const coding = [{ system: 'urn:x', code: '1', display: 'mine' }]
    const marital = withToken('maritalStatus', { coding, text: 'wed' }, { coding: [{ system: 'urn:x', code: '1' }] })
    expect(open(patient({ address: [address], maritalStatus: marital })).resource).toEqual(
      patient({ address: [{ state: 'Apt 4B', postalCode: '03-1' }], maritalStatus: { coding, text: 'wed' } }),
    )
    const refused: readonly [string, JsonObject][] = [
      ['name[0]', withToken('name[0]', { use: 'old' }, { use: 'usual' })],
      ['name[0]', withToken('name[0]', { state: 'A' }, { state: 'B' })],
      ['name[0]', withToken('name[0]', { postalCode: 'A' }, { postalCode: 'B' })],
    ]
    for (const [path, name] of refused) {
      expect(open(patient({ name: [name] }))).toMatchObject({
        resource: patient({ name: [name] }),
        failed: [{ code: 'E_SEAL_OPEN_FAILED', at: `Patient.${path}` }],
      })
    }
    const root = { ...patient({ active: true }), ...withToken('$', { active: false }, { active: true }) }
    expect(open(root).resource).toEqual(root)
    const rootCoding = { ...patient({}), ...withToken('$', { coding: [1] }, { coding: [] }) }
    expect(open(rootCoding).failed).toHaveLength(1)
    const year = [sealed(token(dek, at('$'), { m: { birthDate: '1974-12-25' } }))]
    expect(open(patient({ birthDate: '1974', extension: year })).resource.birthDate).toBe('1974')
  })

  it.each([
    'resourceType',
    'id',
    'meta',
    'implicitRules',
    'modifierExtension',
    '__proto__',
    'constructor',
    'prototype',
    'a.b',
    '',
    '0a',
    '__x',
    'ä',
  ])('refuses a token that brings the member %j', member => {
    const plain = `{"m":{"family":"A","${member}":{"polluted":true}}}`
    const name = { extension: [sealed(token(dek, at('name[0]'), plain))], _family: { extension: [mask] } }
    const opened = open(patient({ name: [name] }))
    expect(opened.resource).toEqual(patient({ name: [name] }))
    expect(opened.failed).toEqual([{ code: 'E_SEAL_OPEN_FAILED', at: 'Patient.name[0]' }])
    expect(({} as JsonObject).polluted).toBeUndefined()
  })

  it.each([
    ['no JSON', '{"m":{"family":"A"'],
    ['no object', '["A"]'],
    ['given twice', '{"m":{"family":"A","family":"B"}}'],
    ['an unknown member', '{"m":{"family":"A"},"more":1}'],
    ['a source id off the root', '{"m":{"family":"A"},"id":"1"}'],
    ['a primitive on an element', '{"v":"A"}'],
    ['members in a list', '{"m":["A"]}'],
  ])('refuses a plaintext that is %s', (_, plain) => {
    const name = { extension: [sealed(token(dek, at('name[0]'), plain))] }
    expect(open(patient({ name: [name] }))).toMatchObject({ resource: patient({ name: [name] }), failed: [{}] })
  })

  it.each([
    ['an object as value', '{"v":{"a":1}}'],
    ['a list as value', '{"v":["a"]}'],
    ['nothing', '{}'],
    ['more than an element has', '{"v":"1974","x":{"url":"urn:x"}}'],
    ['members', '{"m":{}}'],
  ])('refuses a primitive with %s', (_, plain) => {
    const _birthDate = { extension: [sealed(token(dek, at('birthDate'), plain)), mask] }
    expect(open(patient({ _birthDate }))).toMatchObject({ resource: patient({ _birthDate }), failed: [{}] })
  })

  it('refuses two tokens on one element', () => {
    const one = sealed(token(dek, at('name[0]'), { m: { family: 'A' } }))
    expect(open(patient({ name: [{ extension: [one, one] }] })).failed).toHaveLength(1)
  })

  it('leaves what fails masked and opens the others', () => {
    const good = withToken('name[0]', { family: 'A' })
    const elsewhere = withToken('name[0]', { family: 'B' }, { _family: { extension: [mask] } })
    const _birthDate = { extension: [sealed(token(dek, at('gender'), { v: '1974' })), mask] }
    const root = [sealed(token(dek, at('$'), { m: { language: 'de' } }))]
    const opened = open(patient({ name: [good, elsewhere], _birthDate, extension: root }))
    expect(opened.resource).toEqual(patient({ name: [{ family: 'A' }, elsewhere], _birthDate, language: 'de' }))
    expect(opened.failed.map(issue => issue.at)).toEqual(['Patient.name[1]', 'Patient.birthDate'])
  })

  it('tells a key that is not known from a token that does not open', () => {
    const stranger = newDek()
    const name = { extension: [sealed(token(stranger, at('name[0]'), { m: { family: 'A' } }))] }
    expect(open(patient({ name: [name] }))).toMatchObject({ failed: [], unknownKeys: [stranger.kid] })
  })

  it('finds a change of any letter of a token, of the id, the type and the place', () => {
    const good = token(dek, at('name[0]'), { m: { family: 'A' } })
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.constantFrom(...letters), (place, letter) => {
        fc.pre(good[place] !== letter)
        const bad = good.slice(0, place) + letter + good.slice(place + 1)
        const { resource, failed, unknownKeys } = open(patient({ name: [{ extension: [sealed(bad)] }] }))
        expect(failed.length + unknownKeys.length).toBe(1)
        expect(JSON.stringify(resource)).not.toContain('family')
      }),
      { numRuns: 300 },
    )
    const name = [{ extension: [sealed(good)] }]
    expect(open({ resourceType: 'Patient', id: `${vectorId}x`, name }).failed).toHaveLength(1)
    expect(open({ resourceType: 'Practitioner', id: vectorId, name }).failed).toHaveLength(1)
    expect(open(patient({ contact: [{ name: name[0]! }] })).failed).toHaveLength(1)
  })
})

describe('opening only what is asked for', () => {
  const _birthDate = { extension: [sealed(token(dek, at('birthDate'), { v: '1974-12-25' }))] }
  const name = withToken('name[0]', { family: 'A', given: ['B'] }, { _family: { extension: [mask] } })
  const extension = [sealed(token(dek, at('$'), { m: { language: 'de', text: 'T' }, id: '42' }))]
  const all = patient({ name: [name], birthDate: '1974', _birthDate, extension })

  it('opens an element and leaves the others masked', () => {
    expect(open(all, ['Patient.birthDate'])).toMatchObject({
      resource: { birthDate: '1974-12-25', name: [name], extension },
      sourceId: null,
      failed: [],
    })
    expect(text(all, ['Observation.note'])).toBe(JSON.stringify(all))
    expect(open(all, ['Patient'])).toMatchObject({
      resource: { language: 'de', name: [{ family: 'A' }] },
      sourceId: '42',
    })
  })

  it('opens single members and keeps the token for the rest', () => {
    expect(open(all, ['Patient.name.given']).resource.name).toEqual([{ ...name, given: ['B'] }])
    expect(open(all, ['Patient.name.family']).resource.name).toEqual([{ extension: name.extension, family: 'A' }])
    const { resource, sourceId } = open(all, ['Patient.language'])
    expect(resource).toMatchObject({ language: 'de', extension })
    expect(resource).not.toHaveProperty('text')
    expect(sourceId).toBeNull()
  })
})
