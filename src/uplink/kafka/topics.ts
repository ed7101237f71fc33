/** The topics of a gateway and the settings that they are made with (DESIGN §4, SEALING S8.6); topic-rules.ts judges them. */
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs'
import type { Environment } from '../../environment.ts'
import { day, MiB, second } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { Ms } from '../../records.ts'
import { classify, trouble, uplinkError } from './classify.ts'

/** What sending to a topic needs to know. */
export type TopicFacts = Readonly<{
  partitions: number
  /** The largest batch in bytes; Kafka's default where the setting may not be read. */
  maxBytes: number
  /** True where records keep the sender's time: an answer that carries a time then tells of a deduplicated batch. */
  createTime: boolean
}>

/** How many partitions and replicas new topics get, and how long their data stays (default 7 days). */
export type Layout = Readonly<{ partitions: number; replication: number; retention?: Ms }>

export type Settings = ReadonlyMap<string, string>

/** A topic as the cluster shows it to us. */
export type Sight = Readonly<{
  plan: Plan
  topic: string
  /** `denied`: we have no right on it, or it is not there; a cluster with rights does not tell which. */
  found: 'there' | 'missing' | 'denied'
  /** 0 where it is not there. */
  partitions: number
  replication: number
  /** Null where they may not be read. */
  settings: Settings | null
}>

/** Required is what records of this release go to: one test message without its topic would stop everything behind it. */
export type Plan = Readonly<{
  suffix: 'fhir' | 'test' | 'keys' | 'audit'
  required: boolean
  compact: boolean
  single: boolean
  settings: Readonly<Record<string, string>>
}>

const days = (count: number) => String(count * day)
const retentionDefault: Ms = 7 * day
/** How long a new topic may take to be known everywhere. */
const appearMs = 10 * second
const lookAgainMs = 100

/**
 * Data must not be compacted (every version of a resource counts, and chunks share a key); keys must be, so that they
 * outlive the data, and an erased key must go within a day while its tombstone stays for a week. The audit's anchors stay.
 * The broker's time in the test topic's answers tells how far our clock is off.
 */
export const plans: readonly Plan[] = [
  { suffix: 'fhir', required: true, compact: false, single: false, settings: { 'cleanup.policy': 'delete' } },
  {
    suffix: 'test',
    required: true,
    compact: false,
    single: false,
    settings: { 'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime' },
  },
  {
    suffix: 'keys',
    required: true,
    compact: true,
    single: true,
    settings: { 'cleanup.policy': 'compact', 'max.compaction.lag.ms': days(1), 'delete.retention.ms': days(7) },
  },
  {
    suffix: 'audit',
    required: false,
    compact: false,
    single: true,
    settings: { 'cleanup.policy': 'delete', 'retention.ms': '-1' },
  },
]

/** The settings that sending and topic-rules.ts want to know. */
const settingsRead = [
  'cleanup.policy',
  'delete.retention.ms',
  'max.compaction.lag.ms',
  'max.message.bytes',
  'message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.type',
  'min.insync.replicas',
  'retention.bytes',
  'retention.ms',
  'unclean.leader.election.enable',
]

/**
 * Reads the topics of a prefix and checks what would make sending wrong at once.
 *
 * Rejects with GatewayError at the topic: E_UPLINK_CONFIG (a required one is missing; `compact` on data, or not on keys) or
 * E_UPLINK_AUTH (a required one is hidden from us). Where the settings may not be read it warns only.
 */
export async function readTopics(admin: Admin, prefix: string, log: Log): Promise<ReadonlyMap<string, TopicFacts>> {
  const sights = await seeTopics(admin, prefix)
  for (const sight of sights) checkSight(sight)
  const there = sights.filter(({ found }) => found === 'there')
  for (const { topic, settings } of there) {
    if (!settings) log.warn('topic settings cannot be read; they are taken as right', { topic })
  }
  return new Map(there.map(sight => [sight.topic, factsOf(sight)]))
}

/** Looks at every topic of a prefix. Rejects with the client's errors, but not for a topic that is missing or hidden. */
export function seeTopics(admin: Admin, prefix: string): Promise<readonly Sight[]> {
  return Promise.all(plans.map(plan => see(admin, plan, `${prefix}.${plan.suffix}`)))
}

