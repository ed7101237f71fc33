/** Numbers with units from two fields, and times that are a beginning and a duration: what scheduling and medication share. */
import type { Quantity } from 'fhir/r4.js'
import { numberOf } from '../../../src/fhir/json.ts'
import type { Segment } from '../message.ts'
import { unitOf } from '../tables/units.ts'
import { clean, readNumber } from './datatypes.ts'
import type { Draft } from './draft.ts'

const ucum = 'http://unitsofmeasure.org'

/**
 * CWE[Quantity]: the number in field `value` with the unit in field `unit`; undefined where there is no number. What is no
 * number is left out, noted E_PRUNED: an amount of "2 tabs" stays in the sealed original.
 */
export function quantityAt(segment: Segment, value: number, unit: number, draft: Draft): Quantity | undefined {
  const text = clean(segment.value(value))
  const number = text ? readNumber(text) : undefined
  if (text && number === undefined) draft.note('E_PRUNED', segment.at(value))
  return number === undefined ? undefined : { value: number as number, ...unitAt(segment, unit) }
}

/**
 * The unit of a coded field: UCUM where it is UCUM, else a text (a tablet is no UCUM unit, and no work for anybody). A
 * number is a local code (`43^mg/hr`) and never UCUM's factor.
 */
export function unitAt(segment: Segment, n: number): Omit<Quantity, 'value'> {
  const code = clean(segment.value(n))
  const unit = clean(segment.value(n, 2)) ?? code
  const found = [code, unit].map(ucumOf).find(one => one !== null)
  return { ...(unit && { unit }), ...(found && { system: ucum, code: found }) }
}

function ucumOf(text: string | undefined): string | null {
  if (!text || !/[A-Za-z%]/.test(text)) return null
  return unitOf(text) ?? unitOf(text.replace(/\/hr$/, '/h'))
}

/** A simple quantity without number below zero: what nobody can take is left out, noted E_PRUNED. */
export function doseAt(segment: Segment, value: number, unit: number, draft: Draft): Quantity | undefined {
  const dose = quantityAt(segment, value, unit, draft)
  if (!dose || numberOf(dose.value) >= 0) return dose
  draft.note('E_PRUNED', segment.at(value))
  return undefined
}

const minutes: Readonly<Record<string, number>> = {
  s: 1 / 60,
  sec: 1 / 60,
  second: 1 / 60,
  seconds: 1 / 60,
  m: 1,
  min: 1,
  mins: 1,
  minute: 1,
  minutes: 1,
  h: 60,
  hr: 60,
  hrs: 60,
  hour: 60,
  hours: 60,
  d: 1440,
  day: 1440,
  days: 1440,
}

/** Minutes of a duration in field `n` with its unit (CNE, CE) in field `unit`; minutes where it has none. */
export function minutesAt(segment: Segment, n: number, unit: number): number | undefined {
  const text = clean(segment.value(n))
  const value = text && /^\d{1,6}(?:\.\d+)?$/.test(text) ? Number(text) : undefined
  const factor = minutes[(clean(segment.value(unit)) ?? 'min').toLowerCase()]
  return value === undefined || factor === undefined ? undefined : value * factor
}

/** A FHIR time so many minutes later, under the same offset; undefined for a date, which has no minutes. */
export function later(at: string, by: number): string | undefined {
  const offset = /T.*([+-])(\d{2}):(\d{2})$/.exec(at)
  if (!offset) return undefined
  const shift = (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]))
  const moved = new Date(Date.parse(at) + Math.round((by + shift) * 60_000))
  return `${moved.toISOString().slice(0, 19)}${at.slice(-6)}`
}
