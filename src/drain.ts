/**
 * The way out: reads the outbox log, sends, and moves the cursor. One page in flight; a page that was not acknowledged is
 * sent again exactly as it was, without the rows that are parked by then. Back-off without end; no row is ever dropped here.
 *
 * Two streams: what is new, and old parts of the log that were left behind after a long outage. They take turns, so that
 * both move and neither waits for more than one page of the other.
 */
import { isDeepStrictEqual } from 'node:util'
import type { EngineThread } from './engine-thread.ts'
import type { Environment } from './environment.ts'
import { GatewayError, UplinkError } from './errors.ts'
import { limits } from './limits.ts'
import { describe, type Log } from './log.ts'
import { bytesOf, Pace } from './pace.ts'
import type { Attachment, CursorRow, Stream, Uplink } from './ports.ts'
import type { Code, Ms, Outcome, Sealed } from './records.ts'

export type DrainState = 'up' | 'down' | 'stopped'

/** What is wrong with an uplink, since when, and what to do. `at`: the topic, setting or host, where it is known. */
export type Trouble = Readonly<{ code: Code; since: Ms; at?: string; cause?: string; advice?: string }>
type Found = Omit<Trouble, 'since'> & Readonly<{ waitMs: Ms }>

export type DrainParts = Readonly<{
  name: string
  /** Opens the uplink; called at each start, since a closed one stays closed. */
  open: () => Uplink
  engine: EngineThread
  environment: Environment
  log: Log
  /** `order`: what is new waits for what is old, however long that takes. Default `newest`. */
  catchUp?: 'newest' | 'order'
  /** Bytes a second; absent = no limit. */
  bandwidth?: number | undefined
  /** The uplink whose place this one takes in an emergency: keys keep the partitions that they have there. */
  standsFor?: string | undefined
  /** How far behind it follows while it stands by. */
  mirrorLag?: Ms
}>

/** How long a drain without rows waits for the next look, in case a nudge was missed. */
const idleMs = 1000

export class Drain {
  readonly #parts: DrainParts
  readonly #pace: Pace
  #uplink: Uplink | null = null
  #checking: Uplink | null = null
  #state: DrainState = 'stopped'
  #stopping = false
  #nudged = false
  /** The cursor's ties as the engine knows them; null = to be asked. */
  #known: Attachment | null = null
  #history = false
  /** Ends the wait in progress: at once, or only if it is one for new rows. */
  #wake: ((urgent: boolean) => void) | null = null
  #done: Promise<void> = Promise.resolve()
  #trouble: Trouble | null = null
  #troubleAt: Ms = 0
  #doubtful: Trouble | null = null
  #doubtfulAt: Ms = 0
  #warnings: readonly Trouble[] = []
  /** Rows acknowledged since the start of the process, and their bytes. */
  sent = 0
  sentBytes = 0

  constructor(parts: DrainParts) {
    this.#parts = parts
    this.#pace = new Pace(parts.environment, parts.bandwidth)
  }

  get name(): string {
    return this.#parts.name
  }

  get state(): DrainState {
    return this.#state
  }

  /** How long it is down without a break; 0 while it is not. */
  get downFor(): Ms {
    return this.#state === 'down' && this.#trouble ? this.#monotonic() - this.#troubleAt : 0
  }

  /** The last attempt failed. */
  get isBroken(): boolean {
    return this.#trouble !== null
  }

  /** What is wrong, the worst first: why it is down, a doubtful answer of the last minutes, what the uplink warns of. */
  troubles(): readonly Trouble[] {
    const isFresh = this.#monotonic() - this.#doubtfulAt < limits.doubtfulShownMs
    return [this.#trouble, isFresh ? this.#doubtful : null, ...this.#warnings].filter(one => one !== null)
  }

  start(): void {
    this.#stopping = false
    this.#state = 'down'
    this.#known = null
    this.#pace.begin()
    this.#uplink = this.#parts.open()
    this.#done = this.#run(this.#uplink)
  }

  /** There may be new rows. */
  nudge(): void {
    this.#nudged = true
    this.#wake?.(false)
  }

  /** What the cursor is tied to was changed by a person: asks again, and connects anew. */
  reconnect(): void {
    this.#known = null
    this.#nudged = true
    this.#wake?.(true)
  }

  /** Ends after the page in flight, or at once while it waits. It may be started again. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#wake?.(true)
    await Promise.all([this.#uplink, this.#checking].map(uplink => uplink?.close().catch(() => {})))
    await this.#done
    this.#uplink = null
    this.#state = 'stopped'
    this.#trouble = null
    this.#warnings = []
  }

  /** Connects and hangs up again while it is stopped: would it work? The answer stands in `troubles`. */
  async check(): Promise<boolean> {
    const uplink = this.#parts.open()
    this.#checking = uplink
    try {
      this.#known = null
      await this.#connect(uplink)
      this.#trouble = null
      return true
    } catch (error) {
      this.#note(foundIn(error), error)
      return false
    } finally {
      this.#checking = null
      await uplink.close().catch(() => {})
    }
  }

  async #run(uplink: Uplink): Promise<void> {
    for (let failures = 0; !this.#stopping; failures++) {
      const begin = this.#monotonic()
      try {
        await this.#connect(uplink)
        this.#up()
        failures = 0
        await this.#leaveBehind()
        await this.#drain(uplink)
      } catch (error) {
        // what was asked may have been done though its answer was lost: nothing that is known of the cursor counts
        this.#known = null
        if (this.#stopping) return
        await this.#rest(foundIn(error), failures, begin, error)
      }
    }
  }

  /** Does nothing while the uplink is connected and tied to what the cursor is tied to. */
  async #connect(uplink: Uplink): Promise<void> {
    const { own, first } = this.#known ? { own: this.#known, first: {} } : await this.#ties()
    const found = await uplink.connect({ cluster: own.cluster, partitions: { ...own.partitions, ...first } })
    demandSame(found.partitions, first)
    if (!isDeepStrictEqual(found, own)) await this.#ask({ ask: 'attach', uplink: this.name, to: found })
    this.#known = found
    this.#warn(uplink)
  }

