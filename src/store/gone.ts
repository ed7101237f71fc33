/**
 * Which parts of the log have gone: all of their rows but parked ones. They are more than one while rows of an outage wait
 * below rows that were sent.
 */
import type Database from 'better-sqlite3'
import { joined, outside, type Part } from './parts.ts'

export type Gone = Readonly<{
  parts(): readonly Part[]
  add(part: Part): void
  /** The lowest number from `seq` on that has not gone. */
  next(seq: number): number
}>

/** What has gone. `add` belongs inside the transaction that deletes the rows. */
export function openGone(db: Database.Database): Gone {
  const all = db.prepare<[], Part>('SELECT first, last FROM gone ORDER BY first')
  const clear = db.prepare('DELETE FROM gone')
  const insert = db.prepare('INSERT INTO gone(first, last) VALUES (?, ?)')
  return {
    parts: () => all.all(),
    add(part) {
      const parts = joined([...all.all(), part])
      clear.run()
      for (const { first, last } of parts) insert.run(first, last)
    },
    next: seq => outside(seq, all.all()),
  }
}
