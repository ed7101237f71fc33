/**
 * The way out: the outbox is a log, each uplink a cursor in it. Sent rows stay until tidy needs their age or room, so a
 * new uplink begins at the start of the log and a day can be sent again (DESIGN §9). The floor is the lowest cursor of
 * the configured uplinks: rows above it are pending.
 */
import type Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import type { CursorRow } from '../ports.ts'
import type { Code, Ms, OutboxRow, Outcome } from '../records.ts'
import type { Audit } from './audit.ts'
import type { Meta } from './meta.ts'
import { type Amount, rowBytes, rowBytesSql, type Usage } from './usage.ts'

export type Outbox = Readonly<{
  /** The highest number ever used; 0 before the first. */
  highest(): number
  append(row: OutboxRow, arrival: number): void
  /** Rows above the cursor that are not parked, up to `maxRows` and `maxBytes`, always one if there is one. */
  peek(uplink: string, maxRows: number, maxBytes: number): OutboxRow[]
  settle(uplink: string, outcomes: readonly Outcome[], at: Ms): void
  cursor(uplink: string): CursorRow
  setCluster(uplink: string, cluster: string): void
  floor(): number
  oldestPendingAt(): Ms | null
  /** Makes missing cursors (at 0) and counts again what is pending if the uplinks have changed. */
  configure(): void
}>

/** The columns of an OutboxRow. */
const columns = 'seq, epoch, lane, topic, key, headers, day, value'

export const sql = {
  peek: `SELECT ${columns} FROM outbox WHERE seq > ?
    AND seq NOT IN (SELECT seq FROM parked WHERE uplink = ? AND seq > ?) ORDER BY seq LIMIT ?`,
  parkedAbove: 'SELECT seq FROM parked WHERE uplink = ? AND seq > ? ORDER BY seq',
  oldest: 'SELECT at FROM outbox JOIN arrival ON no = arrival WHERE outbox.seq > ? ORDER BY outbox.seq LIMIT 1',
  amount: `SELECT count(*) AS rows, ifnull(sum(${rowBytesSql}), 0) AS bytes FROM outbox WHERE seq > ? AND seq <= ?`,
} as const

/** The log of the configured `uplinks`. Its writing calls belong inside the caller's transaction. */
export function openOutbox(
  db: Database.Database,
  { uplinks, meta, usage, audit }: { uplinks: readonly string[]; meta: Meta; usage: Usage; audit: Audit },
): Outbox {
  const insert = db.prepare(`INSERT INTO outbox(${columns}, arrival) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const last = db.prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").pluck()
  const above = db.prepare<[number, string, number, number], OutboxRow>(sql.peek)
  const parkedAbove = db.prepare<[string, number], number>(sql.parkedAbove).pluck()
  const park = db.prepare('INSERT OR IGNORE INTO parked(uplink, seq, code, at) VALUES (?, ?, ?, ?)')
  const make = db.prepare('INSERT OR IGNORE INTO cursor(uplink, cluster, through) VALUES (?, NULL, 0)')
  const select = db.prepare<[string], CursorRow>(
    `SELECT uplink, cluster, through, (SELECT count(*) FROM parked WHERE parked.uplink = cursor.uplink) AS parked
     FROM cursor WHERE uplink = ?`,
  )
  const throughOf = db.prepare<[string], number>('SELECT through FROM cursor WHERE uplink = ?').pluck()
  const move = db.prepare('UPDATE cursor SET through = ? WHERE uplink = ?')
  const belong = db.prepare('UPDATE cursor SET cluster = ? WHERE uplink = ?')
  const oldest = db.prepare<[number], Ms>(sql.oldest).pluck()
  const amount = db.prepare<[number, number], Amount>(sql.amount)

  const highest = () => last.get() ?? 0

  function known(uplink: string): string {
    if (!uplinks.includes(uplink)) throw new GatewayError('E_INTERNAL', 'uplinks')
    return uplink
  }

  const throughNow = (uplink: string) => throughOf.get(known(uplink)) ?? 0
  const floor = () => (uplinks.length > 0 ? Math.min(...uplinks.map(throughNow)) : 0)

  /** Moves what lies between the floor as it was counted last and as it is now from one class to the other. */
  function countFloor(): void {
    const before = meta.number('floor')
    const now = floor()
    if (now === before) return
    const { rows, bytes } = amount.get(Math.min(before, now), Math.max(before, now)) as Amount
    const sign = now > before ? 1 : -1
    usage.add('pending', -sign * rows, -sign * bytes)
    usage.add('delivered', sign * rows, sign * bytes)
    meta.set('floor', now)
  }

  /** A cursor does not stop at parked rows. */
  function pastParked(uplink: string, through: number): number {
    let at = through
    for (const seq of parkedAbove.all(uplink, through)) {
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

  return {
    highest,
    append(row, arrival) {
      const { seq, epoch, lane, topic, key, headers, day, value } = row
      insert.run(seq, epoch, lane, topic, key, headers, day, value, arrival)
    },
    peek(uplink, maxRows, maxBytes) {
      const rows: OutboxRow[] = []
      let bytes = 0
      const through = throughNow(uplink)
      for (const row of above.iterate(through, uplink, through, maxRows)) {
        bytes += rowBytes(row)
        if (rows.length > 0 && bytes > maxBytes) break
        rows.push(row)
      }
      return rows
    },
    settle(uplink, outcomes, at) {
      let through = throughNow(uplink)
      for (const outcome of outcomes) {
        if (outcome.kind === 'delivered') through = Math.max(through, outcome.through)
        if (outcome.kind === 'unsendable') parkRow(uplink, outcome.seq, outcome.code, at)
      }
      if (through > highest()) throw new GatewayError('E_INTERNAL', 'settle.through')
      move.run(pastParked(uplink, through), uplink)
      countFloor()
    },
    cursor: uplink => select.get(known(uplink)) ?? { uplink, cluster: null, through: 0, parked: 0 },
    setCluster: (uplink, cluster) => belong.run(cluster, known(uplink)),
    floor,
    oldestPendingAt: () => oldest.get(floor()) ?? null,
    configure() {
      for (const uplink of uplinks) make.run(uplink)
      countFloor()
    },
  }
}
