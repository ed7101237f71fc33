/** What lies on the box's own disk: sealed once more under the box key, or kept as a keyed MAC (SEALING S6). */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { OutboxRow, Sealed } from '../records.ts'
import { secretMac } from './authenticate.ts'
import { aeadOpen, aeadSeal, b64u, hmac, lp } from './format.ts'
import { boxSub } from './keys.ts'

type NoteUse = 'work' | 'label'

/** Days whose key stays derived: today's, and those an uplink is catching up with. */
const daysInMemory = 8

export type BoxOptions = Readonly<{ boxKey: Uint8Array; nonce: () => Uint8Array; today: () => string }>

export class Box {
  readonly #boxKey: Uint8Array
  readonly #nonce: () => Uint8Array
  readonly #today: () => string
  readonly #days = new Map<string, KeyObject>()
  readonly #subs = new Map<string, KeyObject>()

  constructor({ boxKey, nonce, today }: BoxOptions) {
    this.#boxKey = boxKey
    this.#nonce = nonce
    this.#today = today
  }

  /** The record with its value under the key of today (UTC). */
  sealRow(record: Sealed, epoch: number): OutboxRow {
    const day = this.#today()
    const value = record.value && aeadSeal(this.#dayKey(day), record.value, rowAad(record, epoch), this.#nonce())
    return { ...record, value, epoch, day }
  }

  /** Throws GatewayError E_OUTBOX_ROW when the row is not exactly what was sealed. */
  openRow(row: OutboxRow): Sealed {
    const { epoch, day, ...record } = row
    if (row.value === null) return record
    const value = aeadOpen(this.#dayKey(day), row.value, rowAad(record, epoch))
    if (!value) throw new GatewayError('E_OUTBOX_ROW', `seq ${row.seq}`)
    return { ...record, value }
  }

  seenControl(profile: string, messageId: string): Uint8Array {
    return hmac(this.#sub('seen'), lp('seen-1', profile, messageId)).subarray(0, 16)
  }

  seenContent(profile: string, bytes: Uint8Array): Uint8Array {
    return hmac(this.#sub('seen'), `${lp('content-1', profile)}|`, bytes).subarray(0, 16)
  }

  sealNote(use: NoteUse, text: string): Uint8Array {
    return aeadSeal(this.#sub(use), text, lp('n1', use), this.#nonce())
  }

  /** Throws GatewayError E_SEAL_OPEN_FAILED. */
  openNote(use: NoteUse, sealed: Uint8Array): string {
    const text = aeadOpen(this.#sub(use), sealed, lp('n1', use))
    if (!text) throw new GatewayError('E_SEAL_OPEN_FAILED', use)
    return text.toString()
  }

  /** 16 bytes that find a small value again. */
  mark(use: NoteUse, text: string): Uint8Array {
    return hmac(this.#sub('mark'), lp('mark-1', use, text)).subarray(0, 16)
  }

  secretMac(kind: 'device' | 'client', id: string, secret: string): string {
    return secretMac(this.#sub('auth'), kind, id, secret)
  }

  /** 22 letters that say nothing to who does not hold the box key. */
  receipt(arrival: number): string {
    return b64u(hmac(this.#sub('receipt'), lp('receipt-1', arrival)).subarray(0, 16))
  }

  /** Header `ce_id` (DESIGN §4): `parts` = content MAC, epoch, arrival, release, Type/id, key, chunk. */
  eventId(...parts: readonly (string | number)[]): string {
    return b64u(hmac(this.#sub('event'), lp(...parts)).subarray(0, 16))
  }

  /** A MAC of what an `ensure` says, for the memory of what was sent. */
  ensureMac(...parts: readonly string[]): string {
    return b64u(hmac(this.#sub('ensure'), lp(...parts)).subarray(0, 16))
  }

  #sub(label: string): KeyObject {
    return kept(this.#subs, label, () => createSecretKey(boxSub(this.#boxKey, label)))
  }

  #dayKey(day: string): KeyObject {
    if (this.#days.size > daysInMemory) this.#days.clear()
    return kept(this.#days, day, () => createSecretKey(boxSub(this.#boxKey, `outbox/${day}`)))
  }
}

function rowAad(record: Pick<Sealed, 'seq' | 'topic' | 'key'>, epoch: number): string {
  return lp('o1', epoch, record.seq, record.topic, record.key)
}

function kept<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key)
  if (known) return known
  const made = make()
  map.set(key, made)
  return made
}
