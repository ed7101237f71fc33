import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { measurementTranslator } from '../../../adapters/trackers/translate.ts'
import { day, minute } from '../../../src/limits.ts'
import { arrivalOf, dataPoint, fhirPulse, observe, pulse, receivedAt, refusalOf, translate } from './payloads.ts'

const bodyOf = (value: unknown) => ({ heart_rate: { value, unit: 'beats/min' } })
const keyOf = (...parameters: Parameters<typeof translate>) => translate(...parameters).changes.at(-1)!.identity[0]
const measured = Date.parse('2026-11-24T08:31:00Z')

describe('what readers see', () => {
  test('patient and device before the reading, which belongs to the wearer', () => {
    const { changes, repeatable, issues } = translate(pulse(), 'omh')
    const wearer = { pseudonym: 'p1-anna' }
    expect(
      changes.map(({ verb, resource, identity, subject }) => [verb, resource.resourceType, identity[0], subject]),
    ).toEqual([
      ['ensure', 'Patient', wearer, wearer],
      ['ensure', 'Device', { system: 'device', value: 'watch' }, null],
      ['replace', 'Observation', { system: 'device:watch', value: '8867-4|2026-11-24T08:31:00.000Z|0|' }, wearer],
    ])
    expect(observe(pulse(), 'omh')).toMatchObject({
      subject: { reference: 'Patient/patient' },
      device: { reference: 'Device/device' },
    })
    expect({ repeatable, issues }).toEqual({ repeatable: true, issues: [] })
  })
})

describe('the duplicate key', () => {
  test('the same device time in another zone is the same reading', () => {
    expect(keyOf(pulse(72, 'beats/min', '2026-11-24T09:31:00+01:00'), 'omh')).toEqual(keyOf(pulse(), 'omh'))
    expect(keyOf(fhirPulse({ effectiveDateTime: '2026-11-24T08:31:00Z' }), 'fhir')).toEqual(keyOf(pulse(), 'omh'))
  })

  test('what differs in time, duration or statistic differs', () => {
    const frame = (start: string, statistic?: string) =>
      dataPoint('heart-rate', '2.0', {
        ...bodyOf(60),
        effective_time_frame: { time_interval: { start_date_time: start, end_date_time: '2026-11-24T08:31:00Z' } },
        descriptive_statistic: statistic,
      })
    const points = [
      pulse(),
      pulse(72, 'beats/min', '2026-11-24T08:31:00.001Z'),
      frame('2026-11-24T07:31:00Z'),
      frame('2026-11-24T06:31:00Z'),
      frame('2026-11-24T06:31:00Z', 'minimum'),
      frame('2026-11-24T06:31:00Z', 'maximum'),
    ]
    expect(new Set(points.map(point => keyOf(point, 'omh')!).map(name => JSON.stringify(name))).size).toBe(
      points.length,
    )
  })

  test('without a device time the payload id names it, and a repeat is still a repeat', () => {
    const point = dataPoint('heart-rate', '1.0', bodyOf(60))
    expect(keyOf(point, 'omh')).toEqual({ system: 'device:watch', value: `id|${point.header.id}` })
    expect(translate(point, 'omh').repeatable).toBe(true)
  })

  test('without either every message is a new one', () => {
    const payload = fhirPulse({ effectiveDateTime: undefined })
    const first = translate(payload, 'fhir')
    const second = translate(payload, 'fhir', {}, { receivedAt: receivedAt + 1 })
    expect(first.repeatable).toBe(false)
    expect(first.changes[2]!.identity).not.toEqual(second.changes[2]!.identity)
  })
})

describe('who wore it', () => {
  const worn = [
    { from: measured - day, to: measured, wearer: 'p1-anna' },
    { from: measured, to: measured + minute, wearer: 'p1-bela' },
  ]
  const at = (ms: number) => pulse(72, 'beats/min', new Date(ms).toISOString())
  const wearerAt = (ms: number) => translate(at(ms), 'omh', { worn }).changes[2]!.subject

  test('the time of measurement decides, not of receipt: late data goes to the earlier wearer', () => {
    expect(wearerAt(measured - 1)).toEqual({ pseudonym: 'p1-anna' })
    expect(wearerAt(measured)).toEqual({ pseudonym: 'p1-bela' })
    expect(wearerAt(measured + minute - 1)).toEqual({ pseudonym: 'p1-bela' })
  })

  test('nobody: held, for the clinic to say', () => {
    const nobody = [{ code: 'E_NO_WEARER', at: 'device' }]
    expect(refusalOf(at(measured + minute), 'omh', { worn })).toEqual(nobody)
    expect(refusalOf(at(measured - day - 1), 'omh', { worn })).toEqual(nobody)
    expect(refusalOf(pulse(), 'omh', { worn: [] })).toEqual(nobody)
  })

  test('an interval belongs to who wore it all the time', () => {
    const interval = (start: number, end: number) =>
      dataPoint('heart-rate', '2.0', {
        ...bodyOf(60),
        effective_time_frame: {
          time_interval: { start_date_time: new Date(start).toISOString(), end_date_time: new Date(end).toISOString() },
        },
      })
    expect(translate(interval(measured - day, measured), 'omh', { worn }).changes[2]!.subject).toEqual({
      pseudonym: 'p1-anna',
    })
    expect(refusalOf(interval(measured - day, measured + 1), 'omh', { worn })[0]!.code).toBe('E_NO_WEARER')
  })

  test('what the sender says about the person is not believed', () => {
    const observation = observe(
      fhirPulse({ subject: { reference: 'Patient/4711' }, device: { display: 'mine' } }),
      'fhir',
    )
    expect(observation.subject).toEqual({ reference: 'Patient/patient' })
    expect(observation.device).toEqual({ reference: 'Device/device' })
    expect(JSON.stringify(translate(pulse(), 'omh'))).not.toContain('user')
  })
})

