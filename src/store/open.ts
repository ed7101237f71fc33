/**
 * Opens the file: who may (one process), how durable (asserted, never assumed) and how large. The npm package is compiled
 * so that WAL alone loses acknowledged rows when the power fails: 824 of 824 in the test (docs/decisions).
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import { faultOf } from './connection.ts'

export const pageSize = 4096

export type Synchronous = 'FULL' | 'NORMAL'

/** Makes the folder (0700). Throws GatewayError E_DISK. */
export function openFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
  } catch {
    throw new GatewayError('E_DISK', 'data.dir')
  }
}

/**
 * Takes the folder for this process; the returned function gives it back. A lock of the kernel on `gateway.lock`, so it
 * ends with the process, however that dies. Throws GatewayError E_ALREADY_RUNNING.
 */
export function lockFolder(dir: string): () => void {
  const lock = openFile(join(dir, 'gateway.lock'), 0)
  try {
    lock.pragma('journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    const own = faultOf(error, 'data.dir')
    throw own instanceof GatewayError && own.code === 'E_BUSY' ? new GatewayError('E_ALREADY_RUNNING', 'data.dir') : own
  }
  return () => lock.close()
}

/**
 * Opens `<dir>/gateway.db` for writing (0600) and checks it. `budget` in bytes caps the file on every open, because
 * SQLite does not remember the cap. Throws GatewayError E_DATABASE (damaged, not a database) or E_DISK.
 */
export function openDatabase(dir: string, budget: number, synchronous: Synchronous): Database.Database {
  const db = openFile(join(dir, 'gateway.db'), 5000)
  try {
    db.pragma(`page_size = ${pageSize}`)
    db.pragma('auto_vacuum = INCREMENTAL')
    db.pragma('journal_mode = WAL')
    db.pragma(`synchronous = ${synchronous}`)
    db.pragma('wal_autocheckpoint = 1000')
    db.pragma('journal_size_limit = 16777216')
    db.pragma('secure_delete = ON')
    db.pragma('temp_store = MEMORY')
    db.pragma(`max_page_count = ${Math.floor(budget / pageSize)}`)
    if (db.pragma('quick_check(1)', { simple: true }) !== 'ok') throw new GatewayError('E_DATABASE', 'quick_check')
    return db
  } catch (error) {
    db.close()
    throw damaged(error)
  }
}

/** Opens `<dir>/gateway.db` for reading, beside a running gateway or without one. Throws GatewayError E_DATABASE. */
export function openReading(dir: string): Database.Database {
  try {
    return new Database(join(dir, 'gateway.db'), { readonly: true, fileMustExist: true, timeout: 5000 })
  } catch {
    throw new GatewayError('E_DATABASE', 'data.dir')
  }
}

/**
 * Reads back what the durability rests on; called after the first write, because only then WAL mode and the level of
 * syncing are settled. Throws GatewayError E_DATABASE.
 */
export function assertDurable(db: Database.Database, synchronous: Synchronous): void {
  const level = synchronous === 'FULL' ? 2 : 1
  if (db.pragma('synchronous', { simple: true }) !== level) throw new GatewayError('E_DATABASE', 'synchronous')
  if (db.pragma('journal_mode', { simple: true }) !== 'wal') throw new GatewayError('E_DATABASE', 'journal_mode')
}

/**
 * Opens a file that is never opened by other means in this process: closing any other descriptor of it would drop the
 * kernel's locks (POSIX fcntl), hence the look before the file is made.
 */
function openFile(file: string, timeout: number): Database.Database {
  try {
    if (!existsSync(file)) closeSync(openSync(file, 'wx', 0o600))
    chmodSync(file, 0o600)
    return new Database(file, { timeout })
  } catch {
    throw new GatewayError('E_DISK', 'data.dir')
  }
}

/** While opening, a file that is no sound database is E_DATABASE: the disk has not failed us yet. */
function damaged(error: unknown): unknown {
  const code = error instanceof Database.SqliteError ? error.code : ''
  return /^SQLITE_(CORRUPT|NOTADB)/.test(code)
    ? new GatewayError('E_DATABASE', 'quick_check')
    : faultOf(error, 'data.dir')
}
