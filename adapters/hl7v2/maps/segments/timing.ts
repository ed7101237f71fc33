/** TQ1[ServiceRequest], and the TQ of ORC-7 and OBR-27 that it took the place of in v2.5: quantity, timing, priority. */
import type { Annotation, CodeableConcept, Quantity, ServiceRequest, Timing, TimingRepeat } from 'fhir/r4.js'
import { numberOf } from '../../../../src/fhir/json.ts'
import type { Segment } from '../../message.ts'
import { lookUp } from '../../tables/codes.ts'
import { unitOf } from '../../tables/units.ts'
import { readClock } from '../../time.ts'
import { concept, textConcept } from '../concept.ts'
import { clean, code, dateTime, freeText, positive, readNumber, text } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { Cell, type DataMap, datatype, segmentMap } from '../engine.ts'
import { quantity } from '../quantity.ts'

/** What TQ1 and TQ say of a request. */
export type Timed = Pick<
  ServiceRequest,
  'quantityQuantity' | 'occurrenceTiming' | 'asNeededCodeableConcept' | 'priority' | 'note'
>

const abbreviations = 'http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation'
const timingEvents = 'http://terminology.hl7.org/CodeSystem/v3-TimingEvent'
const durationUnits = ['s', 'min', 'h', 'd', 'wk', 'mo', 'a'] as const
const inAbbreviations = new Set('Q1H Q2H Q3H Q4H Q6H Q8H QD BID TID QID QOD AM PM BED WK MO'.split(' '))
const units = { S: 's', M: 'min', H: 'h', D: 'd', W: 'wk', L: 'mo' } as const
const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** Patterns of HL7 table 0335 without a number in them. */
const patterns: Readonly<Record<string, TimingRepeat>> = {
  BID: { frequency: 2, period: 1, periodUnit: 'd' },
  TID: { frequency: 3, period: 1, periodUnit: 'd' },
  QID: { frequency: 4, period: 1, periodUnit: 'd' },
  QD: { frequency: 1, period: 1, periodUnit: 'd' },
  QOD: { frequency: 1, period: 2, periodUnit: 'd' },
  QAM: { frequency: 1, period: 1, periodUnit: 'd', when: ['MORN'] },
  QPM: { frequency: 1, period: 1, periodUnit: 'd', when: ['EVE'] },
  QHS: { frequency: 1, period: 1, periodUnit: 'd', when: ['HS'] },
  ONCE: { count: 1 },
}

/** How often, by a repeat pattern of HL7 table 0335; undefined where it says nothing that FHIR can count. */
export function repeatOf(pattern: string): TimingRepeat | undefined {
  const key = pattern.toUpperCase()
  const every = /^Q([1-9]\d{0,3})([SMHDWL])$/.exec(key)
  const daily = /^([1-9]\d?)ID$/.exec(key)
  const weekday = /^Q([1-9]\d?)J([1-7])$/.exec(key)
  if (every) return { frequency: 1, period: Number(every[1]), periodUnit: units[every[2] as keyof typeof units] }
  if (daily) return { frequency: Number(daily[1]), period: 1, periodUnit: 'd' }
  if (weekday) return { period: Number(weekday[1]), periodUnit: 'wk', dayOfWeek: [days[Number(weekday[2]) - 1]!] }
  return Object.hasOwn(patterns, key) ? { ...patterns[key]! } : undefined
}

/** RPT.1 and RI.1 as Timing.code: what FHIR's abbreviations or HL7's table know, else a text. */
function patternCode(cell: Cell, draft: Draft): CodeableConcept | undefined {
  const value = clean(cell.value())
  if (!value) return undefined
  if (inAbbreviations.has(value)) return { coding: [{ system: abbreviations, code: value }] }
  const known = lookUp('RepeatPattern', value)
  if (known) return { coding: [{ ...known }] }
  return repeatOf(value) ? { text: clean(cell.value(1, 2)) ?? value } : concept(cell, draft, {})
}

/** RPT[Timing] and RI[Timing]: the pattern, counted where it can be; RPT.5, 6 and 8 where the pattern says nothing. */
export const pattern: DataMap<Timing> = (cell, draft) => {
  const code = patternCode(cell.part(1), draft)
  const repeat = repeatOf(clean(cell.value()) ?? '') ?? spelledOut(cell)
  return code || repeat ? { ...(repeat && { repeat }), ...(code && { code }) } : undefined
}

/** RPT.5 and 6 (a period and its unit) and RPT.8 (the event of the day that it follows). */
function spelledOut(cell: Cell): TimingRepeat | undefined {
  const period = readNumber(clean(cell.value(5)) ?? '')
  const periodUnit = durationUnits.find(one => one === unitOf(clean(cell.value(6)) ?? ''))
  const event = lookUp('EventRelatedPeriod', clean(cell.value(8)) ?? '')
  const when = event?.system === timingEvents ? (event.code as 'AC') : undefined
  const counted = period !== undefined && periodUnit && numberOf(period) > 0
  if (!counted && !when) return undefined
  return { ...(counted && { period: period as number, periodUnit }), ...(when && { when: [when] }) }
}

