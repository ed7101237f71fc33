/** The groups of orders and results: a patient, and for every OBR its ORC, comments, results and specimens. */
import { refuse } from '../../../../src/errors.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { type Node, type Structure, tree } from '../tree.ts'
import type { Result } from './results.ts'

/** An SPM with the containers (SAC) and the OBX that belong to it. */
export type SpecimenGroup = Readonly<{ spm: Segment; containers: readonly Segment[]; results: readonly Result[] }>

/** An OBR with the ORC and TQ1 around it, its comments, its results and its specimens. */
export type OrderGroup = Readonly<{
  obr: Segment
  orc: Segment | undefined
  /** The ORC stands before several OBR, and this is not the first. */
  shared: boolean
  timings: readonly Segment[]
  /** Comments of the ORC, where `orc` is this OBR's own, and of the OBR. */
  notes: readonly Segment[]
  results: readonly Result[]
  specimens: readonly SpecimenGroup[]
  /** DG1: why it is ordered. */
  diagnoses: readonly Node[]
  /** PRT: who takes part in the order, its specimen and its results. */
  participants: readonly Segment[]
}>

/** A PID and what follows it; `results` are observations before the first OBR. */
export type PatientGroup = Readonly<{
  pid: Segment
  pv1: Segment | undefined
  pv2: Segment | undefined
  /** PID and what stands beside it, in order: next of kin, insurance, allergies, roles … */
  details: readonly Segment[]
  results: readonly Result[]
  orders: readonly OrderGroup[]
  /** Specimens that stand without order. */
  specimens: readonly SpecimenGroup[]
  /** ORC without OBR, with what hangs on them (RXO, ODS …). */
  others: readonly Node[]
}>

/** What is about a patient and stands before the first PID would be about nobody. */
const aboutSomebody = new Set(['PV1', 'ORC', 'OBR', 'OBX', 'SPM'])

/** Segments whose details this file does not read, but that end a group: what an ORC asks for beside OBR. */
const asked = 'RXO RXE RXD RXG RXA RQD RQ1 ODS ODT BPO BPX'

/** Segments around a patient and his visit; maps/messages/details.ts reads them. */
const around = ['PD1', 'NK1', 'PV1', 'PV2', 'PRT', 'ROL', 'AL1', 'IAM', 'DG1', 'PR1', 'IN1', 'IN2', 'IN3', 'GT1']

/** What hangs on what. In OML O33, O35 and OUL R22, R23 the specimen comes first; in OUL the ORC follows its OBR. */
function structure(specimenFirst: boolean, detailFirst: boolean): Structure {
  const holder = specimenFirst ? 'SPM PID' : 'PID'
  return {
    PID: '',
    ...Object.fromEntries(around.map(name => [name, 'PID'])),
    PV2: 'PV1 PID',
    IN2: 'IN1',
    IN3: 'IN1',
    ROL: 'PR1 IN1 PV1 PID',
    ORC: detailFirst ? 'OBR' : holder,
    OBR: detailFirst ? holder : `ORC ${holder}`,
    TQ1: `OBR ${asked} ORC`,
    SPM: specimenFirst ? 'PID' : 'OBR ORC PID',
    SAC: 'SPM OBR',
    OBX: `SPM OBR ${asked} PID`,
    PRT: 'OBX SPM OBR ORC PR1 IN1 PV1 PID',
    DG1: 'OBR ORC PID',
    NTE: `OBX SPM OBR ${asked} ORC PID`,
    RXR: `${asked} ORC`,
    RXC: `${asked} ORC`,
    ...Object.fromEntries(asked.split(' ').map(name => [name, 'ORC'])),
  }
}

const structures = {
  order: structure(false, false),
  detail: structure(false, true),
  specimen: structure(true, false),
  specimenDetail: structure(true, true),
}

