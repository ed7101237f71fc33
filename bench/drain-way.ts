/**
 * One way of sending the rows of a file, in a process of its own: the floor must not run on a client that the uplink has
 * mended. Prints one JSON line, `{"rate","us"}`: rows a second, and microseconds of CPU a row.
 *
 *   node bench/drain-way.ts uplink|alone BROKER PREFIX zstd|none ROWS FILE
 */
import { readFileSync } from 'node:fs'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { machine } from '../src/environment.ts'
import { silent } from '../src/log.ts'
import type { Sealed } from '../src/records.ts'
import { type Compression, codecs } from '../src/uplink/kafka/compression.ts'

const [way, broker = '', prefix = '', compression = 'zstd', count = '', file = ''] = process.argv.slice(2)
/** Fits a request uncompressed, which may have 1 MiB. */
const page = 400
/** Pages before the clock runs: the engine under JavaScript compiles what is used often. */
const warm = 20
const topic = `${prefix}.fhir`
const rows = readFileSync(file, 'utf8')
  .split('\n')
  .filter(line => line !== '')
  .map((line): Sealed => {
    const { value, ...rest } = JSON.parse(line) as { key: string; headers: string; value: string | null }
    return { seq: 0, lane: 'data', topic, ...rest, value: value === null ? null : Buffer.from(value) }
  })

const send = await (way === 'uplink' ? throughUplink() : throughClient())
const pages = Number(count) / page
for (let at = 0; at < warm; at++) await send(at)
const [begin, used] = [performance.now(), process.cpuUsage()]
for (let at = warm; at < warm + pages; at++) await send(at)
const seconds = (performance.now() - begin) / 1000
const { user, system } = process.cpuUsage(used)
process.stdout.write(`${JSON.stringify({ rate: Number(count) / seconds, us: (user + system) / Number(count) })}\n`)
process.exit(0)

/** Sends page `at`. */
type Send = (at: number) => Promise<void>

async function throughUplink(): Promise<Send> {
  const { kafkaUplink } = await import('../src/uplink/kafka/kafka.ts')
  const settings = { name: 'bench', brokers: [broker], topicPrefix: prefix, clientId: 'bench' }
  const uplink = kafkaUplink(
    { ...settings, compression: compression as Compression },
    { environment: machine, log: silent },
  )
  await uplink.connect({ cluster: null, partitions: {} })
  return async at => {
    const [outcome] = await uplink.send(pageOf(at))
    if (outcome?.kind !== 'delivered') throw new Error(`not delivered: ${JSON.stringify(outcome)}`)
  }
}

/** The client gets its messages ready made: reading the outbox's headers is part of our price. */
async function throughClient(): Promise<Send> {
  const client = new Kafka({ clientId: 'alone', brokers: [broker], logLevel: logLevel.NOTHING })
  const producer = client.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const codec = codecs[compression as Compression]
  const ready = rows.map(({ key, headers, value }) => ({
    key,
    value: value as Buffer | null,
    headers: JSON.parse(headers),
    partition: 0,
  }))
  return async at => {
    const messages = Array.from({ length: page }, (_, i) => ready[(at * page + i) % ready.length]!)
    await producer.send({ topic, acks: -1, compression: codec, messages })
  }
}

/** The rows again and again, under numbers that go on. */
function pageOf(at: number): Sealed[] {
  return Array.from({ length: page }, (_, i) => {
    const n = at * page + i
    return { ...rows[n % rows.length]!, seq: n + 1 }
  })
}
