/**
 * One walk over a resource along the shapes of R4: which members may be there and how often, primitive values, required
 * members, choices, required bindings, references, and every invariant of the types met on the way.
 *
 * Findings name places by the standard's own names (`Observation.component[1].valueQuantity.code`); a member that R4 does
 * not know is `?`, because its name may be somebody's data.
 */
import type { KnownCode } from '../errors.ts'
import type { Issue } from '../records.ts'
import { type Invariant, invariants } from './invariants.ts'
import { isObject, type JsonObject } from './json.ts'
import { has, objectsOf } from './members.ts'
import { idPattern, isAbsoluteUri } from './primitives.ts'
import { type Element, knownTypes, type Shape, shapeOf } from './shape.ts'

/** More findings than a sender will read. */
const maxIssues = 20

/** `Type/id`, with a version perhaps. */
const relative = /^([A-Za-z]+)\/([^/]+)(?:\/_history\/([^/]+))?$/

/** Thrown and caught in here, when there are enough findings. */
const enough = Symbol('enough findings')

/** What is wrong with the resource; empty = valid. */
export function walk(resource: unknown): readonly Issue[] {
  const walker = new Walker()
  try {
    walker.document(resource)
  } catch (reason) {
    if (reason !== enough) throw reason
  }
  return walker.issues
}

class Walker {
  readonly issues: Issue[] = []
  readonly #path: (string | number)[] = []
  /** Ids of the contained resources of the resource we are in, for `#…` references. */
  #contained: ReadonlySet<unknown> = new Set()

  document(resource: unknown): void {
    const type = isObject(resource) ? resource.resourceType : undefined
    this.#path.push(typeof type === 'string' && knownTypes.has(type) ? type : '?')
    this.#resource(resource)
  }

