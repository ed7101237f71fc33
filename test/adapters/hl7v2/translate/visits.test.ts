import { describe, expect, it } from 'vitest'
import { visitEvents } from '../../../../adapters/hl7v2/tables/adt-events.ts'
import { check } from '../../../../src/fhir/check.ts'
import type { SenderProfile } from '../../../../src/ports.ts'
import type { Translated } from '../../../../src/records.ts'
import { changesOf, codesOf, msh, namesOf, one, pid, refusalOf, translate } from './messages.ts'

/** PV1 by field number. */
function pv1(fields: Readonly<Record<number, string>>): string {
  const all = { 2: 'I', 3: 'W1^12^2^HOSP', 19: 'V100', 44: '20261124100000', ...fields }
  const last = Math.max(...Object.keys(all).map(Number))
  return `PV1|1${Array.from({ length: last - 1 }, (_, i) => `|${(all as Record<number, string>)[i + 2] ?? ''}`).join('')}`
}

const adt = (event: string, ...segments: readonly string[]) => [msh(`ADT^${event}`), 'EVN||20261125080000', ...segments]
const about = (event: string, fields = {}, settings: Partial<SenderProfile> = {}) =>
  translate(adt(event, pid, pv1(fields)), settings)
const statusOf = (event: string, fields = {}) => one(about(event, fields), 'Encounter').status
const placesOf = (translated: Translated) =>
  one(translated, 'Encounter').location?.map(({ status, location }) => {
    const place = translated.changes.find(({ resource }) => `Location/${resource.id}` === location.reference)
    return `${status} ${(place!.resource as { name?: string }).name}`
  })
const verbsOf = (translated: Translated) => [
  changesOf(translated, 'Patient')[0]?.verb,
  changesOf(translated, 'Encounter')[0]?.verb,
]

const told = visitEvents.filter(event => !['A23', 'A28', 'A31', 'A60'].includes(event))

describe('events about a visit', () => {
  it.each(visitEvents)('%s is translated into valid resources, and the same bytes make the same names', event => {
    const translated = about(event, { 6: 'W0^1^1', 42: 'W9^1^1', 45: '20261125120000' })
    for (const { verb, resource } of translated.changes) if (verb !== 'delete') expect(check(resource)).toEqual([])
    expect(about(event, { 6: 'W0^1^1', 42: 'W9^1^1', 45: '20261125120000' })).toEqual(translated)
  })

  it.each(told)('%s is about the visit that A01 told, whatever else it says', event => {
    expect(namesOf(about(event), 'Encounter')).toEqual(namesOf(about('A01'), 'Encounter'))
  })

  it.each([
    ['A01', 'I', 'in-progress'],
    ['A01', 'U', 'unknown'],
    ['A02', 'U', 'in-progress'],
    ['A03', 'I', 'finished'],
    ['A04', 'O', 'in-progress'],
    ['A05', 'I', 'planned'],
    ['A06', 'I', 'in-progress'],
    ['A08', 'P', 'planned'],
    ['A11', 'I', 'cancelled'],
    ['A12', 'I', 'in-progress'],
    ['A13', 'U', 'in-progress'],
    ['A14', 'I', 'planned'],
    ['A15', 'I', 'in-progress'],
    ['A16', 'I', 'in-progress'],
    ['A21', 'I', 'onleave'],
    ['A22', 'I', 'in-progress'],
    ['A25', 'I', 'in-progress'],
    ['A27', 'P', 'cancelled'],
    ['A38', 'P', 'cancelled'],
    ['A52', 'I', 'in-progress'],
    ['A53', 'I', 'onleave'],
    ['A54', 'I', 'in-progress'],
  ])('status after %s of a visit of class %s: %s', (event, patientClass, status) => {
    expect(statusOf(event, { 2: patientClass })).toBe(status)
  })

  it('a discharge time ends the visit, unless the event calls it off or only expects it', () => {
    const discharged = { 36: '01', 37: '7', 45: '20261125120000' }
    expect(one(about('A08', discharged), 'Encounter')).toMatchObject({
      status: 'finished',
      period: { end: '2026-11-25T12:00:00+01:00' },
      hospitalization: { dischargeDisposition: {}, destination: {} },
    })
    for (const event of ['A13', 'A16', 'A25']) {
      const encounter = one(about(event, discharged), 'Encounter')
      expect([event, encounter.status, encounter.period]).toEqual([
        event,
        'in-progress',
        { start: '2026-11-24T10:00:00+01:00' },
      ])
    }
    const again = about('A13', discharged)
    expect(one(again, 'Encounter')).not.toHaveProperty('hospitalization')
    expect(codesOf(again)).toEqual(expect.arrayContaining(['E_PRUNED PV1-36', 'E_PRUNED PV1-37', 'E_PRUNED PV1-45']))
    expect(one(about('A13', { 44: '', 45: '20261125120000' }), 'Encounter')).not.toHaveProperty('period')
  })

  it('a transfer leaves the old place behind; taken back, the patient never was at the other', () => {
    expect(placesOf(about('A02', { 6: 'W0^1^1' }))).toEqual(['active 2', 'completed 1'])
    const back = about('A12', { 6: 'W0^1^1' })
    expect(placesOf(back)).toEqual(['active 2'])
    expect(codesOf(back)).toContain('E_PRUNED PV1-6')
  })

  it('places of a planned visit are planned, of a cancelled one nobody was there', () => {
    expect(placesOf(about('A05'))).toEqual(['planned 2'])
    expect(placesOf(about('A11', { 6: 'W0^1^1' }))).toEqual(['undefined 2', 'undefined 1'])
  })

  it('a pending transfer has a place that waits; called off it is gone', () => {
    const pending = (event: string) => translate(adt(event, pid, pv1({ 42: 'W9^1^9' }), 'PV2|W8^1^8'))
    expect(placesOf(pending('A15'))).toEqual(['active 2', 'reserved 9', 'planned 8'])
    expect(placesOf(pending('A26'))).toEqual(['active 2'])
  })
})

