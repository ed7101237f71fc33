/** The product's engine on this thread, in a folder of its own, and messages as a source would hand them to it. */
import { join } from 'node:path'
import { translators } from '../adapters/translators.ts'
import { anyLoopbackSender } from '../src/directory/profiles.ts'
import { Engine } from '../src/engine.ts'
import { machine } from '../src/environment.ts'
import { check } from '../src/fhir/check.ts'
import { GiB, MiB } from '../src/limits.ts'
import { silent } from '../src/log.ts'
import type { Device, Store } from '../src/ports.ts'
import { createDemoKeys, loadKeys, openProtector } from '../src/protect/index.ts'
import type { Arrival, Ms, Sealed } from '../src/records.ts'
import { openStore } from '../src/store/index.ts'
import { oru, reading } from './messages.ts'

const gateway = { tenant: 'bench', gateway: 'bench-1', purpose: 'demo', environment: machine } as const
const common = { mode: 'live', receivedAt: 1_795_512_600_000, clockTrusted: true } as const
const authority = 'urn:oid:2.16.840.1.113883.19.5'

export type Bench = Readonly<{ engine: Engine; store: Store; close: () => void }>

/** Opens the engine with a real disk under it. `patients`: how many wear a watch, `watch-0` and so on. */
export function openEngine(dir: string, patients = 1): Bench {
  createDemoKeys(dir, gateway)
  const protector = openProtector(loadKeys(join(dir, 'box')), { ...gateway, topicPrefix: 'bench' })
  const store = openStore({ ...gateway, dir: join(dir, 'data'), budget: 8 * GiB, freeFloor: 0, uplinks: ['cloud'] })
  const watches = Array.from({ length: patients }, (_, i): Device => {
    const wearer = protector.idOf('Patient', { system: authority, value: `${firstPatient + i}` })
    return { id: `watch-${i}`, format: 'omh', secretMac: '', test: false, worn: [{ from: 0, to: null, wearer }] }
  })
  const devices = new Map(watches.map(watch => [watch.id, watch]))
  const directory = { revision: 1, anySender: anyLoopbackSender, senders: [], devices, clients: new Map() }
  const parts = { environment: machine, log: silent, store, protector, check, translators, directory: () => directory }
  return { engine: new Engine(parts), store, close: () => store.close() }
}

const firstPatient = 4711

/** Message `n` of the laboratory, about patient `n` modulo `patients`. */
export function oruArrival(n: number, patients = 1): Arrival {
  return hl7Arrival(bytesOf(oru(n, firstPatient + (n % patients))), `B${n}`)
}

/** Reading `n`, of the watch of patient `n` modulo `patients`. */
export function readingArrival(n: number, patients = 1): Arrival {
  return readingOf(n, `watch-${n % patients}`)
}

/** Reading `n`, of this watch. */
export function readingOf(n: number, sender: string): Arrival {
  const from = { source: 'mqtt', sender, messageId: null, meta: { payload: 'omh' } }
  return { ...common, ...from, format: 'measurement', bytes: bytesOf(reading(n)) }
}

/** Message `n` of a clinic: one in ten is of the laboratory, about one of 50 patients; the others are readings of a watch. */
export function clinicArrival(n: number, watch: string, receivedAt: Ms = common.receivedAt): Arrival {
  return { ...(n % 10 === 0 ? oruArrival(n, 500) : readingOf(n, watch)), receivedAt }
}

/** A message of the laboratory in HL7 v2. */
export function hl7Arrival(bytes: Uint8Array<ArrayBuffer>, messageId: string): Arrival {
  return { ...common, source: 'mllp', sender: 'demo', format: 'hl7v2', messageId, meta: {}, bytes }
}

/**
 * The records that leave the box for these messages, in their order: what the cloud gets, byte for byte. Messages that
 * the engine does not keep leave none.
 */
export function recordsOf({ engine, store }: Bench, arrivals: readonly Arrival[]): Sealed[] {
  for (let at = 0; at < arrivals.length; ) at += engine.take(arrivals.slice(at, at + 100)).length
  const records: Sealed[] = []
  for (;;) {
    const page = engine.peek('cloud', 500, 64 * MiB)
    const last = page.at(-1)
    if (!last) return records
    records.push(...page)
    store.settle('cloud', [{ kind: 'delivered', through: last.seq }])
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text))
}
