/** What the rooms of the house promise each other. Types only; every room may import this file. */
import type {
  Arrival,
  Change,
  Code,
  FhirResource,
  Issue,
  Ms,
  Name,
  OutboxRow,
  Outcome,
  Sealed,
  Translated,
  Verdict,
} from './records.ts'

export type { Source } from './listen.ts'

// ---------------------------------------------------------------- who may talk to us, and what we know of them

/** One HL7 sender (DESIGN: sender = listener + certificate or address range, never MSH-3 alone). */
export type SenderProfile = Readonly<{
  name: string
  /** The listener that it comes to; absent = any. */
  listener?: string
  /** Pins of its keys (`sha256/…`) and names of its certificates (`DNS:…`, `URI:…`, `IP:…`, `email:…`). */
  certificates?: readonly string[]
  /** CIDR ranges that connections of this sender come from. Empty = any; then it has `certificates`. */
  addresses: readonly string[]
  /** IANA zone of the sender's clock; required, because HL7 times without one cannot be FHIR. */
  zone: string
  /** HL7 table 0211 name used when MSH-18 is empty or unknown. */
  charset: string
  /** Which repetition of PID-3 identifies the patient: by assigning authority, or by identifier type (table 0203). */
  identifying: Readonly<{ authority?: string; type?: string }>
  /** PID-3.4 as sent (namespace, OID or the whole HD) → the authority's URI (`urn:oid:…`, `https://…`). */
  authorities: Readonly<Record<string, string>>
  /** `snapshot`: the sender knows the whole patient. `delta`: it sends parts; its ADT never replaces a patient or a list, a visit only where it turns. */
  adt: 'snapshot' | 'delta'
  /** What happens with MSH-11 `T` and `D`. */
  test: 'topic' | 'refuse'
  /** What the wire does while the box is full. */
  whenFull: 'close' | 'AR'
  /** Take FS alone as the end of a frame. */
  endWithoutCr: boolean
  /** Local codes: `system|code` as sent → `system|code` of a public code system. */
  codes: Readonly<Record<string, string>>
}>

/** A period of wearing: from (inclusive) to (exclusive, null = still), and the wearer's pseudonym. */
export type Wearing = Readonly<{ from: Ms; to: Ms | null; wearer: string }>

export type Device = Readonly<{
  id: string
  /** Payload format it may publish; null = any. */
  format: string | null
  /** b64u of the MAC of its secret. */
  secretMac: string
  test: boolean
  worn: readonly Wearing[]
}>

export type Client = Readonly<{ name: string; tokenMac: string; scopes: readonly string[] }>

/** One immutable value per revision, handed to both threads by structured clone. */
export type Directory = Readonly<{
  revision: number
  /** Demo mode: any sender on loopback is this profile. */
  anySender: SenderProfile | null
  senders: readonly SenderProfile[]
  devices: ReadonlyMap<string, Device>
  clients: ReadonlyMap<string, Client>
}>

// ---------------------------------------------------------------- main thread, the way in

/** What a source is given: the way in, and the means to know who is talking. */
export interface Intake {
  /** Resolves when the message is ours and on disk, or refused. Never rejects. Keeps `arrival` until then. */
  take(arrival: Arrival): Promise<Verdict>
  directory(): Directory
  /** Checks the secret of a device or the token of a client against its MAC, in constant time. */
  authenticate(kind: 'device' | 'client', id: string, secret: string): boolean
  /** Counts a message or connection refused on the wire, before it became an Arrival. */
  refused(source: string, code: Code): void
}

// ---------------------------------------------------------------- engine thread

export interface Translator {
  /** Pure. Throws Refusal, for nothing else than the message or what the clinic has not told us yet. */
  translate(arrival: Arrival, directory: Directory): Translated
  /**
   * A skeleton of the message without any value, for the list of held messages: known type, version and segment names,
   * else `?`. Never throws. Example: `ORU^R01 2.5.1 MSH PID PV1 OBR OBX*7`.
   */
  outline(arrival: Arrival): string
}

/** Checks one resource against R4: the patched official schema and the invariants. Empty = valid. */
export type Check = (resource: FhirResource) => readonly Issue[]

