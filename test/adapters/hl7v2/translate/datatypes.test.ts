/** Datatype maps, each with everything that the guide's rows of it name: a cell in, FHIR out. */
import { describe, expect, it } from 'vitest'
import { coding, concept, textConcept } from '../../../../adapters/hl7v2/maps/concept.ts'
import { dateTime, nickname, period, xad, xcnName, xpn, xtn } from '../../../../adapters/hl7v2/maps/datatypes.ts'
import { Draft } from '../../../../adapters/hl7v2/maps/draft.ts'
import { Cell, type DataMap, type Options } from '../../../../adapters/hl7v2/maps/engine.ts'
import {
  cx,
  dln,
  ei,
  ndl,
  pl,
  plainIdentifier,
  pln,
  producer,
  xcn,
  xon,
} from '../../../../adapters/hl7v2/maps/references.ts'
import { Message } from '../../../../adapters/hl7v2/message.ts'
import { msh, profile } from './messages.ts'

/** What a map makes of a field; `resources` are those that it names beside. */
function read(map: DataMap, field: string, options: Options = {}) {
  const message = Message.read([msh('ADT^A01'), `ZZZ|${field}`].join('\r'))
  const draft = new Draft(message, profile)
  const segment = message.first('ZZZ')!
  const value = map(new Cell(segment, 1, 1, segment.field(1)[0]!), draft, options)
  return { value, resources: draft.changes.map(change => change.resource), issues: draft.issues }
}

const identifierTypes = 'http://terminology.hl7.org/CodeSystem/v2-0203'

describe('codes', () => {
  const three = '718-7^Hemoglobin^LN^HB^Haemoglobin^L^2.77^1^as written^38082009^Hemoglobin^SCT^2026'
  const codings = [
    { system: 'http://loinc.org', code: '718-7', display: 'Hemoglobin', version: '2.77' },
    { system: 'sender:ward:L', code: 'HB', display: 'Haemoglobin' },
    { system: 'http://snomed.info/sct', code: '38082009', display: 'Hemoglobin', version: '2026' },
  ]

  it('CWE, CNE, CF and CE: three codings, each with its text, system and version, and the text', () => {
    expect(read(concept, three).value).toEqual({ coding: codings, text: 'as written' })
  })

  it('a code of an HL7 table is HL7’s, whoever sends it, and a code that the table lacks is the sender’s', () => {
    const yes = { system: 'http://terminology.hl7.org/CodeSystem/v2-0136', code: 'Y', display: 'Yes' }
    for (const table of ['HL70136', 'HL7 0136', '0136', '2.16.840.1.113883.12.136']) {
      expect(read(concept, `Y^Ja^${table}`)).toMatchObject({ value: { coding: [yes] }, issues: [] })
    }
    expect(read(concept, 'MAYBE^Perhaps^HL70136')).toMatchObject({
      value: { coding: [{ system: 'sender:ward:HL70136', code: 'MAYBE', display: 'Perhaps' }] },
      issues: [{ code: 'E_UNMAPPED_CODE' }],
    })
  })

  it('CWE[Coding]: the first', () => {
    expect(read(coding, three).value).toEqual(codings[0])
  })

  it('ST[CodeableConcept]: a text', () => {
    expect(read(textConcept, 'hives & itching').value).toEqual({ text: 'hives & itching' })
  })
})

describe('numbers that somebody gave out', () => {
  it('CX: number, authority, type, period', () => {
    expect(read(cx, '4711^7^M11^H&1.2.3.4&ISO^MR^^20260101^20261231').value).toEqual({
      type: { coding: [{ system: identifierTypes, code: 'MR', display: 'Medical record number' }] },
      system: 'urn:oid:1.2.3.4',
      value: '4711',
      period: { start: '2026-01-01', end: '2026-12-31' },
    })
    expect(read(cx, '4711^^^HOSP').value).toEqual({ value: '4711', assigner: { display: 'HOSP' } })
  })

  it('EI: number and authority', () => {
    expect(read(ei, 'A1^LAB^1.2.3.4^ISO', { as: 'PLAC' }).value).toEqual({
      type: { coding: [{ system: identifierTypes, code: 'PLAC' }] },
      system: 'urn:oid:1.2.3.4',
      value: 'A1',
    })
  })

  it('ST: the number alone', () => {
    expect(read(plainIdentifier, '123-45', { as: 'SS' }).value).toEqual({
      type: { coding: [{ system: identifierTypes, code: 'SS', display: 'Social Security number' }] },
      value: '123-45',
    })
  })

  it('DLN: a driving licence, by whom, until when', () => {
    expect(read(dln, 'D1234567^TX^20301231').value).toEqual({
      type: { coding: [{ system: identifierTypes, code: 'DL', display: "Driver's license number" }] },
      value: 'D1234567',
      period: { end: '2030-12-31' },
      assigner: { display: 'TX' },
    })
  })

  it('PLN: a number of a practitioner, its kind, by whom, until when', () => {
    expect(read(pln, 'BH1^DEA^TX^20301231').value).toEqual({
      type: { coding: [expect.objectContaining({ code: 'DEA' })] },
      value: 'BH1',
      period: { end: '2030-12-31' },
      assigner: { display: 'TX' },
    })
    expect(read(pln, 'X^guild').value).toEqual({ type: { text: 'guild' }, value: 'X' })
  })
})

