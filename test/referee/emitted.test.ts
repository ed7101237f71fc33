/**
 * Promise 4: everything that leaves is valid FHIR R4. The corpora and the examples go through the real translators, the
 * real Protector and the real store; HL7's own validator then judges what came out, before sealing and after it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { translators } from '../../adapters/translators.ts'
import { adt, bloodPressure, heartRate, oru, patients, temperature, time } from '../../scripts/demo/clinic.ts'
import { anyLoopbackSender } from '../../src/directory/profiles.ts'
import type { Device, Directory, Translator } from '../../src/ports.ts'
import type { Arrival, FhirResource } from '../../src/records.ts'
import { arrivalOf, openWorld } from '../src/world.ts'
import { dismiss, judge, refereeMissing } from './referee.ts'

const corpora = process.env.CLINIC_GATEWAY_CORPUS ?? '../shared/data'
const messages = join(corpora, 'hl7-corpus')
const noCorpora = existsSync(messages) ? '' : ' (needs the corpora: set CLINIC_GATEWAY_CORPUS)'
const missing = refereeMissing()

const watch: Device = {
  id: 'watch',
  format: null,
  secretMac: '',
  test: false,
  worn: [{ from: 0, to: null, wearer: 'p1-y6mguxnb7e6osiuhb5q2wdoujqodyuso' }],
}
const directory: Directory = {
  revision: 1,
  anySender: { ...anyLoopbackSender, zone: 'Europe/Vienna', charset: '8859/1' },
  senders: [],
  devices: new Map([[watch.id, watch]]),
  clients: new Map([['app', { name: 'app', tokenMac: '', scopes: ['*'] }]]),
}

describe.skipIf(missing)(`what leaves, before HL7's validator (${missing ?? 'present'})`, { timeout: 300_000 }, () => {
  afterAll(dismiss)

  test('the examples: no error, clear and sealed', async () => {
    const { kept, clear, sealed } = emit(examples())
    expect(kept).toBe(examples().length)
    await expectValid(clear)
    await expectValid(sealed)
  })

  test('what the clinic of the demo sends: no error, clear and sealed', async () => {
    const arrivals = demoMessages()
    const { kept, clear, sealed } = emit(arrivals)
    expect(kept).toBe(arrivals.length)
    await expectValid(clear)
    await expectValid(sealed)
  })

  test.skipIf(noCorpora)(`the HL7 corpora${noCorpora}: no error, clear and sealed`, async () => {
    const { kept, clear, sealed } = emit(corpusMessages())
    expect(kept).toBeGreaterThan(300)
    await expectValid(distinct(clear))
    await expectValid(distinct(sealed))
  })
})

/** Takes messages through a real engine; what it translated, and what it would send. */
function emit(arrivals: readonly Arrival[]) {
  const clear: FhirResource[] = []
  const listening = (translator: Translator): Translator => ({
    outline: arrival => translator.outline(arrival),
    translate(arrival, known) {
      const translated = translator.translate(arrival, known)
      clear.push(...translated.changes.filter(change => change.verb !== 'delete').map(change => change.resource))
      return translated
    },
  })
  const { hl7v2, measurement, fhir } = translators
  const heard = { hl7v2: listening(hl7v2), measurement: listening(measurement), fhir: listening(fhir) }
  const world = openWorld(() => ({}), { translators: heard, directory })
  try {
    const verdicts = arrivals.flatMap(arrival => world.engine.take([arrival]))
    // our own mistakes must not hide as held messages
    const held = world.store.heldList(1000).filter(row => !['E_NO_PATIENT', 'E_MERGE_CYCLE'].includes(row.rule))
    expect(held).toEqual([])
    const rows = world.engine.peek('cloud', 1_000_000, 1e9).filter(row => row.lane === 'data' && row.value)
    const sealed = rows.map(row => JSON.parse(Buffer.from(row.value as Uint8Array).toString()) as FhirResource)
    return {
      kept: verdicts.filter(verdict => verdict.kind === 'kept' || verdict.kind === 'same').length,
      clear,
      sealed,
    }
  } finally {
    world.close()
  }
}

async function expectValid(resources: readonly FhirResource[]): Promise<void> {
  expect(resources.length).toBeGreaterThan(0)
  const { errors } = await judge(resources)
  expect(errors.map(error => `${error.at} ${error.id} ${error.text}`)).toEqual([])
}

/** One of each content: a thousand equal thin patients teach nothing. */
function distinct(resources: readonly FhirResource[]): FhirResource[] {
  return [...new Map(resources.map(resource => [JSON.stringify(resource), resource])).values()].slice(0, 4000)
}

function examples(): Arrival[] {
  const read = (name: string) => readFileSync(`examples/${name}`)
  const hl7 = (name: string) => hl7Arrival(read(name), name)
  const omh = (name: string) => omhArrival(read(name))
  return [
    hl7('adt-a01.hl7'),
    hl7('oru-r01.hl7'),
    omh('heart-rate.json'),
    omh('blood-pressure.json'),
    fhirArrival(read('observation.json'), null),
  ]
}

/** Three rounds of everything that the clinic of `npm run demo` says. */
function demoMessages(): Arrival[] {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  return patients.flatMap((patient, i) =>
    [i, i + 20, i + 45].flatMap(n => [
      hl7Arrival(Buffer.from(adt(patient, n === i ? 'A01' : 'A08', n)), `adt-${n}`),
      hl7Arrival(Buffer.from(oru(patient, n, time(n))), `oru-${n}`),
      omhArrival(json(heartRate(n, time(n)))),
      omhArrival(json(bloodPressure(n, time(n)))),
      fhirArrival(json(temperature(patient, n, time(n))), `key-${n}`),
    ]),
  )
}

function omhArrival(bytes: Buffer): Arrival {
  const meta = { payload: 'omh', device: 'watch' }
  return arrivalOf('', {
    ...bytesOf(bytes),
    source: 'mqtt',
    sender: 'watch',
    format: 'measurement',
    messageId: null,
    meta,
  })
}

function fhirArrival(bytes: Buffer, messageId: string | null): Arrival {
  const meta = { interaction: 'create', type: 'Observation' }
  return arrivalOf('', { ...bytesOf(bytes), source: 'fhir', sender: 'app', format: 'fhir', messageId, meta })
}

/** Files may hold several messages, LF or CR, a BOM. */
function corpusMessages(): Arrival[] {
  const files = readdirSync(messages, { recursive: true, withFileTypes: true }).filter(file => file.isFile())
  return files
    .map(file => readFileSync(join(file.parentPath, file.name), 'latin1'))
    .flatMap(text => text.split(/(?<=[\r\n]|^\xef\xbb\xbf)(?=MSH)/))
    .filter(text => /^MSH/.test(text) && /(ADT.A(01|03|04|08|31|40)|ORU.R01)/.test(text.split(/[\r\n]/)[0] ?? ''))
    .map((text, i) => hl7Arrival(Buffer.from(text, 'latin1'), `corpus-${i}`))
}

function hl7Arrival(bytes: Buffer, id: string): Arrival {
  return arrivalOf('', { ...bytesOf(bytes), messageId: id })
}

function bytesOf(bytes: Buffer): { bytes: Uint8Array<ArrayBuffer> } {
  return { bytes: new Uint8Array(bytes) }
}
