/**
 * The file uplink (DESIGN §4): `<dir>/<topic>.ndjson`, one line a record, for trying out, for tests, and for sites that
 * carry data out by hand. A file may be moved away at any time; the next record begins a new one.
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { limits } from '../limits.ts'
import { describe, type Log } from '../log.ts'
import type { Uplink } from '../ports.ts'
import type { Code, Outcome, Sealed } from '../records.ts'
import { groups, headersOf } from './lanes.ts'
import { recoverTail, type Tail, writerOf } from './tail.ts'

/** `dir`: the folder of the files, made (0700) where it is missing. */
export type FileSettings = Readonly<{ name: string; dir: string }>

/** What an uplink needs from its composition root. */
export type UplinkDeps = Readonly<{ environment: Environment; log: Log }>

const topicName = /^[a-z0-9][a-z0-9.-]{0,199}$/
const newline = 10
const { O_RDWR, O_CREAT, O_APPEND } = constants

/**
 * Opens an uplink that appends records to files and syncs them before it settles.
 *
 * A line is `{"topic":…,"key":…,"headers":{…},"value":…}` in this order; `value` is the record's exact bytes, or null. A
 * row that is already in the file (same gateway and epoch as the last line, number not above its) is not written again, so
 * a page that comes again after a crash doubles no line. Lines of the other epoch between do: a page of the history may be
 * there twice if the gateway died before it was settled. Readers drop the second (number not above the mark of its gateway
 * and epoch), as they do with Kafka. A failing disk is answered `again` E_DISK, a file that is not ours
 * `again` E_UPLINK_CONFIG; a row that cannot be a line is `unsendable` E_UPLINK_REJECTED.
 */
export function fileUplink(settings: FileSettings, { log }: UplinkDeps): Uplink {
  const { name, dir } = settings
  const tails = new Map<string, Tail>()
  let isMended = false

  return {
    name,

    async connect() {
      try {
        if (!isMended) await mendAll()
        isMended = true
      } catch (error) {
        throw asGatewayError(error, name)
      }
      return { cluster: null, partitions: {} }
    },

    async send(rows) {
      const last = rows.at(-1)
      if (!last) return []
      try {
        const writable = rows.filter(isWritable)
        for (const { to, rows } of groups(writable, row => row.topic)) await append(to, rows)
        return [...rows.filter(row => !isWritable(row)).map(unsendable), { kind: 'delivered', through: last.seq }]
      } catch (error) {
        log.warn('file uplink failed', { uplink: name, ...describe(error) })
        isMended = false
        return [again(asGatewayError(error, name).code)]
      }
    },

    async close() {},
  }

  async function mendAll(): Promise<void> {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    for (const topic of await topicsIn(dir)) await mend(topic)
  }

  /** Cuts a torn line at connect. A file in the folder that is not ours (an opened copy, say) is left alone. */
  async function mend(topic: string): Promise<void> {
    try {
      await using file = await openTopic(dir, topic)
      tails.set(topic, await recoverTail(file, topic))
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      log.warn('a file in the folder is not ours', { uplink: name, ...describe(error) })
    }
  }

  async function append(topic: string, rows: readonly Sealed[]): Promise<void> {
    await using file = await openTopic(dir, topic)
    const tail = (await known(file, topic)) ?? (await recoverTail(file, topic))
    const fresh = rows.filter(row => !(tail.seq >= row.seq && tail.writer === writerOf(headersOf(row))))
    const lines = Buffer.concat(fresh.map(line))
    await file.appendFile(lines)
    await file.datasync()
    if (tail.size === 0) await syncFolder(dir)
    const last = fresh.at(-1)
    const mark = last ? { writer: writerOf(headersOf(last)), seq: last.seq } : {}
    tails.set(topic, { ...tail, ...mark, size: tail.size + lines.length })
  }

  /**
   * The tail as this process left it; null where the file is another one or shorter. What is behind the tail is the rest
   * of a write or sync that failed: it goes, since after a failed sync nobody can say which pages reached the disk.
   */
  async function known(file: FileHandle, topic: string): Promise<Tail | null> {
    const tail = tails.get(topic)
    const { size, ino } = await file.stat()
    if (!tail || tail.inode !== ino || size < tail.size) return null
    if (size > tail.size) await file.truncate(tail.size)
    return tail
  }
}

function openTopic(dir: string, topic: string): Promise<FileHandle> {
  return open(join(dir, `${topic}.ndjson`), O_RDWR | O_CREAT | O_APPEND, 0o600)
}

async function topicsIn(dir: string): Promise<readonly string[]> {
  const names = (await readdir(dir))
    .filter(name => name.endsWith('.ndjson'))
    .map(name => name.slice(0, -'.ndjson'.length))
  return names.filter(name => topicName.test(name))
}

/** A new file's name is on disk only after its folder is. */
async function syncFolder(dir: string): Promise<void> {
  await using folder = await open(dir, 'r')
  await folder.sync()
}

/** A topic becomes a path only in its narrow form, and a value with a line break would be two lines. */
function isWritable(row: Sealed): boolean {
  return topicName.test(row.topic) && !row.value?.includes(newline)
}

function line(row: Sealed): Buffer {
  const head = `{"topic":${JSON.stringify(row.topic)},"key":${JSON.stringify(row.key)},"headers":${row.headers},"value":`
  return Buffer.concat([Buffer.from(head), row.value ?? Buffer.from('null'), Buffer.from('}\n')])
}

function unsendable(row: Sealed): Outcome {
  return { kind: 'unsendable', seq: row.seq, code: 'E_UPLINK_REJECTED' }
}

function again(code: Code): Outcome {
  return { kind: 'again', code, waitMs: limits.backOffFirstMs }
}

function asGatewayError(error: unknown, at: string): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('E_DISK', at)
}
