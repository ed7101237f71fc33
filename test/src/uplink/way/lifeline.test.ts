import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { kafkaMissing, type LocalKafka, startKafka } from '../../../../scripts/kafka/local.ts'
import { machine } from '../../../../src/environment.ts'
import { silent } from '../../../../src/log.ts'
import { createTopics, type KafkaSettings } from '../../../../src/uplink/kafka/kafka.ts'
import { openSession, type Session } from '../../../../src/uplink/kafka/session.ts'
import { type Lifeline, type LifelineOptions, openLifeline } from '../../../../src/uplink/way/lifeline.ts'
import { type Fault, type KafkaProxy, kafkaProxy, produceApi } from '../../../net/kafka-proxy.ts'
import { row } from '../rows.ts'

const never = 600_000
const deps = { environment: machine, log: silent }

describe('a lifeline', () => {
  const servers: Server[] = []
  const lifelines: Lifeline[] = []

  afterEach(() => {
    for (const lifeline of lifelines.splice(0)) lifeline.end(new Error('done'))
    for (const server of servers.splice(0)) server.close()
  })

  function open(options: LifelineOptions = {}): Lifeline {
    const lifeline = openLifeline(options)
    lifelines.push(lifeline)
    return lifeline
  }

  /** Takes connections and says nothing; `next` is the far end of the next one. */
  async function startSilent() {
    const far: Socket[] = []
    const server = createServer(socket => far.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return { port, far }
  }

  function dial(lifeline: Lifeline, port: number, host = '127.0.0.1'): Socket {
    const socket = lifeline.socketFactory({ host, port, ssl: null as never, onConnect() {} })
    return socket.on('error', () => {})
  }

  test('its end ends what the client waits for; a socket that only closes would leave it waiting for ever', async () => {
    const { port, far } = await startSilent()
    const lifeline = open()
    const kafka = new Kafka({
      brokers: [`127.0.0.1:${port}`],
      logLevel: logLevel.NOTHING,
      connectionTimeout: never,
      requestTimeout: never,
      retry: { retries: 0 },
      socketFactory: lifeline.socketFactory,
    })
    const connecting = kafka.admin().connect()
    await expect.poll(() => far.length).toBe(1)
    await once(far[0]!, 'data') // it waits for its first answer now
    lifeline.end(new Error('no answer in time'))
    await expect(connecting).rejects.toThrow()
  })

  test('when it is guarded, the loss of one connection ends all of them; before that, none', async () => {
    const { port, far } = await startSilent()
    const lifeline = open()
    const sockets = [dial(lifeline, port), dial(lifeline, port), dial(lifeline, port)]
    await expect.poll(() => far.length).toBe(3)
    far[0]?.destroy()
    await once(sockets[0]!, 'close')
    expect(lifeline.ended()).toBe(false)
    lifeline.guard()
    far[1]?.destroy()
    await expect(lifeline.broken).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    expect(sockets.map(socket => socket.destroyed)).toEqual([true, true, true])
    expect(() => dial(lifeline, port)).toThrow()
  })

  const near = { host: '127.0.0.1', port: 1, authorization: null }
  const far = { ...near, host: '192.0.2.1' }

  test.each<[LifelineOptions, string, string | null]>([
    [{}, '127.0.0.1', null],
    [{}, 'localhost', null],
    [{}, '::1', null],
    [{ proxy: near }, '127.0.0.1', null],
    [{}, '192.0.2.1', 'OFF_LOOPBACK_WITHOUT_TLS'],
    [{}, '127.0.0.1.example', 'OFF_LOOPBACK_WITHOUT_TLS'],
    [{ proxy: near }, '192.0.2.1', 'OFF_LOOPBACK_WITHOUT_TLS'],
    [{ proxy: far }, '127.0.0.1', 'OFF_LOOPBACK_WITHOUT_TLS'],
    [{ plaintext: true }, '192.0.2.1', null],
    [{ tls: {} }, '192.0.2.1', null],
    [{ tls: {}, loopbackOnly: true }, '127.0.0.1', null],
    [{ tls: {}, loopbackOnly: true }, '192.0.2.1', 'DEMO_OFF_LOOPBACK'],
    [{ plaintext: true, loopbackOnly: true }, '192.0.2.1', 'DEMO_OFF_LOOPBACK'],
    [{ tls: {} }, 'kafka\r\nX-Injected: yes', 'BAD_ADDRESS'],
  ])('with %j it goes to %s, or ends: %s', async (options, host, symbol) => {
    const lifeline = open(options)
    if (!symbol) return void dial(lifeline, 9092, host).destroy()
    expect(() => dial(lifeline, 9092, host)).toThrow()
    await expect(lifeline.broken).rejects.toMatchObject({ code: symbol })
  })
})

const missing = kafkaMissing()

describe.skipIf(missing)(`a session with a real broker${missing ? ` (${missing})` : ''}`, () => {
  let broker: LocalKafka
  let proxy: KafkaProxy
  let fault: (api: number) => Fault = () => 'forward'
  const sessions: Session[] = []
  const asked: number[] = []

  beforeAll(async () => {
    let port = 0
    proxy = await kafkaProxy(
      () => port,
      api => {
        asked.push(api)
        return fault(api)
      },
    )
    broker = await startKafka({ advertised: proxy.address })
    port = Number(broker.bootstrap.split(':')[1])
    await createTopics(settings({}), { partitions: 1, replication: 1 }, deps)
  }, 120_000)

  afterEach(() => {
    fault = () => 'forward'
    asked.length = 0
    for (const session of sessions.splice(0)) session.end()
  })

  afterAll(async () => {
    await proxy?.close()
    await broker?.stop()
  })

  function settings(change: Partial<KafkaSettings>): KafkaSettings {
    return { name: 'cloud', brokers: [proxy.address], topicPrefix: 't', clientId: 'test', ...change }
  }

  async function open(change: Partial<KafkaSettings> = {}): Promise<Session> {
    const session = await openSession(settings(change), null, deps)
    sessions.push(session)
    return session
  }

  test('a connection that is lost while nothing is sent ends it: what is at the address afterwards may be another cluster', async () => {
    const session = await open()
    expect(session.ended()).toBe(false)
    proxy.cut()
    await expect.poll(session.ended).toBe(true)
  })

  test('what the cluster said to the one attempt of a batch is kept, although a second one is begun and forbidden', async () => {
    const session = await open()
    fault = api => (api === produceApi ? 'poor' : 'forward')
    await expect(session.produce('t.fhir', 0, [row(1, { prefix: 't' })])).rejects.toMatchObject({
      code: 'E_UPLINK_DOWN',
      at: 't.fhir',
      cause: 'NOT_ENOUGH_REPLICAS',
    })
  })

  test.each([
    ['the greeting', 18],
    ['the producer id', 22],
  ])('when %s is not answered it ends; nothing is asked again on the silent connection', async (_, silentApi) => {
    fault = api => (api === silentApi ? 'swallow' : 'forward')
    const impatient = { connectionTimeout: 1500, requestTimeout: 1500 }
    await expect(open(impatient)).rejects.toMatchObject({ code: 'E_UPLINK_DOWN', cause: 'NO_ANSWER' })
    expect(asked.filter(api => api === silentApi)).toHaveLength(1)
  })
})
