import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { dataPoint, observe, pulse, refusalOf, translate } from './payloads.ts'

const ucum = 'http://unitsofmeasure.org'
const loinc = 'http://loinc.org'

describe('Open mHealth', () => {
  test('heart rate', () => {
    expect(observe(pulse(), 'omh')).toEqual({
      resourceType: 'Observation',
      id: 'observation',
      status: 'final',
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
      ],
      code: { coding: [{ system: loinc, code: '8867-4', display: 'Heart rate' }] },
      subject: { reference: 'Patient/patient' },
      effectiveDateTime: '2026-11-24T08:31:00Z',
      device: { reference: 'Device/device' },
      valueQuantity: { value: 72, unit: 'beats/minute', system: ucum, code: '/min' },
    })
  })

  test('blood pressure', () => {
    const point = dataPoint('blood-pressure', '4.0', {
      diastolic_blood_pressure: { value: 82, unit: 'mmHg' },
      systolic_blood_pressure: { value: 128, unit: 'mmHg' },
      effective_time_frame: { date_time: '2026-11-24T08:40:00Z' },
      body_posture: 'sitting',
    })
    const pressure = (value: number) => ({ value, unit: 'mmHg', system: ucum, code: 'mm[Hg]' })
    const observation = observe(point, 'omh')
    expect(observation.code.coding![0]).toMatchObject({ system: loinc, code: '85354-9' })
    expect(observation.valueQuantity).toBeUndefined()
    expect(observation.component!.map(({ code, valueQuantity }) => [code.coding![0]!.code, valueQuantity])).toEqual([
      ['8480-6', pressure(128)],
      ['8462-4', pressure(82)],
    ])
    expect(translate(point, 'omh').issues).toEqual([{ code: 'E_PRUNED', at: '$.body.body_posture' }])
  })

  test('digits stay as they came', () => {
    const text = JSON.stringify(pulse('?')).replace('"?"', '72.50')
    expect(JSON.stringify(translate(text, 'omh').changes[2]!.resource)).toContain('"value":72.50')
  })

  const inInterval = (interval: object, more: object = {}) =>
    dataPoint('heart-rate', '2.0', {
      heart_rate: { value: 50, unit: 'beats/min' },
      effective_time_frame: { time_interval: interval },
      ...more,
    })

  test('an interval, in each of its forms, is told at its end', () => {
    const start_date_time = '2026-11-24T06:00:00+01:00'
    const end_date_time = '2026-11-24T07:00:00+01:00'
    const duration = { value: 60, unit: 'min' }
    expect(observe(inInterval({ start_date_time, end_date_time }), 'omh').effectiveDateTime).toBe(end_date_time)
    expect(observe(inInterval({ end_date_time, duration }), 'omh').effectiveDateTime).toBe(end_date_time)
    expect(observe(inInterval({ start_date_time, duration }), 'omh').effectiveDateTime).toBe('2026-11-24T06:00:00.000Z')
    const daily = inInterval({ date: '2026-11-23', part_of_day: 'evening' })
    expect(observe(daily, 'omh').effectiveDateTime).toBe('2026-11-23')
    expect(translate(daily, 'omh').issues).toEqual([
      { code: 'E_PRUNED', at: '$.body.effective_time_frame.time_interval.part_of_day' },
    ])
  })

  test('a statistic says which; what is no reading any more is refused', () => {
    const interval = { start_date_time: '2026-11-23T06:00:00Z', end_date_time: '2026-11-24T06:00:00Z' }
    const observation = observe(inInterval(interval, { descriptive_statistic: 'minimum' }), 'omh')
    expect(observation.method!.coding![0]!.code).toBe('minimum')
    for (const descriptive_statistic of ['standard deviation', 'variance', 'sum', 'Anna'])
      expect(refusalOf(inInterval(interval, { descriptive_statistic }), 'omh')).toEqual([
        { code: 'E_CODE', at: '$.body.descriptive_statistic' },
      ])
  })

  test('a note stays with the reading', () => {
    const point = dataPoint('heart-rate', '1.0', { heart_rate: { value: 50, unit: 'beats/min' }, user_notes: 'dizzy' })
    expect(observe(point, 'omh').note).toEqual([{ text: 'dizzy' }])
  })

  const at = (...parameters: Parameters<typeof dataPoint>) => refusalOf(dataPoint(...parameters), 'omh')[0]
  const body = {
    heart_rate: { value: 72, unit: 'beats/min' },
    effective_time_frame: { date_time: '2026-11-24T08:31:00Z' },
  }

  test.each([
    ['a unit of another kind', pulse(72, 'mmHg'), 'E_UNIT', '$.body.heart_rate.unit'],
    ['a unit that the schema does not have', pulse(72, 'bpm'), 'E_UNIT', '$.body.heart_rate.unit'],
    ['an impossible value', pulse(900), 'E_VALUE_RANGE', '$.body.heart_rate.value'],
    ['a negative value', pulse(-1), 'E_VALUE_RANGE', '$.body.heart_rate.value'],
    ['text for a number', pulse('72'), 'E_FIELD_TYPE', '$.body.heart_rate.value'],
    [
      'a time without offset',
      pulse(72, 'beats/min', '2026-11-24T08:31:00'),
      'E_DATE',
      '$.body.effective_time_frame.date_time',
    ],
    [
      'a day that is none',
      pulse(72, 'beats/min', '2026-02-30T08:31:00Z'),
      'E_DATE',
      '$.body.effective_time_frame.date_time',
    ],
    ['no header', { body }, 'E_FIELD_MISSING', '$.header'],
    ['a list', [], 'E_PAYLOAD', '$'],
    [
      'an end before the start',
      inInterval({ start_date_time: '2026-11-24T07:00:00Z', end_date_time: '2026-11-24T06:00:00Z' }),
      'E_DATE',
      '$.body.effective_time_frame.time_interval',
    ],
    [
      'a month, which has no length',
      inInterval({ start_date_time: '2026-09-24T07:00:00Z', duration: { value: 1, unit: 'Mo' } }),
      'E_UNIT',
      '$.body.effective_time_frame.time_interval.duration.unit',
    ],
    [
      'half an interval',
      inInterval({ start_date_time: '2026-09-24T07:00:00Z' }),
      'E_FIELD_MISSING',
      '$.body.effective_time_frame.time_interval.duration',
    ],
  ])('%s is refused, with its place', (_, payload, code, place) => {
    expect(refusalOf(payload, 'omh')).toEqual([{ code, at: place }])
  })

  test('schemas that are not known are refused, with their place', () => {
    expect(at('step-count', '1.0', body)).toEqual({ code: 'E_FORMAT', at: '$.header.schema_id.name' })
    expect(at('toString', '1.0', body)).toEqual({ code: 'E_FORMAT', at: '$.header.schema_id.name' })
    expect(at('heart-rate', '3.0', body)).toEqual({ code: 'E_FORMAT', at: '$.header.schema_id.version' })
    expect(at('heart-rate', 'new', body)).toEqual({ code: 'E_FORMAT', at: '$.header.schema_id.version' })
    const schema_id = { namespace: 'acme', name: 'heart-rate', version: '1.0' }
    expect(at('', '', body, { schema_id })).toEqual({ code: 'E_FORMAT', at: '$.header.schema_id.namespace' })
  })

  test('headers follow their schema', () => {
    expect(at('heart-rate', '1.0', body, { id: undefined })).toEqual({ code: 'E_FIELD_MISSING', at: '$.header.id' })
    expect(at('heart-rate', '1.0', body, { creation_date_time: '201-02-05T07:25:00Z' })).toEqual({
      code: 'E_DATE',
      at: '$.header.creation_date_time',
    })
    const acquisition_provenance = { source_name: 'watch', modality: 'guessed' }
    expect(at('heart-rate', '1.0', body, { acquisition_provenance })).toEqual({
      code: 'E_CODE',
      at: '$.header.acquisition_provenance.modality',
    })
    observe(
      dataPoint('heart-rate', '1.x', body, { acquisition_provenance: { source_name: 'watch', modality: 'sensed' } }),
      'omh',
    )
  })
})

