/**
 * MLLP framing: VT, message, FS, CR (HL7 "Minimal Lower Layer Message Transport Protocol", release 1). A state machine
 * that keeps its state between chunks and looks at every byte once, however the network cuts them.
 */

const VT = 0x0b
const FS = 0x1c
const CR = 0x0d
const LF = 0x0a

/** A connection keeps up to this much memory for its next half frame. */
const KEPT = 16 * 1024

/**
 * What came in:
 * - `frame`: one message
 * - `empty`: a frame without a byte in it
 * - `broken`: a half frame of so many bytes, dropped because a new one began inside it (the sender started over, or
 *   forgot FS CR); it is never joined with what follows, which may be another patient
 * - `tooLarge`: more than `maxFrame` bytes; nothing after it is read
 * - `noise`: so many bytes outside frames; line ends between frames do not count
 */
export type FrameEvent = Readonly<
  | { kind: 'frame'; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'empty' }
  | { kind: 'broken'; count: number }
  | { kind: 'tooLarge' }
  | { kind: 'noise'; count: number }
>

export type FramerOptions = Readonly<{
  /** Most bytes of one message. */
  maxFrame: number
  /** Take FS alone as the end, for senders that never write the CR. */
  endWithoutCr: boolean
}>

/** The last of the bytes from `at` on that can neither begin nor end anything; `at` itself where it is another one. */
function endOfText(bytes: Uint8Array, at: number): number {
  let end = at
  while (end < bytes.length && bytes[end]! > FS) end++
  return Math.max(end - 1, at)
}

/** Cuts the bytes of one connection into frames. */
export class Framer {
  readonly #options: FramerOptions
  #state: 'outside' | 'inside' | 'dead' = 'outside'
  #previous = 0
  /** The half frame of earlier chunks: the first `#length` bytes, an FS that may turn out to be the end included. */
  #half = Buffer.alloc(0)
  #length = 0

  constructor(options: FramerOptions) {
    this.#options = options
  }

  /** Bytes of memory that the half frame takes. */
  get held(): number {
    return this.#half.length
  }

  /** True while a frame has begun and not ended. */
  get inside(): boolean {
    return this.#state === 'inside'
  }

  /** Takes the next chunk, of any size, and returns what it completed, in order. The chunk may be reused afterwards. */
  push(chunk: Uint8Array): readonly FrameEvent[] {
    const events: FrameEvent[] = []
    let noise = 0
    let from = 0
    for (let i = 0; i < chunk.length && this.#state !== 'dead'; i++) {
      const byte = chunk[i]!
      if (byte === VT) {
        if (this.#state === 'inside') events.push(this.#drop(i - from))
        this.#state = 'inside'
        from = i + 1
      } else if (this.#state === 'inside' && this.#ends(byte)) {
        events.push(this.#finish(chunk.subarray(from, i)))
      } else {
        const start = i
        i = endOfText(chunk, i)
        if (this.#state === 'outside') noise += byte === CR || byte === LF ? 0 : i + 1 - start
        else if (this.#passes(this.#length + i + 1 - from, byte)) events.push(this.#die())
      }
      this.#previous = byte
    }
    if (this.#state === 'inside') this.#keep(chunk.subarray(from))
    if (noise > 0) events.push({ kind: 'noise', count: noise })
    return events
  }

  #ends(byte: number): boolean {
    return this.#options.endWithoutCr ? byte === FS : byte === CR && this.#previous === FS
  }

  /** The byte after the largest message may still be its FS. */
  #passes(size: number, byte: number): boolean {
    const { maxFrame } = this.#options
    return size > maxFrame && !(size === maxFrame + 1 && byte === FS)
  }

  #finish(rest: Uint8Array): FrameEvent {
    const size = this.#length + rest.length - (this.#options.endWithoutCr ? 0 : 1)
    // memory of its own, so that passing it to another thread copies nothing else
    const bytes = new Uint8Array(size)
    const before = Math.min(this.#length, size)
    bytes.set(this.#half.subarray(0, before))
    bytes.set(rest.subarray(0, size - before), before)
    this.#forget('outside')
    return size === 0 ? { kind: 'empty' } : { kind: 'frame', bytes }
  }

  #drop(more: number): FrameEvent {
    const count = this.#length + more
    this.#forget('outside')
    return { kind: 'broken', count }
  }

  #die(): FrameEvent {
    this.#forget('dead')
    return { kind: 'tooLarge' }
  }

  #forget(state: 'outside' | 'dead'): void {
    this.#state = state
    this.#length = 0
    if (this.#half.length > KEPT || state === 'dead') this.#half = Buffer.alloc(0)
  }

  #keep(rest: Uint8Array): void {
    const length = this.#length + rest.length
    const most = this.#options.maxFrame + 1
    if (length > this.#half.length) this.#grow(Math.min(Math.max(2 * this.#half.length, length), most))
    this.#half.set(rest, this.#length)
    this.#length = length
  }

  /** By doubling, so that a frame of single bytes is copied twice at most on average. */
  #grow(capacity: number): void {
    const half = Buffer.allocUnsafeSlow(capacity)
    half.set(this.#half.subarray(0, this.#length))
    this.#half = half
  }
}
