import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FrameEvent, Framer } from '../../../adapters/hl7v2/frame.ts'

const text = (event: FrameEvent): string =>
  event.kind === 'frame' ? Buffer.from(event.bytes).toString('latin1') : event.kind

/** Everything that chunks make, noise summed up. */
function read(chunks: readonly Uint8Array[], more: { maxFrame?: number; endWithoutCr?: boolean } = {}) {
  const framer = new Framer({ maxFrame: 1000, endWithoutCr: false, ...more })
  const events = chunks.flatMap(chunk => framer.push(chunk))
  const noise = events.reduce((sum, event) => sum + (event.kind === 'noise' ? event.count : 0), 0)
  return { made: events.filter(event => event.kind !== 'noise').map(text), noise, framer }
}

const one = (bytes: string, more = {}) => read([Buffer.from(bytes, 'latin1')], more)
const byByte = (bytes: Uint8Array): Uint8Array[] => Array.from(bytes, byte => Uint8Array.of(byte))

/** Cuts at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const marks = [0, ...places.map(place => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return marks.slice(1).map((mark, i) => bytes.subarray(marks[i], mark))
}

describe('MLLP framing', () => {
  it.each([
    ['one frame', '\x0bA\x1c\r', ['A'], 0],
    ['three in one chunk', '\x0bA\x1c\r\x0bB\x1c\r\x0bC\x1c\r', ['A', 'B', 'C'], 0],
    ['bytes before VT are noise', 'junk\x0bA\x1c\r', ['A'], 4],
    ['line ends between frames are none', '\x0bA\x1c\r\r\n\x0bB\x1c\r', ['A', 'B'], 0],
    ['no VT at all, then a good one', 'MSH|A\x1c\r\x0bB\x1c\r', ['B'], 6],
    ['no FS CR, then a new VT: dropped, never fused', '\x0bA\x0bB\x1c\r', ['broken', 'B'], 0],
    ['FS without CR, then a new VT', '\x0bA\x1c\x0bB\x1c\r', ['broken', 'B'], 0],
    ['FS inside a message is part of it', '\x0bA\x1cB\x1c\x1c\r', ['A\x1cB\x1c'], 0],
    ['CR inside a message', '\x0bA\rB\r\x1c\r', ['A\rB\r'], 0],
    ['an empty frame', '\x0b\x1c\r\x0bB\x1c\r', ['empty', 'B'], 0],
  ])('%s', (_, bytes, made, noise) => {
    expect(one(bytes)).toMatchObject({ made, noise })
    expect(read(byByte(Buffer.from(bytes, 'latin1')))).toMatchObject({ made, noise })
  })

  it('takes FS alone as the end where the profile says so, with or without CR', () => {
    const made = ['A', 'B', 'C']
    expect(one('\x0bA\x1c\x0bB\x1c\r\x0bC\x1c', { endWithoutCr: true })).toMatchObject({ made, noise: 0 })
    expect(one('\x0b\x1c\x0bB\x1c', { endWithoutCr: true })).toMatchObject({ made: ['empty', 'B'], noise: 0 })
  })

  it('takes exactly maxFrame bytes and dies at one more, in every cut', () => {
    for (const length of [10, 11, 12, 50]) {
      const bytes = Buffer.from(`\x0b${'A'.repeat(length)}\x1c\r\x0bB\x1c\r`)
      const made = length <= 10 ? ['A'.repeat(length), 'B'] : ['tooLarge']
      expect(read([bytes], { maxFrame: 10 }).made).toEqual(made)
      expect(read(byByte(bytes), { maxFrame: 10 }).made).toEqual(made)
    }
  })

  it('holds no more than the limit of an endless frame', () => {
    const framer = new Framer({ maxFrame: 100_000, endWithoutCr: false })
    framer.push(Uint8Array.of(0x0b))
    for (let i = 0; i < 1000; i++) {
      framer.push(Buffer.alloc(1000, 'A'))
      expect(framer.held).toBeLessThanOrEqual(100_001)
    }
    expect(framer.held).toBe(0)
  })

  it('gives every message memory of its own', () => {
    const chunk = Buffer.from('\x0bA\x1c\r')
    const [event] = new Framer({ maxFrame: 10, endWithoutCr: false }).push(chunk)
    chunk.fill(0)
    expect(event && text(event)).toBe('A')
    expect(event?.kind === 'frame' && event.bytes.buffer.byteLength).toBe(1)
  })

  it('makes the same of any bytes however they are cut', () => {
    const piece = fc.constantFrom('\x0b', '\x1c', '\r', '\n', 'A', 'BC', '\x1c\r', '\x0bD\x1c\r', 'ü', '\x0b\x1c\r')
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 12 }),
        (pieces, places, endWithoutCr, maxFrame) => {
          const bytes = Buffer.from(pieces.join(''))
          const { made, noise } = read([bytes], { endWithoutCr, maxFrame })
          expect(read(cut(bytes, places), { endWithoutCr, maxFrame })).toMatchObject({ made, noise })
          expect(read(byByte(bytes), { endWithoutCr, maxFrame })).toMatchObject({ made, noise })
        },
      ),
      { numRuns: 500 },
    )
  })

  it('gives back any messages from any cut', () => {
    const message = fc.stringMatching(/^[^\x0b\x1c]{1,60}$/)
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (messages, places) => {
        const bytes = Buffer.from(messages.map(one => `\x0b${one}\x1c\r`).join(''))
        const framer = new Framer({ maxFrame: 1000, endWithoutCr: false })
        const events = cut(bytes, places).flatMap(chunk => framer.push(chunk))
        expect(
          events.map(event => (event.kind === 'frame' ? Buffer.from(event.bytes).toString() : event.kind)),
        ).toEqual(messages)
      }),
      { numRuns: 500 },
    )
  })
})
