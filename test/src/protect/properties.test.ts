import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { check } from '../../../src/fhir/check.ts'
import { type JsonObject as ParsedObject, readJson } from '../../../src/fhir/json.ts'
import type { Protector } from '../../../src/ports.ts'
import { SEAL } from '../../../src/protect/format.ts'
import { rename } from '../../../src/protect/names.ts'
import { Terms } from '../../../src/protect/terms.ts'
import { openResource, ReaderKeys } from '../../../src/reader/index.ts'
import type { FhirResource, Sealed } from '../../../src/records.ts'
import { elementsOf, type JsonObject, resourceOf, seeded, type Taste, types } from './generate.ts'
import { type DataKeys, dataKeys, open } from './opener.ts'
import { anna, change, newWorld, people, type World } from './world.ts'

let world: World
let protector: Protector
beforeAll(() => {
  world = newWorld()
  protector = world.open()
})

/** Seals one resource in a message with the people it refers to. */
function seal(resource: JsonObject): { records: readonly Sealed[]; sealed: JsonObject; text: string; keys: DataKeys } {
  const { records } = protector.seal([...people, change(resource)], world.stamp())
  const value = Buffer.from(records.at(-1)!.value!)
  const keys = dataKeys(join(world.dir, 'reader'), records)
  return { records, sealed: readJson(value) as JsonObject, text: value.toString(), keys }
}

/** The resource as it was named, which is what opening gives back. */
function named(resource: JsonObject): JsonObject {
  const references = new Map([
    ['Patient/patient', `Patient/${protector.idOf('Patient', anna)}`],
    ['Practitioner/doctor', `Practitioner/${protector.idOf('Practitioner', people[1]!.identity[0]!)}`],
  ])
  const { resourceType, id } = change(resource).resource
  const name = change(resource).identity[0]!
  references.set(`${resourceType}/${id}`, `${resourceType}/${protector.idOf(resourceType, name)}`)
  return rename(resource, protector.idOf(resourceType, name), references, new Terms())
}

/** The reference reader's keys, as a consumer fills them. */
function readerKeys(records: readonly Sealed[]): ReaderKeys {
  const keys = ReaderKeys.fromFolder(join(world.dir, 'reader'), { allowDemo: true })
  for (const { lane, topic, key, headers, value } of records) {
    if (lane === 'key') keys.take({ topic, partition: 0, key, headers: JSON.parse(headers), value }, keys.gateways[0]!)
  }
  return keys
}

const random = (seed: number): Taste => ({ chance: seeded(seed), presence: 0.4, choice: null, ids: false })
const full = (choice: number, ids: boolean): Taste => ({ chance: seeded(choice + 1), presence: 1, choice, ids })

/** The text without its tokens. */
function readable(text: string): string {
  return text.replace(/"e1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+"/g, '"token"')
}

describe.each(types)('%s', type => {
  it('is opened again as it was, with all its digits', () => {
    fc.assert(
      fc.property(fc.nat(), seed => {
        const resource = resourceOf(type, 'one', random(seed))
        const { records, sealed, keys } = seal(resource)
        const expected = { ...named(resource), meta: undefined }
        expect({ ...open(sealed, keys, 'demo'), meta: undefined }).toEqual(expected)
        const { resource: opened, failed, unknownKeys } = openResource(sealed as ParsedObject, readerKeys(records))
        expect({ failed, unknownKeys }).toEqual({ failed: [], unknownKeys: [] })
        expect({ ...opened, meta: undefined }).toEqual(expected)
      }),
      { numRuns: 12 },
    )
  })

  it('shows no word of the sender, whatever element it stands in', () => {
    const choices = Math.max(...elementsOf(type).map(element => element.type?.length ?? 1))
    for (let choice = 0; choice < choices; choice++) {
      const { text } = seal(resourceOf(type, 'one', full(choice, true)))
      const found = readable(text).match(/.{0,60}(?:CANARY|Q0FOQVJZ).{0,20}/)
      expect(found?.[0], `choice ${choice}`).toBeUndefined()
    }
  })

  it('is valid FHIR after sealing where it was before', () => {
    let valid = 0
    for (let seed = 0; seed < 1000 && valid < 12; seed++) {
      const resource = resourceOf(type, 'one', { ...random(seed), presence: 0.25 })
      if (check(resource as unknown as FhirResource).length > 0) continue
      valid += 1
      const { sealed } = seal(resource)
      expect(check(sealed as unknown as FhirResource), `seed ${seed}`).toEqual([])
    }
    expect(valid).toBe(12)
  })
})

describe('tokens', () => {
  it('do not open with any one bit flipped, at another place or in another resource', () => {
    const resource = { resourceType: 'Patient', id: 'one', name: [{ family: 'Müller' }, { family: 'Meier' }] }
    const { sealed, keys } = seal(resource)
    const names = sealed.name as { extension: { url: string; valueString: string }[] }[]
    const token = names[0]!.extension[0]!.valueString
    const [version, kid, body] = token.split('.') as [string, string, string]
    const bytes = Buffer.from(body, 'base64url')
    const withToken = (valueString: string) => ({ ...sealed, name: [{ extension: [{ url: SEAL, valueString }] }] })
    expect(open(withToken(token), keys, 'demo').name).toEqual([{ family: 'Müller' }])
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), bit => {
        const bent = Buffer.from(bytes)
        bent[bit >> 3]! ^= 1 << (bit & 7)
        expect(() => open(withToken(`${version}.${kid}.${bent.toString('base64url')}`), keys, 'demo')).toThrow()
      }),
      { numRuns: 300 },
    )
    const second = names[1]!.extension[0]!.valueString
    expect(() => open(withToken(second), keys, 'demo')).toThrow()
    expect(() => open({ ...withToken(token), id: 'p1-other' }, keys, 'demo')).toThrow()
    expect(() => open(withToken(token), keys, 'other')).toThrow()
  })
})
