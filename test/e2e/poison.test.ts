/**
 * Records that the cloud refuses for good, amid others: the real command, a real broker, senders of all three ways in. The
 * refused ones are parked, their neighbours of the same batch are there once, and after mending they come too.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ConfigResourceTypes } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaMissing, type LocalKafka, startKafka } from '../../scripts/kafka/local.ts'
import { main } from '../../src/cli/main.ts'
import { type Entry, Reader, ReaderKeys, type ReaderRecord } from '../../src/reader/index.ts'
import '../../src/uplink/kafka/compression.ts'
import { type KafkaProxy, kafkaProxy, produceApi } from '../net/kafka-proxy.ts'
import { forbid, type Produced, readProduced } from '../net/produce-request.ts'
import { observer, readAll } from '../src/uplink/found.ts'
import { Box, until } from './box.ts'
import { adt, codes, heartRate, numberOfTime, oru, temperature } from './messages.ts'
import type { Resource } from './opened.ts'
import { fhir, mllp, mqttOnce } from './senders.ts'

const minute = 60_000
/** Of `demo.fhir`, once the uplink has seen a larger one. Our records are about 2 kB. */
const limit = 6000
const usual = 1_048_588
/** Nothing makes it smaller than 8000 bytes, sealed or not. */
const text = randomBytes(8000).toString('base64url')
/** The box looks at its alarms every few seconds. */
const patience = { timeout: minute }
const rejected = 'E_UPLINK_REJECTED'

type Parked = Readonly<{ uplink: string; seq: number; topic: string; key: string; code: string; bytes: number }>
type Listed = Readonly<{ parkedRows: number; parked: readonly Parked[] }>
type Shown = Readonly<{
  seq: number
  key: string
  headers: Readonly<Record<string, string>>
  uplinks: readonly Readonly<{ state: string; code: string | null }>[]
}>

const missing = kafkaMissing()

