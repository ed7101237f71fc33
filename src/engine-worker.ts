/**
 * The engine's thread: a composition root (with main.ts it may import every room). Opens the keys and the store, builds
 * the engine, and answers asks one after the other.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { translators as shipped } from '../adapters/translators.ts'
import { runCommand } from './commands.ts'
import { buildDirectory } from './directory/directory.ts'
import { Engine } from './engine.ts'
import type { Post } from './engine-thread.ts'
import { machine } from './environment.ts'
import { GatewayError, type KnownCode } from './errors.ts'
import { check } from './fhir/check.ts'
import { describe, openLog } from './log.ts'
import type { Ask, Directory, Protector, SenderProfile, Store, Translator } from './ports.ts'
import { authKeyOf, loadKeys, openProtector } from './protect/index.ts'
import type { Arrival } from './records.ts'
import { openStore } from './store/index.ts'

/** What the engine needs to know; plain data, since it crosses threads. */
export type EngineSettings = Readonly<{
  gateway: Readonly<{ id: string; tenant: string; topicPrefix: string }>
  purpose: 'demo' | 'production'
  keys: string
  data: Readonly<{ dir: string; budget: number; freeFloor: number }>
  uplinks: readonly string[]
  /** The uplink that stands by for the first other one. */
  standby?: string | null
  senders: readonly SenderProfile[]
  anySender: SenderProfile | null
  logLevel: string
}>

export type Translators = Readonly<Record<Arrival['format'], Translator>>

/** The engine with everything it stands on. Commands of the command line use it without a thread. */
export class EngineRoom {
  readonly engine: Engine
  readonly store: Store
  readonly protector: Protector
  readonly authKey: Uint8Array
  #settings: EngineSettings
  #directory: Directory

  /** Throws GatewayError E_KEYS, E_DATABASE, E_ALREADY_RUNNING. */
  constructor(settings: EngineSettings, translators: Translators = shipped, open: typeof openStore = openStore) {
    const { gateway, purpose } = settings
    const log = openLog({ level: settings.logLevel })
    const keys = loadKeys(settings.keys)
    this.#settings = settings
    this.protector = openProtector(keys, { ...gateway, gateway: gateway.id, purpose, environment: machine })
    this.authKey = authKeyOf(keys.boxKey)
    this.store = open({
      ...settings.data,
      gateway: gateway.id,
      purpose,
      uplinks: settings.uplinks,
      standby: settings.standby ?? null,
      environment: machine,
    })
    this.#directory = this.#build(1)
    this.engine = new Engine({
      environment: machine,
      log,
      store: this.store,
      protector: this.protector,
      check,
      translators,
      directory: () => this.#directory,
    })
  }

  directory(): Directory {
    return this.#directory
  }

  /** Reads devices and clients again, and takes other sender profiles where they are given; the next message sees them. */
  reload(senders = this.#settings.senders): Directory {
    this.#settings = { ...this.#settings, senders }
    this.#directory = this.#build(this.#directory.revision + 1)
    return this.#directory
  }

  #build(revision: number): Directory {
    const { senders, anySender } = this.#settings
    return buildDirectory(revision, { store: this.store, protector: this.protector, senders, anySender })
  }
}

/** What of an error goes back to the person who asked. */
function failure(error: unknown): { code: KnownCode; at: string } {
  return error instanceof GatewayError
    ? { code: error.code, at: error.at }
    : { code: 'E_INTERNAL', at: String(describe(error).frames ?? '') }
}

/** Serves asks on this thread's port until `stop`. Tests give translators, benchmarks stores of their own. */
export function serve(settings: EngineSettings, translators?: Translators, open?: typeof openStore): void {
  const port = parentPort
  if (!port) throw new GatewayError('E_INTERNAL', 'engine thread')
  const post = (message: Post) => port.postMessage(message)
  const fatal = (error: unknown) => {
    const known =
      error instanceof GatewayError ? error : new GatewayError('E_INTERNAL', String(describe(error).frames ?? ''))
    post({ post: 'fatal', code: known.code, at: known.at })
    port.close()
  }
  let room: EngineRoom
  try {
    room = new EngineRoom(settings, translators, open)
  } catch (error) {
    fatal(error)
    return
  }
  port.on('message', ({ id, ask }: { id: number; ask: Ask }) => {
    try {
      const before = room.directory()
      const ok = answer(room, ask)
      if (room.directory() !== before) post({ post: 'directory', directory: room.directory() })
      post({ post: 'answer', id, ok })
      if (ask.ask === 'stop') port.close()
    } catch (error) {
      // what a person asks for may fail, and a full disk is a bad day: neither must end the engine
      const mild = error instanceof GatewayError && (error.code === 'E_FULL' || error.code === 'E_USAGE')
      if (ask.ask === 'do' || mild) return post({ post: 'failed', id, ...failure(error) })
      fatal(error)
    }
  })
  post({
    post: 'ready',
    directory: room.directory(),
    authKey: room.authKey,
    notes: room.store.newEpoch ? [`E_EPOCH epoch ${room.store.epoch}`] : [],
  })
}

function answer(room: EngineRoom, ask: Ask): unknown {
  const { engine, store } = room
  switch (ask.ask) {
    case 'take':
      return engine.take(ask.arrivals)
    case 'hold':
      return engine.hold(ask.arrival, 'E_KILLER')
    case 'peek':
      return engine.peek(ask.uplink, ask.maxRows, ask.maxBytes, ask.stream)
    case 'settle':
      return store.settle(ask.uplink, ask.outcomes, ask.stream)
    case 'cursor':
      return store.cursor(ask.uplink)
    case 'attach':
      return engine.outgoing.attach(ask.uplink, ask.to)
    case 'leaveBehind':
      return engine.outgoing.leaveBehind(ask.uplink, ask.moreMs)
    case 'follow':
      return store.follow(ask.uplink, ask.of, ask.lagMs)
    case 'activate':
      return engine.outgoing.activate(ask.uplink, ask.who)
    case 'do':
      return runCommand(room, ask.who, ask.command, machine)
    case 'status':
      return store.status()
    case 'reload':
      room.reload(ask.senders)
      return null
    case 'tidy':
      return store.tidy(machine.now(), ask.budgetMs)
    case 'stop':
      return store.close()
  }
}

if (workerData?.serve === true) serve(workerData.settings as EngineSettings)
