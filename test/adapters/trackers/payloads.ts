/** What the tests of the translator share: arrivals, a device and its wearers, small payloads. */
import type { Observation } from 'fhir/r4.js'
import { measurementTranslator } from '../../../adapters/trackers/translate.ts'
import { Refusal } from '../../../src/errors.ts'
import { check } from '../../../src/fhir/check.ts'
import type { Device } from '../../../src/ports.ts'
import type { Arrival, Issue, Translated } from '../../../src/records.ts'
import { device, directoryOf } from './wire.ts'

export const receivedAt = Date.parse('2026-11-24T12:00:00Z')
export const always = [{ from: 0, to: null, wearer: 'p1-anna' }] as const

export const arrivalOf = (payload: unknown, format: string, more: Partial<Arrival> = {}): Arrival => ({
  source: 'mqtt',
  sender: 'watch',
  format: 'measurement',
  messageId: null,
  mode: 'live',
  receivedAt,
  clockTrusted: true,
  meta: { payload: format, device: 'watch' },
  bytes: new Uint8Array(Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))),
  ...more,
})

export function translate(
  payload: unknown,
  format: string,
  { worn = always, ...more }: Partial<Device> = {},
  arrival: Partial<Arrival> = {},
): Translated {
  const directory = directoryOf(device('watch', { worn, ...more }))
  return measurementTranslator.translate(arrivalOf(payload, format, arrival), directory)
}

/** The Observation of a payload, as JSON writes it, after the check of FHIR R4. */
export function observe(...parameters: Parameters<typeof translate>): Observation {
  const { changes } = translate(...parameters)
  for (const { resource } of changes) {
    const issues = check(resource)
    if (issues.length > 0) throw new Error(JSON.stringify(issues))
  }
  return JSON.parse(JSON.stringify(changes.at(-1)!.resource)) as Observation
}

/** Why a payload is refused. */
export function refusalOf(...parameters: Parameters<typeof translate>): readonly Issue[] {
  try {
    translate(...parameters)
  } catch (error) {
    if (error instanceof Refusal) return error.issues
    throw error
  }
  throw new Error('not refused')
}

/** An Open mHealth data point. */
export const dataPoint = (name: string, version: string, body: unknown, header: object = {}) => ({
  header: {
    id: '243c773b-8936-407e-9c23-270d0ea49cc4',
    creation_date_time: '2026-11-24T08:31:05Z',
    schema_id: { namespace: 'omh', name, version },
    ...header,
  },
  body,
})

export const pulse = (value: unknown = 72, unit: unknown = 'beats/min', time: unknown = '2026-11-24T08:31:00Z') =>
  dataPoint('heart-rate', '2.0', { heart_rate: { value, unit }, effective_time_frame: { date_time: time } })

/** An Observation as a tracker sends it. */
export const fhirPulse = (more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  effectiveDateTime: '2026-11-24T08:31:00+01:00',
  valueQuantity: { value: 72, unit: 'bpm', system: 'http://unitsofmeasure.org', code: '/min' },
  ...more,
})
