/**
 * The reference reader: takes the records of the topics and knows what holds (DESIGN §4). It checks signatures, drops
 * repeats, waits for data keys, opens tokens, applies verbs and versions, and follows merges.
 */
import { isObject, type JsonObject, readJson } from '../fhir/json.ts'
import { type AttachmentLink, Chunks, type Content, openBinary } from './binary.ts'
import { type Facts, factsOf, isNamed, isSentAgain, numbersOf, partOf } from './headers.ts'
import { History } from './history.ts'
import type { ReaderKeys } from './keys.ts'
import { Messages } from './messages.ts'
import { type Opened, openResource } from './open.ts'
import { type ReaderRecord, signerOf } from './signature.ts'
import { Waiting } from './waiting.ts'

/** One version of a resource. `opened` is null for a `delete`. */
export type Entry = Readonly<{ facts: Facts; key: string; opened: Opened | null }>

/** What holds of a resource. */
export type Current = Readonly<{ facts: Facts; key: string; opened: Opened }>

export type Counters = Readonly<{
  /** Records given to take(). */
  read: number
  /** Not above the mark of their gateway, epoch, topic and partition. */
  repeats: number
  /** A newer version was known, or the same one. */
  older: number
  /** Rows of people who were erased; their place only. */
  erased: number
  /** Not signed by a known gateway; ignored. */
  badSignature: number
  /** Signed, but not of the form of a record; ignored. */
  malformed: number
  /** Of the other mode (`live`, `test`); ignored. */
  otherMode: number
  /** Neither data nor keys, such as `<prefix>.audit`; ignored. */
  otherTopic: number
  /** Key records that were ignored: of no known gateway or KEK, or not fitting their key. */
  badKeys: number
  /** Records of which a data key is not known: they wait, or were given up. */
  unknownKey: number
  /** Tokens that do not open though their key is known. */
  failedTokens: number
  /** Messages of which parts are missing. */
  incomplete: number
}>

export type ReaderOptions = Readonly<{
  keys: ReaderKeys
  /** A mirrored topic's name here → the gateway's own name for it, which is the one it signed. */
  topics?: Readonly<Record<string, string>>
  /**
   * Records of the other mode are ignored, because ids are the same in both. `any` is for looking at records only: the
   * state would mix. Default `live`.
   */
  mode?: Facts['mode'] | 'any'
  /** Open these elements only (OpenOptions). */
  only?: readonly string[]
  /** Where an earlier reader was, from marks(). */
  marks?: Readonly<Record<string, number>>
  /** Every new data record, in order of arrival, before versions are compared. */
  onRecord?: (facts: Facts, key: string) => void
  /** Every new data record once it is opened; one that waited for its key comes late. `get` says what holds. */
  onOpened?: (entry: Entry) => void
  /** Records that wait for a data key; beyond it the oldest is given up and stays masked. Default 10,000. */
  waitingRecords?: number
  /** `ensure`s kept of one resource and gateway (History). Default 32. */
  ensuresKept?: number
  /** Messages watched while parts are missing. Default 10,000. */
  messagesKept?: number
}>

type Version = {
  readonly facts: Facts
  readonly key: string
  readonly sealed: JsonObject | null
  opened: Opened | null
}

const nothing = {
  read: 0,
  repeats: 0,
  older: 0,
  erased: 0,
  badSignature: 0,
  malformed: 0,
  otherMode: 0,
  otherTopic: 0,
  failedTokens: 0,
}

