/**
 * The messages as they came, sealed to the replay key (SEALING S7): the box writes them and cannot read them again until
 * a named person unlocks that key.
 */
import type { SealedOriginal } from '../ports.ts'
import { lp, padBlob } from './format.ts'
import { type DataKey, Keyring, type KeyringOptions } from './keyring.ts'

/** The key record's subject: such a key never leaves the box. */
const subject = 'local'

export class Originals {
  readonly #keyring: Keyring
  readonly #tenant: string
  readonly #gateway: string
  #unwritten = new Set<DataKey>()

  /** `options.card`: the replay public key. */
  constructor(options: KeyringOptions) {
    this.#keyring = new Keyring(options)
    this.#tenant = options.tenant
    this.#gateway = options.gateway
  }

  /** Seals the bytes of arrival `id` under the day's key. */
  seal(id: number, bytes: Uint8Array): SealedOriginal {
    const key = this.#keyring.keyFor(subject)
    if (!key.written) this.#unwritten.add(key)
    const body = key.seal(padBlob(bytes), lp('r1', this.#tenant, this.#gateway, id, key.kid))
    return { kid: key.kid, body, keyRecord: key.written ? null : key.record }
  }

  committed(): void {
    for (const key of this.#unwritten) key.written = true
    this.#unwritten.clear()
  }

  rolledBack(): void {
    this.#unwritten.clear()
  }
}
