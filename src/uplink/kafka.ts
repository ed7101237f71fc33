/** The Kafka uplink (DESIGN §9): pages become batches of one partition each, sent one after another until acknowledged. */
import { GatewayError } from '../errors.ts'
import { limits, second } from '../limits.ts'
import { describe } from '../log.ts'
import type { Uplink } from '../ports.ts'
import type { Outcome, Sealed } from '../records.ts'
import { classify } from './classify.ts'
import type { UplinkDeps } from './file.ts'
import { groups } from './lanes.ts'
import { partitionOf } from './partition.ts'
import { type KafkaSettings, openSession, type Session, withAdmin } from './session.ts'
import { type Layout, makeTopics, type TopicFacts } from './topics.ts'

export type { KafkaSettings, Layout }

/** Rows of one partition in one request. */
type Batch = Readonly<{ topic: string; partition: number; rows: readonly Sealed[] }>

/** A record's own bytes in a batch beside key, headers and value, and a batch's own: generous. */
const recordOverhead = 100
const batchOverhead = 1000
const closeWaitMs = 2 * second

/**
 * Opens an uplink to one Kafka cluster. Nothing is connected before `connect` or `send`.
 *
 * A page stays frozen until all of it is acknowledged: what is acknowledged is remembered over `again`, and only the rest
 * is sent. A record that the cluster refuses is found by bisecting its batch and named `unsendable` E_UPLINK_REJECTED.
 * `again` comes with E_UPLINK_DOWN, _AUTH, _CONFIG, _CLUSTER or _DOUBTFUL.
 */
export function kafkaUplink(settings: KafkaSettings, deps: UplinkDeps): Uplink {
  const { name } = settings
  const acknowledged = new Set<number>()
  const refused = new Map<number, Outcome>()
  let cluster: string | null = null
  let session: Session | null = null
  let closed = false
  let sending: Promise<unknown> = Promise.resolve()

  return {
    name,

    async connect(expected) {
      cluster = expected
      if (session?.cluster !== expected) session?.end()
      try {
        return (await current()).cluster
      } catch (error) {
        throw asGatewayError(error, name)
      }
    },

    send(rows) {
      const result = sendPage(rows)
      sending = result
      return result
    },

    /** Lets the batch in flight come home, for a moment, so that it need not be repeated after the next start. */
    async close() {
      closed = true
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const cancel = deps.environment.after(closeWaitMs, resolve)
      await Promise.race([sending, late])
      cancel()
      session?.end()
    },
  }

  async function sendPage(rows: readonly Sealed[]): Promise<readonly Outcome[]> {
    const last = rows.at(-1)
    if (!last) return []
    try {
      const { topics } = await current()
      for (const batch of batches(rows, topics)) await deliver(batch)
      const outcomes = [...refused.values(), { kind: 'delivered', through: last.seq } as const]
      acknowledged.clear()
      refused.clear()
      return outcomes
    } catch (error) {
      session?.end()
      const { code, waitMs } = classify(error)
      deps.log.warn('kafka uplink failed', { uplink: name, ...describe(error), code })
      return [{ kind: 'again', code, waitMs }]
    }
  }

  /** Sends what is left of a batch. Halves go in order, so rows of one key keep theirs. */
  async function deliver({ topic, partition, rows }: Batch): Promise<void> {
    const left = rows.filter(row => !acknowledged.has(row.seq) && !refused.has(row.seq))
    const [first] = left
    if (!first) return
    try {
      await (await current()).produce(topic, partition, left)
      for (const row of left) acknowledged.add(row.seq)
    } catch (error) {
      const { kind, code } = classify(error)
      if (kind !== 'record') throw error
      if (left.length === 1) return void refused.set(first.seq, { kind: 'unsendable', seq: first.seq, code })
      const half = left.length >> 1
      await deliver({ topic, partition, rows: left.slice(0, half) })
      await deliver({ topic, partition, rows: left.slice(half) })
    }
  }

  /** The running session, or a new one with the same cluster. */
  async function current(): Promise<Session> {
    if (closed) throw new GatewayError('E_UPLINK_DOWN', name)
    if (session && !session.ended()) return session
    const opened = await openSession(settings, cluster, deps)
    if (closed) opened.end()
    cluster = opened.cluster
    session = opened
    return opened
  }
}

/**
 * Makes the topics of a gateway that are missing, with the settings they need; returns their names. Topics that exist stay
 * as they are. Rejects with GatewayError E_UPLINK_*.
 */
export async function createTopics(
  settings: KafkaSettings,
  layout: Layout,
  deps: UplinkDeps,
): Promise<readonly string[]> {
  try {
    return await withAdmin(settings, deps, admin => makeTopics(admin, settings.topicPrefix, layout))
  } catch (error) {
    throw asGatewayError(error, settings.name)
  }
}

/** Cuts a page into batches, key lane first. Throws GatewayError E_UPLINK_CONFIG for a topic that the cluster lacks. */
function batches(rows: readonly Sealed[], topics: ReadonlyMap<string, TopicFacts>): readonly Batch[] {
  const partition = (row: Sealed) => partitionOf(row.key, factsOf(topics, row.topic).partitions)
  return groups(rows, row => `${row.topic}/${partition(row)}`).flatMap(({ rows }) => {
    const first = rows[0]!
    const { maxBytes } = factsOf(topics, first.topic)
    return slices(rows, maxBytes - batchOverhead).map(rows => ({
      topic: first.topic,
      partition: partition(first),
      rows,
    }))
  })
}

function factsOf(topics: ReadonlyMap<string, TopicFacts>, topic: string): TopicFacts {
  const facts = topics.get(topic)
  if (!facts) throw new GatewayError('E_UPLINK_CONFIG', topic, 'no such topic')
  return facts
}

/** Slices of at most `maxBytes` and `peekRows` rows; a row that is larger stands alone. */
function slices(rows: readonly Sealed[], maxBytes: number): readonly (readonly Sealed[])[] {
  const result: Sealed[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const row of rows) {
    const size = row.key.length + row.headers.length + (row.value?.length ?? 0) + recordOverhead
    if (bytes + size > maxBytes || result.at(-1)!.length >= limits.peekRows) {
      result.push([])
      bytes = 0
    }
    result.at(-1)!.push(row)
    bytes += size
  }
  return result
}

function asGatewayError(error: unknown, at: string): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError(classify(error).code, at)
}
