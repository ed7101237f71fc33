import { describe, expect, it } from 'vitest'
import { check } from '../../../../src/fhir/check.ts'
import { changesOf, codesOf, msh, namesOf, obr, one, oru, pid, pv1, refusalOf, translate } from './messages.ts'

const pdf = 'JVBERi0='
const txa = (parent = '', state = 'AU||AV', number = 'D1^EHR') =>
  `TXA|1|DS^Discharge summary^HL70270|TX|20261125160000||20261125150000|||9^Heal^Greta|8^Sign^Sam||${number}|${parent}|||summary.pdf|${state}`
const mdm = (event: string, ...segments: readonly string[]) => [
  msh(`MDM^${event}^MDM_${event}`),
  'EVN',
  pid,
  ...segments,
]
const body = ['OBX|1|TX|B^Body^L||First line||||||F', 'OBX|2|TX|B^Body^L||Second line||||||F']
const decoded = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString()
const change = (segments: readonly string[]) => {
  const translated = translate(segments)
  expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  const verb = changesOf(translated, 'DocumentReference')[0]?.verb
  return { verb, document: one(translated, 'DocumentReference'), translated }
}

describe('MDM', () => {
  it.each(['T02', 'T04', 'T06', 'T08', 'T10'])('%s brings the document: its lines are one text', event => {
    const { verb, document } = change(mdm(event, pv1, txa(), ...body))
    expect(verb).toBe('replace')
    expect(document).toMatchObject({
      status: 'current',
      docStatus: event === 'T08' ? 'amended' : 'final',
      type: { coding: [{ code: 'DS' }] },
      date: '2026-11-25T15:00:00+01:00',
      masterIdentifier: { value: 'D1' },
      identifier: [{ value: 'summary.pdf' }],
      author: [{ reference: 'Practitioner/practitioner-2' }],
      context: { encounter: [{ reference: 'Encounter/encounter' }] },
    })
    expect(document.content).toHaveLength(1)
    expect(document.content[0]!.attachment).toMatchObject({ contentType: 'text/plain; charset=utf-8', title: 'Body' })
    expect(decoded(document.content[0]!.attachment.data)).toBe('First line\nSecond line')
  })

  it.each(['T01', 'T03', 'T05', 'T07', 'T09'])('%s without the document never wipes one that came before', event => {
    const { verb, document } = change(mdm(event, txa()))
    expect(verb).toBe('ensure')
    expect(document.content).toEqual([{ attachment: { contentType: 'text/plain', title: 'summary.pdf' } }])
  })

  it('T11 takes the document back, whatever its state', () => {
    const { verb, document } = change(mdm('T11', txa()))
    expect([verb, document.status, document.docStatus]).toEqual(['replace', 'entered-in-error', 'entered-in-error'])
  })

  it.each([
    ['AU||CA', 'entered-in-error', 'entered-in-error'],
    ['AU||OB', 'superseded', 'final'],
    ['DI||AV', 'current', 'preliminary'],
    ['LA||UN', 'current', 'preliminary'],
  ])('TXA-17 to 19 %s is %s, %s', (state, status, docStatus) => {
    expect(change(mdm('T02', txa('', state), ...body)).document).toMatchObject({ status, docStatus })
  })

  it('all messages about a document name the same one, of this patient', () => {
    const name = (event: string) => namesOf(translate(mdm(event, txa(), ...body)), 'DocumentReference')[0]
    for (const event of ['T03', 'T04', 'T08', 'T11']) expect(name(event)).toEqual(name('T02'))
    const other = mdm('T02', txa(), ...body).map(segment => segment.replace('12345^', '54321^'))
    expect(namesOf(translate(other), 'DocumentReference')[0]).not.toEqual(name('T02'))
    const nameless = translate(mdm('T02', txa('', 'AU||AV', ''), ...body))
    expect(codesOf(nameless)).toContain('E_PROVISIONAL TXA-12')
  })

  it.each([
    ['T06', 'appends', 'current'],
    ['T10', 'replaces', 'superseded'],
  ])('%s %s the parent document', (event, code, status) => {
    const [parent, child] = changesOf(translate(mdm(event, txa('D0^EHR'), ...body)), 'DocumentReference')
    const target = { reference: `DocumentReference/${parent!.resource.id}` }
    expect(child).toMatchObject({ verb: 'replace', resource: { relatesTo: [{ code, target }] } })
    expect(parent).toMatchObject({ verb: 'ensure', resource: { status } })
    const original = translate(mdm('T02', txa('', 'AU||AV', 'D0^EHR'), ...body))
    expect(namesOf(original, 'DocumentReference')).toEqual([parent!.identity[0]])
  })

  it('files stand beside the text; what was taken back and what cannot be read is left out', () => {
    const { document, translated } = change(
      mdm(
        'T02',
        txa(),
        ...body,
        'NTE|1||A comment',
        `OBX|3|ED|P^Print^L||App^AP^PDF^Base64^${pdf}||||||F`,
        'OBX|4|ED|Q^Broken^L||App^AP^PDF^Base64^<here>||||||F',
        'OBX|5|TX|B^Body^L||Deleted||||||D',
      ),
    )
    expect(decoded(document.content[0]!.attachment.data)).toBe('First line\nSecond line\nA comment')
    expect(document.content[1]!.attachment).toEqual({ contentType: 'application/pdf', data: pdf, title: 'Print' })
    expect(document.content).toHaveLength(2)
    expect(codesOf(translated)).toEqual(expect.arrayContaining(['E_PRUNED OBX[4]-5.5', 'E_PRUNED OBX[5]-11']))
  })

  it('the order that it answers is named', () => {
    const { document } = change(mdm('T02', 'ORC|RE|P1|F1', 'OBR|1|P1|F1|CBC', txa(), ...body))
    expect(document.context?.related).toEqual([{ reference: 'ServiceRequest/servicerequest' }])
  })

  it('refuses halves, a second patient, and a document of which nothing can be read', () => {
    expect(refusalOf(mdm('T02', ...body))).toBe('E_SEGMENT_MISSING at TXA')
    expect(refusalOf([msh('MDM^T02'), txa()])).toBe('E_SEGMENT_MISSING at PID')
    expect(refusalOf(mdm('T02', txa(), pid.replace('12345', '6')))).toBe('E_TWO_PATIENTS at PID[2]-1')
    expect(refusalOf(mdm('T02', txa(), 'OBX|1|ED|X||^AP^PDF^Base64^%%%||||||F'))).toBe('E_FIELD_TYPE at OBX-5')
    expect(refusalOf(mdm('T01', 'TXA|1'))).toBe('E_FIELD_MISSING at TXA-2')
  })
})

