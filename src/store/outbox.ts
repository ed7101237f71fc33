/**
 * The way out: the outbox is a log, each uplink a cursor in it (cursors.ts). Sent rows stay until tidy needs their age or
 * room, so a new uplink begins at the start of the log and a day can be sent again (DESIGN §9).
 */
import type Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import type { LoggedRow, ParkedRow, Stream } from '../ports.ts'
import type { Code, Ms, OutboxRow, Outcome } from '../records.ts'
import type { Audit } from './audit.ts'
import type { Cursors } from './cursors.ts'
import type { Gone } from './gone.ts'
import { joined, outside } from './parts.ts'
import type { Tally } from './tally.ts'
import { type Amount, rowBytes, rowBytesSql, type Usage } from './usage.ts'

/** Rows of a page; `passed`: there are none up to this number that the uplink has to send, else null. */
export type Page = Readonly<{ rows: readonly OutboxRow[]; passed: number | null }>

export type Outbox = Readonly<{
  /** The highest number ever used; 0 before the first. */
  highest(): number
  /** Writes rows to the end of the log. `arrival`: the message's number, or what stands for none (again.ts). */
  append(rows: readonly OutboxRow[], arrival: number, onlyFor: string | null): void
  /** Counts what was appended; once a transaction, after the last row. */
  count(rows: number, bytes: number, at: Ms): void
  /**
   * Rows of a stream that are not parked and for this uplink, in order, up to `maxRows` and `maxBytes`, always one if
   * there is one near the cursor.
   */
  peek(uplink: string, stream: Stream, maxRows: number, maxBytes: number): Page
  /** Moves the stream's place past what was delivered, and parks what is unsendable. */
  settle(uplink: string, stream: Stream, outcomes: readonly Outcome[], at: Ms): void
  /** Moves the stream's place past rows that the uplink does not have to send. */
  pass(uplink: string, stream: Stream, through: number): void
  /** What the uplinks in use have yet to send. */
  pending(): Amount
  oldestPendingAt(): Ms | null
  /** When the oldest row above the uplink's cursor arrived; rows sent again do not count. */
  oldestAbove(uplink: string): Ms | null
  /** Bytes of the first parked rows, which stay whatever room is needed. */
  parkedBytes(): number
  /** When the oldest sent row that is still there arrived; null where there is none. */
  sentSince(): Ms | null
  parked(limit: number, uplink: string | null): ParkedRow[]
  row(seq: number): LoggedRow | null
}>

/** The columns of an OutboxRow. */
export const columns = 'seq, epoch, lane, topic, key, headers, day, value'

/** Numbers of which one step reads the rows at most: so many may be parked or for others in a row. */
const windowRows = 5000

export const sql = {
  page: `SELECT ${columns} FROM outbox WHERE seq > ? AND seq <= ?
    AND (only_for IS NULL OR instr(',' || only_for || ',', ',' || ? || ',') > 0) AND NOT EXISTS (SELECT 1 FROM parked WHERE uplink = ? AND parked.seq = outbox.seq) ORDER BY seq LIMIT ?`,
  next: 'SELECT seq FROM outbox WHERE seq > ? ORDER BY seq LIMIT 1',
  parkedAbove: 'SELECT seq FROM parked WHERE uplink = ? AND seq > ? ORDER BY seq',
  oldest: `SELECT at FROM outbox JOIN arrival ON no = arrival WHERE outbox.seq > ? AND outbox.seq <= ?
    ORDER BY outbox.seq LIMIT 1`,
  parkedBytes: `SELECT ifnull(sum(${rowBytesSql}), 0) FROM outbox WHERE seq IN (SELECT seq FROM parked LIMIT ?)`,
  row: `SELECT ${columns}, arrival, only_for AS onlyFor FROM outbox WHERE seq = ?`,
} as const

/** The first of the rows that have no more than `maxBytes` together, one in any case; `all`: there are no more. */
export function bounded(rows: Iterable<OutboxRow>, maxBytes: number): { rows: OutboxRow[]; all: boolean } {
  const out: OutboxRow[] = []
  let bytes = 0
  for (const row of rows) {
    bytes += rowBytes(row)
    if (out.length > 0 && bytes > maxBytes) return { rows: out, all: false }
    out.push(row)
  }
  return { rows: out, all: true }
}

type Parts = Readonly<{ cursors: Cursors; tally: Tally; gone: Gone; usage: Usage; audit: Audit }>