/**
 * Makes the topics that are missing and waits until they can be used; returns their names. Rejects with UplinkError at the
 * topic that may not be seen or made, else with the client's errors.
 */
export async function makeTopics(
  admin: Admin,
  prefix: string,
  layout: Layout,
  environment: Environment,
): Promise<readonly string[]> {
  const sights = await seeTopics(admin, prefix)
  const hidden = sights.find(({ found }) => found === 'denied')
  if (hidden) throw trouble('TOPIC_AUTHORIZATION_FAILED', hidden.topic)
  const missing = sights.filter(({ found }) => found === 'missing')
  // one by one, so that an error is about one topic
  for (const { plan, topic } of missing) await make(admin, topicConfig(plan, topic, layout))
  for (const { plan, topic } of missing) await appear(admin, plan, topic, environment)
  return missing.map(({ topic }) => topic)
}

async function make(admin: Admin, config: ITopicConfig): Promise<void> {
  try {
    await admin.createTopics({ topics: [config], waitForLeaders: false })
  } catch (error) {
    throw uplinkError(error, config.topic)
  }
}

/** The client's own waiting takes a broker that has not heard of the topic yet for a failure. */
async function appear(admin: Admin, plan: Plan, topic: string, environment: Environment): Promise<void> {
  const until = environment.monotonic() + appearMs
  while (!(await isReady(admin, plan, topic))) {
    if (environment.monotonic() > until) throw trouble('LEADER_NOT_AVAILABLE', topic)
    await new Promise<void>(resolve => environment.after(lookAgainMs, resolve))
  }
}

async function isReady(admin: Admin, plan: Plan, topic: string): Promise<boolean> {
  try {
    return (await see(admin, plan, topic)).found === 'there'
  } catch (error) {
    if (classify(error).cause === 'LEADER_NOT_AVAILABLE') return false
    throw error
  }
}

function topicConfig(plan: Plan, topic: string, { partitions, replication, retention }: Layout): ITopicConfig {
  const settings = {
    ...(plan.compact ? {} : { 'retention.ms': String(retention ?? retentionDefault) }),
    ...(replication >= 3 ? { 'min.insync.replicas': '2' } : {}),
    ...plan.settings,
  }
  return {
    topic,
    numPartitions: plan.single ? 1 : partitions,
    replicationFactor: replication,
    configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
  }
}

async function see(admin: Admin, plan: Plan, topic: string): Promise<Sight> {
  const nothing = { plan, topic, partitions: 0, replication: 0, settings: null }
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const partitions = topics[0]?.partitions ?? []
    const replication = Math.min(...partitions.map(({ replicas }) => replicas.length))
    const settings = await readSettings(admin, topic)
    return { plan, topic, found: 'there', partitions: partitions.length, replication, settings }
  } catch (error) {
    const { cause } = classify(error)
    if (cause === 'UNKNOWN_TOPIC_OR_PARTITION') return { ...nothing, found: 'missing' }
    if (cause === 'TOPIC_AUTHORIZATION_FAILED') return { ...nothing, found: 'denied' }
    throw error
  }
}

/** Null where they may not be read, or the cluster has no such request. */
async function readSettings(admin: Admin, topic: string): Promise<Settings | null> {
  const wanted = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: settingsRead }
  try {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [wanted] })
    const entries = resources.flatMap(({ configEntries }) => configEntries)
    return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
  } catch (error) {
    if (/_AUTHORIZATION_FAILED$|^UNSUPPORTED_VERSION$/.test(classify(error).cause)) return null
    throw error
  }
}

function checkSight({ plan, topic, found, settings }: Sight): void {
  if (plan.required && found === 'missing') throw trouble('NO_SUCH_TOPIC', topic)
  if (plan.required && found === 'denied') throw trouble('TOPIC_AUTHORIZATION_FAILED', topic)
  const policy = settings?.get('cleanup.policy')
  if (policy === undefined) return
  const compact = policy.split(',').includes('compact')
  if (compact !== plan.compact) throw trouble('CLEANUP_POLICY', topic)
}

function factsOf({ partitions, settings }: Sight): TopicFacts {
  return {
    partitions,
    maxBytes: Number(settings?.get('max.message.bytes') ?? MiB),
    createTime: settings?.get('message.timestamp.type') === 'CreateTime',
  }
}
