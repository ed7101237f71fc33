/**
 * Asks a cluster which operations our login may carry out on topics, without carrying any out.
 *
 * The request (Metadata version 8, Kafka 2.3 and newer) is younger than kafkajs 2.2.4 (pinned exactly), so it is written
 * here and sent over a connection that the client made and logged in.
 */
import { createRequire } from 'node:module'
import type { Broker, Request } from './seed.ts'

/** Operations by their number in the answer's bits (Kafka's AclOperation). */
const operations = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  describeConfigs: 10,
  alterConfigs: 11,
} as const

export type Operation = keyof typeof operations

/** What we may do, by topic. A topic that is hidden from us has none. */
export type Operations = ReadonlyMap<string, ReadonlySet<Operation>>

type Encoder = {
  writeArray(texts: readonly string[]): Encoder
  writeBoolean(value: boolean): Encoder
}
type Decoder = {
  readInt16(): number
  readInt32(): number
  readString(): string | null
  readBoolean(): boolean
  readArray<T>(item: (decoder: Decoder) => T): T[]
}

const require = createRequire(import.meta.url)
const newEncoder = require('kafkajs/src/protocol/encoder') as new () => Encoder
const newDecoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder

const metadataKey = 3
const version = 8

/** Null where the cluster is too old to tell. Rejects with the client's errors. */
export async function operationsOn(broker: Broker, topics: readonly string[]): Promise<Operations | null> {
  if ((broker.versions[metadataKey]?.maxVersion ?? 0) < version) return null
  return broker.connectionPool.send(question(topics))
}

/** Topics, no creation, no rights on the cluster, rights on the topics. */
function question(topics: readonly string[]): Request<Operations> {
  const encode = async () =>
    new newEncoder().writeArray(topics).writeBoolean(false).writeBoolean(false).writeBoolean(true)
  return {
    request: { apiKey: metadataKey, apiVersion: version, apiName: 'Metadata', encode },
    response: { decode: async bytes => read(new newDecoder(bytes)), parse: async answer => answer },
  }
}

function read(decoder: Decoder): Operations {
  decoder.readInt32() // throttle time
  decoder.readArray(broker => [broker.readInt32(), broker.readString(), broker.readInt32(), broker.readString()])
  decoder.readString() // cluster
  decoder.readInt32() // controller
  return new Map(decoder.readArray(readTopic))
}

function readTopic(decoder: Decoder): [string, ReadonlySet<Operation>] {
  decoder.readInt16() // error
  const name = decoder.readString() ?? ''
  decoder.readBoolean() // internal
  decoder.readArray(readPartition)
  const bits = decoder.readInt32()
  // the lowest value says: not asked for, or hidden
  const known = bits === -(2 ** 31) ? [] : (Object.keys(operations) as Operation[])
  return [name, new Set(known.filter(operation => (bits >> operations[operation]) & 1))]
}

function readPartition(decoder: Decoder): void {
  decoder.readInt16() // error
  for (let number = 0; number < 3; number++) decoder.readInt32() // partition, leader, epoch
  for (let list = 0; list < 3; list++) decoder.readArray(one => one.readInt32()) // replicas, in sync, offline
}
