/** `reference`: the reference itself was rewritten to a pseudonym before (names.ts); its words are sealed. */
import { type JsonObject, pick, type Sealing, sealComplex } from './slot.ts'

export function reference(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  const target = typeof value.reference === 'string' ? value.reference : ''
  const hidden = sealing.containedWhole && target.startsWith('#')
  const clear = hidden ? {} : pick(value, value.type === target.split('/')[0] ? ['reference', 'type'] : ['reference'])
  return sealComplex(value, path, sealing, { clear })
}
