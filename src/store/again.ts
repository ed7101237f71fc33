/**
 * Rows that go out again, always under new numbers, since readers drop what is not above their mark: parked rows that a
 * person gives another try, and rows that were sent and are asked for once more. Who holds the keys signs them anew
 * (engine); here they are found, written and remembered.
 */
import type Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Again, ResendJob, ResendPage, Span } from '../ports.ts'
import type { Ms, OutboxRow } from '../records.ts'
import type { Audit } from './audit.ts'
import type { Cursors } from './cursors.ts'
import type { Gone } from './gone.ts'
import { bounded, columns, type Outbox } from './outbox.ts'
import { type Part, without } from './parts.ts'
import type { Tally } from './tally.ts'
import { rowBytes } from './usage.ts'

export type AgainTable = Readonly<{
  /** Rows parked for the uplink above a number, in order. */
  parkedRows(uplink: string, after: number, maxRows: number, maxBytes: number): OutboxRow[]
  retry(uplink: string, again: readonly Again[], who: string, at: Ms): void
  /** Begins to send rows again; tells which. Throws GatewayError E_USAGE where there are none. */
  resend(uplink: string, span: Span, who: string, at: Ms): { from: number; to: number; rows: number }
  /** Ends what has begun; how many jobs that were. */
  stopResend(uplink: string, who: string, at: Ms): number
  jobs(): ResendJob[]
  /** The next rows of the oldest job of the uplink; null where there is no job. */
  page(uplink: string, maxRows: number, maxBytes: number): ResendPage | null
  /** Writes rows of a page and goes on to its `next`; the job ends after its last row. */
  resent(page: ResendPage, again: readonly Again[], at: Ms): void
  /** Rows that uplinks in use are asked for: they stay beyond their age. */
  asked(): readonly Part[]
  /**
   * The uplink's cluster is another one: key records that rows it has yet to send may need, of the last day, go again.
   * They come after the rows that wait already; readers wait for them.
   */
  resendKeys(uplink: string, at: Ms): void
}>

/** Numbers of which one step reads the rows at most: a key may be rare. */
const windowRows = 2000

export const sql = {
  parkedRows: `SELECT ${columns} FROM outbox WHERE seq IN (SELECT seq FROM parked WHERE uplink = ? AND seq > ?
    ORDER BY seq LIMIT ?) ORDER BY seq`,
  page: `SELECT ${columns} FROM outbox WHERE seq >= @next AND seq <= @until
    AND (arrival > 0 OR (arrival < 0 AND NOT EXISTS (SELECT 1 FROM outbox AS was WHERE was.seq = -outbox.arrival)))
    AND (seq >= @first OR lane = 'key')
    AND (only_for IS NULL OR instr(',' || only_for || ',', ',' || @uplink || ',') > 0)
    AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.uplink = @uplink AND parked.seq = outbox.seq)
    AND NOT EXISTS (SELECT 1 FROM history AS h WHERE h.uplink = @uplink AND h.first <= outbox.seq AND h.last >= outbox.seq)
    AND (@key IS NULL OR key = @key OR (lane = 'key' AND EXISTS (
      SELECT 1 FROM keys WHERE kid = outbox.key AND (subject IN (@key, 'tenant')
        OR EXISTS (SELECT 1 FROM link WHERE origin IN (subject, 'test:' || subject))))))
    ORDER BY seq LIMIT @limit`,
} as const

type Parts = Readonly<{ cursors: Cursors; tally: Tally; outbox: Outbox; gone: Gone; audit: Audit }>

