/** What reaches into kafkajs 2.2.4 (pinned exactly): two faults of it are mended here, and its texts are read. */
import { createRequire } from 'node:module'

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
 * Kafka's error types by the client's text for them. A request that may be tried again fails without its reason once the
 * second attempt is forbidden (session.ts); the text that the client logs is what is left of it.
 */
export const kafkaErrors: ReadonlyMap<unknown, string> = new Map(
  (
    require('kafkajs/src/protocol/error') as { errorCodes: readonly { message: string; type: string }[] }
  ).errorCodes.map(({ message, type }) => [message, type]),
)
