import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import {
  adt,
  changesOf,
  codesOf,
  msh,
  namesOf,
  obr,
  obx,
  one,
  oru,
  pid,
  pv1,
  refusalOf,
  translate,
} from './messages.ts'

const withPid = (segment: string, event = 'A01') => [msh(`ADT^${event}`), segment]
const identityOf = (cx: string, settings = {}) =>
  changesOf(translate(withPid(`PID|1||${cx}||A^B`), settings), 'Patient')[0]!.identity[0]

describe('PID → Patient', () => {
  it('takes names, birth date, gender, address and telecom', () => {
    const patient = one(translate(adt('A01')), 'Patient')
    expect(patient).toMatchObject({
      name: [{ family: 'Example', given: ['Anna', 'B'] }],
      birthDate: '1974-12-25',
      gender: 'female',
      address: [{ line: ['Street 5'], city: 'Town', state: 'ST', postalCode: '10115', country: 'DE' }],
      telecom: [{ system: 'phone', use: 'home', value: '555 0100' }],
    })
    expect(check(patient)).toEqual([])
  })

  it('takes several names and addresses with their uses', () => {
    const patient = one(
      translate(withPid('PID|1||1^^^^MR||A&von&x^B^C^Jr^Dr^PhD^L~D^E^^^^^M||||||1 St&Road&7^Flat^T^^^^H~2 St^^U^^^^M')),
      'Patient',
    )
    expect(patient.name).toEqual([
      { use: 'official', family: 'A', given: ['B', 'C'], suffix: ['Jr', 'PhD'], prefix: ['Dr'] },
      { use: 'maiden', family: 'D', given: ['E'] },
    ])
    expect(patient.address).toEqual([
      { use: 'home', line: ['1 St', 'Road', '7', 'Flat'], city: 'T' },
      { type: 'postal', line: ['2 St'], city: 'U' },
    ])
  })

  it.each([
    ['^NET^Internet^anna@example.org', { system: 'email', use: 'home', value: 'anna@example.org' }],
    ['^^^anna@example.org', { system: 'email', use: 'home', value: 'anna@example.org' }],
    ['^PRN^CP^^49^30^123^4', { system: 'phone', use: 'mobile', value: '+49 30 123 X4' }],
    ['^WPN^FX^^^^^^^^^030-123', { system: 'fax', use: 'work', value: '030-123' }],
    ['5550100', { system: 'phone', use: 'home', value: '5550100' }],
  ])('telecom %s', (xtn, expected) => {
    expect(one(translate(withPid(`PID|1||1||A^B||||||||${xtn}`)), 'Patient').telecom).toEqual([expected])
  })

  it('death: PID-29 is the time, PID-30 only without it', () => {
    const dead = (date: string, flag: string) =>
      one(translate(withPid(`PID|1||1||A^B${'|'.repeat(24)}${date}|${flag}`)), 'Patient')
    expect(dead('20260101', 'Y')).toMatchObject({ deceasedDateTime: '2026-01-01' })
    expect(dead('20260101', 'Y')).not.toHaveProperty('deceasedBoolean')
    expect(dead('', 'Y')).toMatchObject({ deceasedBoolean: true })
    expect(dead('', 'N')).toMatchObject({ deceasedBoolean: false })
  })

  it('PID-12 belongs to the only address, else it is one of its own', () => {
    const address = (list: string) => one(translate(withPid(`PID|1||1||A^B||||||${list}|KENT`)), 'Patient').address
    expect(address('1 St')).toEqual([{ line: ['1 St'], district: 'KENT' }])
    expect(address('1 St~2 St')).toEqual([{ line: ['1 St'] }, { line: ['2 St'] }, { district: 'KENT' }])
    expect(address('')).toEqual([{ district: 'KENT' }])
  })

  it.each([
    ['ENG^English^ISO639', { coding: [{ system: 'urn:ietf:bcp:47', code: 'en' }], text: 'English' }],
    ['de', { coding: [{ system: 'urn:ietf:bcp:47', code: 'de' }], text: 'de' }],
    ['PL-X^Plattdeutsch^L', { text: 'Plattdeutsch' }],
    ['zzz', { text: 'zzz' }],
  ])('language %s is BCP 47 or a text', (code, language) => {
    expect(one(translate(withPid(`PID|1||1||A^B${'|'.repeat(10)}${code}`)), 'Patient').communication).toEqual([
      { language },
    ])
  })

  it('an empty value and "" are both no value', () => {
    expect(one(translate(withPid('PID|1||1||""^""||""|""|||""||""')), 'Patient')).toEqual({
      resourceType: 'Patient',
      id: 'patient',
      identifier: [{ value: '1' }],
    })
  })

  it('an unknown gender is left out and stands on the work list', () => {
    const translated = translate(withPid('PID|1||1||A^B|||9'))
    expect(one(translated, 'Patient').gender).toBeUndefined()
    expect(translated.unmapped).toEqual([{ at: 'PID-8', system: '', code: '9' }])
    expect(codesOf(translated)).toContain('E_UNMAPPED_CODE PID-8')
  })
})

