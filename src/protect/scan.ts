/** The second pass of the last scan (SEALING S5): nothing that names a person of the message is left readable. */
import { refuse } from '../errors.ts'
import { displayOf, listed } from './acts/codes.ts'
import { isTime } from './acts/primitives.ts'
import { isObject, type Json, type JsonObject } from './acts/slot.ts'
import { policyRows } from './policy/policy.ts'
import type { Terms } from './terms.ts'

/** Members whose strings are never copied words: ids, tokens, URIs, and values of closed lists. */
const ours = new Set([
  ...policyRows.filter(row => row.act === 'enum').map(row => row.path.split('.').at(-1)!),
  ...'resourceType id reference url system use type country state contentType comparator unit profile'.split(' '),
])
const extensions = new Set(['valueString', 'valueCode'])

/** Throws Refusal E_PRIVACY_SCAN at the element that still names somebody. */
export function demandClean(resource: JsonObject, terms: Terms): void {
  visit(resource, String(resource.resourceType))

  function visit(value: Json, at: string): void {
    if (Array.isArray(value)) for (const one of value) visit(one, at)
    else if (isObject(value)) visitObject(value, at)
    else if (typeof value === 'string' && !isTime(value) && terms.foundIn(value)) refuse('E_PRIVACY_SCAN', at)
  }

  function visitObject(value: JsonObject, at: string): void {
    const { system, code, display, url } = value
    const closed = listed(system, code) === 'closed'
    for (const name of Object.keys(value)) {
      const own = (name === 'code' && closed) || (name === 'display' && display === displayOf(system, code))
      const token = url !== undefined && extensions.has(name)
      if (!own && !token && !ours.has(name)) visit(value[name], `${at}.${name}`)
    }
  }
}
