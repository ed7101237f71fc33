/** Time, chance and timers come in by parameter; this is the one place that takes them from the machine. */
import { randomBytes } from 'node:crypto'
import type { Ms } from './records.ts'

export interface Environment {
  /** Wall clock. Used for stamps only, never for order or waiting. */
  now(): Ms
  /** A clock that only goes forward, for durations. */
  monotonic(): Ms
  /** Bytes from the operating system's generator. */
  random(length: number): Buffer
  /** Runs `then` after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: Ms, then: () => void): () => void
}

export const machine: Environment = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: length => randomBytes(length),
  after(ms, then) {
    const timer = setTimeout(then, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