describe('who the patient is', () => {
  it.each([
    ['12345', 'sender:ward'],
    ['12345^^^H', 'sender:ward:H'],
    ['12345^^^H&1.2.3&ISO', 'urn:oid:1.2.3'],
    ['12345^^^&1.2.3&ISO', 'urn:oid:1.2.3'],
    ['12345^^^H&1.2.3', 'urn:oid:1.2.3'],
    ['12345^^^1.2.3', 'urn:oid:1.2.3'],
    ['12345^^^H&&ISO', 'sender:ward:H'],
    ['12345^^^H&hospital.example.org&DNS', 'dns:hospital.example.org'],
    ['12345^^^H&0ABC1234-0000-4000-8000-0123456789AB&GUID', 'urn:uuid:0abc1234-0000-4000-8000-0123456789ab'],
    ['12345^^^H&urn:oid:1.2.3&URI', 'urn:oid:1.2.3'],
    ['12345^^^https://h.example.org', 'https://h.example.org'],
    ['12345^^^LAB:1', 'sender:ward:LAB:1'],
    ['12345^^^H&05D0642827&CLIA', 'sender:ward:H'],
  ])('PID-3 %s is of %s', (cx, system) => {
    expect(identityOf(cx)).toEqual({ system, value: '12345' })
  })

  it('the alias table is asked for the whole HD, the namespace, the universal id, and for an empty one', () => {
    const authorities = {
      'H&1.2.3&ISO': 'urn:oid:1.9',
      K: 'https://k.example.org',
      '1.2.4': 'urn:oid:1.8',
      '': 'urn:oid:1.7',
    }
    expect(identityOf('1^^^H&1.2.3&ISO', { authorities })!).toMatchObject({ system: 'urn:oid:1.9' })
    expect(identityOf('1^^^K', { authorities })!).toMatchObject({ system: 'https://k.example.org' })
    expect(identityOf('1^^^X&1.2.4&ISO', { authorities })!).toMatchObject({ system: 'urn:oid:1.8' })
    expect(identityOf('1', { authorities })!).toMatchObject({ system: 'urn:oid:1.7' })
    expect(identityOf('1^^^constructor', { authorities })!).toMatchObject({ system: 'sender:ward:constructor' })
  })

  it('without a setting the first MR identifies, else the first', () => {
    expect(identityOf('A1^^^X^PI~B2^^^Y^MR~C3^^^Z^MR')).toMatchObject({ value: 'B2' })
    expect(identityOf('A1^^^X^PI~B2^^^Y^SS')).toMatchObject({ value: 'A1' })
  })

  it("the profile's authority or type identifies; the others come behind", () => {
    const cx = 'A1^^^X^MR~B2^^^Y&1.2.9&ISO^PI'
    expect(identityOf(cx, { identifying: { authority: 'urn:oid:1.2.9' } })).toEqual({
      system: 'urn:oid:1.2.9',
      value: 'B2',
    })
    expect(identityOf(cx, { identifying: { type: 'PI' } })).toMatchObject({ value: 'B2' })
    const all = changesOf(translate(withPid(`PID|1||${cx}||A^B`)), 'Patient')[0]!.identity
    expect(all).toEqual([
      { system: 'sender:ward:X', value: 'A1' },
      { system: 'urn:oid:1.2.9', value: 'B2' },
    ])
  })

  it('no identifying number: the visit number; none: held as E_NO_PATIENT', () => {
    const nobody = 'PID|1||||Example^Anna'
    expect(changesOf(translate([msh('ADT^A01'), nobody, pv1]), 'Patient')[0]!.identity).toEqual([
      { system: 'sender:ward:visit', value: 'V100' },
    ])
    expect(refusalOf([msh('ADT^A01'), nobody])).toBe('E_NO_PATIENT at PID-3')
    expect(refusalOf(oru(obx).map(s => (s === pid ? 'PID|1||""||A^B' : s)))).toBe('E_NO_PATIENT at PID-3')
    expect(refusalOf(withPid('PID|1||1^^^X^PI||A^B'), { identifying: { type: 'MR' } })).toBe('E_NO_PATIENT at PID-3')
  })
})

