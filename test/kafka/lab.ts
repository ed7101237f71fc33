/**
 * The lab: a three-node Kafka, a fault proxy before each node, and a second cluster that the addresses can be led to. A box
 * in the lab knows the proxies' addresses only, so that everything can be done to its line; the brokers among themselves,
 * and whoever judges, use listeners with nothing before them.
 */
import { setTimeout as pause } from 'node:timers/promises'
import kafkajs, { type Admin, Kafka, logLevel, type PartitionMetadata } from 'kafkajs'
import { type Cluster, type ClusterNode, startCluster } from '../../scripts/kafka/cluster.ts'
import { kafkaTool } from '../../scripts/kafka/jars.ts'
import { takesOrders } from '../net/authorizer.ts'
import { type Fault, type KafkaProxy, kafkaProxy } from '../net/kafka-proxy.ts'
import { Line } from '../net/line.ts'
import '../../src/uplink/kafka/compression.ts'
import '../../src/uplink/kafka/mend.ts'
import { lineAddress, setLoss } from './loss.ts'

/** Proxies call brokers from here, so that an access rule can tell the box from everybody else. */
const boxAddress = '127.0.0.2'
const wholeWithinMs = 60_000
/** A quota that is set twice can only be taken away once; one that nobody reaches can be set as often as one likes. */
const boundless = 1e9

const properties = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
  'producer.id.expiration.check.interval.ms': '500',
  // what a broker still holds back after a quota has gone is not ours to shorten: 3 s here, 11 s by default
  'quota.window.num': '3',
}

export class Lab {
  readonly cluster: Cluster
  readonly line: Line
  readonly admin: Admin
  readonly #proxies: readonly KafkaProxy[]
  readonly #faults: { of: (apiKey: number) => Fault }
  /** Proxy → port that it leads to; a node's own by default. */
  readonly #targets: Map<number, number>
  #other: Cluster | null = null

  private constructor(parts: {
    cluster: Cluster
    line: Line
    admin: Admin
    proxies: readonly KafkaProxy[]
    faults: { of: (apiKey: number) => Fault }
    targets: Map<number, number>
  }) {
    this.cluster = parts.cluster
    this.line = parts.line
    this.admin = parts.admin
    this.#proxies = parts.proxies
    this.#faults = parts.faults
    this.#targets = parts.targets
  }

  static async open(): Promise<Lab> {
    const line = new Line()
    const faults = { of: (_apiKey: number): Fault => 'forward' }
    const targets = new Map<number, number>()
    const nodes = [1, 2, 3]
    const options = { line, listen: lineAddress, from: boxAddress }
    const proxies = await Promise.all(
      nodes.map(id =>
        kafkaProxy(
          () => targets.get(id)!,
          apiKey => faults.of(apiKey),
          options,
        ),
      ),
    )
    const cluster = await startCluster({ front: id => proxies[id - 1]!.address, properties })
    await takesOrders(cluster.bootstrap)
    const admin = observer(cluster.bootstrap).admin()
    await admin.connect()
    const lab = new Lab({ cluster, line, admin, proxies, faults, targets })
    lab.lead()
    return lab
  }

  get nodes(): readonly ClusterNode[] {
    return this.cluster.nodes
  }

  node(id: number): ClusterNode {
    return this.nodes[id - 1]!
  }

  /** What a box is told. */
  get addresses(): readonly string[] {
    return this.#proxies.map(proxy => proxy.address)
  }

  /** What becomes of each request, from now on; without an argument nothing happens to any. */
  spoil(fault: (apiKey: number) => Fault = () => 'forward'): void {
    this.#faults.of = fault
  }

