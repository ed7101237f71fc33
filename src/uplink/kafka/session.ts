/**
 * One connection's life with one cluster: checked at its begin, thrown away at its first trouble.
 *
 * kafkajs 2.2.4 loses acknowledged records when it is used in the ordinary way. A session keeps to what a real broker
 * showed to be safe (docs/decisions: the uplink):
 * - one partition per request, one request at a time, one attempt per request (its own retry is forbidden);
 * - the answer must name exactly that partition and must not look deduplicated, since no batch is sent twice in a session;
 * - after any failure the producer is discarded, because its sequence numbers may now hide other records;
 * - the producer knows only brokers of the cluster whose id was compared, each new connection is asked for it again, and a
 *   lost one ends the session: so it never follows an address, be it one of many, into another cluster.
 */

import { type Admin, Kafka, logLevel, type Producer, type RecordMetadata } from 'kafkajs'
import type { Environment } from '../../environment.ts'
import { GatewayError } from '../../errors.ts'
import { second } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { Ms, Sealed } from '../../records.ts'
import { headersOf } from '../lanes.ts'
import { readProxy, readTls, type SaslSettings, type Security } from '../way/credentials.ts'
import { type Lifeline, type LifelineOptions, openLifeline, seedText } from '../way/lifeline.ts'
import { loginOf } from '../way/login.ts'
import { uplinkError } from './classify.ts'
import { coded } from './coded.ts'
import { type Compression, codecs } from './compression.ts'
import { checkEach } from './membership.ts'
import { kafkaErrors } from './mend.ts'
import './record.ts'
import { type Tokens, tokensOf } from '../way/token.ts'
import { addressText } from '../way/tunnel.ts'
import { readTopics, type TopicFacts } from './topics.ts'

/**
 * One cluster. `brokers`: `host:port` of some of its brokers, `[host]:port` by IPv6 address. Times in milliseconds.
 * `loopbackOnly`: no connection leaves the machine, whatever addresses the cluster names (the demo).
 */
export type KafkaSettings = Readonly<{
  name: string
  brokers: readonly string[]
  topicPrefix: string
  clientId: string
  connectionTimeout?: Ms
  requestTimeout?: Ms
  /** Default `zstd`. */
  compression?: Compression
  loopbackOnly?: boolean
}> &
  Security

export type Session = Readonly<{
  /** Id of the cluster. */
  cluster: string
  /** By full topic name. */
  topics: ReadonlyMap<string, TopicFacts>
  /**
   * Sends rows to one partition; resolves when every in-sync replica has them, with the broker's time where the topic keeps
   * that one, else null. Any rejection ends the session.
   */
  produce: (topic: string, partition: number, rows: readonly Sealed[]) => Promise<Ms | null>
  ended: () => boolean
  end: () => void
}>

/** `signal` ends what is being waited for, as when the gateway stops. */
type Deps = Readonly<{ environment: Environment; log: Log; signal?: AbortSignal }>

/** Short, so that a dead connection is found and an outage is over soon; kafka.ts has patience with slow lines. */
export const defaults = { connectionTimeout: 5 * second, requestTimeout: 6 * second }

/**
 * Connects and checks cluster and topics. `expected` = the id that the cluster must have, null = any.
 *
 * Rejects with UplinkError E_UPLINK_* (causes.ts).
 */
export async function openSession(settings: KafkaSettings, expected: string | null, deps: Deps): Promise<Session> {
  const found = await withAdmin(settings, deps, async admin => {
    const { clusterId, brokers } = await admin.describeCluster()
    if (expected !== null && clusterId !== expected) throw new GatewayError('E_UPLINK_CLUSTER', settings.name)
    const topics = await readTopics(admin, settings.topicPrefix, deps.log)
    return { clusterId, topics, brokers: brokers.map(({ host, port }) => addressText(host, port)) }
  })
  return connectProducer({ ...settings, brokers: found.brokers }, found.clusterId, found.topics, deps)
}

/** Runs `work` with a client; the connections that it makes end with it. */
export async function withClient<T>(
  settings: KafkaSettings,
  deps: Pick<Deps, 'environment' | 'signal'>,
  work: (kafka: Kafka, lifeline: Lifeline) => Promise<T>,
): Promise<T> {
  const lifeline = openLifeline(wayOf(settings))
  try {
    return await within(settings.name, patience(settings), lifeline, deps, () =>
      work(client(settings, lifeline, deps), lifeline),
    )
  } finally {
    lifeline.end(new Error('done'))
  }
}

/** Runs `work` with an administrator's client, which ends with it. */
export function withAdmin<T>(
  settings: KafkaSettings,
  deps: Pick<Deps, 'environment' | 'signal'>,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  return withClient(settings, deps, async (kafka, lifeline) => {
    const admin = kafka.admin()
    admin.on(admin.events.REQUEST_TIMEOUT, () => lifeline.end(silence()))
    // also where the client hangs: the lifeline's end is all that is sure to come
    lifeline.broken.catch(() => admin.disconnect()).catch(() => {})
    await admin.connect()
    return await work(admin)
  })
}

