/** The Protector (src/ports.ts): names, seals, signs and numbers one message after the other. */
import type { Environment } from '../environment.ts'
import { refuse } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Named, Protector, SealedMessage, SealedOriginal, Stamp } from '../ports.ts'
import type { Change, FhirResource, Name, OutboxRow, Sealed } from '../records.ts'
import type { JsonObject } from './acts/slot.ts'
import { Box } from './box.ts'
import { type Ensured, Ensures } from './ensures.ts'
import { b64u } from './format.ts'
import { again, dataHeaders, type Gateway, plainHeaders, signed } from './headers.ts'
import { type DataKey, Keyring } from './keyring.ts'
import type { Keys, Purpose } from './keys.ts'
import { type IdOf, namer, onceEach, rename } from './names.ts'
import { nonces } from './nonces.ts'
import { Originals } from './originals.ts'
import { policyHash, policyTypes } from './policy/policy.ts'
import { sealResource } from './resource.ts'
import { Terms } from './terms.ts'

export type ProtectorOptions = Readonly<{
  tenant: string
  gateway: string
  purpose: Purpose
  topicPrefix: string
  environment: Environment
}>

/** A change with its names resolved. */
type Subject = Readonly<{ change: Change; named: Named; keys: readonly string[]; dataKeySubject: string }>

/** A record before it has a number. */
type Draft = Readonly<{ named: Named; key: string; value: Uint8Array | null }>

/** What becomes true when the transaction is on disk. */
type Effects = { keys: Set<DataKey>; ensured: Ensured[]; forgotten: Set<string> }

export class GatewayProtector implements Protector {
  readonly policy = policyHash
  readonly #options: ProtectorOptions
  readonly #gateway: Gateway
  readonly #box: Box
  readonly #keyring: Keyring
  readonly #originals: Originals
  readonly #ensures = new Ensures()
  readonly #idOf: IdOf
  #last = noEffects()
  #accepted = noEffects()

  constructor(keys: Keys, options: ProtectorOptions) {
    const { tenant, gateway, purpose, environment } = options
    const { signing } = keys
    const nonce = nonces(environment)
    const ring = { tenant, gateway, signing, environment, nonce }
    this.#options = options
    this.#gateway = { tenant, gateway, purpose, signing }
    this.#box = new Box({ boxKey: keys.boxKey, nonce, today: () => utcDay(environment) })
    this.#keyring = new Keyring({ ...ring, card: keys.kek })
    this.#originals = new Originals({ ...ring, card: keys.replay })
    this.#idOf = namer(keys.psk, tenant)
  }

