/**
 * Cuts MQTT control packets out of a byte stream (MQTT 5 §2.1, MQTT 3.1.1 §2.2). The fixed header is judged before any
 * byte of the body is kept, so that a packet announced as too large costs nothing.
 */
import { GatewayError } from '../../src/errors.ts'

/** Flags that a packet type must have (MQTT 5 table 2-2), by type; PUBLISH (3) has flags of its own, 0 is reserved. */
const requiredFlags: readonly (number | null)[] = [null, 0, 0, null, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0]

const firstRoom = 512
const publish = 3

export class Framer {
  #limit: number
  #buffer = Buffer.alloc(0)
  #filled = 0
  /** Bytes of the whole packet; null until its header is complete. */
  #size: number | null = null
  #remaining = 0

  /** `limit`: most bytes of one packet, fixed header included. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** From the next packet on another limit counts: more is allowed once it is known who is talking. */
  set limit(bytes: number) {
    this.#limit = bytes
  }

  /** Bytes in memory of a packet that is not complete. */
  get held(): number {
    return this.#filled === 0 ? 0 : this.#buffer.length
  }

  /**
   * Yields every packet that the chunk completes, each in a buffer of its own.
   * Throws GatewayError E_MQTT_MALFORMED (type, flags, length) or E_BODY_TOO_LARGE; the stream cannot be read on then.
   */
  *push(chunk: Uint8Array): Generator<Buffer, void, void> {
    for (let at = 0; at < chunk.length; ) {
      if (this.#size === null) this.#header(chunk[at++]!)
      else at = this.#body(chunk, at, this.#size)
      if (this.#filled === this.#size) yield this.#cut()
    }
  }

  #header(byte: number): void {
    if (this.#filled === 0 && !isFirst(byte)) throw new GatewayError('E_MQTT_MALFORMED')
    this.#keep(Buffer.of(byte))
    const digits = this.#filled - 1
    if (digits === 0) return
    this.#remaining += (byte & 0x7f) * 128 ** (digits - 1)
    if (byte < 0x80) this.#size = this.#allowed(this.#filled + this.#remaining)
    else if (digits === 4) throw new GatewayError('E_MQTT_MALFORMED')
  }

  #allowed(size: number): number {
    if (size > this.#limit) throw new GatewayError('E_BODY_TOO_LARGE')
    return size
  }

  #body(chunk: Uint8Array, at: number, size: number): number {
    const end = Math.min(chunk.length, at + size - this.#filled)
    this.#keep(chunk.subarray(at, end))
    return end
  }

  /** Room grows with what has come, not with what was announced. */
  #keep(bytes: Uint8Array): void {
    const needed = this.#filled + bytes.length
    if (needed > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(firstRoom, Math.min(needed * 2, this.#size ?? needed)))
      this.#buffer.copy(larger, 0, 0, this.#filled)
      this.#buffer = larger
    }
    this.#buffer.set(bytes, this.#filled)
    this.#filled = needed
  }

  #cut(): Buffer {
    const packet = this.#buffer.subarray(0, this.#filled)
    this.#buffer = Buffer.alloc(0)
    this.#filled = 0
    this.#size = null
    this.#remaining = 0
    return packet
  }
}

function isFirst(byte: number): boolean {
  const type = byte >> 4
  const flags = byte & 0x0f
  if (type === publish) return (flags & 0x06) !== 0x06
  return requiredFlags[type] === flags
}
