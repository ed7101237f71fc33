/** Time that passes when a test says so. */
import type { Environment } from '../../src/environment.ts'

type Timer = { at: number; then: () => void }

export class FakeTime implements Environment {
  #now = 0
  #timers: Timer[] = []

  now(): number {
    return 1_795_000_000_000 + this.#now
  }

  monotonic(): number {
    return this.#now
  }

  random(length: number): Buffer {
    return Buffer.alloc(length)
  }

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.#now + ms, then }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(one => one !== timer)
    }
  }

  /** Lets what can go on without time go on, then lets `ms` pass, timer by timer. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (await settle(); ; await settle()) {
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0]
      if (!next || next.at > end) break
      this.#timers = this.#timers.filter(one => one !== next)
      this.#now = Math.max(this.#now, next.at)
      next.then()
    }
    this.#now = end
  }

  /** Resolves after `ms` of this time. */
  sleep(ms: number): Promise<void> {
    return new Promise(resolve => this.after(ms, resolve))
  }
}

/** Promises of this process only: a few turns of the loop are enough for any chain of them. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
}
