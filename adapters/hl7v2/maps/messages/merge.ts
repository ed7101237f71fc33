/**
 * Merges of people: A18, A30, A34, A36, A39, A40, and A43 and A47, which give an old number to somebody else's record or
 * replace it: {PID [PD1] MRG [PV1]}. The guide has no map for them; ours: the patient in PID survives and is only named; the
 * one in MRG-1 becomes inactive with a link to it, sent under both keys. Nothing of the prior patient is moved or renamed
 * (DESIGN §7).
 */
import type { Patient } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { identifyingNumber, isSame, patientNames } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { mrgPatient } from '../segments/prior.ts'
import type { MessageMap } from './map.ts'
import { renumberAccount } from './moves.ts'
import { addPatient, type Subject } from './people.ts'

export const mergeMaps: readonly MessageMap[] = [
  {
    type: 'ADT',
    events: 'A18 A30 A34 A36 A39 A40 A43 A47',
    structures: 'ADT_A18 ADT_A30 ADT_A39 ADT_A43',
    segments: 'EVN PID MRG PV1',
    translate: merge,
  },
]

/** They change numbers of a person; where the one that identifies is not among them, no record is another's now. */
const ofNumbers = new Set(['A43', 'A47'])

/** Translates one of these. Throws Refusal: E_SEGMENT_MISSING, E_FIELD_MISSING at MRG-1, E_NO_PATIENT, E_MERGE_CYCLE. */
export function merge(event: string, draft: Draft): void {
  const pairs = pairsOf(draft.message.segments)
  if (pairs.length === 0) refuse('E_SEGMENT_MISSING', draft.message.first('PID') ? 'MRG' : 'PID')
  for (const [pid, prior] of pairs) {
    const survivor = addPatient(pid, undefined, 'ensure', draft)
    if (!prior.value(1)) refuse('E_FIELD_MISSING', prior.at(1))
    if (ofNumbers.has(event) && !changesWho(pid, prior, draft)) draft.note('E_PRUNED', prior.at(1))
    else addMerge(prior, survivor, draft)
    if (event === 'A36') renumberAccount(prior, pid, survivor, draft)
  }
}

/** The number that identifies (by type where the profile names none) is another one than before. */
function changesWho(pid: Segment, prior: Segment, draft: Draft): boolean {
  const [now, before] = [identifyingNumber(pid, 3, draft), identifyingNumber(prior, 1, draft)]
  return now !== null && before !== null && now.type === before.type && !isSame(now.name, before.name)
}

function addMerge(prior: Segment, survivor: Subject, draft: Draft): void {
  const names = patientNames(prior, 1, undefined, draft)
  const [name] = names
  if (isSame(name, survivor.name)) refuse('E_MERGE_CYCLE', prior.at(1))
  const resource: Patient = {
    resourceType: 'Patient',
    id: draft.newId('Patient'),
    active: false,
    link: [{ other: { ...survivor.reference }, type: 'replaced-by' }],
  }
  mrgPatient(prior, resource, draft)
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
