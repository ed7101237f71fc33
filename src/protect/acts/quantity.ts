/** `quantity`: numbers and UCUM codes stay; a unit in the sender's words is sealed. */

import {
  type ComplexAct,
  type Json,
  type JsonObject,
  pick,
  pickListed,
  pickWalked,
  type Sealing,
  sealComplex,
  words,
} from './slot.ts'
import { isOwnUnit, isUcum } from './ucum.ts'

const ucum = 'http://unitsofmeasure.org'
const comparators = words('< <= >= >')
/** Years in a unit of age; ages from 90 years on are sealed (45 CFR 164.514(b)(2)(i)(C)). */
const years: Readonly<Record<string, number>> = {
  a: 1,
  mo: 1 / 12,
  wk: 7 / 365.25,
  d: 1 / 365.25,
  h: 1 / 8766,
  min: 1 / 525_960,
}

export function quantity(value: JsonObject, path: string, sealing: Sealing, arg?: string): JsonObject {
  if (value.value !== undefined && !isMeasure(value.value, sealing))
    return sealComplex(value, path, sealing, { clear: {} })
  if (arg === 'age' && !isYoung(value)) return sealComplex(value, path, sealing, { clear: {} })
  const clear = { ...pick(value, ['value']), ...pickListed(value, 'comparator', comparators), ...clearUnit(value) }
  return sealComplex(value, path, sealing, { clear, masks: value.unit === undefined ? [] : ['unit'] })
}

function clearUnit(value: JsonObject): JsonObject {
  const { system, code, unit } = value
  if (system !== ucum || typeof code !== 'string' || !isUcum(code)) return {}
  return { system, code, ...(isOwnUnit(unit, code) ? { unit } : {}) }
}

function isYoung({ value, system, code }: JsonObject): boolean {
  const unit = system === ucum && typeof code === 'string' ? years[code] : undefined
  return unit !== undefined && numberOf(value) * unit < 90
}

/** Range and Ratio: both ends are quantities of their own. */
export function quantityPair(value: JsonObject, path: string, sealing: Sealing, arg?: string): JsonObject {
  const end: ComplexAct = (one, at) => quantity(one, at, sealing, arg)
  const ends = { low: end, high: end, numerator: end, denominator: end }
  return sealComplex(value, path, sealing, {
    clear: pickWalked(value, ends, path, sealing),
    walked: Object.keys(ends),
  })
}

const sampleNumbers = ['period', 'factor', 'lowerLimit', 'upperLimit', 'dimensions']
const sample = String.raw`(?:[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|E|U|L)`
const samples = new RegExp(`^${sample}(?: ${sample})*$`)

/** SampledData: its numbers stay if they are numbers (FHIR R4, Data Types: decimals, `E`, `U`, `L`). */
export function sampledData(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  return samplesShown(value, path, sealing, typeof value.data === 'string' && samples.test(value.data) ? ['data'] : [])
}

/** The samples are sealed; the frame around them stays, because FHIR requires it. */
export function sealSamples(value: JsonObject, path: string, sealing: Sealing): JsonObject {
  return samplesShown(value, path, sealing, [])
}

function samplesShown(value: JsonObject, path: string, sealing: Sealing, shown: readonly string[]): JsonObject {
  const numbers = sampleNumbers.filter(name => isNumber(value[name]))
  const clear = { ...pickWalked(value, { origin: quantity }, path, sealing), ...pick(value, [...numbers, ...shown]) }
  return sealComplex(value, path, sealing, { clear, masks: ['data'], walked: ['origin'] })
}

export function isNumber(value: Json): boolean {
  return typeof value === 'number' || JSON.isRawJSON(value)
}

/**
 * A number that is nobody's: a phone or record number of this message that stands in place of a measurement (OBX of type NM)
 * is sealed. From seven digits on, because shorter ones are measured every day.
 */
export function isMeasure(value: Json, { terms }: Pick<Sealing, 'terms'>): boolean {
  if (!isNumber(value)) return false
  const text = JSON.isRawJSON(value) ? value.rawJSON : String(value)
  return !(/^\d{7,}$/.test(text) && terms.foundIn(text))
}

function numberOf(value: Json): number {
  return JSON.isRawJSON(value) ? Number(value.rawJSON) : Number(value)
}
