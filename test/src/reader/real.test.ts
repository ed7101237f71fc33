/** The reader against the real Protector and the real file uplink. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { decrypt } from '../../../src/cli/decrypt.ts'
import { machine } from '../../../src/environment.ts'
import { silent } from '../../../src/log.ts'
import { createDemoKeys, loadKeys, openProtector } from '../../../src/protect/index.ts'
import { Reader, ReaderKeys } from '../../../src/reader/index.ts'
import type { Change, FhirResource, Sealed } from '../../../src/records.ts'
import { fileUplink } from '../../../src/uplink/file.ts'

const dir = mkdtempSync(join(tmpdir(), 'reader-real-'))
const readerDir = join(dir, 'reader')
const fhir = join(dir, 'out', 'demo.fhir.ndjson')
const anna = { system: 'urn:oid:1.2.3', value: 'MRN-1' }
const weight = { value: JSON.rawJSON('72.50'), unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' }
const patient = {
  resourceType: 'Patient',
  id: 'patient',
  language: 'de',
  identifier: [{ system: 'urn:oid:1.2.3', value: 'MRN-1' }],
  name: [
    {
      use: 'official',
      family: 'Müller',
      given: ['Änne'],
      _given: [{ extension: [{ url: 'urn:x', valueString: 'y' }] }],
    },
  ],
  telecom: [{ system: 'phone', value: '044 123' }],
  gender: 'female',
  birthDate: '1974-12-25',
  address: [{ line: ['Gasse 1'], city: 'Zürich', state: 'ZH', postalCode: '8001', country: 'CH' }],
  contact: [{ name: { family: 'Meier' } }],
}
const observation = {
  resourceType: 'Observation',
  id: 'obs-1',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '29463-7', display: 'mine' }], text: 'Gewicht' },
  subject: { reference: 'Patient/patient', display: 'Änne Müller' },
  effectiveDateTime: '2026-11-24T08:00:00+01:00',
  valueQuantity: weight,
  note: [{ text: 'rang her neighbour' }],
}
const records: Sealed[] = []

/** The resource with final ids in place of local ones. */
const expected = (resource: object, patientId: string, id: string) => {
  const text = JSON.stringify({ ...resource, id }).replaceAll('Patient/patient', `Patient/${patientId}`)
  return JSON.parse(text)
}
const withoutMeta = (resource: object) => {
  const { meta: _, ...rest } = JSON.parse(JSON.stringify(resource))
  return rest
}

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text), person: false }
  const code = await decrypt(argv, io).catch(error => {
    err.push(error.message)
    return error.code
  })
  return { code, out: out.join(''), err: err.join('') }
}
const rows = (out: string) =>
  out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

beforeAll(async () => {
  createDemoKeys(dir, { tenant: 'demo', gateway: 'demo-1', environment: machine })
  const names = { tenant: 'demo', gateway: 'demo-1', purpose: 'demo', topicPrefix: 'demo' } as const
  const protector = openProtector(loadKeys(join(dir, 'box')), { ...names, environment: machine })
  const change = (resource: unknown, over: Partial<Change> = {}): Change => ({
    verb: 'replace',
    resource: resource as FhirResource,
    identity: [anna],
    subject: anna,
    ...over,
  })
  let seq = 0
  const seal = (changes: Change[], arrival: number, mode: 'live' | 'test' = 'live') => {
    const stamp = { epoch: 1795555555, arrival, release: 0, receivedAt: machine.now(), mode, historical: false }
    records.push(...protector.seal(changes, { ...stamp, content: new Uint8Array(16), nextSeq: () => ++seq }).records)
    protector.committed()
  }
  const ofObservation = { identity: [{ system: 'sender:lab', value: 'O-1' }] }
  seal([change(patient), change(observation, ofObservation)], 1)
  seal([change({ resourceType: 'Patient', id: 'patient' }, { verb: 'ensure' })], 2)
  seal([change(observation, { ...ofObservation, verb: 'delete' })], 3)
  seal([change(patient)], 4, 'test')
  const uplink = fileUplink({ name: 'cloud', dir: join(dir, 'out') }, { environment: machine, log: silent })
  await uplink.connect({ cluster: null, partitions: {} })
  await uplink.send(records)
  await uplink.close()
})

