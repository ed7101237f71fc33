/** FT1 as a ChargeItem. The guide has no map for it; ours, after HL7 v2.5.1 §6.5.1 and FHIR R4 ChargeItem. */
import type { ChargeItem, ChargeItemPerformer, Money, Quantity } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean, dateTime, period, readNumber, text } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type Cell, type DataMap, segmentMap } from '../engine.ts'
import { ei, producer, xcn, xon } from '../references.ts'

/** NM[decimal]: what is none is left out. */
function numberIn(cell: Cell, draft: Draft): number | undefined {
  const value = clean(cell.value())
  const number = value === undefined ? undefined : readNumber(value)
  if (value !== undefined && number === undefined) draft.note('E_PRUNED', cell.at())
  return number as number | undefined
}

/** CP[Money]: CP.1 is an amount with its currency (ISO 4217). */
export const money: DataMap<Money> = (cell, draft) => {
  const value = numberIn(cell.part(1), draft)
  const currency = clean(cell.value(1, 2))
  if (value === undefined) return undefined
  return { value, ...(currency && /^[A-Z]{3}$/.test(currency) && { currency }) }
}

const count: DataMap<Quantity> = (cell, draft) => {
  const value = numberIn(cell, draft)
  return value === undefined ? undefined : { value }
}

const performer: DataMap<ChargeItemPerformer> = (cell, draft, options) => {
  const actor = xcn(cell, draft, options)
  return actor && { actor }
}

/** FT1 */
// biome-ignore format: a row a line
export const ft1Charge = segmentMap([
  ['FT1-2', 'identifier[]', ei],
  ['FT1-7', 'code', concept],
  ['FT1-25', 'code', concept, { when: 'FT1-7 NOT VALUED' }],
  ['FT1-8', 'code.text', text],
  ['FT1-4', 'occurrenceDateTime', dateTime, { when: 'FT1-4.2 NOT VALUED' }],
  ['FT1-4', 'occurrencePeriod', period, { when: 'FT1-4.2 VALUED' }],
  ['FT1-5', 'enteredDate', dateTime],
  ['FT1-10', 'quantity', count],
  ['FT1-11', 'priceOverride', money],
  ['FT1-13', 'costCenter', producer],
  ['FT1-19', 'reason[]', concept],
  ['FT1-20', 'performer[]', performer],
  ['FT1-24', 'enterer', xcn],
  ['FT1-29', 'productCodeableConcept', concept],
  ['FT1-32', 'performingOrganization', xon],
  ['FT1-33', 'requestingOrganization', xon],
])

/**
 * The charge of an FT1; null for what is none (payments, adjustments, credits: HL7 table 0017) and for one that FT1-7, 8 and 25
 * do not name.
 */
export function chargeOf(
  ft1: Segment,
  about: Pick<ChargeItem, 'id' | 'subject' | 'context' | 'account'>,
  draft: Draft,
): ChargeItem | null {
  const kind = clean(ft1.value(6))
  if (kind && kind !== 'CG') return null
  const resource = { resourceType: 'ChargeItem', status: kind ? 'billable' : 'unknown', ...about } as ChargeItem
  ft1Charge(ft1, resource, draft)
  return resource.code ? resource : null
}
