/** One translation in the making: what is named so far, what was left out, and how the sender wants to be read. */
import type { Reference } from 'fhir/r4.js'
import type { KnownCode } from '../../../src/errors.ts'
import { isInOrder } from '../../../src/fhir/dates.ts'
import type { SenderProfile } from '../../../src/ports.ts'
import type { Change, FhirResource, Identity, Issue, Snapshot, Unmapped } from '../../../src/records.ts'
import type { Message } from '../message.ts'
import { type Moment, readTime, zoneMinutes } from '../time.ts'

/** Names of a resource, the one that makes its id first. */
export type Names = readonly [Identity, ...Identity[]]

export class Draft {
  readonly message: Message
  readonly profile: SenderProfile
  readonly changes: Change[] = []
  readonly snapshots: Snapshot[] = []
  readonly issues: Issue[] = []
  readonly unmapped: Unmapped[] = []
  readonly #noted = new Set<string>()
  readonly #counts = new Map<string, number>()
  readonly #named = new Map<string, Reference>()
  readonly #moments = new Map<string, Moment | null>()
  readonly #contradicted: boolean

  constructor(message: Message, profile: SenderProfile) {
    this.message = message
    this.profile = profile
    this.#contradicted = contradicts(message.segments[0]?.value(7) ?? '', profile.zone)
  }

  /** Lists a finding once per code and place. */
  note(code: KnownCode, at: string): void {
    const key = `${code} ${at}`
    if (this.#noted.has(key)) return
    this.#noted.add(key)
    this.issues.push({ code, at })
  }

  /** Puts a local code on the work list, once per message, and says where it stood. */
  unmap(at: string, system: string, code: string): void {
    this.note('E_UNMAPPED_CODE', at)
    const key = `${at} ${system} ${code}`
    if (this.#noted.has(key)) return
    this.#noted.add(key)
    this.unmapped.push({ at, system, code })
  }

  /** Counts the uses of a key within the message: 1 for the first. */
  count(key: string): number {
    const n = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, n)
    return n
  }

  /** A new local id: `patient`, `patient-2`, … */
  newId(type: FhirResource['resourceType']): string {
    const name = type.toLowerCase()
    const n = this.count(`id ${name}`)
    return n === 1 ? name : `${name}-${n}`
  }

  /** Adds a change and returns the reference to its resource. A period that ends before it begins loses its end. */
  add(change: Change): Reference {
    const { resourceType, id } = change.resource
    dropBackwardEnds(change.resource, resourceType, path => this.note('E_PRUNED', path))
    this.changes.push(change)
    return { reference: `${resourceType}/${id}` }
  }

  /** Adds to a resource of this message what a later segment says of it (NK1 of the Patient, DG1 of the Encounter). */
  amend<T extends FhirResource>({ reference }: Reference, fill: (resource: T) => void): void {
    const found = this.changes.find(({ resource }) => `${resource.resourceType}/${resource.id}` === reference)
    if (!found) return
    fill(found.resource as T)
    dropBackwardEnds(found.resource, found.resource.resourceType, path => this.note('E_PRUNED', path))
  }

  /** What was only named before is told whole, or gone, by the message after all. */
  tell({ reference }: Reference, verb: 'replace' | 'delete'): void {
    const i = this.changes.findIndex(({ resource }) => `${resource.resourceType}/${resource.id}` === reference)
    if (i >= 0) this.changes[i] = { ...this.changes[i]!, verb }
  }

  /** A reference to something that is named but not told whole (a practitioner, an ORU's patient): one `ensure` a message. */
  mention(
    names: Names,
    type: FhirResource['resourceType'],
    make: (id: string) => FhirResource,
    subject: Identity | null = null,
  ): Reference {
    const [name] = names
    const key = `${type} ${name.system} ${name.value}`
    const before = this.#named.get(key)
    if (before) return { ...before }
    const resource = make(this.newId(type))
    const reference = this.add({ verb: 'ensure', resource, identity: names, subject })
    this.#named.set(key, reference)
    return { ...reference }
  }

  /** Reads a time in the sender's zone; null and noted (E_DATE) when it is none. */
  time(text: string, at: string): Moment | null {
    const moment = this.#moment(text)
    if (!moment) this.note('E_DATE', at)
    else this.#noteZone(moment, at)
    return moment
  }

  /** The times of one message are few and come again and again. */
  #moment(text: string): Moment | null {
    const before = this.#moments.get(text)
    if (before !== undefined) return before
    const moment = readTime(text, this.profile.zone)
    this.#moments.set(text, moment)
    return moment
  }

  #noteZone(moment: Moment, at: string): void {
    if (moment.cut) this.note('E_ZONE_UNKNOWN', at)
    if (moment.offset === 'gap') this.note('E_DST_GAP', at)
    if (moment.offset !== 'zone' || !this.#contradicted || this.#noted.has('E_NO_ZONE')) return
    this.#noted.add('E_NO_ZONE')
    this.note('E_NO_ZONE', at)
  }
}

/**
 * FHIR per-1 (a year that ends in a month counts as no order); what a sender means by the end of such a period is anybody's
 * guess, the begin stands. Calls `lost` with the path of each period that lost its end.
 */
function dropBackwardEnds(value: unknown, path: string, lost: (path: string) => void): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const one of value) dropBackwardEnds(one, path, lost)
    return
  }
  const node = value as Node
  if (isBackward(node)) {
    delete node.end
    lost(`${path}.end`)
  }
  for (const name in node) dropBackwardEnds(node[name], `${path}.${name}`, lost)
}

type Node = { [name: string]: unknown }

function isBackward({ start, end }: Node): boolean {
  return typeof start === 'string' && typeof end === 'string' && !isInOrder(start, end)
}

/** MSH-7 names an offset that the profile's zone does not have then: the standard would read all times with it. */
function contradicts(sentAt: string, zone: string): boolean {
  const offset = readTime(sentAt, zone)
  return offset?.offset === 'sent' && zoneMinutes(sentAt, zone) !== minutesOf(offset.at)
}

function minutesOf(at: string): number {
  const [, sign, hours, minutes] = /([+-])(\d{2}):(\d{2})$/.exec(at)!
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}
