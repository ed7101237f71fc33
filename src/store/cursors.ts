/**
 * How far each uplink is: a cursor, and old parts of the log that it left behind after a long outage and sends beside
 * what is new (docs/decisions/015). Where one uplink stands by for another, only one of the two is in use; the cursor of
 * the other follows at a distance.
 */
import type Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import { day, limits } from '../limits.ts'
import type { Attachment, CursorRow } from '../ports.ts'
import type { Ms } from '../records.ts'
import type { Meta } from './meta.ts'

/** Rows `first` to `last`, both included. */
export type Part = Readonly<{ first: number; last: number }>

export type Cursors = Readonly<{
  /** The uplinks that are in use: all but the one that stands by. */
  used(): readonly string[]
  /** The uplink in use where one stands by for another; else null. */
  active(): string | null
  activate(uplink: string): void
  /** The one uplink that a row sent again to `uplink` is for; null where another one may have to send it. */
  onlyFor(uplink: string): string | null
  through(uplink: string): number
  /** Rows up to here are sent, all of them but parked ones. */
  whole(uplink: string): number
  /** Moves a cursor; it never goes back. */
  move(uplink: string, through: number): void
  /** The oldest part that was left behind. */
  part(uplink: string): Part | null
  parts(uplink: string): readonly Part[]
  /** Rows of a part up to `through` are sent; without any left it is gone. */
  shorten(uplink: string, part: Part, through: number): void
  leaveBehind(uplink: string, through: number): void
  /** What the uplinks in use have yet to send, in order and without overlaps. */
  unsent(highest: number): readonly Part[]
  /** Every uplink has sent the rows up to here, whether it is in use or not. */
  floor(): number
  /** Notes how far the uplink is, at most once a minute. */
  sample(uplink: string, at: Ms): void
  follow(uplink: string, of: string, lagMs: Ms): void
  row(uplink: string): CursorRow
  attach(uplink: string, to: Attachment): void
  /** Makes missing cursors, at 0. */
  configure(): void
}>

/** As long as sent rows stay: no mirror may lag longer. */
const samplesKeptMs = 7 * day

export const sql = {
  part: 'SELECT first, last FROM history WHERE uplink = ? ORDER BY first LIMIT 1',
  newest: 'SELECT at FROM passed WHERE uplink = ? ORDER BY at DESC LIMIT 1',
  passed: 'SELECT through FROM passed WHERE uplink = ? AND at <= ? ORDER BY at DESC LIMIT 1',
} as const

