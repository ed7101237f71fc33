/** `check --online`, step by step: on a real broker, plain and with TLS, and on what is no broker. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Admin, ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaMissing, type LocalKafka, startKafka } from '../../../../scripts/kafka/local.ts'
import { freePort } from '../../../../scripts/kafka/node.ts'
import { type Environment, machine } from '../../../../src/environment.ts'
import { silent } from '../../../../src/log.ts'
import { type ProbeOptions, probe, type Step } from '../../../../src/uplink/check/probe.ts'
import { createTopics, type KafkaSettings } from '../../../../src/uplink/kafka/kafka.ts'
import { opensslMissing } from '../../../net/certificates.ts'
import { startConnectProxy } from '../../../net/connect-proxy.ts'
import { type Listener, type SecureKafka, startSecureKafka, users } from '../../../net/secure-kafka.ts'
import { startTokenEndpoint } from '../../../net/token-endpoint.ts'
import { row } from '../rows.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** A clock that is off by so much. */
const clock = (off: number): Environment => ({ ...machine, now: () => machine.now() + off })

async function steps(settings: KafkaSettings, options: Partial<ProbeOptions> = {}, environment = machine) {
  const record = row(0, { topic: `${settings.topicPrefix}.test`, value: null })
  return probe(settings, { attachment: null, record, ...options }, { environment, log: silent })
}

const bad = (found: readonly Step[]) => found.filter(({ result }) => result === 'bad')
const of = (found: readonly Step[], step: Step['step']) => found.filter(one => one.step === step)

describe('an address', () => {
  const to = (...brokers: string[]): KafkaSettings => ({ name: 'cloud', brokers, topicPrefix: 'n', clientId: 'test' })

  test('of a name that is not known', async () => {
    const found = await steps(to('broker.invalid:9092'))
    expect(of(found, 'name')).toMatchObject([
      {
        at: 'broker.invalid:9092',
        result: 'bad',
        code: 'E_UPLINK_DOWN',
        cause: 'ENOTFOUND',
        advice: expect.stringContaining('DNS'),
      },
    ])
    expect(of(found, 'connect')).toEqual([])
  })

  test('where nobody listens', async () => {
    const found = await steps(to('127.0.0.1:1'))
    expect(of(found, 'connect')).toMatchObject([{ result: 'bad', cause: 'ECONNREFUSED', advice: expect.any(String) }])
    expect(of(found, 'login')).toEqual([])
  })

  describe('that takes connections and answers nothing', () => {
    const open = new Set<Socket>()
    const mute = createServer(socket => void open.add(socket))
    let address: string

    beforeAll(async () => {
      await once(mute.listen(0, '127.0.0.1'), 'listening')
      address = `127.0.0.1:${(mute.address() as AddressInfo).port}`
    })

    afterAll(() => {
      for (const socket of open) socket.destroy()
      mute.close()
    })

    test('is named', async () => {
      // its times go by a hundred times faster
      const environment: Environment = { ...machine, after: (ms, then) => machine.after(ms / 100, then) }
      const found = await steps(to(address), {}, environment)
      expect(of(found, 'connect')).toMatchObject([{ result: 'good' }])
      expect(bad(found)).toMatchObject([{ step: 'login', at: address, code: 'E_UPLINK_DOWN', cause: 'NO_ANSWER' }])
    })

    test('does not keep the check longer than 30 s', async () => {
      const whole = 30_000
      const environment: Environment = { ...machine, after: (ms, then) => machine.after(ms === whole ? 200 : ms, then) }
      const found = await steps(to(address), {}, environment)
      expect(bad(found)).toMatchObject([{ step: 'time', at: 'cloud', code: 'E_UPLINK_DOWN', cause: 'NO_ANSWER' }])
    })
  })

  test('that never shakes hands: at the end of the time its connection ends too, and nothing more is tried', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    let connections = 0
    const mute = createServer(socket => {
      if (++connections === 2) socket.resume().once('close', resolve)
    })
    await once(mute.listen(0, '127.0.0.1'), 'listening')
    const address = `127.0.0.1:${(mute.address() as AddressInfo).port}`
    // the first connects, the second shakes hands; no other time is ever over
    const environment: Environment = {
      ...machine,
      after: (ms, then) => (ms === 30_000 ? machine.after(1000, then) : () => {}),
    }
    const found = await steps({ ...to(address), tls: {} }, {}, environment)
    expect(bad(found)).toMatchObject([{ step: 'time', cause: 'NO_ANSWER' }])
    await closed
    expect(connections).toBe(2)
    mute.close()
  })

  test('with a file that is not there: nothing else is tried', async () => {
    const found = await steps({ ...to('127.0.0.1:1'), tls: { ca: '/nowhere/ca.pem' } })
    expect(found).toMatchObject([{ step: 'files', at: 'tls.ca', code: 'E_UPLINK_CONFIG', cause: 'ENOENT' }])
  })
})

