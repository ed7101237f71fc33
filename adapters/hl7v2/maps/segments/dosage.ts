/**
 * How much of what, how often and which way: what RXO, RXE, RXG, RXD and RXA tell in the same words at different places,
 * RXR[MedicationRequest] and TQ1[MedicationRequest]. The guide has maps of RXO, RXR and TQ1 only; the others follow them.
 */
import type { Annotation, CodeableConcept, Dosage, DosageDoseAndRate, Quantity, Ratio } from 'fhir/r4.js'
import { numberOf } from '../../../../src/fhir/json.ts'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean } from '../datatypes.ts'
import { doseAt } from '../dose.ts'
import type { Draft } from '../draft.ts'
import { Cell, type DataMap, segmentMap } from '../engine.ts'
import { quantity } from '../quantity.ts'
import { site } from './immunization.ts'
import { olderTimed, type Timed, timedBy } from './timing.ts'

/** Field numbers of one segment; an amount is followed by its units unless `units` says where they are. */
export type Places = Readonly<{
  code: number
  min: number
  max?: number
  units: number
  form: number
  strength: number
  volume?: number
  per?: number
  rate?: number
  daily?: number
  instructions?: number
  pharmacy?: number
  indication: number
  timing?: number
  lot?: number
}>

/** HL7 v2.5.1 §4.14.1, .4, .6, .5, .7 (RXO, RXE, RXG, RXD, RXA). */
// biome-ignore format: a row a line
export const places = {
  RXO: { code: 1, min: 2, max: 3, units: 4, form: 5, pharmacy: 6, instructions: 7, per: 17, strength: 18, indication: 20, rate: 21, daily: 23, volume: 25 },
  RXE: { code: 2, min: 3, max: 4, units: 5, form: 6, instructions: 7, daily: 19, pharmacy: 21, per: 22, rate: 23, strength: 25, indication: 27, volume: 33, timing: 1 },
  RXG: { code: 4, min: 5, max: 6, units: 7, form: 8, pharmacy: 9, instructions: 13, per: 14, rate: 15, strength: 17, lot: 19, indication: 22, volume: 23, timing: 3 },
  RXD: { code: 2, min: 4, units: 5, form: 6, pharmacy: 9, daily: 12, instructions: 15, strength: 16, lot: 18, indication: 21 },
  RXA: { code: 5, min: 6, units: 7, form: 8, pharmacy: 9, per: 12, strength: 13, lot: 15, indication: 19, volume: 23 },
} as const satisfies Record<string, Places>

export type Giving = keyof typeof places

/** The places of a segment that tells of a medicine. */
export function placesOf(segment: Segment): Places {
  return places[segment.name as Giving]
}

/** RXR[MedicationRequest] */
// biome-ignore format: a row a line
export const rxrRequest = segmentMap([
  ['RXR-1', 'dosageInstruction[0].route', concept, { codes: 'RouteOfAdministration' }],
  ['RXR-2', 'dosageInstruction[0].site', site],
  ['RXR-4', 'dosageInstruction[0].method', concept, { codes: 'AdministrationMethod' }],
  ['RXR-5', 'dosageInstruction[0].additionalInstruction[]', concept],
])

/** The way of an RXR; several are a choice, of which FHIR takes one: the first, E_PRUNED. */
export function wayOf(routes: readonly Segment[], draft: Draft): Dosage {
  const [first, second] = routes
  if (second) draft.note('E_PRUNED', second.at(1))
  const read: { dosageInstruction: [Dosage] } = { dosageInstruction: [{}] }
  if (first) rxrRequest(first, read, draft)
  return read.dosageInstruction[0]
}

/** What a dosage is read from. */
export type DosageSegments = Readonly<{
  give: Segment
  orc: Segment | undefined
  routes: readonly Segment[]
  timings: readonly Segment[]
}>

/** The dosages of an order: one for every TQ1, else for every older TQ of `give` or ORC-7, numbered where there are several. */
export function dosagesOf({ give, orc, routes, timings }: DosageSegments, draft: Draft): Dosage[] {
  const at = placesOf(give)
  const { additionalInstruction = [], ...way } = wayOf(routes, draft)
  const told = [...additionalInstruction, ...conceptsAt(give, at.instructions, draft)]
  const dose = doseAndRateOf(give, draft)
  const most = at.daily && cellMap(give, at.daily, quantity, draft)
  const base: Dosage = {
    ...(told.length > 0 && { additionalInstruction: told }),
    ...way,
    ...(dose && { doseAndRate: [dose] }),
    ...(most && { maxDosePerPeriod: { numerator: most, denominator: period(1, 'd') } }),
  }
  const all = timings.length > 0 ? timings.map(tq1 => timed(base, tq1, draft)) : olderDosages(base, give, orc, draft)
  const filled = all.filter(({ dosage }) => Object.keys(dosage).length > 0)
  return filled.length > 1 ? numbered(filled) : filled.map(({ dosage }) => dosage)
}

