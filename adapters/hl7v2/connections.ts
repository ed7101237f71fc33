/** The connections of a listener, shared fairly between addresses: one that opens many cannot shut out the others. */
import type { Session } from './session.ts'

export class Connections {
  readonly #limit: number
  readonly #byAddress = new Map<string, Set<Session>>()

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
    const most = [...this.#byAddress.values()].reduce((a, b) => (b.size > a.size ? b : a), new Set<Session>())
    const held = this.#byAddress.get(address)?.size ?? 0
    const longest = most.size > held + 1 ? longestIdle(most) : undefined
    if (!longest) return false
    most.delete(longest)
    longest.drop('E_BUSY')
    return true
  }

  /** Counts a session for its address until it is closed. */
  add(address: string, session: Session): void {
    const held = this.#byAddress.get(address) ?? new Set()
    this.#byAddress.set(address, held.add(session))
    void session.closed.then(() => this.#remove(address, session))
  }

  all(): readonly Session[] {
    return [...this.#byAddress.values()].flatMap(held => [...held])
  }

  #remove(address: string, session: Session): void {
    const held = this.#byAddress.get(address)
    held?.delete(session)
    if (held?.size === 0) this.#byAddress.delete(address)
  }
}

/** One whose message is on its way is not idle. */
function longestIdle(sessions: Iterable<Session>): Session | undefined {
  let longest: Session | undefined
  let since = Number.POSITIVE_INFINITY
  for (const session of sessions) {
    if (session.idleSince === null || session.idleSince >= since) continue
    longest = session
    since = session.idleSince
  }
  return longest
}
