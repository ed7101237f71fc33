/**
 * Mends one fault of kafkajs 2.2.4 (pinned exactly): every connection that has once had an answer looks for waiting
 * requests each millisecond for ever, with a negative timeout that Node warns of (3 % of a CPU while idle). It need look
 * only while requests wait; `push` begins the looking again.
 */
import { createRequire } from 'node:module'

type RequestQueue = { pending: readonly unknown[]; scheduleCheckPendingRequests(): void }

const require = createRequire(import.meta.url)
const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
const schedule = prototype.scheduleCheckPendingRequests

prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
  if (this.pending.length > 0) schedule.call(this)
}
