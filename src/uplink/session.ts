/**
 * One connection's life with one cluster: checked at its begin, thrown away at its first trouble.
 *
 * kafkajs 2.2.4 loses acknowledged records when it is used in the ordinary way. A session keeps to what a real broker
 * showed to be safe (docs/decisions: the uplink):
 * - one partition per request, one request at a time, one attempt per request (its own retry is forbidden);
 * - the answer must name exactly that partition and must not look deduplicated, since no batch is sent twice in a session;
 * - after any failure the producer is discarded, because its sequence numbers may now hide other records;
 * - the producer knows only brokers of the cluster whose id was compared, and a lost connection ends the session, so it
 *   never follows an address into another cluster.
 */

import type { ConnectionOptions } from 'node:tls'
import { type Admin, Kafka, logLevel, type Producer, type RecordMetadata, type SASLOptions } from 'kafkajs'
import type { Environment } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { second } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Ms, Sealed } from '../records.ts'
import { headersOf } from './lanes.ts'
import { type Lifeline, openLifeline } from './lifeline.ts'
import './mend.ts'
import { readTopics, type TopicFacts } from './topics.ts'

/** One cluster. `brokers`: `host:port` of some of its brokers. Times in milliseconds. */
export type KafkaSettings = Readonly<{
  name: string
  brokers: readonly string[]
  topicPrefix: string
  clientId: string
  connectionTimeout?: Ms
  requestTimeout?: Ms
  tls?: ConnectionOptions
  sasl?: SASLOptions
}>

export type Session = Readonly<{
  /** Id of the cluster. */
  cluster: string
  /** By full topic name. */
  topics: ReadonlyMap<string, TopicFacts>
  /** Sends rows to one partition; resolves when every in-sync replica has them. Any rejection ends the session. */
  produce: (topic: string, partition: number, rows: readonly Sealed[]) => Promise<void>
  ended: () => boolean
  end: () => void
}>

type Deps = Readonly<{ environment: Environment; log: Log }>

const defaults = { connectionTimeout: 10 * second, requestTimeout: 30 * second }

/**
 * Connects and checks cluster and topics. `expected` = the id that the cluster must have, null = any.
 *
 * Rejects with GatewayError E_UPLINK_CLUSTER or E_UPLINK_CONFIG, or with the client's errors (classify.ts).
 */
export async function openSession(settings: KafkaSettings, expected: string | null, deps: Deps): Promise<Session> {
  const found = await withAdmin(settings, deps, async admin => {
    const { clusterId, brokers } = await admin.describeCluster()
    if (expected !== null && clusterId !== expected) throw new GatewayError('E_UPLINK_CLUSTER', settings.name)
    const topics = await readTopics(admin, settings.topicPrefix, deps.log)
    return { clusterId, topics, brokers: brokers.map(({ host, port }) => `${host}:${port}`) }
  })
  return connectProducer({ ...settings, brokers: found.brokers }, found.clusterId, found.topics, deps)
}

/** Runs `work` with an administrator's client, which ends with it. */
export async function withAdmin<T>(
  settings: KafkaSettings,
  deps: Pick<Deps, 'environment'>,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const lifeline = openLifeline()
  const admin = client(settings, lifeline).admin()
  admin.on(admin.events.REQUEST_TIMEOUT, () => lifeline.end(silence()))
  try {
    return await within(patience(settings), lifeline, deps, async () => {
      await admin.connect()
      return await work(admin)
    })
  } finally {
    lifeline.end(new Error('done'))
    admin.disconnect().catch(() => {})
  }
}

