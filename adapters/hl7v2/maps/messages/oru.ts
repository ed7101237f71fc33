/** ORU R01 R30 R31 R32 and OUL R21 to R24: results; message map ORU_R01 of the guide, read alike for the others. */
import type { DiagnosticReport, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { type Result as NamedResult, type Order, orderOf, reportName, resultNames } from '../../identity.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { textOf } from '../segments/note.ts'
import type { Around } from '../segments/observation.ts'
import { categoryOf, effectiveOf, reportOf } from '../segments/order.ts'
import { type OrderGroup, type PatientGroup, patientGroups, type SpecimenGroup } from './groups.ts'
import type { MessageMap } from './map.ts'
import { type Participants, participantsOf } from './participants.ts'
import type { Subject } from './people.ts'
import { addPerson, type Person, personSegments } from './person.ts'
import { type About, addRequest, linkParents } from './requests.ts'
import { addResult, type Result, type Setting } from './results.ts'
import { Specimens } from './specimens.ts'

const segments = `${personSegments} ORC OBR TQ1 OBX NTE SPM SAC`

export const resultMaps: readonly MessageMap[] = [
  { type: 'ORU', events: 'R01 R30 R31 R32', structures: 'ORU_R01 ORU_R30', segments, translate: oru },
  { type: 'OUL', events: 'R21 R22 R23 R24', structures: 'OUL_R21 OUL_R22 OUL_R23 OUL_R24', segments, translate: oru },
]

/** Translates one ORU or OUL. Throws Refusal: E_SEGMENT_MISSING at PID or OBR, E_NO_PATIENT, and what OBR and OBX throw. */
export function oru(event: string, draft: Draft): void {
  const groups = patientGroups(draft.message.segments, draft)
  if (groups.some(group => group.orders.length === 0)) refuse('E_SEGMENT_MISSING', 'OBR')
  addResultGroups(groups, event, draft)
}

/** Adds everything that groups of results tell: patients, visits, orders, specimens, observations, reports. Returns the people. */
export function addResultGroups(groups: readonly PatientGroup[], event: string, draft: Draft): readonly Person[] {
  const named = groups.map(group => nameGroup(group, event, draft))
  const names = resultNames(named.flatMap(resultsOf), draft)
  for (const group of named) addGroup(group, names, draft)
  return named
}

type NamedOrder = OrderGroup & Readonly<{ order: Order }>
type NamedGroup = Readonly<{
  subject: Subject
  encounter: Reference | undefined
  loose: readonly Result[]
  orders: readonly NamedOrder[]
  specimens: readonly SpecimenGroup[]
}>

/** Adds patient and visit of a group, and names its orders. */
function nameGroup(group: PatientGroup, event: string, draft: Draft): NamedGroup {
  const { subject, encounter } = addPerson(group, event, draft)
  for (const { segment } of group.others) draft.note('E_PRUNED', segment.at(1))
  const orders = group.orders
    .map(withResultsBelow)
    .map(found => ({ ...found, order: orderOf(found.obr, found.orc, subject.name, draft) }))
  return { subject, encounter, loose: group.results, orders, specimens: group.specimens }
}

/**
 * Below an SPM stands what is observed of the specimen; but many senders put the SPM before the results. Of an OBR that has no
 * other OBX these are the results.
 */
function withResultsBelow(group: OrderGroup): OrderGroup {
  if (group.results.length > 0) return group
  const results = group.specimens.flatMap(({ spm, results }) => results.map(result => ({ ...result, spm })))
  return { ...group, results, specimens: group.specimens.map(specimen => ({ ...specimen, results: [] })) }
}

/** All OBX of a group with what names them. */
function resultsOf({ subject, loose, orders, specimens }: NamedGroup): readonly NamedResult[] {
  const patient = subject.name
  const name = (results: readonly Result[], order: Order | null) => results.map(({ obx }) => ({ obx, order, patient }))
  return [
    ...name(loose, null),
    ...specimens.flatMap(({ results }) => name(results, null)),
    ...orders.flatMap(({ results, specimens, order }) => [
      ...name(results, order),
      ...specimens.flatMap(specimen => name(specimen.results, order)),
    ]),
  ]
}

function addGroup(group: NamedGroup, names: Setting['names'], draft: Draft): void {
  const { subject, encounter } = group
  const specimens = new Specimens(subject, draft)
  const setting = { subject, encounter, names, around: {} }
  for (const result of group.loose) addResult(result, setting, draft)
  for (const specimen of group.specimens)
    addAboutSpecimen(specimen, specimens.add(specimen, null, true), setting, draft)
  const placed = group.orders.flatMap(found => {
    const request = addOrder(found, specimens, { ...setting, around: aroundOf(found, draft) }, draft)
    return request ? [{ obr: found.obr, request }] : []
  })
  linkParents(placed, draft)
}

/** What an OBR says of its results. */
function aroundOf({ obr }: OrderGroup, draft: Draft): Around {
  const category = categoryOf(obr)
  return { ...(category && { category: [category] }), effective: effectiveOf(obr, draft) ?? undefined }
}

/** Observations below an SPM are about the specimen (guide: Observation.focus). */
function addAboutSpecimen(specimen: SpecimenGroup, focus: Reference, setting: Setting, draft: Draft): void {
  const around = { ...setting.around, focus }
  for (const result of specimen.results) addResult(result, { ...setting, around }, draft)
}

/** OBX-29: answers to questions that the order asked (QST, SCI) belong to the order, not to the report. */
function answersOrder({ obx }: Result): boolean {
  return ['QST', 'SCI'].includes(clean(obx.value(29)) ?? '')
}

/** Order, results and report of an OBR; returns the order. Throws Refusal E_DATE at OBR-7. */
function addOrder(group: NamedOrder, specimens: Specimens, setting: Setting, draft: Draft): Reference | undefined {
  const { obr, order, notes, results } = group
  const { subject, encounter } = setting
  const about: About = { subject: { ...subject.reference }, ...(encounter && { encounter: { ...encounter } }) }
  const report = reportOf(group, draft)
  const { requester, collector, report: people } = participantsOf(group, draft)
  const specimen = specimens.ofOrder(group, order, true, collector)
  const added = results.map(result => addResult(result, withSpecimen(result, specimen, specimens, setting), draft))
  const references = (answers: boolean) =>
    added.filter((reference, i) => reference !== undefined && answersOrder(results[i]!) === answers) as Reference[]
  group.specimens.forEach((one, i) => {
    addAboutSpecimen(one, specimen[i]!, setting, draft)
  })
  if (!report) draft.note('E_PRUNED', obr.at(4))
  if (!report) return undefined
  const supportingInfo = references(true)
  const more = {
    ...(supportingInfo.length > 0 && { supportingInfo }),
    ...many('specimen', specimen),
    ...(requester && { requester }),
  }
  // comments behind the OBR of a result are about the result
  const request = addRequest({ ...group, notes: [] }, order, { about, subject, verb: 'ensure', more }, draft)
  const result = references(false)
  const conclusion = notes.flatMap(nte => textOf(nte) ?? []).join('\n')
  const resource: DiagnosticReport = {
    ...report,
    ...joined(report, people),
    id: draft.newId('DiagnosticReport'),
    ...about,
    basedOn: [request],
    ...many('specimen', specimen),
    ...(result.length > 0 && { result }),
    ...(conclusion && { conclusion }),
  }
  draft.add({ verb: 'replace', resource, identity: [reportName(order, draft)], subject: subject.name })
  return request
}

/** Who stands in OBR, and who in PRT. */
function joined(report: Pick<DiagnosticReport, 'performer' | 'resultsInterpreter'>, people: Participants['report']) {
  const performer = [...(report.performer ?? []), ...(people.performer ?? [])]
  const resultsInterpreter = [...(report.resultsInterpreter ?? []), ...(people.resultsInterpreter ?? [])]
  return {
    ...(performer.length > 0 && { performer }),
    ...(resultsInterpreter.length > 0 && { resultsInterpreter }),
  }
}

function many(name: 'specimen', references: readonly Reference[]): Partial<Record<'specimen', Reference[]>> {
  return references.length > 0 ? { [name]: references.map(reference => ({ ...reference })) } : {}
}

/** The specimen that a result was found in: the one of OBX-33, else the SPM above it, else the only one of its order. */
function withSpecimen(
  { obx, spm }: Result,
  own: readonly Reference[],
  specimens: Specimens,
  setting: Setting,
): Setting {
  const above = specimens.named(obx, 33) ?? (spm && specimens.of(spm))
  const specimen = above ?? (own.length === 1 ? own[0] : undefined)
  return specimen ? { ...setting, around: { ...setting.around, specimen } } : setting
}
