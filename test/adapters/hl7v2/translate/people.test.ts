import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import type { SenderProfile } from '../../../../src/ports.ts'
import type { Translated } from '../../../../src/records.ts'
import { adt, changesOf, codesOf, msh, namesOf, obr, obx, one, pid, pv1, translate } from './messages.ts'

const nk1 = 'NK1|1|Example^Bert^^^Mr.|SPO^Spouse^HL70063|Street 5^^Town^ST^10115|555 0101^PRN^PH|555 0102^WPN^PH|C'
const dg1 = 'DG1|1||J45.9^Asthma^I10|Asthma|20261120|A|||||||||1|77^Diag^Dora'
const pr1 = 'PR1|1||71045^X-ray^C4||202611241000|D|30|1210^Anes^Mark|||1211^Surg^Sue'
const in1 =
  'IN1|1|PLAN7^Gold|C42^^^&1.2.4&ISO|Good Insurance|Road 1^^City|||G1|Group One||Works Inc|20200101|||HMO|Example^Cora|SPO|19700101'
const gt1 = 'GT1|1|G5|Example^Dirk||Street 6^^Town|555 0103|||M||FTH||20200101'
const rol = (kind: string, who = '900^Care^Carl') => `ROL|1|AD|${kind}^^HL70443|${who}|20260101|20261231`

const at = (event: string, more: readonly string[], settings: Partial<SenderProfile> = {}) =>
  translate(adt(event, ...more), settings)

const parts = (translated: Translated) =>
  translated.snapshots.flatMap(({ type, part }) => (part ? [[type, part.names.length]] : []))

const invalid = (translated: Translated) =>
  translated.changes.flatMap(({ resource }) => check(resource).map(({ code, at }) => `${code} ${at}`))

describe('next of kin (NK1)', () => {
  it('is a RelatedPerson and a contact of the patient', () => {
    const found = at('A08', [nk1])
    expect(one(found, 'RelatedPerson')).toMatchObject({
      patient: { reference: 'Patient/patient' },
      name: [{ family: 'Example', given: ['Bert'] }],
      relationship: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'SPS' }] },
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0131', code: 'C' }] },
      ],
      telecom: [{ use: 'home' }, { use: 'work' }],
    })
    expect(one(found, 'Patient').contact).toMatchObject([{ name: { family: 'Example' }, address: { city: 'Town' } }])
    expect(invalid(found)).toEqual([])
  })

  it('an organisation is a contact only', () => {
    const found = at('A08', ['NK1|1||E^Employer^HL70131||555 0199||||||||Works Inc'])
    expect(changesOf(found, 'RelatedPerson')).toEqual([])
    expect(one(found, 'Patient').contact).toMatchObject([{ organization: { reference: 'Organization/organization' } }])
  })

  it('nobody in particular is left out, and then the list is not whole', () => {
    const found = at('A08', [nk1, 'NK1|2||FTH'])
    expect(changesOf(found, 'RelatedPerson')).toHaveLength(1)
    expect(codesOf(found)).toContain('E_PRUNED NK1[2]-2')
    expect(parts(found)).toEqual([])
  })

  it('of a snapshot sender is a whole list; of a delta sender, or where there is none, it takes nothing away', () => {
    expect(parts(at('A08', [nk1]))).toEqual([['RelatedPerson', 1]])
    expect(parts(at('A08', [nk1], { adt: 'delta' }))).toEqual([])
    expect(parts(at('A08', []))).toEqual([])
  })

  it('keeps its name when the telephone changes, and gets another with another person', () => {
    const name = (segment: string) => namesOf(at('A08', [segment]), 'RelatedPerson')
    expect(name(nk1.replace('555 0101', '555 0777'))).toEqual(name(nk1))
    expect(name(nk1.replace('Bert', 'Bernd'))).not.toEqual(name(nk1))
  })

  it('guarantors and subscribers are not of its list', () => {
    const found = at('A08', [nk1, gt1, in1])
    expect(changesOf(found, 'RelatedPerson')).toHaveLength(3)
    expect(parts(found)).toEqual(expect.arrayContaining([['RelatedPerson', 1]]))
  })
})

