/**
 * What stands in the topics, read again and again from where the last reading ended, and held against what the senders were
 * told and what the box has numbered. It reads as a consumer does: the reference reader drops repeats by its marks.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import type { ReaderRecord } from '../../src/reader/index.ts'
import { Reader, ReaderKeys } from '../../src/reader/index.ts'
import { type Found, nameOf, unordered } from '../crash/judge.ts'
import type { Line } from '../crash/load.ts'

export type Verdict = Readonly<{
  /** Messages with a positive answer. */
  answered: number
  /** Records in the topics, repeats among them. */
  records: number
  /** Records that stand in a topic more than once; the reader drops them. */
  repeats: number
  /** Positive answers without a record. */
  lost: number
  /** Rows of the outbox, by number, that are nowhere. */
  missing: number
  /** Messages that come out twice after the reader. */
  doubled: number
  /** Messages of one sender out of turn; records of one key whose number or version falls. */
  unordered: number
  /** Keys in more than one partition. */
  scattered: number
  /** Records that are not signed, do not open, or belong to a message of which parts are missing. */
  unsound: number
}>

/** What must be nought. */
const faults = ['lost', 'missing', 'doubled', 'unordered', 'scattered', 'unsound'] as const

/** The names and numbers of what is wrong. */
export function wrongs(verdict: Verdict): string[] {
  return faults.flatMap(name => (verdict[name] > 0 ? [`${name} ${verdict[name]}`] : []))
}

type Topic = Readonly<{ id: string; partition: number; end: number }>

export class Ledger {
  readonly #kafka: Kafka
  readonly #topics: readonly string[]
  readonly #patients: number
  readonly #reader: Reader
  readonly #found: Found[] = []
  /** Messages that came out again, late and out of turn, because a person asked for it. */
  readonly #sentAgain = new Set<string>()
  readonly #offsets = new Map<string, number>()
  readonly #numbers = new Set<number>()
  readonly #partitions = new Map<string, Set<number>>()
  readonly #last = new Map<string, Readonly<{ seq: number; version: string }>>()
  #records = 0
  #falling = 0
  #readings = 0