  /** What the cursor is tied to, and the partition counts of the uplink that this one stands for. */
  async #ties(): Promise<{ own: Attachment; first: Attachment['partitions'] }> {
    const { standsFor } = this.#parts
    const { cluster, partitions, history } = await this.#ask<CursorRow>({ ask: 'cursor', uplink: this.name })
    const first = standsFor === undefined ? null : await this.#ask<CursorRow>({ ask: 'cursor', uplink: standsFor })
    this.#history = history > 0
    return { own: { cluster, partitions }, first: first?.partitions ?? {} }
  }

  /** After an outage: what is new does not wait for what is old. */
  async #leaveBehind(): Promise<void> {
    const { catchUp, standsFor, mirrorLag = 0 } = this.#parts
    if (catchUp === 'order') return
    const moreMs = standsFor === undefined ? 0 : mirrorLag
    const left = await this.#ask<boolean>({ ask: 'leaveBehind', uplink: this.name, moreMs })
    if (!left) return
    this.#history = true
    this.#log.info('rows of the outage go out beside what is new', { uplink: this.name })
  }

  async #drain(uplink: Uplink): Promise<void> {
    for (let turn: Stream = 'live'; !this.#stopping; ) {
      if (!this.#known) return
      this.#nudged = false
      const page: Page | null = (await this.#page(turn)) ?? (await this.#page(turn === 'live' ? 'history' : 'live'))
      if (!page) {
        if (!this.#nudged) await this.#wait(idleMs, 'rows')
        continue
      }
      await this.#send(uplink, page)
      free(page.rows)
      turn = page.stream === 'live' ? 'history' : 'live'
    }
  }

  async #page(stream: Stream): Promise<Page | null> {
    if (stream === 'history' && !this.#history) return null
    const rows = await this.#ask<Sealed[]>({ ask: 'peek', uplink: this.name, ...this.#pace.size(), stream })
    if (rows.length > 0) return { stream, rows, bytes: bytesOf(rows), parked: new Set() }
    // nothing now is not the end of it: rows may be parked, or not on disk yet
    if (stream === 'history') await this.#ties()
    return null
  }

  /** Sends one page until all of it is acknowledged or parked. */
  async #send(uplink: Uplink, page: Page): Promise<void> {
    for (let failures = 0; !this.#stopping; failures++) {
      const begin = await this.#turn(page)
      if (this.#stopping) return
      const failed = await this.#attempt(uplink, page)
      if (!failed) {
        if (failures > 0) return this.#leaveBehind()
        return this.#pace.sent(page.rows.length, page.bytes, this.#monotonic() - begin)
      }
      this.#pace.failed()
      await this.#rest(failed, failures, begin)
    }
  }

  /** Waits until the bandwidth allows the page; returns when that was. */
  async #turn(page: Page): Promise<Ms> {
    const wait = this.#pace.spend(page.bytes)
    if (wait > 0) await this.#wait(wait, 'time')
    return this.#monotonic()
  }

  /** Returns why what is left of the page must be sent again; null = all of it is settled. */
  async #attempt(uplink: Uplink, page: Page): Promise<Found | null> {
    for (;;) {
      const left = page.rows.filter(({ seq }) => !page.parked.has(seq))
      if (left.length === 0) break
      const outcomes = await this.#give(uplink, left)
      await this.#settle(page, outcomes)
      const again = outcomes.find(outcome => outcome.kind === 'again')
      if (again) {
        const { kind, ...found } = again
        return found
      }
      // refused ones alone: they had to be parked on disk before what follows them leaves
      if (outcomes.length === 0 || outcomes.some(({ kind }) => kind === 'delivered')) break
    }
    this.sent += page.rows.length - page.parked.size
    this.sentBytes += page.bytes
    this.#up()
    return null
  }

  async #settle({ stream, parked }: Page, all: readonly Outcome[]): Promise<void> {
    const outcomes = all.filter(({ kind }) => kind !== 'again')
    if (outcomes.length > 0) await this.#ask({ ask: 'settle', uplink: this.name, outcomes, stream })
    for (const outcome of outcomes) {
      if (outcome.kind !== 'unsendable') continue
      const { seq, code } = outcome
      parked.add(seq)
      this.#log.error('the uplink refused a row; it is parked', { uplink: this.name, seq, code })
    }
  }

  /** A connection that was lost is made again first, so that the cursor's ties are checked before anything is sent. */
  async #give(uplink: Uplink, rows: readonly Sealed[]): Promise<readonly Outcome[]> {
    try {
      await this.#connect(uplink)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return [{ kind: 'again', ...foundIn(error) }]
    }
    return uplink.send(rows)
  }

  #up(): void {
    if (this.#state !== 'up') this.#log.info('uplink up', { uplink: this.name })
    this.#state = 'up'
    this.#trouble = null
  }

  /** An attempt that took long was wait enough: it may have begun just before the far side came back. */
  async #rest(found: Found, failures: number, begin: Ms, error?: unknown): Promise<void> {
    this.#note(found, error)
    this.#state = 'down'
    const backOff = Math.min(limits.backOffLastMs, limits.backOffFirstMs * 2 ** Math.min(failures, 20))
    const left = begin + backOff - this.#monotonic()
    await this.#wait(Math.max(found.waitMs, left, limits.backOffFirstMs), 'time')
  }

  #note({ waitMs, ...found }: Found, error: unknown): void {
    if (this.#trouble?.code !== found.code || this.#trouble.at !== found.at || this.#trouble.cause !== found.cause) {
      this.#log.warn('uplink down', { uplink: this.name, ...(error ? describe(error) : {}), ...found })
    }
    const [now, since] = [this.#monotonic(), this.#parts.environment.now()]
    if (found.code === 'E_UPLINK_DOUBTFUL') [this.#doubtful, this.#doubtfulAt] = [{ ...found, since }, now]
    if (!this.#trouble) this.#troubleAt = now
    this.#trouble = { ...found, since: this.#trouble?.since ?? since }
  }

  #warn(uplink: Uplink): void {
    const found = uplink.warnings?.() ?? []
    this.#warnings = found.map(({ code, at }) => {
      const known = this.#warnings.find(one => one.code === code && one.at === at)
      if (!known) this.#log.warn('uplink warning', { uplink: this.name, code, at })
      return known ?? { code, at, since: this.#parts.environment.now() }
    })
  }

  /** `rows`: a nudge ends it. `time`: only a person or the end does. */
  async #wait(ms: Ms, what: 'rows' | 'time'): Promise<void> {
    if (this.#stopping) return
    await new Promise<void>(resolve => {
      const done = () => {
        cancel()
        this.#wake = null
        resolve()
      }
      const cancel = this.#parts.environment.after(ms, done)
      this.#wake = urgent => {
        if (urgent || what === 'rows') done()
      }
    })
  }

  #ask<T>(ask: Parameters<EngineThread['ask']>[0]): Promise<T> {
    return this.#parts.engine.ask<T>(ask)
  }

  #monotonic(): Ms {
    return this.#parts.environment.monotonic()
  }

  get #log(): Log {
    return this.#parts.log
  }
}

