/** Synthetic messages for the translator's tests, and short ways to translate them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { FhirResource } from 'fhir/r4.js'
import { hl7v2Translator } from '../../../../adapters/hl7v2/translate.ts'
import { Refusal } from '../../../../src/errors.ts'
import type { Directory, SenderProfile } from '../../../../src/ports.ts'
import type { Arrival, Change, Identity, Translated } from '../../../../src/records.ts'

/** The corpora stand beside the project or where the variable says. */
export const corpus = resolve(import.meta.dirname, '../../../..', process.env.CLINIC_GATEWAY_CORPUS ?? '../shared/data')

export const profile: SenderProfile = {
  name: 'ward',
  addresses: ['127.0.0.1/32'],
  zone: 'Europe/Berlin',
  charset: 'UNICODE UTF-8',
  identifying: {},
  authorities: {},
  adt: 'snapshot',
  test: 'topic',
  whenFull: 'close',
  endWithoutCr: false,
  codes: {},
}

export function directoryOf(sender: SenderProfile): Directory {
  return { revision: 1, anySender: null, senders: [sender], devices: new Map(), clients: new Map() }
}

export function arrivalOf(message: string | Uint8Array<ArrayBuffer>): Arrival {
  const bytes = typeof message === 'string' ? new Uint8Array(Buffer.from(message)) : message
  const facts = { source: 'mllp', sender: 'ward', format: 'hl7v2', messageId: 'M1', mode: 'live' } as const
  return { ...facts, receivedAt: 0, clockTrusted: true, meta: {}, bytes }
}

/** Translates a message given as segments; `settings` change the sender's profile. */
export function translate(segments: readonly string[], settings: Partial<SenderProfile> = {}): Translated {
  return hl7v2Translator.translate(arrivalOf(segments.join('\r')), directoryOf({ ...profile, ...settings }))
}

/** What a message is refused with, `E_DATE at OBX-14`; null when it is taken. */
export function refusalOf(segments: readonly string[], settings: Partial<SenderProfile> = {}): string | null {
  try {
    translate(segments, settings)
    return null
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.message
  }
}

type Type = FhirResource['resourceType']

export function changesOf(translated: Translated, type: Type): readonly Change[] {
  return translated.changes.filter(change => change.resource.resourceType === type)
}

/** What names the resources of a type: the first of each change's candidates. */
export function namesOf(translated: Translated, type: Type): readonly Identity[] {
  return changesOf(translated, type).map(change => change.identity[0] as Identity)
}

/** The only, or the first, resource of a type; fails where there is none. */
export function one<T extends Type>(translated: Translated, type: T): Extract<FhirResource, { resourceType: T }> {
  const [change] = changesOf(translated, type)
  if (!change) throw new Error(`no ${type}`)
  return change.resource as Extract<FhirResource, { resourceType: T }>
}

export const codesOf = (translated: Translated): readonly string[] => translated.issues.map(i => `${i.code} ${i.at}`)

// ---------------------------------------------------------------- segments

export const msh = (type: string, rest = '20261125080000||TYPE|M1|P|2.5.1') =>
  `MSH|^~\\&|APP|WARD|BOX|CLINIC|${rest.replace('TYPE', type)}`
export const pid =
  'PID|1||12345^^^H&1.2.3&ISO^MR||Example^Anna^B||19741225|F|||Street 5^^Town^ST^10115^DE||555 0100^PRN^PH'
export const pv1 = `PV1|1|I|W1^12^2^HOSP||||1234^Heal^Greta^^^Dr${'|'.repeat(12)}V100${'|'.repeat(25)}20261124100000`
export const obr = 'OBR|1|P1|F1|CBC^Blood count^L|||20261125073000|||||||||||||||20261125075900||LAB|F'
export const obx = 'OBX|1|NM|718-7^Hemoglobin^LN||13.50|g/dL^g/dL^UCUM|12.0-16.0|N|||F|||20261125073000'

export const oru = (...results: readonly string[]): readonly string[] => [msh('ORU^R01^ORU_R01'), pid, obr, ...results]
export const adt = (event: string, ...more: readonly string[]): readonly string[] => [
  msh(`ADT^${event}^ADT_A01`),
  'EVN||20261125080000',
  pid,
  ...more,
]

// ---------------------------------------------------------------- corpus

/** The messages of the corpora that are of one of these types, as bytes. */
export function* corpusMessages(
  types: readonly string[],
): Generator<Readonly<{ file: string; bytes: Uint8Array<ArrayBuffer> }>> {
  const root = join(corpus, 'hl7-corpus')
  if (!existsSync(root)) return
  for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!/\.(hl7|txt|dat|er7)$/i.test(file)) continue
    const text = readFileSync(join(root, file), 'latin1').replace(/^\xef\xbb\xbf/, '')
    for (const message of text.split(/(?=^MSH)/m).filter(part => part.startsWith('MSH'))) {
      const [type, event] = (message.split(/[\r\n]/)[0]!.split(message[3]!)[8] ?? '').split('^')
      if (types.includes(`${type}^${event}`)) yield { file, bytes: new Uint8Array(Buffer.from(message, 'latin1')) }
    }
  }
}
