/** IN1[Coverage], PV1[Coverage], IN3[CareTeam], and what IN1 and IN2 have beyond the guide's rows (ours). */
import type {
  CareTeamParticipant,
  CodeableConcept,
  Coverage,
  CoverageClass,
  CoverageCostToBeneficiary,
  Reference,
} from 'fhir/r4.js'
import { authorityOf } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean, date, positive, text, xad } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { cx, organization, plainIdentifier } from '../references.ts'
import { money } from './charge.ts'

/** XON as the company in IN1-4, with its address in IN1-5. */
const payor: DataMap<Reference> = (cell, draft, options) => {
  const address = cell.sibling(5)
  return organization(cell, address && xad(address, draft, options), draft)
}

/** XON as the employer who holds a group policy (IN1-11); its number is IN1-10 where IN1-11 has none. */
const group: DataMap<Reference> = (cell, draft, options) => {
  const number = cell.value(10) || cell.value(3) ? undefined : cell.sibling(10)
  const identifier = number && cx(number, draft, options)
  const name = clean(cell.value())
  if (!number || !identifier) return organization(cell, undefined, draft)
  const { system } = authorityOf(number.part(4), draft.profile)
  return draft.mention([{ system, value: identifier.value! }], 'Organization', id => ({
    resourceType: 'Organization',
    id,
    identifier: [identifier],
    ...(name && { name }),
  }))
}

/** IN1[Coverage] */
// biome-ignore format: a row a line
export const in1Coverage = segmentMap([
  ['IN1-2', 'identifier[]', plainIdentifier],
  ['IN1-4', 'payor[]', payor],
  ['IN1-11', 'policyHolder', group],
  ['IN1-12', 'period.start', date],
  ['IN1-13', 'period.end', date],
  ['IN1-15', 'type', concept],
  ['IN1-17', 'relationship', concept, { codes: 'Relationship' }],
])

/** IN1-37: what the insured pays himself. */
const deductible: DataMap<CoverageCostToBeneficiary> = (cell, draft, options) => {
  const valueMoney = money(cell, draft, options)
  const system = 'http://terminology.hl7.org/CodeSystem/coverage-copay-type'
  return valueMoney && { type: { coding: [{ system, code: 'deductible', display: 'Deductible' }] }, valueMoney }
}

/** IN1 beyond the guide: the policy's number, the order of several coverages, the deductible. */
// biome-ignore format: a row a line
export const in1Policy = segmentMap([
  ['IN1-36', 'identifier[]', plainIdentifier],
  ['IN1-22', 'order', positive],
  ['IN1-37', 'costToBeneficiary[]', deductible],
  ['IN1-49', 'subscriberId', text],
])

/** IN2: numbers of a public insurance. */
// biome-ignore format: a row a line
export const in2Coverage = segmentMap([
  ['IN2-6', 'identifier[]', plainIdentifier, { as: 'MC' }],
  ['IN2-8', 'identifier[]', plainIdentifier, { as: 'MA' }],
])

/** PV1[Coverage]: the financial class, where the insurance itself does not say its type. */
// biome-ignore format: a row a line
export const pv1Coverage = segmentMap([
  ['PV1-20', 'type', concept],
])

const classes = 'http://terminology.hl7.org/CodeSystem/coverage-class'

/** IN1-2 (plan) and IN1-8 with IN1-9 (group) as classes: FHIR's place for them, which the guide does not use. */
function classesOf(in1: Segment): CoverageClass[] {
  const plan = classOf('plan', 'Plan', clean(in1.value(2)), clean(in1.value(2, 2)))
  const groups = classOf('group', 'Group', clean(in1.value(8)), clean(in1.value(9)))
  return [plan, groups].filter(one => one !== undefined)
}

function classOf(
  code: string,
  display: string,
  value: string | undefined,
  name: string | undefined,
): CoverageClass | undefined {
  if (!value) return undefined
  return { type: { coding: [{ system: classes, code, display }] }, value, ...(name && { name }) }
}

/**
 * The coverage of an IN1; null without a payor (IN1-4), which FHIR demands. The guide has no status: it is active, the
 * period says from when to when.
 */
export function coverageOf(
  { in1, in2, pv1 }: Readonly<{ in1: Segment; in2: Segment | undefined; pv1: Segment | undefined }>,
  about: Pick<Coverage, 'id' | 'beneficiary'>,
  draft: Draft,
): Coverage | null {
  const resource = { resourceType: 'Coverage', status: 'active', ...about } as Coverage
  in1Coverage(in1, resource, draft)
  in1Policy(in1, resource, draft)
  if (in2) in2Coverage(in2, resource, draft)
  if (pv1 && !resource.type && clean(in1.value(1)) !== '2') pv1Coverage(pv1, resource, draft)
  const held = classesOf(in1)
  if (held.length > 0) resource.class = held
  return resource.payor ? resource : null
}

/** IN3-21, the case manager of the insurance: a name without number. */
export function caseManagerOf(in3: Segment): CareTeamParticipant | null {
  const name = clean(in3.value(21, 2)) ?? clean(in3.value(21))
  if (!name) return null
  const role: CodeableConcept = {
    coding: [{ system: 'http://snomed.info/sct', code: '768832004', display: 'Case manager' }],
    text: 'case manager',
  }
  return { role: [role], member: { display: name } }
}
