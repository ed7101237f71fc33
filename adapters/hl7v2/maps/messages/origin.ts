/**
 * What every message says of itself: a MessageHeader and a Provenance for each person that it is about, and a Provenance of
 * PID-33 (docs/decisions/022-provenance.md). Called after the message's own map.
 */
import type { Provenance, Reference } from 'fhir/r4.js'
import type { Change, Identity } from '../../../../src/records.ts'
import { isSame, patientNames } from '../../identity.ts'
import { messageName, onlyOf } from '../../identity-people.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { headerOf, patientProvenanceOf, provenanceOf } from '../segments/provenance.ts'

/** Segments that it reads in every message. */
export const originSegments = 'EVN SFT MSA'

/** Adds header and provenances. A message that came to nothing has none. */
export function addOrigin(event: string, draft: Draft): void {
  for (const [subject, changes] of bySubject(draft.changes)) addOriginOf(subject, changes, event, draft)
}

/** A record has a largest size (limits.recordBytes); a reference is 70 bytes long, about. */
const mostTargets = 5000

function slices(target: readonly Reference[]): readonly (readonly Reference[])[] {
  const many = Math.ceil(target.length / mostTargets)
  return Array.from({ length: many }, (_, i) => target.slice(i * mostTargets, (i + 1) * mostTargets))
}

/** The changes about each person, in order. */
function bySubject(changes: readonly Change[]): ReadonlyMap<Identity, readonly Change[]> {
  const found = new Map<string, [Identity, Change[]]>()
  for (const change of changes) {
    const { subject } = change
    if (!subject || 'pseudonym' in subject) continue
    const key = `${subject.system} ${subject.value}`
    if (!found.has(key)) found.set(key, [subject, []])
    found.get(key)![1].push(change)
  }
  return new Map(found.values())
}

function addOriginOf(subject: Identity, changes: readonly Change[], event: string, draft: Draft): void {
  const target = toldOf(changes).map(referenceOf)
  if (target.length === 0) return
  addPatientProvenance(subject, changes, draft)
  const focus = slices(target).flatMap((slice, i) => {
    const made = provenanceOf(draft.newId('Provenance'), event, slice, draft)
    return made ? put(made, messageName(draft, subject, 'provenance', ...(i > 0 ? [i + 1] : [])), subject, draft) : []
  })
  const header = { ...headerOf(draft.newId('MessageHeader'), event, draft), ...(focus.length > 0 && { focus }) }
  const identity = [messageName(draft, subject, 'header')]
  draft.add({ verb: 'replace', resource: header, identity, subject })
}

/**
 * What the message tells; what it only names (`ensure`) comes from elsewhere, unless it tells nothing else. What a message map
 * says of who ordered and acted (Provenance of an ORC) is about the same resources.
 */
function toldOf(changes: readonly Change[]): readonly Change[] {
  const about = changes.filter(({ resource }) => resource.resourceType !== 'Provenance')
  const told = about.filter(({ verb }) => verb === 'replace')
  return told.length > 0 ? told : about.filter(({ verb }) => verb === 'ensure')
}

/** PID-33 and PID-34 of the PID that made this person; the same in every later message, so that it goes out once. */
function addPatientProvenance(subject: Identity, changes: readonly Change[], draft: Draft): void {
  const patients = changes.filter(({ resource }) => resource.resourceType === 'Patient')
  const pids = draft.message.all('PID')
  const [patient] = patients
  const [pid] = pids
  if (!patient || !pid?.has(33) || !pid.has(34) || pids.length > 1) return
  // the prior patient of a merge or move comes from MRG
  if (!isSame(subject, patientNames(pid, 3, draft.message.first('PV1'), draft)[0])) return
  const made = patientProvenanceOf(pid, draft.newId('Provenance'), referenceOf(patient), draft)
  if (!made) return
  const parts = [33, 34].map(n => clean(pid.value(n)) ?? '')
  const identity = [onlyOf(draft, subject, 'patient-provenance', ...parts)]
  draft.add({ verb: 'ensure', resource: made, identity, subject })
}

function referenceOf({ resource }: Change): Reference {
  return { reference: `${resource.resourceType}/${resource.id}` }
}

function put(resource: Provenance, name: Identity, subject: Identity, draft: Draft): Reference {
  return draft.add({ verb: 'replace', resource, identity: [name], subject })
}
