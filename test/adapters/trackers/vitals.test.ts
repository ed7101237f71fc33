import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inUnit, vitalOf, vitals } from '../../../adapters/trackers/vitals.ts'
import { decimal, digitsOf } from '../../../src/fhir/json.ts'

const convert = (key: string, digits: string, unit: string): string => {
  const converted = inUnit(decimal(digits), unit, vitals.get(key)!)
  return typeof converted === 'string' ? converted : digitsOf(converted)
}

describe('units', () => {
  test.each([
    ['heart-rate', '72.50', '/min', '72.50'],
    ['heart-rate', '72.50', 'bpm', '72.50'],
    ['heart-rate', '1.20', 'Hz', '72.0'],
    ['body-temperature', '98.6', '[degF]', '37.00'],
    ['body-temperature', '310.15', 'K', '37.00'],
    ['body-weight', '154', '[lb_av]', '69.9'],
    ['body-weight', '70500', 'g', '70.500'],
    ['body-height', '1.75', 'm', '175'],
    ['oxygen-saturation', '0.975', '1', '97.5'],
    ['blood-pressure', '16.0', 'kPa', '120.0'],
    ['blood-glucose', '5.55', 'mmol/L', '100.0'],
    ['body-weight', '7.05e4', 'g', '70.5'],
  ])('%s: %s %s = %s', (key, digits, unit, expected) => {
    expect(convert(key, digits, unit)).toBe(expected)
  })

  test('a unit of another kind does not fit', () => {
    expect(convert('heart-rate', '72', 'kg')).toBe('E_UNIT')
    expect(convert('heart-rate', '72', 'toString')).toBe('E_UNIT')
  })

  const finite = fc.double({ noNaN: true, noDefaultInfinity: true })

  test('in the own unit no digit changes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...vitals.values()), finite, (row, value) => {
        const digits = JSON.stringify(value)
        expect([digits, 'E_VALUE_RANGE']).toContain(convert(row.key, digits, row.unit))
      }),
    )
  })

  test('a conversion gives a number that JSON can write, whatever it is given', () => {
    const pairs = [...vitals.values()].flatMap(row => Object.keys(row.units).map(unit => ({ row, unit })))
    fc.assert(
      fc.property(fc.constantFrom(...pairs), finite, ({ row, unit }, value) => {
        const converted = inUnit(decimal(JSON.stringify(value)), unit, row)
        if (converted !== 'E_VALUE_RANGE') expect(JSON.parse(JSON.stringify(converted))).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

test('ranges include their ends', () => {
  const values = ['0', '390', '390.1', '-1', '1e308']
  expect(values.map(value => convert('heart-rate', value, '/min'))).toEqual([
    '0',
    '390',
    'E_VALUE_RANGE',
    'E_VALUE_RANGE',
    'E_VALUE_RANGE',
  ])
})

test('codes name the row that says most', () => {
  expect(vitalOf(['8867-4'])!.key).toBe('heart-rate')
  expect(vitalOf(['8867-4', '40443-4'])!.key).toBe('heart-rate-resting')
  expect(vitalOf(['149530', '59408-5'])!.key).toBe('oxygen-saturation')
  expect(vitalOf(['718-7'])).toBeNull()
  expect(vitalOf([])).toBeNull()
})
