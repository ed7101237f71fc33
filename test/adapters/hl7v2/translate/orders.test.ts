import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hl7v2Translator } from '../../../../adapters/hl7v2/translate.ts'
import { Refusal } from '../../../../src/errors.ts'
import { check } from '../../../../src/fhir/check.ts'
import {
  arrivalOf,
  changesOf,
  codesOf,
  corpus,
  corpusMessages,
  directoryOf,
  msh,
  namesOf,
  obr,
  obx,
  one,
  oru,
  pid,
  profile,
  pv1,
  refusalOf,
  translate,
} from './messages.ts'

const ordered = 'OBR|1|P1||CBC^Blood count^L|||20261125073000'
const orm = (control: string, ...more: readonly string[]): readonly string[] => [
  msh('ORM^O01^ORM_O01'),
  pid,
  `ORC|${control}|P1|||||||20261125080000|77^Clerk^Carl||1234^Heal^Greta|||||||||Clinic^^^^^^^^^C9`,
  ordered,
  ...more,
]
const request = (segments: readonly string[]) => one(translate(segments), 'ServiceRequest')
const verbOf = (segments: readonly string[]) => changesOf(translate(segments), 'ServiceRequest')[0]!.verb
const valid = (segments: readonly string[]) => translate(segments).changes.flatMap(({ resource }) => check(resource))

describe('which messages are orders', () => {
  it.each([
    ['ORM^O01'],
    ['OML^O21'],
    ['OML^O33'],
    ['OML^O35'],
    ['OMG^O19'],
    ['ORR^O02'],
    ['ORL^O22'],
    ['ORL^O34'],
    ['ORL^O36'],
    ['ORG^O20'],
  ])('%s', type => {
    const message = [msh(type), 'MSA|AA|X1', pid, pv1, 'ORC|NW|P1', ordered]
    expect(request(message)).toMatchObject({ status: 'active', intent: 'order', code: { coding: [{ code: 'CBC' }] } })
    expect(valid(message)).toEqual([])
  })

  it('an order says who is meant and what is ordered', () => {
    expect(refusalOf([msh('ORM^O01'), 'ORC|NW|P1', ordered])).toBe('E_SEGMENT_MISSING at PID')
    expect(refusalOf([msh('ORM^O01'), pid])).toBe('E_SEGMENT_MISSING at ORC')
    expect(refusalOf([msh('ORM^O01'), pid, 'ORC|CA|P1'])).toBe('E_SEGMENT_MISSING at OBR')
    expect(refusalOf([msh('ORM^O01'), pid, 'ORC|CA|P1', 'OBR|1|P1'])).toBe('E_FIELD_MISSING at OBR-4')
  })

  it('an order of something without a map is left out, noted', () => {
    const translated = translate([msh('ORM^O01'), pid, 'ORC|NW|P1', 'ODS|D||321^Diet'])
    expect(changesOf(translated, 'ServiceRequest')).toEqual([])
    expect(codesOf(translated)).toEqual(expect.arrayContaining(['E_PRUNED ORC-1', 'E_UNMAPPED_SEGMENT ODS']))
  })

  it('a medicine that ORM O01 orders is a MedicationRequest', () => {
    const message = [msh('ORM^O01'), pid, 'ORC|NW|P1', 'RXO|1191^Aspirin^RXNORM|100||mg', 'RXR|PO^Oral^HL70162']
    expect(one(translate(message), 'MedicationRequest').status).toBe('active')
    expect(valid(message)).toEqual([])
  })
})

