import type { MedicationAdministration, MedicationDispense, MedicationRequest, Observation } from 'fhir/r4.js'
import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import { changesOf, codesOf, msh, namesOf, one, pid, refusalOf, translate } from './messages.ts'

/** A segment by its fields. */
const segment = (name: string, fields: Readonly<Record<number, string>>) => {
  const last = Math.max(...Object.keys(fields).map(Number))
  return `${name}|${Array.from({ length: last }, (_, i) => fields[i + 1] ?? '').join('|')}`
}

const orcOf = (more: Readonly<Record<number, string>> = {}) =>
  segment('ORC', { 1: 'NW', 2: 'P1^EHR', 9: '20261125080000', 10: '54^Clerk^Cora', 12: '55^Order^Olga', ...more })
const orc = orcOf()
const rxeOf = (more: Readonly<Record<number, string>> = {}) =>
  segment('RXE', {
    2: '1049630^Acetaminophen 325 MG Oral Tablet^RXNORM',
    3: '2',
    5: 'TAB^tablet',
    7: 'TWF^Take with food^L',
    10: '20',
    11: 'TAB^tablet',
    12: '0',
    27: 'R51^Headache^I10',
    ...more,
  })
const rxoOf = (more: Readonly<Record<number, string>> = {}) =>
  segment('RXO', {
    1: '00071015523^Atorvastatin^NDC',
    2: '1',
    3: '2',
    4: 'TAB^tablet',
    9: 'G',
    11: '30',
    13: '3',
    ...more,
  })
const rxr = 'RXR|PO^Oral^HL70162|^Mouth'
const tq1 = 'TQ1|1||TID||||20261125080000|20261202|S^Stat^HL70485||swallow whole'
const messageOf =
  (type: string) =>
  (...segments: readonly string[]) => [msh(type), pid, ...segments]
const rde = messageOf('RDE^O11^RDE_O11')
const omp = messageOf('OMP^O09^OMP_O09')
const rds = messageOf('RDS^O13^RDS_O13')
const rgv = messageOf('RGV^O15^RGV_O15')
const ras = messageOf('RAS^O17^RAS_O17')
const ordered = (...segments: readonly string[]) => one(translate(rde(...segments)), 'MedicationRequest')

