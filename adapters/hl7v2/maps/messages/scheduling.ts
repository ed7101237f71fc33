/**
 * SIU S12 to S24 and S26, message map SIU_S12: SCH [TQ1] [NTE] {PID [PV1] [OBX]} {RGS {AIS|AIG|AIL|AIP [NTE]}}.
 * S23 and S24 block and open slots of a schedule; they are about nobody's appointment and make nothing.
 */
import type { Appointment, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { resultNames } from '../../identity.ts'
import { appointmentName, bookedOrderName } from '../../identity-care.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { appointmentOf, type Booking, bookedOrderOf, statusOf } from '../segments/appointment.ts'
import { textOf } from '../segments/note.ts'
import { type Node, type Structure, tree } from '../tree.ts'
import { addPersonOf, aroundPerson, aroundSegments, resultOf } from './around.ts'
import type { MessageMap } from './map.ts'
import type { Subject } from './people.ts'
import { addResult } from './results.ts'

export const schedulingMaps: readonly MessageMap[] = [
  {
    type: 'SIU',
    events: 'S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26',
    structures: 'SIU_S12',
    segments: `SCH TQ1 RGS AIS AIG AIL AIP ${aroundSegments}`,
    translate: siu,
  },
]

const resources = ['AIS', 'AIG', 'AIL', 'AIP']

/** RGS and PID may be missing or in any order: senders leave the group segment out. */
const structure: Structure = {
  ...aroundPerson,
  SCH: '',
  TQ1: 'SCH',
  PID: 'SCH ',
  OBX: 'PID',
  RGS: 'SCH PID ',
  AIS: 'RGS SCH PID ',
  AIG: 'RGS SCH PID ',
  AIL: 'RGS SCH PID ',
  AIP: 'RGS SCH PID ',
  NTE: 'SCH AIS AIG AIL AIP PID OBX',
  PRT: 'OBX PV1 PID',
}

/**
 * Translates one SIU. An appointment of several patients is one for each, because each has its own key. Throws Refusal:
 * E_SEGMENT_MISSING at SCH or PID, E_FIELD_MISSING at SCH-11 (a booked appointment without a time), E_NO_PATIENT, and what
 * the OBX throw.
 */
export function siu(event: string, draft: Draft): void {
  const [sch = refuse('E_SEGMENT_MISSING', 'SCH'), ...further] = draft.message.all('SCH')
  if (event === 'S23' || event === 'S24') return void draft.note('E_PRUNED', sch.at(11))
  for (const segment of further) draft.note('E_PRUNED', segment.at(1))
  const nodes = flat(tree(draft.message.segments, structure, segment => draft.note('E_PRUNED', segment.at(1))))
  const patients = nodes.filter(({ segment }) => segment.name === 'PID')
  if (patients.length === 0) refuse('E_SEGMENT_MISSING', 'PID')
  const booking: Booking = { sch, tq1: draft.message.first('TQ1'), resources: bookedOf(nodes) }
  const comment = commentOf(nodes)
  for (const patient of patients) addAppointment(patient, booking, comment, event, draft)
}

function flat(nodes: readonly Node[]): readonly Node[] {
  return nodes.flatMap(node => [node, ...flat(node.children)])
}

/** The AI segments, without those that are taken back: action code D of its own or of its group. */
function bookedOf(nodes: readonly Node[]): readonly Segment[] {
  const gone = nodes.filter(({ segment }) => segment.name === 'RGS' && segment.value(2) === 'D')
  const within = new Set(gone.flatMap(({ children }) => children))
  return nodes
    .filter(node => resources.includes(node.segment.name) && node.segment.value(2) !== 'D' && !within.has(node))
    .map(({ segment }) => segment)
}

/** R4 has one comment: that of the appointment, then those of its services and resources. */
function commentOf(nodes: readonly Node[]): string | undefined {
  const texts: string[] = []
  for (const { segment, children } of nodes) {
    for (const { segment: nte } of children) {
      if (nte.name === 'NTE' && !['OBX', 'PID'].includes(segment.name)) texts.push(textOf(nte) ?? '')
    }
  }
  return texts.filter(Boolean).join('\n') || undefined
}

function addAppointment(
  patient: Node,
  booking: Booking,
  comment: string | undefined,
  event: string,
  draft: Draft,
): void {
  const { subject, encounter } = addPersonOf(patient, event, draft)
  addResults(patient, subject, encounter, draft)
  const identity = [appointmentName(booking.sch, subject.name, draft)]
  const status = statusOf(booking, event, draft)
  const found = appointmentOf(booking, status, { ...subject.reference }, comment, draft)
  if (!found && status !== 'entered-in-error') refuse('E_FIELD_MISSING', booking.sch.at(11))
  const id = draft.newId('Appointment')
  if (!found) {
    draft.add({ verb: 'delete', resource: bareOf(id, subject.reference), identity, subject: subject.name })
    return
  }
  const order = addOrder(booking, subject, draft)
  const resource: Appointment = { ...found, id, ...(order && { basedOn: [order] }) }
  draft.add({ verb: 'replace', resource, identity, subject: subject.name })
}

/** What names a deleted appointment; its content goes nowhere. */
function bareOf(id: string, patient: Reference): Appointment {
  return {
    resourceType: 'Appointment',
    id,
    status: 'cancelled',
    participant: [{ actor: { ...patient }, status: 'declined' }],
  }
}

function addOrder(booking: Booking, subject: Subject, draft: Draft) {
  const ais = booking.resources.find(({ name }) => name === 'AIS')
  const name = bookedOrderName(booking.sch, ais, subject.name, draft)
  const make = (id: string) => ({ ...bookedOrderOf(booking, { ...subject.reference }, draft), id })
  return name && draft.mention([name], 'ServiceRequest', make, subject.name)
}

function addResults(patient: Node, subject: Subject, encounter: Reference | undefined, draft: Draft): void {
  const found = patient.all('OBX')
  const names = resultNames(
    found.map(({ segment }) => ({ obx: segment, order: null, patient: subject.name })),
    draft,
  )
  const setting = { subject, encounter, around: {}, names }
  for (const node of found) addResult(resultOf(node), setting, draft)
}