const missing = kafkaMissing()

describe.skipIf(missing)(`a plain broker${missing ? ` (${missing})` : ''}`, () => {
  let kafka: LocalKafka
  let admin: Admin
  /** The listener that tells its clients an address which leads nowhere. */
  let elsewhere: string
  let count = 0

  beforeAll(async () => {
    const [port, other] = [await freePort(), await freePort()]
    elsewhere = `127.0.0.1:${other}`
    kafka = await startKafka({
      port,
      secure: { port: other, protocol: 'PLAINTEXT' },
      properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},SECURE://broker-1.invalid:9092` },
    })
    admin = new Kafka({ brokers: [kafka.bootstrap], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
  }, 2 * minute)

  afterAll(async () => {
    await admin?.disconnect()
    await kafka?.stop()
  })

  const settings = (): KafkaSettings => {
    return { name: 'cloud', brokers: [kafka.bootstrap], topicPrefix: `n${count}`, clientId: 'test' }
  }

  async function fresh(): Promise<KafkaSettings> {
    count++
    await createTopics(settings(), { partitions: 3, replication: 1 }, { environment: machine, log: silent })
    return settings()
  }

  async function alter(suffix: string, values: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(values).map(([name, value]) => ({ name, value }))
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: `n${count}.${suffix}`, configEntries }]
    await admin.alterConfigs({ validateOnly: false, resources })
  }

  test('is found good from name to clock, and the test record is on the topic', async () => {
    const uplink = await fresh()
    const found = await steps(uplink)
    expect(bad(found)).toEqual([])
    const names = ['name', 'connect', 'login', 'cluster', 'topic', 'rights', 'record', 'clock']
    expect([...new Set(found.map(({ step }) => step))].sort()).toEqual(names.sort())
    expect(of(found, 'record')).toMatchObject([
      { result: 'good', note: expect.stringMatching(/^acknowledged in \d+ ms$/) },
    ])
    expect(of(found, 'clock')).toMatchObject([{ result: 'good', note: expect.stringMatching(/^0 s .* the broker$/) }])
    const offsets = await admin.fetchTopicOffsets(`n${count}.test`)
    expect(offsets.reduce((sum, { high }) => sum + Number(high), 0)).toBe(1)
    expect(of(found, 'topic').filter(({ note }) => note === 'replication=1')).toHaveLength(4)
  })

  test('is logged in at under each address that it names as well', async () => {
    const uplink = await fresh()
    const [, port] = kafka.bootstrap.split(':')
    const found = await steps({ ...uplink, brokers: [`localhost:${port}`] })
    expect(of(found, 'login')).toMatchObject([
      { at: `localhost:${port}`, result: 'good' },
      { at: kafka.bootstrap, result: 'good' },
    ])
    expect(of(found, 'cluster')).toMatchObject([{ result: 'good' }])
  })

  test('tells a clock that is off: warned of above a minute, bad above five', async () => {
    const uplink = await fresh()
    const clockOf = async (off: number) => of(await steps(uplink, {}, clock(off)), 'clock')
    expect(await clockOf(30_000)).toMatchObject([{ result: 'good', note: expect.stringMatching(/^30 s ahead of/) }])
    expect(await clockOf(-2 * minute)).toMatchObject([
      { result: 'warning', note: expect.stringMatching(/^120 s behind/) },
    ])
    expect(await clockOf(6 * minute)).toMatchObject([
      { result: 'bad', cause: 'CLOCK', advice: expect.stringContaining('NTP') },
    ])
    await alter('test', { 'cleanup.policy': 'delete', 'message.timestamp.type': 'CreateTime' })
    expect(await clockOf(6 * minute)).toMatchObject([{ result: 'good', note: expect.stringContaining('not told') }])
  })

  test('says without a record why there is none', async () => {
    const found = await steps(await fresh(), { record: 'no key here' })
    expect(of(found, 'record')).toMatchObject([{ result: 'skipped', note: 'no key here' }])
    expect(bad(found)).toEqual([])
    const offsets = await admin.fetchTopicOffsets(`n${count}.test`)
    expect(offsets.every(({ high }) => high === '0')).toBe(true)
  })

  test('names each setting of a topic that breaks a promise, and sends nothing', async () => {
    const uplink = await fresh()
    await alter('fhir', { 'cleanup.policy': 'compact,delete', 'retention.ms': '-1', 'max.message.bytes': '500000' })
    await alter('keys', { 'cleanup.policy': 'compact', 'delete.retention.ms': `${day}` })
    await admin.deleteTopics({ topics: [`n${count}.audit`] })
    const found = await steps(uplink)
    expect(bad(found).map(({ at, code, note }) => `${at} ${code} ${note}`)).toEqual([
      `n${count}.fhir E_UPLINK_CONFIG cleanup.policy=compact,delete`,
      `n${count}.fhir E_UPLINK_CONFIG retention.ms=-1`,
      `n${count}.fhir E_UPLINK_CONFIG max.message.bytes=500000`,
      `n${count}.keys E_UPLINK_CONFIG max.compaction.lag.ms=9223372036854775807`,
      `n${count}.keys E_UPLINK_CONFIG delete.retention.ms=${day}`,
    ])
    expect(of(found, 'record')).toMatchObject([{ result: 'skipped' }])
  })

  test('names a topic that is missing', async () => {
    const uplink = await fresh()
    await admin.deleteTopics({ topics: [`n${count}.test`] })
    expect(bad(await steps(uplink))).toMatchObject([
      { step: 'topic', at: `n${count}.test`, code: 'E_UPLINK_CONFIG', cause: 'NO_SUCH_TOPIC' },
    ])
  })

  test('knows the cluster and the partitions from before', async () => {
    const uplink = await fresh()
    const foreign = await steps(uplink, { attachment: { cluster: 'AAAAAAAAAAAAAAAAAAAAAA', partitions: {} } })
    expect(bad(foreign)).toMatchObject([{ step: 'cluster', code: 'E_UPLINK_CLUSTER' }])
    expect(of(foreign, 'record')).toMatchObject([{ result: 'skipped' }])
    const { clusterId } = await admin.describeCluster()
    const partitions = { [`n${count}.fhir`]: 2, [`n${count}.keys`]: 1 }
    const found = await steps(uplink, { attachment: { cluster: clusterId, partitions } })
    expect(of(found, 'cluster')).toMatchObject([{ result: 'good', note: `${clusterId}, as before` }])
    expect(of(found, 'topic').filter(({ note }) => note?.includes('first saw'))).toMatchObject([
      { at: `n${count}.fhir`, result: 'warning', note: 'it had 2 partitions when the box first saw it' },
    ])
  })

  test('whose data folder cannot be read is not called the same as before', async () => {
    const found = await steps(await fresh(), { attachment: 'data folder cannot be read' })
    const { clusterId } = await admin.describeCluster()
    expect(of(found, 'cluster')).toMatchObject([
      { result: 'warning', note: `${clusterId}, not compared: data folder cannot be read` },
    ])
    expect(bad(found)).toEqual([])
  })

  test('beside one of another cluster: addresses of two clusters are bad', async () => {
    const other = await startKafka()
    const uplink = await fresh()
    for (const brokers of [
      [...uplink.brokers, other.bootstrap],
      [other.bootstrap, ...uplink.brokers],
    ]) {
      const found = await steps({ ...uplink, brokers })
      expect(of(found, 'login')).toMatchObject([{ result: 'good' }, { result: 'good' }])
      expect(bad(found)).toMatchObject([{ step: 'cluster', code: 'E_UPLINK_CLUSTER' }])
      expect(of(found, 'topic')).toMatchObject([{ result: 'skipped' }])
    }
    await other.stop()
  })

  test('warns of settings that take records away early, or want a better clock', async () => {
    const uplink = await fresh()
    const limits = { 'retention.ms': '3600000', 'retention.bytes': '1000000', 'message.timestamp.after.max.ms': '1000' }
    await alter('fhir', { 'cleanup.policy': 'delete', ...limits })
    const found = of(await steps(uplink), 'topic').filter(({ at }) => at === `n${count}.fhir`)
    for (const [setting, value] of Object.entries(limits)) {
      expect(found).toContainEqual(expect.objectContaining({ result: 'warning', note: `${setting}=${value}` }))
    }
  })

  test('that names itself by an address which the box cannot find', async () => {
    const found = await steps({ ...settings(), brokers: [elsewhere] })
    expect(of(found, 'login')).toMatchObject([{ result: 'good' }])
    expect(of(found, 'name').filter(({ result }) => result === 'bad')).toMatchObject([
      { at: 'broker-1.invalid:9092', code: 'E_UPLINK_DOWN', cause: 'ENOTFOUND' },
    ])
    expect(of(found, 'record')).toMatchObject([{ result: 'skipped' }])
  })
})

