/**
 * The engine's thread with the shipped translators, and two ways to go wrong. A message with `poison` in it stops the
 * thread in the middle of its batch. With CRASH_ENGINE=early the store answers before it writes, which no harness that
 * kills a process may miss.
 */
import { workerData } from 'node:worker_threads'
import { translators } from '../../adapters/translators.ts'
import { type EngineSettings, serve, type Translators } from '../../src/engine-worker.ts'
import type { Taken, Translator } from '../../src/ports.ts'
import { openStore } from '../../src/store/index.ts'

export const poison = 'strychnine'
const earlyMs = 300

const deadly = (translator: Translator): Translator => ({
  outline: arrival => translator.outline(arrival),
  translate(arrival, directory) {
    if (Buffer.from(arrival.bytes).includes(poison)) process.exit(1)
    return translator.translate(arrival, directory)
  },
})

/** A store that breaks promise 1: it says yes, and writes a moment later. */
const openEarly: typeof openStore = options => {
  const store = openStore(options)
  const take = store.take.bind(store)
  let waiting: Taken[] = []
  store.take = batch => {
    if (waiting.length === 0) setTimeout(() => take(waiting.splice(0)), earlyMs)
    waiting = [...waiting, ...batch]
  }
  return store
}

const all: Translators = {
  hl7v2: deadly(translators.hl7v2),
  measurement: deadly(translators.measurement),
  fhir: deadly(translators.fhir),
}

if (workerData?.crash) {
  serve(workerData.crash as EngineSettings, all, process.env.CRASH_ENGINE === 'early' ? openEarly : openStore)
}