describe('who may overwrite what', () => {
  const thin = visitEvents.filter(event => !'A01 A03 A04 A05 A06 A07 A08 A13 A14 A28 A31'.split(' ').includes(event))

  it.each(thin)('%s is thin about the person: the patient is only ensured', event => {
    expect(verbsOf(about(event))[0]).toBe('ensure')
  })

  it.each(['A01', 'A05', 'A07', 'A13', 'A28', 'A31'])('%s of a snapshot sender replaces the patient', event => {
    expect(verbsOf(about(event))[0]).toBe('replace')
  })

  it.each(['A28', 'A31', 'A60'])('%s is about the person: a PV1 in it overwrites no visit', event => {
    expect(verbsOf(about(event))[1]).toBe('ensure')
    expect(changesOf(about(event, { 19: '', 44: '' }), 'Encounter')).toEqual([])
  })

  const delta = (event: string, fields = {}) => verbsOf(about(event, fields, { adt: 'delta' }))

  it.each('A01 A02 A03 A04 A05 A06 A11 A12 A13 A17 A21 A22 A27 A38 A53'.split(' '))(
    '%s of a delta sender shows where the visit stands now, and overwrites nothing of the person',
    event => expect(delta(event)).toEqual(['ensure', 'replace']),
  )

  it.each('A08 A09 A15 A16 A25 A54 A31'.split(' '))('%s of a delta sender overwrites nothing', event => {
    expect(delta(event)).toEqual(['ensure', 'ensure'])
  })

  it('an event that does not say where the visit stands makes no known state unknown', () => {
    expect(delta('A01', { 2: '' })).toEqual(['ensure', 'ensure'])
    expect(delta('A03', { 2: '' })).toEqual(['ensure', 'replace'])
  })

  it('an unknown trigger of a known structure overwrites nothing', () => {
    const unknown = translate([msh('ADT^A99^ADT_A01'), pid, pv1({})])
    expect(verbsOf(unknown)).toEqual(['ensure', 'ensure'])
  })
})

describe('what is called off or gone', () => {
  it.each('A02 A03 A12 A13 A17 A21 A22 A52 A53'.split(' '))('%s without PV1 is refused: it would never show', event => {
    expect(refusalOf(adt(event, pid))).toBe('E_SEGMENT_MISSING at PV1')
    expect(refusalOf(adt('A08', pid))).toBe(null)
  })

  it.each(['A11', 'A23', 'A27', 'A38'])(
    '%s of a visit that nothing names is refused: the one that is meant would go on',
    event => {
      expect(refusalOf(adt(event, pid))).toBe('E_SEGMENT_MISSING at PV1')
      expect(refusalOf(adt(event, pid, pv1({ 19: '', 44: '' })))).toBe('E_FIELD_MISSING at PV1-19')
    },
  )

  it('A23 deletes the visit, and nothing of the patient', () => {
    const translated = about('A23')
    expect(verbsOf(translated)).toEqual(['ensure', 'delete'])
    expect(namesOf(translated, 'Encounter')).toEqual(namesOf(about('A01'), 'Encounter'))
  })

  it('A29 deletes the person', () => {
    const translated = translate(adt('A29', pid, pv1({})))
    const [patient] = changesOf(translated, 'Patient')
    expect(patient).toMatchObject({ verb: 'delete', subject: patient!.identity[0] })
    expect(patient!.identity).toEqual(changesOf(about('A01'), 'Patient')[0]!.identity)
    expect(changesOf(translated, 'Encounter')).toEqual([])
    expect(refusalOf(adt('A29', pid, pid))).toBe('E_TWO_PATIENTS at PID[2]-1')
  })
})

