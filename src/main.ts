/**
 * The running gateway: a composition root. Engine thread, intake, sources, drains, admin API, and the order in which
 * they start and stop: nothing listens before the engine is ready, nothing is acknowledged after it has stopped.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSources } from '../adapters/sources.ts'
import { Metrics } from './admin/metrics.ts'
import { startAdmin } from './admin/server.ts'
import { Alarms } from './alarms.ts'
import { type Config, standbyPair, type UplinkConfig } from './config/config.ts'
import { listenerNames } from './config/listeners.ts'
import { ConfigError } from './config/load.ts'
import { anyLoopbackSender, loadProfiles } from './directory/profiles.ts'
import { EngineThread } from './engine-thread.ts'
import type { EngineSettings } from './engine-worker.ts'
import { type Environment, machine } from './environment.ts'
import { GatewayError } from './errors.ts'
import { Housekeeping } from './housekeeping.ts'
import { BatchingIntake } from './intake.ts'
import { hour, limits } from './limits.ts'
import type { ListenerView } from './listen.ts'
import { describe, type Log, openLog } from './log.ts'
import type { Command, Source, StoreStatus, Uplink } from './ports.ts'
import { authenticator, type ProtectorOptions } from './protect/index.ts'
import { fileUplink } from './uplink/file.ts'
import { kafkaUplink } from './uplink/kafka/kafka.ts'
import { unusableFiles } from './uplink/way/credentials.ts'
import { Uplinks } from './uplinks.ts'

const watchEveryMs = 5000
/** The alarm comes before the share of held messages is used up. */
const heldAlarmShare = 0.8
const uplinkAlarms = [
  'E_UPLINK_DOWN',
  'E_UPLINK_AUTH',
  'E_UPLINK_CONFIG',
  'E_UPLINK_CLUSTER',
  'E_UPLINK_PARTITIONS',
  'E_UPLINK_DOUBTFUL',
  'E_STANDBY',
  'E_SWITCHED',
  'E_DISK',
] as const

/** What a running gateway says of itself. */
export type Listening = Readonly<Record<string, string>>

export class Gateway {
  readonly #config: Config
  readonly #environment: Environment
  readonly #log: Log
  /** What an engine is started with, also one that takes the place of another. */
  readonly #engineData: { serve: true; settings: EngineSettings }
  readonly #engine: EngineThread
  readonly #intake: BatchingIntake
  readonly #sources: Source[]
  readonly #uplinks: Uplinks
  readonly #metrics: Metrics
  readonly #alarms: Alarms
  readonly #housekeeping: Housekeeping
  readonly #listen: Record<string, string> = {}
  #closeAdmin: () => Promise<void> = async () => {}
  #timers: (() => void)[] = []
  #fullAt = Number.NEGATIVE_INFINITY

