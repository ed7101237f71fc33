/**
 * The way in: collects arrivals while a commit is in flight, gives them to the engine in one batch, and answers each
 * sender with its verdict. No timer: batches form by themselves, from one message at a time when it is quiet to five
 * hundred when it is busy (measured: a fixed 2 ms timer is nine times slower when idle and gains nothing when busy).
 *
 * An arrival is kept here until its verdict. If the engine dies over a batch, the batch is halved until the message that
 * kills it stands alone; that one is held as it came, and all others go on.
 */
import { EngineLost, type EngineThread } from './engine-thread.ts'
import type { Environment } from './environment.ts'
import { GatewayError } from './errors.ts'
import { limits } from './limits.ts'
import type { Directory, Intake } from './ports.ts'
import type { Arrival, Code, Ms, Verdict } from './records.ts'

type Waiting = Readonly<{ arrival: Arrival; since: Ms; resolve: (verdict: Verdict) => void }>

/** What the intake tells of each message, for counters. */
export interface Observer {
  received(source: string): void
  answered(source: string, verdict: Verdict, ms: Ms): void
  refused(source: string, code: Code): void
}

export type IntakeOptions = Readonly<{
  engine: EngineThread
  environment: Environment
  observer: Observer
  authenticate: Intake['authenticate']
  /** Called after each commit: there may be rows to send. */
  onCommit: () => void
}>

export class BatchingIntake implements Intake {
  readonly #options: IntakeOptions
  /** First come, first served within a source; sources take turns, so that a flood of one does not starve another. */
  readonly #queues = new Map<string, Waiting[]>()
  #count = 0
  #bytes = 0
  #busy = false
  #stopping = false

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  take(arrival: Arrival): Promise<Verdict> {
    const { environment, observer } = this.#options
    observer.received(arrival.source)
    const since = environment.monotonic()
    const answer = (verdict: Verdict) => {
      observer.answered(arrival.source, verdict, environment.monotonic() - since)
      return verdict
    }
    if (this.#stopping) return Promise.resolve(answer({ kind: 'later', code: 'E_STOPPING' }))
    if (this.#count >= limits.inFlightArrivals || this.#bytes + arrival.bytes.length > limits.inFlightBytes) {
      return Promise.resolve(answer({ kind: 'later', code: 'E_BUSY' }))
    }
    this.#count += 1
    this.#bytes += arrival.bytes.length
    return new Promise(resolve => {
      const waiting = { arrival, since, resolve: (verdict: Verdict) => resolve(answer(verdict)) }
      const queue = this.#queues.get(arrival.source)
      if (queue) queue.push(waiting)
      else this.#queues.set(arrival.source, [waiting])
      void this.#work()
    })
  }

  directory(): Directory {
    return this.#options.engine.directory()
  }

  authenticate(kind: 'device' | 'client', id: string, secret: string): boolean {
    return this.#options.authenticate(kind, id, secret)
  }

  refused(source: string, code: Code): void {
    this.#options.observer.refused(source, code)
  }

  /** From here on everything new is `later`; resolves when all that waits has its verdict. */
  async stop(): Promise<void> {
    this.#stopping = true
    while (this.#count > 0) await new Promise<void>(resolve => this.#options.environment.after(5, resolve))
  }

  async #work(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    // one turn of the event loop, so that what came in the same read goes into the same commit
    await new Promise<void>(resolve => setImmediate(resolve))
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      await this.#judge(batch)
      this.#options.onCommit()
    }
    this.#busy = false
  }

  /** The next batch: sources in turn, at most `batchArrivals` rows and `batchBytes` bytes (always at least one). */
  #next(): Waiting[] {
    const batch: Waiting[] = []
    let bytes = 0
    const queues = [...this.#queues.values()].filter(queue => queue.length > 0)
    const taken = queues.map(() => 0)
    for (let turn = true; turn; ) {
      turn = false
      for (const [i, queue] of queues.entries()) {
        const waiting = queue[taken[i] as number]
        if (!waiting || batch.length >= limits.batchArrivals) continue
        if (batch.length > 0 && bytes + waiting.arrival.bytes.length > limits.batchBytes) continue
        batch.push(waiting)
        bytes += waiting.arrival.bytes.length
        taken[i] = (taken[i] as number) + 1
        turn = true
      }
    }
    for (const [i, queue] of queues.entries()) queue.splice(0, taken[i])
    return batch
  }

  async #judge(batch: readonly Waiting[]): Promise<void> {
    try {
      const arrivals = batch.map(waiting => waiting.arrival)
      const verdicts = await this.#options.engine.ask<Verdict[]>({ ask: 'take', arrivals })
      for (const [i, waiting] of batch.entries())
        this.#answer(waiting, verdicts[i] ?? { kind: 'later', code: 'E_ENGINE' })
    } catch (error) {
      if (error instanceof EngineLost) return this.#bisect(batch)
      if (!(error instanceof GatewayError)) throw error
      for (const waiting of batch) this.#answer(waiting, { kind: 'later', code: 'E_ENGINE' })
    }
  }

  async #bisect(batch: readonly Waiting[]): Promise<void> {
    const half = batch.length >> 1
    if (half > 0) {
      await this.#judge(batch.slice(0, half))
      return this.#judge(batch.slice(half))
    }
    const [waiting] = batch
    if (!waiting) return
    const verdict = await this.#options.engine
      .ask<Verdict>({ ask: 'hold', arrival: waiting.arrival })
      .catch((): Verdict => ({ kind: 'later', code: 'E_ENGINE' }))
    this.#answer(waiting, verdict)
  }

  #answer(waiting: Waiting, verdict: Verdict): void {
    this.#count -= 1
    this.#bytes -= waiting.arrival.bytes.length
    waiting.resolve(verdict)
  }
}
