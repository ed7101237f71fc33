/** `concept`: codes of public systems stay, with our own displays; local codes and the sender's words are sealed. */
import { refuse } from '../../errors.ts'
import { displayOf, listed } from './codes.ts'
import { isObject, type Json, type JsonObject, location, pick, type Sealing, sealComplex } from './slot.ts'

export function concept(value: JsonObject, path: string, sealing: Sealing, arg?: string): JsonObject {
  const codings: readonly Json[] = Array.isArray(value.coding) ? value.coding : []
  const kept = codings.map(one => (isObject(one) ? clearCoding(one, sealing) : null)).filter(one => one !== null)
  if (arg === 'required' && kept.length === 0) refuse('E_PRIVACY_NO_RULE', location(sealing, path))
  const same = kept.length === codings.length && kept.every((one, place) => one === codings[place])
  const clear: JsonObject = kept.length === 0 ? {} : { coding: same ? value.coding : kept }
  if (kept.some(one => one.display !== undefined && one.display === value.text)) clear.text = value.text
  return sealComplex(value, path, sealing, { clear })
}

/** Whether a CodeableConcept may be read as it is. */
export function isClean(value: JsonObject, sealing: Pick<Sealing, 'terms'>): boolean {
  const { coding, ...rest } = value
  if (Object.keys(rest).length > 0 || !Array.isArray(coding)) return false
  return coding.every(one => isObject(one) && clearCoding(one, sealing) === one)
}

/** A Coding on its own. Its display stays only when it is ours: opening never replaces a display. */
export function coding(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  const kept = clearCoding(value, sealing)
  const clear = kept && kept.display !== value.display ? pick(kept, ['system', 'code']) : (kept ?? {})
  return sealComplex(value, path, sealing, { clear })
}

/** A coding as it may be read: the very same object where nothing had to go; null where all of it is sealed. */
export function clearCoding(value: JsonObject, { terms }: Pick<Sealing, 'terms'>): JsonObject | null {
  const { system, code, display } = value
  const kind = listed(system, code)
  if (kind === null || (kind === 'form' && terms.foundIn(code as string))) return null
  const own = displayOf(system, code)
  const clean = Object.keys(value).every(name => name === 'system' || name === 'code' || name === 'display')
  if (clean && (display === undefined || display === own)) return value
  return { system, code, ...(display === undefined || own === undefined ? {} : { display: own }) }
}
