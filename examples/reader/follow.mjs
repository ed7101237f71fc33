/**
 * Follows a gateway's topics, opens what comes, and prints a line whenever what holds of a resource changes:
 *
 *   npm install clinic-gateway kafkajs
 *   node follow.mjs BROKERS PREFIX READER_FOLDER [options]
 *   node follow.mjs 127.0.0.1:9092 demo .demo/reader --allow-demo
 *
 *   --allow-demo           opens records under throw-away keys
 *   --tls, --ca FILE       TLS, by the public authorities or by those in a PEM file
 *   --username NAME, --password-file FILE, --mechanism plain|scram-sha-256|scram-sha-512 (default plain)
 *
 * The output names people. Ends with Ctrl-C and says what it counted. The records are compressed with zstd: needs Node 22.15
 * or newer.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs, promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { Reader, ReaderKeys } from 'clinic-gateway/reader'
import kafkajs from 'kafkajs'

// kafkajs reads gzip only; other clients (Java, librdkafka) need nothing
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({ decompress: promisify(zstdDecompress) })

const text = { type: 'string' }
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    'allow-demo': { type: 'boolean', default: false },
    tls: { type: 'boolean' },
    ca: text,
    username: text,
    'password-file': text,
    mechanism: { ...text, default: 'plain' },
  },
})
const [brokers, prefix, folder] = positionals
const keys = ReaderKeys.fromFolder(folder, { allowDemo: values['allow-demo'] })
const reader = new Reader({ keys, onOpened: ({ facts }) => show(facts.reference) })

const kafka = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.ERROR, ...login(values) })
// the state lives in memory, so each run reads from the beginning, as a group of its own
const consumer = kafka.consumer({ groupId: `follow-${randomUUID()}` })
await consumer.connect()
await consumer.subscribe({ topics: [`${prefix}.keys`, `${prefix}.fhir`], fromBeginning: true })
await consumer.run({
  eachMessage: async ({ topic, partition, message }) => reader.take(toRecord(topic, partition, message)),
})

process.once('SIGINT', async () => {
  reader.openWaiting()
  await consumer.disconnect()
  console.error(JSON.stringify(reader.counters))
})

/** A password goes over TLS only. */
function login({ tls, ca, username, mechanism, 'password-file': file }) {
  const ssl = ca ? { ca: [readFileSync(ca)] } : tls
  if (!username) return ssl ? { ssl } : {}
  if (!ssl) throw new Error('--username needs --tls or --ca')
  const password = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  return { ssl, sasl: { mechanism, username, password } }
}

/** What kafkajs reads, as the reader takes it: header values are text, the value stays bytes. */
function toRecord(topic, partition, { key, headers, value }) {
  const text = Object.entries(headers ?? {}).map(([name, bytes]) => [name, String(bytes)])
  return { topic, partition, key: key?.toString() ?? '', headers: Object.fromEntries(text), value }
}

function show(reference) {
  const current = reader.get(reference)
  console.log(current ? JSON.stringify(current.opened.resource) : `${reference} is gone`)
}
