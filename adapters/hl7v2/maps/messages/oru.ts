/** ORU R01, message map ORU_R01: {PID [NTE] [PV1] [OBX] {[ORC] OBR [NTE] {OBX [NTE]}}}. */
import type { DiagnosticReport, Reference, ServiceRequest } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import {
  type Result as NamedResult,
  type Order,
  orderOf,
  reportName,
  requestName,
  resultNames,
} from '../../identity.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { textOf } from '../segments/note.ts'
import type { Around } from '../segments/observation.ts'
import { categoryOf, effectiveOf, reportOf, requestOf } from '../segments/order.ts'
import { type OrderGroup, type PatientGroup, patientGroups } from './groups.ts'
import type { MessageMap } from './map.ts'
import { addEncounter, addPatient, type Subject } from './people.ts'
import { addResult, type Setting } from './results.ts'

export const resultMaps: readonly MessageMap[] = [
  { type: 'ORU', events: 'R01', structures: 'ORU_R01', segments: 'PID PV1 OBR OBX NTE', translate: oru },
]

/** Translates one ORU. Throws Refusal: E_SEGMENT_MISSING at PID or OBR, E_NO_PATIENT, and what OBR and OBX throw. */
export function oru(event: string, draft: Draft): void {
  const groups = patientGroups(draft.message.segments, draft)
  if (groups.length === 0) refuse('E_SEGMENT_MISSING', 'PID')
  if (groups.some(group => group.orders.length === 0)) refuse('E_SEGMENT_MISSING', 'OBR')
  const named = groups.map(group => nameGroup(group, event, draft))
  const names = resultNames(named.flatMap(resultsOf), draft)
  for (const group of named) addGroup(group, names, draft)
}

type NamedOrder = OrderGroup & Readonly<{ order: Order }>
type NamedGroup = Readonly<{
  subject: Subject
  encounter: Reference | undefined
  loose: PatientGroup['results']
  orders: readonly NamedOrder[]
}>

/** Adds patient and visit of a group, and names its orders. */
function nameGroup(group: PatientGroup, event: string, draft: Draft): NamedGroup {
  const subject = addPatient(group.pid, group.pv1, 'ensure', draft)
  const visit = { verb: 'ensure', event, visit: false } as const
  const encounter = group.pv1 && addEncounter(group.pv1, subject, visit, draft)
  const orders = group.orders.map(found => ({ ...found, order: orderOf(found.obr, found.orc, subject.name, draft) }))
  return { subject, encounter, loose: group.results, orders }
}

/** All OBX of a group with what names them. */
function resultsOf({ subject, loose, orders }: NamedGroup): readonly NamedResult[] {
  const patient = subject.name
  return [
    ...loose.map(({ obx }) => ({ obx, order: null, patient })),
    ...orders.flatMap(({ results, order }) => results.map(({ obx }) => ({ obx, order, patient }))),
  ]
}

function addGroup(group: NamedGroup, names: Setting['names'], draft: Draft): void {
  const { subject, encounter } = group
  for (const result of group.loose) addResult(result, { subject, encounter, names, around: {} }, draft)
  for (const found of group.orders)
    addOrder(found, { subject, encounter, names, around: aroundOf(found.obr, draft) }, draft)
}

/** What an OBR says of its results. */
function aroundOf(obr: Segment, draft: Draft): Around {
  const category = categoryOf(obr)
  return { ...(category && { category: [category] }), effective: effectiveOf(obr, draft) ?? undefined }
}

/** Order, results and report of an OBR. Throws Refusal E_DATE at OBR-7. */
function addOrder({ obr, order, notes, results }: NamedOrder, setting: Setting, draft: Draft): void {
  const { subject, encounter } = setting
  const about = { subject: { ...subject.reference }, ...(encounter && { encounter: { ...encounter } }) }
  const report = reportOf(obr, draft)
  const request = report && addRequest(obr, order, about, subject, draft)
  const references = results.map(result => addResult(result, setting, draft))
  const result = references.filter(reference => reference !== undefined)
  if (!report) draft.note('E_PRUNED', obr.at(4))
  if (!report) return
  const conclusion = notes.flatMap(nte => textOf(nte) ?? []).join('\n')
  const resource: DiagnosticReport = {
    ...report,
    id: draft.newId('DiagnosticReport'),
    ...about,
    ...(request && { basedOn: [request] }),
    ...(result.length > 0 && { result }),
    ...(conclusion && { conclusion }),
  }
  draft.add({ verb: 'replace', resource, identity: [reportName(order, draft)], subject: subject.name })
}

function addRequest(
  obr: Segment,
  order: Order,
  about: Pick<ServiceRequest, 'subject' | 'encounter'>,
  subject: Subject,
  draft: Draft,
): Reference {
  const make = (id: string): ServiceRequest => ({ ...requestOf(obr, draft), id, ...about })
  return draft.mention([requestName(obr, order, draft)], 'ServiceRequest', make, subject.name)
}