/** The numbers and times that one message's records carry (DESIGN §4). */
export type Stamp = Readonly<{
  epoch: number
  arrival: number
  release: number
  receivedAt: Ms
  mode: 'live' | 'test'
  historical: boolean
  /** MAC of the message's bytes, for `ce_id`. */
  content: Uint8Array
  /** The next number of the outbox log. */
  nextSeq(): number
}>

/** One resource version as it was named and keyed. */
export type Named = Readonly<{ verb: Change['verb']; type: FhirResource['resourceType']; id: string; key: string }>

export type SealedMessage = Readonly<{
  /** Key records first, then data, seq ascending. */
  records: readonly Sealed[]
  /** The sealed resources, for the second check. */
  resources: readonly FhirResource[]
  named: readonly Named[]
  /** Pseudonyms of the people the message is about. */
  subjects: readonly string[]
}>

export type SealedOriginal = Readonly<{
  kid: string
  body: Uint8Array
  /** The S4 record (JSON) of a day key that is new since the last commit; else null. */
  keyRecord: string | null
}>

/** Names, seals and signs (SEALING.md). The only room with keys and ciphers. */
export interface Protector {
  /** Lower-case hex SHA-256 of the policy rows, header `cg-policy`. */
  readonly policy: string
  /** Throws Refusal (held: E_PRIVACY_NO_RULE, E_PRIVACY_SCAN, E_REFERENCE; never: E_RECORD_TOO_LARGE, E_TYPE). */
  seal(changes: readonly Change[], stamp: Stamp): SealedMessage
  /** The message sealed last is part of the coming transaction: its new keys and `ensure`s count from here on. */
  accept(): void
  /** It is not: its new keys and `ensure`s were never made. */
  discard(): void
  /** The transaction with every accepted message since the last call is on disk. */
  committed(): void
  /** It is not: keys and `ensure`s made since then count as never sent. */
  rolledBack(): void
  /** The pseudonym of a name, `p1-…` (SEALING S5). */
  idOf(type: string, name: Name): string
  seenControl(profile: string, messageId: string): Uint8Array
  seenContent(profile: string, bytes: Uint8Array): Uint8Array
  /** Seals a record's value under the box key of its UTC day, AAD over epoch, seq, topic and key (S6). */
  sealRow(record: Sealed, epoch: number): OutboxRow
  /** Throws GatewayError E_OUTBOX_ROW. */
  openRow(row: OutboxRow): Sealed
  /** The record marked as `cg-historical` and signed anew; under other numbers where they are given. Key records get no mark. */
  again(record: Sealed, numbers?: Readonly<{ epoch: number; seq: number }>): Sealed
  /** Forgets all data keys and what was ensured, as after a restart: what comes needs no key record of before. */
  renew(): void
  sealOriginal(id: number, bytes: Uint8Array): SealedOriginal
  /** Small values at rest: work list codes (`work`), device labels (`label`). */
  sealNote(use: 'work' | 'label', text: string): Uint8Array
  openNote(use: 'work' | 'label', sealed: Uint8Array): string
  /** A keyed MAC that finds a small value again. */
  mark(use: 'work' | 'label', text: string): Uint8Array
  /** b64u MAC of a device's secret or a client's token. */
  secretMac(kind: 'device' | 'client', id: string, secret: string): string
  /** What a positive answer may show: a MAC of the arrival number. */
  receipt(arrival: number): string
}

/** One message as it is written: everything of it in one transaction. */
export type Taken = Readonly<{
  no: number
  receivedAt: Ms
  source: string
  /** Profile or client name; for devices the hex of a MAC. */
  sender: string
  format: Arrival['format']
  outline: string
  state: 'kept' | 'held' | 'refused'
  rule: Code | null
  at: string | null
  mapping: string
  mode: 'live' | 'test'
  seen: Readonly<{ control: Uint8Array; content: Uint8Array }> | null
  original: SealedOriginal | null
  subjects: readonly string[]
  rows: readonly OutboxRow[]
  /** Data keys whose records are among the rows: their ids and whose they are (a pseudonym, or `tenant`). */
  keys?: readonly Readonly<{ kid: string; subject: string }>[]
  /** `Type/id` of replaceable state resources (Patient, Encounter, AllergyIntolerance …), for late release. */
  heads: readonly string[]
  snapshots: readonly Readonly<{ list: string; ids: readonly string[] }>[]
  /** Merges. `to` null: into nobody (any more), but what is said of `from` went out under other keys too (resend). */
  links: readonly Readonly<{ from: string; to: string | null }>[]
  work: readonly Readonly<{ at: string; mark: Uint8Array; code: Uint8Array }>[]
}>

