import type { Observation } from 'fhir/r4.js'
import { describe, expect, test } from 'vitest'
import { fhirPulse, observe, refusalOf, translate } from './payloads.ts'

const ucum = 'http://unitsofmeasure.org'
const loinc = 'http://loinc.org'
const coded = (...codes: string[]) => ({ code: { coding: codes.map(code => ({ system: loinc, code })) } })
const amount = (value: number, code: string) => ({ valueQuantity: { value, unit: code, system: ucum, code } })
const codesOf = ({ code }: Pick<Observation, 'code'>) => code.coding!.map(one => one.code)

describe('FHIR Observations', () => {
  test('become the profile they are of: category, codes, unit', () => {
    const observation = observe(fhirPulse(), 'fhir')
    expect(observation).toMatchObject({
      status: 'final',
      category: [{ coding: [{ code: 'vital-signs' }] }],
      effectiveDateTime: '2026-11-24T08:31:00+01:00',
      valueQuantity: { value: 72, unit: 'beats/minute', system: ucum, code: '/min' },
    })
  })

  test('keep what they say beyond', () => {
    const more = {
      status: 'amended',
      identifier: [{ system: 'https://example.org/reading', value: 'r-1' }],
      interpretation: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'H' }] },
      ],
      note: [{ text: 'after stairs' }],
      bodySite: { coding: [{ system: 'http://snomed.info/sct', code: '8205005' }] },
    }
    expect(observe(fhirPulse(more), 'fhir')).toMatchObject(more)
  })

  test.each([
    ['Observation.identifier[0].system', { identifier: [{ system: 'device:scale', value: '1' }] }],
    ['Observation.identifier[0].system', { identifier: [{ system: 'client:lab', value: '1' }] }],
    [
      'Observation.extension[0].valueIdentifier.system',
      { extension: [{ url: 'urn:x:e', valueIdentifier: { system: 'sender:demo', value: '1' } }] },
    ],
  ])('may not name anything under our own authorities: %s', (at, more) => {
    expect(refusalOf(fhirPulse(more), 'fhir')).toEqual([{ code: 'E_FIELD_TYPE', at }])
  })

  test('lose what leads nowhere, and hear of it', () => {
    const performer = [{ reference: 'Practitioner/1' }]
    const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">72</div>' }
    const { changes, issues } = translate(fhirPulse({ performer, text }), 'fhir')
    expect(issues).toEqual([
      { code: 'E_PRUNED', at: 'Observation.text' },
      { code: 'E_PRUNED', at: 'Observation.performer' },
    ])
    expect(changes[2]!.resource).not.toHaveProperty('performer')
  })

  test.each([
    ['59408-5', '%', 97, ['2708-6', '59408-5']],
    ['2708-6', '%', 97, ['2708-6', '59408-5']],
    ['40443-4', '/min', 55, ['8867-4', '40443-4']],
    ['8310-5', 'Cel', 36.6, ['8310-5']],
    ['29463-7', 'kg', 71, ['29463-7']],
    ['8302-2', 'cm', 171, ['8302-2']],
    ['9279-1', '/min', 14, ['9279-1']],
    ['39156-5', 'kg/m2', 22, ['39156-5']],
    ['9843-4', 'cm', 54, ['9843-4']],
    ['55423-8', '{steps}', 8000, ['55423-8']],
    ['41653-7', 'mg/dL', 99, ['41653-7']],
    ['80404-7', 'ms', 40, ['80404-7']],
  ])('code %s in %s', (code, unit, value, codes) => {
    const observation = observe(fhirPulse({ ...coded(code), ...amount(value, unit) }), 'fhir')
    expect(codesOf(observation)).toEqual(codes)
    expect(observation.valueQuantity).toMatchObject({ value, code: unit })
  })

  test('other codings of the sender stay behind ours', () => {
    const mdc = { system: 'urn:iso:std:iso:11073:10101', code: '149530' }
    const code = { coding: [mdc, { system: loinc, code: '8867-4', display: 'HR' }] }
    expect(codesOf(observe(fhirPulse({ code }), 'fhir'))).toEqual(['8867-4', '149530'])
  })

  test.each([
    ['[degF]', 98.6, 'Cel', 37],
    ['K', 310.15, 'Cel', 37],
  ])('temperature in %s is converted', (from, value, to, converted) => {
    const observation = observe(fhirPulse({ ...coded('8310-5'), ...amount(value, from) }), 'fhir')
    expect(observation.valueQuantity).toMatchObject({ value: converted, code: to })
  })

  const pressure = (...components: object[]) =>
    fhirPulse({ ...coded('85354-9'), valueQuantity: undefined, component: components })
  const half = (code: string, value: number) => ({ ...coded(code), ...amount(value, 'mm[Hg]') })

  test('blood pressure keeps its further components', () => {
    const observation = observe(pressure(half('8462-4', 80), half('8478-0', 93), half('8480-6', 120)), 'fhir')
    expect(observation.component!.map(one => [codesOf(one)[0], one.valueQuantity!.value])).toEqual([
      ['8462-4', 80],
      ['8478-0', 93],
      ['8480-6', 120],
    ])
  })

  test('half a blood pressure says why there is no other half', () => {
    const reason = {
      dataAbsentReason: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'error' }],
      },
    }
    const observation = observe(pressure(half('8480-6', 120), { ...coded('8462-4'), ...reason }), 'fhir')
    expect(observation.component![1]).toMatchObject(reason)
    expect(refusalOf(pressure(half('8480-6', 120)), 'fhir')).toEqual([
      { code: 'E_FIELD_MISSING', at: 'Observation.component' },
    ])
  })

  test('steps keep their period, a vital sign has a point in time', () => {
    const effectivePeriod = { start: '2026-11-24T08:00:00Z', end: '2026-11-24T09:00:00Z' }
    const period = { effectiveDateTime: undefined, effectivePeriod }
    const steps = observe(fhirPulse({ ...coded('55423-8'), ...amount(900, '{steps}'), ...period }), 'fhir')
    expect(steps.effectivePeriod).toEqual(effectivePeriod)
    expect(observe(fhirPulse(period), 'fhir').effectiveDateTime).toBe(effectivePeriod.end)
  })

  test.each([
    ['another resource', { resourceType: 'Patient' }, 'E_TYPE', 'resourceType'],
    ['a code that is not known', fhirPulse(coded('718-7')), 'E_CODE', 'Observation.code'],
    ['no code', fhirPulse({ code: undefined }), 'E_CODE', 'Observation.code'],
    ['no status', fhirPulse({ status: undefined }), 'E_FIELD_MISSING', 'Observation.status'],
    ['a status that is none', fhirPulse({ status: 'done' }), 'E_FHIR_INVALID', 'Observation.status'],
    ['no value', fhirPulse({ valueQuantity: undefined }), 'E_FIELD_MISSING', 'Observation.valueQuantity'],
    ['a unit of another kind', fhirPulse(amount(72, 'mm[Hg]')), 'E_UNIT', 'Observation.valueQuantity.code'],
    [
      'a unit without system',
      fhirPulse({ valueQuantity: { value: 72, code: '/min' } }),
      'E_FIELD_MISSING',
      'Observation.valueQuantity.system',
    ],
    [
      'a unit of another system',
      fhirPulse({ valueQuantity: { value: 72, code: '/min', system: 'urn:x' } }),
      'E_UNIT',
      'Observation.valueQuantity.system',
    ],
    [
      'a comparator',
      fhirPulse({ valueQuantity: { value: 72, code: '/min', system: ucum, comparator: '<' } }),
      'E_PAYLOAD',
      'Observation.valueQuantity.comparator',
    ],
    ['an impossible value', fhirPulse(amount(900, '/min')), 'E_VALUE_RANGE', 'Observation.valueQuantity.value'],
    [
      'more than all oxygen',
      fhirPulse({ ...coded('59408-5'), ...amount(101, '%') }),
      'E_VALUE_RANGE',
      'Observation.valueQuantity.value',
    ],
    ['a month for a time', fhirPulse({ effectiveDateTime: '2026-11' }), 'E_DATE', 'Observation.effectiveDateTime'],
    [
      'a time without offset',
      fhirPulse({ effectiveDateTime: '2026-11-24T08:31:00' }),
      'E_DATE',
      'Observation.effectiveDateTime',
    ],
    ['a member that FHIR does not have', fhirPulse({ mood: 'good' }), 'E_FHIR_INVALID', 'Observation.?'],
  ])('%s is refused, with its place', (_, payload, code, at) => {
    expect(refusalOf(payload, 'fhir')[0]).toEqual({ code, at })
  })
})
