/** ORC and OBR: the order (ServiceRequest) and the report that answers it (DiagnosticReport). */
import type { CodeableConcept, DiagnosticReport, Identifier, ServiceRequest } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import type { Segment } from '../../message.ts'
import { type CodeMap, lookUp } from '../../tables/codes.ts'
import { coding, concept } from '../concept.ts'
import { clean, cleanCode, code, dateTime, instant } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type Cell, type DataMap, segmentMap } from '../engine.ts'
import { cx, ei, ndl, xcn } from '../references.ts'
import { orderer } from '../roles.ts'
import { timedBy } from './timing.ts'

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

/** ORC-4 is an EI, and from v2.7 on an EIP; only an EIP has parts within its parts. */
function isPair(cell: Cell): boolean {
  return Boolean(cell.value(1, 2) ?? cell.value(2, 2) ?? (cell.value(2) && !cell.value(1)))
}

/**
 * EI of a group of orders. The guide's types PGN and FGN are younger than R4, whose table 0203 does not have them: a text.
 */
const group: DataMap<Identifier> = (cell, draft, { as }) => {
  const found = ei(cell, draft, {})
  return found && { type: { text: as! }, ...found }
}

/** ORC-4, the placer's group number. */
export const placerGroup: DataMap<Identifier> = (cell, draft) =>
  group(isPair(cell) ? cell.part(1) : cell, draft, { as: 'Placer Group Number' })

/** ORC-4 as EIP: the filler's group number, unless ORC-38 has it. */
export const fillerGroup: DataMap<Identifier> = (cell, draft) =>
  isPair(cell) && !cell.sibling(38) ? group(cell.part(2), draft, { as: 'Filler Group Number' }) : undefined

/** ORC[ServiceRequest] */
// biome-ignore format: a row a line
export const orcRequest = segmentMap([
  ['ORC-2', 'identifier[]', ei, { as: 'PLAC' }],
  ['ORC-3', 'identifier[]', ei, { as: 'FILL' }],
  ['ORC-33', 'identifier[]', cx, { as: 'PLAC' }],
  ['ORC-38', 'identifier[]', group, { as: 'Filler Group Number' }],
  ['ORC-4', 'requisition', placerGroup],
  ['ORC-4', 'identifier[]', fillerGroup],
  ['ORC-9', 'authoredOn', dateTime, { when: 'ORC-1 EQUALS "NW"' }],
  ['ORC-12', 'requester', orderer],
  ['ORC-28', 'meta.security[]', coding, { codes: 'ConfidentialityCode' }],
  ['ORC-29', 'locationCode[]', concept, { codes: 'OrderType' }],
])

/** ORC[DiagnosticReport] */
// biome-ignore format: a row a line
export const orcReport = segmentMap([
  ['ORC-2', 'identifier[]', ei, { as: 'PLAC' }],
  ['ORC-3', 'identifier[]', ei, { as: 'FILL' }],
  ['ORC-4', 'identifier[]', placerGroup],
  ['ORC-4', 'identifier[]', fillerGroup],
  ['ORC-28', 'meta.security[]', coding, { codes: 'ConfidentialityCode' }],
])

/** An OBR, the ORC and the TQ1 that belong to it. `shared`: the ORC stands before several OBR, and this is not the first. */
export type OrderSegments = Readonly<{
  obr: Segment
  orc: Segment | undefined
  shared: boolean
  timings: readonly Segment[]
}>

/** The report of an OBR, without subject and results; null when OBR-4 does not say of what. Throws Refusal E_DATE at OBR-7. */
export function reportOf({ obr, orc, shared }: OrderSegments, draft: Draft): Omit<DiagnosticReport, 'id'> | null {
  const resource = { resourceType: 'DiagnosticReport', status: 'unknown' } as DiagnosticReport
  if (effectiveOf(obr, draft) === null) refuse('E_DATE', obr.at(7))
  obrReport(obr, resource, draft)
  const own = [...(resource.identifier ?? [])]
  if (orc) orcReport(orc, resource, draft)
  if (resource.identifier) resource.identifier = numbersOf(own, resource.identifier, shared)
  return resource.code ? resource : null
}

