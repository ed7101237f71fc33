import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { refusal, replyTo } from '../../adapters/fhir-http/outcome.ts'
import { capabilities, isTaken } from '../../adapters/fhir-http/release.ts'
import { check } from '../../src/fhir/check.ts'
import { isObject, type JsonObject, readJson } from '../../src/fhir/json.ts'
import { objectOf, objectsOf } from '../../src/fhir/members.ts'
import type { FhirResource } from '../../src/records.ts'
import { bad, good } from '../src/fhir/cases.ts'
import { dismiss, judge, refereeMissing } from './referee.ts'

const missing = refereeMissing()
const corpora = process.env.CLINIC_GATEWAY_CORPUS ?? '../shared/data'
const noCorpora = existsSync(corpora) ? '' : ' (needs the corpora: set CLINIC_GATEWAY_CORPUS)'

/** Rules that our check knows and HL7's validator lets through. */
const onlyOurs = new Set([
  'an element with an id only (ele-1)',
  'a companion of another length',
  'a blank string',
  'a control character',
  'a reference to no type',
  'a reference with a bad id',
])

describe.skipIf(missing)(`the outside referee (${missing ?? 'HL7 validator'})`, { timeout: 180_000 }, () => {
  afterAll(dismiss)

  it('finds no error in what our check takes for valid', async () => {
    const { errors } = await judge(good.map(([, resource]) => resource))
    expect(errors.map(error => `${good[error.index]![0]}: ${error.at} ${error.text}`)).toEqual([])
  })

  it('finds an error in what our check refuses', async () => {
    const passed: string[] = []
    for (const [name, resource] of bad) if ((await judge([resource])).errors.length === 0) passed.push(name)
    expect(passed).toEqual([...onlyOurs])
  })

  it('names the resource that has the error', async () => {
    const wrong = bad.find(([name]) => name === 'gender M')![1]
    const { errors } = await judge([good[0]![1], good[1]![1], wrong, good[2]![1]])
    expect(new Set(errors.map(error => error.index))).toEqual(new Set([2]))
  })

  it('finds a reference that leads nowhere in a Bundle, and an extension that nobody defined', async () => {
    const patient = { resourceType: 'Patient', id: 'a', active: true }
    const uuid = (n: number) => `urn:uuid:61ebe359-bfdc-4613-8bf2-c5e30094500${n}`
    const dangling = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { fullUrl: uuid(1), resource: patient },
        { fullUrl: uuid(2), resource: { resourceType: 'Device', id: 'd', patient: { reference: uuid(3) } } },
      ],
    }
    const unknown = { ...patient, extension: [{ url: 'urn:oid:2.25.1449454477.3', valueString: 'x' }] }
    const { errors } = await judge([patient, dangling, unknown])
    expect(new Set(errors.map(error => error.index))).toEqual(new Set([1, 2]))
  })

  it('finds nothing wrong with the answers of the FHIR source', async () => {
    const issues = [{ code: 'E_FHIR_INVALID', at: 'Patient.name[0].?' }] as const
    const answers = [capabilities, refusal(issues).body, replyTo({ kind: 'held', issues, receipt: 'r' }).body]
    expect((await judge(answers)).errors).toEqual([])
  })

  it('finds nothing wrong with our own StructureDefinitions', async () => {
    const folder = new URL('../../src/fhir/profiles/', import.meta.url)
    const definitions = readdirSync(folder).map(file => JSON.parse(readFileSync(new URL(file, folder), 'utf8')))
    expect(definitions).toHaveLength(2)
    const { errors } = await judge(definitions)
    // To compare the snapshot it wants HL7's npm package, which is not on this machine.
    expect(errors.filter(error => error.id !== 'ERROR_GENERATING_SNAPSHOT')).toEqual([])
  })

  it.skipIf(noCorpora)(`agrees with our check on other people's resources${noCorpora}`, async () => {
    const accepted = sampleOf(corpora).filter(resource => check(resource as unknown as FhirResource).length === 0)
    expect(accepted.length).toBeGreaterThan(100)
    const { errors } = await judge(accepted)
    // Foreign extensions are sealed whole on the way out; what they may hold is not our check's matter.
    expect(errors.filter(error => !error.id.startsWith('Extension_'))).toEqual([])
  })
})

/** Every fifth resource of the types of this release in the FHIR files below a folder. */
function sampleOf(folder: string): JsonObject[] {
  const files = (readdirSync(folder, { recursive: true }) as string[])
    .filter(file => /\.(json|fhir)$/.test(file))
    .sort()
  const found = files.flatMap(file => {
    const bytes = readFileSync(join(folder, file))
    return bytes.length < 4_000_000 && bytes.includes('"resourceType"') ? resourcesIn(bytes) : []
  })
  const different = [...new Map(found.map(resource => [JSON.stringify(resource), resource])).values()]
  return different.filter((_, i) => i % 5 === 0)
}

/** What a file that our reader takes holds, in Bundles too. */
function resourcesIn(bytes: Uint8Array): JsonObject[] {
  try {
    const document = readJson(bytes)
    const resources = [document, ...objectsOf(objectOf(document).entry).map(entry => objectOf(entry.resource))]
    return resources.filter(isObject).filter(resource => isTaken(resource.resourceType))
  } catch {
    return []
  }
}
