/**
 * The engine: one batch of arrivals → translate → check → seal → check → one synced commit → verdicts.
 *
 * It knows more than one stage by design (with intake and drain it is one of three such files), runs in a thread of its
 * own, is synchronous, and holds the only write connection. Each arrival is judged in its own try: one bad message never
 * costs another one its place. Numbers (arrival, seq) are held here and put back when a message or a commit fails, so
 * that the outbox log has no holes.
 */
import type { Environment } from './environment.ts'
import { errorRow, GatewayError, Refusal } from './errors.ts'
import { limits } from './limits.ts'
import { describe, type Log } from './log.ts'
import { type Known, linksOf, withLinks } from './merges.ts'
import { Outgoing } from './outgoing.ts'
import type { Check, Directory, Protector, SealedMessage, Stamp, Store, Stream, Taken, Translator } from './ports.ts'
import type { Arrival, Change, Code, Issue, Sealed, Translated, Verdict } from './records.ts'

export type EngineParts = Readonly<{
  environment: Environment
  log: Log
  store: Store
  protector: Protector
  check: Check
  translators: Readonly<Record<Arrival['format'], Translator>>
  directory: () => Directory
}>

/** Types whose newest version alone counts; a late release does not send them when a newer one went out (DESIGN §7). */
const stateTypes = new Set([
  'Patient',
  'Encounter',
  'AllergyIntolerance',
  'RelatedPerson',
  'Condition',
  'Procedure',
  'Coverage',
  'Account',
  'CareTeam',
  'EpisodeOfCare',
  'Appointment',
  'Linkage',
  'PractitionerRole',
  'Practitioner',
  'Organization',
  'Location',
  'Device',
])

/** What a message becomes: what is written of it, and what its sender hears. */
type Draft = Readonly<{ taken: Taken | null; verdict: Verdict }>

/** The last numbers given out. */
type Numbers = Readonly<{ arrival: number; seq: number }>

/** What the earlier messages of the same batch did, which the database does not show yet. */
type Batch = {
  seen: Map<string, Draft>
  controls: Set<string>
  snapshots: Map<string, readonly string[]>
  links: Map<string, string | null>
  heldBytes: number
}

export class Engine {
  /** The way out, which draws its numbers here. */
  readonly outgoing: Outgoing
  readonly #parts: EngineParts
  #arrival: number
  #seq: number

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.outgoing = new Outgoing(parts, work => this.#numbered(work))
    const { arrival, seq } = parts.store.counters()
    this.#arrival = arrival
    this.#seq = seq
  }

  /**
   * Judges a batch. Returns verdicts in order, a positive one only after the synced commit. When judging takes long, the
   * first part of the batch is committed and answered, at least one; the caller gives the rest again.
   * Throws GatewayError E_DISK when the disk refused: the process must end, the senders still own their messages.
   */
  take(arrivals: readonly Arrival[]): Verdict[] {
    return this.#commit(arrivals)
  }

  /** Holds a message that stopped the engine or the database before: sealed as it came, untranslated. */
  hold(arrival: Arrival, rule: Code): Verdict {
    const numbers = this.#numbers()
    try {
      return this.#write([this.#held(arrival, [{ code: rule, at: '' }], null, emptyBatch())])[0] as Verdict
    } catch (error) {
      this.#undo(numbers)
      if (isFull(error)) return { kind: 'later', code: 'E_FULL' }
      throw error
    }
  }

  /** The next rows of a stream for an uplink, opened (Outgoing). */
  peek(uplink: string, maxRows: number, maxBytes: number, stream: Stream = 'live'): Sealed[] {
    return this.outgoing.peek(uplink, maxRows, maxBytes, stream)
  }

