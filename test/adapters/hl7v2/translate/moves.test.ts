import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import type { Change, FhirResource, Translated } from '../../../../src/records.ts'
import { changesOf, codesOf, msh, namesOf, one, refusalOf, translate } from './messages.ts'

const who = (number: string, account = '') =>
  `PID|1||${number}^^^H&1.2.3&ISO^MR||Example^Anna${'|'.repeat(13)}${account}`
const mrg = (number: string, account = '', visit = '', other = '') =>
  `MRG|${number && `${number}^^^H&1.2.3&ISO^MR`}||${account}||${visit}|${other}`
const pv1 = (visit: string, other = '') => `PV1|1|I|W1^1^1${'|'.repeat(16)}${visit}${'|'.repeat(31)}${other}`
const adt = (event: string, ...segments: readonly string[]) => [msh(`ADT^${event}`), 'EVN||20261125080000', ...segments]
const patient = (value: string) => ({ system: 'urn:oid:1.2.3', value })

/** `Patient ensure`, in order, without what names the message itself. */
const told = (translated: Translated, ...types: readonly string[]) =>
  translated.changes
    .filter(({ resource }) => types.includes(resource.resourceType))
    .map(({ resource, verb }) => `${resource.resourceType} ${verb}`)

function expectValid(translated: Translated): void {
  for (const { verb, resource } of translated.changes) if (verb !== 'delete') expect(check(resource)).toEqual([])
}

function change<T extends FhirResource['resourceType']>(
  translated: Translated,
  type: T,
  at: number,
): Change & { resource: Extract<FhirResource, { resourceType: T }> } {
  return changesOf(translated, type).at(at) as Change & { resource: Extract<FhirResource, { resourceType: T }> }
}

describe('merges of people', () => {
  it.each(['A18', 'A30', 'A34', 'A36', 'A39', 'A40', 'A43', 'A47'])(
    '%s: the prior patient is a link to the survivor, under both keys; the survivor is only named',
    event => {
      const translated = translate(adt(event, who('1'), mrg('2')))
      expectValid(translated)
      expect(told(translated, 'Patient')).toEqual(['Patient ensure', 'Patient replace'])
      const prior = change(translated, 'Patient', 1)
      expect(prior).toMatchObject({
        identity: [patient('2')],
        subject: patient('2'),
        alsoFor: [patient('1')],
        resource: { active: false, link: [{ other: { reference: 'Patient/patient' }, type: 'replaced-by' }] },
      })
      expect(refusalOf(adt(event, who('1'), mrg('')))).toBe('E_FIELD_MISSING at MRG-1')
      expect(refusalOf(adt(event, who('1')))).toBe('E_SEGMENT_MISSING at MRG')
    },
  )

  it.each(['A43', 'A47'])('%s of a number that identifies nobody, or of the same one, links nobody', event => {
    for (const prior of [mrg('1'), 'MRG|999^^^SSA^SS']) {
      const translated = translate(adt(event, who('1'), prior))
      expect(told(translated, 'Patient')).toEqual(['Patient ensure'])
      expect(codesOf(translated)).toContain('E_PRUNED MRG-1')
    }
    expect(refusalOf(adt('A40', who('1'), mrg('1')))).toBe('E_MERGE_CYCLE at MRG-1')
  })

  it('A36 merges the accounts as well', () => {
    const translated = translate(adt('A36', who('1', 'ACC1'), mrg('2', 'ACC2')))
    expectValid(translated)
    expect(told(translated, 'Account')).toEqual(['Account ensure', 'Account replace'])
  })
})

