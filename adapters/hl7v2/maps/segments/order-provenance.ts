/** ORC[Provenance]: who entered, verified, ordered and acted, and when. */
import type { CodeableConcept, Provenance, ProvenanceAgent, Reference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { coding } from '../concept.ts'
import { clean, dateTime, instant } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { producer, xcn } from '../references.ts'

/** XCN as an agent; `as` is its code in provenance-participant-type. */
const agent: DataMap<ProvenanceAgent> = (cell, draft, options) => {
  const who = xcn(cell, draft, options)
  const entering = options.as === 'enterer' ? cell.sibling(17) : undefined
  const onBehalfOf = entering && producer(entering, draft, {})
  const system = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type'
  return who && { type: { coding: [{ system, code: options.as! }] }, who, ...(onBehalfOf && { onBehalfOf }) }
}

/** ORC[Provenance] */
// biome-ignore format: a row a line
export const orcProvenance = segmentMap([
  ['ORC-9', 'recorded', instant],
  ['ORC-9', 'occurredDateTime', dateTime],
  ['ORC-10', 'agent[]', agent, { as: 'enterer' }],
  ['ORC-11', 'agent[]', agent, { as: 'verifier' }],
  ['ORC-12', 'agent[]', agent, { as: 'author' }],
  ['ORC-19', 'agent[]', agent, { as: 'performer' }],
  ['ORC-28', 'meta.security[]', coding, { codes: 'ConfidentialityCode' }],
])

/** ORC-1 as what was done to the order. */
const activities: Readonly<Record<string, string>> = {
  NW: 'CREATE',
  XO: 'UPDATE',
  XX: 'UPDATE',
  SC: 'UPDATE',
  CA: 'CANCEL',
  OC: 'CANCEL',
}

/** The deed that an ORC tells of; null where it has no moment (ORC-9 with a time of day) or nobody who did it. */
export function provenanceOf(orc: Segment, target: Reference, draft: Draft): Omit<Provenance, 'id'> | null {
  const told = [10, 11, 12, 19].some(n => clean(orc.value(n)))
  if (!clean(orc.value(9)) || !told) return null
  const resource = { resourceType: 'Provenance', target: [target] } as unknown as Provenance
  orcProvenance(orc, resource, draft)
  const activity = activities[clean(orc.value(1)) ?? '']
  if (!resource.recorded || !resource.agent) return null
  return { ...resource, ...(activity && { activity: activityOf(activity) }) }
}

function activityOf(code: string): CodeableConcept {
  return { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code }] }
}
