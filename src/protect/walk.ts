/** One resource, walked by the rules of its type (SEALING S2, S3): what may be read stays, all else goes into tokens. */
import { refuse } from '../errors.ts'
import { isIdentifying, listed } from './acts/codes.ts'
import { over90, type PrimitiveAct } from './acts/primitives.ts'
import {
  hideable,
  isObject,
  type Json,
  type JsonObject,
  location,
  type Sealing,
  sealExtension,
  sealedMember,
} from './acts/slot.ts'
import { MASK } from './format.ts'
import { type Rule, type Rules, rulesOf } from './policy/compile.ts'

/** Codes that say why there is no value. */
const absentReasons = 'http://terminology.hl7.org/CodeSystem/data-absent-reason'

/** An element being walked: what is readable of it, what goes into its own token, and what holds for its members. */
type Work = Readonly<{
  node: JsonObject
  out: JsonObject
  hidden: JsonObject
  path: string
  sealing: Sealing
  /** The code asks for something that identifies a person, so that the value is sealed whatever its type. */
  identifying: boolean
}>

/**
 * Seals the members of a resource. Contained resources are walked by their own rules, unless one has none or is referred
 * to from a sealed place only: then all of them are sealed as a whole (R4 dom-3 wants them referred to).
 * Throws Refusal E_PRIVACY_NO_RULE where something can neither stay nor be sealed, E_TYPE for a type without rules.
 */
export function walkResource(resource: JsonObject, sealing: Sealing): JsonObject {
  const rules = rulesOf.get(String(resource.resourceType)) ?? refuse('E_TYPE', 'resourceType')
  const contained = Array.isArray(resource.contained) ? resource.contained : []
  sealing.containedWhole = contained.some(one => !rulesOf.has(one?.resourceType))
  const out = walk(resource, rules, '$', sealing, false)
  if (sealing.containedWhole || !Array.isArray(out.contained)) return out
  const shown = new Set(references(out))
  sealing.containedWhole = !out.contained.every(one => shown.has(`#${one.id}`))
  return sealing.containedWhole ? walk(resource, rules, '$', sealing, false) : out
}

/** The references that can be read. */
function references(value: Json): Json[] {
  if (Array.isArray(value)) return value.flatMap(references)
  if (!isObject(value)) return []
  return [value.reference, ...Object.values(value).flatMap(references)]
}

function containedResource(resource: JsonObject, path: string, sealing: Sealing): JsonObject {
  return walk(resource, rulesOf.get(String(resource.resourceType))!, path, sealing, false)
}

function walk(node: JsonObject, rules: Rules, path: string, sealing: Sealing, inherited: boolean): JsonObject {
  const identifying = inherited || isIdentifying(node.code)
  const work: Work = { node, out: {}, hidden: {}, path, sealing, identifying }
  for (const name of Object.keys(node)) {
    const base = name.startsWith('_') ? name.slice(1) : name
    if (base === name || !(base in node)) member(work, base, rules.get(base))
  }
  if (Object.keys(work.hidden).length === 0) return work.out
  const kept = Array.isArray(work.out.extension) ? work.out.extension : []
  return { ...work.out, extension: [...kept, sealExtension(sealing.token(path, { m: work.hidden }))] }
}

function member(work: Work, name: string, rule: Rule | undefined): void {
  const { node, out, sealing, identifying } = work
  if (name === 'resourceType') out.resourceType = node.resourceType
  else if (!rule || rule.kind === 'own' || (rule.kind === 'inside' && sealing.containedWhole)) hide(work, name)
  else if (rule.kind === 'primitive') primitive(work, name, rule)
  else if (rule.kind === 'complex') out[name] = each(work, name, actOf(work, name, rule))
  else if (rule.kind === 'branch') {
    out[name] = each(work, name, (one, at) => walk(one, rule.rules, at, sealing, identifying))
  } else if (rule.kind === 'inside') out[name] = each(work, name, (one, at) => containedResource(one, at, sealing))
  else if (rule.kind === 'extension') extensions(work, node[name])
  else if (rule.kind === 'refuse') refuse('E_PRIVACY_NO_RULE', placeOf(work, name))
  else if (rule.kind === 'given' && name === 'id') out.id = node.id
}

