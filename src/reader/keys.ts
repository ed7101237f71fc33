/** The data keys that key records bring (SEALING S4), and what takes them away again: tombstones and erasure (S8). */
import { createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { isObject, type JsonObject, readJson } from '../fhir/json.ts'
import { type KeyRecord, keyRecordHead, keyRecordSigningInput, kidOf } from '../protect/format.ts'
import { fromB64u } from './encoding.ts'
import { isDemo, type Kek, type KekOptions, readReaderFolder } from './kek.ts'
import { isSignature, type KnownGateway, type ReaderRecord } from './signature.ts'

/** A data key, ready to open tokens of one tenant. */
export type DataKey = Readonly<{ kid: string; tenant: string; key: KeyObject }>

/** What a record of `<prefix>.keys` did. */
export type KeyNews = Readonly<
  | { kind: 'key'; kid: string }
  | { kind: 'gone'; kid: string }
  | { kind: 'erased'; subject: string }
  | { kind: 'ignored' }
>

/** A key record whose signature is good; it is unwrapped when it is first needed (RSA takes milliseconds). */
type Held = { readonly record: KeyRecord; readonly kek: Kek; dataKey: DataKey | null }

const ignored: KeyNews = { kind: 'ignored' }
const claims = ['kid', 'tenant', 'subject', 'notBefore', 'notAfter', 'kekId', 'gateway', 'wrapped', 'sig'] as const
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

export type KeysOptions = Readonly<{ keks: readonly Kek[]; gateways: readonly KnownGateway[]; allowDemo?: boolean }>

/**
 * Keeps one small record per data key that was not taken away. What does not fit is ignored and counted in `refused`:
 * an unknown gateway's record, another tenant's, one for a KEK that is not here, one that does not unwrap.
 */
export class ReaderKeys {
  readonly gateways: readonly KnownGateway[]
  readonly #keks: ReadonlyMap<string, Kek>
  readonly #allowDemo: boolean
  readonly #held = new Map<string, Held[]>()
  readonly #erasedAt = new Map<string, string>()
  #refused = 0

  constructor({ keks, gateways, allowDemo = false }: KeysOptions) {
    this.gateways = gateways
    this.#keks = new Map(keks.map(kek => [kek.kekId, kek]))
    this.#allowDemo = allowDemo
  }

  /** Opens a consumer's folder (`kek-….private.json`, `gateways.json`). Throws GatewayError E_KEYS, E_DEMO_KEY. */
  static fromFolder(dir: string, options: KekOptions = {}): ReaderKeys {
    return new ReaderKeys({ ...readReaderFolder(dir, options), allowDemo: options.allowDemo ?? false })
  }

  /** Key records that were ignored. */
  get refused(): number {
    return this.#refused
  }

  /** Takes a record of the keys topic whose `cg-sig` is `signer`'s. */
  take({ key, value }: ReaderRecord, signer: KnownGateway): KeyNews {
    if (value === null) return this.#drop(key, signer)
    const content = contentOf(value)
    const news =
      content && (content.v === 'erase1' ? this.#erase(key, content, signer) : this.#add(key, content, signer))
    if (news) return news
    this.#refused += 1
    return ignored
  }

  /** The data key of that id, or null while none is known. */
  get(kid: string): DataKey | null {
    const held = this.#held.get(kid) ?? []
    for (const one of held) {
      one.dataKey ??= unwrap(one)
      if (one.dataKey) return one.dataKey
    }
    if (held.length > 0) this.#held.delete(kid)
    this.#refused += held.length
    return null
  }

  #add(key: string, content: JsonObject, signer: KnownGateway): KeyNews | null {
    const record = asKeyRecord(content)
    const kek = record && this.#keks.get(record.kekId)
    if (!record || !kek || record.kid !== key || !this.#isTrusted(record, signer)) return null
    if (record.notBefore <= (this.#erasedAt.get(subjectKey(record)) ?? '')) return ignored
    const held = this.#held.get(key) ?? []
    if (held.some(one => one.record.wrapped === record.wrapped)) return ignored
    this.#held.set(key, [...held, { record, kek, dataKey: null }])
    return { kind: 'key', kid: key }
  }

  #isTrusted(record: KeyRecord, signer: KnownGateway): boolean {
    if (isDemo(record.kekId) && !this.#allowDemo) return false
    if (record.tenant !== signer.tenant) return false
    const wrapped = fromB64u(record.wrapped)
    if (!wrapped) return false
    const text = keyRecordSigningInput(keyRecordHead(record), wrapped)
    return this.gateways.some(
      ({ tenant, gateway, publicKey }) =>
        tenant === record.tenant && gateway === record.gateway && isSignature(text, record.sig, publicKey),
    )
  }

  #drop(kid: string, signer: KnownGateway): KeyNews {
    const held = this.#held.get(kid)
    if (held?.some(({ record }) => record.tenant !== signer.tenant)) return ignored
    this.#held.delete(kid)
    return { kind: 'gone', kid }
  }

  /**
   * The subject's keys made up to that second are gone, whether they came before the marker or come after it; the next
   * one is made a second later at least (S8). So the marker may overtake keys, and keys the marker.
   */
  #erase(key: string, { subject, at }: JsonObject, { tenant }: KnownGateway): KeyNews | null {
    if (typeof subject !== 'string' || key !== `erase/${subject}` || typeof at !== 'string' || !instant.test(at)) {
      return null
    }
    const place = subjectKey({ tenant, subject })
    if (at > (this.#erasedAt.get(place) ?? '')) this.#erasedAt.set(place, at)
    for (const [kid, held] of this.#held) {
      if (held.some(({ record }) => subjectKey(record) === place && record.notBefore <= at)) this.#held.delete(kid)
    }
    return { kind: 'erased', subject }
  }
}

function subjectKey({ tenant, subject }: { tenant: string; subject: string }): string {
  return `${tenant} ${subject}`
}

function contentOf(value: Uint8Array): JsonObject | null {
  try {
    const content = readJson(value)
    return isObject(content) ? content : null
  } catch {
    return null
  }
}

function asKeyRecord(content: JsonObject): KeyRecord | null {
  const { v, alg, wrapAlg, notBefore, notAfter } = content
  if (v !== 'k1' || alg !== 'A256GCM' || wrapAlg !== 'RSA-OAEP-256') return null
  if (claims.some(name => typeof content[name] !== 'string')) return null
  if (!instant.test(notBefore as string) || !instant.test(notAfter as string)) return null
  return content as unknown as KeyRecord
}

/** `DEK|head`: the key counts only with the head that its record has, and the kid that it makes itself (S4). */
function unwrap({ record, kek }: Held): DataKey | null {
  const plain = kek.unwrap(fromB64u(record.wrapped) ?? Buffer.alloc(0))
  if (plain?.length !== 64) return null
  const dek = plain.subarray(0, 32)
  const isOurs = timingSafeEqual(plain.subarray(32), keyRecordHead(record)) && kidOf(dek) === record.kid
  const key = isOurs ? createSecretKey(dek) : null
  plain.fill(0)
  return key && { kid: record.kid, tenant: record.tenant, key }
}
