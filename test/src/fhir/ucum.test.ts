import { describe, expect, it } from 'vitest'
import { isUcum } from '../../../src/fhir/ucum.ts'

describe('UCUM', () => {
  it.each(
    'mm[Hg] 10*3/uL 10*9/L {beats}/min /min /[HPF] % 1 {score} mL/min/{1.73_m2} mL/min/1.73.m2 kg.m2 kg/m2 [iU]/L m[H2O] 4.[pi].10*-7.N/A2 cm2/(s.V) [degF] Cel mmol/L ug/(24.h) dB[SPL]'.split(
      ' ',
    ),
  )('%s is a unit', unit => {
    expect(isUcum(unit)).toBe(true)
  })

  it.each(
    'bpm mmHg mEq/L IU/L sec lbs in steps ratio m^2 mg//dL mg/ .mg mg. (mg mg) {a {a}} k% kmin mg/dL/ 10L [nope] mg/\u00b5L'.split(
      ' ',
    ),
  )('%s is none', unit => {
    expect(isUcum(unit)).toBe(false)
  })

  it('is not slow or deep for anything', () => {
    for (const text of ['', ' ', '('.repeat(100_000), 'a'.repeat(1_000_000), '{'.repeat(99), `${'[a]'.repeat(33)}`]) {
      expect(isUcum(text)).toBe(false)
    }
  })
})