describe('further facts of the person (PD1, PID-21)', () => {
  it('general practitioner, practice and living will', () => {
    const found = at('A31', ['PD1|||Practice North^^77|900^Care^Carl|||Y'])
    expect(one(found, 'Patient').generalPractitioner).toEqual([
      { reference: 'Organization/organization' },
      { reference: 'Practitioner/practitioner' },
    ])
    expect(one(found, 'Observation')).toMatchObject({
      code: { coding: [{ code: '75320-2' }] },
      valueCodeableConcept: { coding: [{ code: 'Y' }] },
    })
    expect(invalid(found)).toEqual([])
  })

  it('the mother is a RelatedPerson by her number', () => {
    const withMother = `${pid}${'|'.repeat(8)}M77^^^H&1.2.3&ISO^MR`
    const found = translate([msh('ADT^A28^ADT_A05'), 'EVN||20261125080000', withMother])
    expect(one(found, 'RelatedPerson')).toMatchObject({
      identifier: [{ value: 'M77' }],
      relationship: [{ coding: [{ code: 'MTH' }] }],
    })
  })
})

describe('diagnoses (DG1)', () => {
  it('are Conditions, and stand in the visit with use and rank', () => {
    const found = at('A01', [pv1, dg1])
    expect(one(found, 'Condition')).toMatchObject({
      code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'J45.9' }], text: 'Asthma' },
      category: [{ coding: [{ code: 'encounter-diagnosis' }] }],
      onsetDateTime: '2026-11-20',
      encounter: { reference: 'Encounter/encounter' },
      asserter: { reference: 'Practitioner/practitioner-2' },
    })
    expect(one(found, 'Encounter').diagnosis).toMatchObject([
      { condition: { reference: 'Condition/condition' }, use: { coding: [{ code: 'AD' }] }, rank: 1 },
    ])
    expect(invalid(found)).toEqual([])
  })

  it('one that is admitting and final is one Condition', () => {
    const found = at('A03', [pv1, dg1, dg1.replace('|A|', '|F|')])
    expect(changesOf(found, 'Condition')).toHaveLength(1)
    expect(one(found, 'Encounter').diagnosis?.map(({ use }) => use?.coding?.[0]?.code)).toEqual(['AD', 'F'])
  })

  it('are a whole list within their visit, so that another visit keeps its own', () => {
    const first = at('A08', [pv1, dg1])
    const second = at('A08', [pv1.replace('V100', 'V200'), dg1])
    const list = (found: Translated) => found.snapshots.find(({ type }) => type === 'Condition')!.part!
    expect(list(first).names).toHaveLength(1)
    expect(list(first).of).not.toBe(list(second).of)
    expect(namesOf(first, 'Condition')).not.toEqual(namesOf(second, 'Condition'))
  })

  it('with action codes tell changes: D is entered in error, leaves the visit, and nothing else is gone', () => {
    const found = at('A08', [pv1, `${dg1}|||||D`])
    expect(one(found, 'Condition').verificationStatus?.coding?.[0]?.code).toBe('entered-in-error')
    expect(one(found, 'Encounter').diagnosis).toBeUndefined()
    expect(parts(found)).toEqual([])
    expect(invalid(found)).toEqual([])
  })

  it('taken back by a delta sender is told whole: only ensured it would stay; a laboratory takes nothing back', () => {
    const verbs = (found: Translated) => changesOf(found, 'Condition').map(c => c.verb)
    expect(verbs(at('A08', [pv1, `${dg1}|||||D`], { adt: 'delta' }))).toEqual(['replace'])
    expect(verbs(at('A08', [pv1, dg1], { adt: 'delta' }))).toEqual(['ensure'])
    expect(verbs(translate([msh('ORU^R01^ORU_R01'), pid, `${dg1}|||||D`, obr, obx]))).toEqual(['ensure'])
    const undone = at('A08', [pv1, `${pr1}|||||||||D`], { adt: 'delta' })
    expect(changesOf(undone, 'Procedure')).toMatchObject([
      { verb: 'replace', resource: { status: 'entered-in-error' } },
    ])
  })

  it('taken back by the number alone (DG1-20) is the one that was told', () => {
    const told = namesOf(at('A08', [pv1, `${dg1}||||D20^APP`]), 'Condition')
    const gone = at('A08', [pv1, `DG1|1${'|'.repeat(19)}D20^APP|D`])
    expect(namesOf(gone, 'Condition')).toEqual(told)
    expect(one(gone, 'Condition').verificationStatus?.coding?.[0]?.code).toBe('entered-in-error')
    expect(invalid(gone)).toEqual([])
  })

  it('without code and text are left out; rank 0 is no rank', () => {
    expect(codesOf(at('A08', [pv1, 'DG1|1']))).toContain('E_PRUNED DG1-3')
    const found = at('A08', [pv1, dg1.replace('|1|77', '|0|77')])
    expect(one(found, 'Encounter').diagnosis?.[0]).not.toHaveProperty('rank')
    expect(codesOf(found)).not.toContain('E_PRUNED DG1-15')
  })
})

