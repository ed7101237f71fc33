/** What a consumer finds in a topic, and what it must be after a reader's marks. */
import { type IHeaders, Kafka, logLevel } from 'kafkajs'
import { expect } from 'vitest'

/** A record as a consumer finds it, in the order of its partition. */
export type Found = Readonly<{ seq: number; key: string; partition: number; value: string | null; headers: IHeaders }>

export function observer(bootstrap: string): Kafka {
  return new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })
}

/** Everything in a topic, per partition in its order. */
export async function readAll(bootstrap: string, topic: string): Promise<Found[]> {
  const kafka = observer(bootstrap)
  const admin = kafka.admin()
  await admin.connect()
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]))
  await admin.disconnect()
  const total = [...ends.values()].reduce((sum, end) => sum + end, 0)
  if (total === 0) return []
  const found: Found[] = []
  const done = Promise.withResolvers<void>()
  const consumer = kafka.consumer({ groupId: `reader-${topic}-${performance.now()}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, v]) => [name, `${v}`]))
      const value = message.value?.toString() ?? null
      found.push({ seq: Number(headers['cg-seq']), key: `${message.key}`, partition, value, headers })
      if (found.length === total) done.resolve()
    },
  })
  await done.promise
  await consumer.disconnect()
  return found
}

export function inSeqOrder(found: readonly Found[]): Found[] {
  return found.toSorted((a, b) => a.seq - b.seq)
}

/** What a reader keeps: per partition, only what is above its mark (DESIGN §4). */
function aboveMark(found: readonly Found[]): Found[] {
  const marks = new Map<number, number>()
  return found.filter(({ partition, seq }) => {
    const isNew = seq > (marks.get(partition) ?? 0)
    if (isNew) marks.set(partition, seq)
    return isNew
  })
}

/** One partition per key, and ascending numbers in each partition. */
export function expectOrder(found: readonly Found[]): void {
  for (const records of Map.groupBy(found, record => record.partition).values()) {
    expect(records.map(record => record.seq)).toEqual(inSeqOrder(records).map(record => record.seq))
  }
  for (const records of Map.groupBy(found, record => record.key).values()) {
    expect(new Set(records.map(record => record.partition)).size).toBe(1)
  }
}

/** After the reader's marks: none lost, none doubled, in order; and a repeat is the same record. */
export function expectComplete(found: readonly Found[], count: number): void {
  const kept = aboveMark(found)
  expect(inSeqOrder(kept).map(record => record.seq)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  expectOrder(kept)
  for (const repeats of Map.groupBy(found, record => record.seq).values()) {
    for (const repeat of repeats) expect(repeat).toEqual(repeats[0])
  }
}
