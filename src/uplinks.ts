/**
 * All ways out of one gateway: a drain for each uplink, and which of them are in use. Where one stands by for the first
 * (docs/decisions/017), only one of the two is in use at any time, and the choice is on disk before it is carried out.
 */
import type { WayConfig } from './config/config.ts'
import { Drain, type DrainState, type Trouble } from './drain.ts'
import type { EngineThread } from './engine-thread.ts'
import type { Environment } from './environment.ts'
import { GatewayError } from './errors.ts'
import { limits } from './limits.ts'
import type { Log } from './log.ts'
import type { StoreStatus, Uplink } from './ports.ts'
import type { Code } from './records.ts'

/** One uplink as /status shows it. */
export type UplinkView = Readonly<{
  name: string
  mode: WayConfig['mode']
  inUse: boolean
  state: DrainState | 'standby'
  trouble: Trouble | null
  sent: number
  sentBytes: number
}>

export type UplinksParts = Readonly<{
  /** In the order of the configuration; at most one stands by, and not the first. */
  ways: readonly WayConfig[]
  open: (name: string) => Uplink
  engine: EngineThread
  environment: Environment
  log: Log
}>

/** The one that stands by, and the one whose place it takes. */
type Pair = Readonly<{ first: Drain; standby: Drain; way: WayConfig }>

export class Uplinks {
  readonly #parts: UplinksParts
  readonly #drains: readonly Drain[]
  readonly #pair: Pair | null
  /** Of the pair, the one in use. */
  #active: Drain | null
  #checkedAt = Number.NEGATIVE_INFINITY
  #running = false
  /** Starts, switches and looks come one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: UplinksParts) {
    const { ways, open, ...rest } = parts
    const way = ways.find(one => one.mode === 'standby')
    const standsFor = (one: WayConfig) => (one === way ? ways[0]?.name : undefined)
    this.#parts = parts
    this.#drains = ways.map(
      one => new Drain({ ...rest, ...one, open: () => open(one.name), standsFor: standsFor(one) }),
    )
    const [first, standby] = [this.#drains[0], way && this.#find(way.name)]
    this.#pair = first && standby && way ? { first, standby, way } : null
    this.#active = this.#pair?.first ?? null
  }

  /** Starts what is in use. `active`: the one that was in use last, as the store remembers it. */
  start(active: string | null): Promise<void> {
    return this.#inTurn(async () => {
      this.#running = true
      if (this.#pair && active === this.#pair.standby.name) this.#active = this.#pair.standby
      for (const drain of this.#drains) if (this.#inUse(drain)) drain.start()
    })
  }

  /** Does not wait for its turn: a look at a far side that is away takes long. */
  async stop(): Promise<void> {
    this.#running = false
    await Promise.all(this.#drains.map(drain => drain.stop()))
  }

  /** There may be new rows. */
  nudge(): void {
    for (const drain of this.#drains) drain.nudge()
  }

  list(): readonly UplinkView[] {
    return this.#drains.map(drain => {
      const { name, state, sent, sentBytes } = drain
      const inUse = this.#inUse(drain)
      const mode = drain === this.#pair?.standby ? 'standby' : 'both'
      return {
        name,
        mode,
        inUse,
        state: inUse ? state : 'standby',
        trouble: drain.troubles()[0] ?? null,
        sent,
        sentBytes,
      }
    })
  }

  /** The codes of what is wrong now. What ails the one that is not in use is no alarm, except that it cannot stand by. */
  alarms(): ReadonlySet<Code> {
    const codes = this.#drains
      .filter(drain => this.#inUse(drain))
      .flatMap(drain => drain.troubles().map(({ code }) => code))
    const { standby } = this.#pair ?? {}
    if (standby && this.#active === standby) codes.push('E_SWITCHED')
    if (standby && this.#active !== standby && standby.isBroken) codes.push('E_STANDBY')
    return new Set(codes)
  }

  /** Refuses what cannot be switched to, before it is written down. Throws GatewayError E_USAGE. */
  demandSwitchable(name: string): void {
    const { first, standby } = this.#pair ?? {}
    if (!first || !standby) throw new GatewayError('E_USAGE', 'uplinks', 'none stands by')
    if (name !== first.name && name !== standby.name) throw new GatewayError('E_USAGE', name)
  }

  /** The store remembers `name` as the one in use: carries it out. Nothing happens where it is already so. */
  switched(name: string): Promise<void> {
    return this.#inTurn(() => this.#use(name))
  }

  /** A person accepts what `name` will find: its cluster, its topics' partitions. */
  accepted(name: string): void {
    this.#find(name)?.reconnect()
    this.#checkedAt = Number.NEGATIVE_INFINITY
  }

  /** To be called every few seconds: looks after the one that is not in use, and switches when the time has come. */
  watch(): Promise<void> {
    const pair = this.#pair
    if (!pair) return Promise.resolve()
    return this.#inTurn(async () => {
      if (this.#running) await this.#look(pair)
    })
  }

  async #look({ first, standby, way }: Pair): Promise<void> {
    // the store may have it though the answer was lost, to a person's command or to the switch below
    const { active } = await this.#ask<StoreStatus>({ ask: 'status' })
    if (active !== null && active !== this.#active?.name) return this.#use(active)
    const isStandingBy = this.#active === first
    const idle = isStandingBy ? standby : first
    const now = this.#parts.environment.monotonic()
    if (now - this.#checkedAt >= limits.standbyCheckMs) {
      this.#checkedAt = now
      await idle.check()
      if (isStandingBy) await this.#ask({ ask: 'follow', uplink: standby.name, of: first.name, lagMs: way.mirrorLag })
    }
    if (!isStandingBy || way.switchAfter === undefined || first.downFor < way.switchAfter) return
    if (standby.isBroken) return
    await this.#ask({ ask: 'activate', uplink: standby.name, who: 'system' })
    await this.#use(standby.name)
  }

  /** The one that was in use ends before the other begins: never two clusters for the same rows. */
  async #use(name: string): Promise<void> {
    const next = this.#find(name)
    const before = this.#active
    if (!this.#running || !next || !before || next === before) return
    this.#parts.log.warn('switching uplinks', { from: before.name, to: next.name })
    this.#active = next
    this.#checkedAt = Number.NEGATIVE_INFINITY
    await before.stop()
    if (this.#running) next.start()
  }

  #inUse(drain: Drain): boolean {
    return !this.#isPaired(drain) || drain === this.#active
  }

  #isPaired(drain: Drain): boolean {
    return drain === this.#pair?.first || drain === this.#pair?.standby
  }

  #find(name: string): Drain | undefined {
    return this.#drains.find(drain => drain.name === name)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  #ask<T>(ask: Parameters<EngineThread['ask']>[0]): Promise<T> {
    return this.#parts.engine.ask<T>(ask)
  }
}