  cut(): void {
    for (const proxy of this.#proxies) proxy.cut()
  }

  /** Leads the addresses of the named nodes to `port`, or all to where they belong; what was open there is cut. */
  lead(ids: readonly number[] = [], port = 0): void {
    for (const { id, behind } of this.nodes) {
      const target = ids.includes(id) ? port : behind
      if (this.#targets.get(id) === target) continue
      this.#targets.set(id, target)
      this.#proxies[id - 1]!.cut()
    }
  }

  /** A cluster of one node that tells its clients to come by the address of our node 1. Made at the first call. */
  async other(): Promise<Cluster> {
    this.#other ??= await startCluster({ nodes: 1, front: () => this.addresses[0]! })
    return this.#other
  }

  /** Nothing is spoiled or lost any more, addresses lead where they belong, every node runs. */
  async heal(): Promise<void> {
    this.spoil()
    this.line.heal()
    setLoss(0)
    this.lead()
    await Promise.all(this.nodes.map(({ id }) => this.up(id)))
  }

  /** Lets a node that was stopped or silent run again. */
  async up(id: number): Promise<void> {
    const node = this.node(id)
    node.resume()
    if (!node.running()) await node.restart()
  }

  /** Waits until every partition of these topics has all its replicas in sync. */
  whole(topics: readonly string[]): Promise<void> {
    return this.#until(topics, ({ isr, replicas }) => isr.length === replicas.length)
  }

  /** Waits until every partition of these topics can take records: it has a leader, and two replicas in sync. */
  ready(topics: readonly string[]): Promise<void> {
    return this.#until(topics, ({ leader, isr }) => leader >= 0 && isr.length >= 2)
  }

  async #until(topics: readonly string[], holds: (partition: PartitionMetadata) => boolean): Promise<void> {
    for (const giveUpAt = performance.now() + wholeWithinMs; performance.now() < giveUpAt; await pause(100)) {
      const { topics: found } = await this.admin
        .fetchTopicMetadata({ topics: [...topics] })
        .catch(() => ({ topics: [] }))
      const partitions = found.flatMap(topic => topic.partitions)
      if (partitions.length > 0 && partitions.every(holds)) return
    }
    throw new Error('the cluster did not come back')
  }

  /** Makes another node the preferred leader of each partition; leaders follow within seconds. */
  async moveLeaders(topic: string): Promise<void> {
    const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] })
    const partitionAssignment = topics.flatMap(({ partitions }) =>
      partitions.map(({ partitionId, replicas }) => ({
        partition: partitionId,
        replicas: [...replicas.slice(1), replicas[0]!],
      })),
    )
    await this.admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] })
    const election = ['--election-type', 'PREFERRED', '--all-topic-partitions']
    await kafkaTool('LeaderElectionCommand', ...this.#server, ...election)
  }

  /** Changes a setting of all brokers while they run. */
  async dynamic(name: string, value: number): Promise<void> {
    await this.#config(['--entity-type', 'brokers', '--entity-default'], name, value)
  }

  /** Bytes a second that each client may send, per broker; null = as many as it likes. */
  async quota(bytes: number | null): Promise<void> {
    await this.#config(['--entity-type', 'clients', '--entity-default'], 'producer_byte_rate', bytes ?? boundless)
  }

  async #config(entity: readonly string[], name: string, value: number): Promise<void> {
    await kafkaTool('ConfigCommand', ...this.#server, ...entity, '--alter', '--add-config', `${name}=${value}`)
  }

  /** The box may use topics of this prefix, or no longer; everybody else may always. */
  async authorize(prefix: string, granted: boolean): Promise<void> {
    await this.admin.createAcls({ acl: [rule(prefix, '127.0.0.1')] })
    if (granted) await this.admin.createAcls({ acl: [rule(prefix, boxAddress)] })
    else await this.admin.deleteAcls({ filters: [rule(prefix, boxAddress)] })
  }

  /** As before any rule. */
  async openToAll(prefix: string): Promise<void> {
    await this.admin.deleteAcls({ filters: [rule(prefix, '127.0.0.1'), rule(prefix, boxAddress)] })
  }

  get #server(): readonly string[] {
    return ['--bootstrap-server', this.cluster.bootstrap.join(',')]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.admin.disconnect().catch(() => undefined)
    for (const proxy of this.#proxies) await proxy.close()
    await this.#other?.stop()
    await this.cluster.stop()
  }
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs

function rule(prefix: string, host: string) {
  return {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: `${prefix}.`,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: 'User:ANONYMOUS',
    host,
    operation: AclOperationTypes.ALL,
    permissionType: AclPermissionTypes.ALLOW,
  }
}

/** A client of our own that has nothing to do with the gateway's. */
export function observer(brokers: readonly string[]): Kafka {
  return new Kafka({
    clientId: 'observer',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    requestTimeout: 5000,
    retry: { retries: 20, maxRetryTime: 2000 },
  })
}