describe('A17, two patients change beds', () => {
  const other = 'PID|2||67890^^^H&1.2.3&ISO^MR||Sample^Ben'
  const result = 'OBX|1|NM|8867-4^Heart rate^LN||72|/min|||||F|||20261125073000'

  it('each has the own visit, the own bed and the own results', () => {
    const translated = translate(
      adt('A17', pid, pv1({ 3: 'W1^1^A', 6: 'W1^1^B' }), other, pv1({ 3: 'W1^1^B', 6: 'W1^1^A', 19: 'V200' }), result),
    )
    const visits = changesOf(translated, 'Encounter')
    expect(visits.map(({ subject }) => subject)).toEqual([
      { system: 'urn:oid:1.2.3', value: '12345' },
      { system: 'urn:oid:1.2.3', value: '67890' },
    ])
    expect(changesOf(translated, 'Observation')[0]!.subject).toEqual({ system: 'urn:oid:1.2.3', value: '67890' })
    const [first, second] = visits.map(({ resource }) =>
      resource.resourceType === 'Encounter' ? resource.location : [],
    )
    expect(first![0]!.location).toEqual(second![1]!.location)
    expect(first![1]!.location).toEqual(second![0]!.location)
    expect(codesOf(translated)).not.toContain('E_PRUNED PV1[2]-1')
  })

  it('a third patient is one too many, in it and in any other event the second', () => {
    expect(refusalOf(adt('A17', pid, other, other))).toBe('E_TWO_PATIENTS at PID[3]')
    for (const event of visitEvents.filter(one => one !== 'A17'))
      expect(refusalOf(adt(event, pid, pv1({}), other))).toBe('E_TWO_PATIENTS at PID[2]-1')
  })
})

describe('PV2 → Encounter', () => {
  it('takes reason, length of stay, referrer, priority, and protects what the sender protects', () => {
    const pv2 = `PV2|||R1^Chest pain^L||||||||3||77^Send^Sarah${'|'.repeat(9)}Y|||1`
    expect(one(translate(adt('A01', pid, pv1({}), pv2)), 'Encounter')).toMatchObject({
      reasonCode: [{ coding: [{ code: 'R1', display: 'Chest pain' }] }],
      length: { unit: 'days', system: 'http://unitsofmeasure.org', code: 'd' },
      participant: [{ type: [{ coding: [{ code: 'REF' }] }], individual: { reference: 'Practitioner/practitioner' } }],
      priority: { coding: [{ code: 'EM' }] },
      meta: { security: [{ code: 'R' }] },
    })
  })
})

describe('what else belongs to a visit', () => {
  it('the account of PID-18 is the one that it is billed to', () => {
    const translated = translate(adt('A01', `${pid}${'|'.repeat(5)}ACC1`, pv1({})))
    expect(one(translated, 'Account').identifier).toMatchObject([{ value: 'ACC1' }])
    expect(one(translated, 'Encounter').account).toEqual([{ reference: 'Account/account' }])
  })

  it('A60 is about allergies: those of a snapshot sender replace, the patient and the visit are only ensured', () => {
    const translated = translate(adt('A60', pid, pv1({}), 'IAM|1|DA|P^Penicillin^L||Rash|A^Add'))
    expect(verbsOf(translated)).toEqual(['ensure', 'ensure'])
    expect(changesOf(translated, 'AllergyIntolerance').map(({ verb }) => verb)).toEqual(['replace'])
  })
})

describe('PV1-54 → EpisodeOfCare', () => {
  it('is only named, the same in every message', () => {
    const translated = about('A01', { 54: 'E1' })
    const [episode] = changesOf(translated, 'EpisodeOfCare')
    expect(episode).toMatchObject({ verb: 'ensure', resource: { identifier: [{ value: 'E1' }], status: 'active' } })
    expect(one(translated, 'Encounter').episodeOfCare).toEqual([{ reference: 'EpisodeOfCare/episodeofcare' }])
    expect(namesOf(about('A03', { 54: 'E1' }), 'EpisodeOfCare')).toEqual(episode!.identity)
  })
})