describe('documents among results (OBX-2 ED and RP)', () => {
  const result = (type: string, value: string, status = 'F') =>
    oru(`OBX|1|${type}|PDF^Report^L||${value}||||||${status}|||20261125073000`)

  it.each([
    ['ED', `App^AP^PDF^Base64^${pdf}`, { contentType: 'application/pdf', data: pdf }],
    ['ED', `App^IM^JPEG^Base64^${pdf}`, { contentType: 'image/jpeg', data: pdf }],
    ['ED', 'App^TEXT^HTML^A^<p>', { contentType: 'text/html', data: 'PHA+' }],
    ['ED', 'App^application^x-thing^Hex^0aff', { contentType: 'application/x-thing', data: 'Cv8=' }],
    ['RP', 'https://pacs/1^PACS^IM^JPEG', { contentType: 'image/jpeg', url: 'https://pacs/1' }],
  ])('%s %s', (type, value, attachment) => {
    const { verb, document, translated } = change(result(type, value))
    expect(verb).toBe('replace')
    expect(document).toMatchObject({ docStatus: 'final', content: [{ attachment }] })
    const observation = one(translated, 'Observation')
    expect(observation.derivedFrom).toEqual([{ reference: 'DocumentReference/documentreference' }])
    expect(observation.dataAbsentReason).toBeUndefined()
  })

  it('a correction brings the same document, a deleted one says so', () => {
    const first = translate(result('ED', `A^AP^PDF^Base64^${pdf}`))
    const corrected = translate(result('ED', `A^AP^PDF^Base64^${pdf}`, 'C'))
    expect(namesOf(corrected, 'DocumentReference')).toEqual(namesOf(first, 'DocumentReference'))
    expect(one(corrected, 'DocumentReference').docStatus).toBe('amended')
    expect(one(translate(result('ED', `A^AP^PDF^Base64^${pdf}`, 'D')), 'DocumentReference').status).toBe(
      'entered-in-error',
    )
  })

  it('a document for the wrong person points to nobody', () => {
    expect(one(translate(result('ED', `A^AP^PDF^Base64^${pdf}`, 'W')), 'DocumentReference').subject).toBeUndefined()
  })

  it.each(['not base64!', 'abcde', 'JVBERi0=='])('what cannot be decoded (%s) has no value, with a reason', data => {
    const translated = translate(result('ED', `A^AP^PDF^Base64^${data}`))
    expect(one(translated, 'Observation').dataAbsentReason?.coding?.[0]?.code).toBe('unsupported')
    expect(codesOf(translated)).toContain('E_PRUNED OBX-5.5')
  })

  it('an OBX without code and without document says nothing', () => {
    const translated = translate(oru('OBX||ED|||App^NS^Octet-stream^Base64|'))
    expect(changesOf(translated, 'Observation')).toEqual([])
    expect(codesOf(translated)).toContain('E_PRUNED OBX-3')
    expect(refusalOf(oru(`OBX||ED|||App^AP^PDF^Base64^${pdf}`))).toBe('E_FIELD_MISSING at OBX-3')
  })
})

