/** OBX-5 by OBX-2 (guide: OBX[Observation], rows of OBX-5 and OBX-6; several values: OBX[Observation-Component]). */
import type { Observation, Quantity, Range, Ratio } from 'fhir/r4.js'
import { refuse } from '../../../src/errors.ts'
import { type Decimal, numberOf } from '../../../src/fhir/json.ts'
import type { Segment } from '../message.ts'
import { unitOf } from '../tables/units.ts'
import { readClock } from '../time.ts'
import { concept } from './concept.ts'
import { clean, cleanCode, readNumber } from './datatypes.ts'
import type { Draft } from './draft.ts'
import { Cell } from './engine.ts'

/** One `value[x]` of an Observation, or of a component. */
export type Valued = Partial<
  Pick<
    Observation,
    | 'valueQuantity'
    | 'valueString'
    | 'valueCodeableConcept'
    | 'valueDateTime'
    | 'valueTime'
    | 'valuePeriod'
    | 'valueRange'
    | 'valueRatio'
  >
>

type Unit = Readonly<{ unit?: string; system?: string; code?: string }>

/** What a value needs beside its cell. `firm`: the result counts, so that a wrong value refuses the message. */
type Context = Readonly<{ draft: Draft; unit: Unit; firm: boolean }>

type ValueMap = (cell: Cell, context: Context) => Valued | undefined

const coded: ValueMap = (cell, { draft }) => {
  const valueCodeableConcept = concept(cell, draft, {})
  return valueCodeableConcept && { valueCodeableConcept }
}

const moment: ValueMap = (cell, context) => {
  const valueDateTime = momentOf(cell, context)
  return valueDateTime ? { valueDateTime } : undefined
}

/** A row per value of OBX-2. Text types are joined before, see `valuesOf`; what has no row is left out (E_PRUNED). */
const types: Record<string, ValueMap> = {
  NM: numeric,
  SN: structured,
  CE: coded,
  CF: coded,
  CNE: coded,
  CWE: coded,
  ID: coded,
  IS: coded,
  DT: moment,
  DTM: moment,
  TS: moment,
  TM: clock,
  DR: span,
  NR: range,
}

/** Types of people, places and numbers: a result that is one is a text of its parts. */
for (const name of 'AD CN CNN CP CX DLN EI HD MO PL PN PPN SI TN XAD XCN XON XPN XTN'.split(' ')) types[name] = parts

const texts = new Set(['', 'ST', 'TX', 'FT', 'VR'])

/** Values of an OBX: none, one, or several (then components). `left`: there is something in OBX-5 that FHIR does not get. */
export function valuesOf(
  obx: Segment,
  firm: boolean,
  draft: Draft,
): Readonly<{ values: readonly Valued[]; left: boolean }> {
  const type = clean(obx.value(2)) ?? ''
  const cells = obx.field(5).map((field, i) => new Cell(obx, 5, i + 1, field))
  if (texts.has(type)) return textOf(cells)
  const map = Object.hasOwn(types, type) ? types[type]! : undefined
  if (!map && cells.length > 0) draft.note('E_PRUNED', obx.at(5))
  if (!map) return { values: [], left: cells.length > 0 }
  const context = { draft, unit: unitOfObx(obx, draft), firm }
  const values = cells.map(cell => map(cell, context)).filter(value => value !== undefined)
  return { values, left: values.length < cells.filter(cell => cell.whole()).length }
}

/** Lines of a text arrive as repetitions. */
function textOf(cells: readonly Cell[]): Readonly<{ values: readonly Valued[]; left: boolean }> {
  const valueString = clean(cells.map(cell => cell.whole() ?? '').join('\n'))
  return { values: valueString ? [{ valueString }] : [], left: false }
}

/** The parts that have something, in order; the longest of these types (XCN) has 23. */
function parts(cell: Cell): Valued | undefined {
  const words = Array.from({ length: 23 }, (_, i) => cell.part(i + 1)).flatMap(part =>
    [1, 2, 3, 4, 5, 6].flatMap(n => clean(part.value(n)) ?? []),
  )
  return words.length > 0 ? { valueString: words.join(' ') } : undefined
}

// ---------------------------------------------------------------- numbers

function numeric(cell: Cell, context: Context): Valued | undefined {
  const value = numberAt(cell, 1, context)
  return value === undefined ? undefined : { valueQuantity: quantity(value, context.unit) }
}

function quantity(value: Decimal, unit: Unit, comparator?: Quantity['comparator']): Quantity {
  return { value: value as number, ...(comparator && { comparator }), ...unit }
}

/** A number, or undefined for an empty part. Throws Refusal E_FIELD_TYPE for what is no number in a result that counts. */
function numberAt(cell: Cell, part: number, { draft, firm }: Context): Decimal | undefined {
  const value = clean(cell.value(part))
  if (!value) return undefined
  const number = readNumber(value)
  if (number !== undefined) return number
  if (firm) refuse('E_FIELD_TYPE', cell.at())
  draft.note('E_PRUNED', cell.at())
  return undefined
}

const comparators = ['<', '<=', '>=', '>'] as const

