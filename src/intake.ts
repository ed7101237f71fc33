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
import { limits, MiB } from './limits.ts'
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
  /** First come, first served within a sender; senders take turns, so that a flood of one does not starve another. */
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
      const sender = senderOf(arrival)
      const queue = this.#queues.get(sender)
      if (queue) queue.push(waiting)
      else this.#queues.set(sender, [waiting])
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
      const rest = await this.#judge(batch)
      this.#putBack(batch.slice(0, batch.length - rest.length), rest)
      this.#options.onCommit()
    }
    this.#busy = false
  }

  /** The next batch: senders in turn, at most `batchArrivals` rows and `batchBytes` bytes (always at least one). */
  #next(): Waiting[] {
    const batch: Waiting[] = []
    let bytes = 0
    const queues = [...this.#queues.values()]
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
    for (const [sender, queue] of this.#queues) if (queue.length === 0) this.#queues.delete(sender)
    return batch
  }

  /** Has a batch judged and answered. The engine may judge its first part only; returns what is left. */
  async #judge(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    try {
      const verdicts = await this.#ask(batch)
      for (const [i, verdict] of verdicts.entries()) this.#answer(batch[i] as Waiting, verdict)
      return batch.slice(verdicts.length)
    } catch (error) {
      if (error instanceof EngineLost) return this.#bisect(batch)
      if (!(error instanceof GatewayError)) throw error
      for (const waiting of batch) this.#answer(waiting, { kind: 'later', code: 'E_ENGINE' })
      return []
    }
  }

  async #bisect(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const half = batch.length >> 1
    for (const part of half > 0 ? [batch.slice(0, half), batch.slice(half)] : []) {
      for (let rest: readonly Waiting[] = part; rest.length > 0; ) rest = await this.#judge(rest)
    }
    const [waiting] = batch
    if (half === 0 && waiting) this.#answer(waiting, await this.#alone(waiting))
    return []
  }

  /**
   * A message that was in hand when the engine was lost is innocent until it does it again, alone with a new engine. It
   * may even be on disk already; then the engine knows it.
   */
  async #alone(waiting: Waiting): Promise<Verdict> {
    const later: Verdict = { kind: 'later', code: 'E_ENGINE' }
    try {
      return (await this.#ask([waiting]))[0] ?? later
    } catch (error) {
      if (!(error instanceof EngineLost)) return later
      return this.#options.engine.ask<Verdict>({ ask: 'hold', arrival: waiting.arrival }).catch(() => later)
    }
  }

  #ask(batch: readonly Waiting[]): Promise<Verdict[]> {
    const arrivals = batch.map(waiting => waiting.arrival)
    const bytes = arrivals.reduce((sum, arrival) => sum + arrival.bytes.length, 0)
    return this.#options.engine.ask({ ask: 'take', arrivals }, (bytes / MiB) * limits.engineDeadlinePerMiBMs)
  }

  /** What was not judged goes back to the head of its queue; who was served waits behind who was not. */
  #putBack(served: readonly Waiting[], rest: readonly Waiting[]): void {
    if (rest.length === 0) return
    for (const waiting of rest.toReversed()) {
      const sender = senderOf(waiting.arrival)
      this.#queues.set(sender, [waiting, ...(this.#queues.get(sender) ?? [])])
    }
    for (const sender of new Set(served.map(waiting => senderOf(waiting.arrival)))) {
      const queue = this.#queues.get(sender)
      this.#queues.delete(sender)
      if (queue) this.#queues.set(sender, queue)
    }
  }

  #answer(waiting: Waiting, verdict: Verdict): void {
    this.#count -= 1
    this.#bytes -= waiting.arrival.bytes.length
    waiting.resolve(verdict)
  }
}

function senderOf(arrival: Arrival): string {
  return `${arrival.source}/${arrival.sender}`
}
