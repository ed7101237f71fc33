/** The kinds of values a configuration holds: how each reads from YAML and what it is called in messages. */
import { isIPv6 } from 'node:net'
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

/** A duration within bounds; beyond them a setting could not do what it says (a timer holds 24 days at most). */
export function durationFrom(least: string, most: string): (value: unknown) => Parsed<number> {
  const bound = (text: string) => (duration(text) as { ok: number }).ok
  return value => {
    const parsed = duration(value)
    if ('expected' in parsed || (parsed.ok >= bound(least) && parsed.ok <= bound(most))) return parsed
    return { expected: `a duration from ${least} to ${most}` }
  }
}

/** Not blank, and without control characters: nobody can see those, and they end lines where the text is sent. */
export function text(value: unknown): Parsed<string> {
  return isText(value) && value.trim() !== ''
    ? { ok: value }
    : { expected: 'a text, not blank and without control characters' }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !/\p{Cc}/u.test(value)
}

/** What a certificate may be for, as TLS can ask for it: a name with letters, no address (RFC 6066 §3). */
export function hostName(value: unknown): Parsed<string> {
  const isName = typeof value === 'string' && value.length <= 253 && /^([\w-]+\.)*[\w-]*[a-z][\w-]*$/i.test(value)
  return isName ? { ok: value } : { expected: 'a host name, not an address' }
}

/** The name of a login that HTTP Basic can carry (RFC 7617 §2). */
export function userName(value: unknown): Parsed<string> {
  const parsed = text(value)
  return 'ok' in parsed && parsed.ok.includes(':') ? { expected: 'a name without a colon' } : parsed
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
  return entries.every(([, one]) => isText(one)) ? { ok: Object.fromEntries(entries) } : { expected }
}

/** Texts by names that look like `name`; `not`: those that are taken. */
export function named(name: RegExp, not: readonly string[]): typeof texts {
  return value => {
    const parsed = texts(value)
    if ('expected' in parsed) return parsed
    const names = Object.keys(parsed.ok)
    return names.every(one => name.test(one) && !not.includes(one))
      ? parsed
      : { expected: `names of the form ${name.source}, other than ${not.join(', ')}` }
  }
}

/** `host:port`, `[host]:port` where the host is an IPv6 address. */
export function hostPort(value: unknown): Parsed<string> {
  const [, literal, port] = (typeof value === 'string' && /^(?:[\w.-]+|\[(.*)\]):(\d{1,5})$/.exec(value)) || []
  const right = Number(port) >= 1 && Number(port) <= 65_535 && (literal === undefined || isIPv6(literal))
  return right ? { ok: value as string } : { expected: 'host:port' }
}

/** An address of one of these schemes; a login has no place in it, since addresses get shown. */
export function url(...schemes: readonly string[]): (value: unknown) => Parsed<string> {
  const expected = `an address that begins with ${schemes.map(scheme => `${scheme}//`).join(' or ')}, without a login`
  return value => {
    const parsed = isText(value) ? URL.parse(value) : null // which would pass over line breaks
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
