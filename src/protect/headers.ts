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

/** The record with its headers signed; `cg-sig` is the last one. */
export function signed({ signing }: Gateway, record: Omit<Sealed, 'headers'>, headers: Headers): Sealed {
  const input = recordSigningInput(record.topic, record.key, headers, record.value)
  const signature = b64u(sign(null, Buffer.from(input), signing))
  return { ...record, headers: JSON.stringify({ ...headers, 'cg-sig': signature }) }
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
