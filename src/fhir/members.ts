/** Reading members of a resource of which nothing is known yet. */
import { isObject, type JsonObject, type JsonValue } from './json.ts'

/** Whether a member is there: with a value, or with extensions only (FHIRPath `exists()`). */
export function has(object: JsonObject, member: string): boolean {
  return object[member] !== undefined || object[`_${member}`] !== undefined
}

/** Whether any `value[x]` is there. */
export function hasValue(object: JsonObject): boolean {
  return Object.keys(object).some(member => /^_?value[A-Z]/.test(member))
}

/** The objects of an array; nothing for anything else. */
export function objectsOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** The object, or an empty one for anything else. */
export function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {}
}
