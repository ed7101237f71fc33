/** The second pass of the last scan (SEALING S5): nothing that names a person of the message is left readable. */
import { refuse } from '../errors.ts'
import { displayOf, listed } from './acts/codes.ts'
import { isTime } from './acts/primitives.ts'
import { isObject, type Json, type JsonObject } from './acts/slot.ts'
import { type Rules, rulesOf } from './policy/compile.ts'
import type { Terms } from './terms.ts'

/** Members of datatypes whose strings are never copied words: ids, tokens, URIs, and values of closed lists. */
const ours = new Set([
  ...'resourceType id reference url system use type country state contentType comparator unit profile'.split(' '),
  ...'durationUnit periodUnit dayOfWeek when'.split(' '),
])
const extensions = new Set(['valueString', 'valueCode'])

/** Throws Refusal E_PRIVACY_SCAN at the element that still names somebody. */
export function demandClean(resource: JsonObject, terms: Terms): void {
  visit(resource, String(resource.resourceType))

  /** `rules`: those of the element, where the policy has rows for its members. */
  function visit(value: Json, at: string, rules?: Rules): void {
    if (Array.isArray(value)) for (const one of value) visit(one, at, rules)
    else if (isObject(value)) visitObject(value, at, rulesOf.get(String(value.resourceType)) ?? rules)
    else if (typeof value === 'string' && !isTime(value) && terms.foundIn(value)) refuse('E_PRIVACY_SCAN', at)
  }

  function visitObject(value: JsonObject, at: string, rules?: Rules): void {
    const { system, code, display, url } = value
    const closed = listed(system, code) === 'closed'
    for (const name of Object.keys(value)) {
      const rule = rules?.get(name)
      const own =
        (name === 'code' && closed) ||
        (name === 'display' && display === displayOf(system, code)) ||
        (name === 'text' && isOwnDisplay(value))
      const token = url !== undefined && extensions.has(name)
      const isEnum = rule?.kind === 'primitive' && rule.holds
      const constant = isEnum || (ours.has(name) && !holdsObjects(value[name]))
      if (!own && !token && !constant)
        visit(value[name], `${at}.${name}`, rule?.kind === 'branch' ? rule.rules : undefined)
    }
  }
}

/** Whether the text of a CodeableConcept is our display of one of its codes. */
function isOwnDisplay({ text, coding }: JsonObject): boolean {
  return Array.isArray(coding) && coding.some(one => isObject(one) && displayOf(one.system, one.code) === text)
}

/** `type` is a closed code in an Address, and a concept in a Specimen. */
function holdsObjects(value: Json): boolean {
  return isObject(Array.isArray(value) ? value[0] : value)
}
