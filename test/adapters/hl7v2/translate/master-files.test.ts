import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import { changesOf, codesOf, msh, namesOf, one, pid, pv1, refusalOf, translate } from './messages.ts'

const mfi = 'MFI|STF^Staff^HL70175||UPD|||NE'
const mfe = (action: string) => `MFE|${action}|||1234|CWE`
const stf =
  'STF|1234|1234|Heal^Greta^M^^Dr^MD||F|19700101|A|CARD^Cardiology^L||555 0101^WPN^PH|Street 5^^Town^ST^10115^DE|20100101||||||Consultant'
const pra = 'PRA|1234||ATT^Attending^L||Cardiology^Board^C|77001^NPI'
const org = 'ORG|1|CLIN^Clinic^L||||PHY^Physician^L||INT^Internal medicine^L|20120101'
const staff = (action: string, ...segments: readonly string[]) => [
  msh('MFN^M02^MFN_M02'),
  mfi,
  mfe(action),
  ...segments,
]
const places = (action: string, ...segments: readonly string[]) => [
  msh('MFN^M05^MFN_M05'),
  'MFI|LOC^Location^HL70175||UPD|||NE',
  `MFE|${action}|||W1^12^2^HOSP|PL`,
  ...segments,
]
const loc = 'LOC|W1^12^2^HOSP|Window bed|B^Bed^HL70260|Clinic^L^77|Street 5^^Town^ST^10115^DE|555 0102^WPN^PH'
/** What the visit of an ADT calls its practitioner and its place. */
const visit = translate([msh('ADT^A01'), 'EVN||2026', pid, pv1])

describe('MFN M02, staff', () => {
  it('is a practitioner and the roles', () => {
    const translated = translate(staff('MAD', stf, pra, org))
    expect(one(translated, 'Practitioner')).toMatchObject({
      active: true,
      identifier: [{ value: '1234' }, { value: '77001' }],
      name: [{ family: 'Heal', given: ['Greta', 'M'], prefix: ['Dr'] }],
      gender: 'female',
      birthDate: '1970-01-01',
      telecom: [{ value: '555 0101', use: 'work' }],
      address: [{ city: 'Town' }],
      qualification: [{ code: { coding: [{ code: 'MD' }] } }],
    })
    expect(one(translated, 'PractitionerRole')).toMatchObject({
      active: true,
      practitioner: { reference: 'Practitioner/practitioner' },
      organization: { reference: 'Organization/organization' },
      code: [{ coding: [{ code: 'PHY' }] }, { coding: [{ code: 'ATT' }] }, { text: 'Consultant' }],
      specialty: [{ coding: [{ code: 'INT' }] }, { text: 'Cardiology' }],
      period: { start: '2012-01-01' },
    })
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })

  it('has the name that a visit has for the same person', () => {
    const greta = namesOf(visit, 'Practitioner').find(({ value }) => value === '1234')
    expect(namesOf(translate(staff('MAD', stf)), 'Practitioner')).toEqual([greta])
  })

  it.each([
    ['MAD', 'replace', true],
    ['MUP', 'replace', true],
    ['MAC', 'replace', true],
    ['MDC', 'replace', false],
    ['MDL', 'delete', false],
  ])('MFE-1 %s is %s', (action, verb, active) => {
    const changes = translate(staff(action, stf, pra)).changes.filter(({ resource }) =>
      ['Practitioner', 'PractitionerRole'].includes(resource.resourceType),
    )
    expect(changes).toMatchObject([
      { verb, resource: { resourceType: 'Practitioner', active } },
      { verb, resource: { resourceType: 'PractitionerRole', active } },
    ])
  })

  it('an action that nobody knows may mean the contrary: left out', () => {
    const translated = translate(staff('XXX', stf))
    expect(changesOf(translated, 'Practitioner')).toEqual([])
    expect(codesOf(translated)).toContain('E_PRUNED MFE-1')
  })

  it('STF-7 I is inactive; without ORG the role is in the department', () => {
    const inactive = translate(staff('MUP', stf.replace('|A|', '|I|')))
    expect(one(inactive, 'Practitioner').active).toBe(false)
    expect(one(inactive, 'PractitionerRole').organization).toEqual({ reference: 'Organization/organization' })
  })

  it('several entries are several people, and two roles of one are two', () => {
    const two = translate(staff('MAD', stf, org, org, mfe('MAD').replace('1234', '5'), stf.replaceAll('1234', '5')))
    expect(changesOf(two, 'Practitioner')).toHaveLength(2)
    expect(new Set(namesOf(two, 'PractitionerRole').map(({ value }) => value)).size).toBe(3)
  })

  it('halves are refused, but the key alone is enough to delete', () => {
    expect(refusalOf(staff('MAD'))).toBe('E_SEGMENT_MISSING at STF')
    expect(refusalOf([msh('MFN^M02'), mfi])).toBe('E_SEGMENT_MISSING at MFE')
    expect(refusalOf(staff('MAD', 'STF||||||').map(text => text.replace('|||1234|', '||||')))).toBe(
      'E_FIELD_MISSING at MFE-4',
    )
    const [change] = changesOf(translate(staff('MDL')), 'Practitioner')
    expect(change).toMatchObject({ verb: 'delete', identity: namesOf(translate(staff('MAD', stf)), 'Practitioner') })
  })
})

describe('MFN M05, places', () => {
  it('is the place, part of those around it', () => {
    const translated = translate(places('MAD', loc, 'LCH|1||1|SMK^Smoking^HL70324|N^No^HL70136'))
    const changes = changesOf(translated, 'Location')
    expect(changes.map(({ verb }) => verb)).toEqual(['ensure', 'ensure', 'ensure', 'replace'])
    expect(changes.at(-1)?.resource).toMatchObject({
      status: 'active',
      name: '2',
      description: 'Window bed\nSmoking: No',
      type: [{ coding: [{ code: 'B' }] }],
      managingOrganization: { reference: 'Organization/organization' },
      address: { city: 'Town' },
      telecom: [{ value: '555 0102' }],
      partOf: { reference: 'Location/location-3' },
    })
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })

  it('has the name that a visit has for the same place', () => {
    const names = (found: ReturnType<typeof translate>) => namesOf(found, 'Location').map(({ value }) => value)
    expect(names(visit)).toEqual(expect.arrayContaining(names(translate(places('MAD', loc)))))
  })

  it('is closed by MDC and by its departments, and deleted by MDL', () => {
    const last = (...segments: readonly string[]) => changesOf(translate(segments), 'Location').at(-1)
    expect(last(...places('MDC', loc))?.resource).toMatchObject({ status: 'inactive' })
    expect(last(...places('MUP', loc, 'LDP|W1|CARD||||I'))?.resource).toMatchObject({ status: 'inactive' })
    expect(last(...places('MDC'))?.resource).toMatchObject({ status: 'inactive' })
    expect(last(...places('MDL', loc))?.verb).toBe('delete')
  })

  it('a place without a name is refused', () => {
    expect(refusalOf(places('MAD', 'LOC||Somewhere'))).toBe('E_FIELD_MISSING at LOC-1')
  })
})