describe('the state of an order', () => {
  it.each([
    ['NW', 'active'],
    ['XO', 'active'],
    ['RL', 'active'],
    ['CA', 'revoked'],
    ['DC', 'revoked'],
    ['OC', 'revoked'],
    ['CR', 'revoked'],
    ['RP', 'revoked'],
    ['RO', 'active'],
    ['HD', 'on-hold'],
    ['SN', 'active'],
  ])('ORC-1 %s is %s', (control, status) => {
    expect(request(orm(control)).status).toBe(status)
    expect(verbOf(orm(control))).toBe('replace')
  })

  it.each([
    ['SC', 'IP', 'active'],
    ['SC', 'CM', 'completed'],
    ['XO', 'HD', 'on-hold'],
    ['NW', 'CA', 'revoked'],
    ['CA', 'IP', 'revoked'],
    ['DC', 'SC', 'revoked'],
    ['OC', 'CM', 'completed'],
  ])('ORC-1 %s with ORC-5 %s is %s', (control, state, status) => {
    expect(request([msh('ORM^O01'), pid, `ORC|${control}|P1|F1||${state}`, ordered]).status).toBe(status)
  })

  it.each(['SS', 'UC', 'DE'])('%s changes nothing: an order that is known stays as it is', control => {
    expect(verbOf(orm(control))).toBe('ensure')
  })

  it('order, change, cancel and result are one ServiceRequest', () => {
    const [name] = namesOf(translate(orm('NW')), 'ServiceRequest')
    for (const message of [orm('XO'), orm('CA'), oru(obx), [msh('ORL^O22'), 'MSA|AA|1', pid, 'ORC|SC|P1|F1', ordered]])
      expect(namesOf(translate(message), 'ServiceRequest')).toEqual([name])
  })

  it('a result makes sure that its order is there, and never takes back what the ward said of it', () => {
    expect(verbOf(oru(obx))).toBe('ensure')
    expect(request(oru(obx)).status).toBe('completed')
    const preliminary = [msh('ORU^R01'), pid, 'ORC|RE|P1|F1', obr.replace(/F$/, 'P'), obx]
    expect(request(preliminary).status).toBe('active')
  })

  it('an order without any number is provisional, and one of another patient is another', () => {
    const unnumbered = translate([msh('ORM^O01'), pid, 'ORC|NW', 'OBR|1|||CBC'])
    expect(codesOf(unnumbered)).toContain('E_PROVISIONAL OBR-3')
    const other = translate(orm('NW').map(segment => segment.replace('12345^', '54321^')))
    expect(namesOf(other, 'ServiceRequest')).not.toEqual(namesOf(translate(orm('NW')), 'ServiceRequest'))
  })
})

