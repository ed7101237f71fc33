/** The way in: everything that one batch of messages leaves on the disk, inside one transaction (design review, 8). */
import type Database from 'better-sqlite3'
import { limits } from '../limits.ts'
import type { SeenRow, Taken } from '../ports.ts'
import type { Ms } from '../records.ts'
import type { Audit } from './audit.ts'
import type { Meta } from './meta.ts'
import type { Outbox } from './outbox.ts'
import { rowBytes, type Usage } from './usage.ts'

export type Arrivals = Readonly<{
  highest(): number
  seen(control: Uint8Array, content: Uint8Array): SeenRow | null
  snapshot(list: string): readonly string[]
  link(from: string): string | null
  write(batch: readonly Taken[], at: Ms): void
}>

export const sql = {
  same: 'SELECT arrival FROM seen WHERE control = ? AND content = ?',
  sameControl: 'SELECT arrival FROM seen WHERE control = ? LIMIT 1',
} as const

/** Bytes that a batch will need in the file, generously: half of a page may stay empty behind a row. */
export function batchBytes(batch: readonly Taken[]): number {
  const bodies = batch.map(taken => {
    const rows = taken.rows.reduce((sum, row) => sum + rowBytes(row), 0)
    const lists = taken.snapshots.reduce((sum, { ids }) => sum + 60 * ids.length, 0)
    return limits.arrivalRowBytes + rows + lists + (taken.original?.body.length ?? 0)
  })
  return Math.ceil(1.5 * bodies.reduce((sum, bytes) => sum + bytes, 0))
}

/** Bytes that a batch adds to the held messages. */
export function heldBytesOf(batch: readonly Taken[]): number {
  const held = batch.filter(({ state }) => state === 'held')
  return held.reduce((sum, { original }) => sum + limits.arrivalRowBytes + (original?.body.length ?? 0), 0)
}

/** The highest number of a message ever used; 0 before the first. */
export function openHighest(db: Database.Database): () => number {
  const last = db.prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'arrival'").pluck()
  return () => last.get() ?? 0
}

