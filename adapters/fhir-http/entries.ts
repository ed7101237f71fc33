/** What a request wants done: one entry for a create, one for each entry of a transaction Bundle. */
import { type KnownCode, refuse } from '../../src/errors.ts'
import { isObject, type JsonObject, type JsonValue } from '../../src/fhir/json.ts'
import { objectOf, objectsOf } from '../../src/fhir/members.ts'
import { isReserved } from '../../src/fhir/reserved.ts'
import type { Arrival, Identity } from '../../src/records.ts'
import { demandValid } from './demands.ts'
import { isUniversal } from './identity.ts'
import { type Called, unnamed } from './references.ts'
import { isTaken, type TakenType } from './release.ts'

export type Entry = Readonly<{
  /** Place of the resource in the request: `Patient`, `Bundle.entry[2].resource`. */
  at: string
  type: TakenType
  resource: JsonObject
  verb: 'replace' | 'ensure'
  /** The identifier of a conditional create or update. */
  criterion: Identity | null
  /** What other entries may call it, and where its own relative references begin. */
  called: Called
}>

/**
 * The entries of a request body, valid R4 and of the types of this release.
 * Throws Refusal (never): E_FHIR_INVALID, E_TYPE, E_BUNDLE, E_FIELD_TYPE.
 */
export function entriesOf(body: JsonValue, meta: Arrival['meta']): Entry[] {
  return meta.interaction === 'transaction' ? transaction(body) : [create(body, meta)]
}

function create(body: JsonValue, meta: Arrival['meta']): Entry {
  const at = meta.type ?? '?'
  if (!isTaken(at)) return refuse('E_TYPE', at)
  if (!isObject(body) || body.resourceType !== at) return refuse('E_FHIR_INVALID', `${at}.resourceType`)
  demandValid(body)
  const condition = meta.ifNoneExist
  return {
    at,
    type: at,
    resource: body,
    verb: condition === undefined ? 'replace' : 'ensure',
    criterion: condition === undefined ? null : criterionOf(condition, 'E_FIELD_TYPE', 'If-None-Exist'),
    called: unnamed,
  }
}

/** R4 §3.1.0.11: all or nothing, so one arrival. */
function transaction(body: JsonValue): Entry[] {
  if (!isObject(body) || body.resourceType !== 'Bundle') return refuse('E_FHIR_INVALID', 'Bundle.resourceType')
  if (body.type !== 'transaction') return refuse('E_BUNDLE', 'Bundle.type')
  demandValid(body)
  const entries = objectsOf(body.entry)
  if (entries.length === 0) return refuse('E_BUNDLE', 'Bundle.entry')
  return entries.map((entry, i) => transactionEntry(entry, `Bundle.entry[${i}]`))
}

function transactionEntry(entry: JsonObject, at: string): Entry {
  const resource = objectOf(entry.resource)
  const type = resource.resourceType
  if (type === undefined) return refuse('E_BUNDLE', `${at}.request`)
  if (!isTaken(type)) return refuse('E_TYPE', `${at}.resource`)
  return {
    at: `${at}.resource`,
    type,
    resource,
    ...requestOf(objectOf(entry.request), type, at),
    called: calledOf(entry),
  }
}

/** `POST Type` (with ifNoneExist perhaps) or `PUT Type?identifier=system|value`. */
function requestOf(request: JsonObject, type: TakenType, at: string): Pick<Entry, 'verb' | 'criterion'> {
  const place = `${at}.request`
  if (['ifMatch', 'ifNoneMatch', 'ifModifiedSince'].some(member => member in request)) return refuse('E_BUNDLE', place)
  const [path, query, ...more] = String(request.url).split('?')
  if (path !== type || more.length > 0) return refuse('E_BUNDLE', place)
  if (request.method === 'PUT') return { verb: 'replace', criterion: criterionOf(query ?? '', 'E_BUNDLE', place) }
  if (request.method !== 'POST' || query !== undefined) return refuse('E_BUNDLE', place)
  if (request.ifNoneExist === undefined) return { verb: 'replace', criterion: null }
  return { verb: 'ensure', criterion: criterionOf(String(request.ifNoneExist), 'E_BUNDLE', place) }
}

/**
 * A search for one identifier, `identifier=system|value`, percent-encoded perhaps; no other search can be answered here:
 * `code`. E_FIELD_TYPE for a system under which nobody may name anything.
 */
function criterionOf(query: string, code: KnownCode, at: string): Identity {
  const [[name, token] = [], ...more] = [...new URLSearchParams(query.replace(/^\?/, ''))]
  const cut = token?.indexOf('|') ?? -1
  if (name !== 'identifier' || more.length > 0 || cut < 1 || cut === token!.length - 1) return refuse(code, at)
  const system = token!.slice(0, cut)
  if (isReserved(system) || isUniversal(system)) return refuse('E_FIELD_TYPE', at)
  return { system, value: token!.slice(cut + 1) }
}

/** `Type/id` is a name where the fullUrl is missing, or a RESTful one of that id. */
function calledOf({ fullUrl, resource }: JsonObject): Called {
  const { resourceType, id } = objectOf(resource)
  const relative = id === undefined ? null : `${resourceType}/${id}`
  if (typeof fullUrl !== 'string') return { fullUrl: null, base: null, relative }
  const [, base, type, own] = /^(.+\/)([A-Za-z]+)\/([A-Za-z0-9.-]{1,64})$/.exec(fullUrl) ?? []
  if (type !== resourceType) return { fullUrl, base: null, relative: null }
  return { fullUrl, base: base!, relative: own === id ? relative : null }
}