/**
 * The order of an OBR and its ORC, without subject. What ORC says stands before what OBR says, and TQ1 before both; of the
 * numbers each one stands once. `status`: see `requestStatus`.
 */
export function requestOf(order: OrderSegments, draft: Draft): Omit<ServiceRequest, 'id' | 'subject'> {
  const { obr, orc, shared, timings } = order
  const resource: Omit<ServiceRequest, 'id' | 'subject'> = {
    resourceType: 'ServiceRequest',
    status: requestStatus(order, draft),
    intent: clean(obr.value(11)) === 'G' ? 'reflex-order' : 'order',
  }
  obrRequest(obr, resource, draft)
  const own = [...(resource.identifier ?? [])]
  if (orc) orcRequest(orc, resource, draft)
  if (resource.identifier) resource.identifier = numbersOf(own, resource.identifier, shared)
  const { note, ...timed } =
    timedBy(
      timings,
      [
        [orc, 7],
        [obr, 27],
      ],
      draft,
    ) ?? {}
  Object.assign(resource, timed)
  if (resource.occurrenceTiming) delete resource.occurrenceDateTime
  const told = clean(obr.field(13)[0]?.text())
  const notes = [...(note ?? []), ...(told ? [{ text: told }] : [])]
  if (notes.length > 0) resource.note = notes
  return resource
}

type RequestStatus = ServiceRequest['status']

/** What is known of an order by its results (OBR-25), where its ORC says nothing. */
const byResult: Readonly<Record<string, RequestStatus>> = {
  O: 'active',
  I: 'active',
  S: 'active',
  A: 'active',
  P: 'active',
  R: 'active',
  M: 'active',
  N: 'active',
  C: 'completed',
  F: 'completed',
  X: 'revoked',
}

/** ORC-1 (HL7 table 0119): cancel, cancelled, cancelled as requested; discontinue alike. */
const takesBack = new Set(['CA', 'OC', 'CR', 'DC', 'OD', 'DR'])

/** ORC-1 that says that there is an order, not how it is with it. */
const follows = new Set(['RE', 'SC', 'CN', ''])

/**
 * The status of an order: taken back by ORC-1, else ORC-5, else what ORC-1 does to it, else what OBR-25 says of its results, else unknown. An order that
 * is new has got further where it has results; and an ORC that is another OBR's says less than the OBR's own results.
 */
function requestStatus({ obr, orc, shared }: OrderSegments, draft: Draft): RequestStatus {
  const result = byResult[cleanCode(obr.value(25)) ?? '']
  if (shared && result) return result
  const control = cleanCode(orc?.value(1)) ?? ''
  const state = orderCode(orc, 5, 'OrderStatus', draft)
  // what takes an order back says more than how it was before
  if (takesBack.has(control) && state !== 'completed' && state !== 'entered-in-error') return 'revoked'
  if (state) return state
  if (follows.has(control) || (control === 'NW' && result)) return result ?? 'unknown'
  return orderCode(orc, 1, 'OrderControlCode[ServiceRequest.status]', draft) ?? result ?? 'unknown'
}

function orderCode(orc: Segment | undefined, n: number, codes: CodeMap, draft: Draft): RequestStatus | undefined {
  const value = cleanCode(orc?.value(n))
  const found = value && lookUp(codes, value)?.code
  if (value && !found) draft.unmap(`ORC-${n}`, '', value)
  return found as RequestStatus | undefined
}

/** The numbers of an order, each once: it has them in ORC and again in OBR. A shared ORC's are those of the first OBR. */
function numbersOf(own: readonly Identifier[], all: readonly Identifier[], shared: boolean): Identifier[] {
  const kind = ({ type }: Identifier) => type?.coding?.[0]?.code ?? type?.text
  const kinds = new Set(own.map(kind))
  const further = all.slice(own.length).filter(one => !(shared && kinds.has(kind(one))))
  const key = (one: Identifier) => JSON.stringify([kind(one), one.system, one.value, one.assigner?.display])
  return [...new Map([...own, ...further].map(one => [key(one), one])).values()]
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
