/** The engine's thread for benchmarks: the product's, with the store asked for and, if asked, a slow disk under it. */
import { workerData } from 'node:worker_threads'
import { type EngineSettings, serve } from '../src/engine-worker.ts'
import type { Store } from '../src/ports.ts'
import { openStore } from '../src/store/index.ts'
import { floorStore } from './floor-store.ts'

const { settings, store, slowMs } = workerData as {
  settings: EngineSettings
  store: 'sqlite' | 'log' | 'count'
  slowMs: number
}
const cell = new Int32Array(new SharedArrayBuffer(4))

serve(settings, undefined, options => slowed(store === 'sqlite' ? openStore(options) : floorStore(store, options.dir)))

/** Adds the same delay to the one sync of each commit, whatever the store. */
function slowed(store: Store): Store {
  if (slowMs === 0) return store
  const take = store.take.bind(store)
  store.take = batch => {
    take(batch)
    if (batch.length > 0) Atomics.wait(cell, 0, 0, slowMs)
  }
  return store
}
