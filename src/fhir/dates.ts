/** FHIR's dates and times: their grammar, their place in the real calendar, and their order. */
import type { Ms } from '../records.ts'

const grammar =
  /^(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?(Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00)))?)?)?$/

/** How exact a dateTime is; null for text that is none (R4, Data Types: dateTime; 2026-02-30 is none). */
export type Precision = 'year' | 'month' | 'day' | 'time'

export function precisionOf(text: string): Precision | null {
  const parts = grammar.exec(text)
  if (!parts || parts[1] === '0000') return null
  if (parts[3] && Number(parts[3]) > daysIn(Number(parts[1]), Number(parts[2]))) return null
  if (parts[4]) return 'time'
  if (parts[3]) return 'day'
  return parts[2] ? 'month' : 'year'
}

/**
 * Whether `start` is not after `end`, as FHIRPath compares (per-1): dates of different precision are in order only where
 * their common part decides. So 2026 to 2026-03, and a day to a time of that day, are not known to be in order.
 */
export function isInOrder(start: string, end: string): boolean {
  if (precisionOf(start) === 'time' && precisionOf(end) === 'time') return momentOf(start) <= momentOf(end)
  const common = Math.min(start.length, end.length, 'YYYY-MM-DD'.length)
  const [from, to] = [start.slice(0, common), end.slice(0, common)]
  return from === to ? start.length === end.length : from < to
}

/** A leap second counts as the second before it. */
function momentOf(text: string): Ms {
  return Date.parse(text.replace(/:60(?=[.Z+-])/, ':59'))
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}
