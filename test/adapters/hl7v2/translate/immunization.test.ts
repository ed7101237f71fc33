import type { Observation } from 'fhir/r4.js'
import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import { changesOf, codesOf, msh, namesOf, one, pid, refusalOf, translate } from './messages.ts'

const orc = 'ORC|RE|P1^EHR|F1^EHR||||||20261125080000|||55^Order^Olga'
const rxaOf = (more: Readonly<Record<number, string>> = {}) => {
  const fields: Record<number, string> = {
    1: '0',
    2: '1',
    3: '20261124',
    5: '115^Tdap^CVX',
    6: '0.5',
    7: 'mL^milliliter^UCUM',
    9: '00^New record^NIP001',
    10: '77^Give^Gina',
    15: 'LOT1',
    16: '20280630',
    17: 'PMC^Sanofi Pasteur^MVX',
    20: 'CP',
    21: 'A',
    ...more,
  }
  return `RXA|${Array.from({ length: 28 }, (_, i) => fields[i + 1] ?? '').join('|')}`
}
const rxr = 'RXR|IM^Intramuscular^HL70162|LD^Left deltoid^HL70163'
const obxOf = (code: string, value: string, type = 'CE', group = '1') =>
  `OBX|1|${type}|${code}^text^LN|${group}|${value}||||||F|||20261124`
const vxu = (...segments: readonly string[]) => [msh('VXU^V04^VXU_V04'), pid, ...segments]
const shotOf = (more: Readonly<Record<number, string>>, ...rest: readonly string[]) =>
  one(translate(vxu(orc, rxaOf(more), ...rest)), 'Immunization')

