/**
 * Housekeeping: what has had its time goes, and above 60 % of the budget what could be fetched again goes first. Refused
 * messages with their copies, then originals of sent messages, then sent rows, the oldest first; never a row that an uplink
 * in use has yet to send, never a parked one, never a held message before its 90 days. What an uplink that is not in use
 * lacks is kept beyond its age, but not where the room is needed: what comes in goes first, and the gap is told (gaps.ts).
 * Every step is one small transaction, and a sweep goes on where the last one ended (`meta.swept.*`), so that no step ever
 * scans. The steps take turns, and go on with the next one where the time was over.
 */
import type { Environment } from '../environment.ts'
import { day, limits } from '../limits.ts'
import type { Ms } from '../records.ts'
import type { AgainTable } from './again.ts'
import { type Connection, isFull } from './connection.ts'
import type { Cursors } from './cursors.ts'
import type { Gaps } from './gaps.ts'
import type { Gone } from './gone.ts'
import type { Held } from './held.ts'
import type { Meta } from './meta.ts'
import type { Originals } from './originals.ts'
import type { Outbox } from './outbox.ts'
import { type Part, without } from './parts.ts'
import type { Space } from './space.ts'
import type { Tally } from './tally.ts'
import { rowBytesSql, type Usage } from './usage.ts'

