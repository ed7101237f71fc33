/**
 * From a verdict to the acknowledgement on the wire (HL7 v2.5.1 §2.9 and §2.15, original mode). An answer repeats header
 * fields of the message byte by byte and says nothing else of what stood in it: codes, places, fixed words.
 */
import { errorRow } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import type { Code, Issue, Ms, Verdict } from '../../src/records.ts'
import { type Delimiters, escapeText, standard } from './delimiters.ts'
import type { Header } from './header.ts'

export type AckCode = 'AA' | 'AE' | 'AR'

/** What an answer needs of the moment: its own MSH-10 and the time. */
export type AnswerStamp = Readonly<{ controlId: string; at: Ms }>

/** Names of HL7 table 0357 for the codes of src/errors.ts. */
const table0357: Readonly<Record<string, string>> = {
  '100': 'Segment sequence error',
  '101': 'Required field missing',
  '102': 'Data type error',
  '103': 'Table value not found',
  '200': 'Unsupported message type',
  '201': 'Unsupported event code',
  '202': 'Unsupported processing id',
  '203': 'Unsupported version id',
  '207': 'Application internal error',
}

/**
 * The framed answer to a verdict. `kept`, `held`, `same`: AA. `never`: AR when anything about it is not supported or
 * not allowed, else AE. `later`: null, no answer; for `E_FULL` an AR where the sender's profile says so.
 */
export function answer(
  verdict: Verdict,
  header: Header,
  whenFull: 'close' | 'AR',
  stamp: AnswerStamp,
): Uint8Array | null {
  switch (verdict.kind) {
    case 'kept':
    case 'held':
    case 'same':
      return acknowledge('AA', [], header, stamp)
    case 'never':
      return acknowledge(ackCode(verdict.issues), verdict.issues, header, stamp)
    case 'later':
      if (verdict.code !== 'E_FULL' || whenFull === 'close') return null
      return acknowledge('AR', [{ code: verdict.code, at: '' }], header, stamp)
  }
}

/** AE: the sender can mend the content. AR: this message, whatever its content, is not taken from this sender. */
export function ackCode(issues: readonly Issue[]): 'AE' | 'AR' {
  return issues.some(issue => rejects(issue.code)) ? 'AR' : 'AE'
}

function rejects(code: Code): boolean {
  const { class: kind } = errorRow(code)
  return kind === 'unsupported' || kind === 'access'
}

/**
 * One ACK message in its MLLP frame: MSH, MSA and, beside AE and AR, ERR. `issues` become one ERR each from v2.5 on
 * (ERR-2, 3, 4, 5, 8), and repetitions of ERR-1 with a text in MSA-3 before.
 */
export function acknowledge(code: AckCode, issues: readonly Issue[], header: Header, stamp: AnswerStamp): Uint8Array {
  const d = header.delimiters ?? standard
  const told = issues.slice(0, limits.hl7AnswerErrors)
  const errorLines = told.length === 0 ? [] : hasErr2(header) ? told.map(issue => err(issue, d)) : [oldErr(told, d)]
  const reason = told[0] && !hasErr2(header) ? plainText(told[0].code, d) : ''
  const msa = line(d, 'MSA', [code, controlId(header), reason])
  const segments = [msh(header, d, stamp), msa, ...errorLines]
  // header fields came as bytes in ISO 8859-1 and go back so; all else is ASCII
  return Buffer.from(`\x0b${segments.map(segment => `${segment}\r`).join('')}\x1c\r`, 'latin1')
}

function msh(header: Header, d: Delimiters, stamp: AnswerStamp): string {
  const readable = header.segment === 'MSH' && header.delimiters !== null
  const echo = (n: number): string => (header.delimiters ? header.field(n) : '')
  const encoding = header.delimiters ? header.field(2) : '^~\\&'
  const event = readable ? header.component(9, 2) : ''
  // only what looks like a trigger event: MSH-9 of a refused message may hold anything
  const type = (/^[A-Z][A-Z0-9]{2}$/.test(event) ? ['ACK', event, 'ACK'] : ['ACK']).join(d.component)
  const [processing, version, charset] = readable ? [echo(11), echo(12), echo(18)] : ['P', '2.5.1', '']
  const time = escapeText(hl7Time(stamp.at), d)
  const fields = [echo(5), echo(6), echo(3), echo(4), time, '', type, stamp.controlId, processing, version]
  return line(d, `MSH${d.field}${encoding}`, [...fields, '', '', '', '', '', charset])
}

/** MSA-2: the sender's control id as received; from a header whose delimiters are unusable only if it needs none. */
function controlId(header: Header): string {
  const id = header.field(header.segment === 'MSH' ? 10 : 11)
  return header.delimiters || /^[\w.-]*$/.test(id) ? id : ''
}

/** ERR-2 and its successors came with v2.5; a message without a version is answered as v2.5. */
function hasErr2(header: Header): boolean {
  const minor = /^2\.(\d+)/.exec(header.component(12, 1))?.[1]
  return minor === undefined || Number(minor) >= 5
}

/** ERR of v2.5 and later. ERR-5 is our own code, which the reference of errors explains. */
function err({ code, at }: Issue, d: Delimiters): string {
  const [segment, sequence, field, repetition, component, sub] = place(at)
  const location = trimmed([segment, sequence, field, repetition, component, sub]).join(d.component)
  return line(d, 'ERR', [
    '',
    location,
    coded(code, d.component, d),
    'E',
    escapeText(code, d),
    '',
    '',
    plainText(code, d),
  ])
}

/** ERR of v2.1 to v2.4: segment, sequence, field, and the code as subcomponents. */
function oldErr(issues: readonly Issue[], d: Delimiters): string {
  const errors = issues.map(({ code, at }) => {
    const [segment, sequence, field] = place(at)
    return [segment, sequence, field, coded(code, d.subcomponent, d)].join(d.component)
  })
  return line(d, 'ERR', [errors.join(d.repetition)])
}

function coded(code: Code, separator: string, d: Delimiters): string {
  const number = errorRow(code).hl7 ?? '207'
  const parts = [number, escapeText(table0357[number] ?? '', d), 'HL70357']
  return separator === '' ? number : parts.join(separator)
}

const plainText = (code: Code, d: Delimiters): string => escapeText(errorRow(code).text, d)

type Place = readonly [segment: string, sequence: string, field: string, rep: string, component: string, sub: string]

const nowhere: Place = ['', '', '', '', '', '']

/** `PID-3[2].4` → PID, 1, 3, 2, 4. A place outside HL7 (a FHIR path) is left out. */
function place(at: string): Place {
  const found = /^([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\[(\d+)\])?(?:\.(\d+)(?:\.(\d+))?)?)?$/.exec(at)
  if (!found) return nowhere
  const [, segment, sequence = '1', field = '', repetition, component = '', sub = ''] = found
  return [segment!, sequence, field, repetition ?? (component === '' ? '' : '1'), component, sub]
}

/** Milliseconds → `20261124081500+0000`. */
function hl7Time(at: Ms): string {
  return `${new Date(at).toISOString().slice(0, 19).replace(/[-:T]/g, '')}+0000`
}

const line = (d: Delimiters, name: string, fields: readonly string[]): string =>
  [name, ...trimmed(fields)].join(d.field)

function trimmed(parts: readonly string[]): readonly string[] {
  return parts.slice(0, parts.findLastIndex(part => part !== '') + 1)
}