describe('procedures (PR1)', () => {
  it('have a period of PR1-5 and PR1-7, and who did what', () => {
    const found = at('A08', [pv1, pr1, 'ROL|1|AD|AT^^HL70443|900^Care^Carl'])
    expect(one(found, 'Procedure')).toMatchObject({
      status: 'unknown',
      performedPeriod: { start: '2026-11-24T10:00:00+01:00', end: '2026-11-24T10:30:00+01:00' },
      category: { coding: [{ code: 'D' }] },
      performer: [
        { function: { coding: [{ code: '88189002' }] } },
        { function: { coding: [{ code: '304292004' }] } },
        { actor: { reference: 'PractitionerRole/practitionerrole' } },
      ],
    })
    expect(invalid(found)).toEqual([])
  })

  it('a period may go beyond midnight, a day stays a day', () => {
    const late = one(at('A08', [pr1.replace('202611241000|D|30', '202611242350|D|30')]), 'Procedure')
    expect(late.performedPeriod?.end).toBe('2026-11-25T00:20:00+01:00')
    const day = one(at('A08', [pr1.replace('202611241000', '20261124')]), 'Procedure')
    expect(day.performedDateTime).toBe('2026-11-24')
  })

  it('a modifier is a part of a CPT code, and of no other', () => {
    const modified = `${pr1}|||||26`
    expect(one(at('A08', [modified]), 'Procedure').code?.coding?.[0]?.code).toBe('71045:26')
    const other = at('A08', [modified.replace('^C4', '^L')])
    expect(one(other, 'Procedure').code?.coding?.[0]?.code).toBe('71045')
    expect(codesOf(other)).toContain('E_PRUNED PR1-16')
  })

  it('a part leads to the whole where the message has it', () => {
    const whole = `${pr1}||||||||A1`
    const part = `${pr1}||||||||A2||||||A1`
    const found = at('A08', [whole, part])
    expect(changesOf(found, 'Procedure')[1]?.resource).toMatchObject({ partOf: [{ reference: 'Procedure/procedure' }] })
    expect(codesOf(at('A08', [part]))).toContain('E_PRUNED PR1-25')
  })
})