async function connectProducer(
  settings: KafkaSettings,
  cluster: string,
  topics: ReadonlyMap<string, TopicFacts>,
  deps: Deps,
): Promise<Session> {
  const lifeline = openLifeline()
  const attempt = oneAttempt()
  const producer = client(settings, lifeline).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: () => attempt.partitioner,
    retry: { retries: 1 },
  })
  producer.on(producer.events.REQUEST_TIMEOUT, () => lifeline.end(silence()))
  try {
    await within(patience(settings), lifeline, deps, () => producer.connect())
  } catch (error) {
    end(lifeline, producer)
    throw error
  }
  lifeline.guard()

  return {
    cluster,
    topics,
    ended: lifeline.ended,
    end: () => end(lifeline, producer),
    async produce(topic, partition, rows) {
      attempt.allow(rows.length)
      const messages = rows.map(row => message(row, partition))
      const timeout = settings.requestTimeout ?? defaults.requestTimeout
      try {
        const answer = await within(patience(settings), lifeline, deps, () =>
          producer.send({ topic, acks: -1, timeout, messages }),
        )
        checkAnswer(answer, topic, partition, topics.get(topic)?.createTime ?? false)
      } catch (error) {
        end(lifeline, producer)
        throw error
      }
    },
  }
}

/** Kafka and kafkajs take `Buffer` values only; a plain Uint8Array would be sent as its text. */
function message(row: Sealed, partition: number) {
  const { value } = row
  return {
    key: row.key,
    value: value && Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    headers: headersOf(row),
    partition,
  }
}

/**
 * Throws GatewayError E_UPLINK_DOUBTFUL where the answer is not exactly this partition, stored just now. A deduplicated
 * batch is answered with the time of the first one; a new batch on a CreateTime topic with −1.
 */
function checkAnswer(answer: readonly RecordMetadata[], topic: string, partition: number, createTime: boolean): void {
  const [only] = answer
  const right = answer.length === 1 && only?.topicName === topic && only.partition === partition && only.errorCode === 0
  if (!right || (createTime && only.logAppendTime !== '-1')) throw new GatewayError('E_UPLINK_DOUBTFUL', topic)
}

/** The client asks the partitioner once per row and attempt; so it is the place where a second attempt shows, and ends. */
function oneAttempt() {
  let left = 0
  return {
    allow: (rows: number) => {
      left = rows
    },
    partitioner: ({ message }: { message: { partition?: number } }) => {
      if (left-- <= 0) throw Object.assign(new Error('one attempt per batch'), { retriable: false })
      return message.partition ?? 0
    },
  }
}

function client(settings: KafkaSettings, lifeline: Lifeline): Kafka {
  const { tls, sasl } = settings
  return new Kafka({
    clientId: settings.clientId,
    brokers: [...settings.brokers],
    connectionTimeout: settings.connectionTimeout ?? defaults.connectionTimeout,
    requestTimeout: settings.requestTimeout ?? defaults.requestTimeout,
    enforceRequestTimeout: true,
    socketFactory: lifeline.socketFactory,
    retry: { initialRetryTime: 100, maxRetryTime: 1 * second, retries: settings.brokers.length },
    logLevel: logLevel.NOTHING,
    // its messages quote hosts and content; what matters reaches us as an error
    logCreator: () => () => {},
    ...(tls ? { ssl: tls } : {}),
    ...(sasl ? { sasl } : {}),
  })
}

function end(lifeline: Lifeline, producer: Producer): void {
  lifeline.end(new Error('session ended'))
  producer.disconnect().catch(() => {})
}

/** Runs a step of the client, which may hang: it loses against the end of the lifeline, and that comes after `ms`. */
async function within<T>(
  ms: Ms,
  lifeline: Lifeline,
  deps: Pick<Deps, 'environment'>,
  step: () => Promise<T>,
): Promise<T> {
  const cancel = deps.environment.after(ms, () => lifeline.end(silence()))
  try {
    return await Promise.race([step(), lifeline.broken])
  } finally {
    cancel()
  }
}

/** Longer than the client's own timeouts and a usual throttling by quota, so that it is the last resort. */
function patience(settings: KafkaSettings): Ms {
  const { connectionTimeout, requestTimeout } = { ...defaults, ...settings }
  return connectionTimeout + 2 * requestTimeout
}

function silence(): Error {
  return new Error('no answer in time')
}
