/**
 * The keys in a folder (SEALING S1, S10): `box.key` and `psk-<version>.key` (32 bytes), `signing.key` (Ed25519, PKCS#8
 * in DER), `kek.pub.json` and `replay.pub.json` (public cards). What opens records is never among them.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../errors.ts'
import { hkdf, lp } from './format.ts'

export type Purpose = 'demo' | 'production'

/** A public key that others hold the private half of: the clinic's KEK, or the replay key. */
export type PublicCard = Readonly<{ kekId: string; tenant: string; purpose: Purpose; publicKey: KeyObject }>

/** What the gateway holds while it runs. Keep it in memory only. */
export type Keys = Readonly<{
  boxKey: Buffer
  psk: Readonly<{ version: number; key: Buffer }>
  signing: KeyObject
  kek: PublicCard
  replay: PublicCard
}>

const leastRsaBits = 3072

/**
 * Loads the keys of a gateway from a folder. Throws GatewayError E_KEYS at the file's name when one is missing, readable
 * by others, or not what it should be.
 */
export function loadKeys(folder: string): Keys {
  demandPrivate(folder, '.')
  return {
    boxKey: symmetric(folder, 'box.key'),
    psk: pseudonymKey(folder),
    signing: signingKey(folder, 'signing.key'),
    kek: publicCard(folder, 'kek.pub.json'),
    replay: publicCard(folder, 'replay.pub.json'),
  }
}

/** `sub(label)` of the box key (SEALING S6): what each use at rest is sealed under. */
export function boxSub(boxKey: Uint8Array, label: string): Buffer {
  return hkdf(boxKey, lp('cgw-box-1', label))
}

/** The half of the box key that checks secrets of devices and tokens of clients: all that the main thread is given. */
export function authKeyOf(boxKey: Uint8Array): Buffer {
  return boxSub(boxKey, 'auth')
}

function demandPrivate(folder: string, name: string): void {
  let stat: ReturnType<typeof statSync>
  try {
    stat = statSync(join(folder, name))
  } catch {
    throw new GatewayError('E_KEYS', name, 'missing')
  }
  if ((stat.mode & 0o077) !== 0) throw new GatewayError('E_KEYS', name, 'readable by others')
}

/** A secret file's bytes. */
function secret(folder: string, name: string): Buffer {
  demandPrivate(folder, name)
  return read(folder, name)
}

function read(folder: string, name: string): Buffer {
  try {
    return readFileSync(join(folder, name))
  } catch {
    throw new GatewayError('E_KEYS', name, 'missing')
  }
}

function symmetric(folder: string, name: string): Buffer {
  const key = secret(folder, name)
  if (key.length !== 32) throw new GatewayError('E_KEYS', name, 'not 32 bytes')
  return key
}

/** The pseudonym key of the highest version names from here on. */
function pseudonymKey(folder: string): Keys['psk'] {
  const versions = readdirSync(folder).flatMap(name => /^psk-([1-9][0-9]{0,3})\.key$/.exec(name)?.[1] ?? [])
  if (versions.length === 0) throw new GatewayError('E_KEYS', 'psk-1.key', 'missing')
  const version = Math.max(...versions.map(Number))
  return { version, key: symmetric(folder, `psk-${version}.key`) }
}

function signingKey(folder: string, name: string): KeyObject {
  const key = parsed(name, () => createPrivateKey({ key: secret(folder, name), format: 'der', type: 'pkcs8' }))
  if (key.asymmetricKeyType !== 'ed25519') throw new GatewayError('E_KEYS', name, 'not Ed25519')
  return key
}

function publicCard(folder: string, name: string): PublicCard {
  const { kekId, tenant, purpose, spki } = parsed(name, () => JSON.parse(read(folder, name).toString()))
  const texts = [kekId, tenant, spki].every(one => typeof one === 'string')
  if (!texts || (purpose !== 'demo' && purpose !== 'production'))
    throw new GatewayError('E_KEYS', name, 'not a key card')
  const der = Buffer.from(spki, 'base64')
  const publicKey = parsed(name, () => createPublicKey({ key: der, format: 'der', type: 'spki' }))
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0
  if (publicKey.asymmetricKeyType !== 'rsa' || bits < leastRsaBits) {
    throw new GatewayError('E_KEYS', name, `not RSA of ${leastRsaBits} bits or more`)
  }
  return { kekId, tenant, purpose, publicKey }
}

/** Runs a foreign parser; what it says about the bytes is never passed on. */
function parsed<T>(name: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw new GatewayError('E_KEYS', name, 'not readable as a key')
  }
}
