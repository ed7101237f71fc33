/**
 * No word or number of a person leaves in clear by whatever field it came (promise 3): every field of every segment
 * that a map of HL7 v2 reads is filled with what names somebody, all together and every other one, in four forms, and what the
 * Protector makes of it is searched, keys and headers too. What stays by policy (docs/reference/privacy-policy.md) is codes of listed
 * systems, times, and numbers where FHIR has a number.
 */
import { describe, expect, test } from 'vitest'
import { hl7v2Translator } from '../../adapters/hl7v2/translate.ts'
import { Refusal } from '../../src/errors.ts'
import type { Change, Sealed } from '../../src/records.ts'
import { arrivalOf, directoryOf, msh, obx, pid, profile, pv1 } from '../adapters/hl7v2/translate/messages.ts'
import { newWorld } from '../src/protect/world.ts'

/** What is planted, by the form that it has; digits first, because more fields take them. */
const forms: Readonly<Record<string, Readonly<{ canary: string; field: string }>>> = {
  'a phone': words('5550142377'),
  'a social security number': words('078-05-1120'),
  'a name': words('Zwoelfpfennig'),
  'a name as a code': {
    canary: 'zwoelfpfennig',
    field: 'Zwoelfpfennig^Zwoelfpfennig^LN^Zwoelfpfennig^Zwoelfpfennig^SCT',
  },
}

function words(canary: string) {
  const sub = [canary, canary, canary].join('&')
  return { canary: canary.toLowerCase(), field: [...Array<string>(10).fill(canary), sub].join('^') }
}

const orc = 'ORC|NW|P1|F1||||||20261125080000'
const obr = 'OBR|1|P1|F1|CBC^Blood count^L|||20261125073000|||||||||||||||20261125075900||LAB|F'
const spm = 'SPM|1|S1||BLD'
const around = [
  pv1,
  'PD1|',
  'NK1|1|Other^Bert|SPO',
  'AL1|1|DA|PEN^Penicillin^L',
  'DG1|1||I10^Hypertension^I10||20261101',
  'PR1|1||12345^Operation^L||20261101',
  'GT1|1||Other^Dirk',
  'IN1|1|PLAN|C1|Insurance',
  'IN2|1',
  'ROL|R1|AD|PP|100^Heal^Greta',
  'IAM|1|DA|PEN^Penicillin^L||A1|A',
]
const rxr = 'RXR|PO^Oral^HL70162'
const rxe = 'RXE||1049630^Acetaminophen^RXNORM|2||TAB'

