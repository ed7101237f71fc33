import fc from 'fast-check'
import type { Observation } from 'fhir/r4.js'
import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import { changesOf, codesOf, msh, namesOf, obr, obx, one, oru, pid, pv1, refusalOf, translate } from './messages.ts'

const observed = (type: string, value: string, unit = '', status = 'F'): Observation =>
  one(translate(oru(`OBX|1|${type}|X^Test^L||${value}|${unit}|||||${status}`)), 'Observation')
const ucum = { system: 'http://unitsofmeasure.org' }

describe('OBX-5 by OBX-2', () => {
  it.each([
    ['NM', '13.50', { valueQuantity: { value: '13.50' } }],
    ['NM', '+007.10', { valueQuantity: { value: '7.10' } }],
    ['NM', '-.5', { valueQuantity: { value: '-0.5' } }],
    ['NM', '5.', { valueQuantity: { value: '5' } }],
    ['SN', '<^5', { valueQuantity: { value: '5', comparator: '<' } }],
    ['SN', '^1^:^128', { valueRatio: { numerator: { value: '1' }, denominator: { value: '128' } } }],
    ['SN', '^2^-^3', { valueRange: { low: { value: '2' }, high: { value: '3' } } }],
    ['SN', '^3^-^2', { valueString: '3 - 2' }],
    ['SN', '^2^+', { valueString: '2 +' }],
    ['SN', '<>^7', { valueString: '<> 7' }],
    ['ST', 'Salt & Pepper', { valueString: 'Salt & Pepper' }],
    ['TX', 'line 1~line 2', { valueString: 'line 1\nline 2' }],
    ['FT', 'one\\.br\\two', { valueString: 'one\ntwo' }],
    ['', 'no type', { valueString: 'no type' }],
    ['DT', '20261125', { valueDateTime: '2026-11-25' }],
    ['TS', '202611250815', { valueDateTime: '2026-11-25T08:15:00+01:00' }],
    ['TM', '0815', { valueTime: '08:15:00' }],
    ['DR', '20260101^20260201', { valuePeriod: { start: '2026-01-01', end: '2026-02-01' } }],
    ['NR', '1^2.0', { valueRange: { low: { value: '1' }, high: { value: '2.0' } } }],
    [
      'CWE',
      '260373001^Detected^SCT',
      {
        valueCodeableConcept: {
          coding: [{ system: 'http://snomed.info/sct', code: '260373001', display: 'Detected' }],
        },
      },
    ],
    [
      'CE',
      'POS^Positive^L',
      { valueCodeableConcept: { coding: [{ system: 'sender:ward:L', code: 'POS', display: 'Positive' }] } },
    ],
    ['CWE', '^free words', { valueCodeableConcept: { text: 'free words' } }],
  ])('%s %s', (type, value, expected) => {
    const observation = observed(type, value)
    expect(JSON.parse(JSON.stringify(observation), digits)).toMatchObject(expected)
    expect(check(observation)).toEqual([])
  })

  it('several numbers are components', () => {
    const observation = observed('NM', '60~120', '/min')
    expect(observation.component?.map(part => part.valueQuantity?.value)).toEqual([60, 120])
    expect(check(observation)).toEqual([])
  })

  it('a number that is none refuses the message, except in a result that no longer counts', () => {
    expect(refusalOf(oru('OBX|1|NM|X^Test^L||<5|||||F'))).toBe('E_FIELD_TYPE at OBX-5')
    expect(refusalOf(oru(obx, 'OBX|2|SN|X^Test^L||<^five|||||F'))).toMatch(/^E_FIELD_TYPE at OBX\[2\]-5/)
    expect(refusalOf(oru('OBX|1|DT|X^Test^L||20260230|||||F'))).toBe('E_DATE at OBX-5')
    expect(refusalOf(oru('OBX|1|TM|X^Test^L||noon|||||F'))).toBe('E_FIELD_TYPE at OBX-5')
    expect(observed('NM', 'TNP', '', 'X')).toMatchObject({
      status: 'cancelled',
      dataAbsentReason: { coding: [{ code: 'unsupported' }] },
    })
  })

  it('types without a map are left out with a reason', () => {
    for (const [type, value] of [
      ['NA', '1^2^3'],
      ['XYZ', '1'],
      ['constructor', '1'],
    ]) {
      const translated = translate(oru(`OBX|1|${type}|X^Test^L||${value}||||||F`))
      expect(one(translated, 'Observation').dataAbsentReason?.coding?.[0]?.code).toBe('unsupported')
      expect(codesOf(translated)).toContain('E_PRUNED OBX-5')
    }
  })

  it.each([
    ['CX', '12^^^H&1.2.3&ISO', '12 H 1.2.3 ISO'],
    ['XPN', 'Example^Anna', 'Example Anna'],
    ['HD', '1.2.840.317', '1.2.840.317'],
  ])('a result of type %s is a text of its parts', (type, value, text) => {
    expect(observed(type, value).valueString).toBe(text)
  })

  it('no value has a reason', () => {
    expect(observed('NM', '').dataAbsentReason?.coding?.[0]?.code).toBe('unknown')
    expect(observed('NM', '""').dataAbsentReason?.coding?.[0]?.code).toBe('unknown')
    expect(observed('ST', '', '', 'N').dataAbsentReason?.coding?.[0]?.code).toBe('not-asked')
  })

  it('any digits of an NM come out as they went in', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^-?(0|[1-9]\d{0,12})(\.\d{1,10})?$/), text => {
        expect(JSON.stringify(observed('NM', text).valueQuantity)).toContain(`"value":${text === '-0' ? '-0' : text}`)
      }),
      { numRuns: 100 },
    )
  })
})