export type SeenRow = Readonly<{ arrival: number; state: 'kept' | 'held'; sameContent: boolean }>
export type HeldRow = Readonly<
  Pick<Taken, 'no' | 'receivedAt' | 'source' | 'sender' | 'outline'> & { rule: Code; at: string }
>
/** What an uplink's cursor is tied to: a cluster, and the partition count of each topic as it was when it was first seen. */
export type Attachment = Readonly<{ cluster: string | null; partitions: Readonly<Record<string, number>> }>

/**
 * Where an uplink stands in the log. Rows up to `through` are sent, except those of `history` and the parked ones.
 * `history` counts rows that wait in old parts of the log, which are sent beside what is new.
 */
export type CursorRow = Readonly<{ uplink: string; through: number; parked: number; history: number }> & Attachment

/**
 * The two streams of an uplink. `live`: what is above its cursor. `history`: old parts of the log that were left behind
 * after a long outage, so that new rows need not wait; they carry `cg-historical` and an older epoch.
 */
export type Stream = 'live' | 'history'

/** A row that waits for a person, as `outbox list` shows it: numbers and names only. */
export type ParkedRow = Readonly<{
  uplink: string
  seq: number
  topic: string
  key: string
  code: Code
  at: Ms
  bytes: number
}>

/** A row of the log as `outbox show` tells of it: everything but its value. */
export type LoggedRow = Omit<OutboxRow, 'value'> &
  Readonly<{
    /** When its message arrived, or, for a row sent again, about when that was; null where nobody knows. */
    at: Ms | null
    /** The uplinks that it is for, with commas between; null = all. */
    onlyFor: string | null
    bytes: number
    /** Bytes of its value at rest; null where it has none. */
    sealedBytes: number | null
    parked: readonly Readonly<{ uplink: string; code: Code; at: Ms }>[]
  }>

/** A row that goes out again: the number it had, and the row as it is written now, under a new one. */
export type Again = Readonly<{ was: number; row: OutboxRow }>

/** A place in the log: a number, or a time of arrival. */
export type Place = Readonly<{ seq: number } | { at: Ms }>

/** Which sent rows are asked for again: `to` null = all since; `key` null = all keys. */
export type Span = Readonly<{ from: Place; to: Place | null; key: string | null }>

/** What is left of a `Span`: rows `next` to `last`; before `first` key records only. `rows` went out again so far. */
export type ResendJob = Readonly<{
  id: number
  uplink: string
  next: number
  first: number
  last: number
  key: string | null
  rows: number
}>

/** Rows of a job to be sent again, and where it goes on after them. */
export type ResendPage = Readonly<{ job: ResendJob; rows: readonly OutboxRow[]; next: number }>

/** Rows that an uplink has not got and will not get, since they have gone: between `first` and `last`. */
export type Gap = Readonly<{ uplink: string; first: number; last: number; at: Ms }>

export type StoreStatus = Readonly<{
  epoch: number
  arrivals: number
  seq: number
  pending: number
  pendingBytes: number
  usedBytes: number
  budget: number
  /** False while a usual message would be turned away: over budget, or the disk is short (`data.freeFloor`, ballast). */
  room: boolean
  oldestPendingAt: Ms | null
  held: number
  /** Bytes that the held messages take, and their share of the budget. */
  heldBytes: number
  heldBudget: number
  worklist: number
  cursors: readonly CursorRow[]
  /** Sent rows that the box still keeps, their bytes, and when the oldest of them arrived. */
  sent: Readonly<{ rows: number; bytes: number; since: Ms | null }>
  /** The uplink that is in use where one stands by for another; null where each gets everything. */
  active: string | null
  /** Those that nobody has accepted yet. */
  gaps: readonly Gap[]
  /** Hours until the box is full if nothing is sent, as messages came in the last hour; null where they did not. */
  hoursLeft: number | null
}>

