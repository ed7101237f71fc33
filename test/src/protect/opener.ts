/** A small opener written from SEALING S2 to S4, so that the sealer is not its own judge. */
import { constants, createPrivateKey, privateDecrypt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJson } from '../../../src/fhir/json.ts'
import { aeadOpen, BAND, MASK, SEAL, TOKEN, tokenAad } from '../../../src/protect/format.ts'
import type { Sealed } from '../../../src/records.ts'
import type { JsonObject } from './generate.ts'

type Json = unknown
export type DataKeys = Map<string, Buffer>

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)

/** The data keys of key records, unwrapped with the private half of a demo. */
export function dataKeys(readerDir: string, records: readonly Sealed[]): DataKeys {
  const card = JSON.parse(readFileSync(join(readerDir, 'kek-demo.private.json'), 'utf8'))
  const key = createPrivateKey({ key: Buffer.from(card.pkcs8, 'base64'), format: 'der', type: 'pkcs8' })
  const keys: DataKeys = new Map()
  for (const record of records.filter(one => one.lane === 'key')) {
    const { kid, wrapped } = JSON.parse(Buffer.from(record.value!).toString())
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    keys.set(kid, privateDecrypt({ key, ...padding }, Buffer.from(wrapped, 'base64url')).subarray(0, 32))
  }
  return keys
}

/** Opens every token of a sealed resource; throws when one does not open. */
export function open(sealed: JsonObject, keys: DataKeys, tenant: string): JsonObject {
  const { resourceType, id } = sealed
  return element(sealed, '$') as JsonObject

  function plainOf(token: string, path: string): JsonObject {
    const [, kid = '', body = ''] = TOKEN.exec(token) ?? []
    const aad = tokenAad(tenant, String(resourceType), String(id), path, kid)
    const plain = aeadOpen(keys.get(kid)!, Buffer.from(body, 'base64url'), aad)
    if (!plain) throw new Error(`does not open: ${path}`)
    return readJson(plain) as JsonObject
  }

  function element(node: Json, path: string): Json {
    if (Array.isArray(node)) return node.map((one, place) => element(one, `${path}[${place}]`))
    if (!isObject(node)) return node
    const out: JsonObject = {}
    for (const [name, value] of Object.entries(node)) {
      out[name] =
        name === 'extension' || name.startsWith('_') ? value : element(value, path === '$' ? name : `${path}.${name}`)
    }
    for (const name of Object.keys(node).filter(one => one.startsWith('_'))) {
      primitive(out, name.slice(1), path === '$' ? name.slice(1) : `${path}.${name.slice(1)}`)
    }
    const token = tokenOf(node)
    return token === null ? out : merge(out, plainOf(token, path))
  }

  function primitive(out: JsonObject, name: string, path: string): void {
    const token = tokenOf(out[`_${name}`])
    if (token === null) return
    const { v, x } = plainOf(token, path)
    delete out[`_${name}`]
    if (v !== undefined) out[name] = v
    if (x !== undefined) out[`_${name}`] = x
  }
}

function tokenOf(node: Json): string | null {
  if (!isObject(node) || !Array.isArray(node.extension)) return null
  return node.extension.find(one => one.url === SEAL)?.valueString ?? null
}

function merge(out: JsonObject, plain: JsonObject): JsonObject {
  for (const name of Object.keys(out).filter(one => one.startsWith('_'))) strip(out, name)
  strip({ self: out }, 'self')
  for (const [name, value] of Object.entries(plain.m as JsonObject)) {
    if (['resourceType', 'id', 'meta', 'implicitRules', 'modifierExtension'].includes(name))
      throw new Error(`refused: ${name}`)
    if (name === 'extension') out.extension = [...((out.extension as Json[]) ?? []), ...(value as Json[])]
    else if (name in out && !['state', 'postalCode', 'coding'].includes(name))
      throw new Error(`in clear already: ${name}`)
    else out[name] = value
  }
  return out
}

/** Takes the gateway's own extensions off a member. */
function strip(parent: JsonObject, name: string): void {
  const node = parent[name]
  if (!isObject(node) || !Array.isArray(node.extension)) return
  const ours = (one: JsonObject) =>
    one.url === SEAL || one.url === BAND || (one.url === MASK && one.valueCode === 'masked')
  const left = node.extension.filter(one => !ours(one))
  if (left.length > 0) node.extension = left
  else delete node.extension
  if (Object.keys(node).length === 0) delete parent[name]
}