const corpus = join(
  process.env.CLINIC_GATEWAY_CORPUS ?? '../shared/data',
  'device-corpus/open-mhealth-schemas/test-data/omh',
)

describe.skipIf(!existsSync(corpus))('Open mHealth test data (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
  const cases = ['heart-rate', 'blood-pressure'].flatMap(name =>
    readdirSync(join(corpus, name), { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.json'))
      .map(path => {
        const [version, verdict, file] = path.split('/') as [string, string, string]
        return { name, version, verdict, file, text: readFileSync(join(corpus, name, path), 'utf8') }
      }),
  )
  const pointOf = ({ name, version, text }: (typeof cases)[number]) => dataPoint(name, version, JSON.parse(text))

  test('are there', () => {
    expect(cases.filter(({ verdict }) => verdict === 'shouldPass').length).toBeGreaterThanOrEqual(15)
    expect(cases.filter(({ verdict }) => verdict === 'shouldFail').length).toBeGreaterThanOrEqual(4)
  })

  test.each(cases.filter(({ verdict }) => verdict === 'shouldPass'))('$name $version $file passes', one => {
    expect(observe(pointOf(one), 'omh').status).toBe('final')
  })

  test.each(cases.filter(({ verdict }) => verdict === 'shouldFail'))('$name $version $file fails', one => {
    expect(refusalOf(pointOf(one), 'omh')[0]!.at).toMatch(/^\$\.body/)
  })
})
