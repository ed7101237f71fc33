/** Private key-encryption keys: what a consumer holds, and nobody else (SEALING S1, S10). */
import { constants, createPrivateKey, type KeyObject, privateDecrypt, scryptSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../errors.ts'
import { lp } from '../lp.ts'
import { aeadOpen } from '../protect/format.ts'
import { fromB64u, fromBase64 } from './encoding.ts'
import { type KnownGateway, readCards } from './signature.ts'

/** A private key that unwraps data keys. `unwrap` returns null where the bytes do not fit. */
export type Kek = Readonly<{ kekId: string; purpose: string; unwrap(wrapped: Uint8Array): Buffer | null }>

export type KekOptions = Readonly<{
  /** Take throw-away keys (`purpose: demo`). */
  allowDemo?: boolean
  /** Passphrase of the ceremony's form. */
  passphrase?: string
}>

type Kdf = Readonly<{ name: string; N: number; r: number; p: number; salt: string }>
type PrivateFile = Readonly<{ v?: string; kekId?: string; purpose?: string; pkcs8?: string; kdf?: Kdf; box?: string }>

/** A file cannot ask scrypt for more memory than this. */
const mostMemory = 2 ** 30

/**
 * Reads what a consumer holds in one folder: every `*.private.json` and `gateways.json`.
 * Throws GatewayError E_KEYS (missing, not of the form, wrong passphrase), E_DEMO_KEY (demo key without `allowDemo`).
 */
export function readReaderFolder(dir: string, options: KekOptions): { keks: Kek[]; gateways: KnownGateway[] } {
  const files = namesIn(dir).filter(name => name.endsWith('.private.json'))
  const keks = files.map(name => readKek(readJsonFile(join(dir, name), name), name, options))
  const gateways = readCards(readJsonFile(join(dir, 'gateways.json'), 'gateways.json'))
  return { keks, gateways }
}

/**
 * A private KEK in the demo's form `{v:"p1",kekId,purpose,pkcs8}` or the ceremony's
 * `{v,kekId,purpose,kdf:{name:"scrypt",N,r,p,salt},box}`, `salt` and `box` in b64u. `at` names it in errors.
 * Throws as readReaderFolder.
 */
export function readKek(file: unknown, at: string, { allowDemo = false, passphrase }: KekOptions): Kek {
  const { v, kekId, purpose, pkcs8, kdf, box } = (file ?? {}) as PrivateFile
  if (v !== 'p1' || typeof kekId !== 'string' || typeof purpose !== 'string') {
    throw new GatewayError('E_KEYS', at, 'not a private key file')
  }
  if (!allowDemo && (purpose === 'demo' || isDemo(kekId))) throw new GatewayError('E_DEMO_KEY', at)
  const der = kdf ? openBox(kekId, kdf, box, passphrase, at) : fromBase64(pkcs8)
  const key = der && privateKey(der)
  if (!key) throw new GatewayError('E_KEYS', at, 'no RSA private key')
  return { kekId, purpose, unwrap: wrapped => unwrap(key, wrapped) }
}

/** KEK ids of throw-away keys begin so. */
export function isDemo(kekId: string): boolean {
  return kekId.startsWith('demo-')
}

function openBox(kekId: string, kdf: Kdf, box: unknown, passphrase: string | undefined, at: string): Buffer {
  if (passphrase === undefined) throw new GatewayError('E_KEYS', at, 'a passphrase is needed')
  const { name, N, r, p } = kdf
  const salt = fromB64u(kdf.salt)
  const sealed = fromB64u(box)
  if (name !== 'scrypt' || !salt || !sealed) throw new GatewayError('E_KEYS', at, 'unknown key derivation')
  const key = derive(passphrase, salt, { N, r, p }, at)
  const der = aeadOpen(key, sealed, lp('cgw-priv-1', kekId))
  if (!der) throw new GatewayError('E_KEYS', at, 'the passphrase does not fit')
  return der
}

function derive(passphrase: string, salt: Buffer, cost: { N: number; r: number; p: number }, at: string): Buffer {
  try {
    return scryptSync(passphrase, salt, 32, { ...cost, maxmem: mostMemory })
  } catch {
    throw new GatewayError('E_KEYS', at, 'unknown key derivation')
  }
}

function privateKey(der: Buffer): KeyObject | null {
  try {
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    return key.asymmetricKeyType === 'rsa' ? key : null
  } catch {
    return null
  }
}

/** RSA-OAEP with SHA-256 and no label (SEALING S4). */
function unwrap(key: KeyObject, wrapped: Uint8Array): Buffer | null {
  try {
    return privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, wrapped)
  } catch {
    return null
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort()
  } catch {
    throw new GatewayError('E_KEYS', 'reader folder', 'cannot be read')
  }
}

function readJsonFile(path: string, at: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    throw new GatewayError('E_KEYS', at, 'cannot be read')
  }
}
