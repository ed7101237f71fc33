import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import type { Translated } from '../../../../src/records.ts'
import { changesOf, codesOf, msh, namesOf, obr, obx, one, pid, pv1, refusalOf, translate } from './messages.ts'

const account = `${pid}${'|'.repeat(5)}ACC9`
const dg1 = 'DG1|1||J45.9^Asthma^I10|Asthma|20261120|F'
const in1 = 'IN1|1|PLAN7^Gold|C42|Good Insurance||||||||20200101'
const gt1 = 'GT1|1|G5|Example^Dirk||Street 6^^Town|555 0103|||M||FTH'
const pr1 = 'PR1|1||71045^X-ray^C4||20261124'
const ft1 =
  'FT1|1|T100||20261124|20261125|CG|71045^X-ray^C4|||2|100&EUR|50&EUR|RAD^Radiology|||||OP|J45.9^Asthma^I10|77^Diag^Dora'

const bar = (event: string, ...more: readonly string[]) => [
  msh(`BAR^${event}^BAR_P01`),
  `EVN|${event}|20261125080000`,
  account,
  ...more,
]
const dft = (event: string, ...more: readonly string[]) => [
  msh(`DFT^${event}^DFT_P03`),
  `EVN|${event}|20261125080000`,
  account,
  ...more,
]

const invalid = (translated: Translated) =>
  translated.changes.flatMap(({ resource }) => check(resource).map(({ code, at }) => `${code} ${at}`))

const verbOf = (found: Translated, type: Parameters<typeof changesOf>[1]) => changesOf(found, type).map(c => c.verb)

describe('BAR, accounts', () => {
  it.each(['P01', 'P05'])(
    '%s tells the account whole, with guarantor and coverage; patient and visit are only named',
    event => {
      const found = translate(bar(event, pv1, dg1, pr1, gt1, in1))
      expect(one(found, 'Account')).toMatchObject({
        status: 'active',
        identifier: [{ value: 'ACC9' }],
        guarantor: [{ party: { reference: 'RelatedPerson/relatedperson' } }],
        coverage: [{ coverage: { reference: 'Coverage/coverage' }, priority: 1 }],
      })
      expect(verbOf(found, 'Account')).toEqual(['replace'])
      expect(verbOf(found, 'Patient')).toEqual(['ensure'])
      expect(verbOf(found, 'Encounter')).toEqual(['ensure'])
      expect(verbOf(found, 'Condition')).toEqual(['replace'])
      expect(invalid(found)).toEqual([])
    },
  )

  it('P06 ends the account, P02 takes it away, and neither touches anything else', () => {
    const ended = translate(bar('P06', pv1))
    expect([one(ended, 'Account').status, verbOf(ended, 'Account')]).toEqual(['inactive', ['replace']])
    const purged = translate(bar('P02', pv1, dg1))
    expect(verbOf(purged, 'Account')).toEqual(['delete'])
    expect(verbOf(purged, 'Condition')).toEqual(['ensure'])
    expect(purged.snapshots).toEqual([])
  })

  it('P02 names several people, each with an account', () => {
    const second = account.replace('12345', '67890').replace('ACC9', 'ACC10')
    const found = translate(bar('P02', pv1, second))
    expect(verbOf(found, 'Account')).toEqual(['delete', 'delete'])
    expect(new Set(changesOf(found, 'Account').map(c => JSON.stringify(c.subject))).size).toBe(2)
  })

  it('P12 tells diagnoses and procedures of the visit', () => {
    const found = translate(bar('P12', pv1, dg1, pr1))
    expect([verbOf(found, 'Condition'), verbOf(found, 'Procedure')]).toEqual([['replace'], ['replace']])
    expect(found.snapshots.map(({ type }) => type)).toEqual(['Condition', 'Procedure'])
  })

  it('P12, and an account of which nothing is said, wipe no guarantor and no coverage', () => {
    expect(verbOf(translate(bar('P12', pv1, dg1)), 'Account')).toEqual(['ensure'])
    expect(verbOf(translate(bar('P05', pv1, dg1)), 'Account')).toEqual(['ensure'])
  })

  it('takes no allergy away, of this patient or of the next one in the message', () => {
    const second = account.replace('12345', '67890').replace('ACC9', 'ACC10')
    const found = translate(bar('P01', 'AL1|1|DA|N^Nuts^L', second, 'AL1|1|DA|M^Milk^L'))
    expect(verbOf(found, 'AllergyIntolerance')).toEqual(['ensure', 'ensure'])
    expect(found.snapshots.filter(({ type }) => type === 'AllergyIntolerance')).toEqual([])
  })

  it('is the same account as an ADT names by PID-18, and without PID-18 the visit’s', () => {
    const adt = translate([msh('ADT^A08^ADT_A01'), 'EVN||20261125', account])
    expect(namesOf(adt, 'Account')).toEqual(namesOf(translate(bar('P01')), 'Account'))
    const visit = translate([msh('BAR^P01^BAR_P01'), 'EVN|P01|20261125', pid, pv1])
    expect(one(visit, 'Account').identifier).toMatchObject([{ value: 'V100' }])
    expect(refusalOf([msh('BAR^P06^BAR_P06'), 'EVN|P06|20261125', pid])).toBe('E_FIELD_MISSING at PID-18')
    expect(refusalOf([msh('BAR^P01^BAR_P01'), 'EVN|P01|20261125', pv1])).toBe('E_SEGMENT_MISSING at PID')
  })

  it('a delta sender replaces nothing', () => {
    const found = translate(bar('P01', pv1, dg1, gt1, in1), { adt: 'delta' })
    const verbs = found.changes.filter(({ resource }) => !/^(Prov|Mess)/.test(resource.resourceType)).map(c => c.verb)
    expect(new Set(verbs)).toEqual(new Set(['ensure']))
  })
})

