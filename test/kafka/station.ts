/** A gateway in the lab as its users start it: the real command, a Kafka uplink, and load from MLLP and MQTT. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Load } from '../crash/load.ts'
import { Box, pause, type Status } from '../e2e/box.ts'
import { type Lab, observer } from './lab.ts'
import { Ledger, type Verdict } from './ledger.ts'

const partitions = 6
const patients = 12
/** The load runs for so long before anything is measured. */
const warmUpMs = 4000
/** Small heaps, so that what piles up shows as memory, or ends the process, and is not put off to a later collection. */
const env = { NODE_OPTIONS: '--max-old-space-size=128' }
/** From the heal to the first record that is acknowledged anew. */
export const recoveryMs = 10_000
const heapFile = 'heap.jsonl'
const recoveryPatienceMs = 60_000
const answerPatienceMs = 15_000
const drainPatienceMs = 120_000

export type StationOptions = Readonly<{
  /** By the fault proxies, or straight to the brokers. */
  line: boolean
  /** Modules before the command (`--import`). */
  preload?: readonly string[]
  random: () => number
  /** Pause of each of the 24 senders. By default 600 ms, which is about 40 messages a second in all. */
  everyMs?: number
  /** So often each thread notes what its heap holds; by default never. */
  heapEveryMs?: number
  /** The command's file; by default this project's. */
  command?: string
}>

export class Station {
  readonly box: Box
  readonly load: Load
  readonly prefix: string
  readonly ledger: Ledger
  #memoryBefore = 0

  private constructor(box: Box, load: Load, prefix: string, ledger: Ledger) {
    this.box = box
    this.load = load
    this.prefix = prefix
    this.ledger = ledger
  }

  /** Topics of its own, a gateway that sends there, and load that has run for some seconds. */
  static async open(lab: Lab, prefix: string, options: StationOptions): Promise<Station> {
    const { line, preload = [], random, everyMs = 600, heapEveryMs, command } = options
    const brokers = line ? lab.addresses : lab.cluster.bootstrap
    const uplink = `- { name: cloud, type: kafka, brokers: [${brokers.map(one => `'${one}'`).join(', ')}] }`
    const yaml = (text: string) =>
      text.replace('topicPrefix: demo', `topicPrefix: ${prefix}`).replace(/- \{ name: cloud,.*\}/, uplink)
    const heap = heapEveryMs ? { HEAP_FILE: heapFile, HEAP_EVERY_MS: String(heapEveryMs) } : {}
    const modules = heapEveryMs ? ['test/kafka/heap.mjs', ...preload] : preload
    const box = await Box.init({ yaml, preload: modules, env: { ...env, ...heap }, ...(command && { command }) })
    try {
      const load = new Load(box, { patients, everyMs, ways: ['mllp', 'mqtt'], random })
      const kafka = observer(lab.cluster.bootstrap)
      const station = new Station(box, load, prefix, new Ledger({ kafka, prefix, reader: box.reader, patients }))
      await station.makeTopics()
      await box.start()
      await load.start()
      await pause(warmUpMs)
      station.#memoryBefore = station.memory()
      return station
    } catch (error) {
      await box[Symbol.asyncDispose]()
      throw error
    }
  }

  get topics(): readonly string[] {
    return ['fhir', 'keys', 'test'].map(name => `${this.prefix}.${name}`)
  }

  status(): Promise<Status> {
    return this.box.status()
  }

  async through(): Promise<number> {
    return (await this.status()).uplinks[0]!.through
  }

  /** Milliseconds from this call until a record is acknowledged that was not before, and the uplink says that it is up. */
  async recovered(): Promise<number> {
    const started = performance.now()
    const before = await this.through()
    for (;;) {
      const { state, through } = (await this.status()).uplinks[0]!
      const ms = Math.round(performance.now() - started)
      if (state === 'up' && through > before) return ms
      if (ms > recoveryPatienceMs) return Number.POSITIVE_INFINITY
      await pause(25)
    }
  }

  /** Resolves with true once the alarm stands, with false when it does not within `ms`. */
  async alarmed(code: string, ms: number): Promise<boolean> {
    for (const giveUpAt = performance.now() + ms; performance.now() < giveUpAt; await pause(100)) {
      if ((await this.status()).alarms.some(alarm => alarm.code === code)) return true
    }
    return false
  }

  /** Resident memory of the process, in MiB. */
  memory(): number {
    return Math.round(this.#kiB('VmRSS') / 1024)
  }

  /** The most that was ever resident, in MB. */
  mostMemory(): number {
    return Math.round((this.#kiB('VmHWM') * 1024) / 1e6)
  }

  #kiB(name: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.box.pid}/status`, 'utf8')
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1])
  }

  /** What the heaps of all threads held when they last noted it, and the buffers beside them, in MiB. */
  heap(): number {
    const lines = readFileSync(join(this.box.folder, heapFile), 'utf8').trimEnd().split('\n')
    const last = new Map(lines.map(line => JSON.parse(line)).map(note => [note.threadId, note]))
    const bytes = [...last.values()].reduce((sum, { heapUsed, external }) => sum + heapUsed + external, 0)
    return Math.round((bytes / 1024 ** 2) * 10) / 10
  }

  get memoryGrowth(): number {
    return this.memory() - this.#memoryBefore
  }

  /** Everything that is committed is acknowledged by the cloud; rejects when it takes too long. */
  async drained(): Promise<void> {
    for (const giveUpAt = performance.now() + drainPatienceMs; performance.now() < giveUpAt; await pause(50)) {
      if ((await this.status()).outbox.pending === 0) return
    }
    throw new Error('the outbox did not drain')
  }

  /** Makes the topics that are missing, by the gateway's own command. */
  async makeTopics(): Promise<void> {
    const layout = ['--partitions', String(partitions), '--replication', '3']
    const { code, err } = await this.box.cli('topics', 'create', '--config', '.demo/gateway.yaml', ...layout)
    if (code !== 0) throw new Error(`topics create: ${err}`)
  }

  /** Sends old rows again, under new numbers, as a person may; resolves when all of them are in the log. */
  async resend(from: number, to: number): Promise<void> {
    const uplink = 'cloud'
    await this.box.carryOut({ do: 'outbox.resend', uplink, from: { seq: from }, to: { seq: to }, key: null })
    for (const giveUpAt = performance.now() + drainPatienceMs; performance.now() < giveUpAt; await pause(100)) {
      const { resends } = await this.box.carryOut<{ resends: readonly unknown[] }>({ do: 'outbox.list' })
      if (resends.length === 0) return
    }
    throw new Error('the rows were not sent again')
  }

  /** Pauses the load, and lets what is under way come home. */
  async rest(): Promise<void> {
    const { load } = this
    load.paused = true
    for (const giveUpAt = performance.now() + answerPatienceMs; load.waiting > 0; await pause(20)) {
      if (performance.now() > giveUpAt) throw new Error(`${load.waiting} senders have no answer`)
    }
    await this.drained()
  }

  /** Lets what is under way come home, and judges; the load rests meanwhile. Rows up to `except` may be gone. */
  async judge(except = 0): Promise<Verdict> {
    await this.rest()
    const { engine } = await this.status()
    const verdict = await this.ledger.judge(this.load.diary, engine.seq, except)
    this.load.paused = false
    return verdict
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.race([this.load.abandon().catch(() => undefined), pause(answerPatienceMs)])
    await this.box[Symbol.asyncDispose]()
  }
}
