/** Opens the tokens of one sealed resource (SEALING S2, S3). */
import { isObject, type JsonObject, type JsonValue, readJson } from '../fhir/json.ts'
import { aeadOpen, TOKEN, tokenAad } from '../protect/format.ts'
import type { Issue } from '../records.ts'
import { type AttachmentLink, attachmentLink, isSealedBinary, openBinary } from './binary.ts'
import { fromB64u } from './encoding.ts'
import type { DataKey } from './keys.ts'
import { addMembers, putPrimitive, sealsOf } from './merge.ts'

/** A resource with every token opened that could be; all else in it stays masked. */
export type Opened = Readonly<{
  resource: JsonObject
  /** The id that the sender's system gave the resource; null where there is none. */
  sourceId: string | null
  /** Tokens that did not open: E_SEAL_OPEN_FAILED and the place, `Patient.name[0]`. */
  failed: readonly Issue[]
  /** Ids of data keys that are not known (yet). */
  unknownKeys: readonly string[]
  /** Attachments that travel in chunks; Reader.attachment joins them. */
  attachments: readonly AttachmentLink[]
}>

/** Where data keys come from; ReaderKeys is one. */
export type KeySource = Readonly<{ get(kid: string): DataKey | null }>

export type OpenOptions = Readonly<{
  /**
   * Open these elements only, and what lies in them: paths without indexes (`Patient.name`, `Patient.name.family`,
   * `Patient`). A resource sealed as a whole opens with `Binary` only.
   */
  only?: readonly string[]
}>

/** Opens the bytes of a record's value. Throws Refusal E_JSON…, E_UTF8 where they are no JSON. */
export function openValue(value: Uint8Array, keys: KeySource, options: OpenOptions = {}): Opened {
  const sealed = readJson(value)
  return openResource(isObject(sealed) ? sealed : {}, keys, options)
}

/** Opens a resource that readJson read. It is left unchanged. Never throws; what fails is told in the result. */
export function openResource(sealed: JsonObject, keys: KeySource, { only }: OpenOptions = {}): Opened {
  return new Opener(sealed, keys, only).open()
}

class Opener {
  readonly #sealed: JsonObject
  readonly #type: string
  readonly #keys: KeySource
  readonly #only: readonly string[] | undefined
  readonly #failed: Issue[] = []
  readonly #unknown = new Set<string>()
  readonly #attachments: AttachmentLink[] = []
  #sourceId: string | null = null

  constructor(sealed: JsonObject, keys: KeySource, only: readonly string[] | undefined) {
    this.#sealed = sealed
    this.#type = String(sealed.resourceType)
    this.#keys = keys
    this.#only = only
  }

  open(): Opened {
    const resource = isSealedBinary(this.#sealed) ? this.#binary() : this.#element(this.#sealed, '$')
    return {
      resource,
      sourceId: this.#sourceId,
      failed: this.#failed,
      unknownKeys: [...this.#unknown],
      attachments: this.#attachments,
    }
  }

  /** Children first, so that what a token adds is never searched for tokens. */
  #element(node: JsonObject, path: string): JsonObject {
    let out: JsonObject = {}
    for (const [name, value] of Object.entries(node)) {
      out[name] = name.startsWith('_') ? value : this.#inside(value, inner(path, name))
    }
    for (const name of Object.keys(node)) if (name.startsWith('_')) out = this.#primitive(out, name.slice(1), path)
    return this.#complex(out, path)
  }

  #inside(value: JsonValue, path: string): JsonValue {
    if (Array.isArray(value)) return value.map((one, place) => this.#inside(one, `${path}[${place}]`))
    return isObject(value) ? this.#element(value, path) : value
  }

  #primitive(parent: JsonObject, name: string, parentPath: string): JsonObject {
    const under = parent[`_${name}`]
    const path = inner(parentPath, name)
    if (!isObject(under) || this.#wanted(path) !== true) return parent
    const plain = this.#plainOf(under, path)
    return plain ? (putPrimitive(parent, name, plain) ?? this.#fail(path, parent)) : parent
  }

  #complex(element: JsonObject, path: string): JsonObject {
    const wanted = this.#wanted(path)
    if (wanted === false) return element
    const plain = this.#plainOf(element, path)
    if (!plain) return element
    const { m = {}, id, sha256, ...other } = plain
    const isRoot = path === '$'
    const known = Object.keys(other).length === 0 && isObject(m) && (isRoot ? sha256 : id) === undefined
    const link = known && sha256 !== undefined ? attachmentLink(path, m, sha256) : null
    const isForm = known && (sha256 === undefined || link) && (id === undefined || typeof id === 'string')
    const opened = isForm ? addMembers(element, path, m, wanted === true ? null : wanted) : null
    if (!opened) return this.#fail(path, element)
    if (wanted === true && typeof id === 'string') this.#sourceId = id
    if (link) this.#attachments.push(link)
    return opened
  }

  /** The plaintext of the element's token; null where it has none, or where it does not open. */
  #plainOf(node: JsonObject, path: string): JsonObject | null {
    const seals = sealsOf(node)
    if (seals.length === 0) return null
    const [, kid, body] = TOKEN.exec(String(seals[0]!.valueString)) ?? []
    const sealed = fromB64u(body)
    if (seals.length > 1 || kid === undefined || !sealed) return this.#fail(path, null)
    const dataKey = this.#keys.get(kid)
    if (!dataKey) {
      this.#unknown.add(kid)
      return null
    }
    const aad = tokenAad(dataKey.tenant, this.#type, String(this.#sealed.id), path, kid)
    const plain = aeadOpen(dataKey.key, sealed, aad)
    return (plain && objectIn(plain)) ?? this.#fail(path, null)
  }

  #binary(): JsonObject {
    if (this.#only && !this.#only.includes('Binary')) return this.#sealed
    const result = openBinary(this.#sealed, 'data', kid => this.#keys.get(kid))
    if (result.kind === 'unknown') this.#unknown.add(result.kid)
    if (result.kind === 'failed') this.#fail('data', null)
    if (result.kind !== 'content') return this.#sealed
    const { contentType, bytes } = result.content
    if (!contentType.startsWith('application/fhir+json')) {
      return { ...this.#sealed, contentType, data: bytes.toString('base64') }
    }
    return objectIn(bytes) ?? this.#fail('data', this.#sealed)
  }

  /** True: all of the element; a set: these members of it; false: nothing of it. */
  #wanted(path: string): true | ReadonlySet<string> | false {
    if (!this.#only) return true
    const at = this.#at(path).replace(/\[\d+\]/g, '')
    if (this.#only.some(one => at === one || at.startsWith(`${one}.`))) return true
    const members = this.#only
      .filter(one => one.startsWith(`${at}.`))
      .map(one => one.slice(at.length + 1).split('.')[0]!)
    return members.length > 0 && new Set(members)
  }

  #fail<T>(path: string, result: T): T {
    this.#failed.push({ code: 'E_SEAL_OPEN_FAILED', at: this.#at(path) })
    return result
  }

  #at(path: string): string {
    return path === '$' ? this.#type : `${this.#type}.${path}`
  }
}

function inner(path: string, name: string): string {
  return path === '$' ? name : `${path}.${name}`
}

function objectIn(bytes: Uint8Array): JsonObject | null {
  try {
    const value = readJson(bytes)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}
