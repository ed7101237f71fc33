/** The kinds of values a configuration holds: how each reads from YAML and what it is called in messages. */
import { day, GiB, hour, KiB, MiB, minute, second } from '../limits.ts'

export type Parsed<T> = { ok: T } | { expected: string }

const units: Record<string, number> = { B: 1, KiB, MiB, GiB }
const times: Record<string, number> = { ms: 1, s: second, m: minute, h: hour, d: day }

/** `10GiB`, `256KiB`, `900` (bytes). */
export function bytes(value: unknown): Parsed<number> {
  const expected = 'a size such as 256KiB, 10MiB or 2GiB'
  if (Number.isSafeInteger(value) && (value as number) >= 0) return { ok: value as number }
  const match = typeof value === 'string' ? /^(\d{1,12})(B|KiB|MiB|GiB)$/.exec(value) : null
  return match ? { ok: Number(match[1]) * (units[match[2] as string] as number) } : { expected }
}

/** `500ms`, `10m`, `2d`. Yields milliseconds. */
export function duration(value: unknown): Parsed<number> {
  const match = typeof value === 'string' ? /^(\d{1,9})(ms|s|m|h|d)$/.exec(value) : null
  if (!match) return { expected: 'a duration such as 500ms, 30s, 10m or 2d' }
  return { ok: Number(match[1]) * (times[match[2] as string] as number) }
}

export function text(value: unknown): Parsed<string> {
  return typeof value === 'string' && value !== '' ? { ok: value } : { expected: 'a text' }
}

/** Names that go into topics, ids and MACs (SEALING, Rules). */
export function slug(value: unknown): Parsed<string> {
  return typeof value === 'string' && /^[a-z0-9-]{1,32}$/.test(value)
    ? { ok: value }
    : { expected: '1 to 32 of a-z, 0-9 and -' }
}

export function port(value: unknown): Parsed<number> {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535
    ? { ok: value as number }
    : { expected: 'a port from 0 (any free one) to 65535' }
}

export function count(value: unknown): Parsed<number> {
  return Number.isInteger(value) && (value as number) > 0
    ? { ok: value as number }
    : { expected: 'a whole number above 0' }
}

export function oneOf<const T extends string>(...choices: readonly T[]): (value: unknown) => Parsed<T> {
  return value => {
    const found = choices.find(choice => choice === value)
    return found === undefined ? { expected: choices.join(' or ') } : { ok: found }
  }
}

export function listOf<T>(item: (value: unknown) => Parsed<T>): (value: unknown) => Parsed<readonly T[]> {
  return value => {
    if (!Array.isArray(value)) return { expected: 'a list' }
    const items: T[] = []
    for (const one of value) {
      const parsed = item(one)
      if ('expected' in parsed) return { expected: `a list, each ${parsed.expected}` }
      items.push(parsed.ok)
    }
    return { ok: items }
  }
}

/** A flat mapping of texts. */
export function texts(value: unknown): Parsed<Readonly<Record<string, string>>> {
  const expected = 'a mapping of texts'
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { expected }
  const entries = Object.entries(value)
  return entries.every(([, one]) => typeof one === 'string') ? { ok: Object.fromEntries(entries) } : { expected }
}

/** `host:port`. */
export function hostPort(value: unknown): Parsed<string> {
  const port = typeof value === 'string' ? Number(/^[\w.-]+:(\d{1,5})$/.exec(value)?.[1]) : 0
  return port >= 1 && port <= 65_535 ? { ok: value as string } : { expected: 'host:port' }
}

/** An address of one of these schemes; a login has no place in it, since addresses get shown. */
export function url(...schemes: readonly string[]): (value: unknown) => Parsed<string> {
  const expected = `an address that begins with ${schemes.map(scheme => `${scheme}//`).join(' or ')}, without a login`
  return value => {
    const parsed = typeof value === 'string' ? URL.parse(value) : null
    const right = parsed && schemes.includes(parsed.protocol) && !parsed.username && !parsed.password
    return right ? { ok: value as string } : { expected }
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

/** An IANA time zone that this machine knows. */
export function zone(value: unknown): Parsed<string> {
  const expected = 'an IANA time zone such as Europe/Vienna or UTC'
  if (typeof value !== 'string' || value === '') return { expected }
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return { ok: value }
  } catch {
    return { expected }
  }
}

export function flag(value: unknown): Parsed<boolean> {
  return typeof value === 'boolean' ? { ok: value } : { expected: 'true or false' }
}
