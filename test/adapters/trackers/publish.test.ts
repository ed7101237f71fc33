import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { generate, type Packet, parser } from 'mqtt-packet'
import { afterEach, describe, expect, test } from 'vitest'
import { Budget } from '../../../adapters/trackers/budget.ts'
import { Session } from '../../../adapters/trackers/session.ts'
import { KiB, limits } from '../../../src/limits.ts'
import { silent } from '../../../src/log.ts'
import type { Arrival, Verdict } from '../../../src/records.ts'
import {
  connectPacket,
  enter,
  FakeIntake,
  kept,
  later,
  listen,
  ManualTime,
  never,
  type Peer,
  publish,
  tidyUp,
  until,
  type Version,
} from './wire.ts'

afterEach(tidyUp)

const versions: Version[] = [4, 5]
const status = 'trackers/watch/status'

/** An intake whose verdicts come when the test gives them. */
class SlowIntake extends FakeIntake {
  readonly waiting: ((verdict: Verdict) => void)[] = []
  override judge: FakeIntake['judge'] = () => new Promise(resolve => this.waiting.push(resolve))

  release(verdict: Verdict = kept): void {
    for (const resolve of this.waiting.splice(0)) resolve(verdict)
  }
}

async function entered(version: Version, judge?: FakeIntake['judge'], intake = new FakeIntake()) {
  if (judge) intake.judge = judge
  const { port, source } = await listen(intake)
  return { peer: await enter(port, version), intake, port, source }
}

async function listenToStatus(peer: Peer): Promise<void> {
  peer.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: status, qos: 1 }] })
  expect(await peer.next('suback')).toMatchObject({ messageId: 9, granted: [0] })
}

/** A session without a network: every `feed` is one read of the socket, also while the session would rather not read. */
function wired(intake: FakeIntake) {
  const written: Packet[] = []
  const reader = parser({ protocolVersion: 5 }).on('packet', packet => written.push(packet))
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk, _, done) => {
      reader.parse(chunk)
      done()
    },
  })
  const parts = { environment: new ManualTime(), log: silent, budget: new Budget(limits.mqttHalfPacketBytes) }
  new Session({
    ...parts,
    socket: socket as Socket,
    maxPacket: 64 * KiB,
    admit: () => null,
    modeOf: () => 'live',
    take: arrival => intake.take(arrival),
    refused: code => intake.refused('mqtt', code),
  })
  const bytes = (packet: Packet) => generate(packet, { protocolVersion: 5 })
  const isPaused = () => socket.isPaused()
  return {
    written,
    isPaused,
    feed: (...packets: Packet[]) => void socket.emit('data', Buffer.concat(packets.map(bytes))),
  }
}