describe('insurance (IN1, IN2, IN3) and account (PID-18, GT1)', () => {
  const account = `${pid}${'|'.repeat(5)}ACC9`

  it('a coverage has payor, plan, group, holder and the insured person', () => {
    const found = at('A08', [in1, 'IN2||123-45-6789|||||'])
    expect(one(found, 'Coverage')).toMatchObject({
      status: 'active',
      beneficiary: { reference: 'Patient/patient' },
      payor: [{ reference: 'Organization/organization' }],
      policyHolder: { reference: 'Organization/organization-2' },
      subscriber: { reference: 'RelatedPerson/relatedperson' },
      relationship: { coding: [{ code: 'SPS' }] },
      period: { start: '2020-01-01' },
      class: [
        { value: 'PLAN7', name: 'Gold' },
        { value: 'G1', name: 'Group One' },
      ],
    })
    expect(one(found, 'RelatedPerson')).toMatchObject({
      name: [{ family: 'Example', given: ['Cora'] }],
      birthDate: '1970-01-01',
      identifier: [{ value: '123-45-6789' }],
    })
    expect(parts(found)).toEqual([['Coverage', 1]])
    expect(invalid(found)).toEqual([])
  })

  it('who is insured himself is no further person', () => {
    const found = at('A08', [in1.replace('|SPO|', '|SEL|')])
    expect(one(found, 'Coverage').subscriber).toEqual({ reference: 'Patient/patient' })
    expect(changesOf(found, 'RelatedPerson')).toEqual([])
  })

  it('without a company there is no coverage, and the list is not whole', () => {
    const found = at('A08', [in1, 'IN1|2|PLAN8'])
    expect(changesOf(found, 'Coverage')).toHaveLength(1)
    expect(codesOf(found)).toContain('E_PRUNED IN1[2]-4')
    expect(parts(found)).toEqual([])
  })

  it('IN1-37 is what the insured pays himself', () => {
    const found = at('A08', [`${in1}${'|'.repeat(19)}150&EUR`])
    expect(one(found, 'Coverage').costToBeneficiary).toMatchObject([
      { type: { coding: [{ code: 'deductible' }] }, valueMoney: { value: 150, currency: 'EUR' } },
    ])
    expect(invalid(found)).toEqual([])
  })

  it('PV1-20 is the type of a coverage that has none', () => {
    const withClass = pv1.replace('V100|', 'V100|SELF')
    const found = at('A08', [withClass, in1.replace('|HMO|', '||')])
    expect(one(found, 'Coverage').type?.coding?.[0]?.code).toBe('SELF')
  })

  it('the case manager is of the care team', () => {
    const found = at('A08', [in1, `IN3|1${'|'.repeat(20)}Meyer`])
    expect(one(found, 'CareTeam').participant).toMatchObject([
      { role: [{ coding: [{ code: '768832004' }] }], member: { display: 'Meyer' } },
    ])
  })

  it('an account is only named, unless GT1 says who pays', () => {
    const verb = (...more: readonly string[]) =>
      changesOf(translate([msh('ADT^A08^ADT_A01'), 'EVN||20261125', account, ...more]), 'Account').map(c => c.verb)
    expect(verb()).toEqual(['ensure'])
    expect(verb(gt1)).toEqual(['replace'])
    const found = translate([msh('ADT^A08^ADT_A01'), 'EVN||20261125', account, gt1])
    expect(one(found, 'Account')).toMatchObject({
      identifier: [{ value: 'ACC9' }],
      guarantor: [{ party: { reference: 'RelatedPerson/relatedperson' }, period: { start: '2020-01-01' } }],
    })
    expect(invalid(found)).toEqual([])
  })

  it('the patient may pay himself', () => {
    const found = translate([msh('ADT^A08^ADT_A01'), 'EVN||20261125', account, gt1.replace('|FTH|', '|SEL|')])
    expect(one(found, 'Account').guarantor).toMatchObject([{ party: { reference: 'Patient/patient' } }])
    expect(changesOf(found, 'RelatedPerson')).toEqual([])
  })
})