/** Memory: one entry per resource that exists or was deleted; all else is bounded by the options. */
export class Reader {
  readonly #options: ReaderOptions
  readonly #counters = { ...nothing }
  readonly #marks: Map<string, number>
  readonly #histories = new Map<string, History<Version>>()
  readonly #waiting = new Waiting<Version>()
  readonly #messages: Messages
  readonly #chunks = new Chunks()
  #givenUp = 0

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#marks = new Map(Object.entries(options.marks ?? {}))
    this.#messages = new Messages(options.messagesKept ?? 10_000)
  }

  /**
   * Takes one record. Never throws for what is in it: what does not fit is counted and ignored. A test record of
   * `check --online` is skipped; it has no number and says nothing.
   */
  take(record: ReaderRecord): void {
    this.#counters.read += 1
    const topic = this.#options.topics?.[record.topic] ?? record.topic
    const signer = signerOf(record, topic, this.#options.keys.gateways)
    if (!signer) return void this.#count('badSignature')
    if (record.headers['cg-verb'] === 'check') return
    const numbers = numbersOf(record.headers)
    if (!numbers) return void this.#count('malformed')
    const place = `${signer.tenant}/${signer.gateway} ${numbers.epoch} ${topic} ${record.partition}`
    if (numbers.seq <= (this.#marks.get(place) ?? 0)) return void this.#count('repeats')
    this.#marks.set(place, numbers.seq)

    if (topic.endsWith('.keys')) {
      const news = this.#options.keys.take(record, signer)
      if (news.kind === 'key') for (const version of this.#waiting.takeFor(news.kid)) this.#open(version)
      if (news.kind === 'erased') this.#forget(news.subject)
    } else if (record.headers['cg-verb'] === undefined) this.#count('otherTopic')
    else this.#data(record)
  }

  /** What holds now, by reference (`Patient/p1-…`). */
  state(): ReadonlyMap<string, Current> {
    const state = new Map<string, Current>()
    for (const reference of this.#histories.keys()) {
      const current = this.get(reference)
      if (current) state.set(reference, current)
    }
    return state
  }

  /** What holds of one resource; null where it does not exist, or was deleted. */
  get(reference: string): Current | null {
    const version = this.#histories.get(reference)?.current()
    return version?.opened ? { facts: version.facts, key: version.key, opened: version.opened } : null
  }

  /**
   * The patient that a patient was merged into, by id, over any number of merges (Patient.link `replaced-by`); the id
   * itself where there was none. Merges that make a circle are one person, named by the smallest id.
   */
  resolve(patientId: string): string {
    const path: string[] = []
    for (let id: string | null = patientId; id !== null; id = this.#replacedBy(id)) {
      const circle = path.indexOf(id)
      if (circle >= 0) return path.slice(circle).sort()[0]!
      path.push(id)
    }
    return path.at(-1)!
  }

  /** The bytes of an attachment that came in chunks; null until all are there. */
  attachment(link: AttachmentLink): Content | null {
    return this.#chunks.join(link)
  }

  /** How far this reader is on the data topics. The keys topic is read from its beginning after each start. */
  marks(): Record<string, number> {
    return Object.fromEntries([...this.#marks].filter(([place]) => !/\.keys \d+$/.test(place)))
  }

  /** Gives up waiting: what waits for a data key is delivered as far as it opens. */
  openWaiting(): void {
    for (let oldest = this.#waiting.oldest; oldest; oldest = this.#waiting.oldest) this.#giveUp(oldest)
  }

  get counters(): Counters {
    const unknownKey = this.#waiting.size + this.#givenUp
    return { ...this.#counters, unknownKey, badKeys: this.#options.keys.refused, incomplete: this.#messages.incomplete }
  }

  #data(record: ReaderRecord): void {
    const { headers, key, value } = record
    const part = partOf(headers['cg-part'])
    if (part) this.#messages.add(`${headers.ce_source} ${headers['cg-version']}`, part, isSentAgain(headers))
    if (headers['cg-verb'] === 'erased') return void this.#count('erased')
    const facts = factsOf(record)
    const sealed = value && parse(value)
    if (!facts || (value && !(sealed && isNamed(sealed, facts)))) return void this.#count('malformed')
    const { mode = 'live' } = this.#options
    if (mode !== 'any' && facts.mode !== mode) return void this.#count('otherMode')
    this.#options.onRecord?.(facts, key)
    const version: Version = { facts, key, sealed, opened: null }
    if (!facts.chunk) this.#apply(version)
    else if (!sealed) this.#chunks.delete(attachmentId(facts))
    this.#open(version)
  }

  #apply(version: Version): void {
    const { reference } = version.facts
    const history = this.#histories.get(reference) ?? new History<Version>(this.#options.ensuresKept ?? 32)
    this.#histories.set(reference, history)
    if (!history.add(version)) this.#count('older')
  }

  /** Opens a version, or lets it wait for its keys; meanwhile it stands in the state as it came, masked. */
  #open(version: Version): void {
    version.opened = version.sealed && this.#openedOf(version, version.sealed)
    const unknown = version.opened?.unknownKeys ?? []
    if (unknown.length === 0) this.#deliver(version)
    else this.#waiting.add(version, unknown)
    if (this.#waiting.size > (this.#options.waitingRecords ?? 10_000)) this.#giveUp(this.#waiting.oldest!)
  }

  #openedOf({ facts, key }: Version, sealed: JsonObject): Opened {
    const { keys, only } = this.#options
    if (!facts.chunk) return openResource(sealed, keys, only ? { only } : {})
    const { i } = facts.chunk
    const result = openBinary(sealed, `chunk[${i}]`, kid => keys.get(kid))
    if (result.kind === 'content') this.#chunks.add(attachmentId(facts), key, facts.version, i, result.content)
    const failed = result.kind === 'failed' ? [{ code: 'E_SEAL_OPEN_FAILED', at: `Binary.chunk[${i}]` } as const] : []
    const unknownKeys = result.kind === 'unknown' ? [result.kid] : []
    return { resource: sealed, sourceId: null, failed, unknownKeys, attachments: [] }
  }

  #deliver(version: Version): void {
    const { facts, key, opened } = version
    this.#counters.failedTokens += opened?.failed.length ?? 0
    this.#options.onOpened?.({ facts, key, opened })
  }

  #giveUp(version: Version): void {
    this.#waiting.delete(version)
    this.#givenUp += 1
    this.#deliver(version)
  }

  /** The keys of a person are gone: what was opened with them is masked again, and their attachments go. */
  #forget(subject: string): void {
    this.#chunks.deleteOf(subject)
    for (const history of this.#histories.values()) {
      for (const version of history.versions()) {
        if (version.key === subject && version.sealed) version.opened = this.#openedOf(version, version.sealed)
      }
    }
  }

  #replacedBy(id: string): string | null {
    const links = this.get(`Patient/${id}`)?.opened.resource.link
    for (const link of Array.isArray(links) ? links : []) {
      if (!isObject(link) || link.type !== 'replaced-by' || !isObject(link.other)) continue
      const [, other] = /^Patient\/([A-Za-z0-9.-]+)$/.exec(String(link.other.reference)) ?? []
      if (other !== undefined) return other
    }
    return null
  }

  #count(what: keyof typeof nothing): void {
    this.#counters[what] += 1
  }
}

function parse(value: Uint8Array): JsonObject | null {
  try {
    const json = readJson(value)
    return isObject(json) ? json : null
  } catch {
    return null
  }
}

/** The attachment that a chunk belongs to: its id without `-<i>`. */
function attachmentId({ id, chunk }: Facts): string {
  return id.slice(0, -`-${chunk!.i}`.length)
}