describe('PUBLISH', () => {
  test('becomes an arrival with bytes of its own', async () => {
    const { peer, intake } = await entered(5)
    peer.send(publish(7, '{"a":1}'))
    await peer.next('puback')
    const [arrival] = intake.arrivals as [Arrival]
    expect(arrival).toMatchObject({
      source: 'mqtt',
      sender: 'watch',
      format: 'measurement',
      messageId: null,
      mode: 'live',
      meta: { payload: 'omh', device: 'watch' },
    })
    expect(Buffer.from(arrival.bytes).toString()).toBe('{"a":1}')
    expect(arrival.bytes.buffer.byteLength).toBe(7)
  })

  test('of a test device is a test', async () => {
    const { port, intake } = await listen()
    const peer = await enter(port, 4, { clientId: 'bench', username: 'bench' })
    peer.send(publish(1, '1', { topic: 'trackers/bench/omh' }))
    await peer.next('puback')
    expect(intake.arrivals[0]!.mode).toBe('test')
  })

  describe.each(versions)('level %i', version => {
    test('no PUBACK before the verdict', async () => {
      const intake = new SlowIntake()
      const { peer } = await entered(version, undefined, intake)
      peer.send(publish(1, 'a'), { cmd: 'pingreq' })
      await peer.next('pingresp')
      expect(peer.acknowledged).toEqual([])
      intake.release()
      expect(await peer.next('puback')).toMatchObject({ messageId: 1 })
    })

    test('answers keep the order of arrival, whatever the order of the verdicts', async () => {
      const intake = new SlowIntake()
      const { peer } = await entered(version, undefined, intake)
      peer.send(...[1, 2, 3, 4, 5].map(id => publish(id, String(id))))
      await until(() => intake.waiting.length === 5)
      for (const resolve of intake.waiting.splice(1).reverse()) resolve(kept)
      peer.send({ cmd: 'pingreq' })
      await peer.next('pingresp')
      expect(peer.acknowledged).toEqual([])
      intake.release()
      await until(() => peer.acknowledged.length === 5)
      expect(peer.acknowledged).toEqual([1, 2, 3, 4, 5])
      expect(intake.payloads).toEqual(['1', '2', '3', '4', '5'])
    })

    test.each<Verdict>([
      kept,
      { kind: 'held', issues: [{ code: 'E_NO_WEARER', at: 'device' }], receipt: 'r' },
      { kind: 'same', as: 'kept', receipt: 'r' },
      { kind: 'same', as: 'held', receipt: 'r' },
    ])('$kind is a positive answer', async verdict => {
      const { peer } = await entered(version, () => verdict)
      peer.send(publish(1, 'a'))
      const { reasonCode, messageId } = await peer.next('puback')
      expect([messageId, reasonCode ?? 0]).toEqual([1, 0])
    })

    test('a refusal stands on the status topic, before the PUBACK', async () => {
      const { peer, intake } = await entered(version, () => never)
      await listenToStatus(peer)
      peer.send(publish(1, 'a'))
      const word = await peer.next()
      expect(word).toMatchObject({ cmd: 'publish', topic: status, qos: 0, retain: false })
      expect(JSON.parse(String(word.payload))).toEqual({
        refused: 'E_UNIT',
        at: '$.body.heart_rate.unit',
        time: new Date(intake.arrivals[0]!.receivedAt).toISOString(),
      })
      expect(await peer.next('puback')).toMatchObject({ messageId: 1 })
    })

    test('who does not listen to the status topic, or no more, gets no word', async () => {
      const { peer } = await entered(version, () => never)
      peer.send(publish(1, 'a'))
      await peer.next('puback')
      await listenToStatus(peer)
      peer.send({ cmd: 'unsubscribe', messageId: 10, unsubscriptions: [status] }, publish(2, 'a'))
      expect((await peer.next()).cmd).toBe('unsuback')
      expect((await peer.next()).cmd).toBe('puback')
    })

    test('QoS 0 is taken and not answered; its refusal stands on the status topic', async () => {
      const { peer, intake } = await entered(version)
      await listenToStatus(peer)
      peer.send(publish(0, 'good', { qos: 0 }), { cmd: 'pingreq' })
      expect((await peer.next()).cmd).toBe('pingresp')
      intake.judge = () => never
      peer.send(publish(0, 'bad', { qos: 0 }))
      expect((await peer.next()).cmd).toBe('publish')
      expect(intake.payloads).toEqual(['good', 'bad'])
    })

    test('stopping answers what is in flight, then says goodbye', async () => {
      const intake = new SlowIntake()
      const { peer, source } = await entered(version, undefined, intake)
      peer.send(publish(1, 'a'))
      await until(() => intake.waiting.length === 1)
      const stopped = source.stop()
      intake.release()
      expect(await peer.next('puback')).toMatchObject({ messageId: 1 })
      if (version === 5) expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x8b })
      await stopped
      await peer.closed
    })

    test('a peer that never reads is dropped, and nothing piles up', async () => {
      const long: Verdict = { kind: 'never', issues: [{ code: 'E_UNIT', at: 'x'.repeat(2000) }] }
      const { peer, intake } = await entered(version, () => long)
      await listenToStatus(peer)
      peer.socket.pause()
      for (let i = 0; i < 8000; i++) peer.send(publish(0, '', { qos: 0 }))
      await until(() => intake.refusals.includes('E_BUSY'))
    })

    test('a flood beyond the window is held back, and arrives whole and in order', async () => {
      const intake = new SlowIntake()
      const { peer } = await entered(4, undefined, intake)
      for (let i = 0; i < 20_000; i++) peer.send(publish(i + 1, String(i)))
      peer.send({ cmd: 'pingreq' })
      await until(() => intake.arrivals.length >= limits.mqttUnanswered)
      intake.judge = () => kept
      intake.release()
      await until(() => intake.arrivals.length === 20_000)
      await peer.next('pingresp')
      expect(intake.payloads).toEqual(Array.from({ length: 20_000 }, (_, i) => String(i)))
    })
  })

  test.each([
    ['many publishes', limits.mqttUnanswered, 0],
    ['many bytes', 53, 20_000],
  ])(
    '%s without a verdict: the socket is not read on until some have one; before, pings are answered',
    async (_, count, size) => {
      const intake = new SlowIntake()
      const { feed, written, isPaused } = wired(intake)
      feed(connectPacket(5), ...Array.from({ length: count - 10 }, (_, i) => publish(i + 1, 'x'.repeat(size))), {
        cmd: 'pingreq',
      })
      expect(isPaused()).toBe(false)
      expect(written.at(-1)).toMatchObject({ cmd: 'pingresp' })
      feed(...Array.from({ length: 10 }, (_, i) => publish(i + 501, 'x'.repeat(size))))
      expect(isPaused()).toBe(true)
      intake.release()
      await until(() => !isPaused())
      expect(written.filter(({ cmd }) => cmd === 'puback')).toHaveLength(count)
    },
  )

  test('MQTT 5 says why not: reason code and fixed words', async () => {
    const { peer } = await entered(5, () => never)
    peer.send(publish(3, 'a'))
    expect(await peer.next('puback')).toMatchObject({
      messageId: 3,
      reasonCode: 0x99,
      properties: { reasonString: 'E_UNIT at $.body.heart_rate.unit: the unit does not fit the measurement' },
    })
  })

  test.each([
    ['does not want reasons', { requestProblemInformation: false }],
    ['takes small packets only', { maximumPacketSize: 20 }],
  ])('a peer that %s gets the code alone', async (_, properties) => {
    const { port } = await listen(Object.assign(new FakeIntake(), { judge: () => never }))
    const peer = await enter(port, 5, { properties })
    peer.send(publish(3, 'a'))
    const { reasonCode, properties: found } = await peer.next('puback')
    expect([reasonCode, found]).toEqual([0x99, undefined])
  })

  test.each([
    ['E_RECORD_TOO_LARGE', 0x83],
    ['E_JSON', 0x99],
    ['E_FHIR_INVALID', 0x99],
  ] as const)('%s is a reason that a PUBACK may have', async (code, reason) => {
    const { peer } = await entered(5, () => ({ kind: 'never', issues: [{ code, at: '$' }] }))
    peer.send(publish(3, 'a'))
    expect((await peer.next('puback')).reasonCode).toBe(reason)
  })

  test.each(['E_FULL', 'E_STOPPING', 'E_BUSY', 'E_ENGINE'] as const)(
    'MQTT 5: %s is 0x97, and the connection stays',
    async code => {
      const { peer, intake } = await entered(5, () => ({ kind: 'later', code }))
      peer.send(publish(3, 'a'))
      expect((await peer.next('puback')).reasonCode).toBe(0x97)
      intake.judge = () => kept
      peer.send(publish(3, 'a'))
      expect((await peer.next('puback')).reasonCode).toBe(0)
    },
  )

  test('3.1.1: not now is no PUBACK, neither for what came after it, and the end after a pause', async () => {
    const time = new ManualTime()
    const verdicts = [kept, later, kept]
    const intake = Object.assign(new FakeIntake(), { judge: () => verdicts.shift()! })
    const { port } = await listen(intake, {}, time)
    const peer = await enter(port, 4)
    peer.send(publish(1, 'a'), publish(2, 'b'), publish(3, 'c'))
    await until(() => intake.arrivals.length === 3)
    await until(() => peer.acknowledged.length > 0)
    expect(peer.socket.destroyed).toBe(false)
    time.pass(limits.mqttLaterMs)
    await peer.closed
    expect(peer.acknowledged).toEqual([1])
  })

  test('more than the receive maximum in flight ends the connection', () => {
    const intake = new SlowIntake()
    const { feed, written } = wired(intake)
    const burst = (count: number) => Array.from({ length: count }, (_, i) => publish(i + 1, ''))
    feed(connectPacket(5), ...burst(limits.mqttReceiveMaximum), { cmd: 'pingreq' })
    expect(written.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp'])
    feed(publish(2000, ''))
    expect(written.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x93 })
    expect(intake.arrivals).toHaveLength(limits.mqttReceiveMaximum)
  })

  test('a device that is removed ends with its next publish', async () => {
    const { peer, intake } = await entered(5)
    ;(intake.known.devices as Map<string, unknown>).delete('watch')
    peer.send(publish(1, 'a'))
    expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x87 })
    expect(intake.arrivals).toEqual([])
  })

  test('3.1.1: a retained reading is taken as any other', async () => {
    const { peer, intake } = await entered(4)
    peer.send(publish(1, 'a', { retain: true }))
    await peer.next('puback')
    expect(intake.payloads).toEqual(['a'])
  })
})

