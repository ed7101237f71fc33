import fc from 'fast-check'
import { generate } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { Framer } from '../../../adapters/trackers/framing.ts'

const publish = (payload: string): Buffer =>
  generate({ cmd: 'publish', qos: 0, dup: false, retain: false, topic: 'trackers/watch/omh', payload })
const ping = Buffer.from([0xc0, 0])

const frames = (chunks: readonly Uint8Array[], limit = 4096): string[] => {
  const framer = new Framer(limit)
  return chunks.flatMap(chunk => [...framer.push(chunk)].map(packet => packet.toString('hex')))
}

describe('framing', () => {
  test('cuts the same packets wherever the stream is split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(ping), fc.string({ maxLength: 700 }).map(publish)), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (packets, steps) => {
          const stream = Buffer.concat(packets)
          const chunks: Buffer[] = []
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const end = at + steps[turn % steps.length]!
            chunks.push(stream.subarray(at, end))
            at = end
          }
          expect(frames(chunks)).toEqual(packets.map(packet => packet.toString('hex')))
        },
      ),
    )
  })

  test('a packet above the limit is refused on its header, whatever follows', () => {
    const framer = new Framer(100)
    expect(() => [...framer.push(Buffer.from([0x30, 0xff, 0x01]))]).toThrow('E_BODY_TOO_LARGE')
    expect(framer.held).toBeLessThan(1024)
  })

  test('the limit counts the whole packet, and packets before the large one are still cut', () => {
    const framer = new Framer(12)
    const cut: Buffer[] = []
    const stream = Buffer.concat([ping, Buffer.from([0x30, 10]), Buffer.alloc(10), Buffer.from([0x30, 11])])
    expect(() => {
      for (const packet of framer.push(stream)) cut.push(packet)
    }).toThrow('E_BODY_TOO_LARGE')
    expect(cut.map(packet => packet.length)).toEqual([2, 12])
  })

  test('memory follows what has come, not what was announced', () => {
    const framer = new Framer(1_000_000)
    const announced = Buffer.from([0x30, 0xff, 0xff, 0x30]) // 802,815 bytes
    expect([...framer.push(announced)]).toEqual([])
    expect([...framer.push(Buffer.alloc(1000))]).toEqual([])
    expect(framer.held).toBeLessThan(4096)
  })

  test.each([
    ['reserved type 0', [0x00, 0]],
    ['QoS 3', [0x36, 0]],
    ['flags of SUBSCRIBE', [0x80, 0]],
    ['flags of PINGREQ', [0xc1, 0]],
    ['a length of five digits', [0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ])('%s is malformed', (_, bytes) => {
    expect(() => frames([Buffer.from(bytes)])).toThrow('E_MQTT_MALFORMED')
  })
})
