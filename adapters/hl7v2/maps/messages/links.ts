/**
 * A24 and A37: {PID [PD1] [PV1]} twice. A24 says that two records may be of one person and leaves both as they are; A37
 * takes that back, and a merge of the two with it. The guide has no map for them; ours: a Linkage of the two, which nothing
 * that is said of either patient later wipes, active after A24 and not after A37, under both keys.
 */
import type { Linkage } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import type { Identity } from '../../../../src/records.ts'
import { isSame, ofSender, patientNames } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { patientOf } from '../segments/patient.ts'
import type { MessageMap } from './map.ts'
import type { Subject } from './people.ts'

export const linkMaps: readonly MessageMap[] = [
  { type: 'ADT', events: 'A24 A37', structures: 'ADT_A24 ADT_A37', segments: 'EVN PID', translate: link },
]

/**
 * Translates one of the two. Throws Refusal: E_SEGMENT_MISSING and E_TWO_PATIENTS where there are not two PID, E_MERGE_CYCLE
 * where both name the same patient, E_NO_PATIENT.
 */
export function link(event: string, draft: Draft): void {
  const [first, second, third] = draft.message.all('PID')
  if (!first || !second) refuse('E_SEGMENT_MISSING', 'PID')
  if (third) refuse('E_TWO_PATIENTS', third.at(1))
  const names = [first, second].map(pid => patientNames(pid, 3, undefined, draft)[0]) as [Identity, Identity]
  if (isSame(...names)) refuse('E_MERGE_CYCLE', second.at(3))
  const linked = event === 'A24' || (event !== 'A37' && draft.message.structure === 'ADT_A24')
  const subjects = [first, second].map((pid, i) => addOne(pid, linked ? null : names[1 - i]!, draft))
  addLinkage(subjects, linked, draft)
}

/** `other`: whom this patient is not one person with. */
function addOne(pid: Segment, other: Identity | null, draft: Draft): Subject {
  const identity = patientNames(pid, 3, undefined, draft)
  const [name] = identity
  const resource = patientOf(pid, draft.newId('Patient'), draft)
  const reference = draft.add({ verb: 'ensure', resource, identity, subject: name, ...(other && { unlinks: [other] }) })
  return { name, reference }
}

/** Named by both, in an order of their own: A37 may tell them the other way round. */
function addLinkage(subjects: readonly Subject[], active: boolean, draft: Draft): void {
  const key = ({ name }: Subject) => `${name.system} ${name.value}`
  const [first, second] = [...subjects].sort((a, b) => (key(a) < key(b) ? -1 : 1)) as [Subject, Subject]
  const resource: Linkage = {
    resourceType: 'Linkage',
    id: draft.newId('Linkage'),
    active,
    item: [first, second].map(({ reference }) => ({ type: 'alternate', resource: { ...reference } })),
  }
  const parts = [first, second].flatMap(({ name }) => [name.system, name.value])
  const identity = [ofSender(draft, 'linkage', ...parts)]
  draft.add({ verb: 'replace', resource, identity, subject: first.name, alsoFor: [second.name] })
}
