import { describe, expect, it } from 'vitest'
import { impossible } from '../../../src/fhir/ranges.ts'

describe('impossible', () => {
  it.each([
    ['8867-4', '/min', 9000],
    ['8867-4', '/min', -5],
    ['8310-5', 'Cel', 370],
    ['8310-5', '[degF]', 370],
    ['8480-6', 'kPa', 60],
    ['59408-5', '%', 100.5],
    ['29463-7', 'g', 700_000],
    ['39156-5', 'kg/m2', -1],
  ])('%s in %s: %d', (loinc, unit, value) => {
    expect(impossible(loinc, unit, value)).toBe(true)
  })

  it.each([
    ['8867-4', '/min', 0],
    ['8867-4', '/min', 390],
    ['8310-5', '[degF]', 98.6],
    ['8310-5', 'K', 310],
    ['2708-6', '1', 0.98],
    ['29463-7', 'g', 3200],
  ])('nor is %s in %s: %d', (loinc, unit, value) => {
    expect(impossible(loinc, unit, value)).toBe(false)
  })

  it('does not judge what it does not know', () => {
    expect(impossible('718-7', 'g/dL', -1)).toBe(false)
    expect(impossible('8867-4', 'kg', 9000)).toBe(false)
    expect(impossible('8867-4', 'constructor', 9000)).toBe(false)
  })
})