describe('VXU → Immunization', () => {
  it('says what was given, when, by whom, which way and from which lot', () => {
    const translated = translate(vxu(orc, rxaOf(), rxr))
    const shot = one(translated, 'Immunization')
    expect(shot).toMatchObject({
      status: 'completed',
      identifier: [{ value: 'P1' }, { value: 'F1' }],
      vaccineCode: { coding: [{ system: 'http://hl7.org/fhir/sid/cvx', code: '115' }] },
      patient: { reference: 'Patient/patient' },
      occurrenceDateTime: '2026-11-24',
      primarySource: true,
      manufacturer: { reference: 'Organization/organization' },
      lotNumber: 'LOT1',
      expirationDate: '2028-06-30',
      route: { coding: [{ code: 'IM' }] },
      site: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0163', code: 'LD' }] },
      doseQuantity: { value: 0.5, unit: 'milliliter', system: 'http://unitsofmeasure.org', code: 'mL' },
    })
    expect(shot.performer?.map(part => part.function?.coding?.[0]?.code)).toEqual(['OP', 'AP'])
    expect(shot).not.toHaveProperty('reportOrigin')
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
    expect(changesOf(translated, 'Immunization')[0]?.verb).toBe('replace')
    expect(changesOf(translated, 'Patient')[0]?.verb).toBe('ensure')
  })

  it('a historical record says where it comes from, and that it is not the own', () => {
    const shot = shotOf({ 6: '999', 7: '', 9: '03^From parent’s written record^NIP001' })
    expect(shot).toMatchObject({ primarySource: false, reportOrigin: { coding: [{ code: 'record' }, { code: '03' }] } })
    expect(shot).not.toHaveProperty('doseQuantity')
    expect(check(shot)).toEqual([])
  })

  it('a refusal is not-done, with its reason and without a dose', () => {
    const shot = shotOf({ 6: '0', 18: '00^Parental decision^NIP002', 20: 'RE' })
    expect(shot).toMatchObject({
      status: 'not-done',
      statusReason: { coding: [{ code: 'PATOBJ' }] },
    })
    expect(shot).not.toHaveProperty('doseQuantity')
    expect(shotOf({ 20: 'NA' }).status).toBe('not-done')
  })

  it.each([
    { 18: '00^Parental decision^NIP002', 20: '' },
    { 18: '^mother said no', 20: 'REFUSED' },
    { 18: '03', 20: 're' },
  ])('a reason of refusal is enough: without a known RXA-20 it is not-done: %o', fields => {
    const shot = shotOf(fields)
    expect(shot.status).toBe('not-done')
    expect(shot).not.toHaveProperty('doseQuantity')
  })

  it.each([
    [{ 20: '' }, 'completed'],
    [{ 20: 'CP', 21: 'D' }, 'entered-in-error'],
    [{ 20: 'RE', 21: 'D' }, 'entered-in-error'],
    [{ 20: 'PA' }, 'completed'],
  ])('RXA-20 and RXA-21 %o is %s', (fields, status) => {
    expect(shotOf(fields).status).toBe(status)
  })

  it('a part of a dose is not the dose', () => {
    expect(shotOf({ 20: 'PA' })).toMatchObject({ isSubpotent: true })
    expect(shotOf({})).not.toHaveProperty('isSubpotent')
  })

  it('CVX 999 is a vaccine that nobody knows, 998 is none at all', () => {
    expect(shotOf({ 5: '999^unknown^CVX' }).vaccineCode.coding?.[0]?.code).toBe('999')
    const none = translate(
      vxu(orc, rxaOf({ 5: '998^No vaccine administered^CVX' }), obxOf('59784-9', '38907003^Varicella^SCT')),
    )
    expect(changesOf(none, 'Immunization')).toEqual([])
    expect(one(none, 'Observation')).not.toHaveProperty('partOf')
  })

  it('a wrong time is refused, a missing one is unknown', () => {
    expect(refusalOf(vxu(orc, rxaOf({ 3: '20261301' })))).toBe('E_DATE at RXA-3')
    expect(refusalOf(vxu(orc, rxaOf({ 5: '' })))).toBe('E_FIELD_MISSING at RXA-5')
    expect(shotOf({ 3: '' })).toMatchObject({ occurrenceString: 'unknown' })
    expect(codesOf(translate(vxu(orc, rxaOf({ 3: '' }))))).toContain('E_PRUNED RXA-3')
  })

  it('an old body site and a new one of the same letters are not the same place', () => {
    const siteOf = (site: string) => shotOf({}, `RXR|IM|${site}`).site?.coding?.[0]?.system
    expect(siteOf('LN^Left naris^HL70163')).toMatch(/v2-0163$/)
    expect(siteOf('LN^Lymph node^HL70550')).toMatch(/v2-0550$/)
    expect(siteOf('LN')).toMatch(/v2-0163$/)
  })

  it('a message about two patients is refused, and so is one about nobody', () => {
    expect(refusalOf(vxu(orc, rxaOf(), pid))).toBe('E_TWO_PATIENTS at PID[2]-1')
    expect(refusalOf([msh('VXU^V04'), orc, rxaOf()])).toBe('E_SEGMENT_MISSING at PID')
  })

  it('next of kin come with it, and a v2.3 message has no ORC', () => {
    const old = translate([
      msh('VXU^V04', '2026||TYPE|M1|P|2.3.1'),
      pid,
      'NK1|1|Mother^Mia|MTH^Mother^HL70063',
      rxaOf(),
      rxr,
    ])
    expect(one(old, 'RelatedPerson').name?.[0]?.family).toBe('Mother')
    expect(one(old, 'Immunization').route?.coding?.[0]?.code).toBe('IM')
  })
})

