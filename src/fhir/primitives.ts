/**
 * FHIR's primitive types as JSON values: one test each (R4, Data Types, Primitive Types). Stricter than HL7's JSON
 * schema where the text of the standard is: real calendar dates, 32-bit integers, no control characters. Looser where the
 * schema is wrong: its pattern of a string has no place for U+00A0 and U+3000, the blank of Japanese names.
 */
import { precisionOf } from './dates.ts'
import { isDecimal } from './json.ts'

const maxInteger = 2 ** 31 - 1
const maxString = 1024 * 1024
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/
const code = /^\S+(?: \S+)*$/
const oid = /^urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+$/
const uuid = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const time = /^(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?$/

/** FHIR's `id`: of resources and their references. */
export const idPattern = /^[A-Za-z0-9\-.]{1,64}$/

const text = (value: unknown): value is string => typeof value === 'string'
const matches = (pattern: RegExp) => (value: unknown) => text(value) && pattern.test(value)
const integerFrom = (least: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= maxInteger

export const primitives: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['boolean', value => typeof value === 'boolean'],
  ['decimal', value => isDecimal(value)],
  ['integer', integerFrom(-maxInteger - 1)],
  ['unsignedInt', integerFrom(0)],
  ['positiveInt', integerFrom(1)],
  ['string', isString],
  ['markdown', isString],
  ['xhtml', isString],
  ['code', matches(code)],
  ['id', matches(idPattern)],
  ['uri', isUri],
  ['url', isUri],
  ['canonical', isUri],
  ['oid', matches(oid)],
  ['uuid', matches(uuid)],
  ['base64Binary', isBase64],
  ['date', value => text(value) && isOneOf(value, ['year', 'month', 'day'])],
  ['dateTime', value => text(value) && isOneOf(value, ['year', 'month', 'day', 'time'])],
  ['instant', value => text(value) && isOneOf(value, ['time'])],
  ['time', matches(time)],
])

/** Whether the text is an absolute URI (a scheme, then anything without blanks). */
export function isAbsoluteUri(value: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:\S/.test(value)
}

function isString(value: unknown): boolean {
  return text(value) && value.length <= maxString && /\S/.test(value) && !controls.test(value)
}

function isUri(value: unknown): boolean {
  if (!text(value) || !/^\S+$/.test(value)) return false
  if (value.startsWith('urn:oid:')) return oid.test(value)
  return !value.startsWith('urn:uuid:') || uuid.test(value)
}

function isBase64(value: unknown): boolean {
  if (!text(value)) return false
  const packed = value.replace(/\s+/g, '')
  return packed.length > 0 && packed.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(packed)
}

function isOneOf(value: string, allowed: readonly string[]): boolean {
  const precision = precisionOf(value)
  return precision !== null && allowed.includes(precision)
}
