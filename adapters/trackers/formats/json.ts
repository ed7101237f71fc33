/** Reading members of payloads, with the place of what is wrong. */

import { type KnownCode, refuse } from '../../../src/errors.ts'
import { type Decimal, isDecimal, isObject, type JsonObject, type JsonValue } from '../../../src/fhir/json.ts'

/** The object at a place. Throws Refusal E_FIELD_MISSING where there is none, else E_PAYLOAD. */
export function objectAt(value: JsonValue | undefined, at: string): JsonObject {
  if (value === undefined) return refuse('E_FIELD_MISSING', at)
  return isObject(value) ? value : refuse('E_PAYLOAD', at)
}

/** The text at a place. Throws Refusal E_FIELD_MISSING, else E_PAYLOAD. */
export function textAt(value: JsonValue | undefined, at: string): string {
  if (value === undefined) return refuse('E_FIELD_MISSING', at)
  return typeof value === 'string' && value !== '' ? value : refuse('E_PAYLOAD', at)
}

/** The number at a place. Throws Refusal E_FIELD_MISSING, else E_FIELD_TYPE. */
export function numberAt(value: JsonValue | undefined, at: string): Decimal {
  if (value === undefined) return refuse('E_FIELD_MISSING', at)
  return isDecimal(value) ? value : refuse('E_FIELD_TYPE', at)
}

/** The value, or a refusal where a reader found none. */
export function demand<T>(value: T | null | undefined, code: KnownCode, at: string): T {
  return value ?? refuse(code, at)
}