describe('roles (ROL, PRT)', () => {
  it('primary care is the general practitioner, any other the care team', () => {
    const found = at('A08', [rol('PP'), rol('AT', '901^Ward^Wim'), pv1])
    expect(one(found, 'Patient').generalPractitioner).toEqual([{ reference: 'PractitionerRole/practitionerrole' }])
    expect(one(found, 'CareTeam')).toMatchObject({
      subject: { reference: 'Patient/patient' },
      participant: [
        {
          role: [{ coding: [{ code: 'ATND' }] }],
          member: { reference: 'PractitionerRole/practitionerrole-2' },
          period: { start: '2026-01-01', end: '2026-12-31' },
        },
      ],
    })
    expect(invalid(found)).toEqual([])
  })

  it('behind the visit it is a participant of the visit', () => {
    const found = at('A08', [pv1, rol('AT')])
    expect(one(found, 'Encounter').participant?.at(-1)).toMatchObject({
      individual: { reference: 'PractitionerRole/practitionerrole' },
      period: { start: '2026-01-01' },
    })
    expect(changesOf(found, 'CareTeam')).toEqual([])
  })

  it.each(['DE', 'UN'])('%s takes the person off: no general practitioner, no care team, no participant', action => {
    const off = (kind: string) => rol(kind).replace('|AD|', `|${action}|`)
    const found = at('A08', [off('PP'), off('AT'), pv1, off('CP'), `PRT|2|${action}||FHCP|900^Care^Carl`])
    expect(one(found, 'Patient')).not.toHaveProperty('generalPractitioner')
    expect(changesOf(found, 'CareTeam')).toEqual([])
    expect(JSON.stringify(one(found, 'Encounter').participant)).not.toContain('PractitionerRole')
    expect(codesOf(found)).toEqual(expect.arrayContaining(['E_PRUNED ROL[1]-2', 'E_PRUNED PRT-2']))
  })

  it('PRT is read alike; one that names neither person nor organisation is left out', () => {
    const found = at('A08', ['PRT|1|AD||PP|900^Care^Carl|||Practice^^77', 'PRT|2|AD||EQUIP|||||||DEV1'])
    expect(one(found, 'Patient').generalPractitioner).toHaveLength(1)
    expect(one(found, 'PractitionerRole').organization).toEqual({ reference: 'Organization/organization' })
    expect(codesOf(found)).toContain('E_PRUNED PRT[2]-5')
  })

  it('around an insurance it has no place, and that is said', () => {
    expect(codesOf(at('A08', [in1, rol('PP')]))).toContain('E_PRUNED ROL-1')
  })

  it('a role is shared by all patients: no period with one of them stands in it', () => {
    const role = changesOf(at('A08', [rol('PP')]), 'PractitionerRole')[0]!
    expect(role.resource).not.toHaveProperty('period')
    expect(role).toMatchObject({ verb: 'ensure', subject: null })
  })
})