describe('DFT, charges', () => {
  it.each(['P03', 'P11'])('%s makes a ChargeItem of every FT1 that is a charge', event => {
    const found = translate(dft(event, pv1, ft1, pr1, dg1, in1))
    expect(one(found, 'ChargeItem')).toMatchObject({
      status: 'billable',
      identifier: [{ value: 'T100' }],
      code: { coding: [{ system: 'http://www.ama-assn.org/go/cpt', code: '71045' }] },
      subject: { reference: 'Patient/patient' },
      context: { reference: 'Encounter/encounter' },
      account: [{ reference: 'Account/account' }],
      occurrenceDateTime: '2026-11-24',
      enteredDate: '2026-11-25',
      quantity: { value: 2 },
      priceOverride: { value: 100, currency: 'EUR' },
      reason: [{ coding: [{ code: 'J45.9' }] }],
      performer: [{ actor: { reference: 'Practitioner/practitioner-2' } }],
      service: [{ reference: 'Procedure/procedure' }],
    })
    expect(one(found, 'ChargeItem').supportingInformation?.length).toBe(event === 'P11' ? 1 : undefined)
    expect(invalid(found)).toEqual([])
  })

  it('says all but its charges only by name: registration knows it better', () => {
    const found = translate(dft('P03', pv1, ft1, pr1, dg1, gt1, in1))
    const told = found.changes.filter(({ verb }) => verb !== 'ensure').map(({ resource }) => resource.resourceType)
    expect(told).toEqual(['ChargeItem', 'Provenance', 'MessageHeader'])
    expect(found.snapshots).toEqual([])
  })

  it.each(['PY', 'AJ', 'CO', 'CD'])('FT1-6 %s is no charge', kind => {
    const found = translate(dft('P03', ft1.replace('|CG|', `|${kind}|`)))
    expect(changesOf(found, 'ChargeItem')).toEqual([])
    expect(codesOf(found)).toContain('E_PRUNED FT1-6')
  })

  it('keeps the name of a charge by its transaction number; without one only the message names it', () => {
    const name = (segment: string) => namesOf(translate(dft('P03', segment)), 'ChargeItem')
    expect(name(ft1.replace('|2|100', '|3|150'))).toEqual(name(ft1))
    expect(codesOf(translate(dft('P03', ft1.replace('T100', ''))))).toContain('E_PROVISIONAL FT1-2')
  })

  it('reads a period of service, and leaves out an amount that is none', () => {
    const found = translate(dft('P03', ft1.replace('|20261124|', '|20261101^20261124|').replace('100&EUR', 'much')))
    expect(one(found, 'ChargeItem')).toMatchObject({ occurrencePeriod: { start: '2026-11-01', end: '2026-11-24' } })
    expect(one(found, 'ChargeItem')).not.toHaveProperty('priceOverride')
    expect(codesOf(found)).toContain('E_PRUNED FT1-11.1')
  })

  it('has orders and results as well', () => {
    const found = translate(dft('P03', pv1, obr, obx, ft1))
    expect(changesOf(found, 'Observation')).toHaveLength(1)
    expect(changesOf(found, 'DiagnosticReport')).toHaveLength(1)
    expect(changesOf(found, 'Patient')).toHaveLength(1)
  })

  it('refuses one without charges', () => {
    expect(refusalOf(dft('P03', pv1))).toBe('E_SEGMENT_MISSING at FT1')
  })
})

