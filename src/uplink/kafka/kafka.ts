/** The Kafka uplink (DESIGN §9): pages become batches of one partition each, sent one after another until acknowledged. */
import { isDeepStrictEqual } from 'node:util'
import { GatewayError } from '../../errors.ts'
import { limits, second } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { Attachment, Uplink } from '../../ports.ts'
import type { Ms, Outcome, Sealed } from '../../records.ts'
import type { UplinkDeps } from '../file.ts'
import { groups } from '../lanes.ts'
import { classify, trouble, uplinkError } from './classify.ts'
import { partitionOf } from './partition.ts'
import { isTooLarge, Refusals } from './refusals.ts'
import { defaults, type KafkaSettings, openSession, type Session, withAdmin } from './session.ts'
import { type Layout, makeTopics, type TopicFacts } from './topics.ts'

export type { KafkaSettings, Layout }

/** Rows of one partition in one request. */
type Batch = Readonly<{ topic: string; partition: number; rows: readonly Sealed[] }>

/** A record's own bytes in a batch beside key, headers and value, and a batch's own: generous. */
const recordOverhead = 100
const batchOverhead = 1000
const closeWaitMs = 2 * second

/** `attached`: a topic keeps the partitions that it was first seen with (docs/decisions/016). */
type Ground = Readonly<{ topics: ReadonlyMap<string, TopicFacts>; attached: Attachment }>

/**
 * Opens an uplink to one Kafka cluster. Nothing is connected before `connect` or `send`.
 *
 * A page stays frozen until all of it is acknowledged: what is acknowledged is remembered over `again`, and only the rest
 * is sent. A record that the cluster refuses is found by bisecting its batch and named `unsendable` E_UPLINK_REJECTED, where
 * the record is to blame and not its topic (refusals.ts). With that the page stops, until the caller has parked it: were
 * that forgotten, the record would be sent behind later ones of its partition one day, and readers would drop it unseen.
 * `again` comes with E_UPLINK_DOWN, _AUTH, _CONFIG, _CLUSTER or _DOUBTFUL.
 */
export function kafkaUplink(settings: KafkaSettings, deps: UplinkDeps): Uplink {
  const { name } = settings
  const patience = openPatience(settings.requestTimeout ?? defaults.requestTimeout)
  const acknowledged = new Set<number>()
  /** Named `unsendable`. Where the caller gives such a row again, it has not parked it, and hears it once more. */
  const refused = new Set<number>()
  /** What this call of `send` names so. */
  let parks: Outcome[] = []
  /** The next call goes on with the same attempt. */
  let goesOn = false
  const refusals = new Refusals(refuse)
  let attached: Attachment = { cluster: null, partitions: {} }
  let session: Session | null = null
  let openedAt = 0
  let closed = false
  const closing = new AbortController()
  let sending: Promise<unknown> = Promise.resolve()

  return {
    name,

    async connect(known) {
      const isOld = deps.environment.monotonic() - openedAt > limits.sessionMs
      if (isOld || !isDeepStrictEqual(known, attached)) session?.end()
      attached = known
      try {
        await current()
        return attached
      } catch (error) {
        goesOn = false
        throw uplinkError(error, name)
      }
    },

    send(rows) {
      const result = sendPage(rows)
      sending = result
      return result
    },

    warnings: () => grownTopics(session?.topics, attached).map(at => ({ code: 'E_UPLINK_PARTITIONS', at })),

    /** Lets the batch in flight come home, for a moment, so that it need not be repeated after the next start. */
    async close() {
      closed = true
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const cancel = deps.environment.after(closeWaitMs, resolve)
      await Promise.race([sending, late])
      cancel()
      session?.end()
      closing.abort()
    },
  }

  async function sendPage(rows: readonly Sealed[]): Promise<readonly Outcome[]> {
    const last = rows.at(-1)
    if (!last) return []
    parks = rows.filter(({ seq }) => refused.has(seq)).map(unsendable)
    if (parks.length > 0) return parks
    refusals.begin(goesOn)
    goesOn = false
    try {
      const { topics } = await current()
      const found = batches(rows, { topics, attached }, patience.mostBytes())
      // no data before its key is acknowledged, or is known to be what is wrong
      for (const lane of [found.filter(isOfKeys), found.filter(batch => !isOfKeys(batch))]) {
        for (const batch of lane) await deliver(batch)
        if (parks.length === 0) refusals.settle()
        goesOn = parks.length > 0
        if (goesOn) return parks
      }
      forget()
      if (patience.relax()) session?.end()
      return [{ kind: 'delivered', through: last.seq }]
    } catch (error) {
      session?.end()
      const { code, waitMs, at, cause, advice } = uplinkError(error, name)
      return [...parks, { kind: 'again', code, waitMs, at, cause, advice }]
    }
  }

  /** Sends what is left of a batch, up to a refused row. Halves go in order, so rows of one key keep theirs. */
  async function deliver({ topic, partition, rows }: Batch): Promise<void> {
    const left = rows.filter(row => !acknowledged.has(row.seq))
    const [first] = left
    if (!first || parks.length > 0 || refusals.holds(topic, partition)) return
    const { produce, topics } = await current()
    const begin = deps.environment.monotonic()
    try {
      await produce(topic, partition, left)
      for (const row of left) acknowledged.add(row.seq)
      refusals.taken(topic)
    } catch (error) {
      const { kind, cause } = classify(error)
      if (kind !== 'record') {
        patience.failed(left.length, bytesOf(left), deps.environment.monotonic() - begin)
        throw error
      }
      if (left.length === 1) {
        const isSize = /TOO_LARGE$/.test(cause) && isTooLarge(bytesOf(left), topics.get(topic)!.maxBytes)
        return isSize ? refuse(first.seq) : refusals.suspect({ seq: first.seq, topic, partition, cause })
      }
      const half = left.length >> 1
      await deliver({ topic, partition, rows: left.slice(0, half) })
      await deliver({ topic, partition, rows: left.slice(half) })
    }
  }

  function refuse(seq: number): void {
    refused.add(seq)
    parks.push(unsendable({ seq }))
  }

  /** The running session, or a new one with the same cluster. */
  async function current(): Promise<Session> {
    if (closed) throw new GatewayError('E_UPLINK_DOWN', name)
    if (session && !session.ended()) return session
    const patient = { ...settings, requestTimeout: patience.requestTimeout() }
    const opened = await openSession(patient, attached.cluster, { ...deps, signal: closing.signal })
    if (closed) opened.end()
    if (opened.cluster !== attached.cluster) forget() // what another cluster has acknowledged does not count here
    attached = { cluster: opened.cluster, partitions: pinned(opened.topics, attached.partitions, deps.log) }
    session = opened
    openedAt = deps.environment.monotonic()
    return opened
  }

  function forget(): void {
    acknowledged.clear()
    refused.clear()
  }
}

