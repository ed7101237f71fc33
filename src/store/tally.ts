/**
 * Notes of what the log had brought at a row: with them a part of the log of any length is weighed, and the row of a time
 * is found, without reading the log. One note every few hundred rows or every minute.
 */
import type Database from 'better-sqlite3'
import { hour, minute } from '../limits.ts'
import type { Ms } from '../records.ts'
import type { Meta } from './meta.ts'
import { type Amount, rowBytesSql, type Usage } from './usage.ts'

export type Tally = Readonly<{
  /** Notes where the log stands, unless that was noted lately. Comes after the rows, in their transaction. */
  note(highest: number, at: Ms): void
  /** What the rows above `after`, up to `through`, amount to. */
  amount(after: number, through: number): Amount
  /** The last row that certainly came before `at`; 0 where nobody knows. */
  before(at: Ms): number
  /** A row after which nothing came before `at`; null where all did. */
  reached(at: Ms): number | null
  /** When the row had certainly come; null for the newest ones. */
  timeOf(seq: number): Ms | null
  /** When the row had certainly not come yet; null where nobody knows. */
  since(seq: number): Ms | null
  /** Bytes an hour that messages needed of late, over the last hour or what is known of it; null where that is too little. */
  pace(now: Ms): number | null
  /** Forgets notes below the lowest row that is there. */
  forget(lowest: number, now: Ms): void
}>

const everyRows = 256
const everyMs = minute
const paceMs = hour
const paceLeastMs = 5 * minute
const forgetRows = 200

export const sql = {
  last: 'SELECT seq, at FROM tally WHERE seq > 0 ORDER BY seq DESC LIMIT 1',
  above: 'SELECT seq, at, bytes FROM tally WHERE seq >= ? ORDER BY seq LIMIT 1',
  below: 'SELECT at FROM tally WHERE seq < ? ORDER BY seq DESC LIMIT 1',
  before: 'SELECT seq, at, need FROM tally WHERE at < ? ORDER BY at DESC, seq DESC LIMIT 1',
  reached: 'SELECT seq FROM tally WHERE at >= ? ORDER BY at, seq LIMIT 1',
  first: 'SELECT seq, at, need FROM tally WHERE seq > 0 ORDER BY seq LIMIT 1',
  read: `SELECT count(*) AS rows, ifnull(sum(${rowBytesSql}), 0) AS bytes FROM outbox WHERE seq > ? AND seq <= ?`,
  forget: `DELETE FROM tally WHERE seq IN (SELECT seq FROM tally WHERE seq < ? AND at < ? ORDER BY seq LIMIT ${forgetRows})`,
} as const

type Note = Readonly<{ seq: number; at: Ms }>

/** The notes. `note` and `forget` belong inside the caller's transaction. */
export function openTally(db: Database.Database, { usage, meta }: { usage: Usage; meta: Meta }): Tally {
  const insert = db.prepare('INSERT INTO tally(seq, at, bytes, need) VALUES (?, ?, ?, ?)')
  const last = db.prepare<[], Note>(sql.last)
  const above = db.prepare<[number], Note & { bytes: number }>(sql.above)
  const below = db.prepare<[number], Ms>(sql.below).pluck()
  const before = db.prepare<[Ms], Note & { need: number }>(sql.before)
  const reached = db.prepare<[Ms], number>(sql.reached).pluck()
  const first = db.prepare<[], Note & { need: number }>(sql.first)
  const read = db.prepare<[number, number], Amount>(sql.read)
  const forget = db.prepare<[number, Ms]>(sql.forget)

  /** Bytes of all rows ever up to this one. Counted back from the note above it, since what is below may have gone. */
  function bytesThrough(seq: number): number {
    const note = above.get(seq)
    const rest = read.get(seq, note?.seq ?? Number.MAX_SAFE_INTEGER) as Amount
    return (note?.bytes ?? usage.of('ever').bytes) - rest.bytes
  }

  return {
    note(highest, at) {
      const known = last.get() ?? { seq: 0, at: 0 }
      if (highest === known.seq) return
      if (highest - known.seq < everyRows && Math.abs(at - known.at) < everyMs) return
      insert.run(highest, at, usage.of('ever').bytes, usage.of('need').bytes)
    },
    amount(after, through) {
      // up to `gone` there are only the parked rows, above it every row
      const gone = meta.number('gone')
      const left = after < gone ? (read.get(after, Math.min(gone, through)) as Amount) : { rows: 0, bytes: 0 }
      const from = Math.max(after, gone)
      if (through <= from) return left
      const bytes = bytesThrough(through) - bytesThrough(from)
      return { rows: left.rows + through - from, bytes: left.bytes + bytes }
    },
    before: at => before.get(at)?.seq ?? 0,
    reached: at => reached.get(at) ?? null,
    timeOf: seq => above.get(seq)?.at ?? null,
    since: seq => below.get(seq) ?? null,
    pace(now) {
      const from = before.get(now - paceMs) ?? first.get()
      if (!from || now - from.at < paceLeastMs) return null
      // an older note than that: nothing came between it and the last hour
      return ((usage.of('need').bytes - from.need) * hour) / Math.min(now - from.at, paceMs)
    },
    forget: (lowest, now) => void forget.run(lowest, now - 2 * paceMs),
  }
}