const notSecure = missing ?? opensslMissing()

describe.skipIf(notSecure)(`a broker with TLS and logins${notSecure ? ` (${notSecure})` : ''}`, () => {
  let broker: SecureKafka

  beforeAll(async () => {
    broker = await startSecureKafka()
    const plain = { name: 'admin', brokers: [broker.kafka.bootstrap], topicPrefix: 'n', clientId: 'admin' }
    await createTopics(plain, { partitions: 2, replication: 1 }, { environment: machine, log: silent })
  }, 2 * minute)

  afterAll(() => broker?.kafka.stop())

  const to = (listener: Listener, change: Partial<KafkaSettings> = {}): KafkaSettings => {
    const base = { name: 'cloud', brokers: [broker.at[listener]], topicPrefix: 'n', clientId: 'test' }
    return { ...base, tls: { ca: broker.ca }, ...change }
  }
  const password = (text: string) => {
    const passwordFile = broker.file('password', text)
    return { sasl: { mechanism: 'scram-sha-512', username: 'box', passwordFile } } as const
  }

  test('is found good, and says when certificates run out', async () => {
    const found = await steps(to('secure', password(users.box)))
    expect(bad(found)).toEqual([])
    expect(of(found, 'tls')).toMatchObject([{ result: 'warning', note: 'the certificate runs out in 19 days' }])
    expect(of(found, 'login')).toMatchObject([{ result: 'good', note: 'as set by sasl (scram-sha-512)' }])
    expect(of(found, 'record')).toMatchObject([{ result: 'good' }])
    const mutual = await steps(
      to('mutual', { tls: { ca: broker.ca, cert: broker.client.cert, key: broker.client.key } }),
    )
    expect(bad(mutual)).toEqual([])
    expect(of(mutual, 'files')).toMatchObject([{ at: 'tls.cert', note: 'our certificate runs out in 19 days' }])
    const { cert, key } = broker.issue('old', { expired: true })
    expect(of(await steps(to('mutual', { tls: { ca: broker.ca, cert, key } })), 'files')).toMatchObject([
      { at: 'tls.cert', result: 'bad', code: 'E_UPLINK_CONFIG', cause: 'CERT_HAS_EXPIRED' },
    ])
    const late = await steps(to('secure', password(users.box)), {}, clock(-day))
    expect(of(late, 'tls')).toMatchObject([{ note: 'the certificate runs out in 20 days' }])
  })

  test('says what is wrong with a certificate, and where', async () => {
    expect(bad(await steps(to('expired')))).toMatchObject([
      { step: 'tls', at: broker.at.expired, code: 'E_UPLINK_CONFIG', cause: 'CERT_HAS_EXPIRED' },
    ])
    expect(of(await steps(to('elsewhere')), 'tls')).toMatchObject([{ cause: 'ERR_TLS_CERT_ALTNAME_INVALID' }])
    expect(of(await steps(to('secure', { tls: {} })), 'tls')).toMatchObject([{ code: 'E_UPLINK_CONFIG' }])
  })

  test('says that a login is refused, and that the port wants TLS', async () => {
    const { tls: _, ...plain } = to('tls')
    expect(bad(await steps(plain))).toMatchObject([{ step: 'login', at: broker.at.tls, cause: 'PORT_SPEAKS_TLS' }])
    expect(bad(await steps(to('secure', password('wrong'))))).toMatchObject([
      {
        step: 'login',
        code: 'E_UPLINK_AUTH',
        cause: 'SASL_AUTHENTICATION_FAILED',
        advice: expect.stringContaining('passwordFile'),
      },
    ])
  })

  test('is reached through a proxy, which looks up the names', async () => {
    const proxy = await startConnectProxy({ names: { localhost: '127.0.0.1' } })
    const found = await steps(to('secure', { ...password(users.box), proxy: { url: proxy.url } }))
    expect(bad(found)).toEqual([])
    expect(of(found, 'name')).toMatchObject([{ note: 'the proxy looks it up' }])
    expect(of(found, 'connect')).toMatchObject([{ note: expect.stringContaining('through the proxy') }])
    await proxy.close()
    const closed = await steps(to('secure', { ...password(users.box), proxy: { url: proxy.url } }))
    expect(of(closed, 'connect')).toMatchObject([
      { result: 'bad', cause: 'PROXY_ECONNREFUSED', advice: expect.stringContaining('`proxy.url`') },
    ])
  })

  test('where the cluster tells no time, the token endpoint does', async () => {
    const client = { clientId: 'box', secret: 'sesame' }
    const endpoint = await startTokenEndpoint({ ...client, subject: 'box' })
    const clientSecretFile = broker.file('client-secret', client.secret)
    const sasl = {
      mechanism: 'oauthbearer',
      tokenUrl: endpoint.url,
      clientId: client.clientId,
      clientSecretFile,
    } as const
    const options = { record: 'no key here' }
    const found = await steps(to('secure', { sasl }), options)
    expect(of(found, 'login')).toMatchObject([{ result: 'good', note: 'as set by sasl (oauthbearer)' }])
    expect(of(found, 'clock')).toMatchObject([{ result: 'good', note: expect.stringContaining('the token endpoint') }])
    const off = await steps(to('secure', { sasl }), options, clock(-hour))
    expect(of(off, 'clock')).toMatchObject([
      { result: 'bad', note: expect.stringMatching(/^(3599|3600|3601) s behind/) },
    ])
    await endpoint.close()
  })
})
