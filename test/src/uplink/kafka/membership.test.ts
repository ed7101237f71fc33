/** Addresses change hands one by one: a broker of another cluster where one of ours was must not get a single record. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../../../scripts/kafka/cluster.ts'
import { kafkaMissing } from '../../../../scripts/kafka/local.ts'
import { machine } from '../../../../src/environment.ts'
import { silent } from '../../../../src/log.ts'
import type { Outcome } from '../../../../src/records.ts'
import { createTopics, type KafkaSettings, kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import { type KafkaProxy, kafkaProxy } from '../../../net/kafka-proxy.ts'
import { expectComplete, readAll } from '../found.ts'
import { rows } from '../rows.ts'

const deps = { environment: machine, log: silent }
const missing = kafkaMissing()

describe.skipIf(missing)(`an address of one broker of many${missing ? ` (${missing})` : ''}`, () => {
  const proxies: KafkaProxy[] = []
  const ports: number[] = []
  let ours: Cluster
  let theirs: Cluster

  beforeAll(async () => {
    for (const i of [0, 1]) proxies.push(await kafkaProxy(() => ports[i]!))
    const front = (id: number) => proxies[id - 1]!.address
    ours = await startCluster({ nodes: 2, front })
    theirs = await startCluster({ nodes: 1, front: () => front(2) })
    lead(ours)
  }, 120_000)

  afterAll(async () => {
    for (const proxy of proxies) await proxy.close()
    await ours?.stop()
    await theirs?.stop()
  })

  /** Where the address of the second broker leads to. */
  function lead(to: Cluster): void {
    ports.splice(0, 2, ours.nodes[0]!.behind, to.nodes.at(-1)!.behind)
    for (const proxy of proxies) proxy.cut()
  }

  test('that has come to belong to another cluster: nothing goes there, and nothing is lost', async () => {
    const brokers = [proxies[0]!.address] // the one that stays: at the first look all is well
    const settings: KafkaSettings = { name: 'cloud', brokers, topicPrefix: 'one', clientId: 'test' }
    const layout = { partitions: 4, replication: 1 }
    await createTopics({ ...settings, brokers: ours.bootstrap }, layout, deps)
    await createTopics({ ...settings, brokers: theirs.bootstrap }, layout, deps)
    const uplink = kafkaUplink(settings, deps)
    const log = rows(1, 60, { prefix: 'one' })
    await uplink.connect({ cluster: null, partitions: {} })
    expect(await uplink.send(log.slice(0, 20))).toEqual([{ kind: 'delivered', through: 20 }])

    lead(theirs)
    const outcomes: Outcome[] = []
    // the client asks any broker for the cluster's id: only some of the sessions see the wrong one at once
    for (let session = 0; session < 8; session++) {
      outcomes.push(...(await uplink.send(log.slice(20))))
      lead(theirs)
    }
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['again']))
    expect(outcomes).toContainEqual(expect.objectContaining({ code: 'E_UPLINK_CLUSTER' }))
    expect(await readAll(theirs.bootstrap[0]!, 'one.fhir')).toEqual([])

    lead(ours)
    while ((await uplink.send(log.slice(20)))[0]?.kind !== 'delivered');
    expectComplete(await readAll(ours.bootstrap[0]!, 'one.fhir'), 60)
    await uplink.close()
  }, 60_000)
})