/** The cursors of the configured `uplinks`. The writing calls belong inside the caller's transaction. */
export function openCursors(
  db: Database.Database,
  { uplinks, standby, meta }: { uplinks: readonly string[]; standby: string | null; meta: Meta },
): Cursors {
  const make = db.prepare('INSERT OR IGNORE INTO cursor(uplink, cluster, through) VALUES (?, NULL, 0)')
  const throughOf = db.prepare<[string], number>('SELECT through FROM cursor WHERE uplink = ?').pluck()
  const clusterOf = db.prepare<[string], string | null>('SELECT cluster FROM cursor WHERE uplink = ?').pluck()
  const parkedOf = db.prepare<[string], number>('SELECT count(*) FROM parked WHERE uplink = ?').pluck()
  const move = db.prepare('UPDATE cursor SET through = ? WHERE uplink = ? AND through < ?')
  const belong = db.prepare('UPDATE cursor SET cluster = ? WHERE uplink = ?')
  const layout = db.prepare<[string], { topic: string; partitions: number }>(
    'SELECT topic, partitions FROM layout WHERE uplink = ?',
  )
  const unpin = db.prepare('DELETE FROM layout WHERE uplink = ?')
  const pin = db.prepare('INSERT INTO layout(uplink, topic, partitions) VALUES (?, ?, ?)')
  const oldestPart = db.prepare<[string], Part>(sql.part)
  const allParts = db.prepare<[string], Part>('SELECT first, last FROM history WHERE uplink = ? ORDER BY first')
  const addPart = db.prepare('INSERT INTO history(uplink, first, last) VALUES (?, ?, ?)')
  const begin = db.prepare('UPDATE history SET first = ? WHERE uplink = ? AND first = ?')
  const endPart = db.prepare('DELETE FROM history WHERE uplink = ? AND first = ?')
  const newest = db.prepare<[string], Ms>(sql.newest).pluck()
  const passed = db.prepare<[string, Ms], number>(sql.passed).pluck()
  const pass = db.prepare('INSERT OR REPLACE INTO passed(uplink, at, through) VALUES (?, ?, ?)')
  const forgetPassed = db.prepare('DELETE FROM passed WHERE uplink = ? AND (at < ? OR at > ?)')
  const forgetAllPassed = db.prepare('DELETE FROM passed WHERE uplink = ?')

  /** The two of which one is in use. */
  const first = uplinks.find(one => one !== standby)
  const pair = standby !== null && first !== undefined && uplinks.includes(standby) ? [first, standby] : []

  function known(uplink: string): string {
    if (!uplinks.includes(uplink)) throw new GatewayError('E_INTERNAL', 'uplinks')
    return uplink
  }

  function active(): string | null {
    const chosen = meta.get('active')
    return pair.find(one => one === chosen) ?? pair[0] ?? null
  }

  function used(): readonly string[] {
    const inUse = active()
    return uplinks.filter(one => !pair.includes(one) || one === inUse)
  }

  const through = (uplink: string) => throughOf.get(known(uplink)) ?? 0
  const part = (uplink: string) => oldestPart.get(known(uplink)) ?? null
  const whole = (uplink: string) => (part(uplink)?.first ?? through(uplink) + 1) - 1

  function shorten(uplink: string, { first, last }: Part, to: number): void {
    if (to >= last) endPart.run(uplink, first)
    else if (to >= first) begin.run(to + 1, uplink, first)
  }

  return {
    used,
    active,
    activate(uplink) {
      if (!pair.includes(uplink)) throw new GatewayError('E_USAGE', 'no uplink stands by for it')
      meta.set('active', uplink)
    },
    onlyFor: uplink => (pair.includes(uplink) ? null : known(uplink)),
    through,
    whole,
    move: (uplink, to) => void move.run(to, known(uplink), to),
    part,
    parts: uplink => allParts.all(known(uplink)),
    shorten,
    leaveBehind(uplink, to) {
      addPart.run(known(uplink), through(uplink) + 1, to)
      move.run(to, uplink, to)
    },
    unsent(highest) {
      if (uplinks.length === 0) return highest > 0 ? [{ first: 1, last: highest }] : []
      const open = used().flatMap(uplink => [...allParts.all(uplink), { first: through(uplink) + 1, last: highest }])
      return joined(open.filter(({ first, last }) => first <= last))
    },
    floor: () => (uplinks.length > 0 ? Math.min(...uplinks.map(whole)) : 0),
    sample(uplink, at) {
      const last = newest.get(uplink)
      if (last !== undefined && at >= last && at - last < limits.standbySampleMs) return
      pass.run(uplink, at, whole(uplink))
      // a clock that was set back must not leave samples of a time to come
      forgetPassed.run(uplink, at - samplesKeptMs, at)
    },
    follow(uplink, of, lagMs) {
      const last = newest.get(known(of))
      const to = last === undefined ? undefined : passed.get(of, last - lagMs)
      if (to === undefined) return
      for (const one of allParts.all(known(uplink))) shorten(uplink, one, to)
      move.run(to, uplink, to)
    },
    row(uplink) {
      const history = allParts.all(known(uplink)).reduce((rows, { first, last }) => rows + last - first + 1, 0)
      const partitions = Object.fromEntries(layout.all(uplink).map(({ topic, partitions }) => [topic, partitions]))
      const cluster = clusterOf.get(uplink) ?? null
      return { uplink, cluster, partitions, through: through(uplink), parked: parkedOf.get(uplink) ?? 0, history }
    },
    attach(uplink, { cluster, partitions }) {
      // another cluster has none of what was said to have passed
      if (clusterOf.get(known(uplink)) !== cluster) forgetAllPassed.run(uplink)
      belong.run(cluster, uplink)
      unpin.run(uplink)
      for (const [topic, count] of Object.entries(partitions)) pin.run(uplink, topic, count)
    },
    configure() {
      for (const uplink of uplinks) make.run(uplink)
    },
  }
}

/** The same rows in order, none twice. */
function joined(parts: readonly Part[]): Part[] {
  const out: Part[] = []
  for (const part of parts.toSorted((a, b) => a.first - b.first)) {
    const last = out.at(-1)
    if (last && part.first <= last.last + 1) out.push({ first: out.pop()!.first, last: Math.max(last.last, part.last) })
    else out.push(part)
  }
  return out
}
