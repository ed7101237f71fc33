/**
 * A worker that speaks the engine's protocol without a database: `KILL` stops it, `LOST ONCE` only the first of its kind in
 * this process, `HANG` never ends, `FATAL` is fatal, and a batch with `SLOW` in it is answered one message at a time.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Ask } from '../../src/ports.ts'
import type { Verdict } from '../../src/records.ts'

const port = parentPort
if (!port) throw new Error('a worker')
const batches: string[][] = []
/** Shared with the engines that come after this one. */
const lostOnce = new Int32Array(workerData.lostOnce as SharedArrayBuffer)

port.on('message', ({ id, ask }: { id: number; ask: Ask }) => {
  if (ask.ask === 'take') {
    const texts = ask.arrivals.map(arrival => Buffer.from(arrival.bytes).toString())
    if (texts.includes('KILL')) process.exit(1)
    if (texts.includes('HANG')) for (;;);
    if (texts.includes('FATAL')) {
      port.postMessage({ post: 'fatal', code: 'E_DISK', at: 'commit' })
      port.close()
      return
    }
    if (texts.includes('LOST ONCE') && Atomics.add(lostOnce, 0, 1) === 0) process.exit(1)
    const judged = texts.some(text => text.startsWith('SLOW')) ? texts.slice(0, 1) : texts
    batches.push(judged)
    const verdicts = judged.map((): Verdict => ({ kind: 'kept', issues: [], receipt: '' }))
    return void setTimeout(() => port.postMessage({ post: 'answer', id, ok: verdicts }), 5)
  }
  if (ask.ask === 'hold') {
    const verdict: Verdict = { kind: 'held', issues: [{ code: 'E_KILLER', at: '' }], receipt: '' }
    return port.postMessage({ post: 'answer', id, ok: verdict })
  }
  port.postMessage({ post: 'answer', id, ok: ask.ask === 'status' ? batches : null })
  if (ask.ask === 'stop') port.close()
})
port.postMessage({
  post: 'ready',
  directory: { revision: 1, anySender: null, senders: [], devices: new Map(), clients: new Map() },
  authKey: new Uint8Array(32),
  notes: [],
})
