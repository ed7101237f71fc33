/** CQ[Quantity]: a number and its unit, coded as UCUM where it is UCUM. */
import type { Quantity } from 'fhir/r4.js'
import { unitOf } from '../tables/units.ts'
import { clean, readNumber } from './datatypes.ts'
import type { DataMap } from './engine.ts'

/** CQ.1 and CQ.2 (code, else text); what is no number is left out, noted E_PRUNED. */
export const quantity: DataMap<Quantity> = (cell, draft) => {
  const text = clean(cell.value())
  const value = text ? readNumber(text) : undefined
  if (text && value === undefined) draft.note('E_PRUNED', cell.at(1))
  if (value === undefined) return undefined
  const unit = clean(cell.value(2)) ?? clean(cell.value(2, 2))
  const code = unit && unitOf(unit)
  return {
    value: value as number,
    ...(unit && { unit }),
    ...(code && { system: 'http://unitsofmeasure.org', code }),
  }
}