/** `parked`: numbers of its rows that were refused meanwhile. */
type Page = Readonly<{ stream: Stream; rows: readonly Sealed[]; bytes: number; parked: Set<number> }>

/**
 * Gives back the bytes of rows that are done with. They came from another thread and lived as long as a page takes, so V8
 * would keep them until it collects its old generation, for which it waits for 64 MiB of them (bench/outage.ts).
 */
function free(rows: readonly Sealed[]): void {
  for (const { value } of rows) {
    if (value && value.buffer instanceof ArrayBuffer && !value.buffer.detached) value.buffer.transfer(0)
  }
}

/** A repeat of a record must meet the copy that a mirror has made of it, so it must go to the same partition. */
function demandSame(found: Attachment['partitions'], first: Attachment['partitions']): void {
  const other = Object.keys(found).find(topic => (first[topic] ?? found[topic]) !== found[topic])
  if (!other) return
  const advice = 'Make the topic anew here, with as many partitions as it has at the first uplink.'
  throw new UplinkError('E_UPLINK_CONFIG', other, { cause: 'PARTITIONS_DIFFER', advice, waitMs: 0 })
}

/** What an error says of the uplink. */
function foundIn(error: unknown): Found {
  if (error instanceof UplinkError) {
    const { code, at, cause, advice, waitMs } = error
    return { code, at, cause, advice, waitMs }
  }
  if (error instanceof GatewayError) return { code: error.code, at: error.at, waitMs: 0 }
  return { code: 'E_UPLINK_DOWN', waitMs: 0 }
}
