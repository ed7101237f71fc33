/**
 * zstd for kafkajs, which brings gzip only (docs/decisions/018-compression.md). Importing this file makes every client of
 * the process able to write and to read it.
 */
import { promisify } from 'node:util'
import { constants, zstdCompressSync, zstdDecompress } from 'node:zlib'
import kafkajs, { type CompressionTypes } from 'kafkajs'
import { KiB } from '../../limits.ts'

/** How batches travel: `zstd`, or `none` for clusters that do not take it. */
export type Compression = 'zstd' | 'none'

/** The client's number of each. */
export const codecs: Readonly<Record<Compression, CompressionTypes>> = {
  zstd: kafkajs.CompressionTypes.ZSTD,
  none: kafkajs.CompressionTypes.None,
}

const decompress = promisify(zstdDecompress)

/** Each compression keeps one piece of this size until V8 collects its old generation. */
const chunkSize = 16 * KiB
const fastest = { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 1 } }

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  /**
   * Here and not in the thread pool: a batch takes 1 to 2 ms, and the asynchronous form keeps each input until V8 collects
   * its old generation, which it does at 64 MiB of them (bench/outage.ts grew by 112 MiB).
   */
  compress: async ({ buffer }: { buffer: Buffer }) => zstdCompressSync(buffer, fastest),
  decompress: (buffer: Buffer) => decompress(buffer),
})
