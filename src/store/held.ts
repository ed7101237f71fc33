/** Messages that wait for a person, and the work list of codes without a mapping. */
import type Database from 'better-sqlite3'
import { limits } from '../limits.ts'
import type { HeldRow } from '../ports.ts'
import type { Ms } from '../records.ts'
import type { Audit } from './audit.ts'
import type { Originals } from './originals.ts'
import type { Usage } from './usage.ts'

export type WorkRow = Readonly<{ sender: string; at: string; code: Uint8Array; count: number }>

export type Held = Readonly<{
  count(): number
  /** Bytes that they take. */
  bytes(): number
  /** The longest waiting first. */
  list(limit: number): HeldRow[]
  /** Held longer than since `before`, the oldest first. */
  expired(before: Ms, limit: number): number[]
  /** Ends a held message: everything of it goes, and the audit says who did it. False: no such message is held. */
  end(no: number, as: 'dropped' | 'expired', who: string, at: Ms): boolean
  work(limit: number): WorkRow[]
  workCount(): number
}>

export const sql = {
  list: `SELECT no, at AS receivedAt, source, sender, outline, ifnull(rule, 'E_INTERNAL') AS rule, ifnull(place, '') AS at
    FROM arrival WHERE state = 'held' ORDER BY no LIMIT ?`,
  expired: "SELECT no FROM arrival WHERE state = 'held' AND at < ? ORDER BY no LIMIT ?",
  count: "SELECT count(*) FROM arrival WHERE state = 'held'",
} as const

/** The held messages. `end` belongs inside the caller's transaction. */
export function openHeld(
  db: Database.Database,
  { originals, usage, audit }: { originals: Originals; usage: Usage; audit: Audit },
): Held {
  const list = db.prepare<[number], HeldRow>(sql.list)
  const expired = db.prepare<[Ms, number], number>(sql.expired).pluck()
  const count = db.prepare<[], number>(sql.count).pluck()
  const isHeld = db.prepare<[number], 1>("SELECT 1 FROM arrival WHERE no = ? AND state = 'held'").pluck()
  const removeArrival = db.prepare<[number]>('DELETE FROM arrival WHERE no = ?')
  const work = db.prepare<[number], WorkRow>(
    'SELECT sender, place AS at, code, count FROM worklist ORDER BY count DESC, sender, place, mark LIMIT ?',
  )
  const workCount = db.prepare<[], number>('SELECT count(*) FROM worklist').pluck()
  return {
    count: () => count.get() ?? 0,
    bytes: () => usage.of('held').bytes + usage.of('held').rows * limits.arrivalRowBytes,
    list: limit => list.all(limit),
    expired: (before, limit) => expired.all(before, limit),
    end(no, as, who, at) {
      if (!isHeld.get(no)) return false
      originals.remove(no, 'held')
      originals.forget(no)
      removeArrival.run(no)
      audit({
        at,
        actor: who,
        act: as === 'dropped' ? 'held.drop' : 'held.expire',
        obj: String(no),
        outcome: 'ok',
        detail: '',
      })
      return true
    },
    work: limit => work.all(limit),
    workCount: () => workCount.get() ?? 0,
  }
}
