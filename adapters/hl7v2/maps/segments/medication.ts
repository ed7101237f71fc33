/**
 * RXO[MedicationRequest] of the guide; RXE and RXG → MedicationRequest, RXD → MedicationDispense, RXA and
 * ORC[MedicationAdministration] by our own rules (MAPPING.md, "Medication").
 */
import type {
  CodeableConcept,
  Identifier,
  MedicationAdministration,
  MedicationAdministrationPerformer,
  MedicationDispense,
  MedicationRequest,
  Reference,
} from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { partOf } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { lookUp } from '../../tables/codes.ts'
import { coding, concept } from '../concept.ts'
import { clean, dateTime, xad, xtn } from '../datatypes.ts'
import { doseAt } from '../dose.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { mentionRole } from '../parties.ts'
import { ei, organization, pl, plainIdentifier, producer, xcn } from '../references.ts'
import { orderer } from '../roles.ts'
import {
  cellMap,
  dosagesOf,
  indicationsOf,
  medicineOf,
  notesOn,
  olderTimings,
  places,
  placesOf,
  rateOf,
  wayOf,
} from './dosage.ts'
import { saysRefused } from './immunization.ts'
import { notesOf } from './note.ts'
import { placerGroup } from './order.ts'
import { olderTimed, timedBy } from './timing.ts'

/** ORC-12 as who ordered what was given. */
const orderedBy: DataMap<MedicationAdministrationPerformer> = (cell, draft, options) => {
  const actor = xcn(cell, draft, options)
  const system = 'http://terminology.hl7.org/CodeSystem/v2-0443'
  return actor && { function: { coding: [{ system, code: 'OP', display: 'Ordering Provider' }] }, actor }
}

/** ORC[MedicationAdministration] */
// biome-ignore format: a row a line
export const orcAdministration = segmentMap([
  ['ORC-2', 'identifier[]', ei, { as: 'PLAC' }],
  ['ORC-3', 'identifier[]', ei, { as: 'FILL' }],
  ['ORC-12', 'performer[]', orderedBy],
  ['ORC-28', 'meta.security[]', coding, { codes: 'ConfidentialityCode' }],
])

/** ORC of an order or a dispense: as ORC[MedicationAdministration] and ORC[ServiceRequest] have it. */
// biome-ignore format: a row a line
const orcNumbers = segmentMap([
  ['ORC-2', 'identifier[]', ei, { as: 'PLAC' }],
  ['ORC-3', 'identifier[]', ei, { as: 'FILL' }],
  ['ORC-28', 'meta.security[]', coding, { codes: 'ConfidentialityCode' }],
])

// biome-ignore format: a row a line
const orcOrder = segmentMap([
  ['ORC-4', 'groupIdentifier', placerGroup],
  ['ORC-12', 'requester', orderer],
])

/** What a medicine is told by: ORC, the segment that tells (RXO, RXE, RXG, RXD, RXA), and what follows it. */
export type MedicationSegments = Readonly<{
  orc: Segment | undefined
  give: Segment
  routes: readonly Segment[]
  components: readonly Segment[]
  timings: readonly Segment[]
  notes: readonly Segment[]
}>

type Status = MedicationRequest['status']

/**
 * The status of an order: by ORC-1 where it says what became of it, else ORC-5, else active; unknown where ORC-5 says what
 * HL7 table 0038 does not have (`CANCELLED`), which must not look active.
 */
export function orderStatus(orc: Segment | undefined): Status {
  const [control = '', state = ''] = [1, 5].map(n => clean(orc?.value(n))?.toUpperCase())
  const found =
    lookUp('OrderControlCode[MedicationRequest.status]', control) ??
    lookUp('OrderStatus[MedicationRequest.status]', state)
  return (found?.code as Status | undefined) ?? (state ? 'unknown' : 'active')
}

/** Throws Refusal E_FIELD_MISSING where a segment does not say which medicine. */
function medicine({ give, components }: MedicationSegments, draft: Draft): CodeableConcept {
  return medicineOf(give, components, draft) ?? refuse('E_FIELD_MISSING', give.at(placesOf(give).code))
}

function annotations({ give, components, notes }: MedicationSegments, draft: Draft) {
  const note = [...notesOf(notes, draft), ...notesOn(give, components, draft)]
  return note.length > 0 ? { note } : {}
}

function reasons(give: Segment, draft: Draft) {
  const reasonCode = indicationsOf(give, draft)
  return reasonCode.length > 0 ? { reasonCode } : {}
}

