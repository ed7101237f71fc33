/**
 * The client as its README shows it: the rows of a page go out in one call, over as many partitions as they have, and what
 * the call resolves with is believed. For the control run only: whenever a leader moves, it loses rows that it took for sent.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import type { Uplink } from '../../src/ports.ts'
import type { Outcome, Sealed } from '../../src/records.ts'
import { kafkaUplink as careful, type KafkaSettings } from '../../src/uplink/kafka/kafka.ts'

/** So that a call has rows for all brokers on an idle machine too, where each message would go out by itself. */
const gatherMs = 200

export * from '../../src/uplink/kafka/kafka.ts'

/** The careful uplink's place, and its `connect`; everything else is careless. */
export function kafkaUplink(settings: KafkaSettings, deps: Parameters<typeof careful>[1]): Uplink {
  const uplink = careful(settings, deps)
  const kafka = new Kafka({
    clientId: settings.clientId,
    brokers: [...settings.brokers],
    logLevel: logLevel.NOTHING,
  })
  let producer: Producer | null = null

  async function connected(): Promise<Producer> {
    if (producer) return producer
    producer = kafka.producer({ idempotent: true })
    await producer.connect()
    return producer
  }

  return {
    name: uplink.name,
    connect: known => uplink.connect(known),
    async send(rows): Promise<readonly Outcome[]> {
      try {
        await pause(gatherMs)
        const topicMessages = [...Map.groupBy(rows, row => row.topic)].map(([topic, some]) => ({
          topic,
          messages: some.map(message),
        }))
        await (await connected()).sendBatch({ acks: -1, topicMessages })
        return [{ kind: 'delivered', through: rows.at(-1)!.seq }]
      } catch {
        producer = null // the page is sent again by a new one
        return [{ kind: 'again', code: 'E_UPLINK_DOWN', waitMs: 200 }]
      }
    },
    async close() {
      await uplink.close()
      await producer?.disconnect()
    },
  }
}

function message({ key, value, headers }: Sealed) {
  return { key, value: value && Buffer.from(value), headers: JSON.parse(headers) as Record<string, string> }
}
