/**
 * Follows a gateway's topics, opens what comes, and prints a line whenever what holds of a resource changes:
 *
 *   npm install clinic-gateway kafkajs
 *   node follow.mjs BROKERS PREFIX READER_FOLDER [--allow-demo]
 *   node follow.mjs 127.0.0.1:9092 demo .demo/reader --allow-demo
 *
 * The output names people. Ends with Ctrl-C and says what it counted.
 */
import { randomUUID } from 'node:crypto'
import { Reader, ReaderKeys } from 'clinic-gateway/reader'
import kafkajs from 'kafkajs'

const [brokers, prefix, folder, option] = process.argv.slice(2)
const keys = ReaderKeys.fromFolder(folder, { allowDemo: option === '--allow-demo' })
const reader = new Reader({ keys, onOpened: ({ facts }) => show(facts.reference) })

const kafka = new kafkajs.Kafka({ brokers: brokers.split(','), logLevel: kafkajs.logLevel.ERROR })
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

/** What kafkajs reads, as the reader takes it: header values are text, the value stays bytes. */
function toRecord(topic, partition, { key, headers, value }) {
  const text = Object.entries(headers ?? {}).map(([name, bytes]) => [name, String(bytes)])
  return { topic, partition, key: key?.toString() ?? '', headers: Object.fromEntries(text), value }
}

function show(reference) {
  const current = reader.get(reference)
  console.log(current ? JSON.stringify(current.opened.resource) : `${reference} is gone`)
}
