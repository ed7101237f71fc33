/** Which messages have arrived whole: every record says `i/n` of its message (DESIGN §4, `cg-part`). */
import type { Part } from './headers.ts'

export class Messages {
  readonly #open = new Map<string, Set<number>>()
  readonly #kept: number

  /** `kept`: messages that are watched while parts are missing; beyond it the oldest is no longer watched. */
  constructor(kept: number) {
    this.#kept = kept
  }

  /** Messages of which parts are missing. */
  get incomplete(): number {
    return this.#open.size
  }

  /** Notes one part of a message; `name` is its gateway and version. One sent again opens no message anew. */
  add(name: string, { i, n }: Part, sentAgain: boolean): void {
    const parts = this.#open.get(name) ?? new Set()
    if (sentAgain && parts.size === 0) return
    parts.add(i)
    if (parts.size === n) {
      this.#open.delete(name)
      return
    }
    this.#open.set(name, parts)
    if (this.#open.size > this.#kept) this.#open.delete(this.#open.keys().next().value!)
  }
}
