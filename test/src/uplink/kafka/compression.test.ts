import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaTool } from '../../../../scripts/kafka/jars.ts'
import { kafkaMissing, type LocalKafka, startKafka } from '../../../../scripts/kafka/local.ts'
import { machine } from '../../../../src/environment.ts'
import { silent } from '../../../../src/log.ts'
import type { Sealed } from '../../../../src/records.ts'
import type { Compression } from '../../../../src/uplink/kafka/compression.ts'
import { createTopics, kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import { drainAll, row, rows } from '../rows.ts'

const deps = { environment: machine, log: silent }
const minute = 60_000
const missing = kafkaMissing()

describe.skipIf(missing)(`compression, on a real broker${missing ? ` (${missing})` : ''}`, () => {
  let kafka: LocalKafka

  beforeAll(async () => {
    kafka = await startKafka()
  }, 2 * minute)

  afterAll(async () => {
    await kafka?.stop()
  })

  /** Sends the rows to a topic of one partition; resolves with the batches as the broker keeps them. */
  async function stored(log: readonly Sealed[], topicPrefix: string, compression?: Compression): Promise<Batch[]> {
    const base = { name: 'cloud', brokers: [kafka.bootstrap], topicPrefix, clientId: 'test' }
    const settings = { ...base, ...(compression ? { compression } : {}) }
    await createTopics(settings, { partitions: 1, replication: 1 }, deps)
    const uplink = kafkaUplink(settings, deps)
    expect(await drainAll(uplink, log, 100)).toEqual({ parked: [], troubles: [] })
    await uplink.close()
    return batchesIn(readFileSync(join(kafka.dir, 'data', `${topicPrefix}.fhir-0`, '00000000000000000000.log')))
  }

  test('batches travel as zstd, and the Java consumer reads them as they are', { timeout: minute }, async () => {
    const log = [...rows(1, 300, { prefix: 'packed' }), row(301, { prefix: 'packed', key: 'p1-ü', value: null })]
    const batches = await stored(log, 'packed')
    expect(batches.map(({ codec }) => codec)).toEqual([4, 4, 4, 4])
    expect(batches.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(sizeOf(log) / 2)
    expect(await readByJava(kafka.bootstrap, 'packed.fhir', log.length)).toEqual(
      log.map(({ key, value }) => `${key} ${value ?? 'null'}`),
    )
  })

  test('`none` sends them as they are', async () => {
    const log = rows(1, 300, { prefix: 'plain' })
    const batches = await stored(log, 'plain', 'none')
    expect(batches.map(({ codec }) => codec)).toEqual([0, 0, 0])
    expect(batches.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(sizeOf(log) / 2)
  })
})

type Batch = Readonly<{ codec: number; bytes: number }>

/** Kafka's log: offset (8 bytes), length (4), leader epoch (4), magic (1), CRC (4), attributes (2), whose low bits are the codec. */
function batchesIn(file: Buffer): Batch[] {
  const batches: Batch[] = []
  for (let at = 0; at < file.length; at += batches.at(-1)!.bytes) {
    batches.push({ codec: file.readInt16BE(at + 21) & 7, bytes: 12 + file.readInt32BE(at + 8) })
  }
  return batches
}

function sizeOf(log: readonly Sealed[]): number {
  return log.reduce((sum, { key, headers, value }) => sum + key.length + headers.length + (value?.length ?? 0), 0)
}

/** Key and value of each record of a topic, as Kafka's own consumer prints them. */
async function readByJava(bootstrap: string, topic: string, count: number): Promise<string[]> {
  const from = ['--bootstrap-server', bootstrap, '--topic', topic, '--from-beginning', '--max-messages', `${count}`]
  const as = ['--formatter-property', 'print.key=true', '--formatter-property', 'key.separator= ']
  const printed = await kafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', ...from, ...as)
  return printed.trimEnd().split('\n')
}
