/** Who wrote a record: the `cg-sig` of every record, checked with gateway cards that were carried by hand (SEALING S4). */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import { recordSigningInput } from '../protect/format.ts'
import { fromB64u, fromBase64 } from './encoding.ts'

/** A record as it came from Kafka or a file. An absent key is the empty string; `topic` as the reader sees it. */
export type ReaderRecord = Readonly<{
  topic: string
  partition: number
  key: string
  headers: Readonly<Record<string, string>>
  value: Uint8Array | null
}>

/** The public half of a gateway's signing key (DER in base64), as `init` writes it (SEALING S10). */
export type GatewayCard = Readonly<{
  v: 'g1'
  tenant: string
  gateway: string
  alg: 'Ed25519'
  publicKey: string
  created: string
}>

/** A gateway whose card the reader holds. */
export type KnownGateway = Readonly<{ tenant: string; gateway: string; publicKey: KeyObject }>

/** Reads a list of gateway cards. Throws GatewayError E_KEYS with the place in the list. */
export function readCards(cards: unknown): KnownGateway[] {
  if (!Array.isArray(cards)) throw new GatewayError('E_KEYS', 'gateways.json', 'not a list')
  return cards.map((card, place) => readCard(card, `gateways.json[${place}]`))
}

function readCard(card: Partial<GatewayCard> | null, at: string): KnownGateway {
  const { v, tenant, gateway, alg, publicKey } = card ?? {}
  const der = fromBase64(publicKey)
  if (v !== 'g1' || alg !== 'Ed25519' || typeof tenant !== 'string' || typeof gateway !== 'string' || !der) {
    throw new GatewayError('E_KEYS', at, 'not a gateway card')
  }
  const key = publicKeyOf(der)
  if (key?.asymmetricKeyType !== 'ed25519') throw new GatewayError('E_KEYS', at, 'not an Ed25519 public key')
  return { tenant, gateway, publicKey: key }
}

function publicKeyOf(der: Buffer): KeyObject | null {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    return null
  }
}

/** The known gateway that signed the record, or null. `topic`: the gateway's own name of the record's topic. */
export function signerOf(
  record: ReaderRecord,
  topic: string,
  gateways: readonly KnownGateway[],
): KnownGateway | undefined {
  const { headers } = record
  return gateways.find(
    ({ tenant, gateway, publicKey }) =>
      headers['cg-gateway'] === gateway &&
      headers.ce_source === `/${tenant}/${gateway}` &&
      isSigned(record, topic, publicKey),
  )
}

/** Whether `cg-sig` is this key's signature of topic, key, all other headers and value. */
export function isSigned({ key, headers, value }: ReaderRecord, topic: string, publicKey: KeyObject): boolean {
  return isSignature(recordSigningInput(topic, key, headers, value), headers['cg-sig'], publicKey)
}

/** Whether `signature` (b64u) is this Ed25519 key's signature of the text. */
export function isSignature(text: string, signature: unknown, publicKey: KeyObject): boolean {
  const bytes = fromB64u(signature)
  return bytes !== null && verify(null, Buffer.from(text), publicKey, bytes)
}