/** SQLite. Never sees a key or a clear value. */
export interface Store {
  readonly epoch: number
  /** True when the mark outside the database showed lost rows and a new epoch was begun. */
  readonly newEpoch: boolean
  /** The highest numbers ever used. */
  counters(): Readonly<{ arrival: number; seq: number }>
  seen(control: Uint8Array, content: Uint8Array): SeenRow | null
  snapshot(list: string): readonly string[]
  /** Where a merged person went; null = nowhere. */
  link(from: string): string | null
  /**
   * One BEGIN IMMEDIATE … COMMIT with one sync. Throws GatewayError E_FULL (over budget or SQLITE_FULL; nothing written),
   * E_DISK (a sync or write failed: the process must end, never try again), E_DATABASE (constraint: bisect),
   * E_HELD_QUOTA (its held messages pass `heldRoom`; nothing written).
   */
  take(batch: readonly Taken[]): void
  /** Bytes that messages may still be held in; a held message takes the length of its sealed original and `limits.arrivalRowBytes`. */
  heldRoom(): number
  /** Rows of a stream (absent: live) of the uplink, in order, of which the mark file covers all: where it cannot, on a full disk, fewer. */
  peek(uplink: string, maxRows: number, maxBytes: number, stream?: Stream): readonly OutboxRow[]
  /** Moves the cursor, or the begin of the oldest history part, past what was delivered; parks what is unsendable. */
  settle(uplink: string, outcomes: readonly Outcome[], stream?: Stream): void
  cursor(uplink: string): CursorRow
  /** True: it is another cluster than the uplink had before. What it lacks of key records goes again by itself. */
  attach(uplink: string, to: Attachment): boolean
  acceptGap(uplink: string): void
  /**
   * Where the oldest row above the uplink's cursor is older than `olderThan`: begins a new epoch, leaves all rows above the
   * cursor behind as a history part, and moves the cursor to the end of the log. Returns whether it did. The caller renews
   * the protector, since the rows of an epoch must not need key records of another one.
   */
  leaveBehind(uplink: string, olderThan: Ms): boolean
  /** Moves the cursor of an uplink that stands by to where `of` was `lagMs` before its last delivery (standby). */
  follow(uplink: string, of: string, lagMs: Ms): void
  /** Remembers which uplink is in use; audited. */
  activate(uplink: string, who: string, at: Ms): void
  /** Parked rows, of one uplink or of all. */
  parked(limit: number, uplink: string | null): readonly ParkedRow[]
  logged(seq: number): LoggedRow | null
  /** Old parts of the log that wait, of all uplinks, the oldest first. */
  history(): readonly Readonly<{ uplink: string; first: number; last: number }>[]
  /** Rows above the uplink's cursor. */
  waiting(uplink: string): number
  /** Rows parked for the uplink above a number, in order. */
  parkedRows(uplink: string, after: number, maxRows: number, maxBytes: number): readonly OutboxRow[]
  /** Writes parked rows anew and takes them off the list; audited. Throws GatewayError E_FULL. */
  retry(uplink: string, again: readonly Again[], who: string, at: Ms): void
  /**
   * Begins to send rows again that the uplink was sent; audited. Returns from where on and how many there are, at most.
   * Throws GatewayError E_USAGE where none is there.
   */
  resend(uplink: string, span: Span, who: string, at: Ms): Readonly<{ from: number; to: number; rows: number }>
  /** Ends what `resend` began; returns how many jobs that were. */
  stopResend(uplink: string, who: string, at: Ms): number
  resends(): readonly ResendJob[]
  /** The next rows of the oldest job of the uplink, null where it has none; a page may be empty and its job go on. */
  resendPage(uplink: string, maxRows: number, maxBytes: number): ResendPage | null
  /** Writes the rows of a page anew and goes on; audited when the job ends. Throws GatewayError E_FULL. */
  resent(page: ResendPage, again: readonly Again[]): void
  heldList(limit: number): readonly HeldRow[]
  /** Ends a held message by decision of a person; audited. False: no such message is held. */
  dropHeld(no: number, who: string, at: Ms): boolean
  work(limit: number): readonly Readonly<{ sender: string; at: string; code: Uint8Array; count: number }>[]
  deviceRows(): readonly Readonly<{ mac: Uint8Array; label: Uint8Array; secret: string; worn: readonly Wearing[] }>[]
  clientRows(): readonly Readonly<{ name: string; token: string; scopes: readonly string[] }>[]
  putDevice(mac: Uint8Array, label: Uint8Array, secret: string, who: string, at: Ms): void
  putClient(name: string, token: string, scopes: readonly string[], who: string, at: Ms): void
  /** Ends the running period at `from` and begins a new one; refuses overlap with GatewayError E_USAGE. */
  assign(mac: Uint8Array, wearer: string, from: Ms, who: string, at: Ms): void
  audit(actor: string, act: string, object: string, outcome: string, at: Ms): void
  status(): StoreStatus
  /**
   * Housekeeping in small steps: expired originals, refused messages, old `seen`, delivered rows beyond age or space, free
   * pages. Never throws E_FULL: what a full disk does not allow waits for the next time. True: the time was too short.
   */
  tidy(now: Ms, budgetMs: Ms): boolean
  close(): void
}

