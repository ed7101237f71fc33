/**
 * Room: the budget of the database, the free space that the disk keeps, and the ballast. A truly full disk cannot even
 * delete (the WAL has to grow first), so a file of ballast is given up then; while it is missing, nothing new is taken.
 */
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import type { Environment } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { KiB, MiB } from '../limits.ts'
import { pageSize } from './open.ts'

export type Space = Readonly<{
  /** Before the database is opened for writing: gives up the ballast where the disk has no room even for that. */
  relieve(): void
  /** Throws GatewayError E_FULL if `bytes` beside the `used` ones would break the budget or the floor of free space. */
  demand(used: number, bytes: number): void
  /** True if a usual message would find room beside the `used` bytes. */
  room(used: number): boolean
  /** Bytes that may still be taken beside the `used` ones. */
  left(used: number): number
  /** True while the disk has less than its floor and the ballast. */
  tight(): boolean
  /** Gives up the ballast; false if there is none left. */
  release(): boolean
  /** Makes the ballast again as soon as the disk has room for it. */
  restore(): void
}>

/** Part of the budget that only settling, deleting and the audit may use. */
const reserveShare = 1 / 50
const reserveLeast = 64 * KiB
/** Without so much free space the database cannot even be opened (the WAL's index is a file). */
const openingBytes = MiB

/** What a usual message needs; readiness asks for it. */
const usualBytes = 64 * KiB

/** Bytes of ballast for a budget: twice what the WAL and one batch need, less for small boxes. */
export const ballastBytes = (budget: number): number => Math.min(32 * MiB, Math.floor(budget / 8))

/** Bytes of the database in use: its pages without the free ones. */
export function openUsed(db: Database.Database): () => number {
  const pages = db.prepare<[], number>(
    'SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count',
  )
  pages.pluck()
  return () => (pages.get() ?? 0) * pageSize
}

/**
 * Watches the room of a data folder. `budget` and `freeFloor` in bytes. Comes before the database, which on a full disk
 * can be opened and drained only after `relieve`.
 */
export function openSpace(
  options: Readonly<{ dir: string; budget: number; freeFloor: number; environment: Environment }>,
): Space {
  const { dir, budget, freeFloor, environment } = options
  const file = join(dir, 'ballast')
  const size = ballastBytes(budget)
  const limit = budget - Math.max(reserveLeast, budget * reserveShare)
  const free = () => {
    const { bavail, bsize } = statfsSync(dir)
    return bavail * bsize
  }
  let whole = existsSync(file) && statSync(file).size === size

  function release(): boolean {
    if (!existsSync(file)) return false
    whole = false
    rmSync(file)
    return true
  }

  const withinBudget = (used: number, bytes: number) => used + bytes <= limit
  const withinDisk = (bytes: number) => free() - bytes >= freeFloor + (whole ? 0 : size)
  return {
    relieve() {
      if (free() < openingBytes) release()
    },
    demand(used, bytes) {
      if (!withinBudget(used, bytes)) throw new GatewayError('E_FULL', 'data.budget')
      if (!withinDisk(bytes)) throw new GatewayError('E_FULL', 'data.freeFloor')
    },
    room: used => withinBudget(used, usualBytes) && withinDisk(usualBytes),
    left: used => Math.max(0, Math.min(limit - used, free() - freeFloor - (whole ? 0 : size))),
    tight: () => !whole || free() < freeFloor,
    release,
    restore() {
      if (whole || free() < freeFloor + 2 * size) return
      whole = fill(file, size, environment)
    },
  }
}

/** Writes the ballast for real: random bytes, because a file system may store zeros as nothing. False: no room. */
function fill(file: string, size: number, environment: Environment): boolean {
  const block = environment.random(MiB)
  const fd = openSync(file, 'w', 0o600)
  try {
    for (let at = 0; at < size; at += MiB) writeSync(fd, block, 0, Math.min(MiB, size - at))
    fsyncSync(fd)
    return true
  } catch {
    rmSync(file)
    return false
  } finally {
    closeSync(fd)
  }
}
