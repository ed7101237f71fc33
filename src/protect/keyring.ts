/**
 * Data keys: one per subject and at most 24 hours, in memory only, new at each start (SEALING S1). Each is wrapped to a
 * public key that the box cannot open, in a signed key record (S4).
 */
import { constants, createSecretKey, type KeyObject, publicEncrypt, sign } from 'node:crypto'
import type { Environment } from '../environment.ts'
import { limits } from '../limits.ts'
import type { Ms } from '../records.ts'
import { aeadSeal, b64u, type KeyRecord, keyRecordHead, keyRecordSigningInput, kidOf } from './format.ts'
import type { PublicCard } from './keys.ts'

export type KeyringOptions = Readonly<{
  tenant: string
  gateway: string
  card: PublicCard
  signing: KeyObject
  environment: Environment
  nonce: () => Uint8Array
}>

/** A data key in use. `written`: its key record is on disk, so that it need not travel with messages any more. */
export type DataKey = { readonly kid: string; readonly record: string; readonly seal: Seal; written: boolean }

type Seal = (plain: string | Uint8Array, aad: string) => Buffer
type Entry = { key: DataKey; madeAt: Ms; uses: number }

export class Keyring {
  readonly #options: KeyringOptions
  readonly #entries = new Map<string, Entry>()

  constructor(options: KeyringOptions) {
    this.#options = options
  }

  /** The subject's key: the one in use, or a new one after 24 hours or 2^28 uses. The least used subjects fall out. */
  keyFor(subject: string): DataKey {
    const known = this.#entries.get(subject)
    this.#entries.delete(subject)
    const entry = known && this.#usable(known) ? known : this.#make(subject)
    this.#entries.set(subject, entry)
    if (this.#entries.size > limits.dataKeysInMemory) this.#entries.delete(this.#entries.keys().next().value!)
    return entry.key
  }

  /** Forgets every key; the next use of each subject makes a new one. */
  forget(): void {
    this.#entries.clear()
  }

  #usable({ madeAt, uses }: Entry): boolean {
    return Math.abs(this.#options.environment.now() - madeAt) < limits.dataKeyMs && uses < limits.dataKeyUses
  }

  #make(subject: string): Entry {
    const { environment, nonce } = this.#options
    const dek = environment.random(32)
    const madeAt = environment.now()
    const kid = kidOf(dek)
    const secret = createSecretKey(dek)
    const seal: Seal = (plain, aad) => {
      entry.uses += 1
      return aeadSeal(secret, plain, aad, nonce())
    }
    const record = JSON.stringify(this.#record(kid, dek, subject, madeAt))
    const entry: Entry = { key: { kid, record, seal, written: false }, madeAt, uses: 0 }
    dek.fill(0)
    return entry
  }

  #record(kid: string, dek: Uint8Array, subject: string, madeAt: Ms): KeyRecord {
    const { tenant, gateway, card, signing } = this.#options
    const claims = {
      v: 'k1',
      kid,
      tenant,
      subject,
      notBefore: utcSecond(madeAt),
      notAfter: utcSecond(madeAt + limits.dataKeyMs),
      alg: 'A256GCM',
      wrapAlg: 'RSA-OAEP-256',
      kekId: card.kekId,
      gateway,
    } as const
    const head = keyRecordHead(claims)
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    const wrapped = publicEncrypt({ key: card.publicKey, ...padding }, Buffer.concat([dek, head]))
    const sig = b64u(sign(null, Buffer.from(keyRecordSigningInput(head, wrapped)), signing))
    return { ...claims, wrapped: b64u(wrapped), sig }
  }
}

/** `YYYY-MM-DDThh:mm:ssZ`, rounded down. */
function utcSecond(at: Ms): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}
