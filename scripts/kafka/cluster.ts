/**
 * A real Kafka cluster on this machine, for the tests that break it: node 1 is broker and controller, the others are
 * brokers. Topics get three replicas, of which two must have a record; leaders move back to their preferred node soon.
 * More than one cluster can run at once.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commonProperties, freePort, type KafkaNode, type Properties, startNode } from './node.ts'

/** A node of a cluster. */
export type ClusterNode = KafkaNode &
  Readonly<{
    id: number
    /** `127.0.0.1:port` of the listener that nothing stands before. */
    address: string
    /** Port of the listener that tells its clients to come by `front`; equal to the other one where there is none. */
    behind: number
  }>

export type Cluster = Readonly<{
  id: string
  nodes: readonly ClusterNode[]
  /** Addresses of all nodes, with nothing before them. */
  bootstrap: readonly string[]
  /** Stops every node and starts it with these properties added to, or replacing, those of before. */
  reconfigure: (properties: Properties) => Promise<void>
  stop: () => Promise<void>
}>

/**
 * `front`: for each node (from 1) the `host:port` that the clients of a second listener are told, such as a fault proxy's;
 * brokers among themselves never use it. `properties`: added to every node, or replacing ours. `heap`: per node.
 */
export type ClusterOptions = Readonly<{
  nodes?: number
  front?: (id: number) => string
  properties?: Properties
  heap?: string
}>

/** Starts a cluster with fresh data in a temporary folder; resolves when every node is ready. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { nodes: count = 3, heap = '256m' } = options
  const dir = mkdtempSync(join(tmpdir(), 'kafka-'))
  const clusterId = randomBytes(16).toString('base64url')
  const controllerPort = await freePort()
  let added = options.properties ?? {}

  const plans = await Promise.all(Array.from({ length: count }, (_, i) => plan(i + 1, count, controllerPort, options)))
  const start = async ({ id, port, behind, properties }: Plan): Promise<ClusterNode> => {
    const settings = { port, properties: { ...properties, ...added }, heap, clusterId }
    const node = await startNode(join(dir, String(id)), settings)
    return { ...node, id, address: `127.0.0.1:${port}`, behind }
  }
  const [first, ...others] = plans
  const nodes = [await start(first!), ...(await Promise.all(others.map(start)))]

  return {
    id: clusterId,
    nodes,
    bootstrap: nodes.map(node => node.address),
    reconfigure: async properties => {
      added = { ...added, ...properties }
      await Promise.all(nodes.map(node => node.kill()))
      await Promise.all(nodes.map((node, i) => node.restart({ ...plans[i]!.properties, ...added })))
    },
    stop: async () => {
      for (const node of nodes) node.resume()
      await Promise.all(nodes.map(node => node.kill()))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

type Plan = Readonly<{ id: number; port: number; behind: number; properties: Properties }>

async function plan(id: number, count: number, controllerPort: number, options: ClusterOptions): Promise<Plan> {
  const port = await freePort()
  const front = options.front?.(id)
  const behind = front ? await freePort() : port
  const listeners = [`PLAINTEXT://127.0.0.1:${port}`]
  const advertised = [...listeners]
  if (front) {
    listeners.push(`FRONT://127.0.0.1:${behind}`)
    advertised.push(`FRONT://${front}`)
  }
  if (id === 1) listeners.push(`CONTROLLER://127.0.0.1:${controllerPort}`)
  const replicas = String(Math.min(count, 3))
  const properties = {
    ...commonProperties,
    'process.roles': id === 1 ? 'broker,controller' : 'broker',
    'node.id': String(id),
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: listeners.join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,FRONT:PLAINTEXT',
    'default.replication.factor': replicas,
    'min.insync.replicas': count >= 3 ? '2' : '1',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': '1',
    'broker.session.timeout.ms': '2000',
    'leader.imbalance.check.interval.seconds': '3',
    'leader.imbalance.per.broker.percentage': '0',
  }
  return { id, port, behind, properties }
}