/** `together`: the next dosage is at the same time. */
type Placed = Readonly<{ dosage: Dosage; together: boolean }>

function olderDosages(base: Dosage, give: Segment, orc: Segment | undefined, draft: Draft): readonly Placed[] {
  const older = olderTimed(olderTimings(give, orc), draft)
  if (older.length === 0) return [{ dosage: base, together: false }]
  return older.map(({ timed, pattern, condition, together }) => {
    return { dosage: conditioned(withTiming(base, timed), pattern, condition), together }
  })
}

/** One after the other; TQ1-12 `A` says that the next one is at the same time, which FHIR says by the same number. */
function numbered(placed: readonly Placed[]): Dosage[] {
  let sequence = 1
  return placed.map(({ dosage, together }) => {
    const made = { sequence, ...dosage }
    if (!together) sequence += 1
    return made
  })
}

/** Where v2.4 and before have the timing: RXE-1 or RXG-3, else ORC-7. */
export function olderTimings(
  give: Segment,
  orc: Segment | undefined,
): readonly (readonly [Segment | undefined, number])[] {
  const { timing } = placesOf(give)
  return timing === undefined
    ? [[orc, 7]]
    : [
        [give, timing],
        [orc, 7],
      ]
}

/** TQ1: when, and TQ1-10 under which condition: with `PRN` when it is needed, else a further instruction. */
function timed(base: Dosage, tq1: Segment, draft: Draft): Placed {
  const [pattern, condition] = [clean(tq1.value(3)), clean(tq1.field(10)[0]?.text())]
  const dosage = conditioned(withTiming(base, timedBy([tq1], [], draft)), pattern, condition)
  return { dosage, together: clean(tq1.value(12)) === 'A' }
}

/** What is taken only when it is needed (`PRN`, `PRNQ6H`, HL7 table 0335) must not look regular. */
function conditioned(dosage: Dosage, pattern = '', condition: string | undefined): Dosage {
  const needed = /^PRN|\bPRN$/i.test(pattern)
  if (needed && condition) return { ...dosage, asNeededCodeableConcept: { text: condition } }
  if (needed) return { ...dosage, asNeededBoolean: true }
  if (!condition) return dosage
  return { ...dosage, additionalInstruction: [...(dosage.additionalInstruction ?? []), { text: condition }] }
}

/**
 * The amount of TQ.1 stands where the order itself has none, and where it is another one in the same unit (40 mg, then 20 mg):
 * else it would be told twice. Any other but 1 is kept in words, because it may multiply the dose.
 */
function withTiming(base: Dosage, timing: Timed | undefined): Dosage {
  const amount = timing?.quantityQuantity
  const [own] = base.doseAndRate ?? []
  const given = own?.doseQuantity
  const replaced = !own || (Boolean(amount?.unit) && amount?.unit === given?.unit && !isSame(amount, given))
  const beside = amount && !replaced && !isSame(amount, given) && !isSame(amount, { value: 1 })
  const words = beside ? `Quantity: ${[numberOf(amount.value), amount.unit].filter(Boolean).join(' ')}` : undefined
  const text = [...(timing?.note?.map(({ text }) => text) ?? []), words].filter(Boolean).join('\n')
  const dose = amount && replaced && { doseAndRate: [{ type: ordered, doseQuantity: amount }] }
  return {
    ...(text && { text }),
    ...base,
    ...(timing?.occurrenceTiming && { timing: timing.occurrenceTiming }),
    ...dose,
  }
}

function isSame(a: Quantity | undefined, b: Quantity | undefined): boolean {
  return a?.value !== undefined && b?.value !== undefined && numberOf(a.value) === numberOf(b.value)
}

const ordered = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/dose-rate-type', code: 'ordered' }] }

function doseAndRateOf(give: Segment, draft: Draft): DosageDoseAndRate | undefined {
  const at = placesOf(give)
  const low = doseAt(give, at.min, at.units, draft)
  const high = at.max === undefined ? undefined : doseAt(give, at.max, at.units, draft)
  // an amount that cannot be read is not the greatest one
  const unread = !low && Boolean(clean(give.value(at.min)))
  const range = low && high && numberOf(low.value) < numberOf(high.value)
  const dose = range ? { doseRange: { low, high } } : !unread && (low ?? high) && { doseQuantity: (low ?? high)! }
  const rate = rateOf(give, low, draft)
  return dose || rate ? { type: ordered, ...dose, ...rate } : undefined
}