/** What every message says of itself; its sender is an Organization. */
const origin = { Organization: 'ensure', Provenance: 'replace', MessageHeader: 'replace' }

describe('verbs', () => {
  const verbs = (segments: readonly string[], settings = {}) =>
    Object.fromEntries(translate(segments, settings).changes.map(c => [c.resource.resourceType, c.verb]))

  it('an ADT of a sender that knows the whole patient replaces', () => {
    expect(verbs(adt('A08', pv1, 'AL1|1|DA|P^Penicillin'))).toEqual({
      Patient: 'replace',
      Practitioner: 'ensure',
      Location: 'ensure',
      Encounter: 'replace',
      AllergyIntolerance: 'replace',
      ...origin,
    })
  })

  it('an ADT of a delta sender never does', () => {
    const found = Object.entries(verbs(adt('A08', pv1, 'AL1|1|DA|P^Penicillin'), { adt: 'delta' }))
      .filter(([type]) => type !== 'Provenance' && type !== 'MessageHeader')
      .map(([, verb]) => verb)
    expect(new Set(found)).toEqual(new Set(['ensure']))
  })

  it('a thin ORU wipes nothing: its patient, visit, order and people are only ensured', () => {
    expect(verbs([msh('ORU^R01'), 'PID|1||12345^^^H&1.2.3&ISO^MR', pv1, obr, obx])).toEqual({
      Patient: 'ensure',
      Practitioner: 'ensure',
      Location: 'ensure',
      Encounter: 'ensure',
      ServiceRequest: 'ensure',
      Specimen: 'replace',
      Observation: 'replace',
      DiagnosticReport: 'replace',
      ...origin,
    })
  })

  it('the subject is the patient, and nobody for practitioners and places', () => {
    const subjects = translate([msh('ORU^R01'), pid, pv1, obr, obx]).changes.map(c => [
      c.resource.resourceType,
      c.subject,
    ])
    const patient = { system: 'urn:oid:1.2.3', value: '12345' }
    for (const [type, subject] of subjects) {
      expect(subject).toEqual(['Practitioner', 'Location', 'Organization'].includes(type as string) ? null : patient)
    }
  })
})

