/** Times that devices give: RFC 3339 with an offset, as FHIR's dateTime and OMH's date-time both want them. */
import { precisionOf } from '../../src/fhir/dates.ts'
import { day } from '../../src/limits.ts'
import type { Ms } from '../../src/records.ts'
import type { When } from './measurement.ts'

/** A point in time, null when the text is none: not that form, no such day, no offset. */
export function pointOf(text: unknown): When | null {
  const at = typeof text === 'string' && precisionOf(text) === 'time' ? Date.parse(withoutLeap(text)) : Number.NaN
  return Number.isNaN(at) ? null : { text: text as string, startText: text as string, start: at, end: at }
}

/** A day without a time: it covers the whole day, in UTC. */
export function dayOf(text: unknown): When | null {
  if (typeof text !== 'string' || precisionOf(text) !== 'day') return null
  const start = Date.parse(`${text}T00:00:00Z`)
  return { text, startText: text, start, end: start + day }
}

/** From one point to another; null when it ends before it starts. */
export function periodOf(start: When | null, end: When | null): When | null {
  if (!start || !end || end.end < start.start) return null
  return { text: end.text, startText: start.text, start: start.start, end: end.end }
}

/** The point that lies `ms` after (before, when negative). */
export function shifted(point: When, ms: Ms): When {
  const at = point.start + Math.round(ms)
  const text = new Date(at).toISOString()
  return { text, startText: text, start: at, end: at }
}

const withoutLeap = (text: string): string => text.replace(/:60(?=[.Z+-])/, ':59')
