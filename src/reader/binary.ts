/** Sealed Binaries (SEALING S2): whole resources of profile `sealed`, and attachments cut into chunks. */
import type { JsonObject } from '../fhir/json.ts'
import { aeadOpen, b64u, sha256hex, tokenAad } from '../protect/format.ts'
import { fromBase64 } from './encoding.ts'
import type { DataKey } from './keys.ts'

export const sealedContentType = 'application/vnd.clinic-gateway.sealed'
const kidBytes = 12

/** Something with bytes: an attachment, or a part of one. */
export type Content = Readonly<{ contentType: string; bytes: Buffer }>

/** What opening gave: the content, the id of a key that is not there (yet), or nothing because it does not open. */
export type OpenedBinary = Readonly<
  { kind: 'content'; content: Content } | { kind: 'unknown'; kid: string } | { kind: 'failed' }
>

export function isSealedBinary({ resourceType, contentType }: JsonObject): boolean {
  return resourceType === 'Binary' && contentType === sealedContentType
}

/** Opens `kid|nonce|ciphertext|tag`. `path`: `data`, or `chunk[<i>]` for part i of an attachment. */
export function openBinary(binary: JsonObject, path: string, get: (kid: string) => DataKey | null): OpenedBinary {
  const sealed = fromBase64(binary.data)
  if (!sealed || sealed.length < kidBytes) return { kind: 'failed' }
  const kid = b64u(sealed.subarray(0, kidBytes))
  const dataKey = get(kid)
  if (!dataKey) return { kind: 'unknown', kid }
  const aad = tokenAad(dataKey.tenant, 'Binary', String(binary.id), path, kid)
  const plain = aeadOpen(dataKey.key, sealed.subarray(kidBytes), aad)
  const content = plain && contentOf(plain)
  return content ? { kind: 'content', content } : { kind: 'failed' }
}

/** u8 length, content type in ASCII, the bytes. */
function contentOf(plain: Buffer): Content | null {
  const end = 1 + (plain[0] ?? plain.length)
  if (end > plain.length) return null
  return { contentType: plain.toString('latin1', 1, end), bytes: plain.subarray(end) }
}

/** An element that refers to an attachment in chunks: `reference` is `Binary/<attachment id>`. */
export type AttachmentLink = Readonly<{ path: string; reference: string; size: number; sha256: string }>

/** The link that an attachment's token holds beside its members; null where the token is of no such form. */
export function attachmentLink(path: string, m: JsonObject, sha256: unknown): AttachmentLink | null {
  const { url, size } = m
  if (typeof url !== 'string' || typeof size !== 'number' || typeof sha256 !== 'string') return null
  return { path, reference: url, size, sha256 }
}

type Parts = Map<number, Content>
type Attachment = Readonly<{ key: string; versions: Map<string, Parts> }>

/** The newest version of an attachment, and the one before it while the newest is still arriving. */
const versionsKept = 2

/** Chunks of attachments as they come, joined when all of one version are there. */
export class Chunks {
  readonly #attachments = new Map<string, Attachment>()

  /** Part `i` of an attachment, and the key of its record; the id of its Binary is `<attachment id>-<i>`. */
  add(attachmentId: string, key: string, version: string, i: number, part: Content): void {
    const { versions } = this.#attachments.get(attachmentId) ?? { versions: new Map<string, Parts>() }
    const parts = versions.get(version) ?? new Map<number, Content>()
    this.#attachments.set(attachmentId, { key, versions: versions.set(version, parts.set(i, part)) })
    for (const old of [...versions.keys()].sort().slice(0, -versionsKept)) versions.delete(old)
  }

  /** The attachment that fits size and hash; null while parts are missing or none fits. */
  join({ reference, size, sha256 }: AttachmentLink): Content | null {
    const found = this.#attachments.get(reference.replace(/^Binary\//, ''))
    for (const parts of found?.versions.values() ?? []) {
      const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part)
      const bytes = Buffer.concat(inOrder.map(part => part.bytes))
      if (bytes.length === size && sha256hex(bytes) === sha256) return { contentType: inOrder[0]!.contentType, bytes }
    }
    return null
  }

  /** Forgets an attachment. */
  delete(attachmentId: string): void {
    this.#attachments.delete(attachmentId)
  }

  /** Forgets the attachments whose records had that key. */
  deleteOf(key: string): void {
    for (const [id, attachment] of this.#attachments) if (attachment.key === key) this.#attachments.delete(id)
  }
}
