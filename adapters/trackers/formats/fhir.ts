/**
 * One FHIR R4 Observation as JSON. Its code and unit are read like those of any payload; the rest is checked against R4
 * and kept. Who and which device are known from the connection, so its own subject and device are not read.
 */
import type { Observation } from 'fhir/r4.js'
import { Refusal, refuse } from '../../../src/errors.ts'
import { check } from '../../../src/fhir/check.ts'
import { isObject, type JsonObject, type JsonValue, readJson } from '../../../src/fhir/json.ts'
import { reservedIn } from '../../../src/fhir/reserved.ts'
import type { Issue } from '../../../src/records.ts'
import type { Format, Measurement, Reading, When } from '../measurement.ts'
import { observationOf } from '../observation.ts'
import { dayOf, periodOf, pointOf } from '../time.ts'
import { inUnit, type Quantity, type Vital, vitalOf } from '../vitals.ts'
import { demand, numberAt, objectAt, textAt } from './json.ts'

const loinc = 'http://loinc.org'
const ucum = 'http://unitsofmeasure.org'

/** Members that we set ourselves; nothing is lost with them. */
const ours = ['id', 'meta', 'subject', 'device', 'effectiveDateTime', 'effectivePeriod', 'effectiveInstant']

/** Members that point to what is not in this message, or that have no place in a stream; left out and said so. */
const leftOut = [
  'text',
  'contained',
  'basedOn',
  'partOf',
  'focus',
  'encounter',
  'performer',
  'specimen',
  'hasMember',
  'derivedFrom',
  'effectiveTiming',
]

export const fhir: Format = {
  timeAt: 'Observation.effective',

  read(bytes) {
    const observation = resourceOf(readJson(bytes))
    if (observation.status === undefined) refuse('E_FIELD_MISSING', 'Observation.status')
    const vital = demand(vitalOf(loincOf(observation)), 'E_CODE', 'Observation.code')
    const readings = readingsOf(observation, vital)
    const left = leftOut.filter(member => observation[member] !== undefined)
    const issues = left.map((member): Issue => ({ code: 'E_PRUNED', at: `Observation.${member}` }))
    const beyond = beyondOf(observation)
    return demandValid({ vital, readings, when: timeOf(observation), id: null, statistic: null, beyond, issues })
  },

  outline(bytes) {
    try {
      return vitalOf(loincOf(resourceOf(readJson(bytes))))?.key ?? '?'
    } catch {
      return '?'
    }
  },
}

function resourceOf(value: JsonValue): JsonObject {
  const resource = objectAt(value, '$')
  return resource.resourceType === 'Observation' ? resource : refuse('E_TYPE', 'resourceType')
}

/** LOINC codes of a code or component.code, whatever else is wrong with it. */
function loincOf({ code }: JsonObject): string[] {
  const coding = isObject(code) && Array.isArray(code.coding) ? code.coding : []
  return coding.flatMap(one =>
    isObject(one) && one.system === loinc && typeof one.code === 'string' ? [one.code] : [],
  )
}

function readingsOf(observation: JsonObject, vital: Vital): Reading[] {
  if (vital.components.length === 0) return [reading(observation, vital, 'Observation')]
  const components = Array.isArray(observation.component) ? observation.component : []
  return vital.components.map(row => {
    const index = components.findIndex(one => isObject(one) && loincOf(one).includes(row.codes[0]![0]))
    if (index < 0) return refuse('E_FIELD_MISSING', 'Observation.component')
    return reading(components[index] as JsonObject, row, `Observation.component[${index}]`)
  })
}

function reading(holder: JsonObject, row: Quantity, at: string): Reading {
  if (holder.valueQuantity === undefined && holder.dataAbsentReason !== undefined) return { row, value: null }
  const place = `${at}.valueQuantity`
  const quantity = objectAt(holder.valueQuantity, place)
  const value = numberAt(quantity.value, `${place}.value`)
  if (quantity.comparator !== undefined) return refuse('E_PAYLOAD', `${place}.comparator`)
  if (textAt(quantity.system, `${place}.system`) !== ucum) return refuse('E_UNIT', `${place}.system`)
  const converted = inUnit(value, textAt(quantity.code, `${place}.code`), row)
  if (converted === 'E_UNIT') return refuse(converted, `${place}.code`)
  return converted === 'E_VALUE_RANGE' ? refuse(converted, `${place}.value`) : { row, value: converted }
}

function timeOf(observation: JsonObject): When | null {
  const { effectiveDateTime: time, effectiveInstant: instant, effectivePeriod: period } = observation
  if (time !== undefined) return demand(pointOf(time) ?? dayOf(time), 'E_DATE', 'Observation.effectiveDateTime')
  if (instant !== undefined) return demand(pointOf(instant), 'E_DATE', 'Observation.effectiveInstant')
  if (period === undefined) return null
  const { start, end } = objectAt(period, 'Observation.effectivePeriod')
  return demand(periodOf(pointOf(start), pointOf(end)), 'E_DATE', 'Observation.effectivePeriod')
}

/**
 * What we make of it must be R4, or the sender hears every finding, and may not name anything under our own authorities.
 * Throws Refusal E_FHIR_INVALID, E_FIELD_TYPE.
 */
function demandValid(measurement: Measurement): Measurement {
  const [first, ...others] = check(observationOf(measurement, 0))
  if (first) throw new Refusal([first, ...others])
  const reserved = reservedIn(measurement.beyond as unknown as JsonObject, 'Observation')
  return reserved ? refuse('E_FIELD_TYPE', reserved) : measurement
}

function beyondOf(observation: JsonObject): Partial<Observation> {
  const dropped = new Set([...ours, ...leftOut])
  const kept = Object.entries(observation).filter(([member]) => !dropped.has(member.replace(/^_/, '')))
  return Object.fromEntries(kept) as unknown as Partial<Observation>
}
