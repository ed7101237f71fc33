/** A little gateway written from SEALING alone, with node:crypto only, so that the reader is not judged by our sealer. */
import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  sign,
} from 'node:crypto'
import { ReaderKeys, type ReaderRecord } from '../../../src/reader/index.ts'
import { readKek } from '../../../src/reader/kek.ts'
import { readCards } from '../../../src/reader/signature.ts'

export const lp = (...parts: (string | number)[]) =>
  parts.map(part => `${Buffer.byteLength(String(part))}:${part}`).join('|')
export const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest()
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex')
export const b64u = (data: Uint8Array) => Buffer.from(data).toString('base64url')
export const range = (from: number, length = 32) => Buffer.from(Array.from({ length }, (_, i) => from + i))

export const seal = 'urn:oid:2.25.144945447775286426550389422523417143571.1'
export const band = 'urn:oid:2.25.144945447775286426550389422523417143571.2'
export const mask = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }

/** The signing key of the vectors: Ed25519 seed 80..9f. */
export const seedKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), range(0x80)]),
  format: 'der',
  type: 'pkcs8',
})
export const vectorId = 'p1-y6mguxnb7e6osiuhb5q2wdoujqodyuso'

export function cardOf(gateway: string, key: KeyObject, tenant = 'demo') {
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64')
  return { v: 'g1', tenant, gateway, alg: 'Ed25519', publicKey, created: '2026-11-24T00:00:00Z' }
}

const pair = generateKeyPairSync('rsa', { modulusLength: 3072 })
const pkcs8 = pair.privateKey.export({ format: 'der', type: 'pkcs8' })
export const kekFile = { v: 'p1', kekId: 'kek-1', purpose: 'production', pkcs8: pkcs8.toString('base64') }
export const kekDer = pkcs8
const kek = readKek(kekFile, 'kek', {})
export const gatewayKeys = { 'gw-1': seedKey, 'gw-2': generateKeyPairSync('ed25519').privateKey }
type Gateway = keyof typeof gatewayKeys
export const cards = readCards(Object.entries(gatewayKeys).map(([name, key]) => cardOf(name, key)))
export const newKeys = () => new ReaderKeys({ keks: [kek], gateways: cards })

export type Dek = { dek: Buffer; kid: string }
export const newDek = (dek: Buffer = randomBytes(32)): Dek => {
  return { dek, kid: b64u(createHmac('sha256', dek).update(lp('cgw-kid-1')).digest().subarray(0, 12)) }
}

export function aead(
  dek: Buffer,
  plain: Uint8Array | string,
  aad: string,
  nonce: Uint8Array = randomBytes(12),
): Buffer {
  const cipher = createCipheriv('aes-256-gcm', dek, nonce)
  cipher.setAAD(Buffer.from(aad))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** A token for `<type>/<id>` at `path`; `plain` is JSON text, or what becomes it. */
export function token(key: Dek, [type, id, path]: readonly [string, string, string], plain: unknown): string {
  const json = typeof plain === 'string' ? plain : JSON.stringify(plain)
  const step = Buffer.byteLength(json) <= 1024 ? 64 : 256
  const padded = json + ' '.repeat((step - (Buffer.byteLength(json) % step)) % step)
  return `e1.${key.kid}.${b64u(aead(key.dek, padded, lp('e1', 'demo', type, id, path, key.kid)))}`
}

export const sealed = (value: string) => ({ url: seal, valueString: value })

const positions = new Map<string, number>()
const nextSeq = (gateway: string) => {
  positions.set(gateway, (positions.get(gateway) ?? 0) + 1)
  return positions.get(gateway)!
}

/** Signs a record. `headers` may leave out what every record has. */
export function signRecord(
  topic: string,
  key: string,
  given: Record<string, string | undefined>,
  value: Uint8Array | null,
  gateway: Gateway = 'gw-1',
): ReaderRecord {
  const all: Record<string, string | undefined> = {
    ce_specversion: '1.0',
    ce_source: `/demo/${gateway}`,
    ce_time: '2026-11-24T08:00:00.000Z',
    'cg-gateway': gateway,
    'cg-epoch': '1795555555',
    'cg-seq': String(nextSeq(gateway)),
    'cg-purpose': 'production',
    ...given,
  }
  const headers = Object.fromEntries(
    Object.entries(all).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  )
  const names = Object.keys(headers).sort()
  const h = lp(...names.flatMap(name => [name, headers[name]!]))
  const text = lp('cgw-rec-1', topic, key, hex(sha256(h)), hex(sha256(value ?? '')))
  const sig = b64u(sign(null, Buffer.from(text), gatewayKeys[gateway]))
  return { topic, partition: 0, key, headers: { ...headers, 'cg-sig': sig }, value }
}

export type Data = {
  verb?: 'replace' | 'ensure' | 'delete' | 'erased'
  resource?: Record<string, unknown> | null
  reference?: string
  arrival?: number
  release?: number
  time?: string
  gateway?: Gateway
  key?: string
  headers?: Record<string, string>
}

/** A data record as DESIGN §4 describes it. */
export function dataRecord(data: Data): ReaderRecord {
  const { verb = 'replace', resource = null, arrival = 1, release = 0, gateway = 'gw-1' } = data
  const reference = data.reference ?? `${resource?.resourceType}/${resource?.id}`
  const [type = '', id = ''] = reference.split('/')
  const version = [String(1795555555), String(arrival).padStart(12, '0'), String(release).padStart(4, '0')].join('.')
  const headers = {
    ...(data.time ? { ce_time: data.time } : {}),
    ce_type: `clinic-gateway.${type}.${verb}`,
    'content-type': 'application/fhir+json',
    ...(verb === 'erased' ? {} : { ce_subject: reference }),
    ce_id: b64u(sha256(`${reference} ${version}`).subarray(0, 16)),
    'cg-type': type,
    'cg-verb': verb,
    'cg-version': version,
    'cg-message': String(arrival),
    'cg-part': '1/1',
    'cg-mode': 'live',
    'cg-policy': '0'.repeat(64),
    ...data.headers,
  }
  return signRecord('demo.fhir', data.key ?? id, headers, resource && Buffer.from(JSON.stringify(resource)), gateway)
}

type KeyOptions = {
  subject?: string
  notBefore?: string
  kekId?: string
  head?: Buffer
  change?: (record: Record<string, string>) => void
}

/** The key record of a data key (S4). */
export function keyRecord(key: Dek, options: KeyOptions = {}): ReaderRecord {
  const { subject = vectorId, notBefore = '2026-11-24T00:00:00Z', kekId = 'kek-1', change } = options
  const claims = {
    v: 'k1',
    kid: key.kid,
    tenant: 'demo',
    subject,
    notBefore,
    notAfter: '2026-11-25T00:00:00Z',
    alg: 'A256GCM',
    wrapAlg: 'RSA-OAEP-256',
    kekId,
    gateway: 'gw-1',
  }
  const head = sha256(lp(...Object.values(claims)))
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  const wrapped = publicEncrypt({ key: pair.publicKey, ...padding }, Buffer.concat([key.dek, options.head ?? head]))
  const sig = b64u(sign(null, Buffer.from(lp('cgw-keyrec-1', hex(head), hex(sha256(wrapped)))), seedKey))
  const record: Record<string, string> = { ...claims, wrapped: b64u(wrapped), sig }
  change?.(record)
  return signRecord('demo.keys', key.kid, {}, Buffer.from(JSON.stringify(record)))
}
