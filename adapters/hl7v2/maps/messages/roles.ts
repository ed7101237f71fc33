/** ROL, PRT and IN3-21 of a message: general practitioners, the care team, participants of the visit. */
import type { CareTeam, CodeableConcept, Encounter, Patient } from 'fhir/r4.js'
import { onlyOf } from '../../identity-people.ts'
import type { Draft } from '../draft.ts'
import { caseManagerOf } from '../segments/coverage.ts'
import { isTakenOff, type Role, roleOf } from '../segments/role.ts'
import type { Node } from '../tree.ts'
import { type About, put } from './about.ts'

/** Primary care (HL7 table 0443, 0912) is the patient's general practitioner; any other role around him is of his care team. */
const primaryCare = new Set(['PP', 'FHCP'])

/** Adds what the roles around a person and a visit say. */
export function addRoles(person: Node, visit: Node | undefined, about: About, draft: Draft): void {
  const around = rolesOf(person, draft)
  const practitioners = around.filter(({ kind }) => primaryCare.has(kind))
  if (practitioners.length > 0)
    draft.amend<Patient>(about.subject.reference, patient => {
      const members = practitioners.map(({ member }) => member)
      patient.generalPractitioner = [...(patient.generalPractitioner ?? []), ...members]
    })
  const managers = person
    .all('IN1')
    .flatMap(node => node.all('IN3').flatMap(({ segment }) => caseManagerOf(segment) ?? []))
  const team = around.filter(({ kind }) => !primaryCare.has(kind))
  const reasons = team.flatMap(role => role.reasons)
  addTeam([...team.map(participantOf), ...managers], reasons, about, draft)
  if (visit) addAttendants(rolesOf(visit, draft), about, draft)
}

/** Roles around an insurance or a charge: neither guide nor FHIR has a place for them. */
export function noteRoles(node: Node, draft: Draft): void {
  for (const { segment } of node.all('ROL', 'PRT')) draft.note('E_PRUNED', segment.at(1))
}

/** The roles right below a segment; one that names nobody, or is taken off, is left out. */
export function rolesOf(node: Node, draft: Draft): readonly Role[] {
  return node.all('ROL', 'PRT').flatMap(({ segment }) => {
    const role = roleOf(segment, draft)
    if (!role) draft.note('E_PRUNED', segment.at(isTakenOff(segment) ? 2 : segment.name === 'ROL' ? 4 : 5))
    return role ?? []
  })
}

type Participant = NonNullable<CareTeam['participant']>[number]

function participantOf({ type, further, member, organization, period }: Role): Participant {
  const role = [...(type ? [type] : []), ...further]
  // FHIR lets a practitioner alone act for an organisation (ctm-1); a role has its own
  const acts = organization && member.reference?.startsWith('Practitioner/')
  return {
    ...(role.length > 0 && { role }),
    member,
    ...(acts && { onBehalfOf: organization }),
    ...(period && { period }),
  }
}

function addTeam(
  participants: readonly Participant[],
  reasons: readonly CodeableConcept[],
  about: About,
  draft: Draft,
): void {
  if (participants.length === 0) return
  const resource: CareTeam = {
    resourceType: 'CareTeam',
    id: draft.newId('CareTeam'),
    status: 'active',
    subject: { ...about.subject.reference },
    participant: [...participants],
    ...(reasons.length > 0 && { reasonCode: [...reasons] }),
  }
  put(resource, onlyOf(draft, about.subject.name, 'care-team'), about, draft)
}

/** Roles that follow a PV1: participants of the visit. FHIR's Encounter takes persons only. */
function addAttendants(roles: readonly Role[], { encounter }: About, draft: Draft): void {
  const people = roles.filter(({ member }) => !member.reference?.startsWith('Organization/'))
  if (!encounter || people.length === 0) return
  draft.amend<Encounter>(encounter, visit => {
    const further = people.map(({ type, member, period }) => ({
      ...(type && { type: [type] }),
      ...(period && { period }),
      individual: member,
    }))
    visit.participant = [...(visit.participant ?? []), ...further]
  })
}
