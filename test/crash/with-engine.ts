/** `--import` this before the command: the gateway is the real one, but its engine's thread starts at engine-entry.ts. */
import { syncBuiltinESMExports } from 'node:module'
import threads, { isMainThread, type WorkerOptions } from 'node:worker_threads'

const Worker = threads.Worker

if (isMainThread) {
  threads.Worker = class extends Worker {
    constructor(_entry: URL, options: WorkerOptions) {
      const { settings } = options.workerData as { settings: unknown }
      super(new URL('./engine-entry.ts', import.meta.url), { ...options, workerData: { crash: settings } })
    }
  }
  syncBuiltinESMExports()
}
