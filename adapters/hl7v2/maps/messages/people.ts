/** The patient and the visit that a group of segments is about. */
import type { EpisodeOfCare, Reference } from 'fhir/r4.js'
import type { Identity } from '../../../../src/records.ts'
import { authorityOf, cellOf, numbered, patientNames, provisional, visitName } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft, Names } from '../draft.ts'
import { cx } from '../references.ts'
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

export type VisitOptions = Readonly<{
  verb: Verb
  event: string
  /** The event is about the visit itself: one that nothing names is provisional, else it is left out. */
  visit: boolean
  pv2?: Segment | undefined
  /** Who had the visit by mistake: the version goes out under that key as well. */
  alsoFor?: readonly Identity[]
}>

/**
 * Adds the encounter of a PV1. One that nothing names is left out (E_PRUNED at PV1-19), unless the event is about the
 * visit itself: then it is provisional.
 */
export function addEncounter(
  pv1: Segment,
  subject: Subject,
  { verb, event, visit, pv2, alsoFor = [] }: VisitOptions,
  draft: Draft,
): Reference | undefined {
  const named = visitName(pv1, subject.name, draft)
  if (!named && !visit) draft.note('E_PRUNED', pv1.at(19))
  if (!named && !visit) return undefined
  const name = named ?? provisional(draft, pv1.at(19), subject.name, 'visit')
  const make = (id: string) => {
    const encounter = encounterOf({ pv1, pv2 }, id, { ...subject.reference }, event, draft)
    const episode = episodeOf(pv1, subject, draft)
    return episode ? { ...encounter, episodeOfCare: [episode] } : encounter
  }
  if (verb === 'ensure') return draft.mention([name], 'Encounter', make, subject.name)
  const resource = make(draft.newId('Encounter'))
  return draft.add({ verb, resource, identity: [name], subject: subject.name, ...(alsoFor.length > 0 && { alsoFor }) })
}

/** PV1-54: only its number is told, so that it is only named; FHIR demands a status, and a visit takes part in it now. */
function episodeOf(pv1: Segment, subject: Subject, draft: Draft): Reference | undefined {
  const value = clean(pv1.value(54))
  if (!value) return undefined
  const cell = cellOf(pv1, 54)
  const name = numbered('episode', value, authorityOf(cell.part(4), draft.profile), subject.name)
  const identifier = cx(cell, draft, {})
  return draft.mention(
    [name],
    'EpisodeOfCare',
    id => {
      const resource: EpisodeOfCare = {
        resourceType: 'EpisodeOfCare',
        id,
        status: 'active',
        patient: { ...subject.reference },
        ...(identifier && { identifier: [identifier] }),
      }
      return resource
    },
    subject.name,
  )
}
