/**
 * Wrong secrets are counted by address and device id: whoever guesses at one device from one address is locked out for a
 * while, and the devices that share the address (a router, a ward's access point) are not.
 */
import type { Environment } from '../../src/environment.ts'
import { limits } from '../../src/limits.ts'
import type { Ms } from '../../src/records.ts'

type Tries = { wrong: number; since: Ms }

export class Lockout {
  readonly #environment: Environment
  readonly #tries = new Map<string, Tries>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  isLocked(address: string, id: string): boolean {
    return (this.#recent(address, id)?.wrong ?? 0) >= limits.mqttWrongSecrets
  }

  wrong(address: string, id: string): void {
    const tries = this.#recent(address, id)
    if (tries) tries.wrong += 1
    else this.#remember(`${address} ${id}`)
  }

  right(address: string, id: string): void {
    this.#tries.delete(`${address} ${id}`)
  }

  #recent(address: string, id: string): Tries | undefined {
    const tries = this.#tries.get(`${address} ${id}`)
    return tries && this.#environment.monotonic() - tries.since < limits.mqttLockMs ? tries : undefined
  }

  /** A map keeps the order of insertion: the first key is the oldest. */
  #remember(key: string): void {
    this.#tries.delete(key)
    this.#tries.set(key, { wrong: 1, since: this.#environment.monotonic() })
    if (this.#tries.size > limits.mqttLocks) this.#tries.delete(this.#tries.keys().next().value!)
  }
}
