/** OBR[DiagnosticReport] and OBR[ServiceRequest]. */
import type { CodeableConcept, DiagnosticReport, ServiceRequest } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import type { Segment } from '../../message.ts'
import { lookUp } from '../../tables/codes.ts'
import { concept } from '../concept.ts'
import { clean, code, dateTime, instant } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { segmentMap } from '../engine.ts'
import { cx, ei, ndl, xcn } from '../references.ts'

/** OBR[DiagnosticReport] */
// biome-ignore format: a row a line
export const obrReport = segmentMap([
  ['OBR-2', 'identifier[]', ei, { as: 'PLAC' }],
  ['OBR-3', 'identifier[]', ei, { as: 'FILL' }],
  ['OBR-25', 'status', code, { codes: 'ResultStatus[Non-Queries]' }],
  ['OBR-24', 'category[]', concept, { codes: 'DiagnosticServiceSectionID' }],
  ['OBR-4', 'code', concept],
  ['OBR-7', 'effectiveDateTime', dateTime, { when: 'OBR-8 NOT VALUED' }],
  ['OBR-7', 'effectivePeriod.start', dateTime, { when: 'OBR-8 VALUED' }],
  ['OBR-8', 'effectivePeriod.end', dateTime],
  ['OBR-22', 'issued', instant],
  ['OBR-34', 'performer[]', ndl],
  ['OBR-35', 'performer[]', ndl],
  ['OBR-32', 'resultsInterpreter[]', ndl],
])

/** OBR[ServiceRequest] */
// biome-ignore format: a row a line
export const obrRequest = segmentMap([
  ['OBR-2', 'identifier[]', ei, { as: 'PLAC' }],
  ['OBR-3', 'identifier[]', ei, { as: 'FILL' }],
  ['OBR-53', 'identifier[]', cx, { as: 'PLAC' }],
  ['OBR-5', 'priority', code, { codes: 'Priority' }],
  ['OBR-4', 'code', concept],
  ['OBR-6', 'occurrenceDateTime', dateTime],
  ['OBR-16', 'requester', xcn],
  ['OBR-31', 'reasonCode[]', concept],
  ['OBR-46', 'orderDetail[]', concept],
  ['OBR-47', 'orderDetail[]', concept],
])

/** The report of an OBR, without subject and results; null when OBR-4 does not say of what. Throws Refusal E_DATE at OBR-7. */
export function reportOf(obr: Segment, draft: Draft): Omit<DiagnosticReport, 'id'> | null {
  const resource = { resourceType: 'DiagnosticReport', status: 'unknown' } as DiagnosticReport
  if (effectiveOf(obr, draft) === null) refuse('E_DATE', obr.at(7))
  obrReport(obr, resource, draft)
  return resource.code ? resource : null
}

/** The order that an OBR answers. */
export function requestOf(obr: Segment, draft: Draft): Omit<ServiceRequest, 'id' | 'subject'> {
  const resource: Omit<ServiceRequest, 'id' | 'subject'> = {
    resourceType: 'ServiceRequest',
    status: 'unknown',
    intent: 'order',
  }
  const reflex = clean(obr.value(11)) === 'G'
  obrRequest(obr, resource, draft)
  return reflex ? { ...resource, intent: 'reflex-order' } : resource
}

/** When what an OBR reports was so: undefined where OBR-7 is empty, null where it is no time. */
export function effectiveOf(obr: Segment, draft: Draft): string | null | undefined {
  const value = clean(obr.value(7))
  if (!value) return undefined
  return draft.time(value, obr.at(7))?.at ?? null
}

/** The category of an OBR's results by OBR-24; only laboratory and imaging, see ../../tables/own-codes.ts. */
export function categoryOf(obr: Segment): CodeableConcept | undefined {
  const found = lookUp('DiagnosticServiceSectionID[ObservationCategory]', clean(obr.value(24)) ?? '')
  return found && { coding: [{ ...found }] }
}
