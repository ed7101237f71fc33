/** ADT A01 A03 A04 A08 (about a visit) and A31 (about a person): message map ADT_A01 and ADT_A05 of the guide. */
import { refuse } from '../../../../src/errors.ts'
import { allergyName, codedName, resultNames } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { allergyOf } from '../segments/allergy.ts'
import type { MessageMap } from './map.ts'
import { addEncounter, addPatient, type Subject, type Verb } from './people.ts'
import { addResult, type Result } from './results.ts'

export const visitMaps: readonly MessageMap[] = [
  {
    type: 'ADT',
    events: 'A01 A03 A04 A08 A31',
    structures: 'ADT_A01 ADT_A03 ADT_A05',
    segments: 'EVN PID PV1 AL1 OBX NTE',
    translate: adt,
  },
]

/** Events whose message is about a visit; the others are about the person, and a PV1 in them may be filler. */
const visits = new Set(['A01', 'A03', 'A04', 'A08'])

/** Translates one ADT. Throws Refusal: E_SEGMENT_MISSING and E_TWO_PATIENTS at PID, E_DATE at PID-7, E_NO_PATIENT, and what the OBX throw. */
export function adt(event: string, draft: Draft): void {
  const { message, profile } = draft
  const pid = message.first('PID') ?? refuse('E_SEGMENT_MISSING', 'PID')
  const pv1 = message.first('PV1')
  refuseFurther(message.all('PID'))
  noteFurther(message.all('PV1'), draft)
  const verb: Verb = profile.adt === 'snapshot' ? 'replace' : 'ensure'
  const subject = addPatient(pid, pv1, verb, draft)
  if (verb === 'replace') refuseUnreadableBirth(pid, draft)
  const encounter = pv1 && addEncounter(pv1, subject, { verb, event, visit: visits.has(event) }, draft)
  addAllergies(message.all('AL1'), subject, verb, draft)
  const results = resultsOf(message.segments)
  const loose = results.map(({ obx }) => ({ obx, order: null, patient: subject.name }))
  const setting = { subject, encounter, around: {}, names: resultNames(loose, draft) }
  for (const result of results) addResult(result, setting, draft)
}

/** These events are about one patient (HL7 v2.5.1 §3.3): what follows a second PID would go to the wrong one. */
function refuseFurther(pids: readonly Segment[]): void {
  for (const pid of pids) if (pid.index > 1) refuse('E_TWO_PATIENTS', pid.at(1))
}

/** Left out of a `replace`, a mistyped birth date would wipe the right one that was sent before. */
function refuseUnreadableBirth(pid: Segment, draft: Draft): void {
  const at = pid.at(7)
  if (draft.issues.some(issue => issue.code === 'E_DATE' && issue.at === at)) refuse('E_DATE', at)
}

/** And about one visit: a second PV1 is not read. */
function noteFurther(segments: readonly Segment[], draft: Draft): void {
  for (const segment of segments) if (segment.index > 1) draft.note('E_PRUNED', segment.at(1))
}

/**
 * A snapshot sender's AL1 are the whole list (HL7 v2.5.1 §3.4.6): those not named are gone. Not so when one of them had
 * to be left out, because then the list is not whole.
 */
function addAllergies(segments: readonly Segment[], subject: Subject, verb: Verb, draft: Draft): void {
  const seen = new Set<string>()
  let whole = segments.length > 0
  for (const al1 of segments) {
    const resource = allergyOf(al1, draft.newId('AllergyIntolerance'), { ...subject.reference }, draft)
    const substance = resource.code && codedName(al1, 3)
    if (!substance || seen.has(substance)) draft.note('E_PRUNED', al1.at(3))
    whole &&= substance !== undefined
    if (!substance || seen.has(substance)) continue
    seen.add(substance)
    draft.add({ verb, resource, identity: [allergyName(subject.name, substance, draft)], subject: subject.name })
  }
  if (whole && verb === 'replace') draft.snapshots.push({ type: 'AllergyIntolerance', subject: subject.name })
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
