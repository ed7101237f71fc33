/** The line without its way out: engine thread, intake and one source, on the store asked for. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mllpSource } from '../adapters/hl7v2/source.ts'
import { mqttSource } from '../adapters/trackers/source.ts'
import { anyLoopbackSender } from '../src/directory/profiles.ts'
import { EngineThread } from '../src/engine-thread.ts'
import { machine } from '../src/environment.ts'
import { BatchingIntake } from '../src/intake.ts'
import { GiB, KiB, MiB, minute } from '../src/limits.ts'
import { silent } from '../src/log.ts'
import type { Intake, Source } from '../src/ports.ts'
import { authenticator, createDemoKeys } from '../src/protect/index.ts'

/** `bare`: no engine at all; the source's own work is what is left. */
export type StoreKind = 'sqlite' | 'log' | 'count' | 'bare'
export type Secret = Readonly<{ id: string; secret: string }>

const gateway = { tenant: 'bench', gateway: 'bench-1' }
const patient = { authority: 'urn:oid:2.16.840.1.113883.19.5', value: '4711' }

export type Line = Readonly<{
  address: string
  devices: readonly Secret[]
  messages: () => Promise<number>
  close: () => Promise<void>
}>

/** Opens a line; `devices` = how many trackers are registered and assigned. */
export async function openLine(way: 'mllp' | 'mqtt', store: StoreKind, slowMs: number, devices: number): Promise<Line> {
  const dir = mkdtempSync(join(tmpdir(), 'cg-bench-'))
  mkdirSync(join(dir, 'data'), { mode: 0o700 })
  createDemoKeys(dir, { ...gateway, environment: machine })
  const settings = {
    gateway: { id: gateway.gateway, tenant: gateway.tenant, topicPrefix: 'bench' },
    purpose: 'demo',
    keys: join(dir, 'box'),
    data: { dir: join(dir, 'data'), budget: 8 * GiB, freeFloor: 0 },
    uplinks: ['cloud'],
    senders: [],
    anySender: anyLoopbackSender,
    logLevel: 'error',
  }
  const onFatal = (error: Error) => {
    throw error
  }
  const entry = new URL('./engine-entry.ts', import.meta.url)
  const engine = new EngineThread({
    entry,
    data: { settings, store: store === 'bare' ? 'count' : store, slowMs },
    environment: machine,
    log: silent,
    onFatal,
  })
  await engine.start()
  const secrets = await register(engine, devices)
  const check = authenticator(engine.authKey())
  const intake = new BatchingIntake({
    engine,
    environment: machine,
    observer: { received() {}, answered() {}, refused() {} },
    authenticate: (kind, id, secret) => check(kind, id, secret, engine.directory().devices.get(id)?.secretMac ?? ''),
    onCommit: () => {},
  })
  const bare: Intake = {
    take: async () => ({ kind: 'kept', issues: [], receipt: '' }),
    directory: () => engine.directory(),
    authenticate: () => true,
    refused() {},
  }
  const source = openSource(way, { intake: store === 'bare' ? bare : intake, environment: machine, log: silent })
  const address = await source.start()
  return {
    address,
    devices: secrets,
    messages: async () => (await engine.ask<{ arrivals: number }>({ ask: 'status' })).arrivals,
    async close() {
      await source.stop()
      await intake.stop()
      await engine.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function openSource(way: 'mllp' | 'mqtt', parts: Parameters<typeof mllpSource>[1]): Source {
  const at = { host: '127.0.0.1', port: 0 }
  if (way === 'mqtt') return mqttSource({ ...at, maxPacket: 256 * KiB, maxConnections: 1000 }, parts)
  return mllpSource({ ...at, maxFrame: 1 * MiB, idleTimeout: 10 * minute, maxConnections: 200 }, parts)
}

async function register(engine: EngineThread, devices: number): Promise<Secret[]> {
  const secrets: Secret[] = []
  for (let i = 0; i < devices; i++) {
    const id = `bench-${i}`
    const add = { do: 'device.add' as const, id, format: 'omh', test: false }
    secrets.push(await engine.ask<Secret>({ ask: 'do', who: 'bench', command: add }))
    await engine.ask({ ask: 'do', who: 'bench', command: { do: 'device.assign', id, ...patient, from: 0 } })
  }
  return secrets
}