/**
 * How large requests are and how long they may take. Usually as large as may be and not long, so that a dead connection is
 * found soon; on a line so slow that a batch times out, smaller ones; for a record that timed out alone, the time it needs.
 */
function openPatience(usual: Ms) {
  let most = Number.POSITIVE_INFINITY
  let longest = usual
  return {
    mostBytes: () => most,
    requestTimeout: () => longest,
    failed(rows: number, bytes: number, ms: Ms): void {
      if (ms < longest) return
      if (rows > 1) most = bytes / 2
      else longest = usual + (bytes / limits.slowestBytesPerSecond) * second
    },
    /** Back to what is usual. Returns whether that takes a new connection. */
    relax(): boolean {
      const isPatient = longest > usual
      most = Number.POSITIVE_INFINITY
      longest = usual
      return isPatient
    },
  }
}

/** More partitions than before do not count; fewer mean that the topic was made anew. */
function pinned(
  topics: ReadonlyMap<string, TopicFacts>,
  before: Attachment['partitions'],
  log: Log,
): Attachment['partitions'] {
  const counts = [...topics].map(([topic, { partitions }]) => ({
    topic,
    now: partitions,
    was: before[topic] ?? partitions,
  }))
  for (const { topic, now, was } of counts) {
    if (now < was) log.warn('topic was made anew, with fewer partitions', { topic, now, was })
  }
  return Object.fromEntries(counts.map(({ topic, now, was }) => [topic, Math.min(now, was)]))
}

function grownTopics(
  topics: ReadonlyMap<string, TopicFacts> = new Map(),
  { partitions }: Attachment,
): readonly string[] {
  return [...topics]
    .filter(([topic, facts]) => facts.partitions > (partitions[topic] ?? facts.partitions))
    .map(([topic]) => topic)
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
    return await withAdmin(settings, deps, admin => makeTopics(admin, settings.topicPrefix, layout, deps.environment))
  } catch (error) {
    throw uplinkError(error, settings.name)
  }
}

/** Cuts a page into batches, key lane first. Throws GatewayError E_UPLINK_CONFIG for a topic that the cluster lacks. */
function batches(rows: readonly Sealed[], { topics, attached }: Ground, mostBytes: number): readonly Batch[] {
  const count = (topic: string) => attached.partitions[topic] ?? factsOf(topics, topic).partitions
  const partition = (row: Sealed) => partitionOf(row.key, count(row.topic))
  return groups(rows, row => `${row.topic}/${partition(row)}`).flatMap(({ rows }) => {
    const first = rows[0]!
    const maxBytes = Math.min(mostBytes, factsOf(topics, first.topic).maxBytes - batchOverhead)
    return slices(rows, maxBytes).map(rows => ({ topic: first.topic, partition: partition(first), rows }))
  })
}

function unsendable({ seq }: Pick<Sealed, 'seq'>): Outcome {
  return { kind: 'unsendable', seq, code: 'E_UPLINK_REJECTED' }
}

function isOfKeys({ rows }: Batch): boolean {
  return rows[0]?.lane === 'key'
}

function factsOf(topics: ReadonlyMap<string, TopicFacts>, topic: string): TopicFacts {
  const facts = topics.get(topic)
  if (!facts) throw trouble('NO_SUCH_TOPIC', topic)
  return facts
}

/** Slices of at most `maxBytes` and `peekRows` rows; a row that is larger stands alone. */
function slices(rows: readonly Sealed[], maxBytes: number): readonly (readonly Sealed[])[] {
  const result: Sealed[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const row of rows) {
    const size = bytesOf([row])
    if (bytes + size > maxBytes || result.at(-1)!.length >= limits.peekRows) {
      result.push([])
      bytes = 0
    }
    result.at(-1)!.push(row)
    bytes += size
  }
  return result
}

function bytesOf(rows: readonly Sealed[]): number {
  const bytes = ({ key, headers, value }: Sealed) => key.length + headers.length + (value?.length ?? 0) + recordOverhead
  return rows.reduce((sum, row) => sum + bytes(row), 0)
}
