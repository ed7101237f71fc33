/**
 * The way out: reads the outbox log from the uplink's cursor, sends, and moves the cursor. One page in flight; a page
 * that was not acknowledged is sent again exactly as it was. Back-off without end; no row is ever dropped here.
 */
import type { EngineThread } from './engine-thread.ts'
import type { Environment } from './environment.ts'
import { GatewayError } from './errors.ts'
import { limits } from './limits.ts'
import { describe, type Log } from './log.ts'
import type { CursorRow, Uplink } from './ports.ts'
import type { Code, Ms, Outcome, Sealed } from './records.ts'

export type DrainState = 'up' | 'down' | 'stopped'

/** How long a drain without rows waits for the next look, in case a nudge was missed. */
const idleMs = 1000

export class Drain {
  readonly #engine: EngineThread
  readonly #uplink: Uplink
  readonly #environment: Environment
  readonly #log: Log
  #state: DrainState = 'stopped'
  #stopping = false
  #wake: (() => void) | null = null
  #nudged = false
  #done: Promise<void> = Promise.resolve()
  /** Rows acknowledged since the start. */
  sent = 0
  /** Why it is down; null while it is up. */
  trouble: { code: Code; since: Ms } | null = null

  constructor(parts: { engine: EngineThread; uplink: Uplink; environment: Environment; log: Log }) {
    this.#engine = parts.engine
    this.#uplink = parts.uplink
    this.#environment = parts.environment
    this.#log = parts.log
  }

  get name(): string {
    return this.#uplink.name
  }

  get state(): DrainState {
    return this.#state
  }

  start(): void {
    this.#state = 'down'
    this.#done = this.#run()
  }

  /** There may be new rows. */
  nudge(): void {
    this.#nudged = true
    this.#wake?.()
  }

  /** Ends after the page in flight, or at once while it waits. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#wake?.()
    await this.#uplink.close().catch(() => {})
    await this.#done
    this.#state = 'stopped'
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stopping; ) {
      try {
        await this.#connect()
        failures = 0
        await this.#drain()
      } catch (error) {
        if (this.#stopping) return
        this.#down(error instanceof GatewayError ? error.code : 'E_UPLINK_DOWN', error)
        await this.#wait(backOff(failures++))
      }
    }
  }

  async #connect(): Promise<void> {
    const { cluster } = await this.#engine.ask<CursorRow>({ ask: 'cursor', uplink: this.#uplink.name, cluster: null })
    const found = await this.#uplink.connect(cluster)
    if (found !== cluster) await this.#engine.ask({ ask: 'cursor', uplink: this.#uplink.name, cluster: found })
    this.#up()
  }

  async #drain(): Promise<void> {
    while (!this.#stopping) {
      this.#nudged = false
      const rows = await this.#engine.ask<Sealed[]>({
        ask: 'peek',
        uplink: this.#uplink.name,
        maxRows: limits.peekRows,
        maxBytes: limits.peekBytes,
      })
      if (rows.length === 0) {
        if (!this.#nudged) await this.#wait(idleMs)
        continue
      }
      await this.#send(rows)
    }
  }

  /** Sends one page until all of it is acknowledged or parked. */
  async #send(rows: readonly Sealed[]): Promise<void> {
    for (let failures = 0; !this.#stopping; failures++) {
      const outcomes = await this.#uplink.send(rows)
      const again = outcomes.find((outcome: Outcome) => outcome.kind === 'again')
      const settled = outcomes.filter(outcome => outcome.kind !== 'again')
      if (settled.length > 0) await this.#engine.ask({ ask: 'settle', uplink: this.#uplink.name, outcomes: settled })
      for (const outcome of settled) this.#note(outcome)
      if (again?.kind !== 'again') {
        this.sent += rows.length
        return this.#up()
      }
      this.#down(again.code, null)
      await this.#wait(Math.max(again.waitMs, backOff(failures)))
    }
  }

  #note(outcome: Outcome): void {
    if (outcome.kind !== 'unsendable') return
    this.#log.error('the uplink refused a row; it is parked', {
      uplink: this.name,
      seq: outcome.seq,
      code: outcome.code,
    })
  }

  #up(): void {
    if (this.#state !== 'up') this.#log.info('uplink up', { uplink: this.name })
    this.#state = 'up'
    this.trouble = null
  }

  #down(code: Code, error: unknown): void {
    if (this.#state === 'up' || this.trouble?.code !== code) {
      this.#log.warn('uplink down', { uplink: this.name, ...(error ? describe(error) : {}), code })
    }
    this.#state = 'down'
    this.trouble = { code, since: this.trouble?.since ?? this.#environment.now() }
  }

  #wait(ms: Ms): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        cancel()
        this.#wake = null
        resolve()
      }
      const cancel = this.#environment.after(ms, done)
      this.#wake = () => {
        if (this.#state === 'up' || this.#stopping) done()
      }
    })
  }
}

function backOff(failures: number): Ms {
  return Math.min(limits.backOffLastMs, limits.backOffFirstMs * 2 ** Math.min(failures, 20))
}