/** ORC-16: why an order was cancelled, stopped or put on hold. */
function statusReason(orc: Segment | undefined, status: string, draft: Draft) {
  const told = ['cancelled', 'stopped', 'on-hold'].includes(status)
  const found = told && orc ? cellMap(orc, 16, concept, draft) : undefined
  return found ? { statusReason: found } : {}
}

// ---------------------------------------------------------------- ordered

const prescribers: Readonly<Record<string, number>> = { RXO: 14, RXE: 13 }

/** Who prescribes, where ORC-12 is empty: RXO-14 or RXE-13, for the facility in ORC-21 (address ORC-22, telephone ORC-23). */
function prescriberOf({ orc, give }: MedicationSegments, draft: Draft): Reference | undefined {
  const n = prescribers[give.name]
  const practitioner = n === undefined ? undefined : cellMap(give, n, xcn, draft)
  const organization = orc && facilityOf(orc, draft)
  if (!practitioner || !organization) return practitioner ?? organization
  const phone = cellMap(orc, 23, xtn, draft)
  const role = { practitioner, organization, ...(phone && { telecom: [phone] }) }
  return roleOf([give, n!], [orc, 21], role, draft)
}

/** Who entered it (ORC-10), for the organisation in ORC-17. */
function recorderOf(orc: Segment, draft: Draft): Reference | undefined {
  const practitioner = cellMap(orc, 10, xcn, draft)
  const organization = cellMap(orc, 17, producer, draft)
  if (!organization) return practitioner
  return roleOf([orc, 10], [orc, 17], { ...(practitioner && { practitioner }), organization }, draft)
}

function facilityOf(orc: Segment, draft: Draft): Reference | undefined {
  const address = cellMap(orc, 22, xad, draft)
  return cellMap(orc, 21, cell => organization(cell, address, draft), draft)
}

type Place = readonly [segment: Segment, n: number]

/** A person in the service of an organisation, named by what both fields say. */
function roleOf([who, a]: Place, [where, b]: Place, role: Parameters<typeof mentionRole>[0], draft: Draft): Reference {
  const words = [1, 2, 3, 9].map(part => clean(who.value(a, part)) ?? '')
  return mentionRole(role, ['medication', ...words, partOf(where, b)], draft)
}

/** When ORC-9 is the time of the order itself. */
const isNew: ReadonlySet<string> = new Set(['NW', 'SN', 'RO'])

/**
 * The order of an RXO (`original-order`), an RXE (the pharmacy's: `filler-order` where there is what it fills, else
 * `order`) or an RXG (one dose of it: `instance-order`), without subject. Throws Refusal E_FIELD_MISSING.
 */
export function medicationRequestOf(
  segments: MedicationSegments,
  intent: MedicationRequest['intent'],
  draft: Draft,
): Omit<MedicationRequest, 'id' | 'subject'> {
  const { orc, give } = segments
  const status = orderStatus(orc)
  const resource: Omit<MedicationRequest, 'id' | 'subject'> = {
    resourceType: 'MedicationRequest',
    status,
    ...statusReason(orc, status, draft),
    intent,
    medicationCodeableConcept: medicine(segments, draft),
  }
  if (orc) orcNumbers(orc, resource, draft)
  if (orc) orcOrder(orc, resource, draft)
  const requester = resource.requester ?? prescriberOf(segments, draft)
  const recorder = orc && recorderOf(orc, draft)
  const written = authoredOn(orc, give, draft)
  if (requester) resource.requester = requester
  if (recorder) resource.recorder = recorder
  if (written) resource.authoredOn = written
  const dosageInstruction = dosagesOf(segments, draft)
  if (dosageInstruction.length > 0) resource.dosageInstruction = dosageInstruction
  Object.assign(resource, reasons(give, draft), annotations(segments, draft), priority(segments, draft))
  if (give.name === 'RXO') putRequested(give, resource, draft)
  if (give.name === 'RXE') putEncoded(give, resource, draft)
  return resource
}

function authoredOn(orc: Segment | undefined, give: Segment, draft: Draft): string | undefined {
  const original = give.name === 'RXE' ? cellMap(give, 32, dateTime, draft) : undefined
  const event = orc && isNew.has(clean(orc.value(1)) ?? '') ? cellMap(orc, 9, dateTime, draft) : undefined
  return original ?? event
}

/** TQ1-9, else the priority of the older TQ. */
function priority({ give, orc, timings }: MedicationSegments, draft: Draft): Pick<MedicationRequest, 'priority'> {
  const [first] = timings
  const timed = first ? timedBy([first], [], draft) : olderTimed(olderTimings(give, orc), draft)[0]?.timed
  const found = timed?.priority
  return found ? { priority: found } : {}
}

