/** The patient of an appointment, an immunisation or a medicine, with what stands beside PID in the tree of the message. */
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import type { Node, Structure } from '../tree.ts'
import { addPerson, type Person, personSegments } from './person.ts'
import type { Result } from './results.ts'

/** Where the segments around a person hang; the structure of a message adds its own. */
export const aroundPerson: Structure = {
  PD1: 'PID',
  NK1: 'PID',
  PV1: 'PID',
  PV2: 'PV1 PID',
  AL1: 'PID',
  IAM: 'PID',
  DG1: 'PID',
  PR1: 'PID',
  GT1: 'PID',
  IN1: 'PID',
  IN2: 'IN1 PID',
  IN3: 'IN1 PID',
  ROL: 'PR1 IN1 PV1 PID',
}

/** Segments of a person and of the observations, for a message map's `segments`. */
export const aroundSegments = `${personSegments} OBX NTE`

const names: ReadonlySet<string> = new Set(personSegments.split(' '))

/** Adds the patient of a PID and what is told beside (`ensure`); comments of a patient have no place in R4, E_PRUNED. */
export function addPersonOf(pid: Node, event: string, draft: Draft): Person {
  const details = detailsOf(pid)
  const first = (name: string) => details.find(segment => segment.name === name)
  for (const nte of pid.all('NTE')) draft.note('E_PRUNED', nte.segment.at(3))
  return addPerson({ pid: pid.segment, pv1: first('PV1'), pv2: first('PV2'), details }, event, draft)
}

function detailsOf(node: Node): readonly Segment[] {
  const below = node.children.filter(({ segment }) => names.has(segment.name))
  return [node.segment, ...below.flatMap(detailsOf)]
}

/** An OBX of the tree with its comments and participants. */
export function resultOf(node: Node): Result {
  const of = (name: string) => node.all(name).map(({ segment }) => segment)
  return { obx: node.segment, notes: of('NTE'), participants: of('PRT') }
}