describe('accounts', () => {
  it.each(['A35', 'A41', 'A49'])('%s: the old account is inactive and part of the other', event => {
    const translated = translate(adt(event, who('1', 'ACC1'), mrg('1', 'ACC2')))
    expectValid(translated)
    const prior = change(translated, 'Account', 1)
    expect(prior).toMatchObject({ verb: 'replace', subject: patient('1') })
    expect(prior.resource).toMatchObject({
      identifier: [{ value: 'ACC2' }],
      status: 'inactive',
      partOf: { reference: 'Account/account' },
    })
    expect(namesOf(translated, 'Account')[0]).not.toEqual(namesOf(translated, 'Account')[1])
    expect(refusalOf(adt(event, who('1'), mrg('1', 'ACC2')))).toBe('E_FIELD_MISSING at PID-18')
    expect(refusalOf(adt(event, who('1', 'ACC1'), mrg('1')))).toBe('E_FIELD_MISSING at MRG-3')
  })

  it('A44: the account of the wrong patient is in error, the right one has an account of the number', () => {
    const translated = translate(adt('A44', who('1', 'ACC1'), mrg('2', 'ACC1')))
    expectValid(translated)
    const [right, wrong] = [change(translated, 'Account', 0), change(translated, 'Account', 1)]
    expect([right.verb, right.subject, right.resource.status]).toEqual(['ensure', patient('1'), 'active'])
    expect([wrong.verb, wrong.subject, wrong.resource.status]).toEqual(['replace', patient('2'), 'entered-in-error'])
    expect(wrong.resource.subject).toEqual([{ reference: 'Patient/patient-2' }])
  })

  it('A44 of a number that the world knows: one account, now of the right patient, under both keys', () => {
    const translated = translate(adt('A44', who('1', 'ACC1^^^H&1.2.9&ISO'), mrg('2', 'ACC1^^^H&1.2.9&ISO')))
    expect(changesOf(translated, 'Account')).toHaveLength(1)
    expect(change(translated, 'Account', 0)).toMatchObject({
      verb: 'replace',
      identity: [{ system: 'urn:oid:1.2.9', value: 'ACC1' }],
      subject: patient('1'),
      alsoFor: [patient('2')],
    })
  })
})

