/** The connections of a listener, shared fairly between addresses: one that opens many cannot shut out the others. */
import type { Code, Ms } from '../../src/records.ts'

/** A connection of whatever kind: a session, or one that is still shaking hands. */
export interface Guest {
  /** Since when, on the monotonic clock; null while it is not idle. */
  readonly idleSince: Ms | null
  /** Resolves when it is no connection of this kind any more. Never rejects. */
  readonly closed: Promise<void>
  /** Ends at once, counted under `code`. */
  drop(code: Code): void
  /** Ends as soon as what is on its way is answered. */
  stop(): void
}

export class Connections {
  readonly #limit: number
  readonly #byAddress = new Map<string, Set<Guest>>()

  /** At most `limit` connections are admitted. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /**
   * Whether `address` may have one more. Where all are taken, the address that holds most loses the connection that has
   * been idle longest (E_BUSY), provided that it then still has as many as the newcomer.
   */
  admits(address: string): boolean {
    if (this.all().length < this.#limit) return true
    const most = [...this.#byAddress.values()].reduce((a, b) => (b.size > a.size ? b : a), new Set<Guest>())
    const held = this.#byAddress.get(address)?.size ?? 0
    const longest = most.size > held + 1 ? longestIdle(most) : undefined
    if (!longest) return false
    most.delete(longest)
    longest.drop('E_BUSY')
    return true
  }

  /** Counts a guest for its address until it is closed. */
  add(address: string, guest: Guest): void {
    const held = this.#byAddress.get(address) ?? new Set()
    this.#byAddress.set(address, held.add(guest))
    void guest.closed.then(() => this.#remove(address, guest))
  }

  all(): readonly Guest[] {
    return [...this.#byAddress.values()].flatMap(held => [...held])
  }

  #remove(address: string, guest: Guest): void {
    const held = this.#byAddress.get(address)
    held?.delete(guest)
    if (held?.size === 0) this.#byAddress.delete(address)
  }
}

/** One whose message is on its way is not idle. */
function longestIdle(guests: Iterable<Guest>): Guest | undefined {
  let longest: Guest | undefined
  let since = Number.POSITIVE_INFINITY
  for (const guest of guests) {
    if (guest.idleSince === null || guest.idleSince >= since) continue
    longest = guest
    since = guest.idleSince
  }
  return longest
}
