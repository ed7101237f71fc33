/**
 * The MLLP listeners: connections in and who they are of; what comes over them is for exchange.ts.
 */
import type { Socket } from 'node:net'
import type { Environment } from '../../src/environment.ts'
import { limits } from '../../src/limits.ts'
import type { Fields, Log } from '../../src/log.ts'
import type { Intake, Source } from '../../src/ports.ts'
import type { Code, Ms } from '../../src/records.ts'
import { Connections } from './connections.ts'
import { Exchange } from './exchange.ts'
import { Listener, type ListenerSettings } from './listener.ts'
import { type Peer, senderFinder } from './sender.ts'
import { type Reply, Session } from './session.ts'

const name = 'mllp'

/** The settings `sources.mllp`: its first listener, named as the source, and what holds for all of them. */
export type MllpSettings = ListenerSettings &
  Readonly<{
    /** Most bytes of one message; a larger one is counted and its connection closed without an answer. */
    maxFrame: number
    idleTimeout: Ms
    maxConnections: number
    /** Further listeners. */
    listeners?: readonly (ListenerSettings & Readonly<{ name: string }>)[]
  }>

/**
 * The MLLP source. `start` rejects with GatewayError E_PORT_BUSY, or E_CONFIG where an address cannot be bound or a file of
 * TLS cannot be used.
 */
export function mllpSource(
  settings: MllpSettings,
  { intake, environment, log }: Readonly<{ intake: Intake; environment: Environment; log: Log }>,
): Source {
  const senderOf = senderFinder()
  const budget = new Budget(limits.mllpHalfFrameBytes)
  // their own, so that no stranger can push out the half frame of a sender
  const strangers = new Budget(limits.mllpHalfFrameBytes)
  const connections = new Connections(settings.maxConnections)
  /** What was logged of addresses that do not get in. */
  const noted = new Set<string>()
  const exchange = new Exchange(name, { intake, environment })
  const listeners = [
    listenerOf(name, 'sources.mllp', settings),
    ...(settings.listeners ?? []).map((one, i) => listenerOf(one.name, `sources.mllp.listeners[${i}]`, one)),
  ]

  function listenerOf(listener: string, at: string, settings: ListenerSettings): Listener {
    return new Listener({
      ...{ name: listener, at, settings, connections, environment, log },
      welcome: (socket, certificate) =>
        converse(socket, { listener, address: socket.remoteAddress ?? '', certificate }),
      refused: (code, address, cause) => turnedAway(code, { listener, address, ...(cause && { cause }) }),
    })
  }

  function converse(socket: Socket, peer: Peer): void {
    const sender = senderOf(intake.directory(), peer)
    if (!sender) noteStranger(peer)
    const session = new Session({
      socket,
      framing: { maxFrame: settings.maxFrame, endWithoutCr: sender?.endWithoutCr ?? false },
      idleTimeout: sender ? settings.idleTimeout : Math.min(settings.idleTimeout, limits.mllpStrangerMs),
      environment,
      log,
      who: { source: name, sender: sender?.name ?? null },
      serve: (bytes, wanted) => serve(bytes, peer, wanted),
      refused: code => intake.refused(name, code),
      holds: (holder, bytes) => (sender ? budget : strangers).set(holder, bytes),
    })
    connections.add(peer.address, session)
  }

  /** Judged again for every message, also of a batch: a new revision of the directory counts at once. */
  function serve(bytes: Uint8Array<ArrayBuffer>, peer: Peer, wanted: () => boolean): Promise<Reply> {
    const sender = senderOf(intake.directory(), peer)
    const isStill = () => senderOf(intake.directory(), peer)?.name === sender?.name
    return exchange.take(bytes, sender, () => wanted() && isStill())
  }

  function turnedAway(code: Code, facts: Fields): void {
    intake.refused(name, code)
    note('refused on the wire', { ...facts, code })
  }

  /** The pin of its key is what a new profile needs. */
  function noteStranger({ listener, address, certificate }: Peer): void {
    note('unknown sender', { listener, address, ...(certificate && { certificate: certificate.pin }) })
  }

  /** Once each, and not for ever new ones: strangers must not fill the disk. */
  function note(message: string, facts: Fields): void {
    const key = `${message} ${Object.values(facts).join(' ')}`
    if (noted.has(key) || noted.size >= limits.mllpStrangers) return
    noted.add(key)
    log.warn(message, { source: name, ...facts })
  }

  return {
    name,
    async start() {
      for (const listener of listeners) await listener.start()
      return listeners[0]!.view().address
    },
    listeners: () => listeners.map(listener => listener.view()),
    renew() {
      const steps = listeners.map(listener => listener.renew())
      return () => {
        for (const step of steps) step()
      }
    },
    async stop() {
      const freed = listeners.map(listener => listener.stop())
      for (const guest of connections.all()) guest.stop()
      await Promise.all(freed)
    },
  }
}

/** One byte budget over connections: when their half frames pass it, the connection that holds most is dropped. */
class Budget {
  readonly #limit: number
  readonly #held = new Map<Session, number>()
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `session` holds so many bytes now. */
  set(session: Session, bytes: number): void {
    this.#note(session, bytes)
    const largest = this.#total > this.#limit ? this.#largest() : undefined
    if (!largest) return
    this.#note(largest, 0)
    largest.drop('E_BUSY')
  }

  #note(session: Session, bytes: number): void {
    this.#total += bytes - (this.#held.get(session) ?? 0)
    if (bytes > 0) this.#held.set(session, bytes)
    else this.#held.delete(session)
  }

  #largest(): Session | undefined {
    let largest: Session | undefined
    for (const [session, bytes] of this.#held) {
      if (!largest || bytes > (this.#held.get(largest) ?? 0)) largest = session
    }
    return largest
  }
}