type Draftable = Omit<MedicationRequest, 'id' | 'subject'>

function putRequested(rxo: Segment, resource: Draftable, draft: Draft): void {
  const allowed = lookUp('AllowSubstitution', clean(rxo.value(9)) ?? '')
  if (allowed) resource.substitution = { allowedCodeableConcept: { coding: [{ ...allowed }] } }
  putDispense(rxo, { amount: 11, refills: 13, interval: 28, by: 32 }, resource, draft)
}

/** HL7 table 0167 (RXE-9): what the prescriber allows; 0 and N say nothing of that. */
const substitution: Readonly<Record<string, boolean>> = {
  '1': false,
  '7': false,
  '2': true,
  '3': true,
  '4': true,
  '5': true,
  '8': true,
  G: true,
  T: true,
}

function putEncoded(rxe: Segment, resource: Draftable, draft: Draft): void {
  const allowed = substitution[clean(rxe.value(9)) ?? '']
  if (allowed !== undefined) resource.substitution = { allowedBoolean: allowed }
  const prescription = cellMap(rxe, 15, plainIdentifier, draft)
  if (prescription) resource.identifier = [...(resource.identifier ?? []), prescribed(prescription)]
  putDispense(rxe, { amount: 10, refills: 12, first: 39, by: 40 }, resource, draft)
}

function prescribed(identifier: Identifier): Identifier {
  return { type: { text: 'Prescription number' }, ...identifier }
}

type DispensePlaces = Readonly<{ amount: number; refills: number; interval?: number; first?: number; by: number }>

function putDispense(give: Segment, at: DispensePlaces, resource: Draftable, draft: Draft): void {
  const quantity = doseAt(give, at.amount, at.amount + 1, draft)
  const first = at.first === undefined ? undefined : doseAt(give, at.first, at.amount + 1, draft)
  const refills = unsigned(give, at.refills, draft)
  const days = at.interval === undefined ? undefined : unsigned(give, at.interval, draft)
  const performer = cellMap(give, at.by, producer, draft)
  const request = {
    ...(first && { initialFill: { quantity: first } }),
    ...(quantity && { quantity }),
    ...(refills !== undefined && { numberOfRepeatsAllowed: refills }),
    ...(days && { dispenseInterval: { value: days, unit: 'd', system: 'http://unitsofmeasure.org', code: 'd' } }),
    ...(performer && { performer }),
  }
  if (Object.keys(request).length > 0) resource.dispenseRequest = request
}

/** NM[unsignedInt]: no refills (0) is something to tell. */
function unsigned(segment: Segment, n: number, draft: Draft): number | undefined {
  const value = clean(segment.value(n))
  if (value && /^\+?\d{1,6}$/.test(value)) return Number(value)
  if (value) draft.note('E_PRUNED', segment.at(n))
  return undefined
}

// ---------------------------------------------------------------- dispensed

/** The order behind a dispense by its number, where the message does not tell it. */
export function prescriptionOf(orc: Segment | undefined, give: Segment, draft: Draft): Reference | undefined {
  const number =
    (orc &&
      (cellMap(orc, 2, (cell, d) => ei(cell, d, { as: 'PLAC' }), draft) ??
        cellMap(orc, 3, (cell, d) => ei(cell, d, { as: 'FILL' }), draft))) ??
    (give.name === 'RXD' ? cellMap(give, 7, plainIdentifier, draft) : undefined)
  return number && { type: 'MedicationRequest', identifier: number }
}

/** The dispense of an RXD, without subject and prescription. Throws Refusal E_FIELD_MISSING at RXD-2. */
export function dispenseOf(segments: MedicationSegments, draft: Draft): Omit<MedicationDispense, 'id'> {
  const { orc, give } = segments
  const ordered = orderStatus(orc)
  const status = ['cancelled', 'stopped', 'on-hold', 'entered-in-error'].includes(ordered) ? ordered : 'completed'
  const resource: Omit<MedicationDispense, 'id'> = {
    resourceType: 'MedicationDispense',
    status: status as 'completed',
    medicationCodeableConcept: medicine(segments, draft),
  }
  if (orc) orcNumbers(orc, resource, draft)
  const number = cellMap(give, 7, plainIdentifier, draft)
  if (number) resource.identifier = [...(resource.identifier ?? []), prescribed(number)]
  const actor = cellMap(give, 10, xcn, draft)
  const quantity = doseAt(give, places.RXD.min, places.RXD.units, draft)
  const whenHandedOver = cellMap(give, 3, dateTime, draft)
  const destination = cellMap(give, 13, pl, draft)
  const replaced = substituted(clean(give.value(11)) ?? '')
  return {
    ...resource,
    ...(actor && { performer: [{ actor }] }),
    ...(quantity && { quantity }),
    ...(whenHandedOver && { whenHandedOver }),
    ...(destination && { destination }),
    ...annotations(segments, draft),
    ...(replaced && { substitution: replaced }),
  }
}

