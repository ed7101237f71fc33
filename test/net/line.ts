/** The line that several proxies share: how late and how slowly bytes pass, and whether they pass at all. */
import type { Socket } from 'node:net'

/** Bytes of one turn on a slow line, so that connections share it and a healed line is fast again at once. */
const turnBytes = 1024
/** Above this the sender is not read on. */
const waitingBytes = 128 * 1024

export class Line {
  /** One way, in milliseconds. */
  latencyMs = 0
  /** In each direction; infinite = as fast as it goes. */
  bitsPerSecond = Number.POSITIVE_INFINITY
  /** New connections are taken, and nothing ever passes over them. */
  deadForNew = false
  readonly #pipes = new Set<Pipe>()
  #freeAt = 0

  /** Bytes that are written to it arrive at `to`. */
  pipe(to: Socket): Pipe {
    const pipe = new Pipe(this, to)
    this.#pipes.add(pipe)
    to.once('close', () => this.#pipes.delete(pipe))
    return pipe
  }

  /** Both directions of a new connection. */
  opened(...pipes: readonly Pipe[]): void {
    for (const pipe of pipes) pipe.dead = this.deadForNew
  }

  /** From now on nothing passes over the connections that are open, and nobody is told: as behind a NAT that forgot them. */
  forget(): void {
    for (const pipe of this.#pipes) pipe.dead = true
  }

  heal(): void {
    this.latencyMs = 0
    this.bitsPerSecond = Number.POSITIVE_INFINITY
    this.deadForNew = false
    this.#freeAt = 0
  }

  /** Milliseconds until `bytes` have passed, after all that others have put on the line. */
  turn(bytes: number): number {
    if (!Number.isFinite(this.bitsPerSecond)) return 0
    const now = performance.now()
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes * 8000) / this.bitsPerSecond
    return this.#freeAt - now
  }
}

/** One direction of one connection. Bytes keep their order whatever the line does. */
export class Pipe {
  dead = false
  readonly #line: Line
  readonly #to: Socket
  #from: Socket | null = null
  #waiting = 0
  #tail: Promise<void> = Promise.resolve()

  constructor(line: Line, to: Socket) {
    this.#line = line
    this.#to = to
  }

  /** `from` is not read while too much of it waits. */
  feeds(from: Socket): void {
    this.#from = from
  }

  write(bytes: Buffer): void {
    if (this.dead) return
    const { latencyMs, bitsPerSecond } = this.#line
    if (this.#waiting === 0 && latencyMs === 0 && !Number.isFinite(bitsPerSecond)) return void this.#to.write(bytes)
    this.#waiting += bytes.length
    if (this.#waiting > waitingBytes) this.#from?.pause()
    const due = performance.now() + latencyMs
    this.#tail = this.#tail.then(() => this.#pass(bytes, due))
  }

  async #pass(bytes: Buffer, due: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += turnBytes) {
      const piece = bytes.subarray(at, at + turnBytes)
      await sleep(Math.max(due - performance.now(), 0) + this.#line.turn(piece.length))
      if (!this.dead && this.#to.writable) this.#to.write(piece)
      this.#waiting -= piece.length
    }
    if (this.#waiting <= waitingBytes) this.#from?.resume()
  }
}

function sleep(ms: number): Promise<void> | null {
  return ms > 0 ? new Promise(resolve => setTimeout(resolve, ms)) : null
}