/** A message a family of maps, each segment in it once. */
const messages: Readonly<Record<string, readonly string[]>> = {
  'ADT A01': [msh('ADT^A01^ADT_A01'), 'EVN||20261125080000', pid, ...around, obx, 'NTE|1||text'],
  'ADT A40': [msh('ADT^A40^ADT_A39'), 'EVN||20261125080000', pid, 'MRG|777^^^H&1.2.3&ISO^MR'],
  'ORU R01': [
    msh('ORU^R01^ORU_R01'),
    'SFT|a',
    pid,
    ...around,
    orc,
    obr,
    'NTE|1||text',
    'TQ1|1',
    obx,
    'NTE|1||text',
    'PRT|1|UC||RO|100^Heal^Greta',
    spm,
    'SAC|',
  ],
  'ORU R01 with a text': [msh('ORU^R01^ORU_R01'), pid, obr, 'OBX|1|ST|1^Text^L||text||||||F'],
  'ORU R01 with a long text': [msh('ORU^R01^ORU_R01'), pid, obr, 'OBX|1|TX|1^Text^L||text||||||F'],
  'ORU R01 with a document': [
    msh('ORU^R01^ORU_R01'),
    pid,
    obr,
    'OBX|1|ED|1^Text^L||^application^pdf^Base64^QUJD||||||F',
  ],
  'ORU R01 with a code': [msh('ORU^R01^ORU_R01'), pid, obr, 'OBX|1|CWE|1^Text^L||A^B^L||||||F'],
  'ORU R01 with a person': [msh('ORU^R01^ORU_R01'), pid, obr, 'OBX|1|XCN|1^Text^L||1^Heal||||||F'],
  'ORM O01': [
    msh('ORM^O01^ORM_O01'),
    pid,
    ...around,
    orc,
    'TQ1|1',
    obr,
    'NTE|1||text',
    'DG1|1||I10^Hypertension^I10',
    obx,
    'PRT|1|UC||RO|100^Heal^Greta',
    spm,
  ],
  'OML O21': [msh('OML^O21^OML_O21'), pid, pv1, orc, 'TQ1|1', obr, spm, 'SAC|', obx],
  'MDM T02': [
    msh('MDM^T02^MDM_T02'),
    'EVN||20261125080000',
    pid,
    pv1,
    orc,
    obr,
    'TXA|1|DS|TX|20261125080000||||||||D1|||||AU||AV',
    'OBX|1|TX|B^Body^L||text||||||F',
  ],
  'REF I12': [
    msh('REF^I12^REF_I12'),
    'RF1|A|R|MED|||RF1',
    'PRD|RP|Heal^Greta',
    'PRD|RT|Asked^Anna',
    pid,
    ...around,
    obr,
    obx,
    'NTE|1||text',
  ],
  'PPR PC1': [msh('PPR^PC1^PPR_PC1'), pid, pv1, 'PRB|AD|20261125|I10^Hypertension^I10|PB1', 'NTE|1||text'],
  'DFT P03': [
    msh('DFT^P03^DFT_P03'),
    'EVN||20261125080000',
    pid,
    pv1,
    'FT1|1|T1||20261125||CG|99213^Visit^C4',
    'GT1|1||Other^Dirk',
    'IN1|1|PLAN|C1|Insurance',
    'IN2|1',
  ],
  'BAR P01': [msh('BAR^P01^BAR_P01'), 'EVN||20261125080000', pid, ...around],
  'SIU S12': [
    msh('SIU^S12^SIU_S12'),
    'SCH|P77|F12||||ADD|CHECKUP|Normal|30|min|^^30^20261201090000^20261201093000',
    'TQ1|1',
    'NTE|1||text',
    pid,
    pv1,
    obx,
    'RGS|1|A',
    'AIS|1|A|CONSULT^Consult^L|20261201090000',
    'NTE|1||text',
    'AIG|1|A|ECG1',
    'AIL|1|A|ROOM5',
    'AIP|1|A|100^Heal^Greta',
  ],
  'VXU V04': [
    msh('VXU^V04^VXU_V04'),
    pid,
    ...around,
    'ORC|RE||F9',
    'RXA|0|1|20261125||03^MMR^CVX|0.5|mL|||||||||||||CP|A',
    'RXR|SC|LA',
    obx,
    'NTE|1||text',
  ],
  'VXU V04 with facts': [
    msh('VXU^V04^VXU_V04'),
    pid,
    'ORC|RE||F9',
    'RXA|0|1|20261125||03^MMR^CVX|0.5',
    'OBX|1|CE|64994-7^a^LN|1|V02^b^HL70064||||||F',
    'OBX|2|CE|69764-9^a^LN|2|1^b^cdcgs1vis||||||F',
  ],
  'OMP O09': [
    msh('OMP^O09^OMP_O09'),
    pid,
    pv1,
    orc,
    'TQ1|1||TID',
    'RXO|00071015523^Atorvastatin^NDC|1||TAB',
    'NTE|1||text',
    rxr,
    'RXC|A|W^Water^L|1|mL',
    obx,
  ],
  'RDE O11': [
    msh('RDE^O11^RDE_O11'),
    pid,
    pv1,
    orc,
    rxe,
    'TQ1|1||TID',
    rxr,
    'RXC|A|W^Water^L|1|mL',
    'NTE|1||text',
    obx,
  ],
  'RDS O13': [
    msh('RDS^O13^RDS_O13'),
    pid,
    pv1,
    orc,
    rxe,
    rxr,
    'RXD|1|1049630^Acetaminophen^RXNORM|20261125|2|TAB',
    rxr,
  ],
  'RGV O15': [msh('RGV^O15^RGV_O15'), pid, pv1, orc, rxe, rxr, 'RXG|1|||1049630^Acetaminophen^RXNORM|2||TAB', rxr],
  'RAS O17': [
    msh('RAS^O17^RAS_O17'),
    pid,
    pv1,
    orc,
    'RXA|0|1|20261125080000||1049630^Acetaminophen^RXNORM|2|TAB',
    rxr,
    'OBX|1|NM|1^Pulse^L||60||||||F',
  ],
  'MFN M02': [
    msh('MFN^M02^MFN_M02'),
    'MFI|PRA||UPD|||AL',
    'MFE|MAD|||100^Heal^Greta|CWE',
    'STF|100|100|Heal^Greta',
    'PRA|100',
    'ORG|1|A^Ward^L',
    'LAN|1|ENG',
  ],
  'MFN M05': [
    msh('MFN^M05^MFN_M05'),
    'MFI|LOC||UPD|||AL',
    'MFE|MAD|||ROOM5|PL',
    'LOC|ROOM5|Room|R',
    'LDP|ROOM5|MED',
    'LCH|ROOM5||A|B^b^L|C^c^L',
  ],
}

const world = newWorld()
const protector = world.open()

