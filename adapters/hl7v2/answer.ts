/**
 * From a verdict to the acknowledgements on the wire (HL7 v2.5.1 §2.9 and §2.15). An answer repeats header fields of the
 * message byte by byte and says nothing else of what stood in it: codes, places, fixed words.
 */
import { errorRow } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import type { Code, Issue, Ms, Verdict } from '../../src/records.ts'
import { type Delimiters, escapeText, standard } from './delimiters.ts'
import type { Header } from './header.ts'

/** Good, wrong in its content, or not taken at all. */
type Outcome = 'A' | 'E' | 'R'

/** HL7 table 0008: `A_` application acknowledgement, `C_` commit acknowledgement of enhanced mode. */
export type AckCode = `${'A' | 'C'}${Outcome}`

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
 * The answers that a verdict owes the sender, each one message, in the order in which they go: in original mode one, in
 * enhanced mode those that MSH-15 and MSH-16 ask for. `kept`, `held`, `same` are positive. `never`: a reject when
 * anything about it is not supported or not allowed, else an error. Null: `later`; it is still the sender's, and is told
 * so only for `E_FULL`, where its profile says so and it listens to rejects.
 */
export function answers(
  verdict: Verdict,
  header: Header,
  whenFull: 'close' | 'AR',
  stamp: () => AnswerStamp,
): readonly string[] | null {
  switch (verdict.kind) {
    case 'kept':
    case 'held':
    case 'same':
      return say('A', [], header, stamp)
    case 'never':
      return refusals(verdict.issues, header, stamp)
    case 'later': {
      if (verdict.code !== 'E_FULL' || whenFull === 'close') return null
      const rejects = say('R', [{ code: verdict.code, at: '' }], header, stamp)
      return rejects.length > 0 ? rejects : null
    }
  }
}

/** What a refused message owes its sender. */
export function refusals(issues: readonly Issue[], header: Header, stamp: () => AnswerStamp): readonly string[] {
  return say(ackCode(issues) === 'AE' ? 'E' : 'R', issues, header, stamp)
}

function say(outcome: Outcome, issues: readonly Issue[], header: Header, stamp: () => AnswerStamp): readonly string[] {
  return codesFor(outcome, header).map(code => acknowledge(code, issues, header, stamp()))
}

/**
 * Commit before application acknowledgement; a message that was not accepted never reaches the application, so that an
 * error is said once (HL7 v2.5.1 §2.9.3).
 */
function codesFor(outcome: Outcome, header: Header): readonly AckCode[] {
  const wishes = wishesOf(header)
  if (!wishes) return [`A${outcome}`]
  const hears = (wish: Wish) => wish === 'AL' || wish === (outcome === 'A' ? 'SU' : 'ER')
  const commit: readonly AckCode[] = hears(wishes.commit) ? [`C${outcome}`] : []
  const said = outcome !== 'A' && commit.length > 0
  return hears(wishes.application) && !said ? [...commit, `A${outcome}`] : commit
}

/** HL7 table 0155: always, never, errors and rejects only, success only. */
type Wish = 'AL' | 'NE' | 'ER' | 'SU'

/**
 * What MSH-15 and MSH-16 ask for; null: original mode, where both are empty. Where one is empty it is `NE` (§2.9.1); a
 * value outside the table counts as empty.
 */
function wishesOf(header: Header): Readonly<{ commit: Wish; application: Wish }> | null {
  if (header.segment !== 'MSH') return null
  const [commit, application] = [wishIn(header.component(15, 1)), wishIn(header.component(16, 1))]
  return commit || application ? { commit: commit ?? 'NE', application: application ?? 'NE' } : null
}

const wishIn = (text: string): Wish | undefined => /^(?:AL|NE|ER|SU)$/.exec(text.trim().toUpperCase())?.[0] as Wish

/** AE: the sender can mend the content. AR: this message, whatever its content, is not taken from this sender. */
export function ackCode(issues: readonly Issue[]): 'AE' | 'AR' {
  return issues.some(issue => rejects(issue.code)) ? 'AR' : 'AE'
}

