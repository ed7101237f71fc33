/**
 * MirrorMaker 2 on this machine, from Maven artifacts like the broker: copies topics of one cluster into another under
 * their own names, partition by partition, as a second cluster is kept in the cloud.
 */
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { classPath, fetchJars } from './jars.ts'
import { end, isAlive, spawnJava } from './node.ts'

/** The newest one that Maven Central serves whole. */
const mirrorVersion = '4.1.1'
const startDeadlineMs = 120_000

/** `from`, `to`: addresses `host:port` of the clusters. `topics`: what is copied, as a regular expression of Java. */
export type MirrorOptions = Readonly<{ from: string; to: string; topics: string }>

/** A running mirror. `stop` is an orderly end (SIGTERM): what was copied is noted; `kill` is kill -9. */
export type Mirror = Readonly<{ stop: () => Promise<void>; kill: () => Promise<void> }>

/**
 * Starts a mirror; resolves once a record has crossed. The topics must be there, on both sides or on the first one. A mirror
 * that was killed may be started again: it goes on where it noted last, so some records cross twice. Needs `java` and `mvn`.
 */
export async function startMirror(options: MirrorOptions): Promise<Mirror> {
  const dir = mkdtempSync(join(tmpdir(), 'mirror-'))
  const probe = `mirror-probe-${randomUUID()}`
  const file = join(dir, 'mirror.properties')
  writeFileSync(file, properties(options, probe))
  await say(options.from, probe)
  const mirror = launch(file)
  const stop = async (signal: NodeJS.Signals) => {
    await end(mirror, signal)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await crossed(options.to, probe, mirror)
  } catch (error) {
    await stop('SIGKILL')
    throw error
  }
  return { stop: () => stop('SIGTERM'), kill: () => stop('SIGKILL') }
}

/** One direction, same names, one replica; it looks and notes every second instead of every minute or ten. */
function properties({ from, to, topics }: MirrorOptions, probe: string): string {
  const lines = {
    clusters: 'first, second',
    'first.bootstrap.servers': from,
    'second.bootstrap.servers': to,
    'first->second.enabled': 'true',
    'first->second.topics': `${topics},${probe}`,
    'second->first.enabled': 'false',
    'replication.policy.class': 'org.apache.kafka.connect.mirror.IdentityReplicationPolicy',
    'replication.factor': '1',
    'checkpoints.topic.replication.factor': '1',
    'heartbeats.topic.replication.factor': '1',
    'offset-syncs.topic.replication.factor': '1',
    'offset.storage.replication.factor': '1',
    'status.storage.replication.factor': '1',
    'config.storage.replication.factor': '1',
    'offset.storage.partitions': '1',
    'status.storage.partitions': '1',
    'emit.heartbeats.enabled': 'false',
    'refresh.topics.interval.seconds': '1',
    'second.offset.flush.interval.ms': '1000',
    'second.session.timeout.ms': '6000',
    'second.heartbeat.interval.ms': '1000',
    'second.scheduled.rebalance.max.delay.ms': '0',
    'tasks.max': '1',
  }
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
}

/** Makes the topic of the probe and puts one record into it, before the mirror looks for topics. */
async function say(bootstrap: string, topic: string): Promise<void> {
  const topics = [{ topic, numPartitions: 1, replicationFactor: 1 }]
  await withAdmin(bootstrap, async admin => {
    // the client's own wait takes a topic that the broker does not know yet for an error
    await admin.createTopics({ topics, waitForLeaders: false })
    await until(async () => (await endOf(admin, topic)) !== undefined)
  })
  const producer = client(bootstrap).producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ value: 'probe' }] })
  await producer.disconnect()
}

async function crossed(bootstrap: string, topic: string, mirror: ChildProcess): Promise<void> {
  await withAdmin(bootstrap, admin =>
    until(async () => {
      if (!isAlive(mirror)) throw new Error('the mirror has ended')
      return Number(await endOf(admin, topic)) > 0
    }),
  )
}

async function until(look: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + startDeadlineMs
  while (!(await look())) {
    if (performance.now() > giveUpAt) throw new Error('the mirror did not start')
    await sleep(200)
  }
}

/** Where the topic's one partition ends; undefined while it is not there or just being made. */
async function endOf(admin: Admin, topic: string): Promise<string | undefined> {
  if (!(await admin.listTopics()).includes(topic)) return undefined
  const [only] = await admin.fetchTopicOffsets(topic).catch(() => [])
  return only?.high
}

async function withAdmin<T>(bootstrap: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client(bootstrap).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

function client(bootstrap: string): Kafka {
  return new Kafka({ clientId: 'mirror-probe', brokers: [bootstrap], logLevel: logLevel.NOTHING })
}

function launch(file: string): ChildProcess {
  const jvm = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const jars = classPath(fetchJars('connect-mirror', mirrorVersion))
  return spawnJava([...jvm, '-cp', jars, 'org.apache.kafka.connect.mirror.MirrorMaker', file])
}
