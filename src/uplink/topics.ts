/** The topics of a gateway and the settings that they must have (DESIGN §4, SEALING S8.6). */
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs'
import { GatewayError } from '../errors.ts'
import { day, MiB } from '../limits.ts'
import { describe, type Log } from '../log.ts'

/** What sending to a topic needs to know. */
export type TopicFacts = Readonly<{
  partitions: number
  /** The largest batch in bytes; Kafka's default where the setting may not be read. */
  maxBytes: number
  /** True where records keep the sender's time: an answer that carries a time then tells of a deduplicated batch. */
  createTime: boolean
}>

/** How many partitions and replicas new topics get. */
export type Layout = Readonly<{ partitions: number; replication: number }>

type Plan = Readonly<{ suffix: string; required: boolean; compact: boolean; single: boolean; settings: Settings }>
type Settings = Readonly<Record<string, string>>

const days = (count: number) => String(count * day)
const deleted = { 'cleanup.policy': 'delete' }

/**
 * Data must not be compacted (every version of a resource counts, and chunks share a key); keys must be, so that they
 * outlive the data, and an erased key must go within a day while its tombstone stays for a week. The audit's anchors stay.
 * Required is what records of this release go to: one test message without its topic would stop everything behind it.
 */
const plans: readonly Plan[] = [
  { suffix: 'fhir', required: true, compact: false, single: false, settings: deleted },
  { suffix: 'test', required: true, compact: false, single: false, settings: deleted },
  {
    suffix: 'keys',
    required: true,
    compact: true,
    single: true,
    settings: { 'cleanup.policy': 'compact', 'max.compaction.lag.ms': days(1), 'delete.retention.ms': days(7) },
  },
  { suffix: 'audit', required: false, compact: false, single: true, settings: { ...deleted, 'retention.ms': '-1' } },
]

/**
 * Reads the topics of a prefix and checks them.
 *
 * Rejects with GatewayError E_UPLINK_CONFIG that names topic and setting: a required topic is missing, `compact` on data,
 * or not on keys. Where the settings may not be read it warns only.
 */
export async function readTopics(admin: Admin, prefix: string, log: Log): Promise<ReadonlyMap<string, TopicFacts>> {
  const present = new Set(await admin.listTopics())
  const missing = plans.find(plan => plan.required && !present.has(`${prefix}.${plan.suffix}`))
  if (missing) throw new GatewayError('E_UPLINK_CONFIG', `${prefix}.${missing.suffix}`, 'no such topic')
  const ours = plans.filter(plan => present.has(`${prefix}.${plan.suffix}`))
  const names = ours.map(plan => `${prefix}.${plan.suffix}`)
  const { topics } = await admin.fetchTopicMetadata({ topics: names })
  const settings = await readSettings(admin, names, log)
  for (const plan of ours) checkPolicy(plan, `${prefix}.${plan.suffix}`, settings)
  return new Map(topics.map(topic => [topic.name, facts(topic.partitions.length, settings.get(topic.name))]))
}

/** Makes the topics that are missing; returns their names. Rejects with the client's errors. */
export async function makeTopics(admin: Admin, prefix: string, layout: Layout): Promise<readonly string[]> {
  const present = new Set(await admin.listTopics())
  const topics = plans.map(plan => topicConfig(plan, prefix, layout)).filter(({ topic }) => !present.has(topic))
  if (topics.length > 0) await admin.createTopics({ topics, waitForLeaders: true })
  return topics.map(({ topic }) => topic)
}

function topicConfig(plan: Plan, prefix: string, { partitions, replication }: Layout): ITopicConfig {
  const settings = { ...plan.settings, ...(replication >= 3 ? { 'min.insync.replicas': '2' } : {}) }
  return {
    topic: `${prefix}.${plan.suffix}`,
    numPartitions: plan.single ? 1 : partitions,
    replicationFactor: replication,
    configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
  }
}

async function readSettings(
  admin: Admin,
  topics: readonly string[],
  log: Log,
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const configNames = ['cleanup.policy', 'max.message.bytes', 'message.timestamp.type']
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map(name => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames })),
    })
    return new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    )
  } catch (error) {
    log.warn('topic settings cannot be read; they are taken as right', describe(error))
    return new Map()
  }
}

function checkPolicy(plan: Plan, topic: string, settings: ReadonlyMap<string, ReadonlyMap<string, string>>): void {
  const policy = settings.get(topic)?.get('cleanup.policy')
  if (policy === undefined) return
  const compact = policy.split(',').includes('compact')
  if (compact !== plan.compact) throw new GatewayError('E_UPLINK_CONFIG', topic, 'cleanup.policy')
}

function facts(partitions: number, settings: ReadonlyMap<string, string> | undefined): TopicFacts {
  return {
    partitions,
    maxBytes: Number(settings?.get('max.message.bytes') ?? MiB),
    createTime: settings?.get('message.timestamp.type') === 'CreateTime',
  }
}