describe('the reader opens what the Protector seals', () => {
  it('to the same resource, with its digits', () => {
    const reader = new Reader({ keys: ReaderKeys.fromFolder(readerDir, { allowDemo: true }) })
    for (const { topic, key, headers, value } of records.slice(0, 3)) {
      reader.take({ topic, partition: 0, key, headers: JSON.parse(headers), value })
    }
    const { failedTokens, unknownKey, badSignature, malformed, badKeys, incomplete } = reader.counters
    expect([failedTokens, unknownKey, badSignature, malformed, badKeys, incomplete]).toEqual([0, 0, 0, 0, 0, 0])
    const [one, other] = [...reader.state().values()]
    const { id } = one!.facts
    expect(withoutMeta(one!.opened.resource)).toEqual(expected(patient, id, id))
    expect(withoutMeta(other!.opened.resource)).toEqual(expected(observation, id, other!.facts.id))
    expect(JSON.stringify(other!.opened.resource)).toContain('72.50')
  })
})

describe('clinic-gateway decrypt', () => {
  it('prints every version, opened, and exits 0', async () => {
    const { code, out, err } = await run(fhir, '--allow-demo')
    expect(err).toContain('records 6, bad signatures 0')
    expect(code).toBe(0)
    expect(rows(out).map(resource => resource.resourceType)).toEqual(['Patient', 'Observation', 'Patient'])
    expect(out).toContain('Müller')
  })

  it('prints rows with the facts, and what holds in the end', async () => {
    const { out } = await run(fhir, '--reader', readerDir, '--allow-demo', '--json')
    expect(rows(out).map(({ verb, failed }) => [verb, failed])).toEqual([
      ['replace', []],
      ['replace', []],
      ['ensure', []],
      ['delete', []],
    ])
    const state = await run(fhir, '--allow-demo', '--state')
    expect(rows(state.out).map(resource => resource.resourceType)).toEqual(['Patient'])
    const ofTests = join(dir, 'out', 'demo.test.ndjson')
    const test = await run(ofTests, '--allow-demo', '--state', '--test')
    expect(test).toMatchObject({ code: 0 })
    expect(rows(test.out)).toHaveLength(1)
    expect((await run(ofTests, '--allow-demo', '--state')).out).toBe('')
  })

  it('opens only what is asked for', async () => {
    const { code, out } = await run(fhir, '--allow-demo', '--only', 'Patient.birthDate,Patient.address.city')
    expect(code).toBe(0)
    expect(out).toContain('1974-12-25')
    expect(out).toContain('Zürich')
    for (const hidden of ['Müller', 'MRN-1', 'Gasse', 'Meier', 'neighbour']) expect(out).not.toContain(hidden)
  })

  it('checks without printing, and finds one changed byte', async () => {
    expect(await run(fhir, '--allow-demo', '--verify')).toMatchObject({ code: 0, out: '' })
    const bad = join(dir, 'out', 'bad.fhir.ndjson')
    writeFileSync(bad, readFileSync(fhir, 'utf8').replace('"gender":"female"', '"gender":"male"'))
    const keys = join(dir, 'out', 'demo.keys.ndjson')
    const found = await run(bad, '--keys', keys, '--allow-demo')
    expect(found.code).toBe(1)
    expect(found.err).toContain('bad signatures 1')
    expect(found.out).not.toContain('Gasse')
  })

  it('leaves all masked and exits 1 without the key records, and survives a torn line', async () => {
    const alone = join(dir, 'alone.fhir.ndjson')
    writeFileSync(alone, `${readFileSync(fhir, 'utf8')}{"topic":"demo.fh`)
    const masked = await run(alone, '--reader', readerDir, '--allow-demo')
    expect(masked.code).toBe(1)
    expect(masked.err).toContain('without key 2')
    expect(masked.out).not.toContain('Müller')
    expect(rows(masked.out)).toHaveLength(3)
    const keys = join(dir, 'out', 'demo.keys.ndjson')
    const torn = await run(alone, '--reader', readerDir, '--allow-demo', '--keys', keys)
    expect(torn.code).toBe(0)
    expect(torn.err).toContain('torn last lines 1')
  })

  it('refuses demo keys, unknown files and folders, and shows help', async () => {
    expect((await run(fhir)).code).toBe('E_DEMO_KEY')
    expect((await run(fhir, '--reader', join(dir, 'none'))).code).toBe('E_USAGE')
    expect((await run(join(dir, 'out', 'none.ndjson'), '--allow-demo')).code).toBe('E_USAGE')
    expect((await run()).code).toBe('E_USAGE')
    expect((await run('--nonsense')).code).toBe('E_USAGE')
    expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--allow-demo') })
  })
})