describe('results in full', () => {
  const spm = 'SPM|1|S1||BLD^Whole blood^HL70487|||||||||||||20261125073000'
  const volume = 'OBX|2|NM|VOL^Volume^L||5|mL|||||F|||20261125073000'
  const found = 'OBX|1|NM|718-7^Hemoglobin^LN||13.5|g/dL|||||F|||20261125073000'
  const oul: Readonly<Record<string, readonly string[]>> = {
    R21: [obr, found, spm],
    R22: [spm, volume, obr, found],
    R23: [spm, 'SAC|||TUBE7', obr, found],
    R24: [obr, 'ORC|SC|P1|F1||CM', found, spm, volume],
  }

  it.each(Object.keys(oul))('OUL %s: result, specimen and report of one order', event => {
    const translated = translate([msh(`OUL^${event}^OUL_${event}`), pid, ...oul[event]!])
    const specimen = [{ reference: 'Specimen/specimen' }]
    expect(one(translated, 'DiagnosticReport')).toMatchObject({ specimen, basedOn: [{}], result: [{}] })
    expect(one(translated, 'ServiceRequest').status).toBe('completed')
    const hemoglobin = changesOf(translated, 'Observation').find(({ resource }) => 'specimen' in resource)
    expect(hemoglobin?.resource).toMatchObject({ code: { coding: [{ code: '718-7' }] }, specimen: specimen[0] })
    const about = changesOf(translated, 'Observation').filter(({ resource }) => 'focus' in resource)
    expect(about.map(({ resource }) => resource)).toEqual(
      oul[event]!.includes(volume) ? [expect.objectContaining({ focus: specimen })] : [],
    )
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })

  it.each(['R30', 'R31', 'R32'])('ORU %s is read as R01', event => {
    const names = (type: string) => namesOf(translate([msh(type), pid, 'ORC|RE|P1|F1', obr, found]), 'Observation')
    expect(names(`ORU^${event}^ORU_R30`)).toEqual(names('ORU^R01^ORU_R01'))
  })

  it('OBX-33 names one of several specimens', () => {
    const second = spm.replace('SPM|1|S1', 'SPM|2|S2')
    const translated = translate([msh('OUL^R24'), pid, obr, `${found}${'|'.repeat(19)}S2`, spm, second])
    expect(one(translated, 'DiagnosticReport').specimen).toHaveLength(2)
    expect(one(translated, 'Observation').specimen).toEqual({ reference: 'Specimen/specimen-2' })
  })

  it('a result for the wrong person has no specimen of his', () => {
    const wrong = found.replace('|F|||', '|W|||')
    expect(one(translate([msh('ORU^R01'), pid, obr, wrong, spm]), 'Observation').specimen).toBeUndefined()
  })

  it('an SPM before the results does not take them from the report', () => {
    const second = spm.replace('SPM|1|S1', 'SPM|2|S2')
    const translated = translate([msh('ORU^R01'), pid, obr, spm, found, second, volume])
    expect(one(translated, 'DiagnosticReport').result).toHaveLength(2)
    expect(changesOf(translated, 'Observation').map(({ resource }) => resource)).toMatchObject([
      { specimen: { reference: 'Specimen/specimen' } },
      { specimen: { reference: 'Specimen/specimen-2' } },
    ])
    const [inOrder] = namesOf(translate([msh('ORU^R01'), pid, obr, found, spm]), 'Observation')
    expect(namesOf(translated, 'Observation')[0]).toEqual(inOrder)
  })

  it('SPM-3 is the parent: a specimen of the message, or one that is only named', () => {
    const child = spm.replace('SPM|1|S1|', 'SPM|2|S2|S1~S0')
    const { changes } = translate([msh('OUL^R24'), pid, obr, spm, child])
    const specimens = changes.filter(({ resource }) => resource.resourceType === 'Specimen')
    expect(specimens.map(({ verb }) => verb)).toEqual(['replace', 'ensure', 'replace'])
    expect(specimens[2]!.resource).toMatchObject({
      parent: [{ reference: 'Specimen/specimen' }, { reference: `Specimen/${specimens[1]!.resource.id}` }],
    })
    const backwards = translate([msh('OUL^R24'), pid, obr, child, spm])
    expect(new Set(namesOf(backwards, 'Specimen').map(({ value }) => value)).size).toBe(3)
    expect(codesOf(backwards)).toContain('E_PRUNED SPM[1]-3')
    expect(changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })

  it('OBR-15 is a specimen, in the shape of the standard and in that of senders', () => {
    const of = (source: string) =>
      one(
        translate([msh('ORU^R01'), pid, `OBR|1|P1|F1|CBC|||20261125|||||||20261125080000|${source}|||||||||F`, found]),
        'Specimen',
      )
    expect(of('SER&Serum&HL70070^EDTA^venous^LA')).toMatchObject({
      receivedTime: '2026-11-25T08:00:00+01:00',
      note: [{ text: 'venous' }],
      collection: { collectedDateTime: '2026-11-25' },
    })
    expect(of('440500007^Blood spot^SCT').type?.coding?.[0]).toMatchObject({ system: 'http://snomed.info/sct' })
  })

  it('who observed, who answers for the laboratory, and with what', () => {
    const by = `${found}||7^Tech^Tina||EI7^AN^1.2.3.4^ISO|||||Lab^^^^^^^^^L9|Road 1^^Town|6^Chief^Carla`
    const translated = translate(oru(by, 'PRT|1|AD||EQUIP^^HL70912||||||DEV9^^1.2.3.5^ISO'))
    const roles = changesOf(translated, 'PractitionerRole').map(({ resource }) => resource)
    expect(roles).toMatchObject([
      { code: [{ coding: [{ code: 'RO' }] }] },
      { code: [{ coding: [{ code: 'MDIR' }] }], organization: {} },
    ])
    expect(one(translated, 'Observation')).toMatchObject({ device: {}, performer: [{}, {}] })
    expect(one(translated, 'Device').identifier).toMatchObject([{ value: 'EI7' }])
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })

  it('who orders, collects, performs and interprets by PRT (v2.7 and later)', () => {
    const prt = (kind: string, n: number) => `PRT|${n}|AD||${kind}^^HL70912|5${n}^Person^P${n}`
    const people = ['OP', 'SC', 'TN', 'PRI', 'XX'].map(prt)
    const translated = translate([msh('ORU^R01'), pid, obr, ...people, found, spm])
    const role = { reference: expect.stringMatching(/^PractitionerRole\//) }
    expect(one(translated, 'DiagnosticReport')).toMatchObject({ performer: [role], resultsInterpreter: [role] })
    expect(one(translated, 'ServiceRequest').requester).toEqual(role)
    expect(one(translated, 'Specimen').collection?.collector).toEqual(role)
    expect(codesOf(translated)).toContain('E_PRUNED PRT[5]-4')
    expect(translated.changes.flatMap(({ resource }) => check(resource))).toEqual([])
  })

  it('answers to questions of the order (OBX-29) belong to the order, not to the report', () => {
    const question = `OBX|2|ST|Q1^Fasting?^L||yes||||||F${'|'.repeat(18)}QST`
    const translated = translate(oru(found, question))
    expect(one(translated, 'DiagnosticReport').result).toHaveLength(1)
    expect(one(translated, 'ServiceRequest').supportingInfo).toEqual([{ reference: 'Observation/observation-2' }])
  })

  it('two results under one number of their own are two', () => {
    const own = `${found}${'|'.repeat(7)}R1^LAB^1.2.3.9^ISO`
    expect(new Set(namesOf(translate(oru(own, own)), 'Observation').map(({ value }) => value)).size).toBe(2)
  })

  it('a living will (PD1-7) is an observation', () => {
    const translated = translate([msh('ORU^R01'), pid, 'PD1|||||||Y', obr, found])
    const will = changesOf(translated, 'Observation').find(({ resource }) =>
      JSON.stringify(resource).includes('75320-2'),
    )
    expect(will).toMatchObject({ verb: 'ensure', resource: { valueCodeableConcept: { coding: [{ code: 'Y' }] } } })
  })
})
