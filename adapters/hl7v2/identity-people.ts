/**
 * What names the resources of people, problems, insurance and billing (the rules: identity.ts). All are about a patient and
 * have the patient in their name, but PractitionerRole. Lists without ids are told apart by what they say.
 *
 *   RelatedPerson     kind (next of kin, guarantor, subscriber, role, mother) + a number of its own, else name + relationship
 *   CareTeam          the patient has one per sender
 *   Condition         DG1-20, PRB-4: under its authority; else visit + DG1-3, without visit DG1-3; a problem PRB-3
 *   Procedure         PR1-19; else visit + PR1-3 + PR1-5 + ordinal
 *   Coverage          IN1-2 (plan) + IN1-3 (company) + IN1-36 (policy) + ordinal
 *   Account           PID-18 under its authority; none: PV1-19, the visit's
 *   ChargeItem        FT1-2 under the sender; else the message (provisional)
 *   PractitionerRole  the practitioner + role + organisation + place
 *   Provenance        the message: MSH-10 + MSH-7 + patient; that of PID-33: PID-33 + PID-34
 *   MessageHeader     the message
 */
import type { Identity } from '../../src/records.ts'
import { authorityOf, cellOf, codedName, entity, hdAfter, numbered, ofSender, partOf, repeat } from './identity.ts'
import { clean } from './maps/datatypes.ts'
import type { Draft } from './maps/draft.ts'
import type { Segment } from './message.ts'

type Parts = readonly (string | number)[]

/** A name by what the sender says of the thing; the second of the same name in a message has its ordinal. */
export function nameOf(draft: Draft, patient: Identity, kind: string, ...parts: Parts): Identity {
  const all = [patient.system, patient.value, ...parts]
  return ofSender(draft, kind, ...all, ...repeat(draft, kind, all))
}

/** The only one of its kind that a patient (or a visit) has. */
export function onlyOf(draft: Draft, patient: Identity, kind: string, ...parts: Parts): Identity {
  return ofSender(draft, kind, patient.system, patient.value, ...parts)
}

/** A name by an EI in field `n`; null where it has no number. */
export function numberedBy(
  segment: Segment,
  n: number,
  kind: string,
  patient: Identity,
  draft: Draft,
): Identity | null {
  const value = clean(segment.value(n))
  if (!value) return null
  return numbered(kind, value, authorityOf(hdAfter(1, cellOf(segment, n)), draft.profile), patient)
}

/** A person beside the patient: number in field `number`, else name in `name` and relationship in `relation`. */
export function personName(
  segment: Segment,
  { kind, number, name, relation }: Readonly<{ kind: string; number: number; name: number; relation: number }>,
  patient: Identity,
  draft: Draft,
): Identity {
  const own = number > 0 ? clean(segment.value(number)) : undefined
  if (own) return onlyOf(draft, patient, kind, own)
  const words = [segment.value(name), segment.value(name, 2), segment.value(name, 3)].map(word => clean(word) ?? '')
  return nameOf(draft, patient, kind, ...words, partOf(segment, relation))
}

/** A diagnosis: its own number (field `number`), else its code within the visit. */
export function conditionName(
  segment: Segment,
  number: number,
  visit: Identity | null,
  patient: Identity,
  draft: Draft,
): Identity {
  const own = numberedBy(segment, number, 'condition', patient, draft)
  if (own) return own
  const within = visit ? [visit.system, visit.value] : []
  return onlyOf(draft, patient, 'condition', ...within, conditionKey(segment))
}

/** A problem outlives visits and diagnoses: without a number of its own it is none of the diagnoses under its code. */
export function problemName(prb: Segment, patient: Identity, draft: Draft): Identity {
  return numberedBy(prb, 4, 'condition', patient, draft) ?? onlyOf(draft, patient, 'problem', conditionKey(prb))
}

/** Code and system of DG1-3 or PRB-3, else the text of DG1-4. */
function conditionKey(segment: Segment): string {
  return segment.has(3) ? codedName(segment, 3) : (clean(segment.value(4)) ?? '')
}

export function procedureName(pr1: Segment, visit: Identity | null, patient: Identity, draft: Draft): Identity {
  const own = numberedBy(pr1, 19, 'procedure', patient, draft)
  if (own) return own
  const within = visit ? [visit.system, visit.value] : []
  return nameOf(draft, patient, 'procedure', ...within, codedName(pr1, 3), clean(pr1.value(5)) ?? '')
}

export function coverageName(in1: Segment, patient: Identity, draft: Draft): Identity {
  const company = partOf(in1, 3) || partOf(in1, 4)
  return nameOf(draft, patient, 'coverage', partOf(in1, 2), company, clean(in1.value(36)) ?? '')
}

/** The account of PID-18. */
export function accountName(pid: Segment, patient: Identity, draft: Draft): Identity | null {
  const value = clean(pid.value(18))
  if (!value) return null
  return numbered('account', value, authorityOf(cellOf(pid, 18).part(4), draft.profile), patient)
}

/** The charge of an FT1: its transaction number; null without one. */
export function chargeName(ft1: Segment, patient: Identity, draft: Draft): Identity | null {
  const number = entity(ft1, 2)
  return number ? nameOf(draft, patient, 'charge', number) : null
}

/** What one message says about one patient: MSH-10 and MSH-7, as `provisional`, but nothing is missing here. */
export function messageName(draft: Draft, patient: Identity, kind: string, ...parts: Parts): Identity {
  const sentAt = draft.message.first('MSH')?.value(7) ?? ''
  return onlyOf(draft, patient, kind, draft.message.controlId, sentAt, ...parts)
}
