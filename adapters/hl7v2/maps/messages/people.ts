/** The patient and the visit that a group of segments is about. */
import type { Reference } from 'fhir/r4.js'
import type { Identity } from '../../../../src/records.ts'
import { patientNames, provisional, visitName } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import type { Draft, Names } from '../draft.ts'
import { encounterOf } from '../segments/encounter.ts'
import { patientOf } from '../segments/patient.ts'

/** Whom everything in the group is about. */
export type Subject = Readonly<{ name: Identity; reference: Reference }>

export type Verb = 'replace' | 'ensure'

/** Adds the patient of a PID. Throws Refusal E_NO_PATIENT (held). */
export function addPatient(pid: Segment, pv1: Segment | undefined, verb: Verb, draft: Draft): Subject {
  const names = patientNames(pid, 3, pv1, draft)
  if (verb === 'ensure') return { name: names[0], reference: ensurePatient(pid, names, draft) }
  const resource = patientOf(pid, draft.newId('Patient'), draft)
  return { name: names[0], reference: draft.add({ verb, resource, identity: names, subject: names[0] }) }
}

function ensurePatient(pid: Segment, names: Names, draft: Draft): Reference {
  return draft.mention(names, 'Patient', id => patientOf(pid, id, draft), names[0])
}

/**
 * Adds the encounter of a PV1. One that nothing names is left out (E_PRUNED at PV1-19), unless the event is about the
 * visit itself: then it is provisional.
 */
export function addEncounter(
  pv1: Segment,
  subject: Subject,
  { verb, event, visit }: Readonly<{ verb: Verb; event: string; visit: boolean }>,
  draft: Draft,
): Reference | undefined {
  const named = visitName(pv1, subject.name, draft)
  if (!named && !visit) draft.note('E_PRUNED', pv1.at(19))
  if (!named && !visit) return undefined
  const name = named ?? provisional(draft, pv1.at(19), subject.name, 'visit')
  const make = (id: string) => encounterOf(pv1, id, { ...subject.reference }, event, draft)
  if (verb === 'ensure') return draft.mention([name], 'Encounter', make, subject.name)
  return draft.add({ verb, resource: make(draft.newId('Encounter')), identity: [name], subject: subject.name })
}
