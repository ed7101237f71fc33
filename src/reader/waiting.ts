/** What waits for data keys, found by key and by age. */
export class Waiting<T> {
  readonly #kids = new Map<T, readonly string[]>()
  readonly #byKid = new Map<string, Set<T>>()

  get size(): number {
    return this.#kids.size
  }

  /** The one that has waited longest. */
  get oldest(): T | undefined {
    return this.#kids.keys().next().value
  }

  add(one: T, kids: readonly string[]): void {
    this.#kids.set(one, kids)
    for (const kid of kids) this.#byKid.set(kid, (this.#byKid.get(kid) ?? new Set()).add(one))
  }

  delete(one: T): void {
    for (const kid of this.#kids.get(one) ?? []) {
      const others = this.#byKid.get(kid)
      others?.delete(one)
      if (others?.size === 0) this.#byKid.delete(kid)
    }
    this.#kids.delete(one)
  }

  /** Removes and returns what waits for a key, the oldest first. */
  takeFor(kid: string): T[] {
    const found = [...(this.#byKid.get(kid) ?? [])]
    for (const one of found) this.delete(one)
    return found
  }
}
