/** What reaches into kafkajs 2.2.4 (pinned exactly): faults of it are mended here, and its texts are read. */

import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { limits } from '../../limits.ts'
import { coded } from './coded.ts'

const require = createRequire(import.meta.url)

/**
 * Every connection that has once had an answer looks for waiting requests each millisecond for ever, with a negative
 * timeout that Node warns of (3 % of a CPU while idle). It need look only while requests wait; `push` begins it again.
 */
type RequestQueue = { pending: readonly unknown[]; scheduleCheckPendingRequests(): void }
const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
const schedule = prototype.scheduleCheckPendingRequests

prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0) schedule.call(this)
}

/**
 * To learn of the brokers it asks for all topics that there are, and fails where a single one of them, be it somebody
 * else's, has no leader just now. Asked for all, what is wrong with one does not count; ours are asked for by name.
 */
type Metadata = { topicMetadata: { topicErrorCode: number; partitionMetadata: { partitionErrorCode: number }[] }[] }
type Response = { parse(answer: Metadata): Promise<Metadata> }
type Exchange = (asked: { topics: readonly string[] }) => { request: unknown; response: Response }
const metadata = require('kafkajs/src/protocol/requests/metadata') as {
  protocol(asked: { version: number }): Exchange
}
const { protocol } = metadata

metadata.protocol = asked => {
  const exchange = protocol(asked)
  return of => {
    const { request, response } = exchange(of)
    if (of.topics.length > 0) return { request, response }
    return { request, response: { ...response, parse: answer => response.parse(forgiven(answer)) } }
  }
}

function forgiven(answer: Metadata): Metadata {
  for (const topic of answer.topicMetadata) {
    topic.topicErrorCode = 0
    for (const partition of topic.partitionMetadata) partition.partitionErrorCode = 0
  }
  return answer
}

/**
 * It cuts answers out of what a socket brings while the socket brings it. A length below four or below zero, as a port that
 * speaks something else may say, throws there, where nobody catches it: the process would end. A large one is collected
 * without a bound. Here such a connection ends with NOT_KAFKA, as it does for whatever else is thrown.
 */
type Connection = {
  socket: Socket
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
  /** A login as before Kafka 1.0: the next frame is its answer, without a number of its own, and may be empty. */
  authHandlers: { onSuccess(frame: Buffer): void; onError(): void } | null
  requestQueue: { fulfillRequest(answer: { size: number; correlationId: number; payload: Buffer }): void }
  processData(bytes: Buffer): void
}
const connection = require('kafkajs/src/network/connection') as { prototype: Connection }
const lengthBytes = 4
const numberBytes = 4

connection.prototype.processData = function (this: Connection, bytes: Buffer) {
  if (this.socket.destroyed) return
  try {
    this.chunks.push(bytes)
    this.bytesBuffered += bytes.length
    while (this.bytesNeeded <= this.bytesBuffered) {
      const frame = nextFrame(this)
      if (frame) accept(this, frame)
    }
  } catch {
    this.socket.destroy(coded('NOT_KAFKA'))
    this.authHandlers?.onError()
  }
}

/** Takes the next frame, its length included; null where the rest of it has yet to come. */
function nextFrame(connection: Connection): Buffer | null {
  const [first, ...more] = connection.chunks as [Buffer, ...Buffer[]]
  const buffer = more.length === 0 ? first : Buffer.concat([first, ...more])
  const size = buffer.readInt32BE()
  if (size < (connection.authHandlers ? 0 : numberBytes) || size > limits.answerBytes) throw coded('NOT_KAFKA')
  const end = lengthBytes + size
  const frame = buffer.length < end ? null : buffer.subarray(0, end)
  connection.chunks = [frame ? buffer.subarray(end) : buffer]
  connection.bytesBuffered = buffer.length - (frame?.length ?? 0)
  connection.bytesNeeded = frame ? lengthBytes : end
  return frame
}

function accept({ authHandlers, requestQueue }: Connection, frame: Buffer): void {
  if (authHandlers) return void authHandlers.onSuccess(frame)
  const correlationId = frame.readInt32BE(lengthBytes)
  const payload = frame.subarray(lengthBytes + numberBytes)
  requestQueue.fulfillRequest({ size: frame.length - lengthBytes, correlationId, payload })
}

/** It makes room for as many elements as an answer announces, up to gigabytes; each takes a byte at least. */
type Decoder = {
  buffer: Buffer
  offset: number
  readArray(read: unknown): unknown
  readArrayAsync(read: unknown): unknown
}
const { prototype: decoder } = require('kafkajs/src/protocol/decoder') as { prototype: Decoder }

for (const name of ['readArray', 'readArrayAsync'] as const) {
  const read = decoder[name]
  decoder[name] = function (this: Decoder, element: unknown) {
    const length = this.buffer.readInt32BE(this.offset)
    if (length < -1 || length > this.buffer.length - this.offset) throw coded('NOT_KAFKA')
    return read.call(this, element)
  }
}

/**
 * Kafka's error types by the client's text for them. A request that may be tried again fails without its reason once the
 * second attempt is forbidden (session.ts); the text that the client logs is what is left of it.
 */
export const kafkaErrors: ReadonlyMap<unknown, string> = new Map(
  (
    require('kafkajs/src/protocol/error') as { errorCodes: readonly { message: string; type: string }[] }
  ).errorCodes.map(({ message, type }) => [message, type]),
)