describe('people', () => {
  it('XPN: names in their order, use and period; a range only where no single dates stand', () => {
    expect(read(xpn, 'Doe&van^Jane^Q X^Jr^Dr^MD^L^^^2020^^20210101^20220101^PhD').value).toEqual({
      use: 'official',
      family: 'Doe',
      given: ['Jane', 'Q X'],
      prefix: ['Dr'],
      suffix: ['Jr', 'MD', 'PhD'],
      period: { start: '2021-01-01', end: '2022-01-01' },
    })
    expect(read(xpn, 'Doe^Jane^^^^^L^^^20200101&20201231').value).toMatchObject({
      period: { start: '2020-01-01', end: '2020-12-31' },
    })
    expect(read(xpn, '^^^^^^L').value).toBeUndefined()
  })

  it('XPN.7: a kind of name that FHIR has no use for is no work for anybody, a code that HL7 does not have is', () => {
    const use = (type: string) => read(xpn, `Doe^Jane^^^^^${type}`)
    expect(use('S').value).toMatchObject({ use: 'anonymous' })
    expect(use('NB').value).toMatchObject({ use: 'temp' })
    expect(use('B')).toMatchObject({ value: { family: 'Doe' }, issues: [] })
    expect(use('B').value).not.toHaveProperty('use')
    expect(use('X9').issues).toEqual([{ code: 'E_UNMAPPED_CODE', at: 'ZZZ-1' }])
  })

  it('XPN.15: what she is called is a name of its own', () => {
    expect(read(nickname, `Doe^Jane${'^'.repeat(13)}Janie`).value).toEqual({ use: 'nickname', given: ['Janie'] })
    expect(read(nickname, 'Doe^Jane').value).toBeUndefined()
  })

  const xcnText = '12^Heal^Greta^M^III^Dr^MD^^H&1.2.3.4&ISO^L^^^NPI^^^^20200101&20301231^^^^FACP'

  it('XCN: a Practitioner with number, name and degree', () => {
    const { value, resources } = read(xcn, xcnText)
    expect(value).toEqual({ reference: 'Practitioner/practitioner' })
    expect(resources).toEqual([
      {
        resourceType: 'Practitioner',
        id: 'practitioner',
        identifier: [
          {
            type: { coding: [expect.objectContaining({ code: 'NPI' })] },
            system: 'urn:oid:1.2.3.4',
            value: '12',
          },
        ],
        name: [
          {
            use: 'official',
            family: 'Heal',
            given: ['Greta', 'M'],
            prefix: ['Dr'],
            suffix: ['III', 'FACP'],
            period: { start: '2020-01-01', end: '2030-12-31' },
          },
        ],
        qualification: [{ code: { coding: [expect.objectContaining({ code: 'MD' })] } }],
      },
    ])
  })

  it('XCN.17 is the period only where XCN.19 and XCN.20 are empty', () => {
    const both = `${xcnText.replace('^^^^FACP', '^^20210101^20220101^FACP')}`
    expect(read(xcnName, both).value).toMatchObject({ period: { start: '2021-01-01', end: '2022-01-01' } })
  })

  it('NDL: the Practitioner of CNN', () => {
    const { resources } = read(ndl, '12&Heal&Greta&M&III&Dr&MD&&H&1.2.3.4&ISO^20260101')
    expect(resources).toMatchObject([
      {
        identifier: [{ system: 'urn:oid:1.2.3.4', value: '12' }],
        name: [{ family: 'Heal', given: ['Greta', 'M'], prefix: ['Dr'], suffix: ['III'] }],
        qualification: [{ code: { coding: [{ code: 'MD' }] } }],
      },
    ])
  })
})

