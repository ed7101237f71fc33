import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../../../scripts/kafka/cluster.ts'
import { kafkaMissing } from '../../../../scripts/kafka/local.ts'
import { machine } from '../../../../src/environment.ts'
import { silent } from '../../../../src/log.ts'
import { createTopics, kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import { rows } from '../rows.ts'

const deps = { environment: machine, log: silent }
const missing = kafkaMissing()

describe.skipIf(missing)(`on a cluster with other people's topics${missing ? ` (${missing})` : ''}`, () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 2 })
  }, 120_000)

  afterAll(() => cluster?.stop())

  test('regression: a topic of somebody else without a leader does not keep us from sending', async () => {
    const [one, two] = cluster.nodes
    const brokers = [one!.address]
    const admin = new Kafka({ clientId: 'test', brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const settings = { name: 'cloud', brokers, topicPrefix: 'ours', clientId: 'test' }
    await createTopics(settings, { partitions: 1, replication: 1 }, deps)
    const others = [{ partition: 0, replicas: [two!.id] }]
    await admin.createTopics({ topics: [{ topic: 'theirs', replicaAssignment: others }], waitForLeaders: true })
    const ours = ['fhir', 'test', 'keys', 'audit'].map(suffix => `ours.${suffix}`)
    const partitionAssignment = [{ partition: 0, replicas: [one!.id] }]
    await admin.alterPartitionReassignments({ topics: ours.map(topic => ({ topic, partitionAssignment })) })
    await until(async () => (await leaders(admin, ours)).every(id => id === one!.id))
    await two!.kill()
    await until(async () => (await leaders(admin, ['theirs'])).length === 0)

    const uplink = kafkaUplink(settings, deps)
    await uplink.connect({ cluster: null, partitions: {} })
    expect(await uplink.send(rows(1, 3, { prefix: 'ours' }))).toEqual([{ kind: 'delivered', through: 3 }])
    await uplink.close()
    await admin.disconnect()
  }, 120_000)
})

/** The nodes that lead the partitions of the topics; none where one has no leader. */
async function leaders(admin: Admin, topics: string[]): Promise<number[]> {
  const { topics: known } = await admin.fetchTopicMetadata({ topics }).catch(() => ({ topics: [] }))
  return known.flatMap(({ partitions }) => partitions.map(({ leader }) => leader))
}

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await sleep(200)
}
