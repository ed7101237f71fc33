/**
 * ADT about one visit or one person, and A17 about two who change beds. What each event says of both is a row of
 * ../../tables/adt-events.ts; message maps ADT_A01, A02, A05, A06, A09, A11 and A17 of the guide.
 */
import type { Encounter, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import type { Change, Identity } from '../../../../src/records.ts'
import { allergyName, codedName, patientNames, resultNames, visitName } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { visitEvent, visitEvents } from '../../tables/adt-events.ts'
import type { Draft } from '../draft.ts'
import { allergyOf } from '../segments/allergy.ts'
import { addDetails, detailSegments } from './details.ts'
import type { MessageMap } from './map.ts'
import { renumberAccount, renumberVisit } from './moves.ts'
import { addEncounter, addPatient, type Subject, type Verb } from './people.ts'
import { addResult, type Result } from './results.ts'

export const visitMaps: readonly MessageMap[] = [
  {
    type: 'ADT',
    events: [...visitEvents, 'A29'].join(' '),
    structures:
      'ADT_A01 ADT_A02 ADT_A03 ADT_A05 ADT_A06 ADT_A09 ADT_A10 ADT_A11 ADT_A12 ADT_A15 ADT_A16 ADT_A17 ADT_A21 ADT_A38 ' +
      'ADT_A52 ADT_A54 ADT_A55 ADT_A60 ADT_A61',
    segments: `EVN PID PV1 PV2 AL1 OBX NTE MRG ${detailSegments}`,
    translate: adt,
  },
]

/**
 * Translates one ADT. Throws Refusal: E_SEGMENT_MISSING and E_TWO_PATIENTS at PID, E_DATE at PID-7, E_NO_PATIENT; where a
 * visit is called off or deleted E_SEGMENT_MISSING at PV1 and E_FIELD_MISSING at PV1-19, where one goes on or ends the first; and what the OBX throw.
 */
export function adt(event: string, draft: Draft): void {
  const { segments } = draft.message
  if (event === 'A29') return void removePerson(segments, draft)
  const groups = event === 'A17' ? peopleOf(segments) : [segments]
  if (groups.length > 2) refuse('E_TWO_PATIENTS', 'PID[3]')
  for (const group of groups) addPerson(group, event, draft)
}

function addPerson(segments: readonly Segment[], event: string, draft: Draft): void {
  const pid = only(segments, 'PID') ?? refuse('E_SEGMENT_MISSING', 'PID')
  const [pv1, ...more] = segments.filter(({ name }) => name === 'PV1')
  for (const segment of more) draft.note('E_PRUNED', segment.at(1))
  const { person, lists = person } = visitEvent(event)
  const verb: Verb = person === 'full' ? fullVerb(draft) : 'ensure'
  const subject = addPatient(pid, pv1, verb, draft)
  if (verb === 'replace') refuseUnreadableBirth(pid, draft)
  const encounter = addVisit(pv1, segments, subject, event, draft)
  addPriorNumbers({ pid, pv1, segments }, subject, encounter, event, draft)
  const verbOfLists: Verb = lists === 'full' ? fullVerb(draft) : 'ensure'
  addAllergies(all(segments, 'AL1'), subject, verbOfLists, draft)
  const { account } = addDetails(segments, { subject, encounter, verb: verbOfLists }, draft)
  if (encounter && account) draft.amend<Encounter>(encounter, visit => addAccount(visit, account))
  addResults(segments, subject, encounter, draft)
}

/** PID-18 is the account that the visit is billed to (HL7 v2.5.1 §3.4.2.18). */
function addAccount(visit: Encounter, account: Reference): void {
  visit.account = [{ ...account }]
}

/** What a sender that knows the whole says replaces, what another says is only added (profile `adt`). */
function fullVerb({ profile }: Draft): Verb {
  return profile.adt === 'snapshot' ? 'replace' : 'ensure'
}

/** The segments of each PID, itself first. */
function peopleOf(segments: readonly Segment[]): readonly (readonly Segment[])[] {
  const starts = segments.flatMap(({ name }, i) => (name === 'PID' ? [i] : []))
  return starts.length === 0 ? [segments] : starts.map((start, i) => segments.slice(start, starts[i + 1]))
}

/** The only segment of a name: these events are about one patient (HL7 v2.5.1 §3.3); what follows a second PID would go wrong. */
function only(segments: readonly Segment[], name: string): Segment | undefined {
  const [first, second] = all(segments, name)
  if (second) refuse('E_TWO_PATIENTS', second.at(1))
  return first
}

function all(segments: readonly Segment[], name: string): readonly Segment[] {
  return segments.filter(segment => segment.name === name)
}

/** Left out of a `replace`, a mistyped birth date would wipe the right one that was sent before. */
function refuseUnreadableBirth(pid: Segment, draft: Draft): void {
  const at = pid.at(7)
  if (draft.issues.some(issue => issue.code === 'E_DATE' && issue.at === at)) refuse('E_DATE', at)
}

// ---------------------------------------------------------------- visits

/** The visit as the event tells it; undefined where there is none any more, or none that anything names. */
function addVisit(
  pv1: Segment | undefined,
  segments: readonly Segment[],
  subject: Subject,
  event: string,
  draft: Draft,
): Reference | undefined {
  const { visit, demands } = visitEvent(event)
  if (demands && !pv1) refuse('E_SEGMENT_MISSING', demands)
  if (visit === 'deleted' || visit === 'cancelled') demandKnown(pv1, subject, draft)
  if (!pv1) return undefined
  if (visit === 'deleted') return removeVisit(pv1, subject, draft)
  const pv2 = all(segments, 'PV2')[0]
  const turned = visit === 'cancelled' || (visit === 'turned' && saysState(pv1, event))
  const verb = turned ? 'replace' : visit === 'told' || visit === 'turned' ? fullVerb(draft) : 'ensure'
  return addEncounter(pv1, subject, { verb, event, visit: visit !== 'filler', pv2 }, draft)
}

/** Else the visit would become `unknown`, which is no news of where it stands. */
function saysState(pv1: Segment, event: string): boolean {
  return visitEvent(event).status !== undefined || Boolean(pv1.value(2) || pv1.value(45))
}

/** What was never heard of cannot be called off: the visit that is meant would go on. */
function demandKnown(pv1: Segment | undefined, { name }: Subject, draft: Draft): void {
  if (!pv1) refuse('E_SEGMENT_MISSING', 'PV1')
  if (!visitName(pv1, name, draft)) refuse('E_FIELD_MISSING', pv1.at(19))
}

function removeVisit(pv1: Segment, { name }: Subject, draft: Draft): undefined {
  const resource = { resourceType: 'Encounter', id: draft.newId('Encounter') } as Change['resource']
  draft.add({ verb: 'delete', resource, identity: [visitName(pv1, name, draft)!], subject: name })
}

/** A29: the person is gone. What was said about the person stays: each has its own event or its own sender. */
function removePerson(segments: readonly Segment[], draft: Draft): void {
  const pid = only(segments, 'PID') ?? refuse('E_SEGMENT_MISSING', 'PID')
  const identity = patientNames(pid, 3, undefined, draft)
  const resource = { resourceType: 'Patient', id: draft.newId('Patient') } as Change['resource']
  draft.add({ verb: 'delete', resource, identity, subject: identity[0] })
}

type Numbers = Readonly<{ pid: Segment; pv1: Segment | undefined; segments: readonly Segment[] }>

/** A06 and A07 may give the visit and the account new numbers; MRG has the old ones (HL7 v2.5.1 §3.3.6). */
function addPriorNumbers(
  { pid, pv1, segments }: Numbers,
  subject: Subject,
  encounter: Reference | undefined,
  event: string,
  draft: Draft,
): void {
  const mrg = all(segments, 'MRG')[0]
  if (!mrg) return
  if (event !== 'A06' && event !== 'A07') return void draft.note('E_PRUNED', mrg.at(1))
  if (encounter)
    renumberVisit(mrg, { name: visitName(pv1!, subject.name, draft), encounter, status: 'finished' }, subject, draft)
  renumberAccount(mrg, pid, subject, draft)
}

// ---------------------------------------------------------------- what hangs on them

/**
 * A snapshot sender's AL1 are the whole list (HL7 v2.5.1 §3.4.6): those not named are gone. Not so when one of them had
 * to be left out, because then the list is not whole.
 */
export function addAllergies(segments: readonly Segment[], subject: Subject, verb: Verb, draft: Draft): void {
  const seen = new Set<string>()
  const names: Identity[] = []
  let whole = segments.length > 0
  for (const al1 of segments) {
    const resource = allergyOf(al1, draft.newId('AllergyIntolerance'), { ...subject.reference }, draft)
    const substance = resource.code && codedName(al1, 3)
    if (!substance || seen.has(substance)) draft.note('E_PRUNED', al1.at(3))
    whole &&= substance !== undefined
    if (!substance || seen.has(substance)) continue
    seen.add(substance)
    const name = allergyName(subject.name, substance, draft)
    names.push(name)
    draft.add({ verb, resource, identity: [name], subject: subject.name })
  }
  // of these names only: an IAM of the message is of no list, and another patient's AL1 are of his own
  if (whole && verb === 'replace')
    draft.snapshots.push({ type: 'AllergyIntolerance', subject: subject.name, part: { of: '["AL1"]', names } })
}

/** Adds the OBX that stand without OBR. */
export function addResults(
  segments: readonly Segment[],
  subject: Subject,
  encounter: Reference | undefined,
  draft: Draft,
): void {
  const results = resultsOf(segments)
  const loose = results.map(({ obx }) => ({ obx, order: null, patient: subject.name }))
  const setting = { subject, encounter, around: {}, names: resultNames(loose, draft) }
  for (const result of results) addResult(result, setting, draft)
}

/** OBX with the NTE behind them; an NTE behind anything else has no place in FHIR's Patient. */
function resultsOf(segments: readonly Segment[]): readonly Result[] {
  const results: { obx: Segment; notes: Segment[] }[] = []
  let last: { notes: Segment[] } | null = null
  for (const segment of segments) {
    if (segment.name === 'NTE') last?.notes.push(segment)
    else last = segment.name === 'OBX' ? { notes: [] } : null
    if (segment.name === 'OBX') results.push(Object.assign(last!, { obx: segment }))
  }
  return results
}
