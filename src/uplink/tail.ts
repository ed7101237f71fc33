/** The end of a file of records: where it may be continued after a crash, and which record is the last one in it. */
import type { FileHandle } from 'node:fs/promises'
import { GatewayError } from '../errors.ts'
import { KiB } from '../limits.ts'

/** `size`: bytes that are complete lines and synced. `writer`, `seq`: who wrote the last line, and its number; -1 = none. */
export type Tail = Readonly<{ inode: number; size: number; writer: string; seq: number }>

/** Two rows with the same writer count with the same numbers (DESIGN §4: gateway and epoch). */
export function writerOf(headers: Readonly<Record<string, string>>): string {
  return `${headers['cg-gateway']}/${headers['cg-epoch']}`
}

/**
 * Finds the last record of a topic's file and cuts off what a crash left after it: half a line, or the zeros that some
 * file systems show after a power cut. What stays is synced, because the lines may be there only in the page cache.
 *
 * Throws GatewayError E_UPLINK_CONFIG (and cuts nothing) where the file holds something else than records of this topic.
 */
export async function recoverTail(file: FileHandle, topic: string): Promise<Tail> {
  const { size, ino } = await file.stat()
  const last = await lastRecord(file, size, topic)
  if (last.end < size) await file.truncate(last.end)
  await file.datasync()
  return { inode: ino, size: last.end, writer: last.writer, seq: last.seq }
}

type Last = Readonly<{ end: number; writer: string; seq: number }>

async function lastRecord(file: FileHandle, size: number, topic: string): Promise<Last> {
  for (let window = 64 * KiB; ; window *= 4) {
    const start = Math.max(0, size - window)
    const bytes = await readFrom(file, start, size)
    const found = lastRecordIn(bytes, start, topic)
    if (found) return found
    if (start === 0) return nothingFound(bytes, topic)
  }
}

/** Walks back line by line. The first line of the window counts only where the window begins with the file. */
function lastRecordIn(bytes: Buffer, start: number, topic: string): Last | null {
  let end = bytes.lastIndexOf(10)
  while (end >= 0) {
    const before = end === 0 ? -1 : bytes.lastIndexOf(10, end - 1)
    if (before < 0 && start > 0) return null
    const record = readRecord(bytes.subarray(before + 1, end), topic)
    if (record) return { end: start + end + 1, ...record }
    end = before
  }
  return null
}

function readRecord(line: Buffer, topic: string): Omit<Last, 'end'> | null {
  try {
    const record = JSON.parse(line.toString('utf8'))
    const seq = Number(record.headers['cg-seq'])
    return record.topic === topic && Number.isSafeInteger(seq) ? { writer: writerOf(record.headers), seq } : null
  } catch {
    return null
  }
}

/** A file that never held a whole record is empty, zeros, or our first line torn; anything else is not ours to cut. */
function nothingFound(bytes: Buffer, topic: string): Last {
  const written = bytes.subarray(0, bytes.findLastIndex(byte => byte !== 0) + 1)
  const opening = Buffer.from(`{"topic":${JSON.stringify(topic)},`)
  const length = Math.min(written.length, opening.length)
  const torn = written.subarray(0, length).equals(opening.subarray(0, length)) && !written.includes(10)
  if (!torn) throw new GatewayError('E_UPLINK_CONFIG', `${topic}.ndjson`)
  return { end: 0, writer: '', seq: -1 }
}

async function readFrom(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start)
  let filled = 0
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}
