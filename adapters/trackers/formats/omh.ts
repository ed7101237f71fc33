/**
 * Open mHealth data points (https://www.openmhealth.org, schemas omh:data-point, omh:heart-rate 1.x and 2.x,
 * omh:blood-pressure 1.x to 4.x): `{"header": {…, "schema_id": …}, "body": {…}}`. A schema is a row of `schemas`.
 */
import { refuse } from '../../../src/errors.ts'
import { isObject, type JsonObject, type JsonValue, numberOf, readJson } from '../../../src/fhir/json.ts'
import { day, hour, minute, second } from '../../../src/limits.ts'
import type { Issue, Ms } from '../../../src/records.ts'
import type { Format, Measurement, Reading, Statistic, When } from '../measurement.ts'
import { dayOf, periodOf, pointOf, shifted } from '../time.ts'
import { inUnit, type Quantity, type Vital, vitals } from '../vitals.ts'
import { demand, numberAt, objectAt, textAt } from './json.ts'

type Schema = Readonly<{
  vital: Vital
  /** Major versions taken. */
  majors: readonly number[]
  /** From this major version on the time of measurement is required. */
  timedFrom: number
  /** Members that hold the numbers, in the order of the vital's components, and the units that the schema allows. */
  readings: readonly (readonly [member: string, row: Quantity, units: readonly string[]])[]
}>

const heartRate = vitals.get('heart-rate')!
const bloodPressure = vitals.get('blood-pressure')!

const schemas: Readonly<Record<string, Schema>> = {
  'heart-rate': {
    vital: heartRate,
    majors: [1, 2],
    timedFrom: 2,
    readings: [['heart_rate', heartRate, ['beats/min']]],
  },
  'blood-pressure': {
    vital: bloodPressure,
    majors: [1, 2, 3, 4],
    timedFrom: 3,
    readings: [
      ['systolic_blood_pressure', bloodPressure.components[0]!, ['mmHg']],
      ['diastolic_blood_pressure', bloodPressure.components[1]!, ['mmHg']],
    ],
  },
}

/** Statistics that are still a reading of the same kind; a deviation or a sum is not one. */
const statistics: readonly string[] = ['average', 'maximum', 'minimum', 'median'] satisfies Statistic[]

/** Members of bodies that no Observation member of this release carries; they stay in the sealed original. */
const leftOut = [
  'position_during_measurement',
  'body_posture',
  'measurement_location',
  'temporal_relationship_to_physical_activity',
  'temporal_relationship_to_sleep',
  'descriptive_statistic_denominator',
]

const durations: Readonly<Record<string, Ms>> = {
  ps: 1e-9,
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  sec: second,
  min: minute,
  h: hour,
  d: day,
  wk: 7 * day,
}

const frameAt = '$.body.effective_time_frame'
const intervalAt = `${frameAt}.time_interval`

export const omh: Format = {
  timeAt: frameAt,

  read(bytes) {
    const point = objectAt(readJson(bytes), '$')
    const header = objectAt(point.header, '$.header')
    const { schema, major } = schemaOf(header)
    const id = textAt(header.id, '$.header.id')
    checkHeader(header)
    return measured(objectAt(point.body, '$.body'), schema, major, id)
  },

  outline(bytes) {
    try {
      const point = readJson(bytes)
      const header = isObject(point) ? point.header : undefined
      const schema = isObject(header) ? header.schema_id : undefined
      const name = isObject(schema) ? schema.name : undefined
      return typeof name === 'string' && Object.hasOwn(schemas, name) ? name : '?'
    } catch {
      return '?'
    }
  },
}

function schemaOf(header: JsonObject): { schema: Schema; major: number } {
  const at = '$.header.schema_id'
  const id = objectAt(header.schema_id, at)
  const name = textAt(id.name, `${at}.name`)
  if (textAt(id.namespace, `${at}.namespace`) !== 'omh') return refuse('E_FORMAT', `${at}.namespace`)
  if (!Object.hasOwn(schemas, name)) return refuse('E_FORMAT', `${at}.name`)
  const schema = schemas[name]!
  const major = Number(/^(\d{1,3})\.(?:\d{1,3}|x)$/.exec(textAt(id.version, `${at}.version`))?.[1])
  return schema.majors.includes(major) ? { schema, major } : refuse('E_FORMAT', `${at}.version`)
}