describe('topics', () => {
  test('MQTT 5: a foreign topic is refused, and the connection stays', async () => {
    const { peer, intake } = await entered(5)
    for (const topic of [
      'trackers/scale/omh',
      'trackers/watch/omh/x',
      'trackers/watch',
      'trackers/watch/',
      status,
      'vitals',
    ]) {
      peer.send(publish(1, 'a', { topic }))
      expect((await peer.next('puback')).reasonCode, topic).toBe(0x87)
    }
    peer.send(publish(2, 'mine'))
    await peer.next('puback')
    expect(intake.payloads).toEqual(['mine'])
  })

  test.each([
    [5, 0, 'trackers/scale/omh', 0x87],
    [5, 1, 'trackers/+/omh', 0x90],
    [5, 1, '', 0x90],
    [4, 1, 'trackers/scale/omh', null],
    [4, 0, 'trackers/watch/#', null],
  ] as const)('level %i, QoS %i, topic "%s" ends the connection', async (version, qos, topic, reason) => {
    const { peer, intake } = await entered(version)
    peer.send(publish(1, 'a', { topic, qos }))
    if (reason !== null) expect(await peer.next('disconnect')).toMatchObject({ reasonCode: reason })
    await peer.closed
    expect(peer.received).toEqual([])
    expect(intake.arrivals).toEqual([])
  })

  test.each(versions)('level %i: a device may listen to its own status and command only', async version => {
    const { peer } = await entered(version)
    const topics = [
      status,
      'trackers/watch/command',
      'trackers/scale/status',
      'trackers/+/status',
      '#',
      `$share/g/${status}`,
    ]
    peer.send({ cmd: 'subscribe', messageId: 4, subscriptions: topics.map(topic => ({ topic, qos: 2 as const })) })
    const no = version === 5 ? 0x87 : 0x80
    expect((await peer.next('suback')).granted).toEqual([0, 0, no, no, no, no])
  })
})
