/**
 * What compressing saves and costs, on records as they leave the box: bytes of a batch, CPU per row, and what the bytes mean
 * on a slow line. Records of laboratory messages and tracker readings of 50 patients, and of the messages of other systems
 * where CLINIC_GATEWAY_CORPUS names them.
 *
 *   node bench/compression.ts [--messages 1000] [--rounds 5]
 *
 * Prints a table and one JSON line. `us`: microseconds of CPU a row, median; `hours`: 100,000 rows over 64 kbit/s.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Arrival, Sealed } from '../src/records.ts'
import { type Bench, hl7Arrival, openEngine, oruArrival, readingArrival, recordsOf } from './engine.ts'

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '1000' }, rounds: { type: 'string', default: '5' } },
})
const [messages, rounds] = [Number(values.messages), Number(values.rounds)]
const patients = 50
const corpus = join(process.env.CLINIC_GATEWAY_CORPUS ?? '../shared/data', 'hl7-corpus')

const zstd = (level: number) => (bytes: Buffer) =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level } })

/** The client's own gzip has zlib's default level. */
const codecs: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  none: bytes => bytes,
  'zstd 1': zstd(1),
  'zstd 3': zstd(3),
  gzip: bytes => gzipSync(bytes),
}

type Row = Readonly<{ records: string; batch: number; codec: string; bytes: number; us: number; hours: number }>

const folder = mkdtempSync(join(tmpdir(), 'cg-compression-'))
const results: Row[] = []
try {
  await compare('laboratory', bench =>
    recordsOf(
      bench,
      numbered(n => oruArrival(n, patients)),
    ),
  )
  await compare('trackers', bench =>
    recordsOf(
      bench,
      numbered(n => readingArrival(n, patients)),
    ),
  )
  if (existsSync(corpus)) await compare('corpus', bench => recordsOf(bench, corpusArrivals()))
  else process.stdout.write('corpus: skipped, CLINIC_GATEWAY_CORPUS names no folder with hl7-corpus\n')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`${JSON.stringify({ bench: 'compression', load: loadavg()[0], rounds, results })}\n`)

async function compare(name: string, make: (bench: Bench) => readonly Sealed[]): Promise<void> {
  const bench = openEngine(join(folder, name), patients)
  const records = make(bench).filter(({ lane }) => lane === 'data')
  bench.close()
  process.stdout.write(`${name}: ${records.length} records\n`)
  for (const batch of [1, 10, 500]) {
    const batches = batchesOf(records, batch)
    const none = sizeOf(batches)
    for (const [codec, compress] of Object.entries(codecs)) {
      const packed = batches.map(compress)
      const rows = batches.length * batch
      const bytes = Math.round(sizeOf(packed) / rows)
      const us = codec === 'none' ? 0 : tenth(cpuOf(() => batches.forEach(compress)) / rows)
      const hours = tenth((100_000 * bytes) / (64_000 / 8) / 3600)
      results.push({ records: name, batch, codec, bytes, us, hours })
      const ratio = (none / sizeOf(packed)).toFixed(1)
      process.stdout.write(
        `  ${`${batch} rows`.padEnd(9)} ${codec.padEnd(7)} ${bytes} bytes a row, ${ratio}x, ${us} us, ${hours} h\n`,
      )
    }
  }
}

/** Whole batches of the records in their order, encoded by the client as a request would hold them. */
function batchesOf(records: readonly Sealed[], size: number): Buffer[] {
  const count = Math.min(Math.floor(records.length / size), 500)
  return Array.from({ length: count }, (_, i) => encoded(records.slice(i * size, (i + 1) * size)))
}

type Encoder = { buffer: Buffer; writeEncoderArray(parts: readonly Encoder[]): Encoder }

function encoded(records: readonly Sealed[]): Buffer {
  const require = createRequire(import.meta.url)
  const Encoder = require('kafkajs/src/protocol/encoder') as new () => Encoder
  const record = require('kafkajs/src/protocol/recordBatch/record/v0') as (fields: object) => Encoder
  const parts = records.map(({ key, headers, value }, offsetDelta) =>
    record({ offsetDelta, timestampDelta: 0, key, value: value && Buffer.from(value), headers: JSON.parse(headers) }),
  )
  return new Encoder().writeEncoderArray(parts).buffer
}

/** Microseconds of CPU, median of the rounds after one for warming up. */
function cpuOf(work: () => void): number {
  work()
  const times = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return user + system
  })
  return times.toSorted((a, b) => a - b)[rounds >> 1]!
}

function numbered(make: (n: number) => Arrival): Arrival[] {
  return Array.from({ length: messages }, (_, n) => make(n))
}

/** Every message of every file of the corpus. */
function corpusArrivals(): Arrival[] {
  const files = readdirSync(corpus, { recursive: true, withFileTypes: true }).filter(file => file.isFile())
  const texts = files
    .map(file => readFileSync(join(file.parentPath, file.name), 'latin1'))
    .flatMap(text => text.split(/(?<=[\r\n])(?=MSH\|)/))
    .filter(text => text.startsWith('MSH|'))
  return texts.map((text, n) => hl7Arrival(new Uint8Array(Buffer.from(text, 'latin1')), `C${n}`))
}

function sizeOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

function tenth(number: number): number {
  return Math.round(number * 10) / 10
}