describe('adverse reactions (IAM)', () => {
  const iam = 'IAM|1|DA|P^Penicillin^L|SV|Hives|A|||||20200101||20200301|Example^Anna|SEL||C'

  it('have state, verification and who reported them', () => {
    const found = at('A60', [iam])
    expect(one(found, 'AllergyIntolerance')).toMatchObject({
      clinicalStatus: { coding: [{ code: 'active' }] },
      verificationStatus: { coding: [{ code: 'confirmed' }] },
      criticality: 'high',
      onsetDateTime: '2020-01-01',
      recordedDate: '2020-03-01',
      recorder: { reference: 'Patient/patient' },
      reaction: [{ manifestation: [{ text: 'Hives' }] }],
    })
    expect(found.snapshots).toEqual([])
    expect(invalid(found)).toEqual([])
  })

  it.each([
    ['E', undefined, 'entered-in-error'],
    ['I', 'inactive', 'confirmed'],
    ['S', 'active', 'unconfirmed'],
  ])('IAM-17 %s', (state, clinical, verification) => {
    const resource = one(at('A60', [iam.replace(/C$/, state)]), 'AllergyIntolerance')
    expect(resource.clinicalStatus?.coding?.[0]?.code).toBe(clinical)
    expect(resource.verificationStatus?.coding?.[0]?.code).toBe(verification)
    expect(check(resource)).toEqual([])
  })

  it('IAM-6 D takes away the allergy that AL1 or IAM told', () => {
    const gone = changesOf(at('A60', [iam.replace('|A|', '|D|')]), 'AllergyIntolerance')
    expect(gone.map(c => c.verb)).toEqual(['delete'])
    const told = namesOf(at('A08', ['AL1|1|DA|P^Penicillin^L']), 'AllergyIntolerance')
    expect(gone[0]?.identity).toEqual(told)
  })

  it('is of no list: AL1 beside it, or later, take it not away', () => {
    const found = at('A08', ['AL1|1|DA|N^Nuts^L', iam])
    const nuts = namesOf(at('A08', ['AL1|1|DA|N^Nuts^L']), 'AllergyIntolerance')
    expect(found.snapshots.map(({ part }) => part?.names)).toEqual([nuts])
  })

  it('of a delta sender with an action is told whole: in error or inactive must show', () => {
    const verbs = (segment: string) =>
      changesOf(at('A60', [segment], { adt: 'delta' }), 'AllergyIntolerance').map(c => c.verb)
    expect(verbs(iam.replace('|A|', '|U|').replace(/C$/, 'E'))).toEqual(['replace'])
    expect(verbs(iam.replace('|A|', '|X|'))).toEqual(['ensure'])
  })
})

