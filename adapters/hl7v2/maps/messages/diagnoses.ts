/** DG1 and PR1 of a message: Conditions, their places in the visit, Procedures. */
import type { Encounter, Reference } from 'fhir/r4.js'
import type { Identity } from '../../../../src/records.ts'
import { conditionName, numberedBy, procedureName } from '../../identity-people.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { conditionOf, diagnosisOf, isDeleted } from '../segments/condition.ts'
import { procedureOf } from '../segments/procedure.ts'
import type { Node } from '../tree.ts'
import { type About, type Added, acted, put, visitOf, whole } from './about.ts'
import { rolesOf } from './roles.ts'

/** The resource of each segment. */
export type BySegment = ReadonlyMap<Segment, Reference>

/** DG1: a Condition, and how it stands in the visit. With action codes (DG1-21) the list tells changes only. */
export function addConditions(nodes: readonly Node[], about: About, draft: Draft): BySegment {
  const visit = visitOf(about, draft)
  const added = new Map<string, Reference>()
  const bySegment = new Map<Segment, Reference>()
  const names = nodes.map(({ segment }) => {
    const found = addCondition(segment, visit, added, about, draft)
    if (found) bySegment.set(segment, found.reference)
    return found?.name ?? null
  })
  const changesOnly = nodes.some(({ segment }) => segment.has(21))
  if (visit && !changesOnly) whole('Condition', ['DG1', visit.system, visit.value], names, about, draft)
  return bySegment
}

/** One diagnosis named twice (admitting and final) is one Condition with two places in the visit. */
function addCondition(
  dg1: Segment,
  visit: Identity | null,
  added: Map<string, Reference>,
  about: About,
  draft: Draft,
): Added | null {
  const { subject, encounter } = about
  const around = { subject: { ...subject.reference }, ...(encounter && { encounter: { ...encounter } }) }
  const name = conditionName(dg1, 20, visit, subject.name, draft)
  const key = `${name.system} ${name.value}`
  const known = added.get(key)
  const resource = known ? null : conditionOf(dg1, draft.newId('Condition'), around, draft)
  if (!known && !resource) draft.note('E_PRUNED', dg1.at(3))
  const reference =
    known ?? (resource ? put(resource, name, acted(about, clean(dg1.value(21)), draft), draft) : undefined)
  if (!reference) return null
  added.set(key, reference)
  if (encounter && !isDeleted(dg1)) addDiagnosis(dg1, reference, encounter, draft)
  return { name, reference }
}

function addDiagnosis(dg1: Segment, condition: Reference, encounter: Reference, draft: Draft): void {
  const diagnosis = diagnosisOf(dg1, { ...condition }, draft)
  draft.amend<Encounter>(encounter, visit => {
    visit.diagnosis = [...(visit.diagnosis ?? []), diagnosis]
  })
}

/** PR1 with the ROL and PRT behind it, as performers; PR1-25 is a part of the procedure that PR1-19 so names. */
export function addProcedures(nodes: readonly Node[], about: About, draft: Draft): BySegment {
  const visit = visitOf(about, draft)
  const byNumber = new Map<string, Reference>()
  const bySegment = new Map<Segment, Reference>()
  const names = nodes.map(node => {
    const added = addProcedure(node, visit, byNumber, about, draft)
    if (added) bySegment.set(node.segment, added.reference)
    return added?.name ?? null
  })
  const changesOnly = nodes.some(({ segment }) => segment.has(20))
  if (visit && !changesOnly) whole('Procedure', ['PR1', visit.system, visit.value], names, about, draft)
  return bySegment
}

function addProcedure(
  node: Node,
  visit: Identity | null,
  byNumber: Map<string, Reference>,
  about: About,
  draft: Draft,
): Added | null {
  const { segment: pr1 } = node
  const { subject, encounter } = about
  const around = { subject: { ...subject.reference }, ...(encounter && { encounter: { ...encounter } }) }
  const resource = procedureOf(pr1, { id: draft.newId('Procedure'), ...around }, draft)
  if (!resource) draft.note('E_PRUNED', pr1.at(3))
  if (!resource) return null
  const performers = rolesOf(node, draft).map(({ type, member }) => ({
    ...(type && { function: type }),
    actor: member,
  }))
  if (performers.length > 0) resource.performer = [...(resource.performer ?? []), ...performers]
  const parent = numberedBy(pr1, 25, 'procedure', subject.name, draft)
  const whole = parent && byNumber.get(parent.value)
  if (whole) resource.partOf = [{ ...whole }]
  else if (parent) draft.note('E_PRUNED', pr1.at(25))
  const name = procedureName(pr1, visit, subject.name, draft)
  const reference = put(resource, name, acted(about, clean(pr1.value(20)), draft), draft)
  byNumber.set(name.value, reference)
  return { name, reference }
}
