/**
 * HL7 times (DTM, TS, DT, TM; HL7 v2.5.1 §2.A.21, §2.A.77) as FHIR's. Precision is kept: a year stays a year, a date a
 * date. A time keeps the offset it came with; one without is read in the sender's zone (profile.zone), because MSH-7's
 * offset, the standard's default, is wrong for every time on the other side of a clock change.
 */

/** `at` is FHIR text: `2026`, `2026-11`, `2026-11-25` or `2026-11-25T08:00:00+01:00`. */
export type Moment = Readonly<{
  at: string
  precision: 'year' | 'month' | 'day' | 'time'
  /** The offset of a time: as sent, from the sender's zone, or from a zone that skips this hour; null for dates. */
  offset: 'sent' | 'zone' | 'gap' | null
  /** A time without offset was cut to its day, because the zone is unknown. */
  cut: boolean
}>

const grammar = /^(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d+))?)?)?)?)?)?([+-]\d{4})?$/
const clock = /^(\d{2})(\d{2})?(\d{2})?(?:\.(\d+))?(?:[+-]\d{4})?$/

/**
 * Reads a DTM, TS or DT (`YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`) in an IANA zone.
 * Null: not of that form, or no such day, hour or offset. Seconds and minutes that are missing become `00`, as FHIR
 * has no hour alone; fractions are cut to milliseconds.
 */
export function readTime(text: string, zone: string): Moment | null {
  const parts = grammar.exec(text)
  if (!parts) return null
  const [, year, month, day, hour, minute = '00', second = '00', fraction, offset] = parts
  if (!isDay(year!, month ?? '01', day ?? '01')) return null
  const date = [year, month, day].filter(Boolean).join('-')
  if (hour === undefined)
    return { at: date, precision: day ? 'day' : month ? 'month' : 'year', offset: null, cut: false }
  const time = clockText(hour, minute, second, fraction)
  if (time === null) return null
  if (offset !== undefined) return sent(date, time, offset)
  const found = offsetOf(Date.parse(`${date}T${hour}:${minute}:${second}Z`), zone)
  if (found === null) return { at: date, precision: 'day', offset: null, cut: true }
  const at = `${date}T${time}${offsetText(found.minutes)}`
  return { at, precision: 'time', offset: found.gap ? 'gap' : 'zone', cut: false }
}

/** Reads a TM (`HH[MM[SS[.S…]]]`) as FHIR's time of day; null when it is none. FHIR's time has no offset: it is dropped. */
export function readClock(text: string): string | null {
  const parts = clock.exec(text)
  return parts && clockText(parts[1]!, parts[2] ?? '00', parts[3] ?? '00', parts[4])
}

/** The offset in minutes that a zone has at a wall clock time without offset; null for an unknown zone. */
export function zoneMinutes(text: string, zone: string): number | null {
  const moment = readTime(text.replace(/[+-]\d{4}$/, ''), zone)
  const offset = moment && /([+-])(\d{2}):(\d{2})$/.exec(moment.precision === 'time' ? moment.at : '')
  return offset ? (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) : null
}

function sent(date: string, time: string, offset: string): Moment | null {
  const hours = Number(offset.slice(1, 3))
  const minutes = Number(offset.slice(3))
  if (minutes > 59 || hours * 60 + minutes > 14 * 60) return null
  return {
    at: `${date}T${time}${offset.slice(0, 3)}:${offset.slice(3)}`,
    precision: 'time',
    offset: 'sent',
    cut: false,
  }
}

function clockText(hour: string, minute: string, second: string, fraction: string | undefined): string | null {
  if (hour > '23' || minute > '59' || second > '59') return null
  return `${hour}:${minute}:${second}${fraction ? `.${fraction.slice(0, 3)}` : ''}`
}

function isDay(year: string, month: string, day: string): boolean {
  if (year === '0000' || month < '01' || month > '12' || day < '01') return false
  return Number(day) <= daysIn(Number(year), Number(month))
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

// ---------------------------------------------------------------- zones

type Found = Readonly<{ minutes: number; gap: boolean }>

const formats = new Map<string, Intl.DateTimeFormat | null>()
/** Offsets by zone and quarter of an hour (no zone changes its clock elsewhere); emptied when it has this many. */
const known = new Map<string, Found>()
const knownMost = 5000
const quarter = 15 * 60_000
const halfDay = 12 * 3_600_000

/** The offset of a wall clock time (given as if it were UTC). A time that comes twice is the first of the two. */
function offsetOf(wall: number, zone: string): Found | null {
  const format = formatOf(zone)
  if (!format) return null
  const key = `${zone} ${Math.floor(wall / quarter)}`
  const before = known.get(key)
  if (before) return before
  if (known.size >= knownMost) known.clear()
  const found = search(wall, format)
  known.set(key, found)
  return found
}

/** A wall time is right under an offset if the zone has that offset at the moment it then means. */
function search(wall: number, format: Intl.DateTimeFormat): Found {
  const earlier = offsetAt(wall - 2 * halfDay, format)
  const later = offsetAt(wall + 2 * halfDay, format)
  const fits = [earlier, later].find(minutes => offsetAt(wall - minutes * 60_000, format) === minutes)
  return { minutes: fits ?? earlier, gap: fits === undefined }
}

function offsetAt(utc: number, format: Intl.DateTimeFormat): number {
  const [month, day, year, hour, minute, second] = format.format(utc).match(/\d+/g)!.map(Number)
  const wall = new Date(0).setUTCFullYear(year!, month! - 1, day!) + ((hour! * 60 + minute!) * 60 + second!) * 1000
  return Math.round((wall - Math.floor(utc / 1000) * 1000) / 60_000)
}

function formatOf(zone: string): Intl.DateTimeFormat | null {
  const before = formats.get(zone)
  if (before !== undefined) return before
  const format = makeFormat(zone)
  formats.set(zone, format)
  return format
}

function makeFormat(timeZone: string): Intl.DateTimeFormat | null {
  try {
    const digits = { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' } as const
    return new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', ...digits })
  } catch {
    return null
  }
}

function offsetText(minutes: number): string {
  const size = Math.abs(minutes)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}
