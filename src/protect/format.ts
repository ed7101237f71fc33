/**
 * The sealing format as pure functions (SEALING.md): what the writer here and the reader beyond the cloud must do
 * alike, byte for byte. Nothing in this file knows the time, draws randomness or touches a disk.
 */
import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, type KeyObject } from 'node:crypto'
import { lp } from '../lp.ts'

export { lp }

/** The extension that carries a token; its StructureDefinition comes with the project (SEALING S2). */
export const SEAL = 'urn:oid:2.25.144945447775286426550389422523417143571.1'
/** The extension that says an age band in place of a birth year; its only value is `90+` (SEALING S2). */
export const BAND = 'urn:oid:2.25.144945447775286426550389422523417143571.2'
/** FHIR's own extension for a value that is there but not shown: valueCode `masked` (SEALING S2). */
export const MASK = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason'
/** Code system of the security labels PSEUDED, MASKED and ABSTRED (FHIR R4, security labels; SEALING S2). */
export const OBSERVATION_VALUE = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue'
/** Code system of the label HTEST on test messages. */
export const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason'
/** A token: version, kid, b64u of nonce, ciphertext and tag. */
export const TOKEN = /^e1\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]+)$/

const nonceBytes = 12
const tagBytes = 16

/** base64url without padding. */
export function b64u(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

const base32Letters = 'abcdefghijklmnopqrstuvwxyz234567'

/** RFC 4648 base32 in lower case, without padding. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += base32Letters[(value >> bits) & 31]
    }
  }
  return bits === 0 ? text : text + base32Letters[(value << (5 - bits)) & 31]
}

/** HMAC-SHA-256 over all parts, one after the other. */
export function hmac(key: Uint8Array | KeyObject, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** SHA-256. */
export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer')
}

/** SHA-256 in lower-case hex. */
export function sha256hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex')
}

/** HKDF-SHA-256 without salt, 32 bytes, `info` as given (SEALING S6). */
export function hkdf(key: Uint8Array, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', info, 32))
}

/** AES-256-GCM; returns `nonce|ciphertext|tag`. The caller draws the 12-byte nonce at the moment of use. */
export function aeadSeal(key: KeyObject | Uint8Array, plain: string | Uint8Array, aad: string, nonce: Uint8Array) {
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(aad))
  const body = typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain)
  return Buffer.concat([nonce, body, cipher.final(), cipher.getAuthTag()])
}

/** Opens `nonce|ciphertext|tag`; null when anything does not fit, and never a part of the plaintext. */
export function aeadOpen(key: KeyObject | Uint8Array, sealed: Uint8Array, aad: string): Buffer | null {
  if (sealed.length < nonceBytes + tagBytes) return null
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(aad))
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
  const body = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes))
  try {
    return Buffer.concat([body, decipher.final()])
  } catch {
    return null
  }
}

/** The key id: it is computed from the key, so a key record cannot lie about it (SEALING S2). */
export function kidOf(dek: Uint8Array): string {
  return b64u(hmac(dek, lp('cgw-kid-1')).subarray(0, 12))
}

/** What a token is bound to. `path`: JSON members and indexes (`name[0]`), the root is `$` (SEALING S2). */
export function tokenAad(tenant: string, type: string, id: string, path: string, kid: string): string {
  return lp('e1', tenant, type, id, path, kid)
}

/** The token of a sealed plaintext. */
export function tokenOf(kid: string, sealed: Uint8Array): string {
  return `e1.${kid}.${b64u(sealed)}`
}

/** Bytes rounded up to the padding step: 64 up to 1,024 bytes, 256 above (SEALING S3). */
function padded(length: number): number {
  const step = length <= 1024 ? 64 : 256
  return Math.ceil(length / step) * step
}

/** JSON text with trailing spaces, so that the length of a name does not show (SEALING S3). */
export function pad64(json: string): string {
  const length = Buffer.byteLength(json)
  return json + ' '.repeat(padded(length) - length)
}

/** A blob with its length in front (u32be) and zeros behind, to the same steps (SEALING S3). */
export function padBlob(bytes: Uint8Array): Buffer {
  const blob = Buffer.alloc(padded(4 + bytes.length))
  blob.writeUInt32BE(bytes.length)
  blob.set(bytes, 4)
  return blob
}