/** The rest of omh:header 1.x. `user_id` is not read: who it is, is known from who wears the device. */
function checkHeader(header: JsonObject): void {
  demand(
    pointOf(textAt(header.creation_date_time, '$.header.creation_date_time')),
    'E_DATE',
    '$.header.creation_date_time',
  )
  if (header.acquisition_provenance === undefined) return
  const at = '$.header.acquisition_provenance'
  const { source_name, modality } = objectAt(header.acquisition_provenance, at)
  textAt(source_name, `${at}.source_name`)
  if (modality !== undefined && modality !== 'sensed' && modality !== 'self-reported')
    refuse('E_CODE', `${at}.modality`)
}

function measured(body: JsonObject, schema: Schema, major: number, id: string): Measurement {
  const readings = schema.readings.map(([member, row, units]) => reading(body[member], `$.body.${member}`, row, units))
  const statistic = statisticOf(body.descriptive_statistic)
  const { when, issues } = timeOf(body.effective_time_frame, major >= schema.timedFrom)
  const beyond = body.user_notes === undefined ? {} : { note: [{ text: textAt(body.user_notes, '$.body.user_notes') }] }
  const left = leftOut.filter(member => body[member] !== undefined)
  const pruned = left.map((member): Issue => ({ code: 'E_PRUNED', at: `$.body.${member}` }))
  return { vital: schema.vital, readings, when, id, statistic, beyond, issues: [...issues, ...pruned] }
}

function reading(value: JsonValue | undefined, at: string, row: Quantity, units: readonly string[]): Reading {
  const { value: number, unit } = objectAt(value, at)
  const given = numberAt(number, `${at}.value`)
  const name = textAt(unit, `${at}.unit`)
  const converted = units.includes(name) ? inUnit(given, name, row) : 'E_UNIT'
  if (converted === 'E_UNIT') return refuse(converted, `${at}.unit`)
  return converted === 'E_VALUE_RANGE' ? refuse(converted, `${at}.value`) : { row, value: converted }
}

function statisticOf(value: JsonValue | undefined): Statistic | null {
  if (value === undefined) return null
  return typeof value === 'string' && statistics.includes(value)
    ? (value as Statistic)
    : refuse('E_CODE', '$.body.descriptive_statistic')
}

/** omh:time-frame: a point in time or an interval in one of four forms. */
function timeOf(value: JsonValue | undefined, required: boolean): { when: When | null; issues: Issue[] } {
  if (value === undefined) return required ? refuse('E_FIELD_MISSING', frameAt) : { when: null, issues: [] }
  const frame = objectAt(value, frameAt)
  if (frame.date_time !== undefined)
    return { when: demand(pointOf(frame.date_time), 'E_DATE', `${frameAt}.date_time`), issues: [] }
  const interval = objectAt(frame.time_interval, intervalAt)
  if (interval.date === undefined) return { when: intervalOf(interval), issues: [] }
  const when = demand(dayOf(interval.date), 'E_DATE', `${intervalAt}.date`)
  const dropped =
    interval.part_of_day === undefined ? [] : [{ code: 'E_PRUNED', at: `${intervalAt}.part_of_day` } as const]
  return { when, issues: dropped }
}

function intervalOf(interval: JsonObject): When {
  const start = bound(interval, 'start_date_time')
  const end = bound(interval, 'end_date_time')
  if (start && end) return demand(periodOf(start, end), 'E_DATE', intervalAt)
  const length = durationOf(interval.duration)
  if (start) return demand(periodOf(start, shifted(start, length)), 'E_DATE', intervalAt)
  if (end) return demand(periodOf(shifted(end, -length), end), 'E_DATE', intervalAt)
  return refuse('E_FIELD_MISSING', intervalAt)
}

function bound(interval: JsonObject, member: string): When | null {
  const text = interval[member]
  return text === undefined ? null : demand(pointOf(text), 'E_DATE', `${intervalAt}.${member}`)
}

/** In milliseconds. Months and years have no fixed length, so an interval of them needs both ends. */
function durationOf(value: JsonValue | undefined): Ms {
  const { value: number, unit } = objectAt(value, `${intervalAt}.duration`)
  const length = numberOf(numberAt(number, `${intervalAt}.duration.value`))
  const name = textAt(unit, `${intervalAt}.duration.unit`)
  if (!Object.hasOwn(durations, name)) return refuse('E_UNIT', `${intervalAt}.duration.unit`)
  const ms = length * durations[name]!
  return length >= 0 && ms <= 366 * day ? ms : refuse('E_VALUE_RANGE', `${intervalAt}.duration.value`)
}
