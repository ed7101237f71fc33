/** One byte budget over all connections: when their half packets pass it, the connection that holds most is dropped. */
export interface Holder {
  /** Ends it at once; it holds nothing any more. */
  drop(code: 'E_BUSY'): void
}

export class Budget {
  readonly #limit: number
  readonly #held = new Map<Holder, number>()
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `holder` holds so many bytes now. */
  set(holder: Holder, bytes: number): void {
    this.#note(holder, bytes)
    if (this.#total <= this.#limit) return
    const [largest] = [...this.#held].reduce((most, next) => (next[1] > most[1] ? next : most))
    this.#note(largest, 0)
    largest.drop('E_BUSY')
  }

  #note(holder: Holder, bytes: number): void {
    this.#total += bytes - (this.#held.get(holder) ?? 0)
    if (bytes > 0) this.#held.set(holder, bytes)
    else this.#held.delete(holder)
  }
}
