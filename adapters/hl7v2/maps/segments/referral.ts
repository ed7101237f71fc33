/** RF1[ServiceRequest] and PRD: referrals, which the guide does not map (HL7 v2.5.1 §11.6). Our rows, see ../../MAPPING.md. */
import type { CodeableConcept, Practitioner, Reference, ServiceRequest } from 'fhir/r4.js'
import { authorityOf, hdAfter, ofSender, organizationName, partOf } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean, dateTime, freeText, xad, xpn, xtn } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { Cell, segmentMap } from '../engine.ts'
import { mentionRole } from '../parties.ts'
import { ei, identifier, typeOf } from '../references.ts'

/** RF1[ServiceRequest] */
// biome-ignore format: a row a line
export const rf1Request = segmentMap([
  ['RF1-6', 'identifier[]', ei, { as: 'PLAC' }],
  ['RF1-11', 'identifier[]', ei, { as: 'FILL' }],
  ['RF1-3', 'category[]', concept],
  ['RF1-4', 'orderDetail[]', concept],
  ['RF1-5', 'locationCode[]', concept],
  ['RF1-7', 'occurrencePeriod.start', dateTime],
  ['RF1-8', 'occurrencePeriod.end', dateTime],
  ['RF1-9', 'authoredOn', dateTime],
  ['RF1-10', 'reasonCode[]', concept],
  ['RF1-20', 'note[].text', freeText],
])

/** RF1-1 (HL7 table 0283). */
const states: Readonly<Record<string, ServiceRequest['status']>> = {
  A: 'active',
  P: 'active',
  R: 'revoked',
  E: 'completed',
}

/** RF1-2 (HL7 table 0280). */
const priorities: Readonly<Record<string, 'stat' | 'asap' | 'routine'>> = { S: 'stat', A: 'asap', R: 'routine' }

const referral: CodeableConcept = {
  coding: [{ system: 'http://snomed.info/sct', code: '3457005', display: 'Patient referral' }],
}

/** The referral of an RF1, without subject and people. I14 cancels it; E (expired) is over, whatever came of it. */
export function referralOf(rf1: Segment, event: string, draft: Draft): Omit<ServiceRequest, 'id' | 'subject'> {
  const status = event === 'I14' ? 'revoked' : (states[clean(rf1.value(1)) ?? ''] ?? 'unknown')
  const priority = priorities[clean(rf1.value(2)) ?? '']
  const resource: Omit<ServiceRequest, 'id' | 'subject'> = {
    resourceType: 'ServiceRequest',
    status,
    intent: 'order',
    code: referral,
    ...(priority && { priority }),
  }
  rf1Request(rf1, resource, draft)
  return resource
}

// ---------------------------------------------------------------- PRD

/** PRD[Practitioner] */
// biome-ignore format: a row a line
const prdPractitioner = segmentMap([
  ['PRD-2', 'name[]', xpn],
  ['PRD-3', 'address[]', xad],
  ['PRD-5', 'telecom[]', xtn],
])

/** PRD[PractitionerRole] */
// biome-ignore format: a row a line
const prdRole = segmentMap([
  ['PRD-1', 'code[]', concept],
  ['PRD-8', 'period.start', dateTime],
  ['PRD-9', 'period.end', dateTime],
])

/**
 * The provider of a PRD in his role: a PractitionerRole where PRD-7 has his number; else a display, because two people of one name
 * are not one. Undefined where it names nobody.
 */
export function providerOf(prd: Segment, draft: Draft): Reference | undefined {
  const field = prd.field(7).find(one => clean(one.value()))
  const practitioner: Practitioner = { resourceType: 'Practitioner', id: '' }
  prdPractitioner(prd, practitioner, draft)
  if (!field) return displayOf(practitioner)
  const cell = new Cell(prd, 7, 1, field)
  const value = clean(cell.value())!
  // PLN: the number and its type; the authority that licensed stands in none of its parts
  const type = clean(cell.value(2))
  const authority = hdAfter(20, cell)
  const { system } = authorityOf(authority, draft.profile)
  const number = { ...(type && { type: typeOf(type) }), ...identifier(value, authority, draft) }
  const name = ofSender(draft, 'provider', system, type ?? '', value)
  const reference = draft.mention([name], 'Practitioner', id => ({ ...practitioner, id, identifier: [number] }))
  const role = {}
  prdRole(prd, role, draft)
  const organization = organizationOf(prd, draft)
  const parts = [name.system, name.value, partOf(prd, 1), clean(prd.value(10)) ?? '']
  return mentionRole({ ...role, practitioner: reference, ...(organization && { organization }) }, parts, draft)
}

/** PRD-10, the organisation of the provider, a name. */
function organizationOf(prd: Segment, draft: Draft): Reference | undefined {
  const name = clean(prd.value(10))
  if (!name) return undefined
  return draft.mention([organizationName(name, draft)], 'Organization', id => ({
    resourceType: 'Organization',
    id,
    name,
  }))
}

function displayOf({ name = [] }: Practitioner): Reference | undefined {
  const [first] = name
  const words = [...(first?.prefix ?? []), ...(first?.given ?? []), first?.family, ...(first?.suffix ?? [])]
  const display = words.filter(Boolean).join(' ')
  return display ? { display } : undefined
}