describe('where it comes from', () => {
  it('one Provenance and one MessageHeader for each person, of the message and of nobody else', () => {
    const found = translate([msh('ADT^A08^ADT_A01'), 'EVN||20261125075500|||9^Clerk^Kim|20261125070000', pid, pv1])
    expect(one(found, 'Provenance')).toMatchObject({
      target: [{ reference: 'Patient/patient' }, { reference: 'Encounter/encounter' }],
      recorded: '2026-11-25T07:55:00+01:00',
      occurredDateTime: '2026-11-25T07:00:00+01:00',
      activity: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0003', code: 'A08' }] },
      agent: [
        { type: { coding: [{ code: 'author' }] }, who: { reference: 'Organization/organization' } },
        { who: { reference: 'Practitioner/practitioner-2' } },
      ],
      entity: [{ role: 'source', what: { identifier: { value: 'APP' } } }],
    })
    expect(one(found, 'MessageHeader')).toMatchObject({
      eventCoding: { code: 'A08' },
      source: { name: 'APP', endpoint: 'sender:ward' },
      sender: { reference: 'Organization/organization' },
      focus: [{ reference: 'Provenance/provenance' }],
    })
    expect(invalid(found)).toEqual([])
  })

  it('what is only named has another origin', () => {
    const found = translate([msh('ORU^R01^ORU_R01'), pid, pv1, obr, obx])
    const targets = one(found, 'Provenance').target.map(({ reference }) => reference)
    expect(targets).toEqual(expect.arrayContaining(['Observation/observation', 'DiagnosticReport/diagnosticreport']))
    expect(targets).not.toContain('Patient/patient')
  })

  it('two people of one message have their own, and neither names the other', () => {
    const other = pid.replace('12345', '67890')
    const found = translate([msh('ORU^R01^ORU_R01'), pid, obr, obx, other, obr, obx])
    const subjects = changesOf(found, 'Provenance').map(({ subject, resource }) => [
      subject,
      (resource as { target: readonly { reference?: string }[] }).target.map(({ reference }) => reference),
    ])
    expect(subjects).toHaveLength(2)
    expect(subjects[0]![1]).not.toEqual(subjects[1]![1])
    expect(new Set(namesOf(found, 'MessageHeader').map(({ value }) => value)).size).toBe(2)
  })

  it('of many resources there are several, each of a size that can leave', () => {
    const many = Array.from({ length: 5100 }, (_, i) => `OBX|${i + 1}|NM|C${i}^Count^L||${i}||||||F`)
    const found = translate([msh('ORU^R01^ORU_R01'), pid, obr, ...many])
    const targets = changesOf(found, 'Provenance').map(
      ({ resource }) => (resource as { target: unknown[] }).target.length,
    )
    expect(Math.max(...targets)).toBeLessThanOrEqual(5000)
    expect(targets.reduce((sum, n) => sum + n)).toBeGreaterThan(5100)
    expect(one(found, 'MessageHeader').focus).toHaveLength(targets.length)
    expect(new Set(namesOf(found, 'Provenance').map(({ value }) => value)).size).toBe(targets.length)
  })

  it('without a sender or a time there is no Provenance; an event that HL7 does not know is the sender’s own', () => {
    expect(changesOf(translate(['MSH|^~\\&|||||20261125080000||ADT^A08^ADT_A01|M1|P|2.5', pid]), 'Provenance')).toEqual(
      [],
    )
    const odd = translate([msh('ADT^QQ9^ADT_A01'), pid])
    expect(one(odd, 'MessageHeader').eventCoding).toEqual({ system: 'sender:ward', code: 'QQ9' })
    expect(invalid(odd)).toEqual([])
  })

  it('PID-33 and PID-34 say when and by whom the patient was changed, the same in every message', () => {
    const changed = `${pid}${'|'.repeat(20)}20261101120000|FAC`
    const found = translate([msh('ADT^A08^ADT_A01'), 'EVN||20261125080000', changed])
    const [update] = changesOf(found, 'Provenance')
    expect(update).toMatchObject({
      verb: 'ensure',
      resource: {
        target: [{ reference: 'Patient/patient' }],
        occurredDateTime: '2026-11-01T12:00:00+01:00',
        activity: { coding: [{ code: 'UPDATE' }] },
      },
    })
    const later = translate([msh('ADT^A08^ADT_A01', '20261201||TYPE|M2|P|2.5'), 'EVN||20261201080000', changed])
    expect(namesOf(later, 'Provenance')[0]).toEqual(namesOf(found, 'Provenance')[0])
    expect(invalid(found)).toEqual([])
    const merged = translate([msh('ADT^A40^ADT_A39'), 'EVN||20261125080000', changed, 'MRG|777^^^H&1.2.3&ISO^MR'])
    const updates = changesOf(merged, 'Provenance').filter(({ verb }) => verb === 'ensure')
    expect(updates.map(({ subject }) => subject)).toEqual([namesOf(found, 'Patient')[0]])
  })
})

it('numbers without authority stay the patient’s, also where the profile says whose patient numbers such are', () => {
  const settings = { authorities: { '': 'urn:oid:1.2.9' } }
  const names = (number: string) => {
    const who = pid.replace('12345^^^H&1.2.3&ISO^MR', number)
    const found = translate([msh('ORU^R01^ORU_R01'), who, pv1, obr, `${obx}|||||||1`], settings)
    const [patient] = namesOf(found, 'Patient')
    expect(patient).toEqual({ system: 'urn:oid:1.2.9', value: number })
    return [...namesOf(found, 'Encounter'), ...namesOf(found, 'Observation')].map(name => JSON.stringify(name))
  }
  const [one, other] = [names('1'), names('2')]
  expect(one).toHaveLength(2)
  expect(one.filter(name => other.includes(name))).toEqual([])
})

it('the same message has the same names, and one of every resource', () => {
  const message = adt('A08', nk1, pv1, rol('AT'), dg1, pr1, gt1, in1)
  const names = (found: Translated) => found.changes.map(c => JSON.stringify([c.resource.resourceType, c.identity[0]]))
  expect(names(translate(message))).toEqual(names(translate(message)))
  expect(new Set(names(translate(message))).size).toBe(translate(message).changes.length)
})