function actOf(work: Work, name: string, rule: Extract<Rule, { kind: 'complex' }>) {
  const act = isSealed(work, name, rule) ? rule.sealAct : rule.act
  return (one: JsonObject, at: string) => act(one, at, work.sealing, rule.arg)
}

/** Whether an element that may stay is sealed in this resource: by its labels, or by what its code asks for. */
function isSealed({ identifying, sealing }: Work, name: string, { clinical }: { clinical: boolean }): boolean {
  return (identifying && name.startsWith('value')) || (clinical && sealing.restricted)
}

/** Walks one element or a list of them, each under its own path. */
function each(work: Work, name: string, act: (one: JsonObject, at: string) => JsonObject): Json {
  const value = work.node[name]
  const at = pathOf(work, name)
  const one = (element: Json, place: string) => act(isObject(element) ? element : {}, place)
  return Array.isArray(value) ? value.map((element, i) => one(element, `${at}[${i}]`)) : one(value, at)
}

function primitive(work: Work, name: string, rule: Extract<Rule, { kind: 'primitive' }>): void {
  const { node, out, sealing } = work
  const value = node[name]
  const under = node[`_${name}`]
  const act: PrimitiveAct = isSealed(work, name, rule) ? () => undefined : rule.act
  if (Array.isArray(value) || Array.isArray(under)) {
    primitives(work, name, act, rule.holds)
    return
  }
  const shown = value === undefined ? undefined : act(value, sealing)
  if (rule.holds && shown !== value) refuse('E_PRIVACY_NO_RULE', placeOf(work, name))
  if (shown === value && (under === undefined || isReasonOnly(under))) {
    if (value !== undefined) out[name] = value
    if (under !== undefined) out[`_${name}`] = under
    return
  }
  const plain = { ...(value === undefined ? {} : { v: value }), ...(under === undefined ? {} : { x: under }) }
  const band = shown === over90
  if (shown !== undefined && !band) out[name] = shown
  out[`_${name}`] = sealedMember(sealing.token(pathOf(work, name), plain), { shown: name in out, band })
}

/** An array of primitives stays as a whole, or is a member of its parent's token (SEALING S3). */
function primitives(work: Work, name: string, act: PrimitiveAct, holds: boolean): void {
  const { node, out, sealing } = work
  const value = node[name]
  const stays = Array.isArray(value) && value.every(one => act(one, sealing) === one)
  if (holds && !stays) refuse('E_PRIVACY_NO_RULE', placeOf(work, name))
  if (stays && node[`_${name}`] === undefined) out[name] = value
  else hide(work, name)
}

/** A member and its `_member` go into the token of the element they belong to. */
function hide({ node, hidden }: Work, name: string): void {
  for (const one of [name, `_${name}`]) if (node[one] !== undefined) hidden[one] = hideable(one, node[one])
}

function pathOf({ path }: Work, name: string): string {
  return path === '$' ? name : `${path}.${name}`
}

function placeOf(work: Work, name: string): string {
  return location(work.sealing, pathOf(work, name))
}

/** Extensions that say why there is no value stay; all others go into the token of their parent. */
function extensions({ out, hidden }: Work, value: Json): void {
  const list: readonly Json[] = Array.isArray(value) ? value : []
  const kept = list.filter(isReason)
  const unknown = list.filter(one => !isReason(one))
  if (kept.length > 0) out.extension = kept
  if (unknown.length > 0) hidden.extension = unknown
}

function isReasonOnly(under: Json): boolean {
  if (!isObject(under) || Object.keys(under).some(name => name !== 'extension')) return false
  return Array.isArray(under.extension) && under.extension.every(isReason)
}

function isReason(extension: Json): boolean {
  if (!isObject(extension) || extension.url !== MASK || Object.keys(extension).length !== 2) return false
  return extension.valueCode !== 'masked' && listed(absentReasons, extension.valueCode) !== null
}