/** SN: comparator, number, separator, number (HL7 v2.5.1 §2.A.71). What is no quantity, ratio or range stays a text. */
function structured(cell: Cell, context: Context): Valued | undefined {
  const sign = clean(cell.value(1)) ?? '='
  const separator = clean(cell.value(3)) ?? ''
  const first = numberAt(cell, 2, context)
  const second = numberAt(cell, 4, context)
  const comparator = comparators.find(known => known === sign)
  if (first === undefined) return undefined
  if (sign !== '=' && !comparator) return asText(cell, context)
  if (second === undefined && separator === '') return { valueQuantity: quantity(first, context.unit, comparator) }
  if (second === undefined) return asText(cell, context)
  if (separator === '/' || separator === ':') return { valueRatio: ratio(first, second, context.unit, comparator) }
  const ordered = numberOf(first) <= numberOf(second)
  if (separator === '-' && !comparator && ordered) return { valueRange: rangeOf(first, second, context.unit) }
  return asText(cell, context)
}

function ratio(first: Decimal, second: Decimal, unit: Unit, comparator?: Quantity['comparator']): Ratio {
  return { numerator: quantity(first, unit, comparator), denominator: quantity(second, unit) }
}

function rangeOf(low: Decimal, high: Decimal, unit: Unit): Range {
  return { low: quantity(low, unit), high: quantity(high, unit) }
}

function asText(cell: Cell, { unit }: Context): Valued {
  const parts = [1, 2, 3, 4].map(n => clean(cell.value(n)))
  return { valueString: [...parts, unit.unit ?? unit.code].filter(Boolean).join(' ') }
}

/** NR: low and high, either of them. */
function range(cell: Cell, context: Context): Valued | undefined {
  const low = numberAt(cell, 1, context)
  const high = numberAt(cell, 2, context)
  if (low === undefined && high === undefined) return undefined
  if (low !== undefined && high !== undefined && numberOf(low) > numberOf(high)) return asText(cell, context)
  const { unit } = context
  return {
    valueRange: {
      ...(low !== undefined && { low: quantity(low, unit) }),
      ...(high !== undefined && { high: quantity(high, unit) }),
    },
  }
}

// ---------------------------------------------------------------- times

function momentOf(cell: Cell, { draft, firm }: Context, part = 1): string | undefined {
  const value = clean(cell.value(part))
  const read = value ? draft.time(value, cell.at()) : undefined
  if (read === null && firm) refuse('E_DATE', cell.at())
  return read?.at
}

function clock(cell: Cell, { draft, firm }: Context): Valued | undefined {
  const value = clean(cell.value())
  const valueTime = value ? readClock(value) : undefined
  if (valueTime) return { valueTime }
  if (value && firm) refuse('E_FIELD_TYPE', cell.at())
  if (value) draft.note('E_PRUNED', cell.at())
  return undefined
}

function span(cell: Cell, context: Context): Valued | undefined {
  const start = momentOf(cell, context, 1)
  const end = momentOf(cell, context, 2)
  return start || end ? { valuePeriod: { ...(start && { start }), ...(end && { end }) } } : undefined
}

// ---------------------------------------------------------------- units and reference ranges

const ucum = 'http://unitsofmeasure.org'

/** CWE[Quantity] of OBX-6: coded as UCUM only where it is UCUM (by grammar, or a spelling of one known unit). */
function unitOfObx(obx: Segment, draft: Draft): Unit {
  const code = cleanCode(obx.value(6))
  const unit = clean(obx.value(6, 2)) ?? code
  const alternate = /^(UCUM|2\.16\.840\.1\.113883\.6\.8)$/i.test(obx.value(6, 6) ?? '')
    ? cleanCode(obx.value(6, 4))
    : undefined
  const declared = clean(obx.value(6, 3)) ?? ''
  const found = unitOf(alternate ?? code ?? unit ?? '')
  if (found) return { ...(unit && { unit }), system: ucum, code: found }
  if (code && (declared !== '' || unit)) draft.unmap('OBX-6', declared, code)
  return unit ? { unit } : {}
}

/** OBX-7: the text, and its limits where it is `a-b`, `<b` or `>a` beside a number. */
export function referenceRange(obx: Segment, value: Valued | undefined): Observation['referenceRange'] {
  const text = clean(obx.field(7)[0]?.text())
  if (!text) return undefined
  const unit = value?.valueQuantity && unitOnly(value.valueQuantity)
  return [{ ...(unit && limitsOf(text, unit)), text }]
}

function unitOnly({ unit, system, code }: Quantity): Unit {
  return { ...(unit && { unit }), ...(system && { system }), ...(code && { code }) }
}

function limitsOf(text: string, unit: Unit): Readonly<{ low?: Quantity; high?: Quantity }> {
  const pair = /^([+-]?[\d.]+)\s*-\s*([+-]?[\d.]+)$/.exec(text)
  const one = /^([<>])=?\s*([+-]?[\d.]+)$/.exec(text)
  const low = readNumber(pair?.[1] ?? (one?.[1] === '>' ? one[2]! : ''))
  const high = readNumber(pair?.[2] ?? (one?.[1] === '<' ? one[2]! : ''))
  if (low !== undefined && high !== undefined && numberOf(low) > numberOf(high)) return {}
  return {
    ...(low !== undefined && { low: quantity(low, unit) }),
    ...(high !== undefined && { high: quantity(high, unit) }),
  }
}