/** TM as a time of day of a Timing, which FHIR wants with seconds. */
const clock: DataMap<string> = (cell, draft) => {
  const value = clean(cell.value())
  const read = value ? readClock(value) : undefined
  if (value && !read) draft.note('E_PRUNED', cell.at())
  return read ?? undefined
}

/** TQ1[ServiceRequest], with the name of the element of FHIR in `Read`. */
// biome-ignore format: a row a line
export const tq1Request = segmentMap([
  ['TQ1-2', 'quantityQuantity', quantity],
  ['TQ1-3', 'occurrenceTiming', pattern],
  ['TQ1-4', 'timeOfDay[]', clock],
  ['TQ1-6', 'bounds', quantity],
  ['TQ1-7', 'start', dateTime],
  ['TQ1-8', 'end', dateTime],
  ['TQ1-9', 'priority', code, { codes: 'Priority' }],
  ['TQ1-10', 'asNeededCodeableConcept', textConcept],
  ['TQ1-11', 'note[].text', freeText],
  ['TQ1-13', 'duration', quantity],
  ['TQ1-14', 'count', positive],
])

/** TQ[ServiceRequest] */
const tq = datatype<Read>([
  ['TQ.1', 'quantityQuantity', quantity],
  ['TQ.2', 'occurrenceTiming', pattern],
  ['TQ.4', 'start', dateTime],
  ['TQ.5', 'end', dateTime],
  ['TQ.6', 'priority', code, { codes: 'Priority' }],
  ['TQ.7', 'asNeededCodeableConcept', textConcept],
  ['TQ.8', 'note[].text', text],
  ['TQ.12', 'count', positive],
])

type Read = {
  quantityQuantity?: Quantity
  occurrenceTiming?: Timing
  timeOfDay?: string[]
  bounds?: Quantity
  start?: string
  end?: string
  asNeededCodeableConcept?: CodeableConcept
  priority?: 'routine'
  note?: Annotation[]
  duration?: Quantity
  count?: number
}

/** The first TQ1, else the first TQ in ORC-7 or OBR-27; undefined where nothing is timed. What is behind the first is noted. */
export function timedBy(
  timings: readonly Segment[],
  older: readonly (readonly [Segment | undefined, number])[],
  draft: Draft,
): Timed | undefined {
  const [first, second] = timings
  if (second) draft.note('E_PRUNED', second.at(1))
  if (first) return timed(readSegment(first, draft))
  const [told, further] = olderTimed(older, draft)
  if (further) draft.note('E_PRUNED', further.at)
  return told?.timed
}

/** A TQ, its pattern and condition in words, and where it stands; `together`: the next one is at the same time (TQ.9 `A`). */
export type Older = Readonly<{
  timed: Timed
  pattern: string | undefined
  condition: string | undefined
  at: string
  together: boolean
}>

/** All TQ of the first field that has any. */
export function olderTimed(older: readonly (readonly [Segment | undefined, number])[], draft: Draft): readonly Older[] {
  const [segment, n] = older.find(([segment, n]) => segment?.has(n)) ?? []
  if (!segment || !n) return []
  return segment.field(n).flatMap((field, i) => {
    const read = tq(new Cell(segment, n, i + 1, field), draft, {})
    const at = segment.at(n, undefined, i + 1)
    const [pattern, condition] = [2, 7].map(part => clean(field.value(part)))
    return read ? [{ timed: timed(read), pattern, condition, at, together: clean(field.value(9)) === 'A' }] : []
  })
}

function readSegment(tq1: Segment, draft: Draft): Read {
  const read: Read = {}
  tq1Request(tq1, read, draft)
  return read
}

function timed(read: Read): Timed {
  const { quantityQuantity, asNeededCodeableConcept, priority, note } = read
  const occurrenceTiming = timingOf(read)
  return {
    ...(quantityQuantity && { quantityQuantity }),
    ...(occurrenceTiming && { occurrenceTiming }),
    ...(asNeededCodeableConcept && { asNeededCodeableConcept }),
    ...(priority && { priority }),
    ...(note && { note }),
  }
}

/** The timing in FHIR's rules: no time of day beside a `when` (tim-10), bounds as period or duration. */
function timingOf({ occurrenceTiming, timeOfDay, bounds, start, end, duration, count }: Read): Timing | undefined {
  const { repeat: base, ...rest } = occurrenceTiming ?? {}
  const unit = duration && durationUnits.find(one => one === duration.code)
  const long = bounds && durationUnits.some(one => one === bounds.code)
  const repeat: TimingRepeat = {
    ...base,
    ...(!base?.when && timeOfDay && { timeOfDay }),
    ...(count && { count }),
    ...(unit && numberOf(duration!.value) > 0 && { duration: duration!.value as number, durationUnit: unit }),
    ...(start || end ? { boundsPeriod: { ...(start && { start }), ...(end && { end }) } } : {}),
    ...(long && !start && !end && { boundsDuration: bounds }),
  }
  const timing = { ...(Object.keys(repeat).length > 0 && { repeat }), ...rest }
  return Object.keys(timing).length > 0 ? timing : undefined
}
