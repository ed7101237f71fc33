/**
 * How far each uplink is: a cursor, and old parts of the log that it left behind after a long outage and sends beside
 * what is new (docs/decisions/015). Where one uplink stands by for another, only one of the two is in use; the cursor of
 * the other follows at a distance.
 */
import type Database from 'better-sqlite3'
import type { Environment } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { day, limits, minute } from '../limits.ts'
import type { Attachment, CursorRow } from '../ports.ts'
import type { Ms } from '../records.ts'
import type { Meta } from './meta.ts'
import { joined, type Part } from './parts.ts'

export type Cursors = Readonly<{
  /** The uplinks that are in use: all but the one that stands by. */
  used(): readonly string[]
  /** The uplink in use where one stands by for another; else null. */
  active(): string | null
  activate(uplink: string): void
  /** Whom a row sent again to `uplink` is for, by name: the other of a pair may have to send it. */
  onlyFor(uplink: string): string
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
  /** What one uplink has yet to send. */
  waiting(uplink: string, highest: number): readonly Part[]
  /** What any uplink has yet to send, in use or not. */
  unsentByAny(highest: number): readonly Part[]
  /** Moves the uplink's places past numbers that have no row. */
  stepOver(uplink: string, highest: number): void
  /** Notes how far the uplink is, at most once a minute. */
  sample(uplink: string, at: Ms): void
  follow(uplink: string, of: string, lagMs: Ms): void
  row(uplink: string): CursorRow
  /** True: it is another cluster than the uplink had before, whether a person has accepted that or not. */
  attach(uplink: string, to: Attachment): boolean
  /** Makes missing cursors, at 0. */
  configure(): void
}>

/** As long as sent rows stay: no mirror may lag longer. */
const samplesKeptMs = 7 * day
/** A clock that differs by more from the one that only goes forward was set. */
const clockSetMs = minute

export const sql = {
  part: 'SELECT first, last FROM history WHERE uplink = ? ORDER BY first LIMIT 1',
  newest: 'SELECT at FROM passed WHERE uplink = ? ORDER BY at DESC LIMIT 1',
  nextRow: 'SELECT seq FROM outbox WHERE seq >= ? ORDER BY seq LIMIT 1',
  passed: 'SELECT through FROM passed WHERE uplink = ? AND at <= ? ORDER BY at DESC LIMIT 1',
} as const

/** The cursors of the configured `uplinks`. The writing calls belong inside the caller's transaction. */
export function openCursors(
  db: Database.Database,
  options: Readonly<{ uplinks: readonly string[]; standby: string | null; meta: Meta; environment: Environment }>,
): Cursors {
  const { uplinks, standby, meta, environment } = options
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
  const forgetSamples = db.prepare('DELETE FROM passed')
  const nextRow = db.prepare<[number], number>(sql.nextRow).pluck()

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

  /** The parts of the uplink and what is above its cursor. */
  function waiting(uplink: string, highest: number): readonly Part[] {
    const all = [...allParts.all(uplink), { first: through(uplink) + 1, last: highest }]
    return joined(all.filter(({ first, last }) => first <= last))
  }

  function unsentBy(names: readonly string[], highest: number): readonly Part[] {
    if (uplinks.length === 0) return highest > 0 ? [{ first: 1, last: highest }] : []
    return joined(names.flatMap(uplink => waiting(uplink, highest)))
  }

  let clockOffset = environment.now() - environment.monotonic()

  /** The distance between samples means nothing where the clock was set between them. */
  function mistrustClock(): void {
    const offset = environment.now() - environment.monotonic()
    if (Math.abs(offset - clockOffset) > clockSetMs) forgetSamples.run()
    clockOffset = offset
  }

  return {
    used,
    active,
    activate(uplink) {
      if (!pair.includes(uplink)) throw new GatewayError('E_USAGE', 'no uplink stands by for it')
      meta.set('active', uplink)
    },
    onlyFor: uplink => (pair.includes(uplink) ? pair.join(',') : known(uplink)),
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
    unsent: highest => unsentBy(used(), highest),
    waiting,
    unsentByAny: highest => unsentBy(uplinks, highest),
    stepOver(uplink, highest) {
      const below = (seq: number) => (nextRow.get(seq) ?? highest + 1) - 1
      for (const one of allParts.all(uplink)) shorten(uplink, one, below(one.first))
      const to = below(through(uplink) + 1)
      move.run(to, uplink, to)
    },
    sample(uplink, at) {
      mistrustClock()
      const last = newest.get(uplink)
      if (last !== undefined && at >= last && at - last < limits.standbySampleMs) return
      pass.run(uplink, at, whole(uplink))
      // a clock that was set back must not leave samples of a time to come
      forgetPassed.run(uplink, at - samplesKeptMs, at)
    },
    follow(uplink, of, lagMs) {
      mistrustClock()
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
      const before = clusterOf.get(known(uplink)) ?? null
      // a person accepts the next cluster before it is known; until then it is remembered which one it was
      const was = before ?? meta.get(`cluster.${uplink}`)
      const isOther = cluster !== null && was !== null && was !== '' && was !== cluster
      // another cluster has none of what was said to have passed
      if (before !== cluster) {
        forgetAllPassed.run(uplink)
        meta.set(`cluster.${uplink}`, cluster ?? was ?? '')
      }
      belong.run(cluster, uplink)
      unpin.run(uplink)
      for (const [topic, count] of Object.entries(partitions)) pin.run(uplink, topic, count)
      return isOther
    },
    configure() {
      // nobody knows what the clock did meanwhile
      forgetSamples.run()
      for (const uplink of uplinks) make.run(uplink)
    },
  }
}
