/**
 * The one write connection: every statement of the store runs inside `read` or `write`, which turn SQLite's errors into
 * ours and never let a foreign message out. After a failed write or sync nothing is tried again: what the disk holds is
 * then unknown, and a second fsync may report success for pages that the kernel has dropped (PostgreSQL, 2018).
 */
import Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'

export type Connection = Readonly<{
  db: Database.Database
  /** Runs `work` and translates its errors. */
  read<T>(at: string, work: () => T): T
  /** Runs `work` in one BEGIN IMMEDIATE … COMMIT; an error rolls everything back. */
  write<T>(at: string, work: () => T): T
}>

/**
 * Wraps an open database. `at` in the errors is the operation (`take`, `settle`). Throws GatewayError E_FULL (nothing
 * written, work goes on), E_BUSY (another process holds the file), E_DATABASE (a constraint; nothing written), E_DISK
 * (a read, write or sync failed, or the file is damaged: from then on every call throws E_DISK).
 */
export function connect(db: Database.Database): Connection {
  let broken = false

  function read<T>(at: string, work: () => T): T {
    if (broken) throw new GatewayError('E_DISK', at)
    try {
      return work()
    } catch (error) {
      const own = faultOf(error, at)
      broken = own instanceof GatewayError && own.code === 'E_DISK'
      throw own
    }
  }

  return { db, read, write: (at, work) => read(at, () => db.transaction(work).immediate()) }
}

/** Our error for one of SQLite's or the file system's; any other error is a mistake of the code and stays what it is. */
export function faultOf(error: unknown, at: string): unknown {
  if (error instanceof Error && 'syscall' in error) return new GatewayError(noSpace(error) ? 'E_FULL' : 'E_DISK', at)
  if (!(error instanceof Database.SqliteError)) return error
  if (error.code === 'SQLITE_FULL') return new GatewayError('E_FULL', at)
  if (error.code.startsWith('SQLITE_BUSY')) return new GatewayError('E_BUSY', at)
  const disk = /^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY)/.test(error.code)
  return new GatewayError(disk ? 'E_DISK' : 'E_DATABASE', at)
}

/** True for the file system's word that there is no room. */
export function noSpace(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOSPC' || code === 'EDQUOT'
}

/** True for our own word that there is no room. */
export function isFull(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'E_FULL'
}
