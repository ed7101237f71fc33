import { afterEach, describe, expect, test } from 'vitest'
import { limits } from '../../../src/limits.ts'
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

async function answerTo(version: Version, more: Parameters<typeof connectPacket>[1]) {
  const { port, intake } = await listen()
  const peer = new Peer(port, version)
  peer.send(connectPacket(version, more))
  const { returnCode, reasonCode } = await peer.next('connack')
  await peer.closed
  return { code: version === 5 ? reasonCode : returnCode, refusals: intake.refusals }
}

describe('CONNECT', () => {
  test('MQTT 5 hears what this end can do', async () => {
    const { port } = await listen()
    const peer = new Peer(port, 5)
    peer.send(connectPacket(5, { keepalive: 0, clean: false, properties: { sessionExpiryInterval: 3600 } }))
    expect(await peer.next('connack')).toMatchObject({
      reasonCode: 0,
      sessionPresent: false,
      properties: {
        sessionExpiryInterval: 0,
        receiveMaximum: limits.mqttReceiveMaximum,
        maximumQoS: 1,
        retainAvailable: false,
        maximumPacketSize: 4096,
        topicAliasMaximum: 0,
        wildcardSubscriptionAvailable: false,
        subscriptionIdentifiersAvailable: false,
        sharedSubscriptionAvailable: false,
        serverKeepAlive: 1200,
      },
    })
  })

  test('3.1.1 never finds a session, even when it left one', async () => {
    const { port } = await listen()
    const peer = new Peer(port, 4)
    peer.send(connectPacket(4, { clean: false }))
    expect(await peer.next('connack')).toMatchObject({ returnCode: 0, sessionPresent: false })
  })

  describe.each(versions)('level %i', version => {
    const wrongSecret = version === 5 ? 0x86 : 4

    test.each([
      ['a wrong secret', { password: Buffer.from('guess') }],
      ['an unknown device', { clientId: 'toaster', username: 'toaster' }],
      ['a user name that is not the client id', { username: 'scale' }],
      ['no user name', { username: undefined, password: undefined }],
    ])('%s gets the same answer as any other', async (_, more) => {
      expect(await answerTo(version, more as object)).toEqual({ code: wrongSecret, refusals: ['E_MQTT_SECRET'] })
    })

    test('no client id', async () => {
      expect((await answerTo(version, { clientId: '', username: '' })).code).toBe(wrongSecret)
    })

    test('guesses at one device slow down the wrong secrets of its pair of address and id, and nobody else', async () => {
      const { port, intake } = await listen()
      const guess = async (more: object) => {
        const peer = new Peer(port, version)
        peer.send(connectPacket(version, more))
        const { returnCode, reasonCode } = await peer.next('connack')
        return version === 5 ? reasonCode : returnCode
      }
      for (let i = 0; i < limits.mqttWrongSecrets; i++) {
        expect(await guess({ password: Buffer.from(`guess ${i}`) })).toBe(wrongSecret)
      }
      expect(await guess({ password: Buffer.from('guess') })).toBe(version === 5 ? 0x9f : 5)
      expect(intake.refusals.at(-1)).toBe('E_MQTT_LOCKED')
      expect(await guess({ clientId: 'scale', username: 'scale' })).toBe(0)
    })

    test('the right secret is let in at once, however many wrong ones came before it', async () => {
      const time = new ManualTime()
      const { port, intake } = await listen(new FakeIntake(), {}, time)
      for (let i = 0; i < limits.mqttWrongSecrets + 1; i++) {
        new Peer(port, version).send(connectPacket(version, { password: Buffer.from('guess') }))
        await until(() => intake.refusals.length === i + 1)
      }
      expect(intake.refusals.at(-1)).toBe('E_MQTT_LOCKED')
      await enter(port, version)
    })
  })

  const guessAt = async (port: number, intake: FakeIntake) => {
    const refusals = intake.refusals.length
    const peer = new Peer(port, 5)
    peer.send(connectPacket(5, { password: Buffer.from('guess') }))
    await until(() => intake.refusals.length > refusals)
    return { peer, code: intake.refusals.at(-1) }
  }

  test('a wrong secret beyond the limit is answered late', async () => {
    const time = new ManualTime()
    const { port, intake } = await listen(new FakeIntake(), {}, time)
    for (let i = 0; i < limits.mqttWrongSecrets; i++) await guessAt(port, intake)
    const { peer, code } = await guessAt(port, intake)
    expect(code).toBe('E_MQTT_LOCKED')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(peer.received).toEqual([])
    time.pass(limits.mqttLaterMs)
    expect(await peer.next('connack')).toMatchObject({ reasonCode: 0x9f })
    await peer.closed
  })

  test('the count begins again after its time, or with the right secret', async () => {
    const time = new ManualTime()
    const { port, intake } = await listen(new FakeIntake(), {}, time)
    const guesses = async () => {
      for (let i = 0; i < limits.mqttWrongSecrets; i++) expect((await guessAt(port, intake)).code).toBe('E_MQTT_SECRET')
      expect((await guessAt(port, intake)).code).toBe('E_MQTT_LOCKED')
    }
    await guesses()
    time.pass(limits.mqttLockMs)
    await guesses()
    await enter(port, 5)
    await guesses()
  })

  test.each([
    ['MQTT 3.1', Buffer.from('\x10\x0f\0\x06MQIsdp\x03\x02\0\x3c\0\x01a', 'latin1')],
    ['MQTT 6', Buffer.from('\x10\x0d\0\x04MQTT\x06\x02\0\x3c\0\x01a', 'latin1')],
  ])('%s: unacceptable version', async (_, bytes) => {
    const { port, intake } = await listen()
    const peer = new Peer(port, 4)
    peer.write(bytes)
    expect(await peer.next('connack')).toMatchObject({ returnCode: 1 })
    expect(intake.refusals).toEqual(['E_MQTT_VERSION'])
  })

  test.each([
    ['a retained will', { will: { topic: 'a', payload: 'b', retain: true } }, 0x9a],
    ['a will of QoS 2', { will: { topic: 'a', payload: 'b', qos: 2 as const } }, 0x9b],
    ['receive maximum 0', { properties: { receiveMaximum: 0 } }, 0x82],
  ])('MQTT 5: %s', async (_, more, code) => {
    expect((await answerTo(5, more)).code).toBe(code)
  })

  test.each(versions)('level %i: a will is taken, and never published', async version => {
    const { port, intake } = await listen()
    const will = { topic: 'trackers/watch/omh', payload: 'last words' }
    const peer = await enter(port, version, { will })
    peer.socket.destroy()
    await enter(port, version)
    expect(intake.arrivals).toEqual([])
  })

  test('another connection of the device takes over', async () => {
    const { port, intake } = await listen()
    const old = await enter(port, 5)
    const oldest = await enter(port, 4, { clientId: 'scale', username: 'scale' })
    const young = await enter(port, 4)
    await enter(port, 4, { clientId: 'scale', username: 'scale' })
    expect(await old.next('disconnect')).toMatchObject({ reasonCode: 0x8e })
    await old.closed
    await oldest.closed
    young.send(publish(1, 'still here'))
    await young.next('puback')
    expect(intake.payloads).toEqual(['still here'])
  })

  test('who stays silent is dropped', async () => {
    const time = new ManualTime()
    const { port, intake } = await listen(new FakeIntake(), {}, time)
    const peer = new Peer(port, 5)
    const known = await enter(port, 5)
    await until(() => peer.socket.readyState === 'open')
    time.pass(limits.mqttConnectMs)
    await peer.closed
    expect(intake.refusals).toEqual(['E_MQTT_KEEP_ALIVE'])
    expect(known.socket.destroyed).toBe(false)
  })

  test('keep-alive: one and a half of it without a packet ends the connection, a ping keeps it', async () => {
    const time = new ManualTime()
    const { port } = await listen(new FakeIntake(), {}, time)
    const peer = await enter(port, 5, { keepalive: 10 })
    time.pass(14_000)
    peer.send({ cmd: 'pingreq' })
    await peer.next('pingresp')
    time.pass(14_000)
    peer.send({ cmd: 'pingreq' })
    await peer.next('pingresp')
    time.pass(15_000)
    expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x8d })
    await peer.closed
  })

  test('a busy port is named', async () => {
    const { port } = await listen()
    await expect(listen(new FakeIntake(), { port })).rejects.toMatchObject({ code: 'E_PORT_BUSY' })
  })
})