describe('PPR, problems', () => {
  const prb = 'PRB|AD|20261120|E11^Diabetes^I10|P55^APP|||20261120|||||||A^Active||20200101'
  const ppr = (event: string, ...more: readonly string[]) => [msh(`PPR^${event}^PPR_PC1`), pid, ...more]

  it.each(['PC1', 'PC2'])('%s tells a problem whole', event => {
    const found = translate(ppr(event, pv1, prb, 'NTE|1||Since childhood'))
    expect(one(found, 'Condition')).toMatchObject({
      identifier: [{ value: 'P55' }],
      category: [{ coding: [{ code: 'problem-list-item' }] }],
      clinicalStatus: { coding: [{ code: 'active' }] },
      code: { coding: [{ code: 'E11' }] },
      onsetDateTime: '2020-01-01',
      recordedDate: '2026-11-20',
      note: [{ text: 'Since childhood' }],
    })
    expect(verbOf(found, 'Condition')).toEqual(['replace'])
    expect(invalid(found)).toEqual([])
  })

  it('PC3 and the action DE take it off the list, under the same name', () => {
    const gone = translate(ppr('PC3', prb.replace('|AD|', '||')))
    expect(verbOf(gone, 'Condition')).toEqual(['delete'])
    expect(namesOf(gone, 'Condition')).toEqual(namesOf(translate(ppr('PC1', prb)), 'Condition'))
    expect(verbOf(translate(ppr('PC2', prb.replace('|AD|', '|DE|'))), 'Condition')).toEqual(['delete'])
  })

  it('what has an end is resolved, and a problem is no diagnosis of the visit', () => {
    const resolved = one(
      translate(ppr('PC2', prb.replace('|20261120|||||||', '|20261120||20261124|||||'))),
      'Condition',
    )
    expect(resolved.clinicalStatus?.coding?.[0]?.code).toBe('resolved')
    expect(check(resolved)).toEqual([])
    expect(one(translate(ppr('PC1', pv1, prb)), 'Encounter')).not.toHaveProperty('diagnosis')
  })

  it('is taken off by its number alone', () => {
    const gone = translate(ppr('PC3', 'PRB|DE|20261120||P55^APP'))
    expect(verbOf(gone, 'Condition')).toEqual(['delete'])
    expect(namesOf(gone, 'Condition')).toEqual(namesOf(translate(ppr('PC1', prb)), 'Condition'))
  })

  it.each(['UC', 'LI', 'UN'])('%s only names it: a thin repetition wipes nothing', action => {
    expect(verbOf(translate(ppr('PC2', prb.replace('|AD|', `|${action}|`))), 'Condition')).toEqual(['ensure'])
  })

  it('without a number is not the diagnosis under its code, which would overwrite its state', () => {
    const code = 'E11^Diabetes^I10'
    const problem = namesOf(translate(ppr('PC1', `PRB|AD|20261120|${code}`)), 'Condition')
    const diagnosis = translate([msh('ADT^A31^ADT_A05'), 'EVN||20261125', pid, `DG1|1||${code}`])
    expect(namesOf(diagnosis, 'Condition')).not.toEqual(problem)
  })

  it('takes nothing else off the list, and says what it needs', () => {
    expect(translate(ppr('PC1', prb)).snapshots).toEqual([])
    expect(refusalOf(ppr('PC1'))).toBe('E_SEGMENT_MISSING at PRB')
    expect(refusalOf([msh('PPR^PC1^PPR_PC1'), prb])).toBe('E_SEGMENT_MISSING at PID')
    expect(codesOf(translate(ppr('PC1', 'PRB|AD|20261120')))).toContain('E_PRUNED PRB-3')
  })
})
