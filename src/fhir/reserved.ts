/**
 * Authorities under which the gateway itself makes names: `sender:<profile>` for numbers without an authority,
 * `client:<name>` for posted resources without an identifier, `device` and `device:<id>` for trackers and their readings.
 * Whoever could use one would write over what others sent, so no message may bring one along.
 */
import { isObject, type JsonValue } from './json.ts'

const own = /^(?:sender|client|device)(?::|$)/

/** Whether an identifier's system is one of ours. */
export function isReserved(system: string): boolean {
  return own.test(system)
}

/** The place of the first identifier under one of our authorities, `at` being the place of the value; null = there is none. */
export function reservedIn(value: JsonValue, at: string): string | null {
  if (Array.isArray(value)) return firstOf(value.map((entry, i) => [`${at}[${i}]`, entry]))
  if (!isObject(value)) return null
  const { system } = value
  if (typeof system === 'string' && value.value !== undefined && isReserved(system)) return `${at}.system`
  return firstOf(Object.entries(value).map(([name, inner]) => [`${at}.${name}`, inner]))
}

function firstOf(places: readonly (readonly [at: string, value: JsonValue])[]): string | null {
  for (const [at, value] of places) {
    const found = reservedIn(value, at)
    if (found) return found
  }
  return null
}