describe.skipIf(missing)(`records that the cloud refuses${missing ? ` (${missing})` : ''}`, () => {
  let kafka: LocalKafka
  let proxy: KafkaProxy
  let port = 0
  /** Rows that the broker's own rules forbid. */
  const forbidden = new Set<number>()
  const requests: Produced[] = []
  /** Requests wait for it. */
  let gate: Promise<void> | null = null

  beforeAll(async () => {
    proxy = await kafkaProxy(
      () => port,
      (api, frame) => {
        if (api !== produceApi) return 'forward'
        const request = readProduced(frame)
        requests.push(request)
        if (request.seqs.some(seq => forbidden.has(seq))) forbid(frame)
        return gate ?? 'forward'
      },
    )
    kafka = await startKafka({ advertised: proxy.address })
    port = Number(kafka.bootstrap.split(':')[1])
  }, 2 * minute)

  /** While the request with what `begin` sends waits, what `rest` sends piles up for the next. */
  async function inOnePage(begin: () => Promise<unknown>, rest: () => Promise<void>): Promise<void> {
    const { promise, resolve: open } = Promise.withResolvers<void>()
    const before = requests.length
    gate = promise
    await begin()
    await until(() => requests.length > before)
    await rest()
    gate = null
    open()
  }

  afterAll(async () => {
    await proxy?.close()
    await kafka?.stop()
  })

  test('are parked, their neighbours go on, and they come once the cause is mended', {
    timeout: 4 * minute,
  }, async () => {
    await using box = await Box.init({ yaml: toKafka(proxy.address) })
    await cli(box, 'topics', 'create', '--partitions', '2', '--replication', '1')
    await box.start()
    const { result, corrected, reading, posted, sent } = senders(box)
    for (const mrn of ['4711', '4712', '4713']) {
      expect(await mllp(box.listen.mllp, adt(mrn, `A${mrn}`))).toMatchObject({ code: 'AA' })
    }
    await box.drained()
    await limitTo(kafka, limit) // the uplink has read the larger one

    let [long, invalid, first] = [0, 0, 0]
    await inOnePage(
      () => result('4712'),
      async () => {
        await result('4711')
        await reading()
        long = await result('4711', `NTE|1|L|${text}`)
        await posted('4711')
        invalid = await posted('4711')
        forbidden.add(invalid)
        await reading()
        for (const mrn of ['4711', '4713', '4712']) await result(mrn)
        first = await seqOf(box)
      },
    )
    await box.drained()

    const { parked, parkedRows } = await cliJson<Listed>(box, 'outbox', 'list')
    const large = parked[0]?.seq ?? 0
    expect([parkedRows, parked.map(row => row.seq)]).toEqual([2, [large, invalid]])
    // all of it was one batch, with rows of the same patient before, between and after
    const tried = requests.find(({ seqs }) => seqs.includes(large))!
    const neighbours = tried.seqs.filter(seq => seq !== large && seq !== invalid)
    expect(tried.seqs).toContain(invalid)
    expect(neighbours.some(seq => seq < large)).toBe(true)
    expect(neighbours.some(seq => large < seq && seq < invalid)).toBe(true)
    expect(neighbours.some(seq => seq > invalid)).toBe(true)

    const shown = new Map<number, Shown>()
    for (const row of parked) {
      expect(row).toMatchObject({ uplink: 'cloud', topic: 'demo.fhir', code: rejected })
      const one = await cliJson<Shown>(box, 'outbox', 'show', String(row.seq))
      shown.set(row.seq, one)
      expect(one).toMatchObject({ key: row.key, uplinks: [{ state: 'parked', code: rejected }] })
      expect(one.headers).toMatchObject({ 'cg-type': 'Observation', 'cg-seq': `${row.seq}` })
      expect(one.headers['cg-historical']).toBeUndefined()
    }
    expect(shown.get(large)!.key).toBe(shown.get(invalid)!.key)
    expect(parked.map(row => row.bytes > limit)).toEqual([true, false])
    expect((await cli(box, 'outbox', 'list')).match(/E_UPLINK_REJECTED: /g)).toHaveLength(2)
    await expect.poll(() => standing(box), patience).toEqual({ state: 'up', parked: 2, through: first, alarm: true })
    const then = await read(kafka, box)
    expect(then.seqs).toEqual(numbers(first, [large, invalid]))
    expect(then.faults).toEqual({ incomplete: 1 }) // the other one was all of its message, and leaves no trace

    // a try too early: refused again, parked again; meanwhile the lab corrects that result
    let stillLarge = 0
    await inOnePage(
      () => result('4713'),
      async () => {
        expect(await cliJson(box, 'outbox', 'retry', String(large))).toMatchObject({ retried: 1 })
        stillLarge = await seqOf(box)
        await corrected('4711', long)
      },
    )
    await box.drained()
    const second = await seqOf(box)
    expect(second).toBeGreaterThan(stillLarge)
    const again = await cliJson<Listed>(box, 'outbox', 'list')
    expect(again.parked.map(row => row.seq)).toEqual([invalid, stillLarge])
    await expect.poll(() => standing(box), patience).toEqual({ state: 'up', parked: 2, through: second, alarm: true })

    await limitTo(kafka, usual)
    forbidden.clear()
    expect(await cliJson(box, 'outbox', 'retry', String(stillLarge))).toMatchObject({ retried: 1 })
    expect(await cliJson(box, 'outbox', 'retry', '--all')).toEqual({ retried: 1, unreadable: 0, left: 0 })
    await box.drained()
    const last = await seqOf(box)
    expect(last).toBe(second + 2)
    expect(await cliJson<Listed>(box, 'outbox', 'list')).toMatchObject({ parkedRows: 0, parked: [] })
    await expect.poll(() => standing(box), patience).toEqual({ state: 'up', parked: 0, through: last, alarm: false })

    const now = await read(kafka, box)
    expect(now.seqs).toEqual(numbers(last, [large, invalid, stillLarge]))
    const late = now.data.filter(({ headers }) => headers['cg-historical'] !== undefined)
    const facts = ({ key, headers }: Pick<Shown, 'key' | 'headers'>) => [key, headers['cg-version'], headers.ce_id]
    expect(late.map(facts)).toEqual([large, invalid].map(seq => facts(shown.get(seq)!)))
    expect(late.map(({ headers }) => headers['cg-seq'])).toEqual([last - 1, last].map(String))
    expect(late.map(({ headers }) => headers['cg-historical'])).toEqual(['1', '1'])
    const events = now.data.map(({ key, headers }) => `${key} ${headers.ce_id}`)
    expect(new Set(events).size).toBe(events.length)
    expect(now.faults).toEqual({})
    expect(now.observations.map(nameOf).sort()).toEqual(sent.toSorted())
    expect(now.entries.map(noteOf).filter(note => note !== undefined)).toEqual([text])
    const ofLong = now.observations.filter(one => nameOf(one) === sent[long])
    expect(ofLong).toMatchObject([{ status: 'corrected', valueQuantity: { value: 199 } }])
    expect(ofLong[0]!.note).toBeUndefined()
  })
})

/** A request may wait as long as it takes to send a dozen messages. */
const toKafka = (address: string) => (yaml: string) =>
  yaml.replace(
    '{ name: cloud, type: file, dir: ./out }',
    `{ name: cloud, type: kafka, brokers: ['${address}'], requestTimeout: 2m }`,
  )

