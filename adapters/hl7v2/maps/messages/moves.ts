/**
 * Visits and accounts that get another number (A35, A41, A42, A49, A50, A51; A06, A07 and A36 beside what else they say)
 * or another patient (A44, A45). The guide has no map of these; ours keeps DESIGN's rule for merges: nothing is re-keyed.
 *
 * - Another number: the resource of the old number stays under it and says that it is part of the one of the new number.
 * - Another patient: the resource that the wrong patient had is entered in error, the right one gets a resource of its own.
 *   Where the number alone names it (an authority that the world knows) there is only one, which goes out under both keys.
 *
 * Results and orders of the old visit stay where they are; a sender that wants them elsewhere sends them again.
 */
import type { Account, Encounter, Patient, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import type { Identity } from '../../../../src/records.ts'
import { authorityOf, cellOf, isSame, numbered, patientNames, visitName } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { accountOf } from '../segments/account.ts'
import { unknownClass } from '../segments/encounter.ts'
import { mrgAccount, mrgPatient, mrgVisit } from '../segments/prior.ts'
import { type Node, tree } from '../tree.ts'
import type { MessageMap } from './map.ts'
import { addEncounter, addPatient, type Subject, type VisitOptions } from './people.ts'

export const moveMaps: readonly MessageMap[] = [
  {
    type: 'ADT',
    events: 'A35 A41 A42 A44 A45 A49 A50 A51',
    structures: 'ADT_A35 ADT_A44 ADT_A45 ADT_A50',
    segments: 'EVN PID PV1 PV2 MRG',
    translate: move,
  },
]

/**
 * Translates one of these events. Throws Refusal: E_SEGMENT_MISSING at PID, MRG or PV1, E_FIELD_MISSING where either number
 * of what changes is missing, E_NO_PATIENT.
 */
export function move(event: string, draft: Draft): void {
  const structure = { PID: '', MRG: 'PID', PV1: 'MRG PID', PV2: 'PV1' }
  const means = moves[event] ?? byStructure[draft.message.structure]!
  const people = tree(draft.message.segments, structure, () => refuse('E_SEGMENT_MISSING', 'PID'))
  if (people.length === 0) refuse('E_SEGMENT_MISSING', 'PID')
  for (const pid of people) {
    const subject = addPatient(pid.segment, pid.first('PV1')?.segment, 'ensure', draft)
    const priors = pid.all('MRG')
    if (priors.length === 0) refuse('E_SEGMENT_MISSING', 'MRG')
    for (const mrg of priors) means({ pid, mrg, pv1: mrg.first('PV1') ?? pid.first('PV1') }, subject, draft)
  }
}

type Parts = Readonly<{ pid: Node; mrg: Node; pv1: Node | undefined }>
type Move = (parts: Parts, subject: Subject, draft: Draft) => void

const account: Move = ({ pid, mrg }, subject, draft) => {
  demand(mrg.segment, 3)
  demand(pid.segment, 18)
  renumberAccount(mrg.segment, pid.segment, subject, draft)
}

/** `n`: where MRG has the old number that the event demands. */
const visit =
  (n: 5 | 6): Move =>
  ({ mrg, pv1 }, subject, draft) => {
    const [{ segment }, name] = demandVisit(pv1, subject, draft)
    if (!priorVisitName(mrg.segment, subject.name, draft)) refuse('E_FIELD_MISSING', mrg.segment.at(n))
    // one with a new number is not there yet, and one that others are merged into is: either way it is only ensured
    const encounter = addEncounter(segment, subject, { ...optionsOf(pv1), verb: 'ensure' }, draft)!
    renumberVisit(mrg.segment, { name, encounter, status: 'entered-in-error' }, subject, draft)
  }

const moves: Readonly<Record<string, Move>> = {
  A35: account,
  A41: account,
  A42: visit(5),
  A44: moveAccount,
  A45: moveVisit,
  A49: account,
  A50: visit(5),
  A51: visit(6),
}

/** What triggers that we do not know mean is told by their structure. */
const byStructure: Readonly<Record<string, Move>> = {
  ADT_A35: account,
  ADT_A44: moveAccount,
  ADT_A45: moveVisit,
  ADT_A50: visit(5),
}

function demand(segment: Segment, n: number): void {
  if (!clean(segment.value(n))) refuse('E_FIELD_MISSING', segment.at(n))
}

function demandVisit(pv1: Node | undefined, { name }: Subject, draft: Draft): readonly [Node, Identity] {
  if (!pv1) refuse('E_SEGMENT_MISSING', 'PV1')
  return [pv1, visitName(pv1.segment, name, draft) ?? refuse('E_FIELD_MISSING', pv1.segment.at(19))]
}

function optionsOf(pv1: Node | undefined): Omit<VisitOptions, 'verb'> {
  return { event: '', visit: true, pv2: pv1?.first('PV2')?.segment }
}

// ---------------------------------------------------------------- another number

/** The visit that lives on, and what becomes of the one under the old number. */
type Surviving = Readonly<{ name: Identity | null; encounter: Reference; status: Encounter['status'] }>

/** The visit of MRG-5 (else MRG-6) is part of this one now. Nothing happens where MRG names none, or the same one. */
export function renumberVisit(
  mrg: Segment,
  { name, encounter, status }: Surviving,
  subject: Subject,
  draft: Draft,
): void {
  const prior = priorVisitName(mrg, subject.name, draft)
  if (!prior || isSame(prior, name)) return
  addPriorVisit(mrg, prior, { status, partOf: { ...encounter } }, subject, draft)
}

function addPriorVisit(
  mrg: Segment,
  name: Identity,
  fate: Pick<Encounter, 'status' | 'partOf'>,
  { name: patient, reference }: Subject,
  draft: Draft,
): void {
  const resource: Encounter = {
    resourceType: 'Encounter',
    id: draft.newId('Encounter'),
    class: unknownClass(),
    subject: { ...reference },
    ...fate,
  }
  mrgVisit(mrg, resource, draft)
  draft.add({ verb: 'replace', resource, identity: [name], subject: patient })
}

/** The visit that MRG-5 names, else MRG-6, as PV1-19 and PV1-50 would name it (identity.ts). */
function priorVisitName(mrg: Segment, patient: Identity, draft: Draft): Identity | null {
  for (const n of [5, 6]) {
    const value = clean(mrg.value(n))
    if (value) return numbered('visit-number', value, authorityOf(cellOf(mrg, n).part(4), draft.profile), patient)
  }
  return null
}

/** The account of MRG-3 is part of the one of PID-18 now. Nothing happens where either is missing, or both are the same. */
export function renumberAccount(mrg: Segment, pid: Segment, subject: Subject, draft: Draft): void {
  const [prior, name] = [numberOf(mrg, 3, subject.name, draft), numberOf(pid, 18, subject.name, draft)]
  if (!prior || !name || isSame(prior, name)) return
  const account = addAccount(pid, name, subject, draft)
  addPriorAccount(mrg, prior, { status: 'inactive', partOf: account }, subject, draft)
}

/** An account's name, as identity-people.ts has it. */
function numberOf(segment: Segment, n: number, patient: Identity, draft: Draft): Identity | null {
  const value = clean(segment.value(n))
  return value ? numbered('account', value, authorityOf(cellOf(segment, n).part(4), draft.profile), patient) : null
}

function addAccount(pid: Segment, name: Identity, { name: patient, reference }: Subject, draft: Draft): Reference {
  return draft.mention([name], 'Account', id => accountOf(pid, id, reference, draft), patient)
}

function addPriorAccount(
  mrg: Segment,
  name: Identity,
  fate: Pick<Account, 'status' | 'partOf'>,
  { name: patient, reference }: Subject,
  draft: Draft,
): void {
  const id = draft.newId('Account')
  const resource: Account = { resourceType: 'Account', id, subject: [{ ...reference }], ...fate }
  mrgAccount(mrg, resource, draft)
  draft.add({ verb: 'replace', resource, identity: [name], subject: patient })
}

// ---------------------------------------------------------------- another patient

/** A45: PV1 is the visit under the right patient, MRG-1 the wrong one, MRG-5 the visit's number there. */
function moveVisit({ mrg, pv1 }: Parts, subject: Subject, draft: Draft): void {
  const [{ segment }, name] = demandVisit(pv1, subject, draft)
  const wrong = wrongPatient(mrg.segment, subject, draft)
  const prior = wrong && (priorVisitName(mrg.segment, wrong.name, draft) ?? visitName(segment, wrong.name, draft))
  const shared = wrong && isSame(prior, name) ? [wrong.name] : []
  const verb = draft.profile.adt === 'snapshot' || shared.length > 0 ? 'replace' : 'ensure'
  addEncounter(segment, subject, { ...optionsOf(pv1), verb, alsoFor: shared }, draft)
  if (wrong && prior && shared.length === 0)
    addPriorVisit(mrg.segment, prior, { status: 'entered-in-error' }, wrong, draft)
}

/** A44: PID-18 (and MRG-3) is an account that the patient in MRG-1 had by mistake. */
function moveAccount({ pid, mrg }: Parts, subject: Subject, draft: Draft): void {
  demand(pid.segment, 18)
  const name = numberOf(pid.segment, 18, subject.name, draft)!
  const wrong = wrongPatient(mrg.segment, subject, draft)
  const prior = wrong && (numberOf(mrg.segment, 3, wrong.name, draft) ?? numberOf(pid.segment, 18, wrong.name, draft))
  if (!wrong || !isSame(prior, name)) addAccount(pid.segment, name, subject, draft)
  else {
    const resource = accountOf(pid.segment, draft.newId('Account'), subject.reference, draft)
    draft.add({ verb: 'replace', resource, identity: [name], subject: subject.name, alsoFor: [wrong.name] })
  }
  if (wrong && prior && !isSame(prior, name))
    addPriorAccount(mrg.segment, prior, { status: 'entered-in-error' }, wrong, draft)
}

/** Whose it was; null and noted where MRG-1 does not say, or names the same patient. */
function wrongPatient(mrg: Segment, subject: Subject, draft: Draft): Subject | null {
  if (!mrg.value(1)) {
    draft.note('E_PRUNED', mrg.at(1))
    return null
  }
  const names = patientNames(mrg, 1, undefined, draft)
  if (isSame(names[0], subject.name)) return null
  const reference = draft.mention(names, 'Patient', id => patientOf(mrg, id, draft), names[0])
  return { name: names[0], reference }
}

/** All that MRG knows of somebody. */
function patientOf(mrg: Segment, id: string, draft: Draft): Patient {
  const patient: Patient = { resourceType: 'Patient', id }
  mrgPatient(mrg, patient, draft)
  return patient
}
