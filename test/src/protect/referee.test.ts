import { afterAll, describe, expect, it } from 'vitest'
import { check } from '../../../src/fhir/check.ts'
import type { FhirResource } from '../../../src/records.ts'
import { dismiss, judge, refereeMissing } from '../../referee/referee.ts'
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
})
