/** Whatever a port says, it does not end the gateway, and does not fill its memory. */
import { once } from 'node:events'
import { createServer as createHttp2 } from 'node:http2'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { machine } from '../../../../src/environment.ts'
import { MiB } from '../../../../src/limits.ts'
import { silent } from '../../../../src/log.ts'
import { kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import { nowhere, row } from '../rows.ts'

const servers: Pick<Server, 'close'>[] = []
const sockets = new Set<Socket>()
const escaped: unknown[] = []
const keep = (error: unknown) => void escaped.push(error)

beforeEach(() => {
  process.on('uncaughtException', keep).on('unhandledRejection', keep)
})

afterEach(() => {
  process.off('uncaughtException', keep).off('unhandledRejection', keep)
  for (const socket of sockets) socket.destroy()
  for (const server of servers.splice(0)) server.close()
  expect(escaped.splice(0)).toEqual([])
})

async function listening(server: Server): Promise<string> {
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function serve(handle: (socket: Socket) => void): Promise<string> {
  return listening(
    createServer(socket => {
      sockets.add(socket.on('error', () => {}))
      handle(socket)
    }),
  )
}

function open(address: string, ms: number) {
  const settings = { name: 'cloud', brokers: [address], topicPrefix: 'n', clientId: 'test' }
  return kafkaUplink({ ...settings, connectionTimeout: ms, requestTimeout: ms }, { environment: machine, log: silent })
}

/** The length of a frame, and the number of the answer to the first request. */
const framed = (size: number, ...bytes: readonly number[]) =>
  Buffer.concat([Buffer.from(Int32Array.of(size).buffer).swap32(), Buffer.alloc(4), Buffer.from(bytes)])

const greetings: readonly [string, Buffer][] = [
  ['an empty frame', Buffer.alloc(4)],
  ['a frame of three bytes', Buffer.from([0, 0, 0, 3, 1, 2, 3])],
  ['a length below zero', framed(-5, 1, 2, 3)],
  ['telnet', Buffer.from([0xff, 0xfd, 0x18, 0xff, 0xfd, 0x20])],
  ['ZeroMQ', Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f])],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')],
  ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['an answer that breaks off', framed(5, 0)],
]

test.each(greetings)('a port that says %s is no Kafka: said so, tried again, nothing ends', async (_, greeting) => {
  const uplink = open(await serve(socket => socket.once('data', () => socket.write(greeting))), 2000)
  const trouble = { code: 'E_UPLINK_CONFIG', advice: expect.stringMatching(/does not speak Kafka/) }
  await expect(uplink.connect(nowhere)).rejects.toMatchObject(trouble)
  expect(await uplink.send([row(1)])).toMatchObject([{ kind: 'again', ...trouble }])
  await uplink.close()
})

/** No room is made for them: what fails is the number, not the reading of the first. */
test.each([0x7fffffff, 0x01ffffff, -2])('an answer that announces %i elements', async elements => {
  const answer = framed(10, 0, 0, ...Buffer.from(Int32Array.of(elements).buffer).swap32())
  const uplink = open(await serve(socket => socket.once('data', () => socket.write(answer))), 2000)
  await expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_CONFIG', cause: 'NOT_KAFKA' })
  await uplink.close()
})

test('HTTP/2, which speaks first', async () => {
  const uplink = open(await listening(createHttp2() as unknown as Server), 2000)
  await expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_CONFIG' })
  await uplink.close()
})

test('an answer that announces two gigabytes is not waited for', async () => {
  let sent = 0
  const address = await serve(socket => {
    const more = () => {
      while (!socket.destroyed && sent < 256 * MiB && socket.write(Buffer.alloc(MiB))) sent += MiB
    }
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
    socket.on('drain', more)
    more()
  })
  const uplink = open(address, 10_000)
  await expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_CONFIG', cause: 'NOT_KAFKA' })
  expect(sent).toBeLessThan(64 * MiB)
  await uplink.close()
})

test('three hundred connections with answers of chance (seed 1): each ends with an error, nothing escapes', {
  timeout: 60_000,
}, async () => {
  const chance = random(1)
  const below = (n: number) => Math.floor(chance() * n)
  const bytes = (n: number) => Array.from({ length: n }, () => below(4) && below(256))
  const says = [
    () => Buffer.from(bytes(1 + below(40))),
    () => framed(below(24), ...bytes(below(40))),
    () => framed(4 + 16, ...bytes(16)),
    () => framed(12, 0, 0, 0, 0, 0, below(3), ...bytes(6)),
  ]
  const address = await serve(socket => {
    socket.on('data', () => socket.write(says[below(says.length)]!()))
  })
  const failures: string[] = []
  const one = async () => {
    const uplink = open(address, 300)
    await uplink.connect(nowhere).catch(({ code }) => failures.push(code))
    await uplink.close()
  }
  for (let round = 0; round < 6; round++) await Promise.all(Array.from({ length: 50 }, one))
  expect(failures).toHaveLength(300)
  expect(failures.filter(code => !code.startsWith('E_UPLINK_'))).toEqual([])
})

/** Mulberry32: the same numbers each time. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
