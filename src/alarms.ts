/** What is wrong right now: one row per code in /status, one gauge, one log line when it begins and one when it ends. */
import type { Environment } from './environment.ts'
import { errorRow } from './errors.ts'
import type { Log } from './log.ts'
import type { Code, Ms } from './records.ts'

export type Alarm = Readonly<{ code: Code; since: Ms }>

export class Alarms {
  readonly #environment: Environment
  readonly #log: Log
  readonly #rows = new Map<Code, Alarm>()

  constructor(environment: Environment, log: Log) {
    this.#environment = environment
    this.#log = log
  }

  /** Begins or ends an alarm; does nothing when it already is so. */
  set(code: Code, on: boolean): void {
    if (on === this.#rows.has(code)) return
    if (on) {
      this.#rows.set(code, { code, since: this.#environment.now() })
      this.#log.warn('alarm', { code, text: errorRow(code).text })
    } else {
      this.#rows.delete(code)
      this.#log.info('alarm over', { code })
    }
  }

  list(): readonly Alarm[] {
    return [...this.#rows.values()]
  }
}
