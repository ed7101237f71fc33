/** SCH, AIS, AIG, AIL and AIP [Appointment], SCH and AIS [ServiceRequest], NTE[Appointment-Comment]: one appointment of one patient. */
import type { Appointment, AppointmentParticipant, Reference, ServiceRequest } from 'fhir/r4.js'
import { isInOrder } from '../../../../src/fhir/dates.ts'
import type { Segment } from '../../message.ts'
import { lookUp } from '../../tables/codes.ts'
import { concept } from '../concept.ts'
import { clean, cleanCode, dateTime } from '../datatypes.ts'
import { later, minutesAt } from '../dose.ts'
import type { Draft } from '../draft.ts'
import { Cell, type DataMap, segmentMap } from '../engine.ts'
import { ei, pl, xcn } from '../references.ts'

type Status = Appointment['status']

const enterer = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'enterer' }],
}

/** XCN as somebody who is named but does not come: who asked, who booked (`as`), who entered it. */
const contact: DataMap<AppointmentParticipant> = (cell, draft, options) => {
  const actor = xcn(cell, draft, options)
  const type = options.as === 'enterer' ? enterer : { text: options.as! }
  return actor && { type: [type], actor, required: 'information-only', status: 'accepted' }
}

/** CWE of AIG-3: nothing tells a machine from a person there, so that it is named and is no resource of ours. */
const thing: DataMap<Reference> = cell => {
  const [value, text] = [clean(cell.value(1)), clean(cell.value(2))]
  const display = text ?? value
  return display ? { ...(value && { identifier: { value } }), display } : undefined
}

/** SCH[Appointment] */
// biome-ignore format: a row a line
export const schAppointment = segmentMap([
  ['SCH-1', 'identifier[]', ei, { as: 'PLAC' }],
  ['SCH-2', 'identifier[]', ei, { as: 'FILL' }],
  ['SCH-7', 'reasonCode[]', concept, { codes: 'AppointmentReasonCodes', when: 'SCH-7.3 NOT EQUALS "HL70277"' }],
  ['SCH-7', 'appointmentType', concept, { codes: 'AppointmentTypeCodes', when: 'SCH-7.3 EQUALS "HL70277"' }],
  ['SCH-8', 'appointmentType', concept, { codes: 'AppointmentTypeCodes' }],
  ['SCH-12', 'participant[]', contact, { as: 'placer contact' }],
  ['SCH-16', 'participant[]', contact, { as: 'filler contact' }],
  ['SCH-20', 'participant[]', contact, { as: 'enterer' }],
])

/** AIS[Appointment] */
export const aisAppointment = segmentMap([['AIS-3', 'serviceType[]', concept]])

/** AIG[Appointment] */
// biome-ignore format: a row a line
export const aigAppointment = segmentMap([
  ['AIG-3', 'participant[0].actor', thing],
  ['AIG-4', 'participant[0].type[]', concept],
  ['AIG-8', 'participant[0].period.start', dateTime],
])

/** AIL[Appointment] */
// biome-ignore format: a row a line
export const ailAppointment = segmentMap([
  ['AIL-3', 'participant[0].actor', pl],
  ['AIL-6', 'participant[0].period.start', dateTime],
])

/** AIP[Appointment] */
// biome-ignore format: a row a line
export const aipAppointment = segmentMap([
  ['AIP-3', 'participant[0].actor', xcn],
  ['AIP-4', 'participant[0].type[]', concept],
  ['AIP-6', 'participant[0].period.start', dateTime],
])

/** SCH[ServiceRequest] */
// biome-ignore format: a row a line
export const schRequest = segmentMap([
  ['SCH-26', 'identifier[]', ei, { as: 'PLAC' }],
  ['SCH-27', 'identifier[]', ei, { as: 'FILL' }],
])

/** Fields of the AI segments; `offset`, `duration` and `status` are followed by their unit, if they have one. */
const places = {
  AIS: { map: aisAppointment, start: 4, offset: 5, duration: 7, status: 10 },
  AIG: { map: aigAppointment, start: 8, offset: 9, duration: 11, status: 14 },
  AIL: { map: ailAppointment, start: 6, offset: 7, duration: 9, status: 12 },
  AIP: { map: aipAppointment, start: 6, offset: 7, duration: 9, status: 12 },
} as const

