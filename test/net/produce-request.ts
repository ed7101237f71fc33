/** A produce request as it passes a proxy: what is in it, and how to have a broker refuse it. */
import { createRequire } from 'node:module'
import { zstdDecompressSync } from 'node:zlib'

const require = createRequire(import.meta.url)
const crc32c = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number

/** In a record batch of format 2. */
const at = { crc: 17, attributes: 21, records: 61 } as const
const zstd = 4
const controlBatch = 0x20

/** The topic and the `cg-seq` of each record, in order, of a request that carries one batch (Produce v3 to v8). */
export type Produced = Readonly<{ topic: string; seqs: readonly number[] }>

/** Reads the frame of a produce request, the length before it included. */
export function readProduced(frame: Buffer): Produced {
  const { topic, batch } = parts(frame)
  const packed = batch.subarray(at.records)
  const isPacked = (batch.readInt16BE(at.attributes) & 7) === zstd
  const records = (isPacked ? zstdDecompressSync(packed) : packed).toString('latin1')
  // a header is its name, the length of its value (zig-zag), its value
  const found = records.matchAll(/cg-seq(.)(\d+)/gs)
  return { topic, seqs: [...found].map(([, length, digits]) => Number(digits!.slice(0, length!.charCodeAt(0) / 2))) }
}

/** Makes it something that no client may write, so that the broker itself says INVALID_RECORD. */
export function forbid(frame: Buffer): void {
  const { batch } = parts(frame)
  batch.writeInt16BE(batch.readInt16BE(at.attributes) | controlBatch, at.attributes)
  batch.writeUInt32BE(crc32c(batch.subarray(at.attributes)) >>> 0, at.crc)
}

function parts(frame: Buffer): Readonly<{ topic: string; batch: Buffer }> {
  const afterText = (from: number) => from + 2 + Math.max(0, frame.readInt16BE(from))
  const transactionalId = afterText(12)
  const topic = afterText(transactionalId) + 10 // acks, timeout, number of topics
  const partitions = afterText(topic)
  return { topic: frame.toString('utf8', topic + 2, partitions), batch: frame.subarray(partitions + 12) }
}