/** The tables that a message fills. `write` belongs inside the caller's transaction. */
export function openArrivals(
  db: Database.Database,
  parts: Readonly<{ outbox: Outbox; meta: Meta; usage: Usage; audit: Audit; gateway: string }>,
): Arrivals {
  const { outbox, meta, usage, audit, gateway } = parts
  const same = db.prepare<[Uint8Array, Uint8Array], number>(sql.same).pluck()
  const sameControl = db.prepare<[Uint8Array], number>(sql.sameControl).pluck()
  // asked on a hit only: nearly every message is new
  const stateOf = db.prepare<[number], 'kept' | 'held'>('SELECT state FROM arrival WHERE no = ?').pluck()
  const ids = db.prepare<[string], string>('SELECT ids FROM snapshot WHERE list = ?').pluck()
  const target = db.prepare<[string], string>('SELECT target FROM link WHERE origin = ?').pluck()
  const insert = db.prepare(
    `INSERT INTO arrival(no, at, source, sender, format, outline, state, rule, place, mapping, mode, seq, control, content)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const removeArrival = db.prepare('DELETE FROM arrival WHERE no = ?')
  const insertSeen = db.prepare('INSERT INTO seen(control, content, arrival, at) VALUES (?, ?, ?, ?)')
  const insertOriginal = db.prepare('INSERT INTO original(id, kid, body) VALUES (?, ?, ?)')
  const insertSubject = db.prepare('INSERT OR IGNORE INTO original_subject(original, subject) VALUES (?, ?)')
  const insertKey = db.prepare('INSERT OR IGNORE INTO local_keys(kid, record) VALUES (?, ?)')
  const putKey = db.prepare('INSERT INTO keys(kid, subject) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const putHead = db.prepare(
    `INSERT INTO head(resource, arrival) VALUES (?, ?)
     ON CONFLICT(resource) DO UPDATE SET arrival = max(arrival, excluded.arrival)`,
  )
  const putSnapshot = db.prepare('INSERT OR REPLACE INTO snapshot(list, ids) VALUES (?, ?)')
  const putLink = db.prepare('INSERT OR REPLACE INTO link(origin, target) VALUES (?, ?)')
  const countWork = db.prepare(
    `INSERT INTO worklist(sender, place, mark, code, count) VALUES (?, ?, ?, ?, 1)
     ON CONFLICT(sender, place, mark) DO UPDATE SET count = count + 1`,
  )

  /** A refused message is never `seen`: it comes again and is judged afresh (SEALING S6). */
  function writeArrival(taken: Taken): void {
    const { no, receivedAt, source, sender, format, outline, state, rule, at, mapping, mode } = taken
    const seen = state === 'refused' ? null : taken.seen
    const { control = null, content = null } = seen ?? {}
    const seq = taken.rows.at(-1)?.seq ?? 0
    insert.run(no, receivedAt, source, sender, format, outline, state, rule, at, mapping, mode, seq, control, content)
    if (seen) insertSeen.run(control, content, no, receivedAt)
  }

  /** A new day key is kept in any case: the engine counts it as written. */
  function writeDayKey({ original }: Taken): void {
    if (original && original.keyRecord !== null) insertKey.run(original.kid, original.keyRecord)
  }

  /** In a flood of refused messages only so many leave something behind; of the others only the number counts. */
  function isFlood({ state }: Taken): boolean {
    return state === 'refused' && usage.of('refused').rows >= 2 * limits.originalRefusedRows
  }

  function writeOriginal({ no, state, subjects, original }: Taken): void {
    if (!original) return
    insertOriginal.run(no, original.kid, original.body)
    for (const subject of subjects) insertSubject.run(no, subject)
    usage.add(state, 1, original.body.length)
  }

  /**
   * One entry a batch. Batches of refused messages alone make none, else whoever is refused would write the audit full;
   * the next entry counts them.
   */
  function writeAudit(batch: readonly Taken[], at: Ms): void {
    const before = meta.number('refused')
    const refusedOnly = batch.every(({ state }) => state === 'refused')
    const uncounted = refusedOnly ? before + batch.length : 0
    if (uncounted !== before) meta.set('refused', uncounted)
    if (refusedOnly) return
    audit({ at, actor: 'system', act: 'take', obj: gateway, outcome: 'ok', detail: counts(batch, before) })
  }

  function writeRows({ no, rows }: Taken): number {
    outbox.append(rows, no, null)
    return rows.reduce((sum, row) => sum + rowBytes(row), 0)
  }

  function writeState({ no, sender, keys = [], heads, snapshots, links, work }: Taken): void {
    for (const { kid, subject } of keys) putKey.run(kid, subject)
    for (const resource of heads) putHead.run(resource, no)
    for (const { list, ids } of snapshots) putSnapshot.run(list, JSON.stringify(ids))
    for (const { from, to } of links) putLink.run(from, to ?? '')
    for (const { at, mark, code } of work) countWork.run(sender, at, mark, code)
  }

  return {
    highest: openHighest(db),
    seen(control, content) {
      const first = same.get(control, content)
      const arrival = first ?? sameControl.get(control)
      if (arrival === undefined) return null
      const state = stateOf.get(arrival)
      return state ? { arrival, state, sameContent: first !== undefined } : null
    },
    snapshot: list => JSON.parse(ids.get(list) ?? '[]'),
    link: from => target.get(from) || null,
    write(batch, at) {
      let bytes = 0
      for (const taken of batch) {
        writeArrival(taken)
        writeDayKey(taken)
        if (isFlood(taken)) removeArrival.run(taken.no)
        else writeOriginal(taken)
        bytes += writeRows(taken)
        writeState(taken)
      }
      usage.add('need', batch.length, batchBytes(batch))
      outbox.count(
        batch.reduce((sum, { rows }) => sum + rows.length, 0),
        bytes,
        at,
      )
      writeAudit(batch, at)
    },
  }
}

/** `kept=2 held=0 refused=1 arrivals=7-9 rows=5 seq=12-16`; `refused` messages came before the batch. */
function counts(batch: readonly Taken[], refused: number): string {
  const of = (state: Taken['state']) => batch.filter(taken => taken.state === state).length
  const rows = batch.flatMap(taken => taken.rows)
  const arrivals = `${(batch[0]?.no ?? 0) - refused}-${batch.at(-1)?.no}`
  const seqs = rows.length > 0 ? `${rows[0]?.seq}-${rows.at(-1)?.seq}` : ''
  const states = `kept=${of('kept')} held=${of('held')} refused=${refused + of('refused')}`
  return `${states} arrivals=${arrivals} rows=${rows.length} seq=${seqs}`
}
