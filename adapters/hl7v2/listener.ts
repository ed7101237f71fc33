/** One listener of the MLLP source: an address, with TLS or without, and which of those who come to it may stay. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Environment } from '../../src/environment.ts'
import { type ListenerView, listen } from '../../src/listen.ts'
import { describe, type Log } from '../../src/log.ts'
import type { Code, Ms } from '../../src/records.ts'
import type { Shown } from './certificates.ts'
import type { Connections } from './connections.ts'
import { TlsDoor, type TlsSettings } from './tls.ts'

export type ListenerSettings = Readonly<{
  /** Address to bind. */
  host: string
  /** 0: any free port. */
  port: number
  tls?: TlsSettings
  /** Why there is no TLS off loopback. */
  plaintext?: string
}>

export type ListenerParts = Readonly<{
  name: string
  /** The setting's name, for errors. */
  at: string
  settings: ListenerSettings
  /** Those of all listeners. */
  connections: Connections
  environment: Environment
  log: Log
  /** A connection is there, and secure where it must be. */
  welcome(socket: Socket, certificate: Shown | null): void
  /** One was turned away before that. */
  refused(code: Code, address: string, cause: string | null): void
}>

export class Listener {
  readonly #parts: ListenerParts
  readonly #server: Server
  #address = ''
  #door: TlsDoor | null = null

  constructor(parts: ListenerParts) {
    this.#parts = parts
    this.#server = createServer({ allowHalfOpen: true, keepAlive: true, noDelay: true }, socket =>
      this.#receive(socket),
    )
  }

  /** Rejects with GatewayError E_PORT_BUSY, or E_CONFIG at the address or file that cannot be used. */
  async start(): Promise<void> {
    const { name, at, settings, environment, refused, log } = this.#parts
    const { host, port, tls, plaintext } = settings
    this.#door = tls ? new TlsDoor({ settings: tls, at: `${at}.tls`, environment, refused }) : null
    this.#address = await listen(this.#server, host, port, at)
    this.#server.on('error', error => log.error('listener failed', { listener: name, ...describe(error) }))
    if (plaintext) log.warn('listens without TLS', { listener: name, address: this.#address, reason: plaintext })
  }

  view(): ListenerView {
    const { name, settings } = this.#parts
    const until: Ms | null = this.#door?.until ?? null
    return { name, address: this.#address, until, plaintext: settings.plaintext ?? null }
  }

  /** See `Source.renew`. */
  renew(): () => void {
    return this.#door?.renew() ?? (() => {})
  }

  /** Takes no more connections; resolves when the last one is gone. */
  stop(): Promise<void> {
    return new Promise(resolve => this.#server.close(() => resolve()))
  }

  /** Whether it may stay is asked before its handshake, which is work, and not again after it. */
  #receive(socket: Socket): void {
    const { connections, welcome, refused } = this.#parts
    const address = socket.remoteAddress ?? ''
    if (!connections.admits(address)) {
      refused('E_BUSY', address, null)
      socket.destroy()
    } else if (this.#door) connections.add(address, this.#door.receive(socket, welcome))
    else welcome(socket, null)
  }
}