describe('what an order says', () => {
  it('numbers stand once, the group beside them', () => {
    const message = [msh('ORM^O01'), pid, 'ORC|NW|P1^A|F1^B|G1^A', 'OBR|1|P1^A|F1^B|CBC']
    const { identifier, requisition } = request(message)
    expect(identifier?.map(({ value, type }) => [value, type?.coding?.[0]?.code])).toEqual([
      ['P1', 'PLAC'],
      ['F1', 'FILL'],
    ])
    expect(requisition).toMatchObject({ value: 'G1' })
    const pair = request([msh('ORM^O01'), pid, 'ORC|NW|P1|F1|G1&A^H1&B', 'OBR|1|P1|F1|CBC'])
    expect([pair.requisition?.value, pair.identifier?.at(-1)?.value]).toEqual(['G1', 'H1'])
  })

  it('an ORC before several OBR is that of each, but for the numbers and results that they have themselves', () => {
    const message = [msh('ORU^R01'), pid, 'ORC|RE|P1|F1||CM', 'OBR|1|P1|F1|CBC', 'OBR|2|P2|F2|CRP', 'OBR|3|||ESR']
    const preliminary = message.map(segment => (segment.startsWith('OBR|2') ? `${segment}${'|'.repeat(21)}P` : segment))
    const orders = changesOf(translate(preliminary), 'ServiceRequest').map(({ resource }) => resource)
    expect(orders).toMatchObject([
      { status: 'completed', identifier: [{ value: 'P1' }, { value: 'F1' }] },
      { status: 'active', identifier: [{ value: 'P2' }, { value: 'F2' }] },
      { status: 'completed', identifier: [{ value: 'P1' }, { value: 'F1' }] },
    ])
    expect(request([msh('ORU^R01'), pid, 'ORC|NW|P1', obr, obx]).status).toBe('completed')
  })

  it('OBR-29 is the order that it came from, where the message has that one', () => {
    const culture = 'OBR|1|P1|F1|CULT'
    const child = (parent: string) => `OBR|2|P2|F2|SENS${'|'.repeat(25)}${parent}`
    const basedOn = (parent: string, type = 'ORU^R01') => {
      const { changes } = translate([msh(type), pid, 'ORC|NW|P1', culture, 'ORC|NW|P2', child(parent)])
      expect(changes.flatMap(({ resource }) => check(resource))).toEqual([])
      const orders = changes.filter(({ resource }) => resource.resourceType === 'ServiceRequest')
      return orders.map(({ resource }) => (resource as { basedOn?: unknown }).basedOn)
    }
    const first = [undefined, [{ reference: 'ServiceRequest/servicerequest' }]]
    expect(basedOn('P1^F1')).toEqual(first)
    expect(basedOn('P1', 'ORM^O01')).toEqual(first)
    expect(basedOn('P2^F1')).toEqual(first)
    expect(basedOn('P9^F9')).toEqual([undefined, undefined])
  })

  it('who orders is a role for the ordering facility; ORC-12 stands before OBR-16', () => {
    const translated = translate(orm('NW'))
    const { requester, authoredOn } = one(translated, 'ServiceRequest')
    expect(requester?.reference).toBe('PractitionerRole/practitionerrole')
    expect(one(translated, 'PractitionerRole')).toMatchObject({
      practitioner: { reference: expect.stringMatching(/^Practitioner\//) },
      organization: { reference: expect.stringMatching(/^Organization\//) },
    })
    expect(authoredOn).toBe('2026-11-25T08:00:00+01:00')
    expect(request([msh('ORM^O01'), pid, 'ORC|NW|P1', 'OBR|1|P1||CBC||||||||||||9^Doc']).requester?.reference).toMatch(
      /^Practitioner\//,
    )
  })

  it('who did what to it, and when, is a Provenance', () => {
    const deeds = changesOf(translate(orm('CA')), 'Provenance').map(({ resource }) => resource)
    expect(deeds).toContainEqual(
      expect.objectContaining({
        target: [{ reference: 'ServiceRequest/servicerequest' }],
        recorded: '2026-11-25T08:00:00+01:00',
        activity: { coding: [expect.objectContaining({ code: 'CANCEL' })] },
        agent: expect.arrayContaining([
          expect.objectContaining({ type: { coding: [expect.objectContaining({ code: 'enterer' })] } }),
        ]),
      }),
    )
  })

  it('comments, clinical information, diagnoses and answers go with it', () => {
    const message = [
      ...orm('NW', 'NTE|1||Please call', 'DG1|1||I10^Hypertension^I10', 'OBX|1|ST|Q1^Fasting?^L||yes||||||F'),
    ].map(segment => (segment === ordered ? `${segment}||||||on warfarin` : segment))
    const translated = translate(message)
    const { note, reasonReference, supportingInfo } = one(translated, 'ServiceRequest')
    expect(note?.map(({ text }) => text)).toEqual(['on warfarin', 'Please call'])
    expect(reasonReference).toEqual([{ reference: 'Condition/condition' }])
    expect(supportingInfo).toEqual([{ reference: 'Observation/observation' }])
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })

  it('what the ward answers is never the result that the laboratory finds under the same code', () => {
    const asked = namesOf(translate([msh('ORM^O01'), pid, 'ORC|XO|P1|F1', obr, obx]), 'Observation')
    const found = namesOf(translate(oru(obx)), 'Observation')
    expect(asked).not.toEqual(found)
  })

  it.each([
    ['TQ1|1|2|BID||||20261125|20261126|S', { frequency: 2, period: 1, periodUnit: 'd' }],
    ['TQ1|1||Q6H', { frequency: 1, period: 6, periodUnit: 'h' }],
    ['TQ1|1||QHS', { frequency: 1, period: 1, periodUnit: 'd', when: ['HS'] }],
    ['TQ1|1||Q1J3', { period: 1, periodUnit: 'wk', dayOfWeek: ['wed'] }],
    ['TQ1|1||QAM|0800', { when: ['MORN'] }],
    ['TQ1|1|||0800~2000', { timeOfDay: ['08:00:00', '20:00:00'] }],
    ['TQ1|1||BID||||||||||30^min|4', { duration: 30, durationUnit: 'min', count: 4 }],
    ['TQ1|1||QD|||7^d', { boundsDuration: { value: 7, code: 'd' } }],
  ])('%s', (tq1, repeat) => {
    const message = [msh('OMG^O19'), pid, 'ORC|NW|P1', tq1, ordered]
    expect(request(message).occurrenceTiming?.repeat).toMatchObject(repeat)
    expect(valid(message)).toEqual([])
  })

  it('the TQ of v2.4 and before is read where there is no TQ1, and TQ1 has the last word on priority', () => {
    const older = request([msh('ORM^O01'), pid, 'ORC|NW|P1|||||1&tablet^Q8H^^20261125^20261126^S', `${ordered}`])
    expect(older).toMatchObject({
      priority: 'stat',
      quantityQuantity: { value: 1, unit: 'tablet' },
      occurrenceTiming: { repeat: { period: 8, boundsPeriod: { start: '2026-11-25', end: '2026-11-26' } } },
    })
    const newer = request([msh('OML^O21'), pid, 'ORC|NW|P1', 'TQ1|1||||||||S', 'OBR|1|P1||CBC|R'])
    expect(newer.priority).toBe('stat')
  })
})

describe('specimens', () => {
  const spm = 'SPM|1|S1&PL^L7&LAB||BLD^Whole blood^HL70487||||LA|||||||||20261125073000|20261125080000||Y'

  it('of an order is announced, and told whole once the laboratory has it', () => {
    const announced = translate(orm('NW', 'SPM|1|S1||BLD^Whole blood^HL70487'))
    expect(changesOf(announced, 'Specimen')[0]!.verb).toBe('ensure')
    expect(one(announced, 'ServiceRequest').specimen).toEqual([{ reference: 'Specimen/specimen' }])
    const received = translate(orm('SC', spm))
    expect(changesOf(received, 'Specimen')[0]!.verb).toBe('replace')
    expect(one(received, 'Specimen')).toMatchObject({
      status: 'available',
      type: { coding: [{ code: 'BLD' }] },
      receivedTime: '2026-11-25T08:00:00+01:00',
      collection: { collectedDateTime: '2026-11-25T07:30:00+01:00' },
      identifier: [{ value: 'S1' }, { value: 'L7' }],
    })
    expect(valid(orm('SC', spm))).toEqual([])
  })

  it('what the laboratory rejects is unsatisfactory, and why', () => {
    const rejected = one(translate(orm('SC', `${spm}|RB^Broken container^HL70490`)), 'Specimen')
    expect(rejected).toMatchObject({ status: 'unsatisfactory', note: [{ text: 'Broken container' }] })
  })

  it('comes first in OML O33, where each order hangs on it', () => {
    const message = [
      msh('OML^O33^OML_O33'),
      pid,
      spm,
      'SAC|||TUBE7',
      ...['ORC|NW|P1', 'OBR|1|P1||CBC', 'ORC|NW|P2', 'OBR|2|P2||CRP'],
    ]
    const translated = translate(message)
    expect(changesOf(translated, 'Specimen')).toHaveLength(1)
    expect(one(translated, 'Specimen').container).toEqual([{ identifier: [{ value: 'TUBE7' }] }])
    for (const { resource } of changesOf(translated, 'ServiceRequest'))
      expect(resource).toMatchObject({ specimen: [{ reference: 'Specimen/specimen' }] })
    expect(valid(message)).toEqual([])
  })
})

describe('answers to orders', () => {
  it('that refuse, name nobody or say not what they answer are kept and mean nothing more', () => {
    expect(translate([msh('ORL^O22'), 'MSA|AE|1', pid, 'ORC|UA|P1', ordered]).changes).toEqual([])
    expect(translate([msh('ORR^O02'), 'MSA|AA|1', 'ORC|OK|P1']).changes).toEqual([])
    const short = translate([msh('ORL^O22'), 'MSA|AA|1', pid, 'ORC|OK|P1|F1'])
    expect(changesOf(short, 'ServiceRequest')).toEqual([])
    expect(codesOf(short)).toContain('E_PRUNED ORC-1')
  })

  it('ORP O10 tells of medicines', () => {
    const message = [msh('ORP^O10'), 'MSA|AA|1', pid, 'ORC|OK|P1|F1', 'RXO|1191^Aspirin^RXNORM|100||mg']
    expect(changesOf(translate(message), 'MedicationRequest')).toHaveLength(1)
    expect(valid(message)).toEqual([])
  })
})

describe('referrals', () => {
  const rf1 = 'RF1|A|R|MED^Medical^HL70281||O|R1^EHR|20261125|20270125|20261124|S^Second opinion^HL70336'
  const prd = (role: string, number: string) =>
    `PRD|${role}^x^HL70286|Heal^Greta|Street 1^^Town||||${number}^NPI|||Clinic`
  const ref = (event: string, ...more: readonly string[]) => [
    msh(`REF^${event}^REF_I12`),
    rf1,
    prd('RP', '11'),
    prd('RT', '22'),
    pid,
    ...more,
  ]

  it.each([
    ['I12', 'active', 'replace'],
    ['I13', 'active', 'replace'],
    ['I14', 'revoked', 'replace'],
    ['I15', 'active', 'ensure'],
  ])('%s is %s', (event, status, verb) => {
    const translated = translate(ref(event, pv1))
    expect(one(translated, 'ServiceRequest')).toMatchObject({
      status,
      priority: 'routine',
      code: { coding: [{ code: '3457005' }] },
      occurrencePeriod: { start: '2026-11-25', end: '2027-01-25' },
      requester: { reference: 'PractitionerRole/practitionerrole' },
      performer: [{ reference: 'PractitionerRole/practitionerrole-2' }],
    })
    expect(changesOf(translated, 'ServiceRequest')[0]!.verb).toBe(verb)
    expect(valid(ref(event, pv1))).toEqual([])
    expect(namesOf(translated, 'ServiceRequest')).toEqual(namesOf(translate(ref('I12')), 'ServiceRequest'))
  })

  it('results go with it; without RF1 it is none', () => {
    expect(changesOf(translate(ref('I12', obr, obx)), 'Observation')).toHaveLength(1)
    expect(refusalOf([msh('REF^I12'), pid])).toBe('E_SEGMENT_MISSING at RF1')
  })
})

const types = 'ORM^O01 OML^O21 OUL^R21 OUL^R22 OUL^R23 OUL^R24 MDM^T01 MDM^T02 MDM^T05 MDM^T09 MDM^T10 REF^I12 REF^I14'

describe.skipIf(!existsSync(corpus))('the corpora (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
  it('every order, document and referral is valid R4 with names of its own, or refused for a reason of the standard', () => {
    const refused = new Set<string>()
    let translated = 0
    for (const { file, bytes } of corpusMessages(types.split(' '))) {
      try {
        const { changes } = hl7v2Translator.translate(arrivalOf(bytes), directoryOf(profile))
        translated++
        expect(hl7v2Translator.translate(arrivalOf(bytes), directoryOf(profile)).changes).toEqual(changes)
        for (const { resource } of changes) expect(check(resource), file).toEqual([])
        const names = changes.map(({ resource, identity }) => `${resource.resourceType} ${JSON.stringify(identity[0])}`)
        expect(names.length).toBe(new Set(names).size)
        const ids = new Set(changes.map(({ resource }) => `${resource.resourceType}/${resource.id}`))
        const text = JSON.stringify(changes.map(({ resource }) => resource))
        for (const [, reference] of text.matchAll(/"reference":"([^"]+)"/g)) expect(ids).toContain(reference)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        refused.add(error.message.replaceAll(/\[\d+\]/g, ''))
      }
    }
    expect(translated).toBeGreaterThan(40)
    // halves of messages, and a character set that is declared wrongly
    const known = 'E_CHARSET at MSH-18, E_FIELD_MISSING at OBR-4, E_SEGMENT_MISSING at ORC, E_SEGMENT_MISSING at PID'
    expect([...refused].filter(refusal => !known.split(', ').includes(refusal))).toEqual([])
  })
})
