/**
 * `quantity` on a Dosage: how much, how fast, how often and which way are read by whoever watches over a therapy, and are
 * numbers, codes and closed lists; the texts of a prescription are the prescriber's words, and sealed.
 */
import { concept } from './concept.ts'
import { isTime } from './primitives.ts'
import { isNumber, quantity, quantityPair } from './quantity.ts'
import { type ComplexAct, type Json, type JsonObject, pick, pickWalked, sealComplex, words } from './slot.ts'
import { period } from './time.ts'

type Test = (value: Json) => boolean

const isBoolean: Test = value => typeof value === 'boolean'
const every = (test: Test): Test => {
  return value => Array.isArray(value) && value.every(test)
}
const oneOf = (list: string): Test => {
  const values = words(list)
  return value => values.has(value)
}

/** Units of time and events of the day (FHIR R4, value sets units-of-time, days-of-week, event-timing). */
const isUnit = oneOf('s min h d wk mo a')
const isDay = oneOf('mon tue wed thu fri sat sun')
const isEvent = oneOf(
  'MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS HS WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV',
)

/** An element of which members stay that pass a test, or have an act of their own; all others are in its token. */
function composed(tests: Readonly<Record<string, Test>>, acts: Readonly<Record<string, ComplexAct>>): ComplexAct {
  return (value, path, sealing) => {
    const shown = Object.keys(tests).filter(name => tests[name]!(value[name]))
    const clear: JsonObject = { ...pick(value, shown), ...pickWalked(value, acts, path, sealing) }
    return sealComplex(value, path, sealing, { clear, walked: Object.keys(acts) })
  }
}

const repeat = composed(
  {
    count: isNumber,
    countMax: isNumber,
    duration: isNumber,
    durationMax: isNumber,
    durationUnit: isUnit,
    frequency: isNumber,
    frequencyMax: isNumber,
    period: isNumber,
    periodMax: isNumber,
    periodUnit: isUnit,
    dayOfWeek: every(isDay),
    timeOfDay: every(isTime),
    when: every(isEvent),
    offset: isNumber,
  },
  { boundsDuration: quantity, boundsRange: quantityPair, boundsPeriod: period },
)

const timing = composed({ event: every(isTime) }, { repeat, code: concept })

const doseAndRate = composed(
  {},
  {
    type: concept,
    doseRange: quantityPair,
    doseQuantity: quantity,
    rateRatio: quantityPair,
    rateRange: quantityPair,
    rateQuantity: quantity,
  },
)

export const dosage = composed(
  { sequence: isNumber, asNeededBoolean: isBoolean },
  {
    additionalInstruction: concept,
    timing,
    asNeededCodeableConcept: concept,
    site: concept,
    route: concept,
    method: concept,
    doseAndRate,
    maxDosePerPeriod: quantityPair,
    maxDosePerAdministration: quantity,
    maxDosePerLifetime: quantity,
  },
)