/** The segments of one appointment: TQ1, and the AI segments that are not taken back. */
export type Booking = Readonly<{ sch: Segment; tq1: Segment | undefined; resources: readonly Segment[] }>

/** What an event says of the appointment, whatever SCH-25 says. */
const byEvent: Readonly<Record<string, Status>> = {
  S15: 'cancelled',
  S16: 'cancelled',
  S17: 'entered-in-error',
  S26: 'noshow',
}

/** FHIR app-3: these may be without a time. */
const timeless: ReadonlySet<Status> = new Set<Status>(['proposed', 'cancelled', 'waitlist'])

/** The status of an appointment: by event, else SCH-25, else AIS-10, else booked. */
export function statusOf({ sch, resources }: Booking, event: string, draft: Draft): Status {
  if (byEvent[event]) return byEvent[event]
  const services = resources.filter(({ name }) => name === 'AIS').map(ais => [ais, 10] as const)
  for (const [segment, n] of [[sch, 25] as const, ...services]) {
    const found = filled(segment, n)
    if (found) return found
    const code = cleanCode(segment.value(n))
    if (code) draft.unmap(`${segment.name}-${n}`, clean(segment.value(n, 3)) ?? '', code)
  }
  return 'booked'
}

/** What senders write in their own words of an appointment that does not take place: it must not look booked. */
const spelledOut: readonly (readonly [RegExp, Status])[] = [
  [/^cancel/i, 'cancelled'],
  [/^no[ _-]?show/i, 'noshow'],
]

