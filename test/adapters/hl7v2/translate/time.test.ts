import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readClock, readTime } from '../../../../adapters/hl7v2/time.ts'
import { precisionOf } from '../../../../src/fhir/dates.ts'
import { adt, codesOf, msh, obr, obx, one, oru, pid, pv1, refusalOf, translate } from './messages.ts'

const at = (text: string, zone = 'Europe/Berlin') => readTime(text, zone)?.at ?? null

describe('HL7 times', () => {
  it.each([
    ['2026', '2026'],
    ['202611', '2026-11'],
    ['20261125', '2026-11-25'],
    ['20261125+0100', '2026-11-25'],
    ['2026112508', '2026-11-25T08:00:00+01:00'],
    ['202611250815', '2026-11-25T08:15:00+01:00'],
    ['20261125081530', '2026-11-25T08:15:30+01:00'],
    ['20260725081530', '2026-07-25T08:15:30+02:00'],
    ['20261125081530.1234', '2026-11-25T08:15:30.123+01:00'],
    ['20261125081530.5', '2026-11-25T08:15:30.5+01:00'],
    ['20261125081530-0500', '2026-11-25T08:15:30-05:00'],
    ['20261125081530+1400', '2026-11-25T08:15:30+14:00'],
    ['20240229', '2024-02-29'],
  ])('%s is %s: precision and offset are kept', (text, expected) => {
    expect(at(text)).toBe(expected)
  })

  it.each([
    '20260230',
    '20261301',
    '20260001',
    '00000000',
    '2026112524',
    '202611251260',
    '20261125081561',
    '20261125081530+1430',
    '20261125081530+0560',
    '2026-11-25',
    '202',
    '20261',
    'NOW',
    '',
  ])('%s is no time', text => {
    expect(at(text)).toBeNull()
  })

  it('a local time that comes twice is the first of the two', () => {
    expect(at('20261025023000')).toBe('2026-10-25T02:30:00+02:00')
    expect(at('20261025033000')).toBe('2026-10-25T03:30:00+01:00')
    expect(at('20261101013000', 'America/New_York')).toBe('2026-11-01T01:30:00-04:00')
  })

  it('a local time that the zone skips keeps its digits under the offset before the gap, and is noted', () => {
    expect(readTime('20260329023000', 'Europe/Berlin')).toMatchObject({
      at: '2026-03-29T02:30:00+01:00',
      offset: 'gap',
    })
    expect(readTime('20261004021000', 'Australia/Lord_Howe')).toMatchObject({
      at: '2026-10-04T02:10:00+10:30',
      offset: 'gap',
    })
    expect(codesOf(translate(oru(obx.replace('20261125073000', '20260329023000'))))).toContain('E_DST_GAP OBX-14')
  })

  it('a time of day has no date and no offset', () => {
    expect(readClock('0815')).toBe('08:15:00')
    expect(readClock('081530.25+0100')).toBe('08:15:30.25')
    expect(readClock('2400')).toBeNull()
  })

  it('whatever digits come, the result is a FHIR dateTime or nothing', () => {
    const digits = fc.stringMatching(/^\d{4,14}(\.\d{1,4})?([+-]\d{4})?$/)
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kolkata', 'Australia/Lord_Howe')
    fc.assert(
      fc.property(digits, zones, (text, zone) => {
        const moment = readTime(text, zone)
        if (moment) expect(precisionOf(moment.at)).toBe(moment.precision)
      }),
      { numRuns: 500 },
    )
  })
})

describe('times in messages', () => {
  it('a birth date with a time is cut to its day', () => {
    expect(one(translate(adt('A01').map(s => s.replace('19741225', '197412250815'))), 'Patient').birthDate).toBe(
      '1974-12-25',
    )
  })

  it('a wrong date in an optional element is left out and noted', () => {
    const translated = translate([msh('ADT^A01'), pid, pv1.replace('20261124100000', 'yesterday')])
    expect(one(translated, 'Encounter').period).toBeUndefined()
    expect(codesOf(translated)).toEqual(expect.arrayContaining(['E_DATE PV1-44']))
    const thin = translate([msh('ORU^R01'), pid.replace('19741225', '19741331'), obr, obx])
    expect(one(thin, 'Patient').birthDate).toBeUndefined()
    expect(codesOf(thin)).toContain('E_DATE PID-7')
  })

  it('a mistyped birth date refuses an ADT that would replace the patient; left out it would wipe the right one', () => {
    const mistyped = [msh('ADT^A08'), pid.replace('19741225', '19741331'), pv1]
    expect(refusalOf(mistyped)).toBe('E_DATE at PID-7')
    expect(refusalOf(mistyped, { adt: 'delta' })).toBeNull()
  })

  it('a wrong time of the observation refuses the message', () => {
    expect(refusalOf(oru(obx.replace('20261125073000', '20261325')))).toBe('E_DATE at OBX-14')
    expect(refusalOf([msh('ORU^R01'), pid, obr.replace('20261125073000', '20261325'), obx])).toBe('E_DATE at OBR-7')
  })

  it('an observation without OBX-14 has the time of its OBR', () => {
    expect(one(translate(oru(obx.replace('20261125073000', ''))), 'Observation').effectiveDateTime).toBe(
      '2026-11-25T07:30:00+01:00',
    )
  })

  it('E_NO_ZONE is noted once, and only where MSH-7 contradicts the zone of the profile', () => {
    const sentAt = (time: string) => codesOf(translate([msh('ORU^R01', `${time}||TYPE|M1|P|2.5`), pid, obr, obx]))
    expect(sentAt('20261125080000').filter(code => code.startsWith('E_NO_ZONE'))).toEqual([])
    expect(sentAt('20261125080000+0100').filter(code => code.startsWith('E_NO_ZONE'))).toEqual([])
    expect(sentAt('20261125080000-0500').filter(code => code.startsWith('E_NO_ZONE'))).toHaveLength(1)
  })

  it('an unknown zone cuts times to their day', () => {
    const translated = translate(oru(obx), { zone: 'Nowhere/Land' })
    expect(one(translated, 'Observation').effectiveDateTime).toBe('2026-11-25')
    expect(codesOf(translated)).toContain('E_ZONE_UNKNOWN OBX-14')
  })

  it('a period that ends before it begins loses its end', () => {
    const translated = translate([msh('ADT^A03'), pid, `${pv1}|20261101`])
    expect(one(translated, 'Encounter').period).toEqual({ start: '2026-11-24T10:00:00+01:00' })
    expect(codesOf(translated)).toContain('E_PRUNED Encounter.period.end')
  })
})
