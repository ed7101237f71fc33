/** A real client library (mqtt.js) against the endpoint. */
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { FakeIntake, kept, later, listen, never, tidyUp, until, type Version } from './wire.ts'

const clients: MqttClient[] = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map(client => client.endAsync(true)))
  await tidyUp()
})

async function client(port: number, version: Version, more: Partial<IClientOptions> = {}): Promise<MqttClient> {
  const made = await connectAsync({
    host: '127.0.0.1',
    port,
    protocolVersion: version,
    clientId: 'watch',
    username: 'watch',
    password: 'secret',
    reconnectPeriod: 5,
    ...more,
  })
  made.on('error', () => undefined)
  clients.push(made)
  return made
}

describe.each<Version>([4, 5])('mqtt.js, level %i', version => {
  test('publishes with QoS 0 and 1, and is answered', async () => {
    const { port, intake } = await listen()
    const watch = await client(port, version)
    await watch.publishAsync('trackers/watch/omh', 'first', { qos: 0 })
    await watch.publishAsync('trackers/watch/omh', 'second', { qos: 1 })
    expect(intake.payloads).toEqual(['first', 'second'])
  })

  test('hears what was refused', async () => {
    const { port } = await listen(Object.assign(new FakeIntake(), { judge: () => never }))
    const watch = await client(port, version)
    const words: unknown[] = []
    watch.on('message', (_, payload) => words.push(JSON.parse(payload.toString())))
    await watch.subscribeAsync('trackers/watch/status')
    const sent = watch.publishAsync('trackers/watch/omh', 'a', { qos: 1 })
    if (version === 5) await expect(sent).rejects.toMatchObject({ code: 0x99 })
    else await sent
    await until(() => words.length === 1)
    expect(words[0]).toMatchObject({ refused: 'E_UNIT', at: '$.body.heart_rate.unit' })
  })

  test('a burst of 2,000 at once arrives whole and in order', async () => {
    const { port, intake } = await listen()
    const watch = await client(port, version)
    const payloads = Array.from({ length: 2000 }, (_, i) => `${i}`.padEnd(300))
    await Promise.all(payloads.map(payload => watch.publishAsync('trackers/watch/omh', payload, { qos: 1 })))
    expect(intake.payloads).toEqual(payloads)
  })

  test('is let in with the right secret only', async () => {
    const { port } = await listen()
    const wrong = client(port, version, { password: 'guess', reconnectPeriod: 0 })
    await expect(wrong).rejects.toMatchObject({ code: version === 5 ? 0x86 : 4 })
  })
})

test('3.1.1: what was not taken now is sent again by the client until it is', async () => {
  const verdicts = [later, kept]
  const { port, intake } = await listen(Object.assign(new FakeIntake(), { judge: () => verdicts.shift()! }))
  const watch = await client(port, 4)
  await watch.publishAsync('trackers/watch/omh', 'keep me', { qos: 1 })
  expect(intake.payloads).toEqual(['keep me', 'keep me'])
})