describe('RDE and OMP → MedicationRequest', () => {
  it('an encoded order says what, how much, how often, which way and why', () => {
    const translated = translate(rde(orc, rxeOf(), tq1, rxr, 'NTE|1||call if fever'))
    const request = one(translated, 'MedicationRequest')
    expect(request).toMatchObject({
      status: 'active',
      intent: 'order',
      priority: 'stat',
      medicationCodeableConcept: {
        coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '1049630' }],
      },
      authoredOn: '2026-11-25T08:00:00+01:00',
      recorder: { reference: 'Practitioner/practitioner-2' },
      requester: { reference: 'PractitionerRole/practitionerrole' },
      reasonCode: [{ coding: [{ code: 'R51' }] }],
      note: [{ text: 'call if fever' }],
      dosageInstruction: [
        {
          text: 'swallow whole',
          additionalInstruction: [{ coding: [{ code: 'TWF' }] }],
          timing: {
            repeat: { frequency: 3, period: 1, periodUnit: 'd', boundsPeriod: { end: '2026-12-02' } },
            code: { coding: [{ code: 'TID' }] },
          },
          route: { coding: [{ code: 'PO' }] },
          site: { text: 'Mouth' },
          doseAndRate: [{ doseQuantity: { value: 2, unit: 'tablet' } }],
        },
      ],
      dispenseRequest: { quantity: { value: 20, unit: 'tablet' }, numberOfRepeatsAllowed: 0 },
    })
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
    expect(changesOf(translated, 'MedicationRequest')[0]?.verb).toBe('replace')
  })

  it('RDE O25 is read as O11', () => {
    const refill = [msh('RDE^O25^RDE_O25'), pid, orc, rxeOf()]
    expect(namesOf(translate(refill), 'MedicationRequest')).toEqual(
      namesOf(translate(rde(orc, rxeOf())), 'MedicationRequest'),
    )
  })

  it('a refill that the pharmacy asks for is a proposal, and not the order', () => {
    const asked = translate([msh('RDE^O25^RDE_O25'), pid, orcOf({ 1: 'RF' }), rxeOf()])
    expect(one(asked, 'MedicationRequest').intent).toBe('proposal')
    const order = namesOf(translate(rde(orc, rxeOf())), 'MedicationRequest')
    expect(namesOf(asked, 'MedicationRequest')).not.toEqual(order)
    expect(namesOf(translate(rde(orcOf({ 1: 'RF' }), rxeOf())), 'MedicationRequest')).toEqual(order)
  })

  it.each(['RDE', 'RDS', 'RGV', 'RAS'])('%s O01 is the same message before v2.4', type => {
    const old = [msh(`${type}^O01`, '2026||TYPE|M1|P|2.3'), pid, orc, rxeOf()]
    expect(one(translate(old), 'MedicationRequest').status).toBe('active')
  })

  it('a requested order has a range, a substitution, refills; its form, strength and components are notes', () => {
    const components = ['RXC|B|D5W^Dextrose 5%^L|1000|mL', 'RXC|A|KCL^Potassium chloride^L|20|meq|2|meq/mL']
    const rxo = rxoOf({ 5: 'TAB^Tablet', 6: '^Crush', 18: '10', 19: 'mg', 25: '5', 26: 'mL' })
    const request = one(translate(omp(orc, tq1, rxo, rxr, ...components)), 'MedicationRequest')
    expect(request).toMatchObject({
      intent: 'original-order',
      dosageInstruction: [
        {
          doseAndRate: [{ doseRange: { low: { value: 1 }, high: { value: 2 } } }],
          route: { coding: [{ code: 'PO' }] },
          timing: { code: { coding: [{ code: 'TID' }] } },
        },
      ],
      substitution: { allowedCodeableConcept: { coding: [{ code: 'G' }] } },
      dispenseRequest: { quantity: { value: 30 }, numberOfRepeatsAllowed: 3 },
    })
    expect(request.note?.map(({ text }) => text)).toEqual([
      'Dosage form: Tablet',
      'Strength: 10 mg / 5 mL',
      'Base: Dextrose 5%, 1000 mL',
      'Additive: Potassium chloride, 20 meq, 2 meq/mL',
      'Crush',
    ])
    expect(check(request)).toEqual([])
  })

  it('what is requested and how the pharmacy encodes it are two orders, the one based on the other', () => {
    const [original, filler] = changesOf(translate(rde(orc, rxoOf(), rxr, rxeOf(), rxr)), 'MedicationRequest').map(
      ({ resource }) => resource as MedicationRequest,
    )
    expect(original).toMatchObject({ intent: 'original-order', id: 'medicationrequest' })
    expect(filler).toMatchObject({
      intent: 'filler-order',
      basedOn: [{ reference: 'MedicationRequest/medicationrequest' }],
    })
  })

  it.each([
    ['NW', '', 'active'],
    ['CA', '', 'cancelled'],
    ['OC', 'IP', 'cancelled'],
    ['DC', '', 'stopped'],
    ['HD', '', 'on-hold'],
    ['RL', 'HD', 'active'],
    ['RP', '', 'stopped'],
    ['RO', '', 'active'],
    ['XO', 'HD', 'on-hold'],
    ['SC', 'CM', 'completed'],
    ['SC', 'DC', 'stopped'],
    ['SC', 'ER', 'entered-in-error'],
    ['', '', 'active'],
  ])('ORC-1 %s with ORC-5 %s is %s', (control, state, status) => {
    expect(ordered(orcOf({ 1: control, 5: state }), rxeOf()).status).toBe(status)
  })

  it('an order that is stopped says why', () => {
    const stopped = ordered(orcOf({ 1: 'DC', 16: 'ALL^Allergy^L' }), rxeOf())
    expect(stopped).toMatchObject({ status: 'stopped', statusReason: { coding: [{ code: 'ALL' }] } })
    expect(stopped).not.toHaveProperty('authoredOn')
    expect(ordered(orcOf({ 16: 'ALL^Allergy^L' }), rxeOf())).not.toHaveProperty('statusReason')
  })

  it('rates, give per time and the most of a day', () => {
    const dose = (fields: Readonly<Record<number, string>>) => ordered(orc, rxeOf(fields)).dosageInstruction![0]!
    expect(dose({ 23: '100', 24: 'mL/hr' }).doseAndRate?.[0]?.rateQuantity).toMatchObject({ value: 100, code: 'mL/h' })
    expect(dose({ 22: 'H8' }).doseAndRate?.[0]?.rateRatio).toMatchObject({
      numerator: { value: 2 },
      denominator: { value: 8, code: 'h' },
    })
    expect(dose({ 19: '8^TAB' }).maxDosePerPeriod).toMatchObject({
      numerator: { value: 8 },
      denominator: { code: 'd' },
    })
  })

  it('a unit is UCUM where it is UCUM, and a number is none', () => {
    const unit = (text: string) =>
      ordered(orc, rxeOf({ 5: text })).dosageInstruction?.[0]?.doseAndRate?.[0]?.doseQuantity
    expect(unit('mg^milligram^UCUM')).toEqual({
      value: 2,
      unit: 'milligram',
      system: 'http://unitsofmeasure.org',
      code: 'mg',
    })
    expect(unit('43^capsule')).toEqual({ value: 2, unit: 'capsule' })
    expect(codesOf(translate(rde(orc, rxeOf({ 3: '2 tabs' }))))).toContain('E_PRUNED RXE-3')
  })

  it('several timings are dosages in their order; PRN is as needed', () => {
    const dosages = ordered(orc, rxeOf(), 'TQ1|1||QAM', 'TQ1|2||PRN|||||||for pain').dosageInstruction!
    expect(dosages.map(({ sequence }) => sequence)).toEqual([1, 2])
    expect(dosages[0]?.timing?.repeat?.when).toEqual(['MORN'])
    expect(dosages[1]?.asNeededCodeableConcept).toEqual({ text: 'for pain' })
  })

  it('timings at the same time (TQ1-12 A) are no sequence', () => {
    const dosages = ordered(orc, rxeOf(), 'TQ1|1||QAM|||||||||A', 'TQ1|2||QPM', 'TQ1|3||QHS').dosageInstruction!
    expect(dosages.map(({ sequence }) => sequence)).toEqual([1, 1, 2])
  })

  it('a taper is not the first dose again and again', () => {
    const taper = ['TQ1|1|40^mg|QD', 'TQ1|2|20^mg|QD', 'TQ1|3|10^mg|QD']
    const { dosageInstruction = [] } = ordered(orc, rxeOf({ 3: '40', 5: 'mg' }), ...taper)
    expect(dosageInstruction.map(({ doseAndRate }) => doseAndRate?.[0]?.doseQuantity?.value)).toEqual([40, 20, 10])
  })

  it('how many doses at a time (TQ1-2) is told beside the dose; one says nothing', () => {
    const [two] = ordered(orc, rxeOf({ 3: '500', 5: 'mg' }), 'TQ1|1|2^tablet|QD').dosageInstruction!
    expect(two).toMatchObject({ text: 'Quantity: 2 tablet', doseAndRate: [{ doseQuantity: { value: 500 } }] })
    expect(ordered(orc, rxeOf(), 'TQ1|1|1|QD').dosageInstruction![0]).not.toHaveProperty('text')
  })

  it.each([
    ['^PRN', { asNeededBoolean: true }],
    ['^PRNQ6H^^^^^pain', { asNeededCodeableConcept: { text: 'pain' } }],
    ['^Q6H PRN', { asNeededBoolean: true }],
    ['^QD^^^^^after meals', { additionalInstruction: [{ coding: [{ code: 'TWF' }] }, { text: 'after meals' }] }],
  ])('what is taken when it is needed does not look regular in v2.4: RXE-1 %s', (timing, told) => {
    expect(ordered(orc, rxeOf({ 1: timing })).dosageInstruction).toMatchObject([told])
  })

  it('every timing of v2.4 is there: RXE-1 repeats', () => {
    const dosages = ordered(orc, rxeOf({ 1: '^QAM~^QHS' })).dosageInstruction!
    expect(dosages.map(({ sequence, timing }) => [sequence, timing?.repeat?.when])).toEqual([
      [1, ['MORN']],
      [2, ['HS']],
    ])
  })

  it('the greatest amount is not the dose where the least cannot be read', () => {
    const [dosage] = ordered(orc, rxeOf({ 3: '1/2', 4: '2' })).dosageInstruction!
    expect(dosage).not.toHaveProperty('doseAndRate')
  })

  it.each([
    ['ORC|SC|P1|||CANCELLED', 'unknown'],
    ['ORC|ca|P1', 'cancelled'],
    ['ORC|SC|P1|||dc', 'stopped'],
  ])('an order that was taken back in other words is not active: %s', (orc, status) => {
    expect(ordered(orc, rxeOf()).status).toBe(status)
  })

  it('v2.4 has its timing in RXE-1 or ORC-7', () => {
    const old = ordered(orc, rxeOf({ 1: '1^BID^^20261125^^S' }))
    expect(old).toMatchObject({
      priority: 'stat',
      dosageInstruction: [{ timing: { code: { coding: [{ code: 'BID' }] } } }],
    })
    expect(ordered(orcOf({ 7: '^QD' }), rxeOf()).dosageInstruction?.[0]?.timing?.repeat).toMatchObject({ period: 1 })
  })

  it('who prescribes and who enters it do so for an organisation', () => {
    const orc = orcOf({ 12: '', 17: 'OPD^Outpatients', 21: 'Forest Hospital', 23: '555 0101' })
    const translated = translate(rde(orc, rxeOf({ 13: '8^Doc^Dora' })))
    const [requester, recorder] = changesOf(translated, 'PractitionerRole').map(({ resource }) => resource)
    expect(requester).toMatchObject({
      practitioner: { reference: 'Practitioner/practitioner' },
      organization: { reference: 'Organization/organization' },
      telecom: [{ value: '555 0101' }],
    })
    expect(recorder).toMatchObject({ organization: { reference: 'Organization/organization-2' } })
    expect(one(translated, 'MedicationRequest')).toMatchObject({
      requester: { reference: `PractitionerRole/${requester?.id}` },
      recorder: { reference: `PractitionerRole/${recorder?.id}` },
    })
    const alone = ordered(orcOf({ 10: '', 12: '', 21: 'Forest Hospital' }), rxeOf())
    expect(alone.requester).toEqual({ reference: 'Organization/organization' })
    expect(alone).not.toHaveProperty('recorder')
  })

  it('an order of nothing is refused; words are a medicine', () => {
    expect(refusalOf(rde(orc, rxeOf({ 2: '' })))).toBe('E_FIELD_MISSING at RXE-2')
    expect(one(translate(omp(orc, rxoOf({ 1: '', 6: '^Grandma’s tea' }))), 'MedicationRequest')).toMatchObject({
      medicationCodeableConcept: { text: 'Grandma’s tea' },
    })
    expect(refusalOf([msh('RDE^O11'), orc, rxeOf()])).toBe('E_SEGMENT_MISSING at PID')
    expect(refusalOf(rde())).toBe('E_SEGMENT_MISSING at ORC')
  })

  it('observations are made for the order', () => {
    const translated = translate(rde(orc, rxeOf(), 'OBX|1|NM|3141-9^Weight^LN||70|kg|||||F'))
    expect((one(translated, 'Observation') as Observation).basedOn).toEqual([
      { reference: 'MedicationRequest/medicationrequest' },
    ])
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })
})

