/** What the headers of a record say (DESIGN §4). A record whose headers are not of this form is malformed. */
import { sealedContentType } from './binary.ts'
import type { ReaderRecord } from './signature.ts'

type Headers = ReaderRecord['headers']

/** Where a record stands in its gateway's log. */
export type Numbers = Readonly<{ epoch: string; seq: number }>

/** `i/n`, from 1. */
export type Part = Readonly<{ i: number; n: number }>

export type Facts = Readonly<{
  verb: 'replace' | 'ensure' | 'delete'
  /** `Type/id`. */
  reference: string
  type: string
  id: string
  /** `<epoch>.<arrival>.<release>`: text order is version order, within one gateway. */
  version: string
  gateway: string
  /** Time of arrival, RFC 3339 UTC in milliseconds: text order is time order. */
  time: string
  mode: 'live' | 'test'
  historical: boolean
  part: Part
  /** This record is one part of an attachment. */
  chunk: Part | null
}>

const verbs = ['replace', 'ensure', 'delete'] as const
const subject = /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9.-]{1,64})$/
const version = /^\d{10}\.\d{12}\.\d{4}$/
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Epoch and sequence number; null where they are no numbers. */
export function numbersOf(headers: Headers): Numbers | null {
  const epoch = headers['cg-epoch'] ?? ''
  const seq = Number(headers['cg-seq'])
  if (!/^\d{1,15}$/.test(epoch) || !/^\d{1,15}$/.test(headers['cg-seq'] ?? '')) return null
  return { epoch, seq }
}

/** The facts of a data record; null where a header is missing or of another form, or contradicts another one. */
export function factsOf({ headers, value }: ReaderRecord): Facts | null {
  const verb = verbs.find(one => one === headers['cg-verb'])
  const [reference, type, id] = subject.exec(headers.ce_subject ?? '') ?? []
  const mode = headers['cg-mode']
  const part = partOf(headers['cg-part'])
  const chunk = headers['cg-chunk'] === undefined ? null : partOf(headers['cg-chunk'])
  if (!verb || reference === undefined || headers['cg-type'] !== type || !part || chunk === undefined) return null
  if (chunk && !id!.endsWith(`-${chunk.i}`)) return null
  if (!version.test(headers['cg-version'] ?? '') || !time.test(headers.ce_time ?? '')) return null
  if ((mode !== 'live' && mode !== 'test') || (verb === 'delete') !== (value === null)) return null
  return {
    verb,
    reference,
    type: type!,
    id: id!,
    version: headers['cg-version']!,
    gateway: headers['cg-gateway']!,
    time: headers.ce_time!,
    mode,
    historical: headers['cg-historical'] === '1',
    part,
    chunk,
  }
}

/** Reads `i/n`; undefined where it is of another form. */
export function partOf(text = ''): Part | undefined {
  const [, i, n] = /^([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(text) ?? []
  if (i === undefined || n === undefined || Number(i) > Number(n)) return undefined
  return { i: Number(i), n: Number(n) }
}

/** A record that was sent before: marked as such, and of a message that no person released. */
export function isSentAgain(headers: Headers): boolean {
  return headers['cg-historical'] === '1' && (headers['cg-version'] ?? '').endsWith('.0000')
}

/** Whether a resource is the one that the headers name. A Binary that is sealed as a whole may stand for any type. */
export function isNamed(resource: Readonly<Record<string, unknown>>, { type, id }: Facts): boolean {
  if (resource.id !== id) return false
  return (
    resource.resourceType === type || (resource.resourceType === 'Binary' && resource.contentType === sealedContentType)
  )
}
