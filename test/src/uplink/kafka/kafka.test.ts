import { randomBytes } from 'node:crypto'
import { type Admin, ConfigResourceTypes } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { kafkaMissing, type LocalKafka, startKafka } from '../../../../scripts/kafka/local.ts'
import { machine } from '../../../../src/environment.ts'
import { limits } from '../../../../src/limits.ts'
import { silent } from '../../../../src/log.ts'
import type { Uplink } from '../../../../src/ports.ts'
import { createTopics, type KafkaSettings, kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import { type Fault, kafkaProxy, produceApi } from '../../../net/kafka-proxy.ts'
import { expectComplete, expectOrder, inSeqOrder, observer, readAll } from '../found.ts'
import { drainAll, nowhere, row, rows } from '../rows.ts'

const deps = { environment: machine, log: silent }
const minute = 60_000

const missing = kafkaMissing()

describe.skipIf(missing)(`the Kafka uplink, on a real broker${missing ? ` (${missing})` : ''}`, () => {
  let kafka: LocalKafka
  let proxied: Awaited<ReturnType<typeof startProxied>>
  let admin: Admin
  let count = 0
  const uplinks: Uplink[] = []

  beforeAll(async () => {
    kafka = await startKafka()
    proxied = await startProxied()
    admin = observer(kafka.bootstrap).admin()
    await admin.connect()
  }, 2 * minute)

  afterEach(async () => {
    for (const uplink of uplinks.splice(0)) await uplink.close()
  })

  afterAll(async () => {
    await admin?.disconnect()
    await proxied?.close()
    await kafka?.stop()
  })

  function settings(change: Partial<KafkaSettings> = {}): KafkaSettings {
    const base = { name: 'cloud', brokers: [kafka.bootstrap], topicPrefix: `t${count}`, clientId: 'test' }
    return { ...base, connectionTimeout: 1000, requestTimeout: 1000, ...change }
  }

  function open(change: Partial<KafkaSettings> = {}): Uplink {
    const uplink = kafkaUplink(settings(change), deps)
    uplinks.push(uplink)
    return uplink
  }

  /** Fresh topics for one test; returns their prefix. */
  async function topics(partitions = 3): Promise<string> {
    count++
    await createTopics(settings(), { partitions, replication: 1 }, deps)
    return settings().topicPrefix
  }

  async function alter(topic: string, name: string, value: string): Promise<void> {
    const configEntries = [{ name, value }]
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }]
    await admin.alterConfigs({ validateOnly: false, resources })
  }

  test('delivers in order, with keys, headers and null values', async () => {
    const prefix = await topics()
    const uplink = open()
    expect((await uplink.connect(nowhere)).cluster).toMatch(/^[\w-]{22}$/)
    const log = [...rows(1, 200, { prefix }), row(201, { prefix, key: 'p1-ü', value: null })]
    expect((await drainAll(uplink, log)).troubles).toEqual([])
    const found = await readAll(kafka.bootstrap, `${prefix}.fhir`)
    expect(inSeqOrder(found).map(({ key, value }) => ({ key, value }))).toEqual(
      log.map(({ key, value }) => ({ key, value: value && Buffer.from(value).toString() })),
    )
    expect(found.every(record => record.headers['cg-seq'] === `${record.seq}`)).toBe(true)
    expectOrder(found)
    expect(new Set(found.map(record => record.partition)).size).toBe(3)
  })

  test('acknowledges key records before the data that needs them', async () => {
    const prefix = await topics(1)
    const uplink = open()
    const page = [row(1, { prefix }), row(2, { prefix, lane: 'key' }), row(3, { prefix })]
    await alter(`${prefix}.keys`, 'cleanup.policy', 'compact,delete')
    await uplink.connect(nowhere)
    await admin.deleteTopics({ topics: [`${prefix}.keys`] })
    expect(await uplink.send(page)).toMatchObject([{ kind: 'again' }])
    expect(await readAll(kafka.bootstrap, `${prefix}.fhir`)).toEqual([])
    await createTopics(settings(), { partitions: 1, replication: 1 }, deps)
    await drainAll(uplink, page)
    expect(inSeqOrder(await readAll(kafka.bootstrap, `${prefix}.fhir`)).map(record => record.seq)).toEqual([1, 3])
  })

  test('refuses compact on data, and keys without it, by topic and setting', async () => {
    const prefix = await topics(1)
    await alter(`${prefix}.fhir`, 'cleanup.policy', 'compact,delete')
    await expect(open().connect(nowhere)).rejects.toThrow(/^E_UPLINK_CONFIG: .* at t\d+\.fhir \(CLEANUP_POLICY\)$/)
    await alter(`${prefix}.fhir`, 'cleanup.policy', 'delete')
    await alter(`${prefix}.keys`, 'cleanup.policy', 'delete')
    await expect(open().connect(nowhere)).rejects.toThrow(/^E_UPLINK_CONFIG: .* at t\d+\.keys \(CLEANUP_POLICY\)$/)
  })

  test('names the topic that is missing', async () => {
    count++
    await expect(open().connect(nowhere)).rejects.toThrow(/^E_UPLINK_CONFIG: .* at t\d+\.fhir \(NO_SUCH_TOPIC\)$/)
    const prefix = await topics()
    await admin.deleteTopics({ topics: [`${prefix}.test`] })
    await expect(open().connect(nowhere)).rejects.toThrow(/^E_UPLINK_CONFIG: .* at t\d+\.test \(NO_SUCH_TOPIC\)$/)
    await createTopics(settings(), { partitions: 3, replication: 1 }, deps)
    const uplink = open()
    expect(await uplink.send([row(1, { prefix, topic: `${prefix}.other` })])).toMatchObject([
      { kind: 'again', code: 'E_UPLINK_CONFIG' },
    ])
  })

  test('makes missing topics only', async () => {
    const prefix = await topics()
    expect(await createTopics(settings(), { partitions: 3, replication: 1 }, deps)).toEqual([])
    await admin.deleteTopics({ topics: [`${prefix}.test`] })
    expect(await createTopics(settings(), { partitions: 3, replication: 1 }, deps)).toEqual([`${prefix}.test`])
  })

  test('finds another cluster behind the address', async () => {
    await topics()
    await expect(open().connect({ ...nowhere, cluster: 'AAAAAAAAAAAAAAAAAAAAAA' })).rejects.toMatchObject({
      code: 'E_UPLINK_CLUSTER',
    })
  })

  test('says that nobody answers', async () => {
    await expect(open({ brokers: ['127.0.0.1:1'] }).connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_DOWN' })
  })

  test('parks a record that is too large and delivers its neighbours', async () => {
    const prefix = await topics(1)
    const uplink = open()
    const log = rows(1, 60, { prefix })
    for (const seq of [20, 41]) log[seq - 1] = row(seq, { prefix, value: incompressible(20_000) })
    await uplink.connect(nowhere)
    await alter(`${prefix}.fhir`, 'max.message.bytes', '15000') // after the connect, so that only bisecting finds them
    const { parked } = await drainAll(uplink, log, 60)
    expect(parked).toEqual([20, 41])
    const found = await readAll(kafka.bootstrap, `${prefix}.fhir`)
    expect(found.map(record => record.seq)).toEqual(log.map(({ seq }) => seq).filter(seq => !parked.includes(seq)))
  })

  test('a clock that is two hours ahead parks nothing: all goes out once it is set', async () => {
    const prefix = await topics(1)
    const uplink = open()
    const log = rows(1, 8, { prefix })
    const real = Date.now
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => real() + 120 * minute)
    for (const page of [log, log.slice(0, 1)]) {
      expect(await uplink.send(page)).toMatchObject([
        { kind: 'again', code: 'E_UPLINK_CONFIG', cause: 'INVALID_TIMESTAMP', advice: expect.stringContaining('NTP') },
      ])
    }
    clock.mockRestore()
    expect(await drainAll(uplink, log)).toEqual({ parked: [], troubles: [] })
    expectComplete(await readAll(kafka.bootstrap, `${prefix}.fhir`), 8)
  })

  test('a topic that refuses every record parks none of them', async () => {
    const prefix = await topics(1)
    const uplink = open()
    const log = rows(1, 20, { prefix })
    await uplink.connect(nowhere)
    await alter(`${prefix}.fhir`, 'max.message.bytes', '100')
    const all = { kind: 'again', code: 'E_UPLINK_CONFIG', at: `${prefix}.fhir`, cause: 'ALL_MESSAGE_TOO_LARGE' }
    for (const page of [log, log, log.slice(0, 1)]) expect(await uplink.send(page)).toMatchObject([all])
    await alter(`${prefix}.fhir`, 'max.message.bytes', '1000000')
    expect(await drainAll(uplink, log)).toEqual({ parked: [], troubles: [] })
    expectComplete(await readAll(kafka.bootstrap, `${prefix}.fhir`), 20)
  })

  test('a record that is too large and has no neighbour does not block the way', async () => {
    const prefix = await topics(1)
    const uplink = open()
    const log = [row(1, { prefix, value: incompressible(90_000) }), row(2, { prefix })]
    await uplink.connect(nowhere)
    await alter(`${prefix}.fhir`, 'max.message.bytes', '70000')
    expect((await drainAll(uplink, log, 1)).parked).toEqual([1])
  })

  test('nothing follows a refused record before the caller has parked it', async () => {
    const prefix = await topics(1)
    const uplink = open()
    const log = rows(1, 5, { prefix })
    for (const seq of [2, 3, 4]) log[seq - 1] = row(seq, { prefix, value: incompressible(20_000) })
    await uplink.connect(nowhere)
    await alter(`${prefix}.fhir`, 'max.message.bytes', '15000')
    const there = async () => (await readAll(kafka.bootstrap, `${prefix}.fhir`)).map(record => record.seq)
    for (const seq of [2, 3, 4]) {
      const left = log.filter(row => row.seq === 1 || row.seq >= seq)
      const refused = [{ kind: 'unsendable', seq, code: 'E_UPLINK_REJECTED' }]
      expect(await uplink.send(left)).toEqual(refused)
      expect(await uplink.send(left)).toEqual(refused) // it could not be written down
      expect(await there()).toEqual([1])
    }
    expect(await uplink.send([log[0]!, log[4]!])).toEqual([{ kind: 'delivered', through: 5 }])
    expect(await there()).toEqual([1, 5])
  })

  test('a refused record without a neighbour before it: what follows in its partition waits until it is parked', async () => {
    const prefix = await topics(1)
    const uplink = open()
    const log = [row(1, { prefix, value: incompressible(20_000) }), row(2, { prefix })]
    await uplink.connect(nowhere)
    await alter(`${prefix}.fhir`, 'max.message.bytes', '15000')
    const there = async () => (await readAll(kafka.bootstrap, `${prefix}.fhir`)).map(record => record.seq)
    const blamed = [{ kind: 'again', code: 'E_UPLINK_CONFIG', cause: 'ALL_MESSAGE_TOO_LARGE' }]
    for (let round = 1; round < limits.suspectRounds; round++) expect(await uplink.send(log)).toMatchObject(blamed)
    expect(await uplink.send(log)).toEqual([{ kind: 'unsendable', seq: 1, code: 'E_UPLINK_REJECTED' }])
    expect(await there()).toEqual([])
    expect(await uplink.send(log.slice(1))).toEqual([{ kind: 'delivered', through: 2 }])
    expect(await there()).toEqual([2])
  })

  test('keeps to the largest batch that the topic takes', async () => {
    const prefix = await topics(1)
    await alter(`${prefix}.fhir`, 'max.message.bytes', '15000')
    const log = rows(1, 100, { prefix, value: incompressible(1500) })
    expect(await drainAll(open(), log, 100)).toEqual({ parked: [], troubles: [] })
    expect(await readAll(kafka.bootstrap, `${prefix}.fhir`)).toHaveLength(100)
  })

  describe('while something goes wrong', () => {
    test('kill -9 and restart: none lost, order kept', { timeout: minute }, async () => {
      const prefix = await topics()
      const log = rows(1, 1000, { prefix })
      let away: Promise<void> = Promise.resolve()
      await drainAll(open(), log, 50, async seq => {
        if (seq === 500) away = kafka.kill().then(() => kafka.restart())
      })
      await away
      expectComplete(await readAll(kafka.bootstrap, `${prefix}.fhir`), log.length)
    })

    test('a broker that is silent for 20 s (SIGSTOP): the connection is given up, none lost', {
      timeout: minute,
    }, async () => {
      const prefix = await topics()
      const log = rows(1, 300, { prefix })
      const { troubles } = await drainAll(open(), log, 50, async seq => {
        if (seq !== 150) return
        kafka.pause()
        setTimeout(kafka.resume, 20_000)
      })
      expect(troubles).toContainEqual(expect.objectContaining({ kind: 'again', code: 'E_UPLINK_DOWN' }))
      expectComplete(await readAll(kafka.bootstrap, `${prefix}.fhir`), log.length)
    })

    test('an answer that looks deduplicated counts as not stored', async () => {
      count++
      const prefix = settings().topicPrefix
      let asked = 0
      await createTopics(settings({ brokers: [proxied.address] }), { partitions: 1, replication: 1 }, deps)
      proxied.spoil(api => (api === produceApi && ++asked === 2 ? 'dedup' : 'forward'))
      const { troubles } = await drainAll(open({ brokers: [proxied.address] }), rows(1, 150, { prefix }))
      expect(troubles).toMatchObject([{ kind: 'again', code: 'E_UPLINK_DOUBTFUL' }])
      const found = await readAll(proxied.address, `${prefix}.fhir`)
      expectComplete(found, 150)
      expect(found).toHaveLength(200)
    })

    test.each<Fault>(['cutBefore', 'cutAfter', 'mute'])('%s of some requests', { timeout: minute }, async fault => {
      count++
      const prefix = settings().topicPrefix
      let asked = 0
      await createTopics(settings({ brokers: [proxied.address] }), { partitions: 3, replication: 1 }, deps)
      proxied.spoil(api => (api === produceApi && [3, 8, 9].includes(++asked) ? fault : 'forward'))
      const { troubles } = await drainAll(open({ brokers: [proxied.address] }), rows(1, 500, { prefix }))
      expect(troubles).toHaveLength(3)
      const found = await readAll(proxied.address, `${prefix}.fhir`)
      expectComplete(found, 500)
      if (fault === 'cutBefore') expect(found).toHaveLength(500)
      else expect(found.length).toBeGreaterThan(500)
    })
  })
})

/** A JSON value that compressing does not make smaller than `bytes`. */
function incompressible(bytes: number): string {
  return JSON.stringify(randomBytes(bytes).toString('base64'))
}

/** A broker whose clients come through a fault proxy. */
async function startProxied() {
  let fault: (api: number) => Fault = () => 'forward'
  let port = 0
  const proxy = await kafkaProxy(
    () => port,
    api => fault(api),
  )
  const broker = await startKafka({ advertised: `127.0.0.1:${proxy.port}` })
  port = Number(broker.bootstrap.split(':')[1])
  return {
    address: `127.0.0.1:${proxy.port}`,
    spoil: (next: typeof fault) => {
      fault = next
    },
    async close() {
      await proxy.close()
      await broker.stop()
    },
  }
}
