/**
 * The mark: a small file beside the database that says which numbers may have left the box. A database that ends below
 * it has lost rows (a reverted snapshot, a cut WAL, a restored copy); numbers used again would be taken for repeats, so
 * a new epoch begins (DESIGN §9).
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../errors.ts'
import type { Ms } from '../records.ts'
import { noSpace } from './connection.ts'

export type Mark = Readonly<{ epoch: number; seq: number }>

/** The mark of a data folder; null where there is none or it cannot be read as one. */
export function readMark(dir: string): Mark | null {
  try {
    const { epoch, seq } = JSON.parse(readFileSync(join(dir, 'mark.json'), 'utf8')) as Record<string, unknown>
    return Number.isSafeInteger(epoch) && Number.isSafeInteger(seq) ? { epoch: Number(epoch), seq: Number(seq) } : null
  } catch {
    return null
  }
}

/**
 * Writes the mark so that it survives a power cut: a new file, synced, renamed over the old one, the folder synced.
 * Throws GatewayError E_FULL (no space; the old mark stands) or E_DISK.
 */
export function writeMark(dir: string, { epoch, seq }: Mark): void {
  const file = join(dir, 'mark.json')
  try {
    synced(`${file}.new`, 'w', fd => writeFileSync(fd, `${JSON.stringify({ epoch, seq })}\n`))
    renameSync(`${file}.new`, file)
    synced(dir, 'r', () => {})
  } catch (error) {
    throw new GatewayError(noSpace(error) ? 'E_FULL' : 'E_DISK', 'mark')
  }
}

function synced(path: string, flags: string, write: (fd: number) => void): void {
  const fd = openSync(path, flags, 0o600)
  try {
    write(fd)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * The epoch to go on with. `database`: its epoch (null for a new one) and its highest seq. `lost` where records may have left that the database does not know.
 */
export function judgeEpoch(
  database: Readonly<{ epoch: number | null; seq: number }>,
  mark: Mark | null,
  now: Ms,
): Readonly<{ epoch: number; begun: boolean; lost: boolean }> {
  const { epoch, seq } = database
  if (epoch !== null && mark?.epoch === epoch && mark.seq <= seq) return { epoch, begun: false, lost: false }
  const next = nextEpoch(Math.max(epoch ?? 0, mark?.epoch ?? 0), now)
  // a mark of an epoch that did not come to begin, and every number of it is here
  const cut = epoch !== null && mark !== null && mark.epoch > epoch && mark.seq <= seq
  return { epoch: next, begun: true, lost: !cut && (seq > 0 || (mark?.seq ?? 0) > 0) }
}

/** The epoch after another one: a new count, higher than all before and than those of any box with a right clock. */
export function nextEpoch(last: number, now: Ms): number {
  return Math.max(last + 1, Math.floor(now / 1000))
}
