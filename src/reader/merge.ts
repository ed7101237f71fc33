/** How an opened plaintext goes back into its element (SEALING S3). Every function leaves what it is given unchanged. */
import { isObject, type JsonObject, type JsonValue } from '../fhir/json.ts'
import { BAND, MASK, SEAL } from '../protect/format.ts'

/** Members that no token may bring. */
const forbidden = new Set([
  'resourceType',
  'id',
  'meta',
  'implicitRules',
  'modifierExtension',
  '__proto__',
  'constructor',
  'prototype',
])
const memberName = /^_?[A-Za-z][A-Za-z0-9]*$/

/** The tokens' extensions of an element or a `_member`. */
export function sealsOf(node: JsonObject): JsonObject[] {
  return extensionsOf(node)
    .filter(isObject)
    .filter(one => one.url === SEAL)
}

/**
 * Adds the members `m` of a complex element's token. `chosen`: only these members (an `only` path leads to them), so
 * that the token stays for the others. Null: the token is refused, for it brings a member that is forbidden or would
 * replace a clear value.
 */
export function addMembers(
  element: JsonObject,
  path: string,
  m: JsonObject,
  chosen: ReadonlySet<string> | null,
): JsonObject | null {
  if (Object.keys(m).some(name => forbidden.has(name) || !memberName.test(name))) return null
  const out = chosen ? { ...element } : withoutOwnMarks(element)
  unmaskMembers(out, chosen)
  for (const [name, value] of Object.entries(m)) {
    if (chosen && !chosen.has(baseOf(name))) continue
    if (name === 'extension') {
      if (!Array.isArray(value)) return null
      out.extension = [...extensionsOf(out), ...value]
    } else if (Object.hasOwn(out, name) && !isReplaceable(path, name)) return null
    else out[name] = value
  }
  return out
}

/**
 * Puts a primitive back: `v` its value, `x` the old `_member`; either may be absent. Null: refused.
 */
export function putPrimitive(parent: JsonObject, name: string, plain: JsonObject): JsonObject | null {
  const { v, x, ...other } = plain
  if (Object.keys(other).length > 0 || (v === undefined && x === undefined)) return null
  if (v === null || Array.isArray(v) || isObject(v)) return null
  if (x !== undefined && !isUnder(x)) return null
  const out = { ...parent }
  const kept = withoutOwnMarks(parent[`_${name}`] as JsonObject)
  const under = { ...kept, ...x }
  const extension = [...extensionsOf(kept), ...extensionsOf(x ?? {})]
  if (extension.length > 0) under.extension = extension
  setOrDelete(out, name, v)
  setOrDelete(out, `_${name}`, Object.keys(under).length > 0 ? under : undefined)
  return out
}

/** What may stand beside a primitive: an element's id and extensions (FHIR R4, JSON representation). */
function isUnder(x: JsonValue): x is JsonObject {
  if (!isObject(x) || Object.keys(x).some(name => name !== 'id' && name !== 'extension')) return false
  return x.extension === undefined || Array.isArray(x.extension)
}

/** Clear members that a token replaces: a rewritten state or postal code, codings that were thinned out. */
function isReplaceable(path: string, name: string): boolean {
  if (name === 'coding') return path !== '$'
  return (name === 'state' || name === 'postalCode') && /(^|\.)(a|\w+A)ddress(\[\d+\])?$/.test(path)
}

/** The element without its token, masks and age band; an emptied `extension` goes. */
function withoutOwnMarks(node: JsonObject): JsonObject {
  const { extension, ...rest } = node
  if (!Array.isArray(extension)) return { ...node }
  const left = extension.filter(one => !isMark(one))
  return left.length > 0 ? { ...rest, extension: left } : rest
}

/** Removes the masks of direct `_members`. One with a token of its own stays masked: that token did not open. */
function unmaskMembers(out: JsonObject, chosen: ReadonlySet<string> | null): void {
  for (const name of Object.keys(out)) {
    const under = out[name]
    if (!name.startsWith('_') || !isObject(under) || sealsOf(under).length > 0) continue
    if (chosen && !chosen.has(baseOf(name))) continue
    const left = withoutOwnMarks(under)
    setOrDelete(out, name, Object.keys(left).length > 0 ? left : undefined)
  }
}

function isMark(extension: JsonValue): boolean {
  if (!isObject(extension)) return false
  const { url, valueCode } = extension
  return url === SEAL || url === BAND || (url === MASK && valueCode === 'masked')
}

function extensionsOf({ extension }: JsonObject): JsonValue[] {
  return Array.isArray(extension) ? extension : []
}

/** `_given` and `given` are one element. */
function baseOf(name: string): string {
  return name.replace(/^_/, '')
}

function setOrDelete(node: JsonObject, name: string, value: JsonValue | undefined): void {
  if (value === undefined) delete node[name]
  else node[name] = value
}
