/**
 * One MLLP connection: one message at a time. While a message is on its way the socket is not read, so that TCP holds
 * the sender back; its answer has left before the next message begins, so that answers come in order.
 */
import type { Socket } from 'node:net'
import type { Environment } from '../../src/environment.ts'
import { limits } from '../../src/limits.ts'
import { describe, type Fields, type Log } from '../../src/log.ts'
import type { Code, Ms } from '../../src/records.ts'
import { type FrameEvent, Framer, type FramerOptions } from './frame.ts'

/**
 * What goes back for a message: the framed answers, no bytes where it asks for none; the `last` one hangs up. Null
 * (`later`): no answer; hang up after a pause, because the sender will come back at once with the same message.
 */
export type Reply = Readonly<{ bytes: Uint8Array; last: boolean }> | null

export type SessionParts = Readonly<{
  socket: Socket
  framing: FramerOptions
  idleTimeout: Ms
  environment: Environment
  log: Log
  /** Whose connection it is, for the log. */
  who: Fields
  /**
   * Takes one message, or a batch of them, to its answer. `wanted` is false as soon as nobody will hear the answer (the
   * connection is gone) or nothing more may begin (the listener stops): a batch is then left where it is.
   */
  serve(message: Uint8Array<ArrayBuffer>, wanted: () => boolean): Promise<Reply>
  /** Counts what went wrong on the wire. */
  refused(code: Code): void
  /** Told after every chunk how much memory the half frame takes; 0 at the end. */
  holds(session: Session, bytes: number): void
}>

type State = 'reading' | 'serving' | 'stopping' | 'pausing' | 'closing'

const codes = {
  empty: 'E_FRAME_EMPTY',
  broken: 'E_FRAME_BROKEN',
  noise: 'E_FRAME_NOISE',
  tooLarge: 'E_FRAME_TOO_LARGE',
} as const satisfies Record<string, Code>

export class Session {
  readonly #parts: SessionParts
  readonly #socket: Socket
  readonly #framer: Framer
  readonly #logged = new Set<Code>()
  #state: State = 'reading'
  #lastAt: Ms
  /** The messages of the last chunk are not all answered. */
  #working = false
  #peerDone = false
  #cancelTimer: () => void = () => {}

  /** Resolves when the connection is gone. Never rejects. */
  readonly closed: Promise<void>

  /** Begins to read at once. The socket must allow half-open, so that a sender may hang up before it reads its answer. */
  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#socket = parts.socket
    this.#framer = new Framer(parts.framing)
    this.#lastAt = parts.environment.monotonic()
    this.closed = new Promise(resolve => this.#socket.once('close', () => resolve(this.#gone())))
    this.#socket.on('error', error => parts.log.info('connection failed', { ...parts.who, ...describe(error) }))
    this.#socket.on('data', chunk => this.#received(chunk as Buffer))
    this.#socket.on('end', () => this.#peerEnded())
    this.#watch(parts.idleTimeout)
  }

  /** Since when nothing came and nothing could be written, on the monotonic clock; null while a message is on its way. */
  get idleSince(): Ms | null {
    return this.#isServing() ? null : this.#lastAt
  }

  /** Reads nothing more, answers the message that is on its way, and hangs up. */
  stop(): void {
    if (this.#isServing()) this.#state = 'stopping'
    else this.#hangUp()
  }

  /** Drops the connection at once, counted under `code`. */
  drop(code: Code): void {
    if (this.#socket.destroyed) return
    this.#count(code)
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    if (this.#state !== 'reading') return
    this.#touch()
    const events = this.#framer.push(chunk)
    this.#parts.holds(this, this.#framer.held)
    if (events.length > 0 && !this.#socket.destroyed) void this.#work(events)
  }

  async #work(events: readonly FrameEvent[]): Promise<void> {
    this.#working = true
    this.#socket.pause()
    try {
      for (const event of events) {
        if (event.kind === 'frame') await this.#serve(event.bytes)
        else this.#count(codes[event.kind])
        if (event.kind === 'tooLarge') this.#hangUp()
        if (this.#state !== 'reading') return
      }
      this.#working = false
      if (this.#peerDone) this.#ended()
      else this.#socket.resume()
    } catch (error) {
      this.#parts.log.error('connection dropped', { ...this.#parts.who, ...describe(error) })
      this.drop('E_INTERNAL')
    }
  }

  async #serve(message: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#state = 'serving'
    const reply = await this.#parts.serve(message, () => this.#is('serving'))
    if (!this.#isServing()) return
    const stopping = this.#is('stopping')
    this.#state = 'reading'
    this.#touch()
    if (!reply) return stopping ? this.#hangUp() : this.#pause()
    const written = this.#write(reply.bytes)
    if (stopping || reply.last) return this.#hangUp()
    await written
  }

  #is(state: State): boolean {
    return this.#state === state
  }

  /** A message is on its way. */
  #isServing(): boolean {
    return this.#is('serving') || this.#is('stopping')
  }

  /** Resolves when the kernel has taken the bytes, or the connection is gone. */
  #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return Promise.resolve()
    return new Promise(resolve => this.#socket.write(bytes, () => resolve()))
  }

  /** The sender has said everything; a paused socket tells so too, and what was sent before is answered first. */
  #peerEnded(): void {
    this.#peerDone = true
    if (!this.#working) this.#ended()
  }

  #ended(): void {
    if (this.#is('closing')) return
    if (this.#framer.inside) this.#count('E_FRAME_BROKEN')
    this.stop()
  }

  #pause(): void {
    this.#state = 'pausing'
    this.#after(limits.mllpLaterMs, () => this.#hangUp())
  }

  /** Says goodbye and throws away what still comes: closing on unread bytes would take our last answer with it. */
  #hangUp(): void {
    if (this.#state === 'closing') return
    this.#state = 'closing'
    this.#socket.end()
    this.#socket.resume()
    this.#after(limits.mllpLingerMs, () => this.#socket.destroy())
  }

  #touch(): void {
    this.#lastAt = this.#parts.environment.monotonic()
  }

  /** Hangs up when nothing came and nothing could be written for the idle timeout; a message on its way is waited for. */
  #watch(ms: Ms): void {
    this.#after(ms, () => {
      const quiet = this.#parts.environment.monotonic() - this.#lastAt
      const { idleTimeout } = this.#parts
      if (this.#isServing()) this.#watch(idleTimeout)
      else if (quiet < idleTimeout) this.#watch(idleTimeout - quiet)
      else this.#ended()
    })
  }

  #after(ms: Ms, then: () => void): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#parts.environment.after(ms, then)
  }

  /** Counts every time, logs once a connection: a bad sender must not fill the disk. */
  #count(code: Code): void {
    this.#parts.refused(code)
    if (this.#logged.has(code)) return
    this.#logged.add(code)
    this.#parts.log.warn('refused on the wire', { ...this.#parts.who, code })
  }

  #gone(): void {
    this.#state = 'closing'
    this.#cancelTimer()
    this.#parts.holds(this, 0)
  }
}
