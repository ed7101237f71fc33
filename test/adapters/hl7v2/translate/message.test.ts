import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hl7v2Translator } from '../../../../adapters/hl7v2/translate.ts'
import { Refusal } from '../../../../src/errors.ts'
import { check } from '../../../../src/fhir/check.ts'
import {
  adt,
  arrivalOf,
  changesOf,
  codesOf,
  corpus,
  corpusMessages,
  directoryOf,
  msh,
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

const adtTypes = Array.from({ length: 62 }, (_, i) => `ADT^A${String(i + 1).padStart(2, '0')}`)
const types = [...adtTypes, 'ORU^R01']
const emitted = [
  'Patient',
  'Encounter',
  'Observation',
  'DiagnosticReport',
  'ServiceRequest',
  'AllergyIntolerance',
  'Practitioner',
  'Organization',
  'Location',
  'RelatedPerson',
  'Condition',
  'Procedure',
  'Coverage',
  'Account',
  'CareTeam',
  'PractitionerRole',
  'EpisodeOfCare',
  'Linkage',
  'Specimen',
  'Device',
  'DocumentReference',
  'Provenance',
  'MessageHeader',
]
const directory = directoryOf(profile)

describe('which messages are taken', () => {
  it.each(['A01', 'A03', 'A04', 'A08', 'A31'])('ADT %s', event => {
    expect(one(translate(adt(event, pv1)), 'Patient').birthDate).toBe('1974-12-25')
  })

  it('refuses other types, events and versions in their own words', () => {
    expect(refusalOf([msh('ZZZ^Z01'), pid])).toBe('E_MESSAGE_TYPE at MSH-9')
    expect(refusalOf([msh('constructor^A01'), pid])).toBe('E_MESSAGE_TYPE at MSH-9')
    expect(refusalOf([msh('ADT^A99'), pid])).toBe('E_EVENT at MSH-9.2')
    expect(refusalOf([msh('ADT'), pid])).toBe('E_EVENT at MSH-9.2')
    expect(refusalOf([msh('ADT^A01', '2026||TYPE|M1|P|3.0'), pid])).toBe('E_VERSION at MSH-12')
  })

  it.each(['2.1', '2.2', '2.3', '2.3.1', '2.4', '2.5', '2.5.1', '2.6', '2.7', '2.7.1', '2.8', '2.8.1', '2.8.2'])(
    'version %s',
    version => {
      expect(refusalOf([msh('ADT^A01', `2026||TYPE|M1|P|${version}`), pid])).toBeNull()
    },
  )

  it('takes the event from EVN-1 where MSH-9 has none, and an empty version as 2.5, noted', () => {
    expect(refusalOf([msh('ADT'), 'EVN|A01', pid])).toBeNull()
    const codes = codesOf(translate([msh('ADT^A01', '2026||TYPE|M1||'), pid]))
    expect(codes).toEqual(expect.arrayContaining(['E_VERSION_EMPTY MSH-12', 'E_PROCESSING_ID_EMPTY MSH-11']))
  })

  it('says which segment or field is missing', () => {
    expect(refusalOf([msh('ADT^A01'), pv1])).toBe('E_SEGMENT_MISSING at PID')
    expect(refusalOf([msh('ORU^R01'), obr, obx])).toBe('E_SEGMENT_MISSING at PID')
    expect(refusalOf([msh('ORU^R01'), pid, obx])).toBe('E_SEGMENT_MISSING at OBR')
    expect(refusalOf(oru(obx, 'OBX|2|NM|||5'))).toBe('E_FIELD_MISSING at OBX[2]-3')
  })

  it('a sender that is no longer known is refused', () => {
    expect(() => hl7v2Translator.translate({ ...arrivalOf('MSH|'), sender: 'gone' }, directory)).toThrow('E_SENDER')
  })

  it.each(['A01', 'A03', 'A04', 'A08', 'A31'])(
    'ADT %s is about one patient: what follows a second PID never goes to the first',
    event => {
      const second = pid.replace('12345', '67890')
      expect(refusalOf(adt(event, pv1, second, 'AL1|1|DA|P^Penicillin', obx))).toBe('E_TWO_PATIENTS at PID[2]-1')
    },
  )

  it('an ADT about one visit notes a second PV1', () => {
    expect(codesOf(translate(adt('A08', pv1, pv1)))).toContain('E_PRUNED PV1[2]-1')
  })

  it('notes segments without a map once per name, and never an unknown name', () => {
    const codes = codesOf(translate(adt('A01', 'PDA|1', 'PDA|2', 'ZPI|1', 'ZOE|1', 'SUE|torn line')))
    expect(codes.filter(code => code.startsWith('E_UNMAPPED_SEGMENT'))).toEqual([
      'E_UNMAPPED_SEGMENT PDA',
      'E_UNMAPPED_SEGMENT Z..',
      'E_UNMAPPED_SEGMENT ?',
    ])
  })

  it('any delimiters', () => {
    const plain = adt('A01', pv1).join('\r')
    const other = plain
      .replace('^~\\&', '\u0001\u0002\u0003\u0004')
      .replace(/[|^~&]/g, c => ({ '|': '#', '^': '$', '~': '%', '&': '*' })[c]!)
    const strange = other.replace('\u0001\u0002\u0003\u0004', '$%@*')
    expect(hl7v2Translator.translate(arrivalOf(strange), directory).changes).toEqual(
      hl7v2Translator.translate(arrivalOf(plain), directory).changes,
    )
  })

  it('the same input makes the same changes', () => {
    const message = [msh('ORU^R01'), pid, pv1, obr, obx, obx]
    expect(translate(message)).toEqual(translate(message))
    expect(translate(message)).toMatchObject({ repeatable: true, mapping: 'hl7v2/2' })
  })
})

describe('A40, merge of patients', () => {
  const a40 = (...more: readonly string[]) => [msh('ADT^A40^ADT_A39'), 'EVN||20261125', ...more]
  const survivor = { system: 'sender:ward:H', value: 'NEW' }
  const prior = { system: 'sender:ward:H', value: 'OLD' }

  it('names the survivor, and links the prior patient to it under both keys', () => {
    const changes = changesOf(translate(a40('PID|1||NEW^^^H^MR||A^B', 'MRG|OLD^^^H^MR')), 'Patient')
    expect(changes).toMatchObject([
      { verb: 'ensure', identity: [survivor], subject: survivor, resource: { id: 'patient' } },
      {
        verb: 'replace',
        identity: [prior],
        subject: prior,
        alsoFor: [survivor],
        resource: { active: false, link: [{ other: { reference: 'Patient/patient' }, type: 'replaced-by' }] },
      },
    ])
    expect(changes.flatMap(change => check(change.resource))).toEqual([])
  })

  it('takes several pairs, and two prior patients of one survivor', () => {
    const merged = translate(a40('PID|1||NEW^^^H', 'MRG|OLD^^^H', 'PID|2||NEW^^^H', 'MRG|OLDER^^^H'))
    const changes = changesOf(merged, 'Patient')
    expect(changes.map(change => [change.verb, change.resource.id])).toEqual([
      ['ensure', 'patient'],
      ['replace', 'patient-2'],
      ['replace', 'patient-3'],
    ])
  })

  it('refuses halves, and holds a patient merged into itself', () => {
    expect(refusalOf(a40('PID|1||NEW^^^H'))).toBe('E_SEGMENT_MISSING at MRG')
    expect(refusalOf(a40('MRG|OLD^^^H'))).toBe('E_SEGMENT_MISSING at PID')
    expect(refusalOf(a40('PID|1||NEW^^^H', 'PID|2||X^^^H', 'MRG|OLD^^^H'))).toBe('E_SEGMENT_MISSING at MRG')
    expect(refusalOf(a40('PID|1||NEW^^^H', 'MRG|'))).toBe('E_FIELD_MISSING at MRG-1')
    expect(refusalOf(a40('PID|1||NEW^^^H', 'MRG|NEW^^^H'))).toBe('E_MERGE_CYCLE at MRG-1')
  })
})

describe('outline', () => {
  const outline = (message: string) => hl7v2Translator.outline(arrivalOf(message))

  it('names type, version and segments, and counts neighbours', () => {
    expect(outline(oru(obx, obx, 'ZPI|1', 'Anna was here').join('\r'))).toBe('ORU^R01 2.5.1 MSH PID OBR OBX*2 Z.. ?')
    expect(outline('garbage')).toBe('?^? ? ?')
    expect(outline('')).toBe('?^? ? ')
  })

  it('is bounded', () => {
    expect(
      outline(['MSH|^~\\&', ...Array.from({ length: 500 }, (_, i) => (i % 2 ? 'OBX' : 'NTE'))].join('\r')).length,
    ).toBeLessThan(400)
  })
})

describe('bad input', () => {
  const seeds = [
    adt('A01', pv1, 'AL1|1|DA|P^Penicillin'),
    [msh('ORU^R01'), pid, pv1, obr, obx, 'NTE|1||x'],
    [msh('ADT^A40'), pid, 'MRG|OLD^^^H'],
    [
      msh('OML^O21'),
      pid,
      'ORC|NW|P1||G1&A^G2&B',
      'TQ1|1||Q6H|0800',
      obr,
      'SPM|1|S1&A^S2&B||BLD|||||||||||||20261125',
      obx,
    ],
    [msh('MDM^T10'), pid, 'TXA|1|DS|TX|||||||||D1|D0||||AU||AV', 'OBX|1|ED|X||A^AP^PDF^Base64^JVBERi0='],
  ].map(s => Buffer.from(s.join('\r')))

  it('is translated into valid resources or refused, never throws anything else, and no finding says what was in it', () => {
    const runs = Number(process.env.FUZZ_RUNS ?? 3000)
    const edit = fc.tuple(
      fc.nat(),
      fc.constantFrom(
        '|',
        '^',
        '&',
        '~',
        '\\',
        '\r',
        '""',
        'PID',
        'OBX|1|NM|',
        '20261301',
        '-',
        '\0',
        'é',
        '9'.repeat(30),
      ),
      fc.nat(6),
    )
    const mutant = fc
      .tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 8 }))
      .map(([seed, edits]) => mutate(seed, edits))
    fc.assert(
      fc.property(mutant, bytes => {
        hl7v2Translator.outline(arrivalOf(bytes))
        for (const change of changesOrNone(bytes)) expect(check(change.resource)).toEqual([])
        for (const { at } of issuesOf(bytes)) expect(at).toMatch(place)
      }),
      { numRuns: runs },
    )
  })
})

