/** What a valid resource may still not be: named under our own authorities, or impossible. */
import { describe, expect, it } from 'vitest'
import { entry, type Json, lone, measured, mrn, refusal, transaction } from './requests.ts'

describe('demands', () => {
  describe.each(['device:demo-watch', 'sender:demo', 'client:lab', 'client:lab:content'])(
    'no name under our own authority %s',
    system => {
      const own = { system, value: '8867-4|2026-11-24T07:00:00.000Z|0|' }
      const contained = [{ resourceType: 'Organization', id: 'o', identifier: [own] }]

      it.each<[string, Json]>([
        ['identifier[1].system', { identifier: [mrn, own] }],
        ['subject.identifier.system', { subject: { identifier: own } }],
        ['contained[0].identifier[0].system', { contained, performer: [{ reference: '#o' }] }],
        ['extension[0].valueIdentifier.system', { extension: [{ url: 'urn:x:e', valueIdentifier: own }] }],
      ])('in %s', (at, more) => {
        const body = { ...measured, ...more }
        expect(refusal({ type: 'Observation', body })).toBe(`never E_FIELD_TYPE Observation.${at}`)
        expect(refusal({ body: transaction(entry(1, body)) })).toBe(`never E_FIELD_TYPE Bundle.entry[0].resource.${at}`)
      })

      it('in a condition', () => {
        const ifNoneExist = `identifier=${encodeURIComponent(`${system}|1`)}`
        expect(refusal({ type: 'Patient', body: lone, meta: { ifNoneExist } })).toBe('never E_FIELD_TYPE If-None-Exist')
        const put = { method: 'PUT', url: `Patient?${ifNoneExist}` }
        const post = { method: 'POST', url: 'Patient', ifNoneExist }
        for (const request of [put, post])
          expect(refusal({ body: transaction(entry(1, lone, request)) })).toBe(
            'never E_FIELD_TYPE Bundle.entry[0].request',
          )
      })
    },
  )

  it('nor under `device`, as which trackers are known', () => {
    const meta = { ifNoneExist: 'identifier=device|watch' }
    const body = { resourceType: 'Device', identifier: [mrn] }
    expect(refusal({ type: 'Device', body, meta })).toBe('never E_FIELD_TYPE If-None-Exist')
    const named = { ...body, identifier: [{ system: 'device', value: 'watch' }] }
    expect(refusal({ type: 'Device', body: named })).toBe('never E_FHIR_INVALID Device.identifier[0].system')
  })

  it('takes other authorities, even such as look like ours', () => {
    const systems = ['urn:x:device:1', 'devices:1', 'http://client:8080/mrn', 'urn:sender']
    for (const system of systems)
      expect(refusal({ type: 'Patient', body: { ...lone, identifier: [{ system, value: '1' }] } })).toBe('taken')
  })

  const amount = (value: number, unit: string) => ({ value, unit, system: 'http://unitsofmeasure.org', code: unit })
  const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })
  const of = (code: string, value: number, unit: string) => ({ code: loinc(code), valueQuantity: amount(value, unit) })
  const pressure = (systolic: number) => ({
    code: loinc('85354-9'),
    valueQuantity: undefined,
    component: [of('8480-6', systolic, 'mm[Hg]'), of('8462-4', 80, 'mm[Hg]')],
  })

  it.each<[string, Json, string]>([
    ['a heart rate of 9000', of('8867-4', 9000, '/min'), 'Observation.valueQuantity.value'],
    ['a heart rate below zero', of('8867-4', -5, '/min'), 'Observation.valueQuantity.value'],
    ['a fever of 370', of('8310-5', 370, 'Cel'), 'Observation.valueQuantity.value'],
    ['a systolic pressure of 1200', pressure(1200), 'Observation.component[0].valueQuantity.value'],
  ])('refuses the impossible: %s', (_, more, at) => {
    const body = { ...measured, ...more }
    expect(refusal({ type: 'Observation', body })).toBe(`never E_VALUE_RANGE ${at}`)
    const place = at.replace('Observation', 'Bundle.entry[0].resource')
    expect(refusal({ body: transaction(entry(1, body)) })).toBe(`never E_VALUE_RANGE ${place}`)
    const report = {
      resourceType: 'DiagnosticReport',
      status: 'final',
      code: { text: 'vital signs' },
      subject: { identifier: mrn },
      contained: [{ ...body, id: 'o' }],
      result: [{ reference: '#o' }],
    }
    const inside = at.replace('Observation', 'DiagnosticReport.contained[0]')
    expect(refusal({ type: 'DiagnosticReport', body: report })).toBe(`never E_VALUE_RANGE ${inside}`)
  })

  it('takes what is bad and possible', () => {
    for (const more of [of('8867-4', 0, '/min'), of('8310-5', 43.5, 'Cel'), pressure(290)])
      expect(refusal({ type: 'Observation', body: { ...measured, ...more } })).toBe('taken')
  })
})