function rejects(code: Code): boolean {
  const { class: kind } = errorRow(code)
  return kind === 'unsupported' || kind === 'access'
}

/**
 * One ACK message: MSH, MSA and, beside errors and rejects, ERR; every segment with its CR. `issues` become one ERR each
 * from v2.5 on (ERR-2, 3, 4, 5, 8), and repetitions of ERR-1 with a text in MSA-3 before.
 */
export function acknowledge(code: AckCode, issues: readonly Issue[], header: Header, stamp: AnswerStamp): string {
  const d = header.delimiters ?? standard
  const told = issues.slice(0, limits.hl7AnswerErrors)
  const errorLines = told.length === 0 ? [] : hasErr2(header) ? told.map(issue => err(issue, d)) : [oldErr(told, d)]
  const reason = told[0] && !hasErr2(header) ? plainText(told[0].code, d) : ''
  const msa = line(d, 'MSA', [code, controlId(header), reason])
  return [msh(header, d, stamp), msa, ...errorLines].map(segment => `${segment}\r`).join('')
}

/** Answers to `header`, each in an MLLP frame of its own. */
export function framed(messages: readonly string[], header: Header): Uint8Array {
  return Buffer.concat(messages.flatMap(message => [VT, header.encode(message), FS_CR]))
}

/** BHS or FHS of an answer: the parties swapped, an own control id, and in field 12 the one that it answers. */
export function batchHeader(header: Header, { controlId, at }: AnswerStamp): string {
  const d = header.delimiters ?? standard
  const echo = (n: number) => header.field(n)
  const fields = [echo(5), echo(6), echo(3), echo(4), escapeText(hl7Time(at), d), '', '', '', controlId, echo(11)]
  return `${line(d, `${header.segment}${d.field}${echo(2)}`, fields)}\r`
}

/** BTS or FTS of an answer. */
export function batchTrailer(segment: 'BTS' | 'FTS', count: number, header: Header): string {
  return `${line(header.delimiters ?? standard, segment, [String(count)])}\r`
}

const VT = Uint8Array.of(0x0b)
const FS_CR = Uint8Array.of(0x1c, 0x0d)

function msh(header: Header, d: Delimiters, stamp: AnswerStamp): string {
  const readable = header.segment === 'MSH' && header.delimiters !== null
  const echo = (n: number): string => (header.delimiters ? header.field(n) : '')
  const encoding = header.delimiters ? header.field(2) : '^~\\&'
  const event = readable ? header.component(9, 2) : ''
  // only what looks like a trigger event: MSH-9 of a refused message may hold anything
  const type = (/^[A-Z][A-Z0-9]{2}$/.test(event) ? ['ACK', event, 'ACK'] : ['ACK']).join(d.component)
  const [processing, version, charset] = readable ? [echo(11), echo(12), echo(18)] : ['P', '2.5.1', '']
  const time = escapeText(hl7Time(stamp.at), d)
  // an acknowledgement asks for none, or two systems would never stop
  const never = wishesOf(header) ? 'NE' : ''
  const fields = [echo(5), echo(6), echo(3), echo(4), time, '', type, stamp.controlId, processing, version]
  return line(d, `MSH${d.field}${encoding}`, [...fields, '', '', never, never, '', charset])
}

/** MSA-2: the sender's control id as received; from a header whose delimiters are unusable only if it needs none. */
function controlId(header: Header): string {
  const id = header.field(header.segment === 'MSH' ? 10 : 11)
  return header.delimiters || /^[\w.-]*$/.test(id) ? id : ''
}

/** ERR-2 and its successors came with v2.5; a message without a version is answered as v2.5. */
function hasErr2(header: Header): boolean {
  const minor = header.segment === 'MSH' ? /^2\.(\d+)/.exec(header.component(12, 1))?.[1] : undefined
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
