/**
 * ADT A40, merge of patients: {PID [PD1] MRG [PV1]}. The guide has no map for it; ours: the patient in PID survives and
 * is only named; the one in MRG-1 becomes inactive with a link to the survivor, sent under both keys. Nothing of the
 * prior patient is moved or renamed (DESIGN §7).
 */
import type { Patient } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { patientNames } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { segmentMap } from '../engine.ts'
import { cx } from '../references.ts'
import type { MessageMap } from './map.ts'
import { addPatient } from './people.ts'

export const mergeMaps: readonly MessageMap[] = [
  { type: 'ADT', events: 'A40', structures: 'ADT_A39', segments: 'EVN PID MRG PV1', translate: merge },
]

const mrg = segmentMap([['MRG-1', 'identifier[]', cx]])

/** Translates one A40. Throws Refusal: E_SEGMENT_MISSING, E_FIELD_MISSING at MRG-1, E_NO_PATIENT, E_MERGE_CYCLE. */
export function merge(_event: string, draft: Draft): void {
  const pairs = pairsOf(draft.message.segments)
  if (pairs.length === 0) refuse('E_SEGMENT_MISSING', draft.message.first('PID') ? 'MRG' : 'PID')
  for (const [pid, prior] of pairs) addMerge(pid, prior, draft)
}

function addMerge(pid: Segment, prior: Segment, draft: Draft): void {
  const survivor = addPatient(pid, undefined, 'ensure', draft)
  if (!prior.value(1)) refuse('E_FIELD_MISSING', prior.at(1))
  const names = patientNames(prior, 1, undefined, draft)
  const [name] = names
  if (name.system === survivor.name.system && name.value === survivor.name.value) refuse('E_MERGE_CYCLE', prior.at(1))
  const resource: Patient = {
    resourceType: 'Patient',
    id: draft.newId('Patient'),
    active: false,
    link: [{ other: { ...survivor.reference }, type: 'replaced-by' }],
  }
  mrg(prior, resource, draft)
  draft.add({ verb: 'replace', resource, identity: names, subject: name, alsoFor: [survivor.name] })
}

/** Every MRG with the PID before it. Throws Refusal E_SEGMENT_MISSING where either stands alone. */
function pairsOf(segments: readonly Segment[]): readonly (readonly [Segment, Segment])[] {
  const pairs: (readonly [Segment, Segment])[] = []
  let pid: Segment | null = null
  for (const segment of segments) {
    if (segment.name === 'PID' && pid) refuse('E_SEGMENT_MISSING', 'MRG')
    if (segment.name === 'PID') pid = segment
    if (segment.name !== 'MRG') continue
    pairs.push([pid ?? refuse('E_SEGMENT_MISSING', 'PID'), segment])
    pid = null
  }
  if (pid) refuse('E_SEGMENT_MISSING', 'MRG')
  return pairs
}
