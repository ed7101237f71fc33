/** A port that is no Kafka, and a Kafka that is not what it seems: the box says so, stays up and takes messages. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startFakeBroker } from '../net/fake-broker.ts'
import { Box, until } from './box.ts'
import { oru } from './messages.ts'
import { mllp } from './senders.ts'

test('a port that answers with four zeros does not end the gateway', { timeout: 60_000 }, async () => {
  const asked: true[] = []
  const server = createServer(socket => {
    asked.push(true)
    socket.on('error', () => {}).write(Buffer.alloc(4))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await using box = await Box.run({ yaml: withBroker(port) })
  await until(() => box.log.includes('"cause":"NOT_KAFKA"'))
  expect(await mllp(box.listen.mllp, oru('4711', 'M1', 1))).toMatchObject({ code: 'AA' })
  const before = asked.length
  await until(() => asked.length > before) // it is tried again
  expect(await mllp(box.listen.mllp, oru('4711', 'M2', 2))).toMatchObject({ code: 'AA' })
  expect(box.exitCode).toBe(null)
  expect((await box.status()).outbox.pending).toBeGreaterThan(1)
  server.close()
})

test('a cluster on loopback that names another machine does not take the demo there', { timeout: 60_000 }, async () => {
  const broker = await startFakeBroker({ advertised: { host: '192.0.2.1', port: 9092 } })
  await using box = await Box.run({ yaml: withBroker(broker.port) })
  await until(() => box.log.includes('"cause":"DEMO_OFF_LOOPBACK"'))
  expect(await mllp(box.listen.mllp, oru('4711', 'M1', 1))).toMatchObject({ code: 'AA' })
  await broker.close()
})

function withBroker(port: number) {
  const kafka = `{ name: cloud, type: kafka, brokers: ['127.0.0.1:${port}'] }`
  return (yaml: string) => yaml.replace('{ name: cloud, type: file, dir: ./out }', kafka)
}
