/**
 * Which cluster a broker belongs to, asked on every new connection before anything else goes over it.
 *
 * A client learns the cluster from one broker and then calls the others by their addresses. An address may have come to
 * belong to a broker of another cluster since; that one takes a batch for its own, says yes, and nobody ever asks it who it
 * is. kafkajs 2.2.4 (pinned exactly) has no place for the question, so it is put into its `Broker.connect`.
 */
import { createRequire } from 'node:module'
import type { ISocketFactory } from 'kafkajs'

type Answer = Readonly<{ clusterId: string | null }>
type Exchange = Readonly<{ request: unknown; response: Readonly<{ decode: (bytes: Buffer) => Promise<Answer> }> }>
type MetadataOf = (asked: Readonly<{ topics: readonly string[]; allowAutoTopicCreation: boolean }>) => Exchange
type Broker = {
  isConnected(): boolean
  connect(): Promise<void>
  lookupRequest(apiKey: number, definition: unknown): MetadataOf
  connectionPool: Readonly<{ socketFactory: ISocketFactory; send(exchange: unknown): Promise<Answer> }>
}

/** Takes the id of the cluster; throws where it is the wrong one. */
export type Check = (cluster: string | null) => void

const require = createRequire(import.meta.url)
const { prototype } = require('kafkajs/src/broker') as { prototype: Broker }
const { Metadata: metadataKey } = require('kafkajs/src/protocol/requests/apiKeys') as { Metadata: number }
const { requests } = require('kafkajs/src/protocol/requests') as { requests: { Metadata: unknown } }
const { connect } = prototype
const checks = new WeakMap<ISocketFactory, Readonly<{ topic: string; check: Check }>>()

/** From now on every new connection of the client with these sockets is checked. `topic`: what is asked for, the smallest. */
export function checkEach(sockets: ISocketFactory, topic: string, check: Check): void {
  checks.set(sockets, { topic, check })
}

prototype.connect = async function (this: Broker) {
  const isNew = !this.isConnected()
  await connect.call(this)
  const wanted = checks.get(this.connectionPool.socketFactory)
  if (isNew && wanted) wanted.check(await clusterOf(this, wanted.topic))
}

/** What is wrong with the topic does not matter here, so the client's own reading of the answer is left out. */
async function clusterOf(broker: Broker, topic: string): Promise<string | null> {
  const metadata = broker.lookupRequest(metadataKey, requests.Metadata)
  const { request, response } = metadata({ topics: [topic], allowAutoTopicCreation: false })
  const parse = async (answer: Answer) => answer
  return (await broker.connectionPool.send({ request, response: { ...response, parse } })).clusterId
}