describe('device clocks', () => {
  const at = (time: string) => pulse(72, 'beats/min', time)
  const wrong = [{ code: 'E_DATE', at: '$.body.effective_time_frame' }]

  test('a clock that was never set, or is ahead, is told so', () => {
    expect(refusalOf(at('1970-01-01T00:03:00Z'), 'omh')).toEqual(wrong)
    expect(refusalOf(at('1999-12-31T23:59:59Z'), 'omh')).toEqual(wrong)
    expect(refusalOf(at('2026-11-24T12:05:01Z'), 'omh')).toEqual(wrong)
    observe(at('2000-01-01T00:00:00Z'), 'omh')
    observe(at('2026-11-24T12:05:00Z'), 'omh')
  })

  test('while our own clock is in doubt, it cannot tell who is ahead', () => {
    translate(at('2027-11-24T12:05:01Z'), 'omh', {}, { clockTrusted: false })
  })

  test('no time: the time of receipt, and the answer says so', () => {
    const point = dataPoint('heart-rate', '1.0', bodyOf(60))
    expect(observe(point, 'omh').effectiveDateTime).toBe('2026-11-24T12:00:00.000Z')
    expect(translate(point, 'omh').issues).toEqual([{ code: 'E_RECEIPT_TIME', at: 'Observation.effectiveDateTime' }])
  })
})

describe('payloads', () => {
  test.each(['senml', 'OMH', '', '__proto__', 'constructor'])('of format "%s" are not known', format => {
    expect(refusalOf('{}', format)).toEqual([{ code: 'E_FORMAT', at: 'topic' }])
  })

  test('a device of one format sends no other', () => {
    expect(refusalOf(pulse(), 'omh', { format: 'fhir' })).toEqual([{ code: 'E_FORMAT', at: 'topic' }])
    observe(pulse(), 'omh', { format: 'omh' })
  })

  test.each([
    ['', 'E_JSON'],
    ['{"a":1,"a":2}', 'E_JSON_KEY'],
    ['{"__proto__":1}', 'E_JSON_KEY'],
    ['['.repeat(65), 'E_JSON_DEPTH'],
    ['"\ud800"', 'E_UTF8'],
  ])('%j: %s', (payload, code) => {
    const bytes = code === 'E_UTF8' ? new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]) : arrivalOf(payload, 'omh').bytes
    for (const format of ['omh', 'fhir']) expect(refusalOf('', format, {}, { bytes })[0]!.code).toBe(code)
  })

  test('anything at all is translated or refused with a place, and never with a value', () => {
    const secret = 'Müller-4711'
    const leaf = fc.oneof(fc.constant(secret), fc.double(), fc.boolean(), fc.constant(null))
    const { value } = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...members), tie('value'), { maxKeys: 6 }),
      ),
    }))
    fc.assert(
      fc.property(value, fc.constantFrom('omh', 'fhir'), (payload, format) => {
        const mixed = mix(format === 'omh' ? pulse() : fhirPulse(), payload)
        for (const one of [payload, mixed]) {
          expect(measurementTranslator.outline(arrivalOf(one ?? null, format))).toMatch(/^(omh|fhir) [a-z?-]+$/)
          try {
            observe(one ?? null, format)
          } catch (error) {
            const issues = (error as { issues?: { at: string }[] }).issues
            expect(issues?.length, String(error)).toBeGreaterThan(0)
            expect(JSON.stringify(issues)).not.toContain('4711')
          }
        }
      }),
      { numRuns: 400 },
    )
  })

  test('an outline says what kind of measurement it is, and nothing of it', () => {
    const outline = (payload: unknown, format: string) => measurementTranslator.outline(arrivalOf(payload, format))
    expect(outline(pulse(), 'omh')).toBe('omh heart-rate')
    expect(outline(fhirPulse(), 'fhir')).toBe('fhir heart-rate')
    expect(outline(dataPoint('Anna Muster', '1.0', {}), 'omh')).toBe('omh ?')
    expect(outline('{', 'fhir')).toBe('fhir ?')
    expect(outline(pulse(), 'Anna')).toBe('?')
  })
})

const members = [
  'header',
  'body',
  'schema_id',
  'heart_rate',
  'effective_time_frame',
  'time_interval',
  'duration',
  'value',
  'unit',
  'code',
  'coding',
  'component',
  'valueQuantity',
  'effectiveDateTime',
  'effectivePeriod',
  'category',
  'note',
  'status',
  'text',
]

/** A good payload with some of its members replaced by those of another. */
function mix(good: object, other: unknown): object {
  if (typeof other !== 'object' || other === null || Array.isArray(other)) return good
  const entries = Object.entries(other).map(([member, value]) => {
    const own = (good as Record<string, unknown>)[member]
    return [member, typeof own === 'object' && own !== null ? mix(own, value) : value]
  })
  return { ...good, ...Object.fromEntries(entries) }
}