/** A rate with units of its own, else the dose in the time of "give per" (`H8`: every eight hours' worth). */
export function rateOf(
  give: Segment,
  dose: Quantity | undefined,
  draft: Draft,
): { rateQuantity: Quantity } | { rateRatio: Ratio } | undefined {
  const { rate, per } = placesOf(give)
  const told = rate === undefined ? undefined : doseAt(give, rate, rate + 1, draft)
  if (told) return { rateQuantity: told }
  const time = per === undefined ? undefined : timeOf(clean(give.value(per)) ?? '')
  return dose && time ? { rateRatio: { numerator: dose, denominator: time } } : undefined
}

const units = { S: 's', M: 'min', H: 'h', D: 'd', W: 'wk', L: 'mo' } as const

function timeOf(text: string): Quantity | undefined {
  const parts = /^([SMHDWL])([1-9]\d{0,3})?$/.exec(text.toUpperCase())
  return parts ? period(Number(parts[2] ?? 1), units[parts[1] as keyof typeof units]) : undefined
}

function period(value: number, code: string): Quantity {
  return { value, unit: code, system: 'http://unitsofmeasure.org', code }
}

// ---------------------------------------------------------------- the medicine

/** What is given: the coded field, else the text of its pharmacy instructions (HL7 v2.5.1 §4.14.1.1), else its components. */
export function medicineOf(give: Segment, components: readonly Segment[], draft: Draft): CodeableConcept | undefined {
  const { code, pharmacy } = placesOf(give)
  const found = cellMap(give, code, concept, draft)
  if (found) return found
  const text = give.name === 'RXO' && pharmacy ? clean(give.value(pharmacy, 2)) : undefined
  const parts = components.flatMap(rxc => clean(rxc.value(2, 2)) ?? clean(rxc.value(2)) ?? [])
  return text || parts.length > 0 ? { text: text ?? parts.join(' + ') } : undefined
}

/** Reasons in the indication field. */
export function indicationsOf(give: Segment, draft: Draft): CodeableConcept[] {
  return conceptsAt(give, placesOf(give).indication, draft)
}

/**
 * What has no element of its own beside a coded medicine (form, strength, components, lot), and instructions to the
 * pharmacy: a note a line, so that it is not lost. It would be a Medication, which is no type of this release.
 */
export function notesOn(give: Segment, components: readonly Segment[], draft: Draft): Annotation[] {
  const at = placesOf(give)
  const form = wordsAt(give, at.form)
  const strength = amountAt(give, at.strength)
  const volume = at.volume === undefined ? undefined : amountAt(give, at.volume)
  const lot = at.lot === undefined ? undefined : clean(give.value(at.lot))
  const expires = at.lot === undefined ? undefined : clean(give.value(at.lot + 1))
  const until = expires && draft.time(expires, give.at(at.lot! + 1))?.at.slice(0, 10)
  const lines = [
    form && `Dosage form: ${form}`,
    strength && `Strength: ${[strength, volume].filter(Boolean).join(' / ')}`,
    ...components.map(component),
    lot && `Lot: ${[lot, until && `expires ${until}`].filter(Boolean).join(', ')}`,
    ...(at.pharmacy === undefined
      ? []
      : give.field(at.pharmacy).map(field => clean(field.value(2)) ?? clean(field.value()))),
  ]
  return lines.flatMap(text => (text ? [{ text }] : []))
}

/** RXC: base or additive, its amount and strength. */
function component(rxc: Segment): string | undefined {
  const what = wordsAt(rxc, 2)
  const kind = rxc.value(1) === 'B' ? 'Base' : 'Additive'
  return what && `${kind}: ${[what, amountAt(rxc, 3), amountAt(rxc, 5)].filter(Boolean).join(', ')}`
}

function wordsAt(segment: Segment, n: number): string | undefined {
  return clean(segment.value(n, 2)) ?? clean(segment.value(n))
}

function amountAt(segment: Segment, n: number): string | undefined {
  const value = clean(segment.value(n))
  return value && [value, wordsAt(segment, n + 1)].filter(Boolean).join(' ')
}

/** One repetition by a datatype map. */
export function cellMap<T>(segment: Segment, n: number, map: DataMap<T>, draft: Draft, i = 0): T | undefined {
  const field = segment.field(n)[i]
  return field && map(new Cell(segment, n, i + 1, field), draft, {})
}

/** Instructions are a code, or words without one, which are no work for anybody. */
export function conceptsAt(segment: Segment, n: number | undefined, draft: Draft): CodeableConcept[] {
  if (n === undefined) return []
  return segment.field(n).flatMap<CodeableConcept>((field, i) => {
    const plain = field.components === 1 ? clean(field.text()) : undefined
    if (plain && /\s/.test(plain)) return [{ text: plain }]
    return cellMap(segment, n, concept, draft, i) ?? []
  })
}
