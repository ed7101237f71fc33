/**
 * `--import` this before the command: each thread writes what its heap holds after a collection, a JSON line every
 * HEAP_EVERY_MS into the file HEAP_FILE. Collections are forced at those times only, so that in between the process grows as
 * it would.
 */
import { appendFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { threadId } from 'node:worker_threads'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

setInterval(() => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  appendFileSync(process.env.HEAP_FILE, `${JSON.stringify({ at: Date.now(), threadId, heapUsed, external })}\n`)
}, Number(process.env.HEAP_EVERY_MS)).unref()