  /** `onFatal`: the engine cannot go on; the process must end with the error's exit code. */
  constructor(config: Config, onFatal: (error: GatewayError) => void) {
    this.#config = config
    this.#environment = machine
    this.#log = openLog({ level: config.log.level })
    this.#alarms = new Alarms(machine, this.#log)
    this.#metrics = new Metrics(Object.keys(config.sources), machine.now)
    this.#engineData = { serve: true, settings: engineSettings(config) }
    this.#engine = new EngineThread({
      entry: new URL(import.meta.url.endsWith('.ts') ? './engine-worker.ts' : './engine-worker.js', import.meta.url),
      data: this.#engineData,
      environment: machine,
      log: this.#log,
      onFatal,
    })
    this.#intake = new BatchingIntake({
      engine: this.#engine,
      environment: machine,
      observer: {
        received: source => this.#metrics.received(source),
        refused: (source, code) => this.#metrics.refused(source, code),
        answered: (source, verdict, ms) => {
          this.#metrics.answered(source, verdict, ms)
          if (verdict.kind === 'held') this.#alarms.set('E_HELD', true)
          if (verdict.kind === 'later' && verdict.code === 'E_FULL') this.#full()
        },
      },
      authenticate: (kind, id, secret) => this.#authenticate(kind, id, secret),
      onCommit: () => this.#uplinks.nudge(),
    })
    const parts = { environment: machine, log: this.#log }
    this.#housekeeping = new Housekeeping({
      ...parts,
      tidy: budgetMs => this.#engine.ask<boolean>({ ask: 'tidy', budgetMs }),
    })
    this.#sources = openSources(config.sources, { intake: this.#intake, ...parts })
    this.#uplinks = new Uplinks({
      ways: config.uplinks,
      open: name => openUplink(config.uplinks.find(uplink => uplink.name === name)!, config, this.#log),
      engine: this.#engine,
      ...parts,
    })
  }

  /** Starts everything; resolves with the bound addresses once messages are taken. Stops what it started on an error. */
  async start(): Promise<Listening> {
    try {
      await this.#engine.start()
      for (const note of this.#engine.notes) this.#log.warn('engine', { note })
      this.#alarms.set(
        'E_EPOCH',
        this.#engine.notes.some(note => note.startsWith('E_EPOCH')),
      )
      await this.#startAdmin()
      for (const source of this.#sources) {
        this.#listen[source.name] = await source.start()
        for (const { name, address } of source.listeners?.() ?? []) this.#listen[name] = address
      }
      this.#watchCertificates()
      await this.#uplinks.start((await this.#storeStatus()).active)
      this.#housekeeping.start()
      this.#every(watchEveryMs, () => this.#watch())
      this.#every(watchEveryMs, () => this.#uplinks.watch())
      return this.#listen
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /**
   * Reads sender profiles and the certificates of listeners again: all of them, or nothing where one has a mistake, which is
   * logged and an alarm. Connections stay; the profiles count for the next message of each. Never rejects.
   */
  async reload(): Promise<void> {
    try {
      const settings = engineSettings(this.#config)
      const steps = this.#sources.map(source => source.renew?.())
      await this.#engine.ask({ ask: 'reload', senders: settings.senders })
      this.#engineData.settings = settings
      for (const step of steps) step?.()
      this.#watchCertificates()
      this.#log.info('reloaded', { senders: settings.senders.length })
      this.#alarms.set('E_CONFIG', false)
    } catch (error) {
      const lines = error instanceof ConfigError ? error.lines() : []
      for (const line of lines) this.#log.error('mistake in the configuration', { line })
      this.#log.error('not reloaded; everything is as before', describe(error))
      this.#alarms.set('E_CONFIG', error instanceof GatewayError && error.code === 'E_CONFIG')
    }
  }

  /** Sources first (they answer what is in flight), then the intake, the drains, the engine, the admin API. */
  async stop(): Promise<void> {
    for (const cancel of this.#timers) cancel()
    this.#housekeeping.stop()
    await Promise.all(
      this.#sources.map(source => source.stop().catch(error => this.#log.warn('stop', describe(error)))),
    )
    await this.#intake.stop()
    await this.#uplinks.stop()
    await this.#engine.stop()
    await this.#closeAdmin()
  }

  /** GET /status: fields are added, never renamed. */
  async status(): Promise<unknown> {
    const store = await this.#storeStatus()
    return {
      gateway: this.#config.gateway.id,
      purpose: this.#config.privacy.mode,
      listen: this.#listen,
      listeners: this.#listeners().map(listener => ({ ...listener, until: time(listener.until) })),
      sources: this.#metrics.sources().map(source => ({ ...source, lastAt: time(source.lastAt) })),
      outbox: {
        pending: store.pending,
        bytes: store.pendingBytes,
        used: store.usedBytes,
        budget: store.budget,
        oldestSeconds: this.#oldestSeconds(store),
        sent: { ...store.sent, since: time(store.sent.since) },
        historyRows: store.cursors.reduce((rows, { history }) => rows + history, 0),
        parked: store.cursors.reduce((rows, { parked }) => rows + parked, 0),
        hoursKept: hours(store.sent.since === null ? null : (machine.now() - store.sent.since) / hour),
        hoursLeft: hours(store.hoursLeft),
      },
      uplinks: this.#uplinkViews(store).map(({ trouble, ...view }) => ({
        ...view,
        gap: gapOf(store, view.name),
        trouble: trouble && { ...trouble, since: time(trouble.since) },
      })),
      engine: { epoch: store.epoch, arrivals: store.arrivals, seq: store.seq, lost: this.#engine.lost },
      held: store.held,
      worklist: store.worklist,
      alarms: this.#alarms.list().map(({ code, since }) => ({ code, since: time(since) })),
    }
  }

  async #startAdmin(): Promise<void> {
    const token = machine.random(32).toString('base64url')
    const { host, port } = this.#config.admin
    const admin = await startAdmin({
      host,
      port,
      token,
      status: () => this.status(),
      metrics: async () => {
        const store = await this.#storeStatus()
        return this.#metrics.text({
          store,
          oldestSeconds: this.#oldestSeconds(store),
          uplinks: this.#uplinkViews(store),
          alarms: this.#alarms.list(),
        })
      },
      ready: async () => {
        const store = await this.#storeStatus()
        return store.room && machine.monotonic() - this.#fullAt > watchEveryMs
      },
      carryOut: command => this.#carryOut(command),
    })
    this.#listen.admin = admin.address
    mkdirSync(this.#config.data.dir, { recursive: true, mode: 0o700 })
    const file = join(this.#config.data.dir, 'admin.json')
    writeFileSync(file, JSON.stringify({ address: admin.address, token }), { mode: 0o600 })
    this.#closeAdmin = async () => {
      rmSync(file, { force: true })
      await admin.close()
    }
  }

  /** The engine writes it down; then the drains follow. */
  async #carryOut(command: Command): Promise<unknown> {
    if (command.do === 'uplink.switch') this.#uplinks.demandSwitchable(command.uplink)
    const answer = await this.#engine.ask({ ask: 'do', who: 'local', command })
    if (command.do === 'uplink.accept') this.#uplinks.accepted(command.uplink)
    if (command.do === 'uplink.switch') {
      this.#uplinks.switched(command.uplink).catch(error => this.#log.error('switch', describe(error)))
    }
    return answer
  }

  #uplinkViews(store: StoreStatus) {
    return this.#uplinks.list().map(view => {
      const { through = 0, parked = 0, history = 0 } = store.cursors.find(row => row.uplink === view.name) ?? {}
      return { ...view, through, parked, history }
    })
  }

  #authenticate(kind: 'device' | 'client', id: string, secret: string): boolean {
    const directory = this.#engine.directory()
    const mac = kind === 'device' ? directory.devices.get(id)?.secretMac : directory.clients.get(id)?.tokenMac
    return mac !== undefined && authenticator(this.#engine.authKey())(kind, id, secret, mac)
  }

  #full(): void {
    this.#fullAt = machine.monotonic()
    this.#housekeeping.soon()
  }

  async #watch(): Promise<void> {
    const store = await this.#storeStatus()
    if (store.usedBytes > limits.pressureShare * store.budget) this.#housekeeping.soon()
    this.#alarms.set('E_UPLINK_GAP', store.gaps.length > 0)
    this.#alarms.set('E_HELD', store.held > 0)
    this.#watchCertificates()
    this.#alarms.set('E_FULL', !store.room)
    this.#alarms.set('E_HELD_QUOTA', store.heldBytes > heldAlarmShare * store.heldBudget)
    const troubles = this.#uplinks.alarms()
    for (const code of uplinkAlarms) this.#alarms.set(code, troubles.has(code))
    this.#alarms.set(
      'E_UPLINK_REJECTED',
      store.cursors.some(cursor => cursor.parked > 0),
    )
  }

  #watchCertificates(): void {
    const soon = machine.now() + limits.certificateSoonMs
    this.#alarms.set(
      'E_TLS_EXPIRES',
      this.#listeners().some(({ until }) => until !== null && until < soon),
    )
  }

  #listeners(): readonly ListenerView[] {
    return this.#sources.flatMap(source => source.listeners?.() ?? [])
  }

  #every(ms: number, work: () => Promise<unknown>): void {
    let cancel = () => {}
    const next = () => {
      cancel = this.#environment.after(ms, () => {
        work()
          .catch(error => this.#log.warn('housekeeping', describe(error)))
          .finally(next)
      })
    }
    next()
    this.#timers.push(() => cancel())
  }

  #storeStatus(): Promise<StoreStatus> {
    return this.#engine.ask<StoreStatus>({ ask: 'status' })
  }

  #oldestSeconds(store: StoreStatus): number {
    return store.oldestPendingAt === null ? 0 : Math.max(0, Math.round((machine.now() - store.oldestPendingAt) / 1000))
  }
}