describe('PV1 → Encounter', () => {
  const encounter = (segments: readonly string[]) => one(translate(segments), 'Encounter')

  it('takes class, status, people, places, period and number', () => {
    expect(encounter(adt('A01', pv1))).toMatchObject({
      status: 'in-progress',
      class: { code: 'IMP' },
      identifier: [{ value: 'V100' }],
      period: { start: '2026-11-24T10:00:00+01:00' },
      participant: [{ type: [{ coding: [{ code: 'ATND' }] }], individual: { reference: 'Practitioner/practitioner' } }],
      location: [{ status: 'active', location: { reference: 'Location/location-4' } }],
    })
  })

  it('is finished after A03 and with a discharge time', () => {
    expect(encounter(adt('A03', pv1)).status).toBe('finished')
    expect(encounter(adt('A08', `${pv1}|20261125120000`)).status).toBe('finished')
    expect(encounter(adt('A04', pv1.replace('|I|', '|P|'))).status).toBe('planned')
  })

  it('places are a chain from the bed to the building', () => {
    const places = changesOf(translate(adt('A01', pv1)), 'Location').map(c => c.resource)
    expect(places.map(place => 'name' in place && place.name)).toEqual(['HOSP', 'W1', '12', '2'])
    expect(places[3]).toMatchObject({ partOf: { reference: 'Location/location-3' } })
  })

  it('is named by PV1-19, PV1-50, or patient and PV1-44; without any it is provisional in ADT about visits', () => {
    const name = (segment: string, event = 'A01') => namesOf(translate(adt(event, segment)), 'Encounter')[0]?.value
    expect(name(pv1)).toMatch(/visit.*12345.*V100/)
    expect(name(pv1.replace('V100', ''))).toMatch(/visit.*12345.*20261124100000/)
    expect(codesOf(translate(adt('A01', 'PV1|1|O')))).toContain('E_PROVISIONAL PV1-19')
    expect(name('PV1|1|N', 'A31')).toBeUndefined()
    expect(codesOf(translate(adt('A31', 'PV1|1|N')))).toContain('E_PRUNED PV1-19')
  })

  it('a visit number that two patients have makes two visits, unless its authority is one the world knows', () => {
    const visits = (number: string, settings = {}) =>
      ['12345', '67890'].map(
        patient =>
          namesOf(
            translate([msh('ADT^A01'), pid.replace('12345', patient), pv1.replace('V100', number)], settings),
            'Encounter',
          )[0],
      )
    for (const number of ['V100', 'V100^^^H']) expect(new Set(visits(number).map(v => v?.value)).size).toBe(2)
    const global = { system: 'urn:oid:1.2.9', value: 'V100' }
    expect(visits('V100^^^H&1.2.9&ISO')).toEqual([global, global])
    expect(visits('V100^^^H', { authorities: { H: 'urn:oid:1.2.9' } })).toEqual([global, global])
  })

  it('who has no number is a display, not a practitioner', () => {
    const translated = translate(adt('A01', 'PV1|1|I|||||^Heal^Greta^^^Dr'))
    expect(changesOf(translated, 'Practitioner')).toEqual([])
    expect(one(translated, 'Encounter').participant?.[0]?.individual).toEqual({ display: 'Dr Greta Heal' })
  })
})

describe('AL1 → AllergyIntolerance', () => {
  const al1 = 'AL1|1|DA|1191^Aspirin^RXNORM|SV|Rash~Hives|20200101'

  it('takes code, category, criticality, reactions', () => {
    const allergy = one(translate(adt('A01', al1)), 'AllergyIntolerance')
    expect(allergy).toMatchObject({
      code: { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '1191', display: 'Aspirin' }] },
      type: 'allergy',
      category: ['medication'],
      criticality: 'high',
      onsetDateTime: '2020-01-01',
      reaction: [{ manifestation: [{ text: 'Rash' }, { text: 'Hives' }] }],
    })
    expect(check(allergy)).toEqual([])
  })

  it('are a list of the whole for a snapshot sender, and only for it', () => {
    const subject = { system: 'urn:oid:1.2.3', value: '12345' }
    const names = namesOf(translate(adt('A08', al1)), 'AllergyIntolerance')
    const part = { of: '["AL1"]', names }
    expect(translate(adt('A08', al1)).snapshots).toEqual([{ type: 'AllergyIntolerance', subject, part }])
    expect(translate(adt('A08', al1), { adt: 'delta' }).snapshots).toEqual([])
    expect(translate(adt('A08')).snapshots).toEqual([])
  })

  it('one that cannot be named is left out, and the list is not whole then', () => {
    const translated = translate(adt('A08', al1, 'AL1|2|DA|'))
    expect(changesOf(translated, 'AllergyIntolerance')).toHaveLength(1)
    expect(translated.snapshots).toEqual([])
    expect(codesOf(translated)).toContain('E_PRUNED AL1[2]-3')
  })

  it('have the same name in every message, whatever the code map says', () => {
    const name = (settings = {}) =>
      changesOf(translate(adt('A08', 'AL1|1|DA|PEN^Penicillin^L'), settings), 'AllergyIntolerance')[0]!.identity
    expect(name({ codes: { 'L|PEN': 'http://snomed.info/sct|91936005' } })).toEqual(name())
  })
})
