/** What the uplink holds on to while the cluster changes: which cluster it is, the partition of a key, a slow line. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { kafkaMissing, type LocalKafka, startKafka } from '../../../../scripts/kafka/local.ts'
import { machine } from '../../../../src/environment.ts'
import { silent } from '../../../../src/log.ts'
import type { Uplink } from '../../../../src/ports.ts'
import type { Outcome } from '../../../../src/records.ts'
import { createTopics, type KafkaSettings, kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import { expectComplete, expectOrder, observer, readAll } from '../found.ts'
import { drainAll, nowhere, row, rows } from '../rows.ts'

/** Milliseconds that the uplink's clock is ahead. */
let ahead = 0
const environment = { ...machine, monotonic: () => machine.monotonic() + ahead }
const deps = { environment, log: silent }
const minute = 60_000
const missing = kafkaMissing()

describe.skipIf(missing)(`the Kafka uplink and its cluster${missing ? ` (${missing})` : ''}`, () => {
  let line: Awaited<ReturnType<typeof startLine>>
  let clusters: LocalKafka[] = []
  const admins: Admin[] = []
  const uplinks: Uplink[] = []
  let count = 0

  /** Two clusters that give themselves out at the same address: who comes there meets the one that the line leads to. */
  beforeAll(async () => {
    line = await startLine()
    const advertised = `127.0.0.1:${line.port}`
    clusters = await Promise.all([startKafka({ advertised }), startKafka({ advertised })])
    for (const { bootstrap } of clusters) {
      line.leadTo(portOf(bootstrap))
      const admin = observer(advertised).admin()
      await admin.connect()
      admins.push(admin)
    }
  }, 2 * minute)

  afterEach(async () => {
    line.rate = Number.POSITIVE_INFINITY
    for (const uplink of uplinks.splice(0)) await uplink.close()
  })

  afterAll(async () => {
    for (const admin of admins) admin.disconnect().catch(() => {})
    for (const kafka of clusters) await kafka.stop()
    await line?.close()
  })

  const [A, B] = [0, 1] as const
  const leadTo = (cluster: 0 | 1) => line.leadTo(portOf(clusters[cluster]!.bootstrap))
  const settings = (change: Partial<KafkaSettings> = {}): KafkaSettings => ({
    name: 'cloud',
    brokers: [`127.0.0.1:${line.port}`],
    topicPrefix: `t${count}`,
    clientId: 'test',
    connectionTimeout: 1000,
    requestTimeout: 2000,
    ...change,
  })

  function open(change: Partial<KafkaSettings> = {}): Uplink {
    const uplink = kafkaUplink(settings(change), deps)
    uplinks.push(uplink)
    return uplink
  }

  async function topics(cluster: 0 | 1, partitions: number): Promise<string> {
    leadTo(cluster)
    await createTopics(settings(), { partitions, replication: 1 }, deps)
    return `t${count}`
  }

  async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = observer(`127.0.0.1:${line.port}`).admin()
    await admin.connect()
    return work(admin).finally(() => admin.disconnect())
  }

  /** Until the cluster has carried out what it was asked: a deletion takes a moment. */
  async function until(holds: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; !(await holds()); tries++) {
      if (tries > 100) throw new Error('it did not come to be')
      await sleep(100)
    }
  }

  test('another cluster behind the same address, in mid-session: nothing goes to it, and back at the first it goes on', {
    timeout: minute,
  }, async () => {
    count++
    const prefix = await topics(B, 3)
    await topics(A, 3)
    const uplink = open()
    const known = await uplink.connect(nowhere)
    const log = rows(1, 200, { prefix })
    expect((await drainAll(uplink, log.slice(0, 100))).troubles).toEqual([])
    leadTo(B)
    await sleep(300) // the client has seen the connection go, and would make a new one by itself
    const troubles: Outcome[] = []
    for (let tries = 0; tries < 4; tries++) troubles.push(...(await uplink.send(log.slice(100, 150))))
    expect(troubles.at(-1)).toMatchObject({ kind: 'again', code: 'E_UPLINK_CLUSTER' })
    await expect(uplink.connect(known)).rejects.toMatchObject({ code: 'E_UPLINK_CLUSTER' })
    expect(await readAll(`127.0.0.1:${line.port}`, `${prefix}.fhir`)).toEqual([])
    leadTo(A)
    await drainAll(uplink, log.slice(100))
    expectComplete(await readAll(`127.0.0.1:${line.port}`, `${prefix}.fhir`), 200)

    leadTo(B)
    const accepted = await uplink.connect(nowhere)
    expect(accepted.cluster).not.toBe(known.cluster)
    await drainAll(uplink, log)
    expectComplete(await readAll(`127.0.0.1:${line.port}`, `${prefix}.fhir`), 200)
  })

  test('closing does not wait for a far side that takes connections and says nothing', async () => {
    line.rate = 0.001
    leadTo(A)
    const uplink = open({ requestTimeout: 60_000 })
    const connecting = expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_DOWN' })
    await sleep(500)
    await uplink.close()
    await connecting
  })

  test('what one cluster has acknowledged of a page does not count at another one that is accepted', {
    timeout: minute,
  }, async () => {
    count++
    const prefix = await topics(B, 1)
    await topics(A, 1)
    const uplink = open()
    await uplink.connect(nowhere)
    await withAdmin(admin => admin.deleteTopics({ topics: [`${prefix}.test`] }))
    const page = [...rows(1, 10, { prefix }), row(11, { prefix, topic: `${prefix}.test` })]
    expect(await uplink.send(page)).toMatchObject([{ kind: 'again' }])
    expect(await readAll(`127.0.0.1:${line.port}`, `${prefix}.fhir`)).toHaveLength(10)
    leadTo(B)
    await uplink.connect(nowhere)
    await drainAll(uplink, page)
    expect(await readAll(`127.0.0.1:${line.port}`, `${prefix}.fhir`)).toHaveLength(10)
  })

  test('partitions that are added are not used, so a key keeps its partition, until a person accepts them', {
    timeout: minute,
  }, async () => {
    count++
    const prefix = await topics(A, 3)
    const topic = `${prefix}.fhir`
    const uplink = open()
    const known = await uplink.connect(nowhere)
    expect(known.partitions).toEqual({
      [topic]: 3,
      [`${prefix}.test`]: 3,
      [`${prefix}.keys`]: 1,
      [`${prefix}.audit`]: 1,
    })
    await drainAll(uplink, rows(1, 100, { prefix }))
    await withAdmin(admin => admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] }))
    await drainAll(uplink, rows(101, 150, { prefix }))
    expect(await uplink.connect(known)).toEqual(known)
    expect(uplink.warnings?.()).toEqual([])
    ahead += 20 * minute // a session does not last for ever
    expect(await uplink.connect(known)).toEqual(known)
    expect(uplink.warnings?.()).toEqual([{ code: 'E_UPLINK_PARTITIONS', at: topic }])
    await drainAll(uplink, rows(151, 200, { prefix }))
    await drainAll(open(), rows(201, 201, { prefix })) // an uplink that knows nothing would use them
    const found = (await readAll(`127.0.0.1:${line.port}`, topic)).filter(({ seq }) => seq <= 200)
    expectComplete(found, 200)
    expectOrder(found)
    expect(Math.max(...found.map(({ partition }) => partition))).toBe(2)

    expect((await uplink.connect({ ...known, partitions: {} })).partitions[topic]).toBe(6)
    expect(uplink.warnings?.()).toEqual([])
    await drainAll(uplink, rows(202, 300, { prefix }))
    const later = (await readAll(`127.0.0.1:${line.port}`, topic)).filter(({ seq }) => seq > 201)
    expect(Math.max(...later.map(({ partition }) => partition))).toBeGreaterThan(2)
  })

  test('a topic that is deleted is named; made anew, with fewer partitions, it goes on', {
    timeout: minute,
  }, async () => {
    count++
    const prefix = await topics(A, 3)
    const topic = `${prefix}.fhir`
    const uplink = open()
    const known = await uplink.connect(nowhere)
    await drainAll(uplink, rows(1, 50, { prefix }))
    await withAdmin(admin => admin.deleteTopics({ topics: [topic] }))
    const trouble: Outcome[] = []
    await until(async () => {
      trouble.push(...(await uplink.send(rows(51, 100, { prefix }))))
      return trouble.at(-1)?.kind === 'again' && (trouble.at(-1) as { at?: string }).at === topic
    })
    expect(trouble.at(-1)).toMatchObject({ code: 'E_UPLINK_CONFIG', at: topic })
    await createTopics(settings(), { partitions: 2, replication: 1 }, deps)
    await until(async () =>
      uplink.connect(known).then(
        ({ partitions }) => partitions[topic] === 2,
        () => false,
      ),
    )
    await drainAll(uplink, rows(51, 100, { prefix }))
    const found = await readAll(`127.0.0.1:${line.port}`, topic)
    expect(found.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(rows(51, 100).map(({ seq }) => seq))
  })

  describe('on a line so slow that a request outlives its time', () => {
    const noise = (bytes: number) => JSON.stringify(randomBytes((bytes * 3) / 4).toString('base64'))

    test('batches get smaller', { timeout: minute }, async () => {
      count++
      const prefix = await topics(A, 1)
      const uplink = open()
      await uplink.connect(nowhere)
      line.rate = 30_000
      const log = Array.from({ length: 12 }, (_, i) => row(i + 1, { prefix, value: noise(10_000) }))
      const { troubles } = await drainAll(uplink, log, 12)
      expect(troubles.length).toBeGreaterThan(0)
      expect(troubles.length).toBeLessThan(4)
      line.rate = Number.POSITIVE_INFINITY
      expectComplete(await readAll(`127.0.0.1:${line.port}`, `${prefix}.fhir`), 12)
    })

    test('a large record gets the time that it needs, and then it is as before', { timeout: minute }, async () => {
      count++
      const prefix = await topics(A, 1)
      const uplink = open()
      await uplink.connect(nowhere)
      line.rate = 30_000
      const { troubles } = await drainAll(uplink, [row(1, { prefix, value: noise(120_000) })])
      expect(troubles).toMatchObject([{ kind: 'again', code: 'E_UPLINK_DOWN' }])
      line.rate = 1
      const begin = performance.now()
      expect(await uplink.send([row(2, { prefix })])).toMatchObject([{ kind: 'again' }])
      expect(performance.now() - begin).toBeLessThan(15_000)
      line.rate = Number.POSITIVE_INFINITY
      expectComplete(await readAll(`127.0.0.1:${line.port}`, `${prefix}.fhir`), 1)
    })
  })
})

/** A line of TCP that leads where the test says, at the rate that it says (bytes a second, towards the broker). */
async function startLine() {
  const open = new Set<Socket>()
  let target = 0
  const state = { rate: Number.POSITIVE_INFINITY }
  const server = createServer(client => {
    const broker = connect({ host: '127.0.0.1', port: target })
    const cut = () => [client, broker].map(socket => socket.destroy())
    for (const socket of [client, broker]) {
      open.add(socket)
      socket.on('error', cut).on('close', cut)
    }
    let sent: Promise<unknown> = Promise.resolve()
    client.on('data', chunk => {
      sent = sent.then(() => sleep((chunk.length / state.rate) * 1000)).then(() => broker.write(chunk))
    })
    broker.on('data', chunk => client.write(chunk))
  })
  const cut = () => {
    for (const socket of open) socket.destroy()
    open.clear()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(state, {
    port: (server.address() as AddressInfo).port,
    cut,
    leadTo(port: number) {
      target = port
      cut()
    },
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  })
}

function portOf(bootstrap: string): number {
  return Number(bootstrap.split(':')[1])
}
