/**
 * Housekeeping: what has had its time goes, and above 60 % of the budget what could be fetched again goes first. Refused
 * messages with their copies, then originals of sent messages, then sent rows, the oldest first; never a row above any cursor,
 * never a parked one, never a held message before its 90 days. Every step is one small transaction, and a sweep goes on
 * where the last one ended (`meta.swept.*`), so that no step ever scans.
 */
import type { Environment } from '../environment.ts'
import { day, limits } from '../limits.ts'
import type { Ms } from '../records.ts'
import type { AgainTable } from './again.ts'
import { type Connection, isFull } from './connection.ts'
import type { Cursors } from './cursors.ts'
import type { Held } from './held.ts'
import type { Meta } from './meta.ts'
import type { Originals } from './originals.ts'
import type { Space } from './space.ts'
import type { Tally } from './tally.ts'
import { rowBytesSql, type Usage } from './usage.ts'

export type TidyParts = Readonly<{
  connection: Connection
  meta: Meta
  usage: Usage
  cursors: Cursors
  again: AgainTable
  tally: Tally
  originals: Originals
  held: Held
  space: Space
  /** Bytes of the database in use. */
  used: () => number
  budget: number
  /** Runs a step; on a full disk once more, without the ballast. */
  insist: <T>(work: () => T) => T
  environment: Environment
}>

/**
 * Does what is due at `now` until `budgetMs` have passed; the step that runs then is finished. A step that a full disk
 * does not allow is left for the next time.
 */
export type Tidy = (now: Ms, budgetMs: Ms) => void

type Swept = Readonly<{ no: number; at: Ms; state: string; seq: number }>

/** Sent rows stay so long, for a second cluster or a day that is asked for again. */
const deliveredMs = 7 * day
/** Above this part of the budget sent things go early. */
const pressureShare = 0.6
/** Evidence copies of refused messages: at most this part of the budget (SEALING S7). */
const refusedShare = 0.01
const stepRows = 200
const vacuumPages = 1000

export const sql = {
  walk: 'SELECT no, at, state, seq FROM arrival WHERE no > ? ORDER BY no LIMIT ?',
  sent: `SELECT seq, day, ${rowBytesSql} AS bytes FROM outbox
    WHERE seq <= ? AND seq NOT IN (SELECT seq FROM parked) ORDER BY seq LIMIT ?`,
} as const

/** The housekeeper. It opens its own transactions. */
export function openTidy(parts: TidyParts): Tidy {
  const { connection, meta, usage, cursors, again, tally, originals, held, space, used, budget, insist, environment } =
    parts
  const { db, write } = connection
  const walk = db.prepare<[number, number], Swept>(sql.walk)
  const sent = db.prepare<[number, number], { seq: number; day: string; bytes: number }>(sql.sent)
  const removeRow = db.prepare('DELETE FROM outbox WHERE seq = ?')
  const removeArrival = db.prepare('DELETE FROM arrival WHERE no = ?')

  const pressed = () => used() > budget * pressureShare

  /** Handles the next messages in order of number until `done` says no. True: there may be more. */
  function sweep(name: string, done: (row: Swept) => boolean): boolean {
    return write('tidy', () => {
      const from = meta.number(`swept.${name}`)
      const rows = walk.all(from, stepRows)
      const stop = rows.findIndex(row => !done(row))
      const last = stop < 0 ? rows.at(-1) : rows[stop - 1]
      if (!last) return false
      meta.set(`swept.${name}`, last.no)
      return stop < 0
    })
  }

  function tooMuchRefused(): boolean {
    const { rows, bytes } = usage.of('refused')
    return rows > limits.originalRefusedRows || bytes > budget * refusedShare
  }

  function refused(now: Ms): boolean {
    return sweep('refused', ({ no, at, state }) => {
      if (at >= now - limits.originalRefusedMs && !tooMuchRefused() && !pressed()) return false
      if (state !== 'refused') return true
      originals.remove(no, 'refused')
      removeArrival.run(no)
      return true
    })
  }

  function seen(now: Ms): boolean {
    return sweep('seen', ({ no, at }) => {
      if (at >= now - limits.seenMs) return false
      originals.forget(no)
      return true
    })
  }

  /** A message that is sent and old goes altogether; a held one stays. */
  function old(now: Ms): boolean {
    const floor = cursors.floor()
    return sweep('old', ({ no, at, state, seq }) => {
      if (at >= now - limits.originalSentMs || seq > floor) return false
      if (state === 'held') return true
      originals.remove(no, 'kept')
      originals.forget(no)
      removeArrival.run(no)
      return true
    })
  }

  function expired(now: Ms): boolean {
    return write('tidy', () => {
      const due = held.expired(now - limits.originalHeldMs, stepRows)
      for (const no of due) held.end(no, 'expired', 'system', now)
      return due.length === stepRows
    })
  }

  /** Originals of sent messages, before their time. */
  function shed(): boolean {
    if (!pressed() || usage.of('kept').rows === 0) return false
    const floor = cursors.floor()
    return sweep('shed', ({ no, state, seq }) => {
      if (seq > floor) return false
      if (state === 'kept') originals.remove(no, 'kept')
      return true
    })
  }

  /** Sent rows. Those that are asked for again stay beyond their age, but not where the room is needed. */
  function delivered(now: Ms): boolean {
    const before = new Date(now - deliveredMs).toISOString().slice(0, 10)
    const early = pressed()
    const floor = Math.min(cursors.floor(), early ? Number.MAX_SAFE_INTEGER : again.floor())
    return write('tidy', () => {
      const rows = sent.all(floor, stepRows).filter(row => early || row.day < before)
      for (const { seq } of rows) removeRow.run(seq)
      const last = rows.at(-1)
      if (!last) return false
      usage.add('log', -rows.length, -rows.reduce((sum, row) => sum + row.bytes, 0))
      meta.set('gone', Math.max(last.seq, meta.number('gone')))
      tally.forget(last.seq, now)
      return true
    })
  }

  /** Gives free pages back to the disk: what is more than a tenth of the file, everything when the disk is short. */
  function vacuum(): boolean {
    return connection.read('tidy', () => {
      const free = Number(db.pragma('freelist_count', { simple: true }))
      const pages = Number(db.pragma('page_count', { simple: true }))
      if (free <= (space.tight() ? 0 : Math.max(vacuumPages, pages / 10))) return false
      db.pragma(`incremental_vacuum(${vacuumPages})`)
      return true
    })
  }

  /** Makes room on a full disk: the WAL is emptied, then the ballast comes back as soon as it fits. */
  function recover(): boolean {
    connection.read('tidy', () => {
      if (space.tight()) db.pragma('wal_checkpoint(TRUNCATE)')
      space.restore()
    })
    return false
  }

  /** False as well where the disk is too full for the step: another one may make the room that it needs. */
  function attempt(step: (now: Ms) => boolean, now: Ms): boolean {
    try {
      return insist(() => step(now))
    } catch (error) {
      if (!isFull(error)) throw error
      return false
    }
  }

  const steps = [refused, seen, expired, old, shed, delivered, vacuum, recover]

  return (now, budgetMs) => {
    const end = environment.monotonic() + budgetMs
    for (const step of steps) {
      while (attempt(step, now)) if (environment.monotonic() >= end) return
    }
  }
}