describe('OBX behind an RXA', () => {
  const with_ = (...obx: readonly string[]) => translate(vxu(orc, rxaOf(), rxr, ...obx))

  it('eligibility, funding and information sheets are the immunisation’s', () => {
    const translated = with_(
      obxOf('64994-7', 'V02^VFC eligible^HL70064'),
      obxOf('30963-3', 'VXC50^Public^CDCPHINVS', 'CE', '2'),
      obxOf('69764-9', '253088698300028811170411^Td VIS^cdcgs1vis', 'CE', '3'),
      obxOf('29769-7', '20261124', 'DT', '3'),
      obxOf('30956-7', '113^Td^CVX', 'CE', '4'),
      obxOf('29768-9', '20150224', 'DT', '4'),
    )
    const shot = one(translated, 'Immunization')
    expect(shot).toMatchObject({
      programEligibility: [{ coding: [{ code: 'V02' }] }],
      fundingSource: { coding: [{ code: 'VXC50' }] },
      education: [
        { documentType: 'Td VIS', presentationDate: '2026-11-24' },
        { documentType: 'Td', publicationDate: '2015-02-24' },
      ],
    })
    expect(changesOf(translated, 'Observation')).toEqual([])
    expect(check(shot)).toEqual([])
  })

  it('the number of the dose is the protocol’s; without it the series stays an observation', () => {
    const [dose, series] = [obxOf('30973-2', '2', 'NM'), obxOf('59782-3', '3', 'NM')]
    expect(one(with_(dose, series), 'Immunization').protocolApplied).toEqual([
      { doseNumberPositiveInt: 2, seriesDosesPositiveInt: 3 },
    ])
    expect(changesOf(with_(series), 'Observation')).toHaveLength(1)
  })

  it('a forecast and all else are observations that are part of it', () => {
    const forecast = one(with_(obxOf('30980-7', '20270101', 'DT')), 'Observation')
    expect(forecast).toMatchObject({
      valueDateTime: '2027-01-01',
      partOf: [{ reference: 'Immunization/immunization' }],
    })
    expect(check(forecast)).toEqual([])
  })

  it('a reaction is one of the shot, and a result of the wrong person part of nothing', () => {
    const reaction = obxOf('31044-1', '39579001^Anaphylaxis^SCT')
    const shot = one(with_(reaction), 'Immunization')
    expect(shot.reaction).toEqual([{ date: '2026-11-24', detail: { reference: 'Observation/observation' } }])
    expect(check(shot)).toEqual([])
    expect(one(with_(reaction.replace('||F|', '||W|')), 'Observation')).not.toHaveProperty('partOf')
    expect(one(with_(reaction.replace('||F|', '||W|')), 'Immunization')).not.toHaveProperty('reaction')
  })

  it('an eligibility that was taken back is none', () => {
    const taken = obxOf('64994-7', 'V02^VFC^HL70064').replace('||F|', '||D|')
    expect(one(with_(taken), 'Immunization')).not.toHaveProperty('programEligibility')
  })

  it('those of two shots are apart, whatever their sub-ids', () => {
    const second = [orc.replace('F1', 'F2'), rxaOf({ 5: '03^MMR^CVX' }), obxOf('30980-7', '20270301', 'DT')]
    const translated = translate(vxu(orc, rxaOf(), obxOf('30980-7', '20270101', 'DT'), ...second))
    const parts = changesOf(translated, 'Observation').map(({ resource }) => (resource as Observation).partOf)
    expect(parts).toEqual([
      [{ reference: 'Immunization/immunization' }],
      [{ reference: 'Immunization/immunization-2' }],
    ])
    expect(new Set(namesOf(translated, 'Observation').map(({ value }) => value)).size).toBe(2)
  })
})

describe('the name of an immunisation', () => {
  const namesIn = (...segments: readonly string[]) => namesOf(translate(vxu(...segments)), 'Immunization')

  it('is the filler’s number: a correction and a deletion mean the same shot', () => {
    const first = namesIn(orc, rxaOf())
    expect(namesIn(orc, rxaOf({ 3: '20261123', 5: '113^Td^CVX', 21: 'U' }))).toEqual(first)
    expect(namesIn(orc, rxaOf({ 21: 'D' }))).toEqual(first)
    expect(namesIn(orc.replace('F1', 'F2'), rxaOf())).not.toEqual(first)
  })

  it('a number that the message repeats is told apart by vaccine and time', () => {
    const shots = [rxaOf(), rxaOf({ 3: '20251112' }), rxaOf({ 5: '88^Flu^CVX' })]
    const names = namesIn(...shots.flatMap(shot => [orc, shot]))
    expect(new Set(names.map(({ value }) => value)).size).toBe(3)
    expect(namesIn(...shots.toReversed().flatMap(shot => [orc, shot]))).toEqual(names.toReversed())
  })

  it('no number, and 9999 for refusals, is vaccine and time', () => {
    const none = 'ORC|RE||9999^EHR'
    const refused = namesIn(none, rxaOf({ 20: 'RE' }))
    expect(namesIn(none, rxaOf({ 5: '03^MMR^CVX', 20: 'RE' }))).not.toEqual(refused)
    expect(namesIn('ORC|RE', rxaOf())).toEqual(refused)
  })

  it('the same number of another patient is another shot', () => {
    const other = translate([msh('VXU^V04'), pid.replace('12345', '67890'), orc, rxaOf()])
    expect(namesOf(other, 'Immunization')).not.toEqual(namesIn(orc, rxaOf()))
  })
})
