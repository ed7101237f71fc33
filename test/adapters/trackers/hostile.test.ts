import { generate } from 'mqtt-packet'
import { afterEach, describe, expect, test } from 'vitest'
import { limits, MiB } from '../../../src/limits.ts'
import {
  connectPacket,
  enter,
  FakeIntake,
  listen,
  ManualTime,
  Peer,
  publish,
  tidyUp,
  until,
  type Version,
} from './wire.ts'

afterEach(tidyUp)

const versions: Version[] = [4, 5]

/** A PUBLISH written by hand, for what no library writes. */
function rawPublish(topic: Uint8Array, id: number, version: Version): Buffer {
  const rest = Buffer.concat([
    Buffer.of(0, topic.length),
    topic,
    Buffer.of(0, id),
    version === 5 ? Buffer.of(0) : Buffer.of(),
  ])
  return Buffer.concat([Buffer.of(0x32, rest.length), rest])
}

describe.each(versions)('level %i: a connection ends by', version => {
  const own = Buffer.from('trackers/watch/omh')

  test.each<[string, (peer: Peer) => Uint8Array, number]>([
    ['packet id 0', () => rawPublish(own, 0, version), 0x82],
    ['NUL in the topic', () => rawPublish(Buffer.from('trackers/watch/o\0h'), 1, version), 0x81],
    ['a topic that is not UTF-8', () => rawPublish(Buffer.from([0x74, 0xc3, 0x28]), 1, version), 0x81],
    ['a topic longer than its packet', () => Buffer.from([0x32, 4, 0xff, 0xff, 0, 1]), 0x81],
    ['QoS 3', () => Buffer.from([0x36, 2, 0, 0]), 0x81],
    ['a length without end', () => Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff]), 0x81],
    ['reserved flags', () => Buffer.from([0x80, 2, 0, 1]), 0x81],
    ['a ping with a body', () => Buffer.from([0xc0, 1, 0]), 0x81],
    ['a second CONNECT', peer => peer.bytes(connectPacket(version)), 0x82],
    ['a packet that only servers send', () => Buffer.from([0xd0, 0]), 0x82],
    ['PUBREL', () => Buffer.from([0x62, 2, 0, 1]), 0x82],
    [
      'SUBSCRIBE to nothing',
      () => (version === 5 ? Buffer.from([0x82, 3, 0, 1, 0]) : Buffer.from([0x82, 2, 0, 1])),
      0x82,
    ],
    ['QoS 2', peer => peer.bytes(publish(1, 'a', { qos: 2 })), 0x9b],
    ['a packet above the limit', () => Buffer.from([0x32, 0x80, 0x20]), 0x95],
  ])('%s', async (_, bytes, reason) => {
    const { port, intake } = await listen()
    const peer = await enter(port, version)
    peer.write(bytes(peer))
    if (version === 5) expect(await peer.next('disconnect')).toMatchObject({ reasonCode: reason })
    await peer.closed
    expect(peer.received).toEqual([])
    expect(intake.arrivals).toEqual([])
    expect(intake.refusals).toHaveLength(1)
  })
})

test.each([
  ['a retained message', { retain: true }, 0x9a],
  ['a topic alias', { properties: { topicAlias: 1 } }, 0x94],
  ['a subscription identifier', { properties: { subscriptionIdentifier: 1 } }, 0x82],
])('MQTT 5: %s in a PUBLISH ends the connection', async (_, more, reason) => {
  const { port } = await listen()
  const peer = await enter(port, 5)
  peer.send(publish(1, 'a', more))
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: reason })
})

test('MQTT 5: a subscription identifier in SUBSCRIBE ends the connection', async () => {
  const { port } = await listen()
  const peer = await enter(port, 5)
  const subscriptions = [{ topic: 'trackers/watch/status', qos: 0 as const, nl: false, rap: false, rh: 0 }]
  peer.send({ cmd: 'subscribe', messageId: 1, subscriptions, properties: { subscriptionIdentifier: 5 } })
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0xa1 })
})

test.each([
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
  ['zeros', Buffer.alloc(64)],
  ['a PUBLISH before the CONNECT', generate(publish(1, 'a'))],
  ['a CONNECT cut short', Buffer.from('\x10\x04\0\x04MQ', 'latin1')],
  ['a CONNECT with its reserved flag', Buffer.from('\x10\x0d\0\x04MQTT\x04\x03\0\x3c\0\x01a', 'latin1')],
])('%s gets no answer', async (_, bytes) => {
  const { port, intake } = await listen()
  const peer = new Peer(port, 4)
  peer.write(bytes)
  await peer.closed
  expect(peer.socket.bytesRead).toBe(0)
  expect(intake.refusals).toHaveLength(1)
})

