/** VXU V04, message map VXU_V04: PID [PV1] [OBX] {[ORC] RXA [RXR] {OBX [NTE]}}. */
import type { Immunization, Observation, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { type Result as NamedResult, resultNames } from '../../identity.ts'
import { type Shot, shotKeys, shotName } from '../../identity-care.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { immunizationOf, isNoVaccine, reactionsOf, shotFacts } from '../segments/immunization.ts'
import { notesOf } from '../segments/note.ts'
import { type Node, type Structure, tree } from '../tree.ts'
import { addPersonOf, aroundPerson, aroundSegments, resultOf } from './around.ts'
import type { MessageMap } from './map.ts'
import type { Subject } from './people.ts'
import { addResult, type Setting } from './results.ts'

export const immunizationMaps: readonly MessageMap[] = [
  {
    type: 'VXU',
    events: 'V04',
    structures: 'VXU_V04',
    segments: `ORC RXA RXR ${aroundSegments}`,
    translate: vxu,
  },
]

const structure: Structure = {
  ...aroundPerson,
  PID: '',
  ORC: 'PID',
  RXA: 'ORC PID',
  RXR: 'RXA',
  OBX: 'RXA PID',
  NTE: 'OBX RXA PID',
  PRT: 'OBX RXA ORC PV1 PID',
}

/**
 * Translates one VXU. Throws Refusal: E_SEGMENT_MISSING at PID, E_TWO_PATIENTS, E_NO_PATIENT, and what RXA and OBX throw.
 */
export function vxu(event: string, draft: Draft): void {
  const roots = tree(draft.message.segments, structure, segment => draft.note('E_PRUNED', segment.at(1)))
  const [patient = refuse('E_SEGMENT_MISSING', 'PID'), second] = roots.filter(({ segment }) => segment.name === 'PID')
  if (second) refuse('E_TWO_PATIENTS', second.segment.at(1))
  const { subject, encounter } = addPersonOf(patient, event, draft)
  const shots = shotsOf(patient)
  const keys = shotKeys(shots)
  const results = [
    ...patient.all('OBX').map(({ segment }) => ({ obx: segment, order: null, patient: subject.name })),
    ...shots.flatMap((shot, i) => shot.node.all('OBX').map(obx => namedIn(obx.segment, shot, keys[i]!, subject))),
  ]
  const setting: Setting = { subject, encounter, around: {}, names: resultNames(results, draft) }
  for (const node of patient.all('OBX')) addObservation(node, setting, draft)
  for (const [i, shot] of shots.entries()) addShot(shot, keys[i]!, setting, draft)
}

/** An RXA with the ORC that it hangs on. */
type ShotNode = Shot & Readonly<{ node: Node; participants: readonly Segment[] }>

function shotsOf(patient: Node): readonly ShotNode[] {
  return patient.children.flatMap<ShotNode>(child => {
    if (child.segment.name === 'RXA') return [shotOf(child, undefined)]
    if (child.segment.name !== 'ORC') return []
    return child.all('RXA').map(node => shotOf(node, child))
  })
}

function shotOf(node: Node, orc: Node | undefined): ShotNode {
  const participants = [...(orc?.all('PRT') ?? []), ...node.all('PRT')].map(({ segment }) => segment)
  return { node, rxa: node.segment, orc: orc?.segment, participants }
}

/** The OBX of a shot is named within it, so that two shots of a message may have the same OBX-3 and OBX-4. */
function namedIn(obx: Segment, { rxa }: ShotNode, key: string, { name }: Subject): NamedResult {
  return {
    obx,
    patient: name,
    order: { patient: name, number: key, parts: [name.system, name.value, key], at: rxa.at(5) },
  }
}

function addShot({ node, rxa, orc, participants }: ShotNode, key: string, setting: Setting, draft: Draft): void {
  const { subject, encounter } = setting
  const nodes = node.all('OBX')
  if (isNoVaccine(rxa)) {
    for (const obx of nodes) addObservation(obx, setting, draft)
    return
  }
  const found = immunizationOf({ rxa, orc, rxr: node.first('RXR')?.segment, participants }, draft)
  const { facts, rest, reactions } = shotFacts(
    nodes.map(({ segment }) => segment),
    draft,
  )
  const note = [
    ...(found.note ?? []),
    ...notesOf(
      node.all('NTE').map(({ segment }) => segment),
      draft,
    ),
  ]
  const resource: Immunization = {
    ...found,
    ...facts,
    id: draft.newId('Immunization'),
    patient: { ...subject.reference },
    ...(encounter && { encounter: { ...encounter } }),
    ...(note.length > 0 && { note }),
  }
  const name = shotName(key, subject.name, draft)
  const shot = draft.add({ verb: 'replace', resource, identity: [name], subject: subject.name })
  const added = nodes
    .filter(({ segment }) => rest.includes(segment))
    .map(obx => [obx.segment, addObservation(obx, setting, draft, shot)] as const)
  const reaction = reactionsOf(
    added.filter(([obx]) => reactions.includes(obx)),
    draft,
  )
  if (reaction && reaction.length > 0) draft.amend<Immunization>(shot, made => Object.assign(made, { reaction }))
}

/** An observation, part of the shot that it tells about; one of the wrong person points to nothing. */
function addObservation(node: Node, setting: Setting, draft: Draft, shot?: Reference): Reference | undefined {
  const reference = addResult(resultOf(node), setting, draft)
  const wrong = node.segment.value(11) === 'W'
  if (reference && shot && !wrong)
    draft.amend<Observation>(reference, made => Object.assign(made, { partOf: [{ ...shot }] }))
  return reference
}
