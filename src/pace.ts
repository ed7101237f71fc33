/**
 * How much a drain sends at a time, and how soon. A line that takes long for a page gets smaller ones, so that no request
 * outlives its patience and what is new never waits long for its turn; a fast one gets larger ones, which cost less.
 */
import type { Environment } from './environment.ts'
import { limits } from './limits.ts'
import type { Ms, Sealed } from './records.ts'

/** The most that a page may hold. */
export type PageSize = Readonly<{ maxRows: number; maxBytes: number }>

type Sent = Readonly<{ bytes: number; ms: Ms }>

/** What a record costs on the line, near enough: key, headers and value. */
export function bytesOf(rows: readonly Sealed[]): number {
  return rows.reduce((sum, { key, headers, value }) => sum + key.length + headers.length + (value?.length ?? 0), 0)
}

export class Pace {
  readonly #environment: Environment
  readonly #most: number
  readonly #bandwidth: number
  #bytes = limits.pageFirstBytes
  /** The last page of about another size, to tell a slow line from a long one. */
  #other: Sent | null = null
  #last: Sent | null = null
  #freeAt = Number.NEGATIVE_INFINITY

  /** `bandwidth`: bytes a second that are not exceeded on average over a second; absent = no limit. */
  constructor(environment: Environment, bandwidth: number = Number.POSITIVE_INFINITY) {
    this.#environment = environment
    this.#bandwidth = bandwidth
    this.#most = Math.min(limits.peekBytes, bandwidth)
    this.begin()
  }

  /** A new beginning: nothing is known of the line. */
  begin(): void {
    this.#resize(limits.pageFirstBytes)
    this.#other = null
    this.#last = null
  }

  /** The size of the next page: rows go with bytes, from `pageLeastRows` at `pageLeastBytes`. */
  size(): PageSize {
    const rows = Math.round((this.#bytes / limits.pageLeastBytes) * limits.pageLeastRows)
    return { maxRows: Math.min(limits.peekRows, Math.max(limits.pageLeastRows, rows)), maxBytes: this.#bytes }
  }

  /** Pays for `bytes`; returns how long to wait before they are sent. */
  spend(bytes: number): Ms {
    const now = this.#environment.monotonic()
    const from = Math.max(now, this.#freeAt)
    this.#freeAt = from + (bytes / this.#bandwidth) * 1000
    return from - now
  }

  /**
   * A page went out at once and without trouble. Short ones double, up to what is of use near a cluster. Long ones are
   * halved, unless a page of another size took about as long: then it is the distance that takes the time (600 ms a
   * request, say), and larger ones carry more.
   */
  sent(rows: number, bytes: number, ms: Ms): void {
    if (!this.#isFull(rows, bytes)) return
    const sizeCounts = this.#compare({ bytes, ms })
    if (ms < limits.pageShortMs) this.#resize(Math.min(limits.pageNearBytes, this.#bytes * 2))
    else if (sizeCounts === false || (sizeCounts === null && ms <= limits.pageLongMs)) this.#resize(this.#bytes * 2)
    else if (ms > limits.pageLongMs) this.#resize(this.#bytes / 2)
  }

  failed(): void {
    this.#resize(Math.min(limits.pageFirstBytes, this.#bytes / 2))
    this.#other = null
    this.#last = null
  }

  /** A page that could have been larger says nothing of its size. */
  #isFull(rows: number, bytes: number): boolean {
    const { maxRows, maxBytes } = this.size()
    return rows >= maxRows / 2 || bytes >= maxBytes / 2
  }

  /** Whether the time of a page goes with its size; null while only one size is known. */
  #compare(now: Sent): boolean | null {
    if (this.#last && ratio(this.#last.bytes, now.bytes) > 1.5) this.#other = this.#last
    this.#last = now
    if (!this.#other) return null
    return Math.log(ratio(this.#other.ms, now.ms)) > 0.5 * Math.log(ratio(this.#other.bytes, now.bytes))
  }

  #resize(bytes: number): void {
    this.#bytes = Math.max(Math.min(limits.pageLeastBytes, this.#most), Math.min(this.#most, bytes))
  }
}

function ratio(a: number, b: number): number {
  return Math.max(a, b) / Math.max(1, Math.min(a, b))
}
