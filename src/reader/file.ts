/**
 * Reads the files of the file uplink: a line a record, `{"topic":…,"key":…,"headers":{…},"value":…}` (DESIGN §4).
 *
 * Signatures are over the exact bytes of `value`, so they are cut out of the line as they stand, never written anew.
 */
import { createReadStream } from 'node:fs'
import { GatewayError } from '../errors.ts'
import { MiB } from '../limits.ts'
import type { ReaderRecord } from './signature.ts'

/** One line: a record; `broken`, no record; `torn`, the last line without its end, as a crash leaves it. Lines from 1. */
export type FileLine = Readonly<
  { kind: 'record'; line: number; record: ReaderRecord } | { kind: 'broken' | 'torn'; line: number }
>

/** Far above any record; a longer line is no line of ours. */
const longestLine = 16 * MiB
const newline = 0x0a

/**
 * Streams a file line by line. `partition` is what the records say for theirs: a file is one partition, so two files of
 * one topic need two numbers. Throws GatewayError E_USAGE when the file cannot be read.
 */
export async function* readRecords(path: string, partition = 0): AsyncGenerator<FileLine> {
  let line = 0
  for await (const { bytes, ended } of linesOf(path)) {
    line += 1
    const record = bytes && parseLine(bytes, partition)
    if (record) yield { kind: 'record', line, record }
    else if (bytes?.length !== 0) yield { kind: ended ? 'broken' : 'torn', line }
  }
}

/** A record from one line without its newline; null where it is none. */
export function parseLine(line: Uint8Array, partition = 0): ReaderRecord | null {
  const members = membersOf(Buffer.from(line.buffer, line.byteOffset, line.byteLength))
  if (!members || [...members.keys()].sort().join() !== 'headers,key,topic,value') return null
  const topic = jsonOf(members.get('topic')!)
  const key = jsonOf(members.get('key')!)
  const headers = jsonOf(members.get('headers')!)
  const value = members.get('value')!
  if (typeof topic !== 'string' || typeof key !== 'string' || !isHeaders(headers)) return null
  return { topic, partition, key, headers, value: value.toString('latin1') === 'null' ? null : value }
}

function isHeaders(headers: unknown): headers is Record<string, string> {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return false
  return Object.values(headers).every(value => typeof value === 'string')
}

/** Lines as bytes; null for one that is too long. The last one has no end when the file does not end with a newline. */
async function* linesOf(path: string): AsyncGenerator<{ bytes: Buffer | null; ended: boolean }> {
  let parts: Buffer[] = []
  let length = 0
  const line = () => (length > longestLine ? null : Buffer.concat(parts))
  for await (const chunk of chunksOf(path)) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      length += end - start
      parts.push(chunk.subarray(start, end))
      yield { bytes: line(), ended: true }
      parts = []
      length = 0
      start = end + 1
    }
    length += chunk.length - start
    if (length <= longestLine) parts.push(chunk.subarray(start))
    else parts = []
  }
  if (length > 0) yield { bytes: line(), ended: false }
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path)) yield chunk as Buffer
  } catch {
    throw new GatewayError('E_USAGE', 'FILE', 'a file cannot be read')
  }
}

/** The members of a JSON object and the bytes of their values as they stand; null where the line is no such thing. */
function membersOf(line: Buffer): Map<string, Buffer> | null {
  const members = new Map<string, Buffer>()
  let at = skipBlanks(line, 0)
  if (line[at] !== 0x7b) return null
  do {
    const nameStart = skipBlanks(line, at + 1)
    const nameEnd = skipString(line, nameStart)
    const colon = skipBlanks(line, nameEnd)
    const start = skipBlanks(line, colon + 1)
    const end = skipValue(line, start)
    const name = jsonOf(line.subarray(nameStart, nameEnd))
    if (line[colon] !== 0x3a || end === start || typeof name !== 'string' || members.has(name)) return null
    members.set(name, line.subarray(start, end))
    at = skipBlanks(line, end)
  } while (line[at] === 0x2c)
  return line[at] === 0x7d && skipBlanks(line, at + 1) === line.length ? members : null
}

function skipBlanks(line: Buffer, from: number): number {
  let at = from
  while (line[at] === 0x20 || line[at] === 0x09 || line[at] === 0x0d) at += 1
  return at
}

/** The place after a string; where there is none, the same place. */
function skipString(line: Buffer, from: number): number {
  if (line[from] !== 0x22) return from
  for (let at = from + 1; at < line.length; at += 1) {
    if (line[at] === 0x22) return at + 1
    if (line[at] === 0x5c) at += 1
  }
  return line.length
}

/** The place after a value: objects and arrays by counting brackets outside strings, anything else up to a delimiter. */
function skipValue(line: Buffer, from: number): number {
  let depth = 0
  for (let at = from; at < line.length; at += 1) {
    const byte = line[at]
    if (byte === 0x22) at = skipString(line, at) - 1
    else if (byte === 0x7b || byte === 0x5b) depth += 1
    else if (depth > 0 && (byte === 0x7d || byte === 0x5d)) depth -= 1
    else if (depth === 0 && (byte === 0x2c || byte === 0x7d || byte === 0x5d || byte === 0x20)) return at
  }
  return line.length
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
