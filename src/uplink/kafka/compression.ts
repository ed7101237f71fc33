/**
 * zstd for kafkajs, which brings gzip only (docs/decisions/018-compression.md). Importing this file makes every client of
 * the process able to write and to read it.
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs, { type CompressionTypes } from 'kafkajs'
import { KiB } from '../../limits.ts'

/** How batches travel: `zstd`, or `none` for clusters that do not take it. */
export type Compression = 'zstd' | 'none'

/** The client's number of each. */
export const codecs: Readonly<Record<Compression, CompressionTypes>> = {
  zstd: kafkajs.CompressionTypes.ZSTD,
  none: kafkajs.CompressionTypes.None,
}

const [compress, decompress] = [promisify(zstdCompress), promisify(zstdDecompress)]

/** Most batches come out in one piece: every further one is a trip to the thread pool and back. */
const chunkSize = 128 * KiB
const fastest = { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 1 } }

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => compress(buffer, fastest),
  decompress: (buffer: Buffer) => decompress(buffer, { chunkSize }),
})
