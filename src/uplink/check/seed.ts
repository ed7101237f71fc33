/**
 * Talks to one broker of a cluster alone, the one that the settings name, as no call of kafkajs 2.2.4 (pinned exactly) does:
 * its administrator's client answers only once it has reached the brokers that the cluster names, which is just what
 * `check --online` wants to look at.
 */
import type { Kafka } from 'kafkajs'
import { addressText } from '../way/tunnel.ts'

/** A request as the client sends it. */
export type Request<T> = Readonly<{
  request: Readonly<{ apiKey: number; apiVersion: number; apiName: string; encode: () => Promise<unknown> }>
  response: Readonly<{ decode: (bytes: Buffer) => Promise<T>; parse: (answer: T) => Promise<T> }>
}>

/** What the client knows of a broker that it is connected to and logged in at. */
export type Broker = Readonly<{
  versions: Readonly<Record<number, Readonly<{ maxVersion: number }>>>
  connectionPool: Readonly<{ send<T>(request: Request<T>): Promise<T> }>
  /** Without topics: of all that we may see. */
  metadata(topics: readonly string[]): Promise<Metadata>
}>

type Metadata = Readonly<{ clusterId: string; brokers: readonly Readonly<{ host: string; port: number }>[] }>
type Cluster = Readonly<{
  connect(): Promise<void>
  disconnect(): Promise<void>
  brokerPool: Readonly<{ seedBroker: Broker }>
}>

/** A cluster as one of its brokers describes it: its id, and the addresses that it tells its clients. */
export type Described = Readonly<{ id: string; brokers: readonly string[] }>

/** Connects to one of the brokers in the settings, logs in and runs `work`. Rejects with the client's errors. */
export async function atSeed<T>(kafka: Kafka, work: (broker: Broker) => Promise<T>): Promise<T> {
  const cluster = clusterOf(kafka)
  try {
    await cluster.connect()
    return await work(cluster.brokerPool.seedBroker)
  } finally {
    cluster.disconnect().catch(() => {})
  }
}

/** Asks a broker for the cluster that it belongs to. What no host name has is not repeated: people read it on a terminal. */
export async function describeCluster(broker: Broker): Promise<Described> {
  const { clusterId, brokers } = await broker.metadata([])
  return { id: clusterId, brokers: brokers.map(({ host, port }) => addressText(host.replace(/[^\w.:-]/g, '?'), port)) }
}

/** The client's own factory of connections; it is a private member. */
function clusterOf(kafka: Kafka): Cluster {
  const name = 'private:Kafka:createCluster'
  const member = Object.getOwnPropertySymbols(kafka).find(symbol => symbol.description === name)
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[member!]!
  return create({ allowAutoTopicCreation: false })
}
