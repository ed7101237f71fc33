/**
 * One socket of a tracker: bytes ⇄ packets, deadlines, back pressure and the end. What the packets mean is the session's.
 */
import type { Socket } from 'node:net'
import type { Environment } from '../../src/environment.ts'
import { GatewayError } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import { describe, type Log } from '../../src/log.ts'
import type { Code, Ms } from '../../src/records.ts'
import type { Budget } from './budget.ts'
import { Framer } from './framing.ts'

export type ConnectionParts = Readonly<{
  socket: Socket
  environment: Environment
  log: Log
  budget: Budget
  /** Counts what went wrong on the wire. */
  refused(code: Code): void
  /** Handles one whole packet. A GatewayError that it throws ends the connection with that code. */
  packet(bytes: Buffer): void
  /** Our last word before the end for this reason; null: there is none to say. */
  lastWord(code: Code): Buffer | null
}>

export class Connection {
  readonly #parts: ConnectionParts
  readonly #socket: Socket
  readonly #framer = new Framer(limits.mqttConnectBytes)
  #state: 'reading' | 'paused' | 'closing' = 'reading'
  #lastAt: Ms
  #cancelDeadline: () => void
  #cancelPacket: (() => void) | null = null

  /** Resolves when the socket is gone. Never rejects. */
  readonly closed: Promise<void>
  /** Where it comes from. */
  readonly address: string

  /** Begins to read at once; the CONNECT must come within `limits.mqttConnectMs`. */
  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.#socket = parts.socket
    this.address = parts.socket.remoteAddress ?? ''
    this.#lastAt = parts.environment.monotonic()
    this.#cancelDeadline = parts.environment.after(limits.mqttConnectMs, () => this.drop('E_MQTT_KEEP_ALIVE'))
    this.closed = new Promise(resolve => this.#socket.once('close', () => resolve(this.#gone())))
    this.#socket.on('error', error => parts.log.info('connection failed', { source: 'mqtt', ...describe(error) }))
    this.#socket.on('data', chunk => this.#received(chunk as Buffer))
  }

  get isOpen(): boolean {
    return this.#state !== 'closing'
  }

  /** From now on packets may be as large as `maxPacket`; silence ends after one and a half `keepAlive`, 0 = never. */
  admit(maxPacket: number, keepAlive: Ms): void {
    this.#framer.limit = maxPacket
    this.#cancelDeadline()
    if (keepAlive > 0) this.#watch(keepAlive * 1.5, keepAlive * 1.5)
  }

  /** A peer that does not read its answers is dropped. */
  write(bytes: Buffer): void {
    if (!this.isOpen) return
    this.#socket.write(bytes)
    if (this.#socket.writableLength > limits.mqttUnreadBytes) this.drop('E_BUSY')
  }

  /** Back pressure: TCP holds the peer back until `resume`. */
  pause(): void {
    if (this.#state !== 'reading') return
    this.#state = 'paused'
    this.#socket.pause()
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'reading'
    this.#lastAt = this.#parts.environment.monotonic()
    this.#socket.resume()
  }

  /** Counts the reason, says the last word and hangs up. */
  end(code: Code): void {
    if (!this.isOpen) return
    this.#parts.refused(code)
    const word = this.#parts.lastWord(code)
    if (word) this.#socket.write(word)
    this.hangUp()
  }

  /**
   * Leaves the peer unread for a while, because it will come back at once with the same; then says the last word for a
   * reason, which is counted now, or none, and hangs up.
   */
  endLater(code?: Code): void {
    if (!this.isOpen) return
    if (code) this.#parts.refused(code)
    const word = code ? this.#parts.lastWord(code) : null
    this.#close()
    this.#socket.pause()
    this.#cancelDeadline = this.#parts.environment.after(limits.mqttLaterMs, () => {
      if (word) this.#socket.write(word)
      this.#leave()
    })
  }

  /** Everything said so far still reaches the peer; what it says from now on is thrown away. */
  hangUp(): void {
    if (!this.isOpen) return
    this.#close()
    this.#leave()
  }

  /** Ends it at once, without a word; one that is ending does not linger any more. */
  drop(code: Code): void {
    if (this.isOpen) {
      this.#parts.refused(code)
      this.#close()
    }
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    if (!this.isOpen) return
    try {
      const whole = this.#read(chunk)
      if (this.isOpen) this.#half(whole > 0)
    } catch (error) {
      if (error instanceof GatewayError) this.end(error.code)
      else this.#failed(error)
    }
  }

  /** Handles the packets that the chunk completes; returns how many they were. */
  #read(chunk: Buffer): number {
    let whole = 0
    for (const packet of this.#framer.push(chunk)) {
      whole += 1
      this.#lastAt = this.#parts.environment.monotonic()
      this.#parts.packet(packet)
      if (!this.isOpen) break
    }
    return whole
  }

  #failed(error: unknown): void {
    this.#parts.log.error('connection dropped', { source: 'mqtt', ...describe(error) })
    this.drop('E_INTERNAL')
  }

  /** Keep-alive (MQTT 5 §3.1.2.10): whole packets count. While we do not read, the silence is ours. */
  #watch(limit: Ms, ms: Ms): void {
    this.#cancelDeadline = this.#parts.environment.after(ms, () => {
      const quiet = this.#state === 'paused' ? 0 : this.#parts.environment.monotonic() - this.#lastAt
      if (quiet < limit) this.#watch(limit, limit - quiet)
      else this.end('E_MQTT_KEEP_ALIVE')
    })
  }

  /** Half a packet is in memory, or not: it counts to the budget and must be whole in time. */
  #half(another: boolean): void {
    const { held } = this.#framer
    this.#parts.budget.set(this, held)
    if (another || held === 0) this.#forgetPacket()
    if (held === 0 || !this.isOpen) return
    this.#cancelPacket ??= this.#parts.environment.after(limits.mqttPacketMs, () => this.#late())
  }

  /** Half a packet for too long, unless it is we who do not read. */
  #late(): void {
    this.#cancelPacket = null
    if (this.#state === 'paused') this.#half(false)
    else this.drop('E_MQTT_KEEP_ALIVE')
  }

  #forgetPacket(): void {
    this.#cancelPacket?.()
    this.#cancelPacket = null
  }

  /** Reads on until the peer hangs up: closing on unread bytes would take our last answers with it. */
  #leave(): void {
    this.#socket.end()
    this.#socket.resume()
    this.#cancelDeadline = this.#parts.environment.after(limits.mqttLingerMs, () => this.#socket.destroy())
  }

  #close(): void {
    this.#state = 'closing'
    this.#cancelDeadline()
    this.#forgetPacket()
    this.#parts.budget.set(this, 0)
  }

  #gone(): void {
    if (this.isOpen) this.#close()
    this.#cancelDeadline()
  }
}
