/** Whose a posted resource is: the person under whose pseudonym it travels, and whose data key seals it. */
import { refuse } from '../../src/errors.ts'
import { isObject, type JsonObject, type JsonValue } from '../../src/fhir/json.ts'
import { objectOf, objectsOf } from '../../src/fhir/members.ts'
import type { Change, Identity } from '../../src/records.ts'
import type { References } from './references.ts'
import type { TakenType } from './release.ts'

/** Types that are not about one person. */
const impersonal = new Set<TakenType>(['Organization', 'Practitioner', 'PractitionerRole', 'Location', 'Device'])

/** The member that names the person, where it is not `subject`. */
const members: Readonly<Partial<Record<TakenType, string>>> = {
  AllergyIntolerance: 'patient',
  Appointment: 'participant',
  Coverage: 'beneficiary',
  EpisodeOfCare: 'patient',
  Immunization: 'patient',
  Provenance: 'target',
  RelatedPerson: 'patient',
}

/** What is known of the other entries of the request, by local name: whose they are; nobody's = none. */
export type Owners = ReadonlyMap<string, readonly Identity[]>

/** Whether whose it is can be told only when the other entries are known. */
export function isAboutOthers(type: TakenType): boolean {
  return type === 'Provenance'
}

/**
 * The people that a resource with local references is about, the first one first: a patient by its own name, an
 * Appointment by the patients among its participants, a Provenance by what it tells the origin of. Nobody for
 * organizations, practitioners, places and things. Throws Refusal E_NO_PATIENT (held) where it should be about somebody.
 */
export function ownersOf(
  type: TakenType,
  resource: JsonObject,
  own: Identity,
  { at, references, owners }: Readonly<{ at: string; references: References; owners: Owners }>,
): readonly Identity[] {
  if (impersonal.has(type)) return []
  if (type === 'Patient') return [own]
  const member = members[type] ?? 'subject'
  const named = referencesIn(type, resource[member])
  if (isAboutOthers(type) && named.some(reference => owners.has(reference)))
    return distinct(named.flatMap(reference => owners.get(reference) ?? []))
  const people = distinct(named.flatMap(reference => references.patient(reference)?.identity[0] ?? []))
  return people.length > 0 ? people : refuse('E_NO_PATIENT', `${at}.${member}`)
}

/** `subject`, and `alsoFor` where there are more (a group's appointment, a family's account). */
export function subjectsOf([subject, ...others]: readonly Identity[]): Pick<Change, 'subject' | 'alsoFor'> {
  return { subject: subject ?? null, ...(others.length > 0 ? { alsoFor: others } : {}) }
}

function referencesIn(type: TakenType, value: JsonValue | undefined): string[] {
  const held = isObject(value) ? [value] : objectsOf(value)
  const named = type === 'Appointment' ? held.map(participant => objectOf(participant.actor)) : held
  return named.map(({ reference }) => String(reference))
}

function distinct(people: readonly Identity[]): Identity[] {
  return [...new Map(people.map(one => [JSON.stringify([one.system, one.value]), one])).values()]
}