  #commit(arrivals: readonly Arrival[]): Verdict[] {
    const numbers = this.#numbers()
    const batch = emptyBatch()
    try {
      return this.#write(this.#judgeSome(arrivals, batch))
    } catch (error) {
      this.#undo(numbers)
      if (!(error instanceof GatewayError)) throw error
      if (isFull(error)) return arrivals.map(() => ({ kind: 'later', code: 'E_FULL' }))
      if (error.code === 'E_DATABASE') return this.#bisect(arrivals)
      throw error
    }
  }

  #judgeSome(arrivals: readonly Arrival[], batch: Batch): Draft[] {
    const { environment } = this.#parts
    const until = environment.monotonic() + limits.judgeMs
    const drafts: Draft[] = []
    for (const arrival of arrivals) {
      if (drafts.length > 0 && environment.monotonic() > until) break
      drafts.push(this.#judge(arrival, batch))
    }
    return drafts
  }

  #write(drafts: readonly Draft[]): Verdict[] {
    const { store, protector } = this.#parts
    const taken = drafts.flatMap(draft => draft.taken ?? [])
    store.take(taken)
    // keys count as written only when there was something to write them with
    if (taken.length > 0) protector.committed()
    else protector.rolledBack()
    return drafts.map(draft => draft.verdict)
  }

  #numbers(): Numbers {
    return { arrival: this.#arrival, seq: this.#seq }
  }

  #undo(numbers: Numbers): void {
    this.#parts.protector.rolledBack()
    this.#putBack(numbers)
  }

  #numbered<T>(work: (nextSeq: () => number) => T): T {
    const numbers = this.#numbers()
    try {
      return work(() => ++this.#seq)
    } catch (error) {
      this.#putBack(numbers)
      throw error
    }
  }

  #putBack({ arrival, seq }: Numbers): void {
    this.#arrival = arrival
    this.#seq = seq
  }

  #commitAll(arrivals: readonly Arrival[]): Verdict[] {
    const verdicts: Verdict[] = []
    while (verdicts.length < arrivals.length) verdicts.push(...this.#commit(arrivals.slice(verdicts.length)))
    return verdicts
  }

  /** A batch that the database refused is halved until the message that it refuses stands alone; that one is held. */
  #bisect(arrivals: readonly Arrival[]): Verdict[] {
    const half = arrivals.length >> 1
    if (half > 0) return [...this.#commitAll(arrivals.slice(0, half)), ...this.#commitAll(arrivals.slice(half))]
    return arrivals.map(arrival => {
      this.#parts.log.error('the database refused a message; it is held', { source: arrival.source })
      return this.hold(arrival, 'E_DATABASE')
    })
  }

  #judge(arrival: Arrival, batch: Batch): Draft {
    const seen = this.#macs(arrival)
    const repeat = seen && this.#repeat(arrival, seen, batch)
    if (repeat) return repeat
    const draft = this.#draft(arrival, seen, batch)
    if (seen && draft.taken?.seen) {
      batch.seen.set(hex(seen.control, seen.content), draft)
      batch.controls.add(hex(seen.control))
    }
    return draft
  }

  /** MACs of the sender's id and of the bytes; null where the wire has no id and repeats cannot be told. */
  #macs(arrival: Arrival): { control: Uint8Array; content: Uint8Array } | null {
    if (arrival.messageId === null && arrival.format !== 'measurement') return null
    const { protector } = this.#parts
    const profile = arrival.format === 'hl7v2' ? arrival.sender : `${arrival.source}/${arrival.sender}`
    // over HTTP the same body at another address or under another condition is another request
    const about = arrival.format === 'fhir' ? `${profile} ${JSON.stringify(arrival.meta)}` : profile
    return {
      control: protector.seenControl(profile, arrival.messageId ?? ''),
      content: protector.seenContent(about, arrival.bytes),
    }
  }

  /** A message that is ours already is answered from the present state of the first one. */
  #repeat(arrival: Arrival, seen: { control: Uint8Array; content: Uint8Array }, batch: Batch): Draft | null {
    const mate = batch.seen.get(hex(seen.control, seen.content))
    if (mate && (mate.verdict.kind === 'kept' || mate.verdict.kind === 'held')) {
      return { taken: null, verdict: { kind: 'same', as: mate.verdict.kind, receipt: mate.verdict.receipt } }
    }
    const first = this.#parts.store.seen(seen.control, seen.content)
    if (first?.sameContent) {
      const receipt = this.#parts.protector.receipt(first.arrival)
      return { taken: null, verdict: { kind: 'same', as: first.state, receipt } }
    }
    const otherContent = first !== null || batch.controls.has(hex(seen.control))
    if (otherContent && arrival.format === 'fhir') {
      return { taken: null, verdict: { kind: 'never', issues: [{ code: 'E_IDEMPOTENCY', at: 'Idempotency-Key' }] } }
    }
    return null
  }

  #draft(arrival: Arrival, seen: Taken['seen'], batch: Batch): Draft {
    const numbers = this.#numbers()
    try {
      return this.#kept(arrival, seen, batch)
    } catch (error) {
      this.#putBack(numbers)
      this.#parts.protector.discard()
      if (error instanceof Refusal) {
        return error.kind === 'held'
          ? this.#held(arrival, error.issues, seen, batch)
          : this.#refused(arrival, error.issues)
      }
      this.#parts.log.error('a translator failed; the message is held', { source: arrival.source, ...describe(error) })
      return this.#held(arrival, [{ code: 'E_TRANSLATOR', at: '' }], seen, batch)
    }
  }

  #kept(arrival: Arrival, seen: Taken['seen'], batch: Batch): Draft {
    const { protector, translators } = this.#parts
    const translated = translators[arrival.format].translate(arrival, this.#parts.directory())
    const merges = this.#merges(arrival, batch)
    const changes = withLinks(translated.changes, merges)
    for (const change of changes) this.#demandValid(change, 'E_OUTPUT_INVALID')
    const links = linksOf(translated.changes, merges)
    const { gone, snapshots } = this.#snapshots(arrival, translated, batch)
    const no = ++this.#arrival
    const sealed = protector.seal([...changes, ...gone], this.#stamp(arrival, no, seen))
    for (const resource of sealed.resources) this.#demandValid({ verb: 'replace', resource }, 'E_SEALED_INVALID')
    const taken: Taken = {
      ...this.#common(arrival, no),
      state: 'kept',
      rule: null,
      at: null,
      mapping: translated.mapping,
      seen: translated.repeatable ? seen : null,
      subjects: sealed.subjects,
      rows: sealed.records.map(record => protector.sealRow(record, this.#parts.store.epoch)),
      keys: keysOf(sealed.records),
      heads: heads(sealed.named).map(head => stateOf(arrival, head)),
      snapshots,
      links,
      work: this.#work(arrival, translated),
    }
    // last, since nothing below can fail: a key that counts as written must be in the transaction
    protector.accept()
    for (const { list, ids } of snapshots) batch.snapshots.set(list, ids)
    for (const { from, to } of links) batch.links.set(from, to)
    return { taken, verdict: { kind: 'kept', issues: translated.issues, receipt: protector.receipt(no) } }
  }

  /** Held messages have a share of the budget of their own, so that one sender's cannot fill the box for all. */
  #held(arrival: Arrival, issues: readonly Issue[], seen: Taken['seen'], batch: Batch): Draft {
    const numbers = this.#numbers()
    const no = ++this.#arrival
    const aside = this.#aside(arrival, no, issues)
    const bytes = (aside.original?.body.length ?? 0) + limits.arrivalRowBytes
    if (batch.heldBytes + bytes > this.#parts.store.heldRoom()) {
      this.#putBack(numbers)
      return { taken: null, verdict: { kind: 'later', code: 'E_FULL' } }
    }
    batch.heldBytes += bytes
    const taken = { ...aside, state: 'held' as const, seen: arrival.messageId === null ? null : seen }
    return { taken, verdict: { kind: 'held', issues, receipt: this.#parts.protector.receipt(no) } }
  }

  /** A refused message stays the sender's; we keep a short-lived sealed evidence copy, never released. */
  #refused(arrival: Arrival, issues: readonly Issue[]): Draft {
    const no = ++this.#arrival
    return { taken: { ...this.#aside(arrival, no, issues), state: 'refused' }, verdict: { kind: 'never', issues } }
  }

  #aside(arrival: Arrival, no: number, issues: readonly Issue[]): Taken {
    const first = issues.find(issue => errorRow(issue.code).class === 'held') ?? issues[0]
    return {
      ...this.#common(arrival, no),
      state: 'held',
      rule: first?.code ?? 'E_INTERNAL',
      at: first?.at ?? '',
      mapping: '',
      seen: null,
      subjects: [],
      rows: [],
      heads: [],
      snapshots: [],
      links: [],
      work: [],
    }
  }

  #common(
    arrival: Arrival,
    no: number,
  ): Pick<Taken, 'no' | 'receivedAt' | 'source' | 'sender' | 'format' | 'outline' | 'mode' | 'original'> {
    const { protector, translators } = this.#parts
    return {
      no,
      receivedAt: arrival.receivedAt,
      source: arrival.source,
      sender: arrival.format === 'measurement' ? hex(protector.mark('label', arrival.sender)) : arrival.sender,
      format: arrival.format,
      outline: translators[arrival.format].outline(arrival),
      mode: arrival.mode,
      original: protector.sealOriginal(no, arrival.bytes),
    }
  }

  #stamp(arrival: Arrival, no: number, seen: Taken['seen']): Stamp {
    const { protector, store } = this.#parts
    return {
      epoch: store.epoch,
      arrival: no,
      release: 0,
      receivedAt: arrival.receivedAt,
      mode: arrival.mode,
      historical: false,
      content: seen?.content ?? protector.seenContent(`${arrival.source}/${arrival.sender}`, arrival.bytes),
      nextSeq: () => ++this.#seq,
    }
  }

  #demandValid(change: Pick<Change, 'verb' | 'resource'>, code: 'E_OUTPUT_INVALID' | 'E_SEALED_INVALID'): void {
    if (change.verb === 'delete') return
    const [issue] = this.#parts.check(change.resource)
    if (issue) throw new Refusal([{ code, at: issue.at }])
  }

  /** What is known of merges, with those of the same batch (src/merges.ts). */
  #merges(arrival: Arrival, batch: Batch): Known {
    const { protector, store } = this.#parts
    return {
      idOf: name => stateOf(arrival, protector.idOf('Patient', name)),
      target: id => (batch.links.has(id) ? (batch.links.get(id) ?? null) : store.link(id)),
    }
  }

  /** What a complete list no longer names is gone: a `delete` for each. */
  #snapshots(
    arrival: Arrival,
    translated: Translated,
    batch: Batch,
  ): { gone: Change[]; snapshots: { list: string; ids: string[] }[] } {
    const { protector, store } = this.#parts
    const gone: Change[] = []
    const snapshots = translated.snapshots.map(({ type, subject, part }) => {
      // two senders may know one patient, and neither knows the other's list
      const value = JSON.stringify([arrival.sender, part?.of ?? null])
      const of = protector.idOf('List', { system: 'snapshot', value })
      const list = stateOf(arrival, `${type}/${protector.idOf('Patient', subject)}/${of}`)
      const ofType = translated.changes.filter(change => change.resource.resourceType === type)
      const names = part?.names ?? ofType.flatMap(change => change.identity[0] ?? [])
      const ids = names.map(name => protector.idOf(type, name))
      for (const id of batch.snapshots.get(list) ?? store.snapshot(list)) {
        if (ids.includes(id)) continue
        const resource = { resourceType: type, id: `gone-${gone.length}` } as Change['resource']
        gone.push({ verb: 'delete', resource, identity: [{ pseudonym: id }], subject })
      }
      return { list, ids }
    })
    return { gone, snapshots }
  }

  #work(arrival: Arrival, translated: Translated): Taken['work'] {
    const { protector } = this.#parts
    return translated.unmapped.map(({ at, system, code }) => ({
      at,
      mark: protector.mark('work', JSON.stringify([arrival.sender, at, system, code])),
      code: protector.sealNote('work', JSON.stringify({ system, code })),
    }))
  }
}

function isFull(error: unknown): boolean {
  return error instanceof GatewayError && (error.code === 'E_FULL' || error.code === 'E_HELD_QUOTA')
}

/** Kid and subject of the key records (SEALING S4), for the index that erasure needs. */
function keysOf(records: readonly Sealed[]): { kid: string; subject: string }[] {
  const keyRecords = records.filter(record => record.lane === 'key' && record.value)
  return keyRecords.map(({ key, value }) => ({ kid: key, subject: JSON.parse(Buffer.from(value!).toString()).subject }))
}

function emptyBatch(): Batch {
  return { seen: new Map(), controls: new Set(), snapshots: new Map(), links: new Map(), heldBytes: 0 }
}

/** What the box remembers of the state out there, it remembers apart for live and for test. */
function stateOf(arrival: Arrival, name: string): string {
  return arrival.mode === 'test' ? `test:${name}` : name
}

function heads(named: SealedMessage['named']): string[] {
  return named.filter(one => one.verb !== 'ensure' && stateTypes.has(one.type)).map(one => `${one.type}/${one.id}`)
}

function hex(...parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('hex')
}