// ---------------------------------------------------------------- main thread, the way out

/** Three calls; back-off and order are the drain's. */
export interface Uplink {
  readonly name: string
  /**
   * Connects and checks the far side's settings. `known` = what this uplink's cursor is tied to, `cluster` null and no
   * partitions before the first time; resolves with what it is tied to from now on. A topic keeps the partition count it
   * was first seen with, so that a key keeps its partition; where the cluster has fewer now, the topic is a new one and
   * counts anew. Rejects with GatewayError E_UPLINK_*.
   */
  connect(known: Attachment): Promise<Attachment>
  /**
   * Sends rows (final bytes, seq ascending), key lane first. Never rejects. `delivered`: all but the `unsendable` are
   * acknowledged. `again`: the caller gives the same rows again. `unsendable` alone: it parks those, then gives the rest.
   */
  send(rows: readonly Sealed[]): Promise<readonly Outcome[]>
  /** What a person should see to while the uplink works, by code and place. Absent: there never is anything. */
  warnings?(): readonly Readonly<{ code: Code; at: string }>[]
  close(): Promise<void>
}

// ---------------------------------------------------------------- main thread ↔ engine thread

/** Changes that a person asks for, through the admin API or the command line. */
export type Command = Readonly<
  | { do: 'held.list' }
  | { do: 'held.show'; no: number }
  | { do: 'held.drop'; no: number }
  | { do: 'device.add'; id: string; format: string | null; test: boolean }
  | { do: 'device.assign'; id: string; authority: string; value: string; from: Ms }
  | { do: 'device.list' }
  | { do: 'client.add'; name: string; scopes: readonly string[] }
  | { do: 'client.list' }
  | { do: 'codes.list' }
  | { do: 'outbox.list' }
  | { do: 'outbox.show'; seq: number }
  /** Parked rows go out again under new numbers: one, or all of an uplink. */
  | { do: 'outbox.retry'; uplink: string; seq: number | null }
  /** Sent rows go out again under new numbers. */
  | ({ do: 'outbox.resend'; uplink: string } & Span)
  | { do: 'outbox.stop'; uplink: string }
  | { do: 'uplink.list' }
  /** The uplink becomes the one in use (standby). */
  | { do: 'uplink.switch'; uplink: string }
  /** Forgets cluster and partition counts of the uplink: what it finds next is right. Its gap is known. */
  | { do: 'uplink.accept'; uplink: string }
>

export type Ask = Readonly<
  | { ask: 'take'; arrivals: readonly Arrival[] }
  | { ask: 'hold'; arrival: Arrival }
  | { ask: 'peek'; uplink: string; maxRows: number; maxBytes: number; stream?: Stream }
  | { ask: 'settle'; uplink: string; outcomes: readonly Outcome[]; stream?: Stream }
  | { ask: 'cursor'; uplink: string }
  | { ask: 'attach'; uplink: string; to: Attachment }
  /** After an outage: leaves old rows behind as history; answers whether it did. `moreMs`: how much older they must be. */
  | { ask: 'leaveBehind'; uplink: string; moreMs?: Ms }
  | { ask: 'follow'; uplink: string; of: string; lagMs: Ms }
  | { ask: 'activate'; uplink: string; who: string }
  | { ask: 'do'; who: string; command: Command }
  | { ask: 'status' }
  /** These sender profiles count from the next message on. */
  | { ask: 'reload'; senders: readonly SenderProfile[] }
  | { ask: 'tidy'; budgetMs: Ms }
  | { ask: 'stop' }
>
