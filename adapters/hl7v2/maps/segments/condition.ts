/** DG1[Condition], DG1[Encounter] and, ours, PRB as a Condition (the guide has no map for problems). */
import type { CodeableConcept, Condition, Encounter, EncounterDiagnosis, Reference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean, dateTime, positive, text } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { ei, xcn } from '../references.ts'

/** DG1[Condition] */
// biome-ignore format: a row a line
export const dg1Condition = segmentMap([
  ['DG1-20', 'identifier[]', ei],
  ['DG1-3', 'code', concept],
  ['DG1-4', 'code.text', text],
  ['DG1-5', 'onsetDateTime', dateTime],
  ['DG1-19', 'recordedDate', dateTime],
  ['DG1-16', 'asserter', xcn],
])

/** DG1-15: 0 is "not ranked" (HL7 table 0359), which is no rank in FHIR. */
const rank: DataMap<number> = (cell, draft, options) =>
  clean(cell.value()) === '0' ? undefined : positive(cell, draft, options)

/** DG1[Encounter]: how a diagnosis stands in the visit. */
// biome-ignore format: a row a line
export const dg1Encounter = segmentMap([
  ['DG1-6', 'diagnosis[0].use', concept, { codes: 'DiagnosisType' }],
  ['DG1-15', 'diagnosis[0].rank', rank],
])

/** PRB as a Condition, ours: v2.5.1 §12.3.2. */
// biome-ignore format: a row a line
export const prbCondition = segmentMap([
  ['PRB-4', 'identifier[]', ei],
  ['PRB-3', 'code', concept],
  ['PRB-26', 'severity', concept],
  ['PRB-16', 'onsetDateTime', dateTime],
  ['PRB-17', 'onsetString', text, { when: 'PRB-16 NOT VALUED' }],
  ['PRB-7', 'recordedDate', dateTime],
  ['PRB-9', 'abatementDateTime', dateTime],
])

const statuses = 'http://terminology.hl7.org/CodeSystem/condition-ver-status'
const states = 'http://terminology.hl7.org/CodeSystem/condition-clinical'
const categories = 'http://terminology.hl7.org/CodeSystem/condition-category'

const coded = (system: string, code: string): CodeableConcept => ({ coding: [{ system, code }] })

/** The diagnosis of a DG1; null where neither DG1-3 nor DG1-4 says which. DG1-21 `D` takes it back, by its number (DG1-20) alone as well. */
export function conditionOf(
  dg1: Segment,
  id: string,
  about: Readonly<{ subject: Reference; encounter?: Reference }>,
  draft: Draft,
): Condition | null {
  const resource: Condition = { resourceType: 'Condition', id, ...about }
  dg1Condition(dg1, resource, draft)
  if (!resource.code && !(isDeleted(dg1) && clean(dg1.value(20)))) return null
  if (isDeleted(dg1)) resource.verificationStatus = coded(statuses, 'entered-in-error')
  if (about.encounter) resource.category = [coded(categories, 'encounter-diagnosis')]
  return resource
}

/** DG1-21 `D`: the diagnosis was a mistake. */
export function isDeleted(dg1: Segment): boolean {
  return clean(dg1.value(21)) === 'D'
}

/** Use and rank of a diagnosis within its visit. */
export function diagnosisOf(dg1: Segment, condition: Reference, draft: Draft): EncounterDiagnosis {
  const holder: Pick<Encounter, 'diagnosis'> = {}
  dg1Encounter(dg1, holder, draft)
  return { condition, ...holder.diagnosis?.[0] }
}

/**
 * Clinical state of a problem by PRB-14 (life cycle), the words of HL7's suggested values: what has an end (PRB-9) is
 * resolved; `Inactive` and `Resolved` say it; anything else is active.
 */
function stateOf(prb: Segment, ended: boolean): string {
  const words = `${clean(prb.value(14)) ?? ''} ${clean(prb.value(14, 2)) ?? ''}`.toLowerCase()
  if (ended || words.includes('resolved')) return 'resolved'
  return /\binactive\b/.test(words) ? 'inactive' : 'active'
}

/** PRB-13: HL7's suggested words of how sure a problem is → FHIR; anything else says nothing. */
const sureness: Readonly<Record<string, string>> = {
  confirmed: 'confirmed',
  differential: 'differential',
  provisional: 'provisional',
  'rule-out': 'differential',
}

/** The problem of a PRB, an item of the problem list; null where PRB-3 does not say which. */
export function problemOf(prb: Segment, id: string, subject: Reference, draft: Draft): Condition | null {
  const resource: Condition = { resourceType: 'Condition', id, subject }
  prbCondition(prb, resource, draft)
  if (!resource.code) return null
  resource.category = [coded(categories, 'problem-list-item')]
  resource.clinicalStatus = coded(states, stateOf(prb, resource.abatementDateTime !== undefined))
  const sure = sureness[(clean(prb.value(13, 2)) ?? clean(prb.value(13)) ?? '').toLowerCase()]
  if (sure) resource.verificationStatus = coded(statuses, sure)
  return resource
}