/** Each sends one message, and knows what must come of it; the n-th of all is of the n-th second. */
function senders(box: Box) {
  const sent: string[] = []
  const next = (code: string) => sent.push(`${code} ${sent.length}`) - 1
  const token = box.secret('demo-http').token
  const watch = box.secret('demo-watch')
  return {
    sent,
    async result(mrn: string, ...extra: readonly string[]) {
      const n = next(codes.mllp)
      expect(await mllp(box.listen.mllp, oru(mrn, `R${n}`, n, ...extra))).toMatchObject({ code: 'AA' })
      return n
    },
    async corrected(mrn: string, n: number) {
      const message = oru(mrn, `R${n}`, n).replace(/\|\d+\|mg(.*)\|F\|/, '|199|mg$1|C|')
      expect(await mllp(box.listen.mllp, message)).toMatchObject({ code: 'AA' })
    },
    async reading() {
      const n = next(codes.mqtt)
      expect(await mqttOnce(box.listen.mqtt, watch, heartRate(n))).toMatchObject({ reason: 0 })
    },
    /** Returns the number of its row. */
    async posted(mrn: string): Promise<number> {
      const n = next(codes.fhir)
      expect(await fhir(box.listen.fhir, token, temperature(mrn, `t${n}`, n))).toMatchObject({ status: 202 })
      return seqOf(box)
    },
  }
}

async function seqOf(box: Box): Promise<number> {
  return (await box.status()).engine.seq
}

/** What /status says of the uplink. */
async function standing(box: Box) {
  const { uplinks, alarms } = await box.status()
  const { state, parked, through } = uplinks[0]!
  return { state, parked, through, alarm: alarms.some(({ code }) => code === rejected) }
}

async function limitTo(kafka: LocalKafka, bytes: number): Promise<void> {
  const admin = observer(kafka.bootstrap).admin()
  await admin.connect()
  const configEntries = [{ name: 'max.message.bytes', value: `${bytes}` }]
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: 'demo.fhir', configEntries }]
  await admin.alterConfigs({ validateOnly: false, resources })
  await admin.disconnect()
}

/** Both topics from their begin, as a consumer reads them: what the reader took, and what it knows. */
async function read(kafka: LocalKafka, box: Box) {
  const entries: Entry[] = []
  const keys = ReaderKeys.fromFolder(box.reader, { allowDemo: true })
  const reader = new Reader({ keys, onOpened: entry => entries.push(entry) })
  const taken: ReaderRecord[] = []
  for (const topic of ['demo.keys', 'demo.fhir']) {
    for (const { partition, key, headers, value } of await readAll(kafka.bootstrap, topic)) {
      const record = {
        topic,
        partition,
        key,
        headers: headers as Record<string, string>,
        value: value && Buffer.from(value),
      }
      const { repeats } = reader.counters
      reader.take(record as ReaderRecord)
      if (reader.counters.repeats === repeats) taken.push(record as ReaderRecord)
    }
  }
  const resources = [...reader.state().values()].map(current => current.opened.resource as Resource)
  const { read: _read, older: _older, ...faults } = reader.counters
  return {
    seqs: taken.map(({ headers }) => Number(headers['cg-seq'])).sort((a, b) => a - b),
    data: taken
      .filter(({ topic }) => topic === 'demo.fhir')
      .sort((a, b) => Number(a.headers['cg-seq']) - Number(b.headers['cg-seq'])),
    observations: resources.filter(one => one.resourceType === 'Observation'),
    entries,
    faults: Object.fromEntries(Object.entries(faults).filter(([, count]) => count > 0)),
  }
}

/** 1 to `last`, but not these. */
function numbers(last: number, not: readonly number[]): readonly number[] {
  return Array.from({ length: last }, (_, i) => i + 1).filter(seq => !not.includes(seq))
}

function noteOf({ opened }: Entry): string | undefined {
  return (opened?.resource as Resource | undefined)?.note?.[0]?.text
}

function nameOf({ code, effectiveDateTime }: Resource): string {
  return `${code.coding[0].code} ${numberOfTime(effectiveDateTime)}`
}

/** The command line in this process, which starts faster than one of its own. */
async function cli(box: Box, ...argv: readonly string[]): Promise<string> {
  const out: string[] = []
  const io = { out: (text: string) => void out.push(text), err: (text: string) => void out.push(text), person: false }
  const code = await main([...argv, '--config', join(box.folder, '.demo/gateway.yaml')], io)
  expect([argv, code, ...(code === 0 ? [] : out)]).toEqual([argv, 0])
  return out.join('')
}

async function cliJson<T>(box: Box, ...argv: readonly string[]): Promise<T> {
  return JSON.parse(await cli(box, ...argv, '--json')) as T
}