/** The bytes of a padded blob; null when its length does not fit. */
export function unpadBlob(blob: Uint8Array): Buffer | null {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  if (bytes.length < 4) return null
  const end = 4 + bytes.readUInt32BE()
  return end <= bytes.length ? bytes.subarray(4, end) : null
}

/** Plaintext of a sealed Binary: u8 length of the content type, the content type in ASCII, the bytes (SEALING S2). */
export function binaryPlain(contentType: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([contentType.length]), Buffer.from(contentType, 'ascii'), bytes])
}

/** A key record (SEALING S4). Times are UTC `YYYY-MM-DDThh:mm:ssZ`; `wrapped` and `sig` are b64u. */
export type KeyRecord = Readonly<{
  v: 'k1'
  kid: string
  tenant: string
  subject: string
  notBefore: string
  notAfter: string
  alg: 'A256GCM'
  wrapAlg: 'RSA-OAEP-256'
  kekId: string
  gateway: string
  wrapped: string
  sig: string
}>

/** SHA-256 over all that a key record says of its key; it travels inside the wrap too (SEALING S4). */
export function keyRecordHead(record: Omit<KeyRecord, 'wrapped' | 'sig'>): Buffer {
  const { v, kid, tenant, subject, notBefore, notAfter, alg, wrapAlg, kekId, gateway } = record
  return sha256(lp(v, kid, tenant, subject, notBefore, notAfter, alg, wrapAlg, kekId, gateway))
}

/** What the gateway signs of a key record: the head and the wrapped bytes (SEALING S4). */
export function keyRecordSigningInput(head: Uint8Array, wrapped: Uint8Array): string {
  return lp('cgw-keyrec-1', Buffer.from(head).toString('hex'), sha256hex(wrapped))
}

/**
 * What `cg-sig` signs of a record (SEALING S4): topic, key, all other headers sorted by name, value. An absent key is
 * the empty string, a null value is zero bytes.
 */
export function recordSigningInput(
  topic: string,
  key: string,
  headers: Readonly<Record<string, string>>,
  value: Uint8Array | null,
): string {
  const names = Object.keys(headers)
    .filter(name => name !== 'cg-sig')
    .sort()
  const joined = lp(...names.flatMap(name => [name, headers[name]!]))
  return lp('cgw-rec-1', topic, key, sha256hex(joined), sha256hex(value ?? ''))
}

/** A value as it is named: NFC, without outer spaces and tabs, in upper case only where the authority folds (S5). */
export function normalizeValue(value: string, fold?: 'upper'): string {
  const trimmed = value.normalize('NFC').replace(/^[ \t]+|[ \t]+$/g, '')
  return fold === 'upper' ? trimmed.toUpperCase() : trimmed
}

/** The pseudonym `p<version>-…` (SEALING S5): the same type, authority and value give the same id, here and for ever. */
export function pseudonym(
  psk: Uint8Array | KeyObject,
  version: number,
  tenant: string,
  type: string,
  authority: string,
  value: string,
  fold?: 'upper',
): string {
  const mac = hmac(psk, lp('cgw-psn-1', tenant, type, authority, normalizeValue(value, fold)))
  return `p${version}-${base32(mac.subarray(0, 20))}`
}

/** One entry of the audit chain, as it is hashed (SEALING S9). `at` in RFC 3339 UTC. */
export type AuditEntry = Readonly<{
  n: number
  at: string
  actor: string
  act: string
  obj: string
  outcome: string
  detail: string
}>

/** h_0 of the audit chain. */
export const auditStart = '0'.repeat(64)

/** h_n in hex, from h_(n-1) in hex (SEALING S9). */
export function auditHash(previous: string, entry: AuditEntry): string {
  const { n, at, actor, act, obj, outcome, detail } = entry
  return sha256hex(lp('cgw-audit-1', previous, n, at, actor, act, obj, outcome, detail))
}

/** mac_n, 16 bytes, under the audit key of that entry (SEALING S9). */
export function auditMac(key: Uint8Array, hash: string): Buffer {
  return hmac(key, lp('mac', hash)).subarray(0, 16)
}

/** The audit key that replaces this one (SEALING S9): with it alone nobody can forge what came before. */
export function nextAuditKey(key: Uint8Array): Buffer {
  return hmac(key, lp('next'))
}
