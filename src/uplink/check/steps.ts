/** What `check --online` found, step by step. */
import type { KnownCode } from '../../errors.ts'
import { uplinkError } from '../kafka/classify.ts'

/** `bad`: the uplink would not work, or a promise would be broken. `skipped`: not tried; `note` says why. */
export type Result = 'good' | 'warning' | 'bad' | 'skipped'

export type StepName =
  | 'files'
  | 'name'
  | 'connect'
  | 'tls'
  | 'login'
  | 'cluster'
  | 'topic'
  | 'rights'
  | 'record'
  | 'clock'
  | 'time'

/**
 * One thing that was looked at. `at`: an address, a topic, a setting. `cause`: the symbol of what the cluster, TLS or the
 * system said. `advice`: what to change. Members that are not there have nothing to say.
 */
export type Step = Readonly<{
  step: StepName
  at: string
  result: Result
  code?: KnownCode
  cause?: string
  note?: string
  advice?: string
}>

/** What a step says of itself; without a result it is good. */
export type Note = Readonly<Partial<Omit<Step, 'step' | 'at'>>>

/** What a step says, and what the next one needs of it. */
export type Found<T> = Readonly<{ note: Note; found: T }>

/** Collects steps. Nothing is added after `close`. */
export class Steps {
  readonly #uplink: string
  readonly #steps: Step[] = []
  #closed = false

  constructor(uplink: string) {
    this.#uplink = uplink
  }

  get list(): readonly Step[] {
    return this.#steps
  }

  get anyBad(): boolean {
    return this.#steps.some(({ result }) => result === 'bad')
  }

  add(step: StepName, at: string, note: Note): void {
    if (!this.#closed) this.#steps.push({ step, at, result: 'good', ...note })
  }

  /** Runs `work` as a step; resolves with what it found, or null where it failed, which is then on the list as bad. */
  async run<T>(step: StepName, at: string, work: () => Promise<Found<T>>): Promise<T | null> {
    try {
      const { note, found } = await work()
      this.add(step, at, note)
      return found
    } catch (error) {
      this.fail(step, at, error)
      return null
    }
  }

  /** Adds an error as a bad step: its code, its symbol, what to change, at a better place than the uplink where it has one. */
  fail(step: StepName, at: string, error: unknown): void {
    const { code, at: place, cause, advice } = uplinkError(error, at)
    this.add(step, place === this.#uplink ? at : place, { result: 'bad', code, cause, advice })
  }

  close(): void {
    this.#closed = true
  }
}
