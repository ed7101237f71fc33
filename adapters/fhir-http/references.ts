/**
 * The references of a request, made local to the message: to another entry, to a contained resource, or by identifier to
 * a person, place or thing that the request says nothing else about.
 */
import { refuse } from '../../src/errors.ts'
import { isObject, type JsonObject, type JsonValue } from '../../src/fhir/json.ts'
import { isAbsoluteUri } from '../../src/fhir/primitives.ts'
import type { Change, FhirResource, Identity } from '../../src/records.ts'
import { identityIn } from './identity.ts'

/** Types that are valid R4 with an identifier alone. */
const thinTypes: readonly string[] = [
  ...['Patient', 'Practitioner', 'PractitionerRole', 'Organization', 'Location', 'Device'],
]
const members = new Set(['id', 'extension', 'reference', 'type', 'identifier', 'display'])

/** A resource of the message by its local name, `Patient/patient-1`. */
export type Target = Readonly<{ local: string; identity: readonly Identity[] }>

/** What other entries of the same Bundle may call an entry (R4, Bundle, Resolving references in Bundles). */
export type Called = Readonly<{
  fullUrl: string | null
  /** What a RESTful fullUrl begins with, up to the type: relative references of the entry go on from there. */
  base: string | null
  /** `Type/id`. */
  relative: string | null
}>

export const unnamed: Called = { fullUrl: null, base: null, relative: null }

/** Name → the one target that has it. */
class Names {
  readonly #targets = new Map<string, Target | 'several'>()

  has(name: string): boolean {
    return this.#targets.has(name)
  }

  claim(name: string, target: Target): void {
    const holder = this.#targets.get(name)
    this.#targets.set(name, holder === undefined || holder === target ? target : 'several')
  }

  /** Throws Refusal E_BUNDLE at `at` where several have the name: to guess would give one person's data to another. */
  find(name: string, at: string): Target | undefined {
    const target = this.#targets.get(name)
    return target === 'several' ? refuse('E_BUNDLE', at) : target
  }
}

export class References {
  readonly #byUrl = new Names()
  readonly #byRelative = new Names()
  readonly #byIdentity = new Names()
  /** Patients by local name. */
  readonly #patients = new Map<string, Target>()
  readonly #thin: Change[] = []

  /** Makes an entry known. False: another one has the same identity. */
  add(type: string, target: Target, { fullUrl, relative }: Called): boolean {
    if (fullUrl) this.#byUrl.claim(fullUrl, target)
    if (relative) this.#byRelative.claim(relative, target)
    if (type === 'Patient') this.#patients.set(target.local, target)
    if (this.#byIdentity.has(identityKey(type, target.identity[0]!))) return false
    for (const identity of target.identity) this.#byIdentity.claim(identityKey(type, identity), target)
    return true
  }

  /** `ensure` changes for what is known by an identifier only. */
  get thin(): readonly Change[] {
    return this.#thin
  }

  /** The patient that a local reference leads to; undefined for anything else. */
  patient(reference: unknown): Target | undefined {
    return this.#patients.get(String(reference))
  }

  /**
   * The resource with local references; `at` is its place, `base` that of its entry. Throws Refusal E_REFERENCE (held)
   * where one leads neither into the message nor to an identifier, E_BUNDLE (never) where it leads to several entries.
   */
  resolve(resource: JsonObject, at: string, base: string | null): JsonObject {
    return this.#object(resource, at, base)
  }

  #value(value: JsonValue, at: string, base: string | null): JsonValue {
    if (Array.isArray(value)) return value.map((entry, i) => this.#value(entry, `${at}[${i}]`, base))
    if (!isObject(value)) return value
    return isReference(value, at) ? this.#reference(value, at, base) : this.#object(value, at, base)
  }

  #object(object: JsonObject, at: string, base: string | null): JsonObject {
    return Object.fromEntries(
      Object.entries(object).map(([name, value]) => [name, this.#value(value, `${at}.${name}`, base)]),
    )
  }

  #reference(value: JsonObject, at: string, base: string | null): JsonObject {
    const reference = typeof value.reference === 'string' ? value.reference : null
    if (reference?.startsWith('#')) return value
    const target = (reference && this.#literal(reference, at, base)) || this.#logical(value, reference, at)
    if (target) return { ...value, reference: target.local }
    return reference || isObject(value.identifier) ? refuse('E_REFERENCE', at) : value
  }

  /** A relative one is an address on the server of its own entry; without such a server, the one entry of that name. */
  #literal(reference: string, at: string, base: string | null): Target | undefined {
    if (isAbsoluteUri(reference)) return this.#byUrl.find(reference, at)
    return base === null ? this.#byRelative.find(reference, at) : this.#byUrl.find(`${base}${reference}`, at)
  }

  /** A reference by identifier: to the entry that has it, or to a new thin resource. */
  #logical(value: JsonObject, reference: string | null, at: string): Target | undefined {
    const identity = isObject(value.identifier) ? identityIn(value.identifier) : null
    const type = typeOf(value, reference, at)
    if (!identity || !type) return undefined
    const known = this.#byIdentity.find(identityKey(type, identity), at)
    if (known || !thinTypes.includes(type)) return known
    const id = `${type.toLowerCase()}-ref-${this.#thin.length + 1}`
    const target = { local: `${type}/${id}`, identity: [identity] }
    this.add(type, target, unnamed)
    const resource = { resourceType: type, id, identifier: [value.identifier] } as unknown as FhirResource
    this.#thin.push({ verb: 'ensure', resource, identity: [identity], subject: type === 'Patient' ? identity : null })
    return target
  }
}

/**
 * By its members alone: a Reference has no others, and a Coding or a ContactPoint has none of these two. The `reference`
 * of Immunization.education is the address of a leaflet.
 */
function isReference(value: JsonObject, at: string): boolean {
  if (typeof value.reference !== 'string' && !isObject(value.identifier)) return false
  if (/\.education\[\d+\]$/.test(at)) return false
  return Object.keys(value).every(member => members.has(member.replace(/^_/, '')))
}

/** What a reference leads to, as it says itself; `subject`, `patient` and `beneficiary` mean a patient. */
function typeOf(value: JsonObject, reference: string | null, at: string): string | undefined {
  if (typeof value.type === 'string') return value.type
  const named = /(?:^|\/)([A-Z][A-Za-z]+)\/[^/]+$/.exec(reference ?? '')?.[1]
  return named ?? (/\.(?:subject|patient|beneficiary)(?:\[\d+\])?$/.test(at) ? 'Patient' : undefined)
}

function identityKey(type: string, { system, value }: Identity): string {
  return JSON.stringify([type, system, value])
}