  constructor(parts: { kafka: Kafka; prefix: string; reader: string; patients: number }) {
    this.#kafka = parts.kafka
    this.#topics = ['keys', 'fhir', 'test'].map(name => `${parts.prefix}.${name}`)
    this.#patients = parts.patients
    this.#reader = new Reader({
      keys: ReaderKeys.fromFolder(parts.reader, { allowDemo: true }),
      waitingRecords: Number.MAX_SAFE_INTEGER,
      onOpened: entry => {
        const found = nameOf(entry, this.#patients)
        if (!found) return
        if (entry.facts.historical) this.#sentAgain.add(found.name)
        else this.#found.push(found)
      },
    })
  }

  /** Forgets where it was in a topic that was made anew. */
  madeAnew(): void {
    this.#offsets.clear()
  }

  /** Reads what is new, and judges all. `through`: the highest number that was given; `except`: numbers that may be gone. */
  async judge(diary: readonly Line[], through: number, except = 0): Promise<Verdict> {
    for (const record of await this.#read()) this.#take(record)
    const count = new Map<string, number>()
    for (const { name } of this.#found) count.set(name, (count.get(name) ?? 0) + 1)
    const answered = new Set(diary.map(({ way, n }) => `${way}/${n}`))
    let missing = 0
    for (let seq = except + 1; seq <= through; seq++) if (!this.#numbers.has(seq)) missing += 1
    const { badSignature, malformed, badKeys, unknownKey, failedTokens, incomplete, repeats } = this.#reader.counters
    return {
      answered: answered.size,
      records: this.#records,
      repeats,
      lost: [...answered].filter(name => !count.has(name) && !this.#sentAgain.has(name)).length,
      missing,
      doubled: this.#found.length - count.size,
      unordered: unordered(this.#found) + this.#falling,
      scattered: [...this.#partitions.values()].filter(partitions => partitions.size > 1).length,
      unsound: badSignature + malformed + badKeys + unknownKey + failedTokens + incomplete,
    }
  }

  #take(record: ReaderRecord): void {
    const { repeats } = this.#reader.counters
    this.#reader.take(record)
    this.#records += 1
    if (this.#reader.counters.repeats > repeats) return
    const { 'cg-seq': number, 'cg-version': version = '' } = record.headers
    const seq = Number(number)
    this.#numbers.add(seq)
    const place = `${record.topic} ${record.key}`
    const last = this.#last.get(place)
    const isLate = record.headers['cg-historical'] === '1'
    if (last && (seq <= last.seq || (version < last.version && !isLate))) this.#falling += 1
    this.#last.set(place, { seq, version: isLate ? (last?.version ?? '') : version })
    this.#partitions.set(place, (this.#partitions.get(place) ?? new Set()).add(record.partition))
  }

  /** Leaders may still be on their way home: a reading that fails is begun again. */
  async #read(): Promise<ReaderRecord[]> {
    for (let left = 5; ; left--) {
      const offsets = new Map(this.#offsets)
      try {
        const records = await this.#news(offsets)
        for (const [id, offset] of offsets) this.#offsets.set(id, offset)
        return records
      } catch (error) {
        if (left === 0) throw error
        await pause(1000)
      }
    }
  }

  /** All records since `offsets`, which it moves; key records first, each partition in its order. */
  async #news(offsets: Map<string, number>): Promise<ReaderRecord[]> {
    const ends = await this.#ends()
    const open = new Set(ends.filter(({ id, end }) => (offsets.get(id) ?? 0) < end).map(({ id }) => id))
    if (open.size === 0) return []
    const end = new Map(ends.map(one => [one.id, one.end]))
    const records: ReaderRecord[] = []
    const all = Promise.withResolvers<void>()
    const consumer = this.#kafka.consumer({ groupId: `ledger-${this.#topics[0]}-${this.#readings++}` })
    await consumer.connect()
    await consumer.subscribe({ topics: [...this.#topics], fromBeginning: true })
    consumer.on(consumer.events.CRASH, ({ payload }) => (payload.restart ? undefined : all.reject(payload.error)))
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message }) => {
        const id = `${topic}/${partition}`
        const offset = Number(message.offset)
        if (offset < (offsets.get(id) ?? 0) || offset >= end.get(id)!) return
        records.push(recordOf(topic, partition, message))
        offsets.set(id, offset + 1)
        if (offset + 1 === end.get(id)) open.delete(id)
        if (open.size === 0) all.resolve()
      },
    })
    for (const [id, offset] of offsets) {
      const at = id.lastIndexOf('/')
      consumer.seek({ topic: id.slice(0, at), partition: Number(id.slice(at + 1)), offset: String(offset) })
    }
    await all.promise.finally(() => consumer.disconnect())
    const rank = ({ topic }: ReaderRecord) => (topic.endsWith('.keys') ? 0 : 1)
    return records.sort((a, b) => rank(a) - rank(b))
  }

  async #ends(): Promise<Topic[]> {
    const admin = this.#kafka.admin()
    await admin.connect()
    try {
      const ends = await Promise.all(
        this.#topics.map(async topic =>
          (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({
            id: `${topic}/${partition}`,
            partition,
            end: Number(high),
          })),
        ),
      )
      return ends.flat()
    } finally {
      await admin.disconnect()
    }
  }
}

type Message = Readonly<{ key: Buffer | null; value: Buffer | null; headers?: Readonly<Record<string, unknown>> }>

/** A record as the reader takes it, of what the client reads. */
export function recordOf(topic: string, partition: number, { key, value, headers }: Message): ReaderRecord {
  const texts = Object.entries(headers ?? {}).map(([name, bytes]) => [name, String(bytes)])
  return { topic, partition, key: key?.toString() ?? '', headers: Object.fromEntries(texts), value }
}