describe('how to reach them', () => {
  it('XAD: lines from street, designation and addressee; use or type; period', () => {
    const address = 'Main St 1&Main St&1^Floor 2^Town^ST^10115^DE^H^^Kreis^^^^20200101^20301231'
    expect(read(xad, `${address}^^^^^c/o Doe`).value).toEqual({
      use: 'home',
      line: ['Main St 1', 'Main St', '1', 'Floor 2', 'c/o Doe'],
      city: 'Town',
      district: 'Kreis',
      state: 'ST',
      postalCode: '10115',
      country: 'DE',
      period: { start: '2020-01-01', end: '2030-12-31' },
    })
    expect(read(xad, 'Box 1^^Town^^^^M').value).toMatchObject({ type: 'postal' })
    expect(read(xad, 'Box 1^^Town^^^^M^^^^^20200101&20301231').value).toMatchObject({
      period: { start: '2020-01-01', end: '2030-12-31' },
    })
  })

  it('XTN: the number as a whole, from its parts, or as sent', () => {
    expect(read(xtn, `555 0100^PRN^PH^^49^30^5550100^12${'^'.repeat(5)}20200101^20301231^^^^2`).value).toEqual({
      use: 'home',
      system: 'phone',
      value: '+49 30 5550100 X12',
      rank: 2,
      period: { start: '2020-01-01', end: '2030-12-31' },
    })
    expect(read(xtn, '^PRN^PH^^^^5550100^^^^^+49305550100').value).toMatchObject({ value: '+49305550100' })
    expect(read(xtn, '555 0100').value).toEqual({ system: 'phone', value: '555 0100' })
    expect(read(xtn, '^NET^Internet^a@example.org').value).toEqual({ system: 'email', value: 'a@example.org' })
    expect(read(xtn, '^PRN^^a@example.org').value).toMatchObject({ system: 'email' })
    expect(read(xtn, '555 0100^PRN^CP').value).toMatchObject({ system: 'phone', use: 'mobile' })
  })
})

describe('times', () => {
  it('DTM, TS and the begin of a DR', () => {
    expect(read(dateTime, '202611250800').value).toBe('2026-11-25T08:00:00+01:00')
    expect(read(dateTime, '20261125^20261126').value).toBe('2026-11-25')
  })

  it('DR: begin and end', () => {
    expect(read(period, '20261125^20261126').value).toEqual({ start: '2026-11-25', end: '2026-11-26' })
  })
})

describe('organisations and places', () => {
  it('XON: name, number, authority, type; XON.10 before XON.3', () => {
    const { resources } = read(xon, 'Clinic^L^12^3^M10^H&1.2.3.4&ISO^XX^^^99')
    expect(resources).toEqual([
      {
        resourceType: 'Organization',
        id: 'organization',
        name: 'Clinic',
        identifier: [
          { type: { coding: [expect.objectContaining({ code: 'XX' })] }, system: 'urn:oid:1.2.3.4', value: '99' },
        ],
      },
    ])
    expect(read(xon, 'Clinic^L^12').resources).toMatchObject([{ identifier: [{ value: '12' }] }])
  })

  it('CWE[Organization]: code and text', () => {
    expect(read(producer, 'L1^Lab One').resources).toMatchObject([{ identifier: [{ value: 'L1' }], name: 'Lab One' }])
  })

  it('PL: each place part of the next wider one; the narrowest has what PL says of the whole', () => {
    const { value, resources } = read(pl, 'W1^12^2^HOSP&1.2.3.4&ISO^^^B^3^by the window^P9&AUTH&1.2.3.5&ISO')
    expect(value).toEqual({ reference: 'Location/location-6' })
    const inside = (id: string) => ({ reference: `Location/${id}` })
    expect(resources).toMatchObject([
      {
        name: 'HOSP',
        mode: 'instance',
        physicalType: { coding: [{ code: 'si' }] },
        identifier: [{ value: 'HOSP' }, { system: 'urn:ietf:rfc:3986', value: 'urn:oid:1.2.3.4' }],
      },
      { name: 'B', physicalType: { coding: [{ code: 'bu' }] }, partOf: inside('location') },
      { name: '3', physicalType: { coding: [{ code: 'lvl' }] }, partOf: inside('location-2') },
      { name: 'W1', physicalType: { coding: [{ code: 'wa' }] }, partOf: inside('location-3') },
      { name: '12', physicalType: { coding: [{ code: 'ro' }] }, partOf: inside('location-4') },
      {
        name: '2',
        physicalType: { coding: [{ code: 'bd' }] },
        partOf: inside('location-5'),
        description: 'by the window',
        identifier: [{ value: '2' }, { system: 'urn:oid:1.2.3.5', value: 'P9' }],
      },
    ])
    expect(resources[0]).not.toHaveProperty('description')
  })

  it('PL.11 is the authority of the numbers', () => {
    expect(read(pl, 'W1^^^^^^^^^^H&1.2.3.4&ISO').resources).toMatchObject([
      { identifier: [{ system: 'urn:oid:1.2.3.4', value: 'W1' }] },
    ])
  })
})