function changesOf(segments: readonly string[]): readonly Change[] | null {
  try {
    return hl7v2Translator.translate(arrivalOf(segments.join('\r')), directoryOf(profile)).changes
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}

/**
 * What goes out; none where the message is refused or held. That the last scan finds a name is no way out here: the policy
 * has to seal it first, because the scan knows only the names that a message gives as such.
 */
function recordsOf(segments: readonly string[]): readonly Sealed[] {
  const changes = changesOf(segments)
  try {
    return changes ? protector.seal(changes, world.stamp()).records : []
  } catch (error) {
    if (error instanceof Refusal && error.issues[0]?.code !== 'E_PRIVACY_SCAN') return []
    throw error
  }
}

/** The places in the records where it can be read: keys, headers, strings of the resources and the names of their members. */
function seenIn(records: readonly Sealed[], canary: string): string[] {
  return records.flatMap(({ lane, key, headers, value }) => {
    if (lane === 'key') return []
    const resource = value ? JSON.parse(Buffer.from(value).toString()) : {}
    return [...stringsOf({ key, headers, resource }, '')].flatMap(([at, text]) =>
      `${at} ${text}`.toLowerCase().includes(canary) ? [`${resource.resourceType}${at}`] : [],
    )
  })
}

function* stringsOf(value: unknown, at: string): Generator<readonly [string, string]> {
  if (typeof value === 'string') yield [at, value]
  if (typeof value !== 'object' || value === null) return
  for (const [name, part] of Object.entries(value)) yield* stringsOf(part, `${at}.${Array.isArray(value) ? '' : name}`)
}

type Place = Readonly<{ at: number; n: number }>

/** The message with those fields filled; MSH-1 and MSH-2 hold the delimiters. */
function filled(segments: readonly string[], places: readonly Place[], field: string): string[] {
  const lines = segments.map(segment => segment.split('|'))
  for (const { at, n } of places) {
    const line = lines[at]!
    const index = line[0] === 'MSH' ? n - 1 : n
    while (line.length <= index) line.push('')
    line[index] = field
  }
  return lines.map(line => line.join('|'))
}

/** Of `places` as many as can be filled so that the message is still good: halves, and halves of the bad ones. */
function fillable(
  good: (places: readonly Place[]) => boolean,
  places: readonly Place[],
  taken: readonly Place[] = [],
): readonly Place[] {
  if (good([...taken, ...places])) return [...taken, ...places]
  if (places.length < 2) return taken
  const half = Math.ceil(places.length / 2)
  return fillable(good, places.slice(half), fillable(good, places.slice(0, half), taken))
}

/** The longest of these segments (IN1, OBR, GT1) have no more that is read. */
const most = 56

function placesOf(segments: readonly string[]): Place[] {
  return segments.flatMap((segment, at) =>
    Array.from({ length: most }, (_, i) => ({ at, n: i + 1 })).filter(({ n }) => n > 2 || !segment.startsWith('MSH')),
  )
}

/** Fields stand in for one another, so that every other one is filled as well as all together. */
const parts: readonly ((place: Place) => boolean)[] = [
  () => true,
  ...[0, 1].map(k => {
    return ({ n }: Place) => n % 2 === k
  }),
]

describe.each(Object.entries(messages))('%s', (_, message) => {
  test('is translated and sealed', () => {
    expect(recordsOf(message).length).toBeGreaterThan(1)
  })

  test.each(parts.map((part, i) => [i, part] as const))(
    'shows nothing of anybody, whatever it stands in: %i',
    (_, part) => {
      let places = placesOf(message).filter(part)
      for (const [form, { canary, field }] of Object.entries(forms)) {
        places = [...fillable(some => changesOf(filled(message, some, field)) !== null, places)]
        const sealed = fillable(some => recordsOf(filled(message, some, field)).length > 0, places)
        const records = recordsOf(filled(message, sealed, field))
        expect(records.length, form).toBeGreaterThan(1)
        expect(seenIn(records, canary), form).toEqual([])
      }
    },
  )
})

test('of a birth date no more than its year is shown, whosever it is', () => {
  const born = '19370411'
  const at = (name: string, n: number) => `${name}${'|'.repeat(n)}${born}`
  const people = [pid.replace('19741225', born), `NK1|1|Other^Bert|SPO${'|'.repeat(13)}${born}`]
  const guarantors = [`GT1|1||Other^Dirk|||||${born}`, `IN1|1|PLAN|C1|Insurance${'|'.repeat(14)}${born}`, at('IN2', 70)]
  const staff = [msh('MFN^M02^MFN_M02'), 'MFI|PRA||UPD|||AL', 'MFE|MAD|||100|CWE', `STF|100|100|Heal^Greta|||${born}`]
  const result = [
    msh('ORU^R01^ORU_R01'),
    ...people,
    ...guarantors,
    obr,
    `OBX|1|DT|21112-8^Birth date^LN||${born}||||||F`,
  ]
  for (const message of [result, staff]) {
    const records = recordsOf(message)
    expect(records.length).toBeGreaterThan(1)
    expect([born, '1937-04-11'].flatMap(canary => seenIn(records, canary))).toEqual([])
  }
})

test('a number of the patient in place of a measurement is sealed; a measurement stays', () => {
  const own = ['5550142377', '8841902']
  const who = pid.replace('555 0100^PRN^PH', `${own[0]}^PRN^PH`).replace('12345', own[1]!)
  const result = (value: string) => [msh('ORU^R01^ORU_R01'), who, obr, `OBX|1|NM|1^Call^L||${value}||||||F`]
  const shown = (value: string) =>
    recordsOf(result(value)).filter(({ value: bytes }) => Buffer.from(bytes ?? '').includes(value))
  expect(own.flatMap(shown)).toEqual([])
  expect(shown('8841903')).toHaveLength(1)
})