test('2,000 mutated packets: nothing falls over, and a good peer beside them is served', async () => {
  const { port, intake } = await listen()
  const good = await enter(port, 5, { clientId: 'scale', username: 'scale' })
  const random = seeded(20261124)
  let sent = 0
  while (sent < 2000) {
    const version = random(2) === 0 ? 4 : 5
    const peer = new Peer(port, version)
    peer.send(connectPacket(version))
    // until it is thrown out
    for (let i = 0; i < 40 && !peer.socket.destroyed && sent < 2000; i++, sent++) {
      peer.write(mutated(peer.bytes(anyPacket(random)), random))
      if (i % 10 === 9) await new Promise(resolve => setImmediate(resolve))
    }
    peer.socket.end()
    await peer.closed
    good.send(publish(1, 'good', { topic: 'trackers/scale/omh' }))
    await good.next('puback')
  }
  expect(intake.payloads.filter(payload => payload === 'good').length).toBeGreaterThan(40)
})

test('2,000 bad CONNECTs from the same address do not keep good devices out', async () => {
  const { port } = await listen(new FakeIntake(), { maxConnections: 3000 })
  const flood = Array.from({ length: 2000 }, (_, i) => {
    const peer = new Peer(port, 5)
    peer.send(connectPacket(5, { clientId: `guess-${i}`, username: `guess-${i}` }))
    return peer
  })
  for (let i = 0; i < 10; i++) {
    const good = await enter(port, 4)
    good.send(publish(1, 'a'))
    await good.next('puback')
  }
  await Promise.all(flood.map(peer => peer.closed))
})

test('silent connections give way to those who say who they are', async () => {
  const { port } = await listen(new FakeIntake(), { maxConnections: 3000 })
  const silent = Array.from({ length: limits.mqttStrangers + 20 }, () => new Peer(port, 4))
  await until(() => silent.filter(peer => peer.socket.destroyed).length >= 20)
  await enter(port, 4)
})

test('a large packet costs nothing before it is known who sends it', async () => {
  const { port } = await listen(new FakeIntake(), { maxPacket: 64 * MiB })
  const peer = new Peer(port, 4)
  peer.write(Buffer.from([0x10, 0xff, 0xff, 0x7f]))
  await peer.closed
  expect(peer.socket.bytesRead).toBe(0)
})

test('half packets of all connections stay within one budget: the largest goes', async () => {
  const { port, intake } = await listen(new FakeIntake(), { maxPacket: 64 * MiB })
  const small = await enter(port, 5, { clientId: 'scale', username: 'scale' })
  small.write(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x10]))
  small.write(Buffer.alloc(1000))
  const large = await enter(port, 5)
  large.write(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x18]))
  const piece = Buffer.alloc(MiB)
  while (!large.socket.destroyed) await new Promise(resolve => large.socket.write(piece, resolve))
  expect(intake.refusals).toEqual(['E_BUSY'])
  expect(small.socket.destroyed).toBe(false)
})

test('half a packet is not waited for for ever', async () => {
  const time = new ManualTime()
  const { port, intake } = await listen(new FakeIntake(), {}, time)
  const peer = await enter(port, 4, { keepalive: 0 })
  peer.send(publish(1, 'a'))
  await peer.next('puback')
  peer.write(Buffer.from([0x32, 100, 0]))
  peer.socket.write('x')
  await new Promise(resolve => setTimeout(resolve, 30))
  time.pass(limits.mqttPacketMs)
  await peer.closed
  expect(intake.refusals).toEqual(['E_MQTT_KEEP_ALIVE'])
})

test('no more connections than allowed', async () => {
  const { port, intake } = await listen(new FakeIntake(), { maxConnections: 1 })
  await enter(port, 4)
  await new Peer(port, 4).closed
  expect(intake.refusals).toEqual(['E_BUSY'])
})

function anyPacket(random: (below: number) => number) {
  const topic = 'trackers/watch/status'
  const packets = [
    publish(1 + random(100), 'x'.repeat(random(300))),
    publish(0, '{}', { qos: 0 }),
    { cmd: 'subscribe', messageId: 2, subscriptions: [{ topic, qos: 0 }] },
    { cmd: 'unsubscribe', messageId: 3, unsubscriptions: [topic] },
    { cmd: 'pingreq' },
    { cmd: 'disconnect', reasonCode: 0 },
  ] as const
  return packets[random(packets.length)] as ReturnType<typeof publish>
}

/** One to three bytes changed, taken out or put in; sometimes none. */
function mutated(bytes: Buffer, random: (below: number) => number): Buffer {
  const list = [...bytes]
  for (let i = random(4); i > 0; i--) {
    const at = random(list.length)
    const how = random(3)
    if (how === 0) list[at] = random(256)
    else if (how === 1) list.splice(at, 1)
    else list.splice(at, 0, random(256))
  }
  return Buffer.from(list)
}

/** The same numbers in every run (a linear congruential generator, Numerical Recipes' constants). */
function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
