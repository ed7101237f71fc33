/** The headers of a record, in sending order, and its signature (DESIGN §4; SEALING S4). */
import { type KeyObject, sign } from 'node:crypto'
import type { Stamp } from '../ports.ts'
import type { Ms, Sealed } from '../records.ts'
import { b64u, recordSigningInput } from './format.ts'
import type { Purpose } from './keys.ts'

type Headers = Record<string, string>

export type Gateway = Readonly<{ tenant: string; gateway: string; purpose: Purpose; signing: KeyObject }>

/** What the headers of a data record say beyond the stamp. */
export type Facts = Readonly<{
  type: string
  verb: string
  id: string
  eventId: string
  part: string
  policy: string
  seq: number
}>

export function dataHeaders(gateway: Gateway, stamp: Stamp, facts: Facts): Headers {
  const { epoch, arrival, release, receivedAt, mode, historical } = stamp
  const { type, verb, id, eventId, part, policy, seq } = facts
  return {
    ce_specversion: '1.0',
    ce_type: `clinic-gateway.${type}.${verb}`,
    ce_source: sourceOf(gateway),
    ce_time: timeOf(receivedAt),
    'content-type': 'application/fhir+json',
    ce_subject: `${type}/${id}`,
    ce_id: eventId,
    'cg-type': type,
    'cg-verb': verb,
    'cg-version': `${digits(epoch, 10)}.${digits(arrival, 12)}.${digits(release, 4)}`,
    'cg-message': String(arrival),
    'cg-part': part,
    'cg-gateway': gateway.gateway,
    'cg-epoch': String(epoch),
    'cg-seq': String(seq),
    'cg-mode': mode,
    'cg-purpose': gateway.purpose,
    ...(historical ? { 'cg-historical': '1' } : {}),
    'cg-policy': policy,
  }
}

/** Headers of key records, as of all records that are no resource (DESIGN §4, Details that two writers must do alike). */
export function plainHeaders(gateway: Gateway, { epoch, receivedAt }: Stamp, seq: number): Headers {
  return {
    ce_specversion: '1.0',
    ce_source: sourceOf(gateway),
    ce_time: timeOf(receivedAt),
    'cg-gateway': gateway.gateway,
    'cg-epoch': String(epoch),
    'cg-seq': String(seq),
    'cg-purpose': gateway.purpose,
  }
}

/**
 * The test record of `check --online`: about nothing and nobody. It takes no number, so that it needs nothing of the
 * store; readers skip it.
 */
export function checkRecord(gateway: Gateway, topic: string, at: Ms): Sealed {
  const headers = {
    ce_specversion: '1.0',
    ce_source: sourceOf(gateway),
    ce_time: timeOf(at),
    'cg-verb': 'check',
    'cg-gateway': gateway.gateway,
    'cg-purpose': gateway.purpose,
  }
  return signed(gateway, { seq: 0, lane: 'data', topic, key: `check/${gateway.gateway}`, value: null }, headers)
}

/** The record with its headers signed; `cg-sig` is the last one. */
export function signed({ signing }: Gateway, record: Omit<Sealed, 'headers'>, headers: Headers): Sealed {
  const input = recordSigningInput(record.topic, record.key, headers, record.value)
  const signature = b64u(sign(null, Buffer.from(input), signing))
  return { ...record, headers: JSON.stringify({ ...headers, 'cg-sig': signature }) }
}

/**
 * The record as it goes out again: under other numbers where they are given, a data record marked `cg-historical` in its
 * place of `dataHeaders`, signed anew. The same record always becomes the same bytes.
 */
export function again(gateway: Gateway, record: Sealed, numbers?: Readonly<{ epoch: number; seq: number }>): Sealed {
  const { 'cg-sig': _old, 'cg-historical': _mark, ...headers } = JSON.parse(record.headers) as Headers
  if (numbers) Object.assign(headers, { 'cg-epoch': String(numbers.epoch), 'cg-seq': String(numbers.seq) })
  const marked = record.lane === 'data' ? insertBefore(headers, 'cg-policy', { 'cg-historical': '1' }) : headers
  return signed(gateway, { ...record, seq: numbers?.seq ?? record.seq }, marked)
}

function insertBefore(headers: Headers, name: string, more: Headers): Headers {
  const entries = Object.entries(headers)
  const place = entries.findIndex(([one]) => one === name)
  return Object.fromEntries(entries.toSpliced(place < 0 ? entries.length : place, 0, ...Object.entries(more)))
}

function sourceOf({ tenant, gateway }: Gateway): string {
  return `/${tenant}/${gateway}`
}

/** `YYYY-MM-DDThh:mm:ss.sssZ`, compared as text. */
function timeOf(at: Ms): string {
  return new Date(at).toISOString()
}

function digits(number: number, width: number): string {
  return String(number).padStart(width, '0')
}
