import { afterAll, describe, expect, it } from 'vitest'
import { check } from '../../../src/fhir/check.ts'
import type { Protector, Stamp } from '../../../src/ports.ts'
import type { FhirResource } from '../../../src/records.ts'
import { dismiss, judge, refereeMissing } from '../../referee/referee.ts'
import { more } from '../fhir/cases.ts'
import { resourceOf, seeded, types } from './generate.ts'
import { change, newWorld, people } from './world.ts'

const missing = refereeMissing()
const ofEachType = 6

describe.skipIf(missing)(`sealed resources (${missing ?? 'HL7 validator'})`, { timeout: 180_000 }, () => {
  afterAll(dismiss)

  it('have no error for the official validator', async () => {
    const world = newWorld()
    const protector = world.open()
    const sealed = types.flatMap(type => {
      const valid = []
      for (let seed = 0; valid.length < ofEachType; seed++) {
        const resource = resourceOf(type, 'one', { chance: seeded(seed), presence: 0.3, choice: null, ids: false })
        if (check(resource as unknown as FhirResource).length === 0) valid.push(resource)
      }
      return valid.map(resource => {
        const { records } = protector.seal([...people, change(resource)], world.stamp())
        return JSON.parse(Buffer.from(records.at(-1)!.value!).toString())
      })
    })
    const { errors } = await judge(sealed)
    expect(errors.map(({ index, at, text }) => `${sealed[index].resourceType} ${at}: ${text}`)).toEqual([])
  })

  it('have none either where they are what a clinic sends', async () => {
    const world = newWorld()
    const sealed = sealedClinic(world.open(), world.stamp())
    expect(sealed.flatMap(resource => check(resource as unknown as FhirResource))).toEqual([])
    const { errors } = await judge(sealed)
    expect(errors.map(({ index, at, text }) => `${sealed[index]!.resourceType} ${at}: ${text}`)).toEqual([])
  })
})

/** One resource of each type, as they refer to each other, sealed in one message. */
function sealedClinic(protector: Protector, stamp: Stamp): { resourceType: string }[] {
  const code = { text: 'x' }
  const others = [
    { resourceType: 'Organization', id: 'org', name: 'North Clinic' },
    { resourceType: 'Observation', id: 'lab-1', status: 'final', code },
    { resourceType: 'DocumentReference', id: 'draft', status: 'superseded', content: [{ attachment: { title: 'x' } }] },
  ]
  const changes = [...others, ...more.map(([, resource]) => resource)].map(resource => change(resource))
  const { records } = protector.seal([...people, ...changes], stamp)
  return records
    .filter(({ lane }) => lane === 'data')
    .map(({ value }) => JSON.parse(Buffer.from(value!).toString()) as { resourceType: string })
}
