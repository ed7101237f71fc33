/** Whom and what the segments of a message are about, and how what they say is added. */
import type { Reference } from 'fhir/r4.js'
import type { FhirResource, Identity } from '../../../../src/records.ts'
import type { Draft } from '../draft.ts'
import type { Subject, Verb } from './people.ts'

/** Whom and what the segments are about. */
export type About = Readonly<{ subject: Subject; encounter: Reference | undefined; verb: Verb }>
/** A resource that was added. */
export type Added = Readonly<{ name: Identity; reference: Reference }>

/** Adds a resource by the message's verb; what is only named is named once a message. */
export function put(resource: FhirResource, name: Identity, { subject, verb }: About, draft: Draft): Reference {
  if (verb === 'ensure') return draft.mention([name], resource.resourceType, () => resource, subject.name)
  return draft.add({ verb, resource, identity: [name], subject: subject.name })
}

/**
 * A segment with an action code (HL7 tables 0206, 0323) says what becomes of one thing, so that it is told whatever the profile:
 * a diagnosis taken back that is only ensured would stay. Messages other than ADT and BAR repeat what others know.
 */
export function acted(about: About, action: string | undefined, { message }: Draft): About {
  const acts = /^[ADU]$/.test(action ?? '') && (message.type === 'ADT' || message.type === 'BAR')
  return acts ? { ...about, verb: 'replace' } : about
}

/** Says that a snapshot sender's list is whole; `null` in it: something had to be left out. */
export function whole(
  type: FhirResource['resourceType'],
  of: readonly string[],
  names: readonly (Identity | null)[],
  { subject, verb }: About,
  draft: Draft,
): void {
  const known = names.filter(name => name !== null)
  if (verb !== 'replace' || names.length === 0 || known.length < names.length) return
  draft.snapshots.push({ type, subject: subject.name, part: { of: JSON.stringify(of), names: known } })
}

/** The name of the visit, as it was given to the encounter. */
export function visitOf({ encounter }: About, draft: Draft): Identity | null {
  const local = encounter?.reference
  const found = draft.changes.find(({ resource }) => `${resource.resourceType}/${resource.id}` === local)
  const name = found?.identity[0]
  return name && !('pseudonym' in name) ? name : null
}
