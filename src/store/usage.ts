/**
 * How many rows and bytes each class of data holds, kept in the transaction that changes them, so that no start has to
 * count a full box: records in the log (`log`), originals of messages that are `kept`, `held` or `refused`. Two classes
 * only grow: all records that the log ever had (`ever`), and what messages needed in the file (`need`).
 */
import type Database from 'better-sqlite3'
import type { OutboxRow } from '../records.ts'

export type UsageClass = 'log' | 'ever' | 'need' | 'kept' | 'held' | 'refused'
export type Amount = Readonly<{ rows: number; bytes: number }>
export type Usage = Readonly<{
  of(name: UsageClass): Amount
  /** Adds to a class; negative amounts take away. */
  add(name: UsageClass, rows: number, bytes: number): void
}>

/** The counters of all classes, over prepared statements. */
export function openUsage(db: Database.Database): Usage {
  const select = db.prepare<[string], Amount>('SELECT rows, bytes FROM usage WHERE class = ?')
  const update = db.prepare<[number, number, string]>(
    'UPDATE usage SET rows = rows + ?, bytes = bytes + ? WHERE class = ?',
  )
  return {
    of: name => select.get(name) ?? { rows: 0, bytes: 0 },
    add(name, rows, bytes) {
      if (rows !== 0) update.run(rows, bytes, name)
    },
  }
}

/** Numbers, lane and day of a row, which every row has. */
const fixedBytes = 48

/** Bytes of one outbox row as they are counted; `rowBytesSql` says the same of a stored one. */
export function rowBytes(row: OutboxRow): number {
  const text = Buffer.byteLength(row.topic) + Buffer.byteLength(row.key) + Buffer.byteLength(row.headers)
  return text + (row.value?.length ?? 0) + fixedBytes
}

export const rowBytesSql = `octet_length(topic) + octet_length(key) + octet_length(headers) + ifnull(octet_length(value), 0) + ${fixedBytes}`