describe('units and ranges', () => {
  it.each([
    ['g/dL^g/dL^UCUM', { unit: 'g/dL', ...ucum, code: 'g/dL' }],
    ['mmHg', { unit: 'mmHg', ...ucum, code: 'mm[Hg]' }],
    ['beats/min', { unit: 'beats/min', ...ucum, code: '/min' }],
    ['10*3/uL', { unit: '10*3/uL', ...ucum, code: '10*3/uL' }],
    ['x^per field^L^{cells}/[HPF]^^UCUM', { unit: 'per field', ...ucum, code: '{cells}/[HPF]' }],
  ])('%s', (unit, expected) => {
    expect(observed('NM', '1', unit).valueQuantity).toEqual({ value: 1, ...expected })
  })

  it.each(['ML', 'C', 'drops', 'mg/foo'])('%s is a unit text and no UCUM', unit => {
    const translated = translate(oru(`OBX|1|NM|X^Test^L||1|${unit}|||||F`))
    expect(one(translated, 'Observation').valueQuantity).toEqual({ value: 1, unit })
    expect(codesOf(translated)).toContain('E_UNMAPPED_CODE OBX-6')
  })

  it.each([
    ['12.0-16.0', { low: '12.0', high: '16.0' }],
    ['<5', { high: '5' }],
    ['>= 60', { low: '60' }],
    ['negative', {}],
    ['9-1', {}],
  ])('reference range %s', (text, limits) => {
    const found = one(translate(oru(`OBX|1|NM|X^Test^L||1|g|${text}||||F`)), 'Observation').referenceRange![0]!
    const read = JSON.parse(JSON.stringify(found), digits)
    expect(read.text).toBe(text)
    expect({ ...(read.low && { low: read.low.value }), ...(read.high && { high: read.high.value }) }).toEqual(limits)
  })
})

