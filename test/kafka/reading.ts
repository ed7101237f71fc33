/** A consumer of a gateway's topics with the reference reader, and its judgement against the diary of the senders. */
import { createHash, randomUUID } from 'node:crypto'
import { type Entry, Reader, ReaderKeys, type ReaderRecord } from '../../src/reader/index.ts'
import '../../src/uplink/kafka/compression.ts'
import { type Found, nameOf, unordered } from '../crash/judge.ts'
import type { Line } from '../crash/load.ts'
import { observer } from './lab.ts'
import { recordOf } from './ledger.ts'

/** A record where it stands. */
export type Stored = ReaderRecord & Readonly<{ offset: number }>

/** `topic/partition` → the offset that its next record gets; those that hold something. */
export type Ends = ReadonlyMap<string, number>

const topicsOf = (prefix: string) => [`${prefix}.keys`, `${prefix}.fhir`]

/** Reads `<prefix>.keys` and `<prefix>.fhir` from their begin to the end they have now, each partition in its order. */
export async function readTopics(bootstrap: string, prefix: string): Promise<readonly Stored[]> {
  const kafka = observer([bootstrap])
  const topics = topicsOf(prefix)
  const open = new Map(await endsOf(bootstrap, prefix))
  const records: Stored[] = []
  if (open.size === 0) return records
  const consumer = kafka.consumer({ groupId: `reader-${randomUUID()}` })
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  consumer.on(consumer.events.CRASH, ({ payload }) => (payload.restart ? undefined : reject(payload.error)))
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      const place = `${topic}/${partition}`
      const end = open.get(place)
      if (end === undefined) return
      records.push({ ...recordOf(topic, partition, message), offset: Number(message.offset) })
      if (Number(message.offset) + 1 >= end) open.delete(place)
      if (open.size === 0) resolve()
    },
  })
  await done
  await consumer.disconnect()
  return records
}

/** Where both topics end now. */
export async function endsOf(bootstrap: string, prefix: string): Promise<Ends> {
  const admin = observer([bootstrap]).admin()
  await admin.connect()
  const found = new Map<string, number>()
  for (const topic of topicsOf(prefix)) {
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
      if (Number(high) > 0) found.set(`${topic}/${partition}`, Number(high))
    }
  }
  await admin.disconnect()
  return found
}

/** Whether a record stood there when the topics ended so. */
export function isBefore(ends: Ends): (record: Stored) => boolean {
  return ({ topic, partition, offset }) => offset < (ends.get(`${topic}/${partition}`) ?? 0)
}

/** The number of a record in its gateway's log. */
export function seqOf(record: ReaderRecord): number {
  return Number(record.headers['cg-seq'])
}

/** What must be nought, beside what was read. */
export type Judgement = Readonly<{
  read: number
  /** Records that the reader's marks dropped. */
  repeats: number
  /** Answered messages without a record; log rows that the reader did not get, or got twice. */
  lost: number
  lostRows: number
  doubledRows: number
  doubled: number
  /** Records of one sender and epoch out of turn; records of one key in more than one partition. */
  unordered: number
  moved: number
  /** Not signed, not opened, or of a message that lacks parts. */
  unsound: number
  /** A digest of what holds in the end; no fault. */
  state: string
}>

type Against = Readonly<{ reader: string; diary: readonly Line[]; patients: number; seq: number }>

/**
 * Gives records to one reader, part after part, as one that moves from cluster to cluster, and judges what it ends with.
 * `seq`: the last number of the log that counts; what is above it is left out. `marks` false: every record is taken for a
 * new one, to see that repeats were there.
 */
export function judgeTopics(
  parts: readonly (readonly ReaderRecord[])[],
  { reader: folder, diary, patients, seq }: Against,
  marks = true,
): Judgement {
  const entries: Entry[] = []
  const keys = ReaderKeys.fromFolder(folder, { allowDemo: true })
  const reader = new Reader({ keys, waitingRecords: Number.MAX_SAFE_INTEGER, onOpened: entry => entries.push(entry) })
  const rows: number[] = []
  const places = new Map<string, Set<number>>()
  for (const record of parts.flat()) {
    if (seqOf(record) > seq) continue
    const before = reader.counters.repeats
    reader.take(marks ? record : { ...record, partition: rows.length })
    if (reader.counters.repeats > before) continue
    rows.push(seqOf(record))
    const place = `${record.topic} ${record.key}`
    places.set(place, (places.get(place) ?? new Set()).add(record.partition))
  }
  reader.openWaiting()
  const found = entries.flatMap(entry => inEpoch(nameOf(entry, patients), entry))
  const names = new Set(found.map(({ name }) => name))
  const distinct = new Set(rows)
  const { badSignature, malformed, badKeys, unknownKey, failedTokens, incomplete, read, repeats } = reader.counters
  return {
    read,
    repeats,
    lost: diary.filter(({ way, n }) => !names.has(`${way}/${n}`)).length,
    lostRows: Array.from({ length: seq }, (_, i) => i + 1).filter(one => !distinct.has(one)).length,
    doubledRows: rows.length - distinct.size,
    doubled: found.length - names.size,
    unordered: unordered(found),
    moved: [...places.values()].filter(partitions => partitions.size > 1).length,
    unsound: badSignature + malformed + badKeys + unknownKey + failedTokens + incomplete,
    state: digestOf(reader),
  }
}

function digestOf(reader: Reader): string {
  const lines = [...reader.state()].map(([name, { facts, opened }]) => [name, facts.version, opened.resource])
  const text = JSON.stringify(lines.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/** After a long outage what is new does not wait for what is old: order holds within an epoch. */
function inEpoch(found: Found | null, { facts }: Entry): Found[] {
  return found ? [{ ...found, line: `${found.line} ${facts.version.split('.')[0]}` }] : []
}

/** What should be nought and is not. */
export function misses({ read: _read, repeats: _repeats, state: _state, ...rest }: Judgement): readonly string[] {
  return Object.entries(rest).flatMap(([what, count]) => (count > 0 ? [`${what} ${count}`] : []))
}