  seal(changes: readonly Change[], stamp: Stamp): SealedMessage {
    this.#last = noEffects()
    const idOf = onceEach(this.#idOf)
    const subjects = withPractitioners(changes.map(change => nameOf(change, idOf)))
    const effects = noEffects()
    const { drafts, resources } = this.#drafts(subjects, stamp, effects)
    const keyRecords = [...effects.keys].map(key => this.#keyRecord(key, stamp))
    const dataRecords = drafts.map((draft, place) => this.#dataRecord(draft, `${place + 1}/${drafts.length}`, stamp))
    this.#last = effects
    return {
      records: [...keyRecords, ...dataRecords],
      resources,
      named: subjects.map(({ named }) => named),
      subjects: peopleOf(changes, idOf),
    }
  }

  accept(): void {
    for (const key of this.#last.keys) this.#accepted.keys.add(key)
    this.#accepted.ensured.push(...this.#last.ensured)
    for (const place of this.#last.forgotten) this.#accepted.forgotten.add(place)
    this.#last = noEffects()
  }

  discard(): void {
    this.#last = noEffects()
  }

  committed(): void {
    for (const key of this.#accepted.keys) key.written = true
    for (const ensured of this.#accepted.ensured) this.#ensures.remember(ensured)
    this.#originals.committed()
    this.#last = noEffects()
    this.#accepted = noEffects()
  }

  rolledBack(): void {
    this.#originals.rolledBack()
    this.#last = noEffects()
    this.#accepted = noEffects()
  }

  idOf(type: string, name: Name): string {
    return this.#idOf(type, name)
  }

  seenControl(profile: string, messageId: string): Uint8Array {
    return this.#box.seenControl(profile, messageId)
  }

  seenContent(profile: string, bytes: Uint8Array): Uint8Array {
    return this.#box.seenContent(profile, bytes)
  }

  sealRow(record: Sealed, epoch: number): OutboxRow {
    return this.#box.sealRow(record, epoch)
  }

  openRow(row: OutboxRow): Sealed {
    return this.#box.openRow(row)
  }

  again(record: Sealed, numbers?: Readonly<{ epoch: number; seq: number }>): Sealed {
    return again(this.#gateway, record, numbers)
  }

  renew(): void {
    this.#keyring.forget()
    this.#ensures.forget()
  }

  sealOriginal(id: number, bytes: Uint8Array): SealedOriginal {
    return this.#originals.seal(id, bytes)
  }

  sealNote(use: 'work' | 'label', text: string): Uint8Array {
    return this.#box.sealNote(use, text)
  }

  openNote(use: 'work' | 'label', sealed: Uint8Array): string {
    return this.#box.openNote(use, sealed)
  }

  mark(use: 'work' | 'label', text: string): Uint8Array {
    return this.#box.mark(use, text)
  }

  secretMac(kind: 'device' | 'client', id: string, secret: string): string {
    return this.#box.secretMac(kind, id, secret)
  }

  receipt(arrival: number): string {
    return this.#box.receipt(arrival)
  }

  /** Everything that may be refused, before the first number is drawn. */
  #drafts(
    subjects: readonly Subject[],
    stamp: Stamp,
    effects: Effects,
  ): { drafts: Draft[]; resources: FhirResource[] } {
    const drafts: Draft[] = []
    const resources: FhirResource[] = []
    const terms = new Terms()
    const renamed = renameAll(subjects, terms)
    subjects.forEach((subject, place) => {
      const clear = renamed[place] ?? null
      const keys = this.#keysToSend(subject, clear, stamp, effects)
      if (keys.length === 0) return
      const resource = clear && this.#seal(clear, subject, stamp, terms, effects)
      if (resource) resources.push(resource)
      const value = resource && bytesOf(resource)
      for (const key of keys) drafts.push({ named: subject.named, key, value })
    })
    return { drafts, resources }
  }

  /** The keys that the change goes out under: all, but for an `ensure` those that have not heard it lately. */
  #keysToSend(subject: Subject, clear: JsonObject | null, stamp: Stamp, effects: Effects): readonly string[] {
    const { change, named, keys } = subject
    if (change.verb === 'replace') return keys
    // readers take the oldest `ensure`, and a late release may be older than the one that was sent; so may a late `delete`
    // be, after which the next `ensure` must go out
    const mac = change.verb === 'delete' || stamp.release > 0 ? null : this.#box.ensureMac(JSON.stringify(clear))
    const place = `${this.#topic(stamp)} ${named.type}/${named.id}`
    return keys.filter(key => {
      const ensured = { place: `${place} ${key}`, mac, at: stamp.receivedAt }
      // what an earlier message of the same batch deleted is not in the memory yet
      const forgotten = effects.forgotten.has(ensured.place) || this.#accepted.forgotten.has(ensured.place)
      if (mac !== null && !forgotten && this.#ensures.knows(ensured)) return false
      if (mac === null) effects.forgotten.add(ensured.place)
      effects.ensured.push(ensured)
      return true
    })
  }

  #seal(clear: JsonObject, subject: Subject, stamp: Stamp, terms: Terms, effects: Effects): FhirResource {
    const key = () => {
      const found = this.#keyring.keyFor(subject.dataKeySubject)
      if (!found.written && !this.#accepted.keys.has(found)) effects.keys.add(found)
      return found
    }
    const { tenant } = this.#options
    return sealResource(clear, { tenant, receivedAt: stamp.receivedAt, test: stamp.mode === 'test', terms, key })
  }

  #dataRecord({ named, key, value }: Draft, part: string, stamp: Stamp): Sealed {
    const { type, id, verb } = named
    const { content, epoch, arrival, release } = stamp
    const seq = stamp.nextSeq()
    const eventId = this.#box.eventId(b64u(content), epoch, arrival, release, `${type}/${id}`, key, '')
    const headers = dataHeaders(this.#gateway, stamp, { type, verb, id, eventId, part, policy: this.policy, seq })
    return signed(this.#gateway, { seq, lane: 'data', topic: this.#topic(stamp), key, value }, headers)
  }

  #keyRecord({ kid, record }: DataKey, stamp: Stamp): Sealed {
    const seq = stamp.nextSeq()
    const topic = `${this.#options.topicPrefix}.keys`
    const value = Buffer.from(record)
    return signed(this.#gateway, { seq, lane: 'key', topic, key: kid, value }, plainHeaders(this.#gateway, stamp, seq))
  }

  #topic({ mode }: Stamp): string {
    return `${this.#options.topicPrefix}.${mode === 'test' ? 'test' : 'fhir'}`
  }
}

/** Id, Kafka keys and data-key subject of a change (DESIGN §4; SEALING S1). */
function nameOf(change: Change, idOf: IdOf): Subject {
  const type = change.resource.resourceType
  if (!policyTypes.has(type)) refuse('E_TYPE', 'resourceType')
  const [name] = change.identity
  const id = name ? idOf(type, name) : refuse('E_REFERENCE', type)
  const person = change.subject && idOf('Patient', change.subject)
  const key = person ?? id
  const others = (change.alsoFor ?? []).map(other => idOf('Patient', other))
  const dataKeySubject = person ?? (type === 'Practitioner' ? id : 'tenant')
  return { change, named: { verb: change.verb, type, id, key }, keys: [...new Set([key, ...others])], dataKeySubject }
}

/** What is only a practitioner's role is sealed under the practitioner's key, where the message names him (SEALING S1). */
function withPractitioners(subjects: readonly Subject[]): readonly Subject[] {
  const practitioners = subjects.filter(({ named }) => named.type === 'Practitioner')
  const keys = new Map(practitioners.map(({ change, named }) => [localReference(change), named.id]))
  return subjects.map(subject => {
    const { resource } = subject.change
    const who = resource.resourceType === 'PractitionerRole' ? resource.practitioner?.reference : undefined
    return { ...subject, dataKeySubject: keys.get(who ?? '') ?? subject.dataKeySubject }
  })
}

/** The resources of a message with their final ids and references; null for those that are gone. */
function renameAll(subjects: readonly Subject[], terms: Terms): (JsonObject | null)[] {
  const references = new Map(subjects.map(({ change, named }) => [localReference(change), `${named.type}/${named.id}`]))
  return subjects.map(({ change, named }) => {
    if (change.verb === 'delete') return null
    return rename(change.resource as unknown as JsonObject, named.id, references, terms)
  })
}

/** The pseudonyms of everybody a message is about. */
function peopleOf(changes: readonly Change[], idOf: IdOf): string[] {
  const names = changes.flatMap(({ subject, alsoFor }) => [...(subject ? [subject] : []), ...(alsoFor ?? [])])
  return [...new Set(names.map(name => idOf('Patient', name)))]
}

function noEffects(): Effects {
  return { keys: new Set(), ensured: [], forgotten: new Set() }
}

function localReference({ resource }: Change): string {
  return `${resource.resourceType}/${resource.id}`
}

function bytesOf(resource: FhirResource): Buffer {
  const bytes = Buffer.from(JSON.stringify(resource))
  if (bytes.length > limits.recordBytes) refuse('E_RECORD_TOO_LARGE', resource.resourceType)
  return bytes
}

function utcDay(environment: Environment): string {
  return new Date(environment.now()).toISOString().slice(0, 10)
}