describe('coded values', () => {
  const local = 'OBX|1|ST|GLU^Glucose^99LAB||x||||||F'

  it('a local code keeps the sender as its system, never an HL7 table, and stands on the work list', () => {
    const translated = translate(oru(local))
    expect(one(translated, 'Observation').code.coding).toEqual([
      { system: 'sender:ward:99LAB', code: 'GLU', display: 'Glucose' },
    ])
    expect(translated.unmapped).toContainEqual({ at: 'OBX-3', system: '99LAB', code: 'GLU' })
    const table = one(translate(oru(local.replace('99LAB', 'HL70078'))), 'Observation')
    expect(table.code.coding?.[0]?.system).toBe('sender:ward:HL70078')
  })

  it("the profile's codes map it; the local coding stays behind", () => {
    const translated = translate(oru(local), { codes: { '99LAB|GLU': 'http://loinc.org|2345-7' } })
    expect(one(translated, 'Observation').code.coding).toEqual([
      { system: 'http://loinc.org', code: '2345-7' },
      { system: 'sender:ward:99LAB', code: 'GLU', display: 'Glucose' },
    ])
    expect(translated.unmapped.filter(({ at }) => at === 'OBX-3')).toEqual([])
  })

  it('both codings of a pair are kept, and one that is known is enough', () => {
    const translated = translate(oru('OBX|1|ST|GLU^Glucose^L^2345-7^Glucose SerPl^LN||x||||||F'))
    expect(one(translated, 'Observation').code.coding).toHaveLength(2)
    expect(translated.unmapped.filter(({ at }) => at === 'OBX-3')).toEqual([])
  })

  it('interpretations go through the code map of the guide', () => {
    const observation = one(translate(oru('OBX|1|NM|X^Test^L||1|g||H~ZZ|||F')), 'Observation')
    expect(observation.interpretation).toEqual([
      {
        coding: [
          { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', code: 'H', display: 'High' },
        ],
      },
      { coding: [{ system: 'sender:ward', code: 'ZZ' }] },
    ])
  })
})

describe('vital signs by their LOINC code', () => {
  const rate = 'OBX|1|NM|8867-4^Heart rate^LN||72|bpm|||||F|||20261125073000'

  it('become valid vital signs where they have what the profile asks', () => {
    const observation = one(translate(oru(rate)), 'Observation')
    expect(observation.category?.map(c => c.coding?.[0]?.code)).toEqual(['laboratory', 'vital-signs'])
    expect(observation.code.coding?.[0]?.code).toBe('8867-4')
    expect(check(observation)).toEqual([])
  })

  it('pulse oximetry gets the code of oxygen saturation as well', () => {
    const observation = one(translate(oru(rate.replace('8867-4', '59408-5').replace('bpm', '%'))), 'Observation')
    expect(observation.code.coding?.map(c => c.code)).toEqual(['2708-6', '59408-5'])
    expect(check(observation)).toEqual([])
  })

  it.each([
    ['8867-4', '9000', 'bpm'],
    ['8867-4', '-5', '/min'],
    ['8310-5', '370', 'Cel'],
    ['8310-5', '370', '[degF]'],
    ['2708-6', '101', '%'],
  ])('%s of %s %s is no measurement: refused', (code, value, unit) => {
    const segment = rate.replace('8867-4', code).replace('|72|bpm|', `|${value}|${unit}|`)
    expect(refusalOf(oru(segment))).toBe('E_VALUE_RANGE at OBX-5')
    expect(refusalOf(oru(segment.replace('|NM|', '|SN|').replace(`|${value}|`, `|^${value}|`)))).toBe(
      'E_VALUE_RANGE at OBX-5',
    )
    expect(refusalOf(oru(rate, segment))).toBe('E_VALUE_RANGE at OBX[2]-5')
    expect(refusalOf(oru(segment.replace('||F|', '||D|')))).toBeNull()
    expect(refusalOf(oru(segment.replace('^LN', '^L')))).toBeNull()
  })

  it('a fever in Fahrenheit and a limit are possible', () => {
    expect(refusalOf(oru(rate.replace('8867-4', '8310-5').replace('72|bpm', '98.6|[degF]')))).toBeNull()
    expect(refusalOf(oru(rate.replace('NM', 'SN').replace('|72|', '|<^500|')))).toBeNull()
  })

  it('lose the code and keep the text where they have not', () => {
    const translated = translate(oru(rate.replace('bpm', 'per day')))
    expect(one(translated, 'Observation').code).toEqual({ text: 'Heart rate' })
    expect(codesOf(translated)).toContain('E_PRUNED OBX-3')
    expect(check(one(translated, 'Observation'))).toEqual([])
  })
})

describe('OBR → DiagnosticReport and ServiceRequest', () => {
  const translated = translate([
    msh('ORU^R01'),
    pid,
    pv1,
    'ORC|RE|P1|F1',
    obr,
    'NTE|1||haemolysed',
    obx,
    'NTE|1||see~lines',
  ])

  it('the report names its results, its order, its time and status', () => {
    const report = one(translated, 'DiagnosticReport')
    expect(report).toMatchObject({
      status: 'final',
      code: { coding: [{ code: 'CBC' }] },
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'LAB' }] }],
      effectiveDateTime: '2026-11-25T07:30:00+01:00',
      issued: '2026-11-25T07:59:00+01:00',
      subject: { reference: 'Patient/patient' },
      encounter: { reference: 'Encounter/encounter' },
      result: [{ reference: 'Observation/observation' }],
      basedOn: [{ reference: 'ServiceRequest/servicerequest' }],
      conclusion: 'haemolysed',
    })
    expect(check(report)).toEqual([])
    expect(check(one(translated, 'ServiceRequest'))).toEqual([])
  })

  it('every reference leads into the message', () => {
    const ids = new Set(translated.changes.map(c => `${c.resource.resourceType}/${c.resource.id}`))
    const references = [...JSON.stringify(translated.changes).matchAll(/"reference":"([^"]+)"/g)].map(m => m[1]!)
    expect(references.filter(reference => !ids.has(reference))).toEqual([])
  })

  it('comments stay with what they follow', () => {
    expect(one(translated, 'Observation').note).toEqual([{ text: 'see\nlines' }])
    expect(codesOf(translate([msh('ORU^R01'), pid, 'NTE|1||on the patient', obr, obx]))).toContain('E_PRUNED NTE-3')
  })

  it('an OBR without code is no report, but its results are kept', () => {
    const thin = translate([msh('ORU^R01'), pid, 'OBR|1|P1|F1', obx])
    expect(changesOf(thin, 'DiagnosticReport')).toEqual([])
    expect(changesOf(thin, 'Observation')).toHaveLength(1)
    expect(codesOf(thin)).toContain('E_PRUNED OBR-4')
  })

  it('two patients in one message stay apart', () => {
    const two = translate([msh('ORU^R01'), pid, obr, obx, pid.replace('12345', '67890'), obr.replace('F1', 'F2'), obx])
    const subjects = changesOf(two, 'Observation').map(c => 'subject' in c.resource && c.resource.subject)
    expect(subjects).toEqual([{ reference: 'Patient/patient' }, { reference: 'Patient/patient-2' }])
  })
})