describe('visits', () => {
  it.each([
    ['A42', mrg('1', '', 'V2'), pv1('V1')],
    ['A50', mrg('1', '', 'V2'), pv1('V1')],
    ['A51', mrg('1', '', '', 'V2'), pv1('', 'V1')],
  ])('%s: the old visit is in error and part of the other, which is only ensured', (event, prior, visit) => {
    const translated = translate(adt(event, who('1'), prior, visit))
    expectValid(translated)
    expect(told(translated, 'Encounter')).toEqual(['Encounter ensure', 'Encounter replace'])
    expect(change(translated, 'Encounter', 1).resource).toMatchObject({
      identifier: [{ value: 'V2' }],
      status: 'entered-in-error',
      partOf: { reference: 'Encounter/encounter' },
      subject: { reference: 'Patient/patient' },
    })
    expect(refusalOf(adt(event, who('1'), prior))).toBe('E_SEGMENT_MISSING at PV1')
    expect(refusalOf(adt(event, who('1'), prior, 'PV1|1|I'))).toBe('E_FIELD_MISSING at PV1-19')
    expect(refusalOf(adt(event, who('1'), mrg('1'), visit))).toBe(`E_FIELD_MISSING at MRG-${event === 'A51' ? 6 : 5}`)
  })

  it('the visit of the old number is the one that an earlier message told', () => {
    const before = translate(adt('A01', who('1'), pv1('V2')))
    const after = translate(adt('A50', who('1'), mrg('1', '', 'V2'), pv1('V1')))
    expect(namesOf(after, 'Encounter')[1]).toEqual(namesOf(before, 'Encounter')[0])
  })

  it('A06 with a new number: the old visit is finished and part of the new one; MRG elsewhere is not read', () => {
    const translated = translate(adt('A06', who('1', 'ACC1'), mrg('1', 'ACC2', 'V2'), pv1('V1')))
    expectValid(translated)
    expect(change(translated, 'Encounter', 1).resource).toMatchObject({
      status: 'finished',
      partOf: { reference: 'Encounter/encounter' },
    })
    expect(change(translated, 'Account', 1).resource).toMatchObject({ status: 'inactive' })
    const same = translate(adt('A07', who('1'), mrg('1', '', 'V1'), pv1('V1')))
    expect(changesOf(same, 'Encounter')).toHaveLength(1)
    const elsewhere = translate(adt('A08', who('1'), mrg('1', '', 'V2'), pv1('V1')))
    expect(changesOf(elsewhere, 'Encounter')).toHaveLength(1)
    expect(codesOf(elsewhere)).toContain('E_PRUNED MRG-1')
  })

  it('A45: the visit of the wrong patient is in error, the right one has the visit; several at once', () => {
    const translated = translate(adt('A45', who('1'), mrg('2', '', 'V1'), pv1('V1'), mrg('3', '', 'V7'), pv1('V2')))
    expectValid(translated)
    const visits = changesOf(translated, 'Encounter')
    expect(
      visits.map(({ subject, resource }) => [subject, resource.resourceType === 'Encounter' && resource.status]),
    ).toEqual([
      [patient('1'), 'in-progress'],
      [patient('2'), 'entered-in-error'],
      [patient('1'), 'in-progress'],
      [patient('3'), 'entered-in-error'],
    ])
    expect(visits[1]!.identity).toEqual(namesOf(translate(adt('A01', who('2'), pv1('V1'))), 'Encounter'))
    expect(told(translated, 'Patient')).toEqual(['Patient ensure', 'Patient ensure', 'Patient ensure'])
  })

  it('A45 of a number that the world knows: one visit, now of the right patient, under both keys', () => {
    const number = 'V1^^^H&1.2.9&ISO'
    const translated = translate(adt('A45', who('1'), mrg('2', '', number), pv1(number)), { adt: 'delta' })
    expect(changesOf(translated, 'Encounter')).toHaveLength(1)
    expect(change(translated, 'Encounter', 0)).toMatchObject({
      verb: 'replace',
      subject: patient('1'),
      alsoFor: [patient('2')],
    })
  })

  it('A45 that does not say whose it was tells the right patient only', () => {
    const translated = translate(adt('A45', who('1'), mrg('', '', 'V1'), pv1('V1')))
    expect(changesOf(translated, 'Encounter')).toHaveLength(1)
    expect(codesOf(translated)).toContain('E_PRUNED MRG-1')
    expect(refusalOf(adt('A45', mrg('2', '', 'V1'), pv1('V1')))).toBe('E_SEGMENT_MISSING at PID')
  })
})

describe('A24 and A37', () => {
  it('A24 links two records and wipes neither', () => {
    const translated = translate(adt('A24', who('2'), who('1')))
    expectValid(translated)
    expect(told(translated, 'Patient', 'Linkage')).toEqual(['Patient ensure', 'Patient ensure', 'Linkage replace'])
    expect(change(translated, 'Linkage', 0)).toMatchObject({ subject: patient('1'), alsoFor: [patient('2')] })
    expect(one(translated, 'Linkage').active).toBe(true)
    expect(translated.changes.flatMap(({ unlinks }) => unlinks ?? [])).toEqual([])
  })

  it('A37 takes it back, whoever stands first, and a merge of the two with it', () => {
    const translated = translate(adt('A37', who('1'), who('2')))
    expectValid(translated)
    expect(one(translated, 'Linkage').active).toBe(false)
    expect(namesOf(translated, 'Linkage')).toEqual(namesOf(translate(adt('A24', who('2'), who('1'))), 'Linkage'))
    expect(changesOf(translated, 'Patient').map(({ unlinks }) => unlinks)).toEqual([[patient('2')], [patient('1')]])
  })

  it('needs two patients', () => {
    expect(refusalOf(adt('A24', who('1')))).toBe('E_SEGMENT_MISSING at PID')
    expect(refusalOf(adt('A24', who('1'), who('1')))).toBe('E_MERGE_CYCLE at PID[2]-3')
    expect(refusalOf(adt('A37', who('1'), who('2'), who('3')))).toBe('E_TWO_PATIENTS at PID[3]-1')
  })
})