  /** A resource with references of its own. */
  #resource(value: unknown): void {
    const outer = this.#contained
    this.#contained = new Set(isObject(value) ? objectsOf(value.contained).map(inner => inner.id) : [])
    this.#typed(value)
    this.#contained = outer
  }

  /** A resource, or one contained in it. */
  #typed(value: unknown): void {
    const type = isObject(value) ? String(value.resourceType) : ''
    const shape = knownTypes.has(type) ? shapeOf(type) : undefined
    if (isObject(value) && shape) this.#object(value, shape, true)
    else this.#found('resourceType', knownTypes.has(type) ? 'E_TYPE' : 'E_FHIR_INVALID')
  }

  #object(value: JsonObject, shape: Shape, isResource = false): void {
    /** Choice → its member that is there. */
    const chosen: Record<string, string> = {}
    let content = isResource
    for (const name in value) {
      if (name === 'resourceType' && isResource) continue
      if (name !== 'id') content = true
      const choice = this.#member(value, name, shape)?.choice
      if (choice) this.#onlyOne(chosen, choice, name)
    }
    if (!content) this.#found() // ele-1
    for (const names of shape.required) if (!names.some(name => has(value, name))) this.#found(names[0]!)
    for (const rule of invariants.get(shape.name) ?? []) this.#rule(rule, value)
  }

  #rule(rule: Invariant, value: JsonObject): void {
    const place = rule(value)
    if (place !== null) this.#found(place)
  }

  /** `valueString` and `_valueString` are one; `valueString` and `valueCode` are two. */
  #onlyOne(chosen: Record<string, string>, choice: string, name: string): void {
    const member = name.replace(/^_/, '')
    const other = chosen[choice]
    chosen[choice] = member
    if (other !== undefined && other !== member) this.#found(member)
  }

  /** Checks one member; returns what the table says of it. */
  #member(object: JsonObject, name: string, shape: Shape): Element | undefined {
    const element = shape.members.get(name)
    const besides = element ? undefined : shape.companions.get(name)
    if (element) this.#inside(name, () => this.#value(object, name, element))
    else if (!besides) this.#found('?')
    else if (besides.codes && object[name.slice(1)] === undefined) this.#found(name.slice(1))
    else this.#inside(name, () => this.#companion(object[name], besides))
    return element ?? besides
  }

  #value(object: JsonObject, name: string, element: Element): void {
    const value = object[name]
    const companion = element.companion === null ? undefined : object[element.companion]
    if (!element.many) this.#single(value, element)
    else if (!Array.isArray(value) || value.length === 0) this.#found()
    else if (companion === undefined) this.#entries(value, [], element)
    else if (!Array.isArray(companion) || companion.length !== value.length) this.#found()
    else this.#entries(value, companion, element)
  }

  /** `null` stands for a primitive that has extensions only; a code of a required binding has a value. */
  #entries(values: readonly unknown[], companions: readonly unknown[], element: Element): void {
    values.forEach((value, i) => {
      const isPadding = value === null && isObject(companions[i]) && !element.codes
      if (!isPadding) this.#inside(i, () => this.#single(value, element))
    })
  }

  /** The `_x` beside a primitive `x`: id and extensions. */
  #companion(value: unknown, element: Element): void {
    if (!element.many) this.#extensions(value)
    else if (!Array.isArray(value) || !value.some(isObject)) this.#found()
    else
      value.forEach((entry, i) => {
        if (entry !== null) this.#inside(i, () => this.#extensions(entry))
      })
  }

  #extensions(value: unknown): void {
    if (isObject(value)) this.#object(value, shapeOf('Element')!)
    else this.#found()
  }

  #single(value: unknown, element: Element): void {
    if (element.primitive) this.#primitive(value, element.primitive, element)
    else if (element.type !== 'Resource') this.#complex(value, element)
    else if (this.#path.includes('contained')) this.#typed(value)
    else this.#resource(value)
  }

  #primitive(value: unknown, isValid: (value: unknown) => boolean, element: Element): void {
    if (!isValid(value) || (element.codes && !element.codes.has(value as string))) this.#found()
  }

  #complex(value: unknown, element: Element): void {
    if (isObject(value)) {
      this.#object(value, shapeOf(element.type)!)
      if (element.codes) this.#bound(value, element.codes)
      if (element.type === 'Reference') this.#reference(value, element)
    } else this.#found()
  }

  /** A required binding of a CodeableConcept: one of its codings is of the set; a sealed or masked one has none. */
  #bound(concept: JsonObject, codes: ReadonlySet<string>): void {
    const codings = objectsOf(concept.coding)
    if (codings.length === 0 && concept.extension !== undefined) return
    if (!codings.some(coding => codes.has(`${coding.system}|${coding.code}`))) this.#found('coding')
  }

  /** ref-1, the form of a reference (R4, References, 2.3.0.1), and the types it may lead to. */
  #reference(value: JsonObject, element: Element): void {
    const reference = value.reference
    if (typeof reference !== 'string' || reference === '#' || isAbsoluteUri(reference)) return
    const [, type = '', id = '', version = '1'] = relative.exec(reference) ?? []
    if (reference.startsWith('#')) {
      if (!this.#contained.has(reference.slice(1))) this.#found('reference')
    } else if (!knownTypes.has(type) || !idPattern.test(id) || !idPattern.test(version)) this.#found('reference')
    else if (element.targets && !element.targets.has(type)) this.#found('reference')
    else if (value.type !== undefined && value.type !== type) this.#found('type')
  }

  #inside(step: string | number, then: () => void): void {
    this.#path.push(step)
    then()
    this.#path.pop()
  }

  /** Notes a finding at the element we are in, or at a member below it (`component[1].code`). */
  #found(member = '', code: KnownCode = 'E_FHIR_INVALID'): void {
    const here = this.#path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i ? `.${step}` : step)).join('')
    const at = member ? `${here}.${member}` : here
    if (!this.issues.some(issue => issue.at === at)) this.issues.push({ code, at })
    if (this.issues.length >= maxIssues) throw enough
  }
}