/** The structure that the message at hand has: senders do not always keep to that of their event. */
function structureOf(segments: readonly Segment[]): Structure {
  const first = (name: string) => {
    const at = segments.findIndex(segment => segment.name === name)
    return at < 0 ? Number.POSITIVE_INFINITY : at
  }
  const [specimen, detail, order] = [first('SPM'), first('OBR'), first('ORC')]
  const specimenFirst = specimen < Math.min(detail, order)
  const detailFirst = detail < order && order < Number.POSITIVE_INFINITY
  if (specimenFirst) return detailFirst ? structures.specimenDetail : structures.specimen
  return detailFirst ? structures.detail : structures.order
}

/**
 * Reads the segments into groups. Comments of a patient are left out (E_PRUNED). Throws Refusal E_SEGMENT_MISSING at PID where
 * something stands before the first PID, or none is there.
 */
export function patientGroups(segments: readonly Segment[], draft: Draft): readonly PatientGroup[] {
  const roots = tree(segments, structureOf(segments), segment => {
    if (aboutSomebody.has(segment.name)) refuse('E_SEGMENT_MISSING', 'PID')
    draft.note('E_PRUNED', segment.at(1))
  })
  if (roots.length === 0) refuse('E_SEGMENT_MISSING', 'PID')
  return roots.map(root => patientGroup(root, draft))
}

function patientGroup(node: Node, draft: Draft): PatientGroup {
  for (const nte of node.all('NTE')) draft.note('E_PRUNED', nte.segment.at(3))
  const holders = [node, ...node.all('SPM')]
  return {
    pid: node.segment,
    pv1: node.first('PV1')?.segment,
    pv2: (node.first('PV1')?.first('PV2') ?? node.first('PV2'))?.segment,
    details: [node.segment, ...node.all(...around).flatMap(flat)],
    results: resultsOf(node),
    orders: holders.flatMap(ordersOf),
    specimens: node.all('SPM').map(specimenGroup),
    others: holders.flatMap(holder => holder.all('ORC').filter(orc => !orc.first('OBR'))),
  }
}

/** A node and all below it, in order. */
function flat(node: Node): readonly Segment[] {
  return [node.segment, ...node.children.flatMap(flat)]
}

/** The orders below a patient or a specimen. The ORC of several OBR is that of each; its comments go to the first. */
function ordersOf(holder: Node): readonly OrderGroup[] {
  const holding = holder.segment.name === 'SPM' ? [{ ...specimenGroup(holder), results: [] }] : []
  return holder.children.flatMap(child => {
    if (child.segment.name === 'OBR') return orderGroup(child, child.first('ORC'), holding, true)
    if (child.segment.name !== 'ORC') return []
    return child.all('OBR').map((obr, i) => orderGroup(obr, child, holding, i === 0))
  })
}

function orderGroup(obr: Node, orc: Node | undefined, holding: readonly SpecimenGroup[], own: boolean): OrderGroup {
  const nodes = orc && own ? [orc, obr] : [obr]
  return {
    obr: obr.segment,
    orc: orc?.segment,
    shared: !own,
    timings: [...(orc?.all('TQ1') ?? []), ...obr.all('TQ1')].map(({ segment }) => segment),
    notes: nodes.flatMap(node => notesBelow(node)),
    results: resultsOf(obr),
    specimens: [...holding, ...[...(orc?.all('SPM') ?? []), ...obr.all('SPM')].map(specimenGroup)],
    diagnoses: nodes.flatMap(node => node.all('DG1')),
    participants: nodes.flatMap(node => node.all('PRT')).map(({ segment }) => segment),
  }
}

function specimenGroup(spm: Node): SpecimenGroup {
  return {
    spm: spm.segment,
    containers: spm.all('SAC').map(({ segment }) => segment),
    results: resultsOf(spm),
  }
}

function resultsOf(node: Node): readonly Result[] {
  return node.all('OBX').map(obx => ({
    obx: obx.segment,
    notes: notesBelow(obx),
    participants: obx.all('PRT').map(({ segment }) => segment),
  }))
}

function notesBelow(node: Node): readonly Segment[] {
  return node.all('NTE').map(({ segment }) => segment)
}