async function connectProducer(
  settings: KafkaSettings,
  cluster: string,
  topics: ReadonlyMap<string, TopicFacts>,
  deps: Deps,
): Promise<Session> {
  const lifeline = openLifeline(wayOf(settings))
  const attempt = oneAttempt()
  const producer = client(settings, lifeline, deps, cluster).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: () => attempt.partitioner,
    retry: { retries: 1 },
  })
  producer.on(producer.events.REQUEST_TIMEOUT, () => lifeline.end(silence()))
  try {
    await within(settings.name, patience(settings), lifeline, deps, () => producer.connect())
  } catch (error) {
    end(lifeline, producer)
    throw error
  }
  lifeline.guard()
  const compression = codecs[settings.compression ?? 'zstd']

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
        const answer = await within(topic, patience(settings), lifeline, deps, () =>
          producer.send({ topic, acks: -1, timeout, compression, messages }),
        )
        checkAnswer(answer, topic, partition, topics.get(topic)?.createTime ?? false)
        return timeOf(answer)
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

/** The broker's clock when it stored the batch; -1 says that the records keep the sender's. */
function timeOf([only]: readonly RecordMetadata[]): Ms | null {
  const time = Number(only?.logAppendTime ?? -1)
  return time < 0 ? null : time
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

/** Reads the files anew. Throws UplinkError E_UPLINK_CONFIG where one is not right. */
function wayOf({ tls, sasl, proxy, plaintext, loopbackOnly }: KafkaSettings): LifelineOptions {
  const tellsSecret = sasl?.mechanism === 'plain' || sasl?.mechanism === 'oauthbearer'
  return {
    ...(tls && { tls: readTls(tls) }),
    ...(proxy && { proxy: readProxy(proxy) }),
    login: sasl !== undefined,
    plaintext: plaintext !== undefined && !tellsSecret,
    loopbackOnly: loopbackOnly ?? false,
  }
}

/**
 * A login that runs out is renewed so long before its end. Kafka refuses one that follows the last within a second, and
 * the client's own 10 s would ask for that where logins or tokens hold only for seconds.
 */
const reauthenticationThreshold: Ms = 1 * second

/** By the settings of an uplink, so that tokens outlive its sessions. */
const tokens = new WeakMap<SaslSettings, Tokens>()

function tokensFor(
  sasl: SaslSettings,
  settings: KafkaSettings,
  { environment }: Pick<Deps, 'environment' | 'signal'>,
): Tokens {
  const known = tokens.get(sasl) ?? tokensOf(settings, environment)
  tokens.set(sasl, known)
  return known
}

/** `cluster`: the one that every broker must belong to; null = that of the first one. */
function client(
  settings: KafkaSettings,
  lifeline: Lifeline,
  deps: Pick<Deps, 'environment' | 'signal'>,
  cluster: string | null = null,
): Kafka {
  const { name, sasl, topicPrefix } = settings
  let known = cluster
  checkEach(lifeline.socketFactory, `${topicPrefix}.keys`, found => {
    known ??= found
    if (found === known) return
    const foreign = new GatewayError('E_UPLINK_CLUSTER', name)
    lifeline.end(foreign)
    throw foreign
  })
  return new Kafka({
    clientId: settings.clientId,
    brokers: settings.brokers.map(seedText),
    connectionTimeout: settings.connectionTimeout ?? defaults.connectionTimeout,
    requestTimeout: settings.requestTimeout ?? defaults.requestTimeout,
    enforceRequestTimeout: true,
    reauthenticationThreshold,
    socketFactory: lifeline.socketFactory,
    retry: { initialRetryTime: 100, maxRetryTime: 1 * second, retries: settings.brokers.length },
    // its messages quote hosts and content and go nowhere; only here it says why the first attempt of a batch failed
    logLevel: logLevel.ERROR,
    logCreator:
      () =>
      ({ log }) => {
        const type = kafkaErrors.get(log.error)
        if (type) lifeline.note(coded(type))
      },
    ...(sasl && { sasl: loginOf(sasl, tokensFor(sasl, settings, deps), lifeline.note) }),
  })
}

function end(lifeline: Lifeline, producer: Producer): void {
  lifeline.end(new Error('session ended'))
  producer.disconnect().catch(() => {})
}

/**
 * Runs a step of the client, which may hang: it loses against the end of the lifeline, and that comes after `ms`. Rejects
 * with UplinkError, `at` this place where the error does not name a better one.
 */
async function within<T>(
  at: string,
  ms: Ms,
  lifeline: Lifeline,
  deps: Pick<Deps, 'environment' | 'signal'>,
  step: () => Promise<T>,
): Promise<T> {
  const cancel = deps.environment.after(ms, () => lifeline.end(silence()))
  const stop = () => lifeline.end(coded('STOPPED'))
  deps.signal?.addEventListener('abort', stop)
  lifeline.note(null)
  if (deps.signal?.aborted) stop()
  try {
    return await Promise.race([step(), lifeline.broken])
  } catch (error) {
    throw uplinkError(lifeline.explain(error), at)
  } finally {
    cancel()
    deps.signal?.removeEventListener('abort', stop)
  }
}

/** Longer than the client's own timeouts and a usual throttling by quota, so that it is the last resort. */
function patience(settings: KafkaSettings): Ms {
  const { connectionTimeout, requestTimeout } = { ...defaults, ...settings }
  return connectionTimeout + 2 * requestTimeout
}

function silence(): Error {
  return coded('NO_ANSWER')
}