describe('RDS → MedicationDispense', () => {
  const rxd = segment('RXD', {
    1: '1',
    2: '0093505601^Amoxicillin 500 MG^NDC',
    3: '20261125100000',
    4: '30',
    5: 'CAP^capsule',
    7: 'RX77',
    9: 'keep cool',
    10: '66^Pharma^Paul',
    11: 'G',
  })

  it('says what was handed over, how much, by whom, for which order', () => {
    const translated = translate(rds(orcOf({ 1: 'RE' }), rxd, rxr))
    const dispense = one(translated, 'MedicationDispense')
    expect(dispense).toMatchObject({
      status: 'completed',
      medicationCodeableConcept: { coding: [{ code: '0093505601' }] },
      quantity: { value: 30, unit: 'capsule' },
      whenHandedOver: '2026-11-25T10:00:00+01:00',
      performer: [{ actor: { reference: 'Practitioner/practitioner' } }],
      authorizingPrescription: [{ identifier: { value: 'P1' } }],
      substitution: { wasSubstituted: true, type: { coding: [{ code: 'G' }] } },
      note: [{ text: 'keep cool' }],
    })
    expect(changesOf(translated, 'MedicationRequest')).toEqual([])
    expect(check(dispense)).toEqual([])
  })

  it('an order that stands in it is only added, and referred to', () => {
    const translated = translate(rds(orcOf({ 1: 'RE' }), rxeOf(), tq1, rxr, rxd))
    expect(changesOf(translated, 'MedicationRequest')[0]?.verb).toBe('ensure')
    expect(one(translated, 'MedicationDispense')).toMatchObject({
      authorizingPrescription: [{ reference: 'MedicationRequest/medicationrequest' }],
      dosageInstruction: [{ route: { coding: [{ code: 'PO' }] }, timing: { code: { coding: [{ code: 'TID' }] } } }],
    })
  })

  it('every dispense of a prescription is one of its own; the same again is the same', () => {
    const nameOf = (text: string) => namesOf(translate(rds(orc, text)), 'MedicationDispense')[0]?.value
    expect(nameOf(rxd)).toBe(nameOf(rxd.replace('|30|', '|28|')))
    expect(nameOf(rxd.replace('RXD|1|', 'RXD|2|'))).not.toBe(nameOf(rxd))
    expect(nameOf(rxd.replace('20261125100000', '20261225100000'))).not.toBe(nameOf(rxd))
  })

  it('a cancelled dispense is cancelled', () => {
    expect((one(translate(rds(orcOf({ 1: 'OC' }), rxd)), 'MedicationDispense') as MedicationDispense).status).toBe(
      'cancelled',
    )
  })
})