/** HL7 table 0278 by code or text, whatever its case: senders write `BOOKED`, `Booked`, `^Booked`. */
function filled(segment: Segment, n: number): Status | undefined {
  for (const part of [1, 2]) {
    const word = cleanCode(segment.value(n, part)) ?? ''
    const known = lookUp('FillerStatusCodes[Appointment]', word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    if (known) return known.code as Status
    const negated = spelledOut.find(([pattern]) => pattern.test(word))
    if (negated) return negated[1]
  }
  return undefined
}

/**
 * The appointment of a booking, its patient in it; null where FHIR asks for a time and the message has none (app-3).
 * A pending one without a time is proposed.
 */
export function appointmentOf(
  booking: Booking,
  found: Status,
  patient: Reference,
  comment: string | undefined,
  draft: Draft,
): Omit<Appointment, 'id'> | null {
  const { sch, resources } = booking
  const span = spanOf(booking, draft)
  const status = found === 'pending' && !span ? 'proposed' : found
  if (!span && !timeless.has(status)) return null
  const resource: Omit<Appointment, 'id'> = {
    resourceType: 'Appointment',
    status,
    participant: [{ actor: patient, status: status === 'proposed' ? 'needs-action' : 'accepted' }],
  }
  schAppointment(sch, resource, draft)
  if (resource.appointmentType && Object.keys(resource.appointmentType).length === 0) delete resource.appointmentType
  const length = minutesAt(sch, 9, 10)
  if (length && Number.isInteger(length)) resource.minutesDuration = length
  if (span) Object.assign(resource, span)
  for (const segment of resources) addResource(segment, resource, span?.start, draft)
  // R4's app-4 has `no-show` for `noshow`, so that a missed appointment can have no reason
  const reason = status === 'cancelled' ? conceptAt(sch, 6, draft) : undefined
  if (reason) resource.cancelationReason = reason
  if (comment) resource.comment = comment
  return resource
}

function conceptAt(segment: Segment, n: number, draft: Draft) {
  const field = segment.field(n)[0]
  return field && concept(new Cell(segment, n, 1, field), draft, {})
}

/** AIS: what is done; the others: who or what takes part, and from when to when. */
function addResource(
  segment: Segment,
  resource: Omit<Appointment, 'id'>,
  start: string | undefined,
  draft: Draft,
): void {
  const place = places[segment.name as keyof typeof places]
  if (segment.name === 'AIS') return void place.map(segment, resource, draft)
  const made: { participant: Partial<AppointmentParticipant>[] } = { participant: [] }
  place.map(segment, made, draft)
  const [found] = made.participant
  if (!found?.actor && !found?.type) return void draft.note('E_PRUNED', segment.at(3))
  const period = periodOf(segment, found.period?.start, start, draft)
  const { period: _, ...who } = found
  resource.participant.push({ ...who, ...(period && { period }), status: partOf(segment, resource.status) })
}

/** A participant's own status, else the appointment's. */
function partOf(segment: Segment, status: Status): AppointmentParticipant['status'] {
  const own = filled(segment, places[segment.name as keyof typeof places].status) ?? status
  if (own === 'proposed') return 'needs-action'
  if (own === 'pending' || own === 'waitlist') return 'tentative'
  return own !== status && (own === 'cancelled' || own === 'entered-in-error') ? 'declined' : 'accepted'
}

/** From AIx's start, or the appointment's and an offset, for AIx's duration. */
function periodOf(segment: Segment, own: string | undefined, start: string | undefined, draft: Draft) {
  const { offset, duration } = places[segment.name as keyof typeof places]
  const by = minutesAt(segment, offset, offset + 1)
  const from = own ?? (start && by !== undefined ? later(start, by) : undefined)
  const length = minutesAt(segment, duration, duration + 1)
  const to = from && length ? later(from, length) : undefined
  if (segment.has(duration) && length === undefined) draft.note('E_PRUNED', segment.at(duration))
  return from ? { start: from, ...(to && { end: to }) } : undefined
}

// ---------------------------------------------------------------- when

type Span = Readonly<{ start: string; end: string }>

/**
 * From TQ1-7 to TQ1-8, which took the place of SCH-11 (TQ.4, TQ.5) in v2.5, else SCH-11, else the first AI segment that has a time. An end that is not told is
 * start and duration (SCH-9, else AIx); without a duration it is the start, because FHIR asks for both (app-2).
 */
function spanOf({ sch, tq1, resources }: Booking, draft: Draft): Span | undefined {
  const own = (tq1 && read(tq1, 7, 1, draft)) ?? read(sch, 11, 4, draft)
  const timed = resources.find(segment => segment.has(startOf(segment)))
  const start = own ?? (timed && read(timed, startOf(timed), 1, draft))
  if (!start) return undefined
  const told = tq1?.has(7) ? read(tq1, 8, 1, draft) : read(sch, 11, 5, draft)
  if (told && isInOrder(start, told)) return { start, end: told }
  if (told) draft.note('E_PRUNED', tq1?.has(7) ? tq1.at(8) : sch.at(11))
  const length = minutesAt(sch, 9, 10) ?? (timed && lengthOf(timed))
  return { start, end: (length && later(start, length)) || start }
}

const startOf = (segment: Segment) => places[segment.name as keyof typeof places].start

function lengthOf(segment: Segment): number | undefined {
  const { duration } = places[segment.name as keyof typeof places]
  return minutesAt(segment, duration, duration + 1)
}

/** Only a time of day says when to come. */
function read(segment: Segment, n: number, part: number, draft: Draft): string | undefined {
  const text = clean(segment.value(n, part))
  const moment = text ? draft.time(text, segment.at(n, part === 1 ? undefined : part)) : null
  if (moment && moment.precision !== 'time') draft.note('E_PRUNED', segment.at(n))
  return moment?.precision === 'time' ? moment.at : undefined
}

// ---------------------------------------------------------------- the order behind it

/** The order of SCH-26 and SCH-27: what an appointment knows of it. */
export function bookedOrderOf(booking: Booking, subject: Reference, draft: Draft): Omit<ServiceRequest, 'id'> {
  const resource: Omit<ServiceRequest, 'id'> = {
    resourceType: 'ServiceRequest',
    status: 'active',
    intent: 'order',
    subject,
  }
  schRequest(booking.sch, resource, draft)
  const ais = booking.resources.find(({ name }) => name === 'AIS')
  const what = ais && conceptAt(ais, 3, draft)
  if (what) resource.code = what
  const from = ais && read(ais, 4, 1, draft)
  const length = ais && lengthOf(ais)
  const to = from && length ? later(from, length) : undefined
  if (from) resource.occurrencePeriod = { start: from, ...(to && { end: to }) }
  return resource
}