describe.skipIf(!existsSync(corpus))('the corpora (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
  it('every resource is valid R4, of a type of this release, and its references lead into the message', () => {
    let translated = 0
    for (const { file, bytes } of corpusMessages(types)) {
      const changes = changesOrNone(bytes)
      if (changes.length > 0) translated++
      const ids = new Set(changes.map(c => `${c.resource.resourceType}/${c.resource.id}`))
      for (const { resource, verb } of changes) {
        expect(emitted).toContain(resource.resourceType)
        if (verb !== 'delete') expect(check(resource), file).toEqual([])
      }
      const references = [...JSON.stringify(changes.map(c => c.resource)).matchAll(/"reference":"([^"]+)"/g)].map(
        m => m[1]!,
      )
      expect(references.filter(reference => !ids.has(reference))).toEqual([])
    }
    expect(translated).toBeGreaterThan(500)
  })

  it('no two resources of a message have one name', () => {
    for (const { bytes } of corpusMessages(types)) {
      const names = changesOrNone(bytes).map(c => `${c.resource.resourceType} ${JSON.stringify(c.identity[0])}`)
      expect(new Set(names).size).toBe(names.length)
    }
  })
})

/** Places are made of names of the standard and numbers. */
const place =
  /^(?:[A-Z][A-Z0-9]{2}(?:\[\d+\])?(?:-\d+(?:\[\d+\])?(?:\.\d+)*)?|Z\.\.|\?|[A-Z][A-Za-z]+(?:\.[A-Za-z]+)+)$/

function issuesOf(bytes: Uint8Array<ArrayBuffer>) {
  try {
    return hl7v2Translator.translate(arrivalOf(bytes), directory).issues
  } catch (error) {
    return error instanceof Refusal ? error.issues : []
  }
}

function changesOrNone(bytes: Uint8Array<ArrayBuffer>) {
  try {
    return hl7v2Translator.translate(arrivalOf(bytes), directory).changes
  } catch (error) {
    if (error instanceof Refusal) return []
    throw error
  }
}

function mutate(seed: Buffer, edits: readonly (readonly [number, string, number])[]): Uint8Array<ArrayBuffer> {
  let bytes = seed
  for (const [at, insert, drop] of edits) {
    const place = at % (bytes.length + 1)
    bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from(insert, 'latin1'), bytes.subarray(place + drop)])
  }
  return new Uint8Array(bytes)
}
