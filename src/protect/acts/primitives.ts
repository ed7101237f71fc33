/** The acts on primitives: each says what of a value may be read. */
import type { Ms } from '../../records.ts'
import { isMeasure } from './quantity.ts'
import type { Json, Sealing } from './slot.ts'

/** In place of a year: the person is 90 or older (45 CFR 164.514(b)(2)(i)(C)). */
export const over90 = Symbol('90+')

/** The value itself = it stays; another value = it is generalised; undefined = it is sealed. */
export type PrimitiveAct = (value: Json, sealing: Sealing) => Json | typeof over90

export function number(value: Json, sealing: Sealing): Json {
  return isMeasure(value, sealing) ? value : undefined
}

const timeForm =
  /^\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))?)?)?$|^\d\d:\d\d:\d\d(?:\.\d{1,9})?$/

/** The grammar of date, dateTime, instant and time (FHIR R4, Data Types). */
export function isTime(value: Json): boolean {
  return typeof value === 'string' && timeForm.test(value)
}

export function time(value: Json): Json {
  return isTime(value) ? value : undefined
}

/** The year of a date. */
export function year(value: Json, sealing: Sealing): Json {
  if (typeof value !== 'string' || !isTime(value) || value[2] === ':') return undefined
  if (value.length > 4) sealing.abstracted = true
  return value.slice(0, 4)
}

/** The year of birth, or `90+`. */
export function yearOrBand(value: Json, sealing: Sealing): Json | typeof over90 {
  const kept = year(value, sealing)
  if (typeof kept !== 'string' || ageAt(value as string, sealing.receivedAt) < 90) return kept
  sealing.abstracted = true
  return over90
}

/** Full years at a moment; of a date without month or day the most it can be. */
function ageAt(birthDate: string, at: Ms): number {
  const today = new Date(at).toISOString()
  const years = Number(today.slice(0, 4)) - Number(birthDate.slice(0, 4))
  const beforeBirthday = birthDate.length >= 10 && today.slice(5, 10) < birthDate.slice(5, 10)
  return beforeBirthday ? years - 1 : years
}