/** The log. Its writing calls belong inside the caller's transaction. */
export function openOutbox(db: Database.Database, { cursors, tally, gone, usage, audit }: Parts): Outbox {
  const insert = db.prepare(`INSERT INTO outbox(${columns}, arrival, only_for) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const last = db.prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").pluck()
  const page = db.prepare<[number, number, string, string, number], OutboxRow>(sql.page)
  const next = db.prepare<[number], number>(sql.next).pluck()
  const parkedAbove = db.prepare<[string, number], number>(sql.parkedAbove).pluck()
  const park = db.prepare('INSERT OR IGNORE INTO parked(uplink, seq, code, at) VALUES (?, ?, ?, ?)')
  const oldest = db.prepare<[number, number], Ms>(sql.oldest).pluck()
  const rowOf = db.prepare<[number], OutboxRow & { arrival: number; onlyFor: string | null }>(sql.row)
  const arrivedAt = db.prepare<[number], Ms>('SELECT at FROM arrival WHERE no = ?').pluck()
  const parked = db.prepare<[string | null, string | null, number], ParkedRow>(
    `SELECT parked.uplink, parked.seq, topic, key, code, parked.at, ${rowBytesSql} AS bytes
     FROM parked JOIN outbox USING (seq) WHERE ? IS NULL OR parked.uplink = ? ORDER BY parked.uplink, parked.seq LIMIT ?`,
  )
  const parkedBytes = db.prepare<[number], number>(sql.parkedBytes).pluck()
  const parkedAs = db.prepare<[number], { uplink: string; code: Code; at: Ms }>(
    'SELECT uplink, code, at FROM parked WHERE seq = ?',
  )

  const highest = () => last.get() ?? 0

  /** The rows that a stream has yet to send: those above `after`, up to `until`. */
  function stretch(uplink: string, stream: Stream): { after: number; until: number } | null {
    if (stream === 'live') return { after: cursors.through(uplink), until: highest() }
    const part = cursors.part(uplink)
    return part && { after: part.first - 1, until: part.last }
  }

  /** When the first message with rows above a number arrived; null where near it are only rows that are sent again. */
  function arrivalAbove(seq: number): Ms | null {
    return oldest.get(seq, gone.next(seq + 1) + windowRows) ?? null
  }

  /** A cursor does not stop at parked rows. */
  function pastParked(uplink: string, through: number): number {
    let at = through
    for (const seq of parkedAbove.iterate(uplink, through)) {
      if (seq !== at + 1) break
      at = seq
    }
    return at
  }

  function parkRow(uplink: string, seq: number, code: Code, at: Ms): void {
    if (seq > highest()) throw new GatewayError('E_INTERNAL', 'settle.seq')
    if (park.run(uplink, seq, code, at).changes === 0) return
    audit({ at, actor: 'system', act: 'outbox.park', obj: String(seq), outcome: code, detail: uplink })
  }

  function pass(uplink: string, stream: Stream, through: number): void {
    if (stream === 'live') {
      cursors.move(uplink, pastParked(uplink, through))
      return
    }
    const part = cursors.part(uplink)
    // rows of a part that has gone meanwhile are below the next one
    if (part) cursors.shorten(uplink, part, Math.min(part.last, pastParked(uplink, Math.max(through, part.first - 1))))
  }

  function pending(): Amount {
    const amounts = cursors.unsent(highest()).map(({ first, last }) => tally.amount(first - 1, last))
    const sum = (of: (amount: Amount) => number) => amounts.reduce((all, amount) => all + of(amount), 0)
    return { rows: sum(amount => amount.rows), bytes: sum(amount => amount.bytes) }
  }

  return {
    highest,
    append(rows, arrival, onlyFor) {
      for (const { seq, epoch, lane, topic, key, headers, day, value } of rows) {
        insert.run(seq, epoch, lane, topic, key, headers, day, value, arrival, onlyFor)
      }
    },
    count(rows, bytes, at) {
      usage.add('log', rows, bytes)
      usage.add('ever', rows, bytes)
      tally.note(highest(), at)
    },
    peek(uplink, stream, maxRows, maxBytes) {
      const { after, until } = stretch(uplink, stream) ?? { after: 0, until: 0 }
      if (after >= until) return { rows: [], passed: null }
      const near = Math.min(until, after + Math.max(windowRows, maxRows))
      const { rows } = bounded(page.iterate(after, near, uplink, uplink, maxRows), maxBytes)
      if (rows.length > 0) return { rows, passed: null }
      // what has gone is passed in one step, however much it is
      return { rows, passed: Math.min(until, (next.get(near) ?? until + 1) - 1) }
    },
    settle(uplink, stream, outcomes, at) {
      const place = stretch(uplink, stream)
      let through = place?.after ?? 0
      for (const outcome of outcomes) {
        if (outcome.kind === 'delivered') through = Math.max(through, outcome.through)
        if (outcome.kind === 'unsendable') parkRow(uplink, outcome.seq, outcome.code, at)
      }
      if (through > (place?.until ?? highest())) throw new GatewayError('E_INTERNAL', 'settle.through')
      pass(uplink, stream, through)
      cursors.sample(uplink, at)
    },
    pass,
    pending,
    oldestPendingAt() {
      const [first] = cursors.unsent(highest())
      return first ? (arrivalAbove(first.first - 1) ?? tally.timeOf(first.first)) : null
    },
    oldestAbove: uplink => arrivalAbove(cursors.through(uplink)),
    sentSince() {
      const first = outside(1, joined([...gone.parts(), ...cursors.unsent(highest())]))
      return first <= highest() ? (arrivalAbove(first - 1) ?? tally.timeOf(first)) : null
    },
    parkedBytes: () => parkedBytes.get(windowRows) ?? 0,
    parked: (limit, uplink) => parked.all(uplink, uplink, limit),
    row(seq) {
      const found = rowOf.get(seq)
      if (!found) return null
      const { arrival, onlyFor, value, ...row } = found
      const at = arrivedAt.get(arrival) ?? tally.timeOf(seq)
      return {
        ...row,
        at,
        onlyFor,
        bytes: rowBytes({ ...row, value }),
        sealedBytes: value?.length ?? null,
        parked: parkedAs.all(seq),
      }
    },
  }
}
