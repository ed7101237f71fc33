/**
 * Notes of what the log had brought at a row: with them a part of the log of any length is weighed, and the row of a time
 * is found, without reading the log. One note every few hundred rows or every minute.
 */
import type Database from 'better-sqlite3'
import { hour, minute } from '../limits.ts'
import type { Ms } from '../records.ts'
import type { Gone } from './gone.ts'
import { type Part, without } from './parts.ts'
import { type Amount, rowBytesSql, type Usage } from './usage.ts'

export type Tally = Readonly<{
  /** Notes where the log stands, unless that was noted lately. Comes after the rows, in their transaction. */
  note(highest: number, at: Ms): void
  /** Notes where a part that goes begins, so that what is below it can still be weighed. */
  mark(seq: number, at: Ms): void
  /** What the rows above `after`, up to `through`, amount to. */
  amount(after: number, through: number): Amount
  /** The last row that certainly came before `at`, also where the clock was set back; 0 where nobody knows. */
  before(at: Ms): number
  /** A row after which nothing came before `at`; null where all did. */
  reached(at: Ms): number | null
  /** When the row had certainly come; null for the newest ones. */
  timeOf(seq: number): Ms | null
  /** When the row had certainly not come yet; null where nobody knows. */
  since(seq: number): Ms | null
  /** Bytes an hour that messages needed of late, over the last hour or what is known of it; null where that is too little. */
  pace(now: Ms): number | null
  /** Forgets notes inside of what has gone. */
  forget(now: Ms): void
}>

const everyRows = 256
const everyMs = minute
const paceMs = hour
const paceLeastMs = 5 * minute
const forgetRows = 200

export const sql = {
  last: 'SELECT seq, at FROM tally WHERE seq > 0 ORDER BY seq DESC LIMIT 1',
  above: 'SELECT seq, at, bytes, need FROM tally WHERE seq >= ? ORDER BY seq LIMIT 1',
  below: 'SELECT at FROM tally WHERE seq < ? ORDER BY seq DESC LIMIT 1',
  firstFrom: 'SELECT min(seq) FROM tally INDEXED BY tally_at WHERE at >= ?',
  noteBelow: 'SELECT seq FROM tally WHERE seq < ? ORDER BY seq DESC LIMIT 1',
  lastBefore: 'SELECT max(seq) FROM tally INDEXED BY tally_at WHERE at < ?',
  paceFrom: 'SELECT seq, at, need FROM tally WHERE at < ? ORDER BY at DESC, seq DESC LIMIT 1',
  first: 'SELECT seq, at, need FROM tally WHERE seq > 0 ORDER BY seq LIMIT 1',
  read: `SELECT count(*) AS rows, ifnull(sum(${rowBytesSql}), 0) AS bytes FROM outbox WHERE seq > ? AND seq <= ?`,
  forget: `DELETE FROM tally WHERE seq IN (SELECT seq FROM tally WHERE seq >= ? AND seq < ? AND at < ?
    ORDER BY seq LIMIT ${forgetRows})`,
} as const

type Note = Readonly<{ seq: number; at: Ms }>

/** The notes. `note` and `forget` belong inside the caller's transaction. */
export function openTally(db: Database.Database, { usage, gone }: { usage: Usage; gone: Gone }): Tally {
  const insert = db.prepare('INSERT INTO tally(seq, at, bytes, need) VALUES (?, ?, ?, ?)')
  const last = db.prepare<[], Note>(sql.last)
  const above = db.prepare<[number], Note & { bytes: number; need: number }>(sql.above)
  const below = db.prepare<[number], Ms>(sql.below).pluck()
  const firstFrom = db.prepare<[Ms], number | null>(sql.firstFrom).pluck()
  const noteBelow = db.prepare<[number], number>(sql.noteBelow).pluck()
  const lastBefore = db.prepare<[Ms], number | null>(sql.lastBefore).pluck()
  const paceFrom = db.prepare<[Ms], Note & { need: number }>(sql.paceFrom)
  const first = db.prepare<[], Note & { need: number }>(sql.first)
  const read = db.prepare<[number, number], Amount>(sql.read)
  const forget = db.prepare<[number, number, Ms]>(sql.forget)

  /** Bytes of all rows ever up to this one. Counted back from the note above it: no row between the two has gone. */
  function bytesThrough(seq: number): number {
    const note = above.get(seq)
    const rest = read.get(seq, note?.seq ?? Number.MAX_SAFE_INTEGER) as Amount
    return (note?.bytes ?? usage.of('ever').bytes) - rest.bytes
  }

  /** Of what has gone there are only the parked rows. */
  function left({ first, last }: Part): Amount {
    return read.get(first - 1, last) as Amount
  }

  function there({ first, last }: Part): Amount {
    return { rows: last - first + 1, bytes: bytesThrough(last) - bytesThrough(first - 1) }
  }

  return {
    note(highest, at) {
      const known = last.get() ?? { seq: 0, at: 0 }
      if (highest === known.seq) return
      if (highest - known.seq < everyRows && Math.abs(at - known.at) < everyMs) return
      insert.run(highest, at, usage.of('ever').bytes, usage.of('need').bytes)
    },
    mark(seq, at) {
      const note = above.get(seq)
      if (seq < 1 || note?.seq === seq) return
      insert.run(seq, note?.at ?? at, bytesThrough(seq), note?.need ?? usage.of('need').bytes)
    },
    amount(after, through) {
      const asked = { first: after + 1, last: through }
      const whole = without(asked, gone.parts())
      const amounts = [...whole.map(there), ...without(asked, whole).map(left)]
      const sum = (of: (amount: Amount) => number) => amounts.reduce((all, amount) => all + of(amount), 0)
      return { rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) }
    },
    before(at) {
      const first = firstFrom.get(at)
      return noteBelow.get(first ?? Number.MAX_SAFE_INTEGER) ?? 0
    },
    reached(at) {
      const last = lastBefore.get(at) ?? 0
      return above.get(last + 1)?.seq ?? null
    },
    timeOf: seq => above.get(seq)?.at ?? null,
    since: seq => below.get(seq) ?? null,
    pace(now) {
      const from = paceFrom.get(now - paceMs) ?? first.get()
      if (!from || now - from.at < paceLeastMs) return null
      // an older note than that: nothing came between it and the last hour
      return ((usage.of('need').bytes - from.need) * hour) / Math.min(now - from.at, paceMs)
    },
    forget(now) {
      for (const { first, last } of gone.parts()) forget.run(first, last, now - 2 * paceMs)
    },
  }
}
