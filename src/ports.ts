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

// ---------------------------------------------------------------- who may talk to us, and what we know of them

/** One HL7 sender (DESIGN: sender = listener + certificate or address range, never MSH-3 alone). */
export type SenderProfile = Readonly<{
  name: string
  /** CIDR ranges that connections of this sender come from. */
  addresses: readonly string[]
  /** IANA zone of the sender's clock; required, because HL7 times without one cannot be FHIR. */
  zone: string
  /** HL7 table 0211 name used when MSH-18 is empty or unknown. */
  charset: string
  /** Which repetition of PID-3 identifies the patient: by assigning authority, or by identifier type (table 0203). */
  identifying: Readonly<{ authority?: string; type?: string }>
  /** PID-3.4 as sent (namespace, OID or the whole HD) → the authority's URI (`urn:oid:…`, `https://…`). */
  authorities: Readonly<Record<string, string>>
  /** `snapshot`: the sender knows the whole patient. `delta`: it sends parts; its ADT never replaces a patient, visit or allergy. */
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

export interface Source {
  readonly name: string
  /** Binds the listener. Resolves with the bound address `host:port`; rejects with GatewayError E_PORT_BUSY. */
  start(): Promise<string>
  /** Stops reading, answers what is in flight, closes. */
  stop(): Promise<void>
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
  links: readonly Readonly<{ from: string; to: string }>[]
  work: readonly Readonly<{ at: string; mark: Uint8Array; code: Uint8Array }>[]
}>

export type SeenRow = Readonly<{ arrival: number; state: 'kept' | 'held'; sameContent: boolean }>
export type HeldRow = Readonly<{
  no: number
  receivedAt: Ms
  source: string
  sender: string
  outline: string
  rule: Code
  at: string
}>
export type CursorRow = Readonly<{ uplink: string; cluster: string | null; through: number; parked: number }>
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
  /** Rows above the uplink's cursor, in order, of which the mark file covers all: where it cannot, on a full disk, fewer. */
  peek(uplink: string, maxRows: number, maxBytes: number): readonly OutboxRow[]
  settle(uplink: string, outcomes: readonly Outcome[]): void
  cursor(uplink: string): CursorRow
  setCluster(uplink: string, cluster: string): void
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
   * pages. Never throws E_FULL: what a full disk does not allow waits for the next time.
   */
  tidy(now: Ms, budgetMs: Ms): void
  close(): void
}

// ---------------------------------------------------------------- main thread, the way out

/** Three calls; back-off and order are the drain's. */
export interface Uplink {
  readonly name: string
  /**
   * Connects and checks the far side's settings. `cluster` = the cluster this uplink's cursor belongs to, null before
   * the first time; resolves with the cluster found (null where there is no such thing). Rejects with GatewayError E_UPLINK_*.
   */
  connect(cluster: string | null): Promise<string | null>
  /**
   * Sends rows (final bytes, seq ascending), key lane first, and resolves when they are acknowledged. After `again` the
   * caller gives the same rows again. Never rejects. Rows named `unsendable` are parked; all others are delivered.
   */
  send(rows: readonly Sealed[]): Promise<readonly Outcome[]>
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
>

export type Ask = Readonly<
  | { ask: 'take'; arrivals: readonly Arrival[] }
  | { ask: 'hold'; arrival: Arrival }
  | { ask: 'peek'; uplink: string; maxRows: number; maxBytes: number }
  | { ask: 'settle'; uplink: string; outcomes: readonly Outcome[] }
  | { ask: 'cursor'; uplink: string; cluster: string | null }
  | { ask: 'do'; who: string; command: Command }
  | { ask: 'status' }
  | { ask: 'tidy'; budgetMs: Ms }
  | { ask: 'stop' }
>
