/** A backlog as an outage leaves it: rows of real records in the outbox of a box that is not running. */
import { EngineRoom, type EngineSettings } from '../src/engine-worker.ts'
import { machine } from '../src/environment.ts'
import { MiB } from '../src/limits.ts'
import type { Taken } from '../src/ports.ts'
import type { Ms, Sealed } from '../src/records.ts'
import { openReadOnly } from '../src/store/index.ts'
import { clinicArrival } from './engine.ts'

const uplink = 'cloud'
/** Messages that the engine really takes; what they leave is repeated under new numbers, since an engine makes 4,000 rows a second. */
const messages = 1000
const rowsPerMessage = 5
const messagesPerCommit = 500

/**
 * Adds rows to the outbox of a stopped box until it holds `count`, received at `receivedAt`. Each row is sealed for its own
 * number; the signatures are those of the records that it repeats.
 */
export function fillBacklog(settings: EngineSettings, count: number, receivedAt: Ms): void {
  const already = rowsOf(settings)
  if (already >= count) return
  const room = new EngineRoom(settings)
  try {
    const arrivals = Array.from({ length: messages }, (_, n) => clinicArrival(already + n, 'demo-watch', receivedAt))
    for (let at = 0; at < arrivals.length; ) at += room.engine.take(arrivals.slice(at, at + 100)).length
    repeat(room, count, receivedAt)
  } finally {
    room.store.close()
  }
}

/** Asked beside the door, since opening a store for writing reads all of it. */
function rowsOf({ data, gateway, purpose, uplinks }: EngineSettings): number {
  const store = openReadOnly({ ...data, gateway: gateway.id, purpose, uplinks, environment: machine })
  const { seq } = store.status()
  store.close()
  return seq
}

function repeat({ engine, store, protector }: EngineRoom, count: number, receivedAt: Ms): void {
  const records = engine.peek(uplink, 10_000, 64 * MiB).filter(({ lane }) => lane === 'data')
  let { arrival, seq } = store.counters()
  const message = (): Taken => {
    const rows = Array.from({ length: Math.min(rowsPerMessage, count - seq) }, () =>
      protector.sealRow(numbered(records[seq % records.length]!, ++seq), store.epoch),
    )
    return { ...empty, no: ++arrival, receivedAt, rows }
  }
  while (seq < count) {
    const batch: Taken[] = []
    while (batch.length < messagesPerCommit && seq < count) batch.push(message())
    store.take(batch)
  }
}

function numbered(record: Sealed, seq: number): Sealed {
  return { ...record, seq, headers: record.headers.replace(/"cg-seq":"\d+"/, `"cg-seq":"${seq}"`) }
}

const empty = {
  source: 'mllp',
  sender: 'demo',
  format: 'hl7v2',
  outline: 'ORU^R01',
  state: 'kept',
  rule: null,
  at: null,
  mapping: 'hl7v2/1',
  mode: 'live',
  seen: null,
  original: null,
  subjects: [],
  heads: [],
  snapshots: [],
  links: [],
  work: [],
} as const
