/**
 * What the safety of the Kafka uplink costs: rows through it, against kafkajs alone that sends the same bytes the same safe
 * way (idempotent, every replica, one partition per request, batches of 500). Same broker, same run, in turns.
 *
 *   node bench/drain.ts [--rows 200000] [--rounds 5] [--floor 0.85]
 *
 * Prints one line of JSON: medians in rows a second and their ratio; exits 1 where the ratio is under the floor.
 */
import { parseArgs } from 'node:util'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { kafkaMissing, startKafka } from '../scripts/kafka/local.ts'
import { machine } from '../src/environment.ts'
import { silent } from '../src/log.ts'
import type { Sealed } from '../src/records.ts'
import { createTopics, kafkaUplink } from '../src/uplink/kafka.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '5' },
    floor: { type: 'string', default: '0.85' },
  },
})
const [count, rounds, floor] = [Number(values.rows), Number(values.rounds), Number(values.floor)]
const page = 500
const value = Buffer.from(JSON.stringify({ resourceType: 'Observation', text: 'x'.repeat(1160) }))
const deps = { environment: machine, log: silent }

const missing = kafkaMissing()
if (missing) throw new Error(missing)
const kafka = await startKafka()
try {
  const [uplink, alone]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    uplink.push(await timed(`uplink${round}`, throughUplink))
    alone.push(await timed(`alone${round}`, throughClient))
  }
  const ratio = median(uplink) / median(alone)
  const rates = { uplink: Math.round(median(uplink)), alone: Math.round(median(alone)) }
  console.log(JSON.stringify({ bench: 'drain', rows: count, rounds, ...rates, ratio: Number(ratio.toFixed(3)), floor }))
  process.exitCode = ratio < floor ? 1 : 0
} finally {
  await kafka.stop()
}

/** Sends page `at` of the rows. */
type Way = Readonly<{ send: (at: number) => Promise<void>; close: () => Promise<void> }>
type Open = (prefix: string, pages: readonly Sealed[][]) => Promise<Way>

/** Rows a second into a fresh topic of one partition. The rows are made, and two pages sent, before the clock runs. */
async function timed(prefix: string, open: Open): Promise<number> {
  await createTopics(settings(prefix), { partitions: 1, replication: 1 }, deps)
  const pages = Array.from({ length: count / page + 2 }, (_, at) => pageOf(prefix, at))
  const { send, close } = await open(prefix, pages)
  await send(0)
  await send(1)
  const begin = performance.now()
  for (let at = 2; at < pages.length; at++) await send(at)
  const seconds = (performance.now() - begin) / 1000
  await close()
  await remove(prefix)
  return count / seconds
}

async function throughUplink(prefix: string, pages: readonly Sealed[][]): Promise<Way> {
  const uplink = kafkaUplink(settings(prefix), deps)
  await uplink.connect(null)
  return {
    async send(at) {
      const [outcome] = await uplink.send(pages[at]!)
      if (outcome?.kind !== 'delivered') throw new Error(`not delivered: ${JSON.stringify(outcome)}`)
    },
    close: () => uplink.close(),
  }
}

/** The client gets its messages ready made: reading the outbox's headers is part of our price. */
async function throughClient(prefix: string, pages: readonly Sealed[][]): Promise<Way> {
  const producer = client().producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const ready = pages.map(rows =>
    rows.map(({ key, headers }) => ({ key, value, headers: JSON.parse(headers), partition: 0 })),
  )
  return {
    async send(at) {
      await producer.send({ topic: `${prefix}.fhir`, acks: -1, messages: ready[at]! })
    },
    close: () => producer.disconnect(),
  }
}

/** Records of 1.2 kB with the headers of a real one, as the outbox would give them. */
function pageOf(prefix: string, at: number): Sealed[] {
  return Array.from({ length: page }, (_, i) => {
    const seq = at * page + i + 1
    const headers = {
      ce_specversion: '1.0',
      ce_type: 'clinic-gateway.Observation.replace',
      ce_source: '/demo/demo-1',
      ce_time: '2026-11-24T08:00:00.000Z',
      'content-type': 'application/fhir+json',
      ce_subject: 'Observation/p1-y6mguxnb7e6osiuhb5q2wdoujqodyuso',
      'cg-gateway': 'demo-1',
      'cg-epoch': '1795555555',
      'cg-seq': `${seq}`,
      'cg-sig': 'x'.repeat(86),
    }
    return {
      seq,
      lane: 'data',
      topic: `${prefix}.fhir`,
      key: `p1-${seq % 1000}`,
      headers: JSON.stringify(headers),
      value,
    }
  })
}

function settings(topicPrefix: string) {
  return { name: 'bench', brokers: [kafka.bootstrap], topicPrefix, clientId: 'bench' }
}

function client(): Kafka {
  return new Kafka({ clientId: 'alone', brokers: [kafka.bootstrap], logLevel: logLevel.NOTHING })
}

async function remove(prefix: string): Promise<void> {
  const admin = client().admin()
  await admin.connect()
  const topics = (await admin.listTopics()).filter(topic => topic.startsWith(`${prefix}.`))
  await admin.deleteTopics({ topics })
  await admin.disconnect()
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}
