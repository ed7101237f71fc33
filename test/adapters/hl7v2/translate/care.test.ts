/** What holds of appointments, immunisations, medicines and master files alike, over the corpora and over damaged messages. */
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hl7v2Translator } from '../../../../adapters/hl7v2/translate.ts'
import { Refusal } from '../../../../src/errors.ts'
import { check } from '../../../../src/fhir/check.ts'
import { arrivalOf, corpus, corpusMessages, directoryOf, profile } from './messages.ts'

const types = [
  ...'S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26'.split(' ').map(event => `SIU^${event}`),
  'VXU^V04',
  ...['OMP^O09', 'RDE^O11', 'RDE^O25', 'RDS^O13', 'RGV^O15', 'RAS^O17', 'MFN^M02', 'MFN^M05'],
]
const directory = directoryOf(profile)

function outcomeOf(bytes: Uint8Array<ArrayBuffer>) {
  try {
    const { changes } = hl7v2Translator.translate(arrivalOf(bytes), directory)
    return { changes, refused: null }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { changes: [], refused: error.message }
  }
}

describe.skipIf(!existsSync(corpus))('the corpora (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
  const all = [...corpusMessages(types)].map(({ file, bytes }) => ({ file, bytes, ...outcomeOf(bytes) }))

  it('only the message whose sender counts its fields wrong is refused', () => {
    const refused = all.flatMap(({ file, refused }) => (refused ? [`${file.split('/').at(-1)} ${refused}`] : []))
    expect(refused).toEqual(['siu-s12.hl7 E_FIELD_MISSING at SCH-11'])
    expect(all.length).toBeGreaterThan(40)
  })

  it('all resources are valid R4, lead into their message, and have names of their own that stay the same', () => {
    for (const { file, bytes, changes } of all) {
      const ids = new Set(changes.map(({ resource }) => `${resource.resourceType}/${resource.id}`))
      expect(
        changes.flatMap(({ resource }) => check(resource)),
        file,
      ).toEqual([])
      const references = [...JSON.stringify(changes.map(({ resource }) => resource)).matchAll(/"reference":"([^"]+)"/g)]
      expect(
        references.map(match => match[1]!).filter(reference => !ids.has(reference)),
        file,
      ).toEqual([])
      const names = changes.map(({ resource, identity }) => `${resource.resourceType} ${JSON.stringify(identity[0])}`)
      expect(new Set(names).size, file).toBe(names.length)
      expect(outcomeOf(bytes).changes, file).toEqual(changes)
    }
  })
})

describe('bad input', () => {
  const pid = 'PID|1||12345^^^H^MR||Example^Anna'
  const header = (type: string) => `MSH|^~\\&|A|B|C|D|20261125||${type}|M1|P|2.5.1`
  const seeds = [
    [
      header('SIU^S14'),
      'SCH|P1|F1||||ADD|CHECKUP|Normal|30|min|^^^20261201090000^20261201093000|9^A|||||||||||||Booked|P9',
      pid,
      'RGS|1|A',
      'AIS|1|A|C^Consult|20261201090000|||30|min',
      'AIP|1|A|1^Heal|D||20261201|5|min|15|min|N|Booked',
    ],
    [
      header('VXU^V04'),
      pid,
      'ORC|RE|P1|F1||||||20261125',
      'RXA|0|1|20261124||115^Tdap^CVX|0.5|mL||00^New^NIP001|7^G||||||20280630|PMC^S^MVX|||CP|A',
      'RXR|IM|LD',
      'OBX|1|CE|64994-7^E^LN|1|V02^V||||||F',
      'OBX|2|DT|29769-7^P^LN|2|20261124||||||F',
    ],
    [
      header('RDE^O11'),
      pid,
      'ORC|NW|P1||||IP||20261125',
      'TQ1|1|1^TAB|TID||||20261125|20261202|S||x',
      'RXO|A^B^L|1|2|mg||||||N|5|TAB|1',
      'RXE|1^BID|A^B^L|2|3|mg|F^Form|^with food|||20|TAB|0|||RX1||||8^mg||||100|mL/hr|5|mg',
      'RXR|PO|LD',
      'RXC|A|K^Potassium|20|meq',
    ],
    [
      header('RAS^O17'),
      pid,
      'ORC|RE|P1',
      'RXA|0|1|20261125120000|20261125123000|A^B^L|500|mg||x|7^N||H1|||LOT|20280101||N^No|R51|CP|A',
      'RXR|PO',
    ],
    [header('MFN^M02'), 'MFI|STF', 'MFE|MAD|||1', 'STF|1|1|A^B||F|1970|A|C', 'PRA|1||A||S|7^NPI', 'ORG|1|C'],
    [header('MFN^M05'), 'MFI|LOC', 'MFE|MUP|||W^1', 'LOC|W^1|Bed|B', 'LCH|1||1|S|N', 'LDP|W|C||||A'],
  ].map(segments => segments.join('\r'))
  const token = fc.constantFrom('|', '^', '&', '~', '\r', '""', '\\', '-1', '20261301', 'é', '9'.repeat(30), 'PID|')

  it('becomes valid resources or a refusal', () => {
    const edits = fc.array(fc.tuple(fc.nat(), token, fc.nat(8)), { minLength: 1, maxLength: 8 })
    const mutant = fc.tuple(fc.constantFrom(...seeds), edits).map(([seed, changes]) => changes.reduce(edit, seed))
    fc.assert(
      fc.property(mutant, text => {
        for (const { resource } of outcomeOf(new Uint8Array(Buffer.from(text))).changes)
          expect(check(resource)).toEqual([])
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 2000) },
    )
  })
})

function edit(text: string, [at, insert, drop]: readonly [number, string, number]): string {
  const place = at % (text.length + 1)
  return text.slice(0, place) + insert + text.slice(place + drop)
}
