/** PR1[Procedure]. */
import type { Procedure, ProcedurePerformer } from 'fhir/r4.js'
import { numberOf } from '../../../../src/fhir/json.ts'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean, dateTime, readNumber, text } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { ei, pl, xcn } from '../references.ts'

const functions: Readonly<Record<string, string>> = { '88189002': 'Anesthesiologist', '304292004': 'Surgeon' }

/** XCN as a performer; `as` is the SNOMED CT code of what he does there. */
const performer: DataMap<ProcedurePerformer> = (cell, draft, options) => {
  const actor = xcn(cell, draft, {})
  if (!actor) return undefined
  if (!options.as) return { actor }
  const coding = [{ system: 'http://snomed.info/sct', code: options.as, display: functions[options.as]! }]
  return { function: { coding }, actor }
}

/** PR1[Procedure] */
// biome-ignore format: a row a line
export const pr1Procedure = segmentMap([
  ['PR1-19', 'identifier[]', ei],
  ['PR1-3', 'code', concept],
  ['PR1-4', 'code.text', text, { when: 'PR1-3.9 NOT VALUED' }],
  ['PR1-5', 'performedDateTime', dateTime],
  ['PR1-6', 'category', concept, { codes: 'ProcedureFunctionalType' }],
  ['PR1-8', 'performer[]', performer, { as: '88189002' }],
  ['PR1-11', 'performer[]', performer, { as: '304292004' }],
  ['PR1-12', 'performer[]', performer],
  ['PR1-15', 'reasonCode[]', concept],
  ['PR1-23', 'location', pl],
])

/** The procedure of a PR1; null where neither PR1-3 nor PR1-4 says which. */
export function procedureOf(
  pr1: Segment,
  about: Pick<Procedure, 'id' | 'subject' | 'encounter'>,
  draft: Draft,
): Procedure | null {
  const status = clean(pr1.value(20)) === 'D' ? 'entered-in-error' : 'unknown'
  const resource: Procedure = { resourceType: 'Procedure', status, ...about }
  pr1Procedure(pr1, resource, draft)
  if (!resource.code) return null
  addModifiers(pr1, resource, draft)
  addDuration(pr1, resource)
  return resource
}

/** PR1-16 belongs into a code of CPT (`71045:26`, HL7's rule for CPT in FHIR); other systems have no such syntax. */
function addModifiers(pr1: Segment, resource: Procedure, draft: Draft): void {
  const modifiers = pr1.field(16).flatMap(field => clean(field.value()) ?? [])
  if (modifiers.length === 0) return
  const coding = resource.code?.coding?.find(({ system }) => system === 'http://www.ama-assn.org/go/cpt')
  if (coding) coding.code = [coding.code, ...modifiers].join(':')
  else draft.note('E_PRUNED', pr1.at(16))
}

/** PR1-7, minutes, makes a period of a start that has a time of day. */
function addDuration(pr1: Segment, resource: Procedure): void {
  const start = resource.performedDateTime
  const minutes = numberOf(readNumber(clean(pr1.value(7)) ?? ''))
  if (!start?.includes('T') || !(minutes > 0)) return
  delete resource.performedDateTime
  resource.performedPeriod = { start, end: later(start, minutes) }
}

/** A time some minutes later, under the same offset. */
function later(at: string, minutes: number): string {
  const offset = /(?:Z|[+-]\d{2}:\d{2})$/.exec(at)![0]
  const wall = at.slice(0, -offset.length)
  const moved = new Date(Date.parse(`${wall}Z`) + minutes * 60_000).toISOString()
  return moved.slice(0, wall.length) + offset
}
