/** `time` on a Period, and `seal` on a complex element that nothing readable is left of. */
import { isTime } from './primitives.ts'
import { type JsonObject, pick, type Sealing, sealComplex } from './slot.ts'

/** Start and end stay when they are dates. */
export function period(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  const shown = ['start', 'end'].filter(name => isTime(value[name]))
  return sealComplex(value, path, sealing, { clear: pick(value, shown) })
}

export function sealed(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  return sealComplex(value, path, sealing, { clear: {} })
}
