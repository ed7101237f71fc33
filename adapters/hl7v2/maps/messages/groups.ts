/** The groups of an ORU_R01: {PID [NTE] [PV1] {OBX [NTE]} {[ORC] OBR [NTE] {OBX [NTE]}}}. */
import { refuse } from '../../../../src/errors.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import type { Result } from './results.ts'

/** An OBR with the ORC before it, its comments and its results. */
export type OrderGroup = Readonly<{
  obr: Segment
  orc: Segment | undefined
  notes: readonly Segment[]
  results: readonly Result[]
}>

/** A PID and what follows it; `results` are observations before the first OBR. */
export type PatientGroup = Readonly<{
  pid: Segment
  pv1: Segment | undefined
  results: readonly Result[]
  orders: readonly OrderGroup[]
}>

type Results = { obx: Segment; notes: Segment[] }[]
type Open = {
  pid: Segment
  pv1: Segment | undefined
  results: Results
  orders: { obr: Segment; orc: Segment | undefined; notes: Segment[]; results: Results }[]
}

/**
 * Reads the segments into groups. An NTE belongs to the OBR or OBX that it follows; behind anything else it is left out
 * (E_PRUNED). Throws Refusal E_SEGMENT_MISSING where something stands before the first PID.
 */
export function patientGroups(segments: readonly Segment[], draft: Draft): readonly PatientGroup[] {
  const groups: Open[] = []
  let orc: Segment | undefined
  let notes: Segment[] | null = null
  const group = () => groups.at(-1) ?? refuse('E_SEGMENT_MISSING', 'PID')
  for (const segment of segments) {
    if (segment.name === 'NTE') {
      if (notes) notes.push(segment)
      else draft.note('E_PRUNED', segment.at(3))
      continue
    }
    notes = ['OBR', 'OBX'].includes(segment.name) ? [] : null
    if (segment.name === 'PID') groups.push({ pid: segment, pv1: undefined, results: [], orders: [] })
    if (segment.name === 'PV1') group().pv1 ??= segment
    if (segment.name === 'ORC') orc = segment
    if (segment.name === 'OBX') (group().orders.at(-1) ?? group()).results.push({ obx: segment, notes: notes! })
    if (segment.name !== 'OBR') continue
    group().orders.push({ obr: segment, orc, notes: notes!, results: [] })
    orc = undefined
  }
  return groups
}