/** HL7 table 0167 (RXD-11): what was done. */
function substituted(code: string): MedicationDispense['substitution'] {
  const system = 'http://terminology.hl7.org/CodeSystem/v3-substanceAdminSubstitution'
  if (code === 'N' || code === '0' || code === '1') return { wasSubstituted: false }
  if (code === 'G') return { wasSubstituted: true, type: { coding: [{ system, code: 'G' }] } }
  if (code === 'T') return { wasSubstituted: true, type: { coding: [{ system, code: 'TE' }] } }
  return undefined
}

// ---------------------------------------------------------------- given

type AdministrationStatus = MedicationAdministration['status']

/** HL7 table 0322 (RXA-20). */
const completion: Readonly<Record<string, AdministrationStatus>> = {
  CP: 'completed',
  RE: 'not-done',
  NA: 'not-done',
  PA: 'stopped',
}

/** RXA-20; empty means completed, but not beside a reason of refusal (RXA-18). What nobody knows is unknown. */
function completionOf(rxa: Segment, draft: Draft): AdministrationStatus {
  const code = clean(rxa.value(20))
  const known = completion[code?.toUpperCase() ?? '']
  if (code && !known) draft.unmap('RXA-20', '', code)
  if (known) return known
  if (saysRefused(rxa)) return 'not-done'
  return code ? 'unknown' : 'completed'
}

/** The administration of an RXA, without subject and request. Throws Refusal: E_FIELD_MISSING at RXA-5 and RXA-3, E_DATE at RXA-3. */
export function administrationOf(
  segments: MedicationSegments,
  draft: Draft,
): Omit<MedicationAdministration, 'id' | 'subject'> {
  const { orc, give } = segments
  const deleted = give.value(21) === 'D'
  const status = deleted ? 'entered-in-error' : completionOf(give, draft)
  const resource: Omit<MedicationAdministration, 'id' | 'subject'> = {
    resourceType: 'MedicationAdministration',
    status,
    medicationCodeableConcept: medicine(segments, draft),
    ...effectiveOf(give, draft),
  }
  if (orc) orcAdministration(orc, resource, draft)
  const actor = cellMap(give, 10, xcn, draft)
  if (actor) resource.performer = [...(resource.performer ?? []), { actor }]
  const refusal = cellMap(give, 18, concept, draft)
  const dosage = status === 'not-done' ? undefined : dosageOf(segments, draft)
  return {
    ...resource,
    ...(refusal && status === 'not-done' && { statusReason: [refusal] }),
    ...reasons(give, draft),
    ...annotations(segments, draft),
    ...(dosage && { dosage }),
  }
}

/** RXA-3 to RXA-4; one moment where they are the same or there is no end. */
function effectiveOf(rxa: Segment, draft: Draft) {
  const start = cellMap(rxa, 3, dateTime, draft)
  if (!start) return refuse(clean(rxa.value(3)) ? 'E_DATE' : 'E_FIELD_MISSING', rxa.at(3))
  const end = cellMap(rxa, 4, dateTime, draft)
  return end && end !== start ? { effectivePeriod: { start, end } } : { effectiveDateTime: start }
}

/** What was given which way. FHIR wants an amount in it (mad-1): without one the way is left out, E_PRUNED. */
function dosageOf({ give, routes }: MedicationSegments, draft: Draft): MedicationAdministration['dosage'] {
  const unknown = /^0*999(?:\.0*)?$/.test(clean(give.value(places.RXA.min)) ?? '')
  const dose = unknown ? undefined : doseAt(give, places.RXA.min, places.RXA.units, draft)
  const rate = rateOf(give, dose, draft)
  const { route, site, method } = wayOf(routes, draft)
  if (!dose && !rate && routes[0]) draft.note('E_PRUNED', routes[0].at(1))
  if (!dose && !rate) return undefined
  return { ...(site && { site }), ...(route && { route }), ...(method && { method }), ...(dose && { dose }), ...rate }
}