export type TidyParts = Readonly<{
  connection: Connection
  meta: Meta
  usage: Usage
  cursors: Cursors
  again: AgainTable
  gone: Gone
  gaps: Gaps
  outbox: Outbox
  uplinks: readonly string[]
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
 * does not allow is left for the next time. True: there may be more to do.
 */
export type Tidy = (now: Ms, budgetMs: Ms) => boolean

type Swept = Readonly<{ no: number; at: Ms; state: string; seq: number }>

type SentRow = Readonly<{ seq: number; day: string; bytes: number }>

/** Sent rows stay so long, for a second cluster or a day that is asked for again. */
const deliveredMs = 7 * day
/** Evidence copies of refused messages: at most this part of the budget (SEALING S7). */
const refusedShare = 0.01
const stepRows = 200
const vacuumPages = 1000

export const sql = {
  walk: 'SELECT no, at, state, seq FROM arrival WHERE no > ? ORDER BY no LIMIT ?',
  sent: `SELECT seq, day, ${rowBytesSql} AS bytes FROM outbox
    WHERE seq >= ? AND seq <= ? AND seq NOT IN (SELECT seq FROM parked) ORDER BY seq LIMIT ?`,
  stranger: 'SELECT uplink FROM parked WHERE uplink > ? ORDER BY uplink LIMIT 1',
  unpark: `DELETE FROM parked WHERE uplink = @uplink AND seq IN (
    SELECT seq FROM parked WHERE uplink = @uplink AND at < @before ORDER BY seq LIMIT ${stepRows})`,
} as const

/** The housekeeper. It opens its own transactions. */
export function openTidy(parts: TidyParts): Tidy {
  const { connection, meta, usage, cursors, again, tally, gone, gaps, outbox, originals, held, space } = parts
  const { uplinks, used, budget, insist, environment } = parts
  const { db, write } = connection
  const walk = db.prepare<[number, number], Swept>(sql.walk)
  const sent = db.prepare<[number, number, number], SentRow>(sql.sent)
  const stranger = db.prepare<[string], string>(sql.stranger).pluck()
  const unpark = db.prepare<[{ uplink: string; before: Ms }]>(sql.unpark)
  const removeRow = db.prepare('DELETE FROM outbox WHERE seq = ?')
  const removeArrival = db.prepare('DELETE FROM arrival WHERE no = ?')

  const pressed = () => used() > budget * limits.pressureShare

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

  /** What has yet to be sent: by any uplink, where the room is needed by one that is in use. */
  function protectedRows(): readonly Part[] {
    const highest = outbox.highest()
    return pressed() ? cursors.unsent(highest) : cursors.unsentByAny(highest)
  }

  /** A message that is sent and old goes altogether; a held one stays. */
  function old(now: Ms): boolean {
    const [waiting] = protectedRows()
    return sweep('old', ({ no, at, state, seq }) => {
      if (at >= now - limits.originalSentMs || seq >= (waiting?.first ?? Number.MAX_SAFE_INTEGER)) return false
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

  /**
   * Originals of sent messages, before their time. Those of a part that waits keep theirs; once it is sent the sweep
   * begins anew.
   */
  function shed(): boolean {
    if (usage.of('kept').rows === 0) return false
    const highest = outbox.highest()
    const waiting = cursors.unsent(highest)
    const live = waiting.find(({ last }) => last === highest)?.first ?? highest + 1
    const parts = waiting.filter(({ last }) => last < highest)
    const oldest = String(parts[0]?.last ?? '')
    if ((meta.get('shed.part') ?? '') !== oldest) write('tidy', () => beginShed(oldest))
    return sweep('shed', ({ no, state, seq }) => {
      if (seq >= live) return false
      const waits = parts.some(({ first, last }) => first <= seq && seq <= last)
      if (state === 'kept' && !waits) originals.remove(no, 'kept')
      return true
    })
  }

  function beginShed(part: string): void {
    meta.set('shed.part', part)
    meta.set('swept.shed', 0)
  }

  /** Deletes the first rows that are due of a part of the log outside of `keep`. */
  function remove(now: Ms, keep: readonly Part[], due: (row: SentRow) => boolean): boolean {
    return write('tidy', () => {
      for (const { first, last } of without({ first: 1, last: outbox.highest() }, keep)) {
        const rows = sent.all(first, last, stepRows)
        const stop = rows.findIndex(row => !due(row))
        const gone = stop < 0 ? rows : rows.slice(0, stop)
        if (gone.length === 0) continue
        forget(first, gone, now)
        return true
      }
      return false
    })
  }

  function forget(first: number, rows: readonly SentRow[], now: Ms): void {
    if (gone.next(first - 1) === first - 1) tally.mark(first - 1, now)
    for (const { seq } of rows) removeRow.run(seq)
    usage.add('log', -rows.length, -rows.reduce((sum, row) => sum + row.bytes, 0))
    gone.add({ first, last: (rows.at(-1) as SentRow).seq })
    tally.forget(now)
    gaps.find(outbox.highest(), now)
  }

  /** Sent rows that are old. Those that are asked for again stay. */
  function aged(now: Ms): boolean {
    const before = new Date(now - deliveredMs).toISOString().slice(0, 10)
    const keep = [...cursors.unsentByAny(outbox.highest()), ...again.asked()]
    return remove(now, keep, ({ day }) => day < before)
  }

  /** Where the room is needed: originals of sent messages, then sent rows, whoever asks for them. */
  function early(now: Ms): boolean {
    if (!pressed()) return false
    return shed() || remove(now, cursors.unsent(outbox.highest()), () => true)
  }

  /** What was parked for an uplink that is not configured any more. */
  function strangers(now: Ms): boolean {
    return write('tidy', () => {
      let uplink = ''
      for (let found = stranger.get(uplink); found !== undefined; found = stranger.get(uplink)) {
        uplink = found
        if (uplinks.includes(uplink)) continue
        if (unpark.run({ uplink, before: now - deliveredMs }).changes === stepRows) return true
      }
      return false
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

  const steps = [refused, seen, expired, old, early, aged, strangers, vacuum, recover]
  let turn = 0

  return (now, budgetMs) => {
    const end = environment.monotonic() + budgetMs
    for (let idle = 0; idle < steps.length; ) {
      const step = steps[turn % steps.length]!
      turn += 1
      idle = attempt(step, now) ? 0 : idle + 1
      if (environment.monotonic() >= end) return idle < steps.length
    }
    return false
  }
}