describe('the name of a result', () => {
  const resultsOf = (segments: readonly string[]) => namesOf(translate(segments), 'Observation')

  it('a correction, a deletion and a withdrawal have the name of the result they mean', () => {
    const [first] = resultsOf(oru(obx))
    for (const status of ['C', 'D', 'W', 'X', 'P']) {
      const later = oru(
        obx.replace('13.50', '14.20').replace('|||F|', `|||${status}|`).replace('20261125073000', '20261125090000'),
      )
      expect(resultsOf(later)).toEqual([first])
    }
  })

  it.each([
    ['C', 'corrected'],
    ['A', 'amended'],
    ['D', 'entered-in-error'],
    ['W', 'entered-in-error'],
    ['X', 'cancelled'],
    ['P', 'preliminary'],
    ['R', 'preliminary'],
    ['I', 'registered'],
    ['', 'unknown'],
    ['?', 'unknown'],
  ])('OBX-11 %s is %s', (status, expected) => {
    expect(one(translate(oru(obx.replace('|||F|', `|||${status}|`))), 'Observation').status).toBe(expected)
  })

  it('a result posted for the wrong person points to nobody', () => {
    const wrong = one(translate(oru(obx.replace('|||F|', '|||W|'))), 'Observation')
    expect(wrong).not.toHaveProperty('subject')
    expect(wrong).not.toHaveProperty('encounter')
  })

  it('U without a value would wipe the value that it confirms: left out', () => {
    const translated = translate(oru('OBX|1|NM|X^Test^L||||||||U'))
    expect(changesOf(translated, 'Observation')).toEqual([])
    expect(codesOf(translated)).toContain('E_PRUNED OBX-11')
  })

  it('order, test, component and sub-id make it; the value does not', () => {
    const other = [
      resultsOf([msh('ORU^R01'), pid, obr.replace('F1', 'F2'), obx]),
      resultsOf([msh('ORU^R01'), pid, obr.replace('CBC', 'BMP'), obx]),
      resultsOf(oru(obx.replace('718-7', '719-7'))),
      resultsOf(oru(obx.replace('^LN||', '^LN|1|'))),
      resultsOf(oru(obx.replace('13.50', '99'))),
    ].map(names => names[0]!.value)
    const first = resultsOf(oru(obx))[0]!.value
    expect(other.map(value => value === first)).toEqual([false, false, false, false, true])
  })

  it('OBX-21 names it before everything else', () => {
    const own = `${obx}${'|'.repeat(7)}R77^LAB^1.2.840.1^ISO`
    expect(resultsOf(oru(own))).toEqual([{ system: 'urn:oid:1.2.840.1', value: 'R77' }])
  })

  const types = ['Observation', 'DiagnosticReport', 'ServiceRequest', 'Encounter', 'AllergyIntolerance'] as const
  const bareOrder = obr.replace('|P1|F1|', '|||')
  it.each<[string, readonly string[]]>([
    ['no order number', [bareOrder, obx]],
    ['one order number', [obr, obx]],
    ['one number in ORC', ['ORC|RE|P1|F1', bareOrder, obx]],
    ['a placer number only', [obr.replace('|F1|', '||'), obx]],
    ['one OBX-21 of a local authority', [obr, `${obx}${'|'.repeat(7)}R77^LAB`]],
    ['results before the order', [obx, 'OBX|2|ST|Y^Y^L||a||||||F', obr]],
    ['one visit number', [pv1, obr, obx]],
    ['a visit without number', ['PV1|1|I', obr, obx]],
  ])('%s, one MSH-10, two patients: nothing of the one has a name of the other', (_, segments) => {
    const patients = [pid, pid.replace('12345', '67890')]
    const named = patients.map(patient => {
      const translated = translate([msh('ORU^R01'), patient, ...segments])
      return types.flatMap(type => namesOf(translated, type).map(name => JSON.stringify([type, name])))
    })
    expect(named[0]!.length).toBeGreaterThan(2)
    expect(named[0]!.filter(name => named[1]!.includes(name))).toEqual([])
  })

  it('the same, of the visits, allergies and results of an ADT', () => {
    const named = [pid, pid.replace('12345', '67890')].map(patient => {
      const translated = translate([msh('ADT^A01'), patient, 'PV1|1|I', 'AL1|1|DA|P^Penicillin', obx, 'OBX|2|ST|Y||a'])
      return types.flatMap(type => namesOf(translated, type).map(name => JSON.stringify([type, name])))
    })
    expect(named[0]).toHaveLength(4)
    expect(named[0]!.filter(name => named[1]!.includes(name))).toEqual([])
  })

  it('a provisional result holds for its message, which MSH-7 tells apart where MSH-10 comes again', () => {
    const at = (time: string) => resultsOf([msh('ORU^R01', `${time}||TYPE|M1|P|2.5.1`), pid, bareOrder, obx])
    expect(at('20261125080000')).toEqual(at('20261125080000'))
    expect(at('20261125080000')).not.toEqual(at('20261126080000'))
  })

  it('what the message repeats is told apart by time, then by ordinal; never two with one name', () => {
    const later = obx.replace('20261125073000', '20261125083000')
    const names = resultsOf(oru(obx, later, later, 'OBX|4|ST|Y^Y^L||a||||||F', 'OBX|5|ST|Y^Y^L||b||||||F')).map(
      n => n.value,
    )
    expect(new Set(names).size).toBe(5)
    expect(
      resultsOf(oru(later, obx))
        .map(n => n.value)
        .sort(),
    ).toEqual(names.slice(0, 2).sort())
  })

  it('OBR-2 and ORC stand in for OBR-3; without any number it holds for this message only', () => {
    const bare = obr.replace('|P1|F1|', '|||')
    expect(codesOf(translate([msh('ORU^R01'), pid, bare, obx]))).toContain('E_PROVISIONAL OBR-3')
    const withOrc = resultsOf([msh('ORU^R01'), pid, 'ORC|RE||F1', bare, obx])
    expect(withOrc).toEqual(resultsOf(oru(obx)))
    const names = resultsOf([msh('ORU^R01'), pid, bare, obx, bare, obx]).map(n => n.value)
    expect(new Set(names).size).toBe(2)
  })

  it('an OBX in an ADT is named by patient, test and time', () => {
    const name = (value: string) =>
      resultsOf([msh('ADT^A08', `20261125||TYPE|${value}|P|2.5`), pid, obx.replace('13.50', value)])
    expect(name('1')).toEqual(name('2'))
  })
})

/** Keeps the digits of numbers as text. */
function digits(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? context?.source : value
}
