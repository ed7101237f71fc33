/** STF, PRA and ORG → Practitioner and PractitionerRole; LOC, LDP and LCH → Location. The guide has none: our own rules. */
import type { Location, Practitioner, PractitionerQualification, PractitionerRole, Reference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { lookUp } from '../../tables/codes.ts'
import { concept, language } from '../concept.ts'
import { clean, code, date, period, xad, xpn, xtn } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { cx, pln, producer, xon } from '../references.ts'
import { cellMap } from './dosage.ts'

/** STF[Practitioner] */
// biome-ignore format: a row a line
const stfPractitioner = segmentMap([
  ['STF-2', 'identifier[]', cx],
  ['STF-3', 'name[]', xpn],
  ['STF-10', 'telecom[]', xtn, { as: 'work' }],
  ['STF-11', 'address[]', xad],
  ['STF-5', 'gender', code, { codes: 'AdministrativeSex' }],
  ['STF-6', 'birthDate', date],
])

/** SPD.1: a specialty by its name. */
const specialty: DataMap<{ text: string }> = cell => {
  const text = clean(cell.value())
  return text ? { text } : undefined
}

/** PRA[Practitioner], PRA[PractitionerRole] */
const praPractitioner = segmentMap([['PRA-6', 'identifier[]', pln]])

// biome-ignore format: a row a line
const praRole = segmentMap([
  ['PRA-3', 'code[]', concept],
  ['PRA-5', 'specialty[]', specialty],
])

/** ORG[PractitionerRole] */
// biome-ignore format: a row a line
const orgRole = segmentMap([
  ['ORG-2', 'organization', producer],
  ['ORG-5', 'identifier[]', cx],
  ['ORG-6', 'code[]', concept],
  ['ORG-8', 'specialty[]', concept],
  ['ORG-9', 'period', period],
])

/** A member of the staff: STF with the segments behind it. */
export type Staff = Readonly<{
  stf: Segment
  pra: Segment | undefined
  orgs: readonly Segment[]
  languages: readonly Segment[]
}>

/** The practitioner of an STF. `active`: what the event says of it, else STF-7. */
export function practitionerOf(
  { stf, pra, languages }: Staff,
  active: boolean,
  draft: Draft,
): Omit<Practitioner, 'id'> {
  const resource: Omit<Practitioner, 'id'> = { resourceType: 'Practitioner', active: active && isActive(stf) }
  stfPractitioner(stf, resource, draft)
  if (!resource.identifier && clean(stf.value(1))) resource.identifier = [{ value: clean(stf.value(1))! }]
  if (pra) praPractitioner(pra, resource, draft)
  const email = clean(stf.value(15))
  if (email) resource.telecom = [...(resource.telecom ?? []), { system: 'email', value: email, use: 'work' }]
  const degrees = stf.field(3).flatMap(field => degreeOf(clean(field.value(6)) ?? '') ?? [])
  if (degrees.length > 0) resource.qualification = degrees
  const communication = languages.flatMap(lan => cellMap(lan, 2, language, draft) ?? [])
  if (communication.length > 0) resource.communication = communication
  return resource
}

function isActive(stf: Segment): boolean {
  return clean(stf.value(7)) !== 'I'
}

/** XPN.6, a degree of HL7 table 0360; what is none is a suffix of the name only. */
function degreeOf(text: string): PractitionerQualification | undefined {
  const known = lookUp('DegreeLicenseCertificate', text)
  return known && { code: { coding: [{ ...known }] } }
}

/** The roles of a member: one for every ORG; without any, one in the department of STF-8, if the message says anything of it. */
export function rolesOf(
  staff: Staff,
  practitioner: Reference,
  active: boolean,
  draft: Draft,
): readonly Omit<PractitionerRole, 'id'>[] {
  const { stf, orgs } = staff
  const base = { resourceType: 'PractitionerRole', active: active && isActive(stf), practitioner } as const
  if (orgs.length > 0) return orgs.map(org => ({ ...base, ...told(staff, org, draft) }))
  const only = told(staff, undefined, draft)
  return Object.keys(only).length > 0 ? [{ ...base, ...only }] : []
}

/** ORG stands before STF and PRA. */
function told({ stf, pra }: Staff, org: Segment | undefined, draft: Draft): Partial<PractitionerRole> {
  const role: Partial<PractitionerRole> = {}
  if (org) orgRole(org, role, draft)
  if (pra) praRole(pra, role, draft)
  const organization = role.organization ?? cellMap(stf, 8, producer, draft)
  const title = clean(stf.value(18))
  const [start, end] = [12, 13].map(n => cellMap(stf, n, date, draft))
  return {
    ...role,
    ...(organization && { organization }),
    ...(title && { code: [...(role.code ?? []), { text: title }] }),
    ...(!role.period && (start || end) && { period: { ...(start && { start }), ...(end && { end }) } }),
  }
}

// ---------------------------------------------------------------- places

/** LOC[Location] */
// biome-ignore format: a row a line
const locLocation = segmentMap([
  ['LOC-3', 'type[]', concept],
  ['LOC-4', 'managingOrganization', xon],
  ['LOC-5', 'address', xad],
  ['LOC-6', 'telecom[]', xtn, { as: 'work' }],
])

/** A place of a master file: LOC, its departments and its characteristics. */
export type Place = Readonly<{ loc: Segment; departments: readonly Segment[]; characteristics: readonly Segment[] }>

/** What a master file tells of a place beside its path. R4 has no characteristics: they are lines of the description. */
export function placeOf(
  { loc, departments, characteristics }: Place,
  active: boolean,
  draft: Draft,
): Partial<Location> {
  const place: Partial<Location> = {}
  locLocation(loc, place, draft)
  const closed = departments.length > 0 && departments.every(ldp => clean(ldp.value(6)) === 'I')
  const description = [clean(loc.field(2)[0]?.text()), ...characteristics.map(characteristic)]
    .filter(Boolean)
    .join('\n')
  const phones = departments.flatMap(ldp => cellMap(ldp, 11, xtn, draft) ?? [])
  const telecom = [...(place.telecom ?? []), ...phones]
  return {
    ...place,
    ...(telecom.length > 0 && { telecom }),
    ...(description && { description }),
    status: active && !closed ? 'active' : 'inactive',
  }
}

function characteristic(lch: Segment): string | undefined {
  const [what, value] = [4, 5].map(n => clean(lch.value(n, 2)) ?? clean(lch.value(n)))
  return what && value ? `${what}: ${value}` : undefined
}
