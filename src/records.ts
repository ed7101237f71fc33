/**
 * The five records, one per stage of the straight line, and the answer that goes back (docs/internals/architecture.md):
 *
 *   Source ─Arrival→ intake → engine( translate ─Translated→ check → seal ─Sealed→ check → store.take ) ─Verdict→ Source
 *   drain( store.peek ─OutboxRow→ uplink.send ─Outcome→ store.settle )
 *
 * This file imports nothing but FHIR's types, and everything else may import it.
 */
import type { FhirResource } from 'fhir/r4.js'

export type { FhirResource }

/** Milliseconds: a point in time is milliseconds since 1970 UTC. */
export type Ms = number

/** An error code, one of src/errors.ts. */
export type Code = `E_${string}`

/** A business identifier in clear (authority and value). Lives in memory only, never on a disk or in a log. */
export type Identity = Readonly<{ system: string; value: string }>

/** Somebody or something that the gateway has named before: the wearer of a device is stored as pseudonym only. */
export type Pseudonym = Readonly<{ pseudonym: string }>

export type Name = Identity | Pseudonym

/** One finding: the rule and the place (HL7 location such as `PID-3.4`, JSON path, MQTT topic level), never a value. */
export type Issue = Readonly<{ code: Code; at: string }>

/** 1. A message as it came off the wire. */
export type Arrival = Readonly<{
  /** Name of the source: `mllp`, `mqtt`, `fhir`. */
  source: string
  /** Sender profile, device id or client name, as authenticated; never what the message claims. */
  sender: string
  format: 'hl7v2' | 'measurement' | 'fhir'
  /** The sender's own id of the message: MSH-10, Idempotency-Key; null where the wire has none. */
  messageId: string | null
  mode: 'live' | 'test'
  receivedAt: Ms
  clockTrusted: boolean
  /** Facts of the wire that the translator needs, for example `{ payload: 'omh' }` or `{ interaction: 'transaction' }`. */
  meta: Readonly<Record<string, string>>
  bytes: Uint8Array<ArrayBuffer>
}>

/**
 * What a message says about one resource.
 *
 * `resource.id` is local to the message, and so are references: relative (`Patient/patient`), to another change of the
 * same message. Only the Protector turns names into ids.
 */
export type Change = Readonly<{
  /** `replace`: the sender knows the whole resource. `ensure`: create if absent, never overwrite. `delete`: it is gone. */
  verb: 'replace' | 'ensure' | 'delete'
  resource: FhirResource
  /** Candidates for the resource's identity, the best first; the first one names it. */
  identity: readonly Name[]
  /** The person it is about; null for practitioners, places, organisations and devices. */
  subject: Name | null
  /** Further people under whose Kafka key the same version goes out (a merge link). */
  alsoFor?: readonly Name[]
  /** People that this Patient is not one person with, whatever was said before: a merge into one of them is undone. */
  unlinks?: readonly Name[]
}>

/**
 * "This message names every resource of this type that this person has": those not named are gone (AL1, HL7 v2.5 §3.4.6).
 * `part`: it names only the list `of` (the diagnoses of one visit, the next of kin), whose members are `names`.
 */
export type Snapshot = Readonly<{
  type: FhirResource['resourceType']
  subject: Name
  part?: Readonly<{ of: string; names: readonly Name[] }>
}>

/** A local code without a mapping, for the work list. The code is clear and lives in memory only. */
export type Unmapped = Readonly<{ at: string; system: string; code: string }>

/** 2. What the message means, in the order in which readers shall see it. */
export type Translated = Readonly<{
  changes: readonly Change[]
  snapshots: readonly Snapshot[]
  /** What was left out or guessed. */
  issues: readonly Issue[]
  unmapped: readonly Unmapped[]
  /** True when the same bytes from the same sender are the same event, so that a repeat is answered from the first. */
  repeatable: boolean
  /** Version of the mapping that made it, for example `hl7v2/1`. */
  mapping: string
}>

export type Lane = 'key' | 'data' | 'audit'

/** 3. One Kafka record in its final bytes. `headers` is a JSON object of strings, in sending order. */
export type Sealed = Readonly<{
  seq: number
  lane: Lane
  topic: string
  key: string
  headers: string
  value: Uint8Array | null
}>

/** 4. The record as the outbox log holds it: `value` is sealed once more under the box key of that UTC day (`YYYY-MM-DD`). */
export type OutboxRow = Sealed & Readonly<{ epoch: number; day: string }>

/** 5. What became of rows given to an uplink. `cause` and `advice` of `again`: what the far side said and what to change. */
export type Outcome = Readonly<
  | { kind: 'delivered'; through: number }
  | { kind: 'again'; code: Code; waitMs: Ms; at?: string; cause?: string; advice?: string }
  | { kind: 'unsendable'; seq: number; code: Code }
>

/** The answer for the sender. `kept`, `held` and `same`: it is ours and on disk. `never` and `later`: it is still the sender's. */
export type Verdict = Readonly<
  | { kind: 'kept' | 'held'; issues: readonly Issue[]; receipt: string }
  | { kind: 'same'; as: 'kept' | 'held'; receipt: string }
  | { kind: 'never'; issues: readonly Issue[] }
  | { kind: 'later'; code: Code }
>
