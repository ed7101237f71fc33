/**
 * PPR PC1 PC2 PC3: problems of a patient. The guide has no map for them; ours: every PRB is a Condition of the problem list,
 * named by PRB-4, else by PRB-3. Goals and pathways (GOL, PTH) have no resource type here; they stay in the original.
 */
import type { Condition } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { problemName } from '../../identity-people.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { problemOf } from '../segments/condition.ts'
import { notesOf } from '../segments/note.ts'
import { type Node, tree } from '../tree.ts'
import type { MessageMap } from './map.ts'
import { addEncounter, addPatient, type Subject } from './people.ts'

export const problemMaps: readonly MessageMap[] = [
  {
    type: 'PPR',
    events: 'PC1 PC2 PC3',
    structures: 'PPR_PC1',
    segments: 'PID PV1 PV2 PRB NTE',
    translate: ppr,
  },
]

const structure = {
  PID: '',
  PV1: 'PID',
  PV2: 'PV1',
  PRB: 'PID',
  GOL: 'PRB',
  PTH: 'PRB',
  OBX: 'GOL PRB',
  NTE: 'OBX GOL PTH PRB',
} as const

/** Translates one PPR. Throws Refusal: E_SEGMENT_MISSING at PID or PRB, E_NO_PATIENT. */
export function ppr(event: string, draft: Draft): void {
  const people = tree(draft.message.segments, structure, ({ name }) => {
    if (name === 'PRB') refuse('E_SEGMENT_MISSING', 'PID')
  })
  if (people.length === 0) refuse('E_SEGMENT_MISSING', 'PID')
  if (people.some(person => person.all('PRB').length === 0)) refuse('E_SEGMENT_MISSING', 'PRB')
  for (const person of people) addProblems(person, event, draft)
}

function addProblems(person: Node, event: string, draft: Draft): void {
  const visit = person.first('PV1')
  const subject = addPatient(person.segment, visit?.segment, 'ensure', draft)
  if (visit) addVisit(visit, subject, event, draft)
  for (const node of person.all('PRB')) addProblem(node, subject, event, draft)
}

/** The visit is only named: a problem outlives it. */
function addVisit(visit: Node, subject: Subject, event: string, draft: Draft): void {
  const pv2 = visit.first('PV2')?.segment
  addEncounter(visit.segment, subject, { verb: 'ensure', event, visit: false, pv2 }, draft)
}

/** PRB-1 (HL7 table 0287) says what becomes of the problem; `DE`, and PC3, take it off the list. */
function addProblem(node: Node, subject: Subject, event: string, draft: Draft): void {
  const { segment: prb } = node
  const gone = isGone(prb, event)
  const id = draft.newId('Condition')
  const found = problemOf(prb, id, { ...subject.reference }, draft)
  // its number alone says which one is gone
  const resource = found ?? (gone && clean(prb.value(4)) ? nothingOf(id, subject) : null)
  if (!resource) draft.note('E_PRUNED', prb.at(3))
  if (!resource) return
  const note = notesOf(
    node.all('NTE').map(({ segment }) => segment),
    draft,
  )
  const identity = [problemName(prb, subject.name, draft)]
  const verb = gone ? 'delete' : says(prb) ? 'replace' : 'ensure'
  draft.add({ verb, resource: { ...resource, ...(note.length > 0 && { note }) }, identity, subject: subject.name })
}

function nothingOf(id: string, { reference }: Subject): Condition {
  return { resourceType: 'Condition', id, subject: { ...reference } }
}

function isGone(prb: Segment, event: string): boolean {
  const action = clean(prb.value(1))
  return action ? action === 'DE' : event === 'PC3'
}

/** Unchanged, linked, unlinked (HL7 table 0287): the problem is only named, and what is known of it stays. */
function says(prb: Segment): boolean {
  return !['UC', 'LI', 'UN'].includes(clean(prb.value(1)) ?? '')
}