/** The engine's part of the configuration, sender profiles read anew. Throws ConfigError for one with mistakes. */
export function engineSettings(config: Config): EngineSettings {
  const demo = config.privacy.mode === 'demo'
  return {
    gateway: config.gateway,
    purpose: config.privacy.mode,
    keys: config.privacy.keys,
    data: config.data,
    uplinks: config.uplinks.map(uplink => uplink.name),
    standby: standbyPair(config.uplinks)?.standby ?? null,
    senders: loadProfiles(config.directory.senders, listenerNames(config.sources.mllp)),
    anySender: demo ? anyLoopbackSender : null,
    logLevel: config.log.level,
  }
}

/** What the Protector needs to know of this configuration. */
export function protectorOptions(config: Config): ProtectorOptions {
  const { id, tenant, topicPrefix } = config.gateway
  return { gateway: id, tenant, topicPrefix, purpose: config.privacy.mode, environment: machine }
}

function openUplink(uplink: UplinkConfig, config: Config, log: Log): Uplink {
  const parts = { environment: machine, log }
  if (uplink.type === 'file') return fileUplink(uplink, parts)
  // said at once, but no reason not to take messages
  for (const error of unusableFiles(uplink)) {
    log.error('a file of the uplink cannot be used', { uplink: uplink.name, ...describe(error) })
  }
  return kafkaUplink(
    {
      ...uplink,
      topicPrefix: config.gateway.topicPrefix,
      clientId: `clinic-gateway-${config.gateway.id}`,
      loopbackOnly: config.privacy.mode === 'demo',
    },
    parts,
  )
}

/** Rows that the uplink will not get and that nobody has accepted. */
function gapOf({ gaps }: StoreStatus, name: string) {
  const gap = gaps.find(({ uplink }) => uplink === name)
  return gap ? { first: gap.first, last: gap.last, since: time(gap.at) } : null
}

/** To a tenth; null where nobody knows. */
function hours(exact: number | null): number | null {
  return exact === null ? null : Math.max(0, Math.round(exact * 10) / 10)
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
