/** What the tests of the translator share: requests, a client, small resources. */
import { expect } from 'vitest'
import { fhirTranslator } from '../../../adapters/fhir-http/translate.ts'
import { Refusal } from '../../../src/errors.ts'
import { check } from '../../../src/fhir/check.ts'
import type { Directory } from '../../../src/ports.ts'
import type { Arrival, Translated } from '../../../src/records.ts'
import { heartRate, patient } from '../../src/fhir/cases.ts'

export type Json = Record<string, unknown>

export const mrn = { system: 'urn:oid:2.16.840.1.113883.19.5', value: '12345' }
export const lone = { ...patient, managingOrganization: undefined }
export const measured = { ...heartRate, subject: { identifier: mrn }, device: undefined }
export const uuid = (n: number) => `urn:uuid:61ebe359-bfdc-4613-8bf2-c5e30094500${n}`

function directory(scopes: string[]): Directory {
  const clients = new Map([['lab', { name: 'lab', tokenMac: '', scopes }]])
  return { revision: 1, anySender: null, senders: [], devices: new Map(), clients }
}

export type Request = Readonly<{ type?: string; body: unknown; meta?: Json; messageId?: string; scopes?: string[] }>

export function arrival({ type, body, meta = {}, messageId }: Request): Arrival {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return {
    source: 'fhir',
    sender: 'lab',
    format: 'fhir',
    messageId: messageId ?? null,
    mode: 'live',
    receivedAt: 0,
    clockTrusted: true,
    meta: { ...(type ? { interaction: 'create', type } : { interaction: 'transaction' }), ...meta } as Record<
      string,
      string
    >,
    bytes: new Uint8Array(new TextEncoder().encode(text)),
  }
}

/** The translation, of which every resource must be valid R4. */
export function translate(request: Request): Translated {
  const translated = fhirTranslator.translate(arrival(request), directory(request.scopes ?? ['*']))
  for (const { resource } of translated.changes) expect(check(resource)).toEqual([])
  return translated
}

export function refusal(request: Request): string {
  try {
    translate(request)
  } catch (error) {
    if (error instanceof Refusal) return `${error.kind} ${error.issues[0]!.code} ${error.issues[0]!.at}`
    throw error
  }
  return 'taken'
}

export const entry = (n: number, resource: Json, request: Json = { method: 'POST', url: resource.resourceType }) => ({
  fullUrl: uuid(n),
  resource,
  request,
})
export const transaction = (...entries: unknown[]) => ({ resourceType: 'Bundle', type: 'transaction', entry: entries })