describe('RGV → the doses that are planned', () => {
  it('are orders of one dose each: nothing was given yet', () => {
    const rxg = segment('RXG', { 1: '1', 3: '1^^^202611251200', 4: 'AMOX^Amoxicillin^L', 5: '500', 7: 'mg' })
    const translated = translate(rgv(orc, rxg, rxr, rxg.replace('RXG|1', 'RXG|2').replace('251200', '252000')))
    expect(changesOf(translated, 'MedicationAdministration')).toEqual([])
    const doses = changesOf(translated, 'MedicationRequest').map(({ resource }) => resource as MedicationRequest)
    expect(doses.map(({ intent }) => intent)).toEqual(['instance-order', 'instance-order'])
    expect(doses[1]?.dosageInstruction?.[0]?.timing?.repeat?.boundsPeriod?.start).toBe('2026-11-25T20:00:00+01:00')
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })
})

describe('RAS → MedicationAdministration', () => {
  const rxaOf = (more: Readonly<Record<number, string>> = {}) =>
    segment('RXA', {
      1: '0',
      2: '1',
      3: '20261125120000',
      5: 'AMOX^Amoxicillin^L',
      6: '500',
      7: 'mg',
      10: '77^Nurse^Nora',
      15: 'LOT9',
      16: '20280131',
      20: 'CP',
      ...more,
    })
  const given = (more: Readonly<Record<number, string>>, ...rest: readonly string[]) =>
    one(translate(ras(orc, rxaOf(more), ...rest)), 'MedicationAdministration')

  it('says what was given, when, how much, which way and by whom', () => {
    const translated = translate(ras(orc, rxaOf({ 4: '20261125123000' }), 'RXR|IV^Intravenous^HL70162'))
    const administration = one(translated, 'MedicationAdministration')
    expect(administration).toMatchObject({
      status: 'completed',
      effectivePeriod: { start: '2026-11-25T12:00:00+01:00', end: '2026-11-25T12:30:00+01:00' },
      dosage: { dose: { value: 500, code: 'mg' }, route: { coding: [{ code: 'IVINJ' }] } },
      identifier: [{ value: 'P1' }],
      note: [{ text: 'Lot: LOT9, expires 2028-01-31' }],
    })
    expect(administration.performer?.map(({ function: part }) => part?.coding?.[0]?.code)).toEqual(['OP', undefined])
    expect(check(administration)).toEqual([])
  })

  it.each([
    [{ 20: '' }, 'completed'],
    [{ 20: 'RE', 18: 'N^Nausea^L' }, 'not-done'],
    [{ 20: 'NA' }, 'not-done'],
    [{ 20: 'PA' }, 'stopped'],
    [{ 21: 'D' }, 'entered-in-error'],
  ])('%o is %s', (fields, status) => {
    expect(given(fields).status).toBe(status)
    expect(check(given(fields))).toEqual([])
  })

  it('what was refused was not given: a reason and no dose', () => {
    expect(given({ 20: 'RE', 18: 'N^Nausea^L' })).toMatchObject({ statusReason: [{ coding: [{ code: 'N' }] }] })
    expect(given({ 20: 'RE' }, rxr)).not.toHaveProperty('dosage')
  })

  it('one RXR stands for all RXA before it; a way without an amount is left out', () => {
    const routes = changesOf(translate(ras(orc, rxaOf(), rxaOf({ 2: '2' }), rxr)), 'MedicationAdministration').map(
      ({ resource }) => (resource as MedicationAdministration).dosage?.route?.coding?.[0]?.code,
    )
    expect(routes).toEqual(['PO', 'PO'])
    expect(given({ 6: '999' }, rxr)).not.toHaveProperty('dosage')
    expect(codesOf(translate(ras(orc, rxaOf({ 6: '' }), rxr)))).toContain('E_PRUNED RXR-1')
  })

  it('the order in the message is what it was given for; observations are part of it', () => {
    const translated = translate(ras(orc, rxoOf(), rxaOf(), 'OBX|1|NM|X^Pain^L||3||||||F'))
    expect(one(translated, 'MedicationAdministration').request).toEqual({
      reference: 'MedicationRequest/medicationrequest',
    })
    expect((one(translated, 'Observation') as Observation).partOf).toEqual([
      { reference: 'MedicationAdministration/medicationadministration' },
    ])
  })

  it('a wrong time is refused, because it would look like another dose', () => {
    expect(refusalOf(ras(orc, rxaOf({ 3: '20261399' })))).toBe('E_DATE at RXA-3')
    expect(refusalOf(ras(orc, rxaOf({ 3: '' })))).toBe('E_FIELD_MISSING at RXA-3')
  })

  it.each([
    [{ 18: '00^Refused^L', 20: '' }, 'not-done'],
    [{ 18: '00^Refused^L', 20: 'REFUSED' }, 'not-done'],
    [{ 20: 're' }, 'not-done'],
    [{ 20: 'HELD' }, 'unknown'],
    [{ 18: '00^Refused^L', 20: 'CP' }, 'completed'],
  ])('what was refused or is not known does not look given: %o', (more, status) => {
    const resource = given(more, 'RXR|IV')
    expect(resource.status).toBe(status)
    expect('dosage' in resource).toBe(status !== 'not-done')
  })

  it('a deletion means the dose it names; the next dose is another', () => {
    const nameOf = (more: Readonly<Record<number, string>>) =>
      namesOf(translate(ras(orc, rxaOf(more))), 'MedicationAdministration')[0]?.value
    expect(nameOf({ 6: '250', 21: 'D' })).toBe(nameOf({}))
    expect(nameOf({ 3: '20261125180000' })).not.toBe(nameOf({}))
    expect(nameOf({ 2: '2' })).not.toBe(nameOf({}))
  })
})