/** The rows that go out again. The writing calls belong inside the caller's transaction. */
export function openAgain(db: Database.Database, { cursors, tally, outbox, gone, audit }: Parts): AgainTable {
  const parkedRows = db.prepare<[string, number, number], OutboxRow>(sql.parkedRows)
  const unpark = db.prepare('DELETE FROM parked WHERE uplink = ? AND seq = ?')
  const insert = db.prepare('INSERT INTO resend(uplink, next, first, last, key, rows) VALUES (?, ?, ?, ?, ?, 0)')
  const jobColumns = 'id, uplink, next, first, last, key, rows'
  const all = db.prepare<[], ResendJob>(`SELECT ${jobColumns} FROM resend ORDER BY id`)
  const oldest = db.prepare<[string], ResendJob>(
    `SELECT ${jobColumns} FROM resend WHERE uplink = ? ORDER BY id LIMIT 1`,
  )
  const goOn = db.prepare('UPDATE resend SET next = ?, rows = rows + ? WHERE id = ?')
  const end = db.prepare('DELETE FROM resend WHERE id = ?')
  const arrivalOf = db.prepare<[number], number>('SELECT arrival FROM outbox WHERE seq = ?').pluck()
  const page = db.prepare<[Record<string, unknown>], OutboxRow>(sql.page)

  /** Writes rows for the uplink. `arrival`: in the log they belong to no message. */
  function append(uplink: string, again: readonly Again[], arrival: (was: number) => number, at: Ms): void {
    const rows = again.map(({ row }) => row)
    for (const { row, was } of again) outbox.append([row], arrival(was), cursors.onlyFor(uplink))
    outbox.count(
      rows.length,
      rows.reduce((sum, row) => sum + rowBytes(row), 0),
      at,
    )
  }

  /** A row that was refused is asked for again as its copy once it has gone itself: the copy knows its number. */
  function copyOf(was: number): number {
    return arrivalOf.get(was) === 0 ? 0 : -was
  }

  function first({ from }: Span): number {
    const asked = 'seq' in from ? from.seq : tally.before(from.at) + 1
    return gone.next(asked)
  }

  function last({ to }: Span, uplink: string): number {
    const sent = cursors.through(uplink)
    if (to === null) return sent
    return Math.min(sent, 'seq' in to ? to.seq : (tally.reached(to.at) ?? sent))
  }

  /** Where the key records lie that rows from `seq` on may need: a data key is used for so long after its record. */
  function keysFrom(seq: number): number {
    const at = tally.since(seq)
    const from = at === null ? 1 : tally.before(at - limits.dataKeyMs) + 1
    return Math.min(seq, gone.next(from))
  }

  function finish(job: ResendJob, at: Ms, rows: number): void {
    end.run(job.id)
    const detail = `rows=${job.rows + rows} of ${asked(job)}`
    audit({ at, actor: 'system', act: 'outbox.resent', obj: job.uplink, outcome: 'ok', detail })
  }

  return {
    parkedRows: (uplink, after, maxRows, maxBytes) =>
      bounded(parkedRows.iterate(uplink, after, maxRows), maxBytes).rows,
    retry(uplink, again, who, at) {
      append(uplink, again, copyOf, at)
      for (const { was } of again) unpark.run(uplink, was)
      const [was, now] = [again.map(one => one.was), again.map(one => one.row.seq)].map(spanOf)
      const detail = `rows=${again.length} was=${was} seq=${now}`
      audit({ at, actor: who, act: 'outbox.retry', obj: uplink, outcome: 'ok', detail })
    },
    resend(uplink, span, who, at) {
      const [from, to] = [first(span), last(span, uplink)]
      if (from > to) throw new GatewayError('E_USAGE', 'no row of that time is there and was sent')
      insert.run(uplink, keysFrom(from), from, to, span.key)
      const detail = `rows ${from}-${to}${span.key === null ? '' : ` of ${span.key}`}`
      audit({ at, actor: who, act: 'outbox.resend', obj: uplink, outcome: 'ok', detail })
      const there = without({ first: from, last: to }, [...gone.parts(), ...cursors.parts(uplink)])
      return { from, to, rows: there.reduce((rows, part) => rows + part.last - part.first + 1, 0) }
    },
    resendKeys(uplink, at) {
      const to = cursors.through(uplink)
      const from = keysFrom(cursors.whole(uplink) + 1)
      if (from > to) return
      insert.run(uplink, from, to + 1, to, null)
      audit({ at, actor: 'system', act: 'outbox.resend', obj: uplink, outcome: 'ok', detail: `keys ${from}-${to}` })
    },
    stopResend(uplink, who, at) {
      const jobs = all.all().filter(job => job.uplink === uplink)
      for (const job of jobs) {
        end.run(job.id)
        const detail = `rows=${job.rows} of ${asked(job)}`
        audit({ at, actor: who, act: 'outbox.stop', obj: uplink, outcome: 'ok', detail })
      }
      return jobs.length
    },
    jobs: () => all.all(),
    page(uplink, maxRows, maxBytes) {
      const job = oldest.get(uplink)
      if (!job) return null
      const { next, first, last, key } = job
      const until = Math.min(last, next + windowRows - 1)
      const found = page.iterate({ next, until, first, uplink, key, limit: maxRows })
      const { rows, all } = bounded(found, maxBytes)
      return { job, rows, next: all && rows.length < maxRows ? until + 1 : rows.at(-1)!.seq + 1 }
    },
    resent({ job, next }, again, at) {
      if (again.length > 0) append(job.uplink, again, () => 0, at)
      if (next > job.last) finish(job, at, again.length)
      else goOn.run(next, again.length, job.id)
    },
    asked() {
      const inUse = all.all().filter(job => cursors.used().includes(job.uplink))
      return inUse.map(({ next, last }) => ({ first: next, last }))
    },
  }
}

/** `17-90`, or what a job of key records alone asks for. */
function asked({ first, last }: ResendJob): string {
  return first > last ? `keys up to ${last}` : `${first}-${last}`
}

/** `17` or `17-90`. */
function spanOf(seqs: readonly number[]): string {
  const [first, last] = [seqs[0], seqs.at(-1)]
  return first === last ? `${first}` : `${first}-${last}`
}
