/**
 * The main thread's end of the engine: asks by number, a deadline, and a new engine when one dies.
 *
 * Arrivals are cloned to the engine, never transferred, so that the main thread still has them when the engine does not
 * come back (a stack overflow, an endless loop, no memory). Who asked hears `EngineLost` and decides.
 */
import { Worker } from 'node:worker_threads'
import type { Environment } from './environment.ts'
import { GatewayError, type KnownCode } from './errors.ts'
import { limits } from './limits.ts'
import { describe, type Log } from './log.ts'
import type { Ask, Directory } from './ports.ts'
import type { Ms } from './records.ts'

/** What the engine posts: first `ready`, then an answer to each ask, a new directory when it changed, or its end. */
export type Post = Readonly<
  | { post: 'ready'; directory: Directory; authKey: Uint8Array; notes: readonly string[] }
  | { post: 'answer'; id: number; ok: unknown }
  | { post: 'failed'; id: number; code: KnownCode; at: string }
  | { post: 'directory'; directory: Directory }
  | { post: 'fatal'; code: KnownCode; at: string }
>

/** The engine died or overran its deadline while this was asked. */
export class EngineLost extends Error {
  constructor() {
    super('E_ENGINE: the engine was lost')
    this.name = 'EngineLost'
  }
}

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void; cancel: () => void }

export type EngineThreadOptions = Readonly<{
  /** The worker's file and what it is started with. */
  entry: URL
  data: unknown
  environment: Environment
  log: Log
  deadlineMs?: Ms
  /** The engine cannot go on (disk, keys): the process must end with this error's exit code. */
  onFatal: (error: GatewayError) => void
}>

/** An engine that cannot start this often in a row is given up. */
const fruitlessStarts = 5

export class EngineThread {
  readonly #options: EngineThreadOptions
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | null = null
  #ready: Promise<void> = Promise.resolve()
  #id = 0
  #stopping = false
  #fruitless = 0
  #directory: Directory | null = null
  #authKey: Uint8Array = new Uint8Array()
  /** How often an engine was lost since the start. */
  lost = 0
  /** What the engine had to say at its last start, for the log. */
  notes: readonly string[] = []

  constructor(options: EngineThreadOptions) {
    this.#options = options
  }

  /** Starts the engine. Rejects with the GatewayError that kept it from starting. */
  start(): Promise<void> {
    this.#ready = this.#spawn()
    return this.#ready
  }

  directory(): Directory {
    if (!this.#directory) throw new GatewayError('E_INTERNAL', 'directory before ready')
    return this.#directory
  }

  /** The `auth` half of the box key, the only key material on this thread. */
  authKey(): Uint8Array {
    return this.#authKey
  }

  /** Asks the engine. Rejects with EngineLost when it dies or takes longer than its deadline (and `moreMs`). */
  async ask<T>(ask: Ask, moreMs: Ms = 0): Promise<T> {
    await this.#ready
    const worker = this.#worker
    if (!worker) throw new EngineLost()
    return new Promise<T>((resolve, reject) => {
      const id = ++this.#id
      const deadlineMs = (this.#options.deadlineMs ?? limits.engineDeadlineMs) + moreMs
      const cancel = this.#options.environment.after(deadlineMs, () => {
        this.#options.log.error('the engine overran its deadline and is replaced', { ask: ask.ask })
        void worker.terminate()
      })
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, cancel })
      worker.postMessage({ id, ask })
    })
  }

  async stop(): Promise<void> {
    this.#stopping = true
    if (!this.#worker) return
    await this.ask({ ask: 'stop' }).catch(() => {})
    await this.#worker?.terminate()
  }

  #spawn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(this.#options.entry, {
        workerData: this.#options.data,
        resourceLimits: { maxOldGenerationSizeMb: 1024 },
      })
      this.#worker = worker
      let fatal: GatewayError | null = null
      let started = false
      worker.on('message', (post: Post) => {
        if (post.post === 'ready') {
          this.#directory = post.directory
          this.#authKey = post.authKey
          this.notes = post.notes
          started = true
          this.#fruitless = 0
          resolve()
        } else if (post.post === 'fatal') {
          fatal = new GatewayError(post.code, post.at)
        } else if (post.post === 'directory') {
          this.#directory = post.directory
        } else {
          this.#settle(post)
        }
      })
      worker.on('error', error => this.#options.log.error('the engine failed', describe(error)))
      worker.on('exit', () => {
        this.#abandon()
        if (fatal) {
          reject(fatal)
          if (started && !this.#stopping) this.#options.onFatal(fatal)
          return
        }
        reject(new EngineLost())
        if (!this.#stopping) this.#respawn()
      })
    })
  }

  #settle(post: Extract<Post, { post: 'answer' | 'failed' }>): void {
    const waiting = this.#waiting.get(post.id)
    if (!waiting) return
    this.#waiting.delete(post.id)
    waiting.cancel()
    if (post.post === 'answer') waiting.resolve(post.ok)
    else waiting.reject(new GatewayError(post.code, post.at))
  }

  #abandon(): void {
    this.#worker = null
    for (const waiting of this.#waiting.values()) {
      waiting.cancel()
      waiting.reject(new EngineLost())
    }
    this.#waiting.clear()
  }

  #respawn(): void {
    this.lost += 1
    this.#fruitless += 1
    if (this.#fruitless > fruitlessStarts) {
      this.#options.onFatal(new GatewayError('E_INTERNAL', 'engine'))
      return
    }
    this.#options.log.warn('the engine is started again', { lost: this.lost })
    this.#ready = this.#spawn()
    this.#ready.catch(error => {
      if (error instanceof GatewayError) this.#options.onFatal(error)
    })
  }
}