describe('the name of an order of medication', () => {
  const nameOf = (...segments: readonly string[]) => namesOf(translate(rde(...segments)), 'MedicationRequest')[0]?.value

  it('is the placer’s number, whatever happens to it', () => {
    const first = nameOf(orc, rxeOf())
    expect(nameOf(orcOf({ 1: 'DC', 3: 'F9' }), rxeOf({ 3: '1' }))).toBe(first)
    expect(nameOf(orcOf({ 2: 'P2^EHR' }), rxeOf())).not.toBe(first)
    const other = translate([msh('RDE^O11'), pid.replace('12345', '67890'), orc, rxeOf()])
    expect(namesOf(other, 'MedicationRequest')[0]?.value).not.toBe(first)
  })

  it('else the filler’s, else the prescription; else only the message names it', () => {
    expect(nameOf(orcOf({ 2: '', 3: 'F1' }), rxeOf())).toBe(nameOf(orcOf({ 2: '', 3: 'F1' }), rxeOf({ 15: 'RX1' })))
    expect(nameOf(orcOf({ 2: '' }), rxeOf({ 15: 'RX1' }))).toBe(nameOf('ORC|DC', rxeOf({ 15: 'RX1' })))
    expect(codesOf(translate(rde(orcOf({ 2: '' }), rxeOf())))).toContain('E_PROVISIONAL ORC-2')
  })
})
