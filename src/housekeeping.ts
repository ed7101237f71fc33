/**
 * When the store is tidied: every minute, soon again while more is due than one turn does, and at once where somebody is
 * in need of room. One turn is short, since messages wait for it.
 */
import type { Environment } from './environment.ts'
import { limits } from './limits.ts'
import { describe, type Log } from './log.ts'
import type { Ms } from './records.ts'

export type HousekeepingParts = Readonly<{
  environment: Environment
  log: Log
  /** One turn of that many milliseconds; resolves with whether more is due. */
  tidy: (budgetMs: Ms) => Promise<boolean>
}>

export class Housekeeping {
  readonly #parts: HousekeepingParts
  #cancel: () => void = () => {}
  #stopped = true
  #tidying = false
  #endedAt = Number.NEGATIVE_INFINITY

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
  }

  start(): void {
    this.#stopped = false
    this.#plan(limits.tidyEveryMs)
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  /** Room is needed: the next turn comes as soon as the last one is `tidyAgainMs` old. */
  soon(): void {
    if (this.#stopped || this.#tidying) return
    this.#plan(Math.max(0, this.#endedAt + limits.tidyAgainMs - this.#parts.environment.monotonic()))
  }

  #plan(ms: Ms): void {
    this.#cancel()
    if (this.#stopped) return
    this.#cancel = this.#parts.environment.after(ms, () => void this.#turn())
  }

  async #turn(): Promise<void> {
    this.#tidying = true
    const more = await this.#tidy()
    this.#tidying = false
    this.#endedAt = this.#parts.environment.monotonic()
    this.#plan(more ? limits.tidyAgainMs : limits.tidyEveryMs)
  }

  async #tidy(): Promise<boolean> {
    try {
      return await this.#parts.tidy(limits.tidyMs)
    } catch (error) {
      this.#parts.log.warn('housekeeping', describe(error))
      return false
    }
  }
}
