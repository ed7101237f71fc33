/**
 * The engine's half of the way out: opens rows of the log for an uplink, marks those of the history, and writes rows that
 * go out again to the end of the log (docs/decisions/015). Part of the engine, in its thread.
 */
import type { Environment } from './environment.ts'
import { GatewayError } from './errors.ts'
import { limits } from './limits.ts'
import { describe, type Log } from './log.ts'
import type { Again, Attachment, Protector, Store, Stream } from './ports.ts'
import type { Ms, OutboxRow, Sealed } from './records.ts'

export type OutgoingParts = Readonly<{ environment: Environment; log: Log; store: Store; protector: Protector }>

/** Draws numbers of the log for `work`; where it fails they were never drawn. */
export type Numbered = <T>(work: (nextSeq: () => number) => T) => T

/** What became of parked rows: written again, not readable (they stay parked), not tried yet. */
export type Retried = Readonly<{ retried: number; unreadable: number; left: number }>

export class Outgoing {
  readonly #parts: OutgoingParts
  readonly #numbered: Numbered

  constructor(parts: OutgoingParts, numbered: Numbered) {
    this.#parts = parts
    this.#numbered = numbered
  }

  /**
   * The next rows of a stream of the uplink, opened. A row that does not open under the box key is parked and skipped.
   * While little is waiting that is new, rows that are asked for again are put behind it.
   */
  peek(uplink: string, maxRows: number, maxBytes: number, stream: Stream): Sealed[] {
    const { store, protector } = this.#parts
    if (stream === 'live') this.#resend(uplink, maxRows)
    for (;;) {
      const rows = store.peek(uplink, maxRows, maxBytes, stream)
      const last = rows.at(-1)
      if (!last) return []
      const opened = rows.flatMap(row => this.#openOrPark(row, uplink, stream))
      if (opened.length > 0) return stream === 'live' ? opened : opened.map(asHistory(protector))
      store.settle(uplink, [{ kind: 'delivered', through: last.seq }], stream)
    }
  }

  /**
   * After a long outage what is new goes beside what is old; the records of the new epoch need no older key record.
   * `moreMs`: the distance at which an uplink that stood by followed is no outage.
   */
  leaveBehind(uplink: string, moreMs: Ms = 0): boolean {
    const { store, protector } = this.#parts
    if (!store.leaveBehind(uplink, limits.historyAfterMs + moreMs)) return false
    protector.renew()
    return true
  }

  /** Another cluster has neither the key records nor what was ensured: they are said anew. */
  attach(uplink: string, to: Attachment): void {
    const { store, protector } = this.#parts
    if (store.attach(uplink, to)) protector.renew()
  }

  /** The cluster that the uplink sends to from now on gets key records of its own, whatever a mirror has brought it. */
  activate(uplink: string, who: string): void {
    const { store, protector, environment } = this.#parts
    store.activate(uplink, who, environment.now())
    protector.renew()
  }

  /**
   * Parked rows go out again under new numbers: one, or all (`seq` null) as far as the time goes. Throws GatewayError
   * E_USAGE (no such row is parked), E_OUTBOX_ROW (the one row does not open), E_FULL.
   */
  retry(uplink: string, seq: number | null, who: string): Retried {
    if (seq !== null) return this.#retryOne(uplink, seq, who)
    const { store, environment } = this.#parts
    const until = environment.monotonic() + limits.retryMs
    const done = { retried: 0, unreadable: 0 }
    let after = 0
    do {
      const rows = store.parkedRows(uplink, after, limits.againRows, limits.againBytes)
      if (rows.length === 0) break
      const retried = this.#write(rows, again => store.retry(uplink, again, who, environment.now()))
      done.retried += retried
      done.unreadable += rows.length - retried
      after = (rows.at(-1) as OutboxRow).seq
    } while (environment.monotonic() < until)
    return { ...done, left: store.cursor(uplink).parked - done.unreadable }
  }

  #retryOne(uplink: string, seq: number, who: string): Retried {
    const { store, protector, environment } = this.#parts
    const [row] = store.parkedRows(uplink, seq - 1, 1, limits.againBytes)
    if (row?.seq !== seq) throw new GatewayError('E_USAGE', `seq ${seq}: no such row is parked`)
    protector.openRow(row)
    this.#write([row], again => store.retry(uplink, again, who, environment.now()))
    return { retried: 1, unreadable: 0, left: 0 }
  }

  /** New rows come first: none is added while more than half a page waits. On a full disk the rest waits too. */
  #resend(uplink: string, maxRows: number): void {
    const { store, environment } = this.#parts
    const until = environment.monotonic() + limits.againMs
    while (store.waiting(uplink) < maxRows / 2 && environment.monotonic() < until) {
      const page = store.resendPage(uplink, Math.min(maxRows, limits.againRows), limits.againBytes)
      if (!page) return
      try {
        this.#write(page.rows, again => store.resent(page, again))
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'E_FULL') return
        throw error
      }
    }
  }

  /** Signs rows anew under new numbers and has them written; returns how many opened. */
  #write(rows: readonly OutboxRow[], commit: (again: readonly Again[]) => void): number {
    const { store, protector } = this.#parts
    const { epoch } = store
    return this.#numbered(nextSeq => {
      const again = rows.flatMap(row => {
        const record = this.#open(row)
        if (!record) return []
        return [{ was: row.seq, row: protector.sealRow(protector.again(record, { epoch, seq: nextSeq() }), epoch) }]
      })
      commit(again)
      return again.length
    })
  }

  #open(row: OutboxRow): Sealed | null {
    try {
      return this.#parts.protector.openRow(row)
    } catch (error) {
      this.#parts.log.error('an outbox row does not open; it is not sent again', { seq: row.seq, ...describe(error) })
      return null
    }
  }

  #openOrPark(row: OutboxRow, uplink: string, stream: Stream): Sealed[] {
    try {
      return [this.#parts.protector.openRow(row)]
    } catch (error) {
      this.#parts.log.error('an outbox row does not open; it is parked', { uplink, seq: row.seq, ...describe(error) })
      this.#parts.store.settle(uplink, [{ kind: 'unsendable', seq: row.seq, code: 'E_OUTBOX_ROW' }], stream)
      return []
    }
  }
}

/** Key records are not changed: they are the same for every reader, whenever they come. */
function asHistory(protector: Protector): (record: Sealed) => Sealed {
  return record => (record.lane === 'data' ? protector.again(record) : record)
}
