/**
 * The segments of an ADT beside patient and visit: PD1, NK1, ROL, PRT, DG1, PR1, GT1, IN1 to IN3, IAM, and what of PID and
 * PV1 is a resource of its own (mother, account, financial class). Where the guide has no map, ours (../../MAPPING.md).
 */
import type { Patient, PatientContact, Reference, RelatedPerson } from 'fhir/r4.js'
import type { Identity } from '../../../../src/records.ts'
import { allergyName, codedName } from '../../identity.ts'
import { onlyOf, personName } from '../../identity-people.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { Cell } from '../engine.ts'
import { cx } from '../references.ts'
import { adverseReactionOf, isRemoved } from '../segments/adverse-reaction.ts'
import { addDemographics, livingWillOf } from '../segments/demographics.ts'
import { contactOf, isPerson, nk1RelatedPerson, personOf } from '../segments/related-person.ts'
import { type Node, tree } from '../tree.ts'
import { type About, acted, put, whole } from './about.ts'
import { addConditions, addProcedures, type BySegment } from './diagnoses.ts'
import { addAccount, addCoverages } from './insurance.ts'
import { addRoles } from './roles.ts'

/** The segments that `addDetails` reads, for a message map's `segments`. */
export const detailSegments = 'PD1 NK1 ROL PRT DG1 PR1 GT1 IN1 IN2 IN3 IAM'

/** What billing messages go on with. */
export type Details = Readonly<{
  account: Reference | undefined
  /** The Condition of each DG1, the Procedure of each PR1. */
  conditions: BySegment
  procedures: BySegment
  coverages: readonly Reference[]
}>

/** What hangs on what; a ROL or PRT belongs to the procedure, insurance, visit, person (or result, charge) that it follows. */
const structure = {
  PID: '',
  PD1: 'PID',
  NK1: 'PID',
  PV1: 'PID',
  PV2: 'PV1',
  DG1: 'PID',
  PR1: 'PID',
  GT1: 'PID',
  IN1: 'PID',
  IN2: 'IN1',
  IN3: 'IN1',
  IAM: 'PID',
  ORC: 'PID',
  OBR: 'PID',
  OBX: 'PID',
  FT1: 'PID',
  ROL: 'FT1 OBX OBR ORC PR1 IN1 PV1 PID',
  PRT: 'FT1 OBX OBR ORC PR1 IN1 PV1 PID',
} as const

/**
 * Adds what these segments say. `segments`: those of one patient, PID first. Lists without ids of a snapshot sender are whole:
 * what they no longer name is gone (HL7 v2.5.1 §2.10.4.1); a list that is absent, or of which something had to be left out,
 * takes nothing away.
 */
export function addDetails(segments: readonly Segment[], about: About, draft: Draft): Details {
  const [person] = tree(segments, structure, segment => draft.note('E_PRUNED', segment.at(1)))
  if (!person) return { account: undefined, conditions: new Map(), procedures: new Map(), coverages: [] }
  const visit = person.first('PV1')
  for (const { segment } of person.all('PD1').slice(0, 1)) addPd1(segment, about, draft)
  addMother(person.segment, about, draft)
  addNextOfKin(person.all('NK1'), about, draft)
  addRoles(person, visit, about, draft)
  addAdverseReactions(person.all('IAM'), about, draft)
  const conditions = addConditions(person.all('DG1'), about, draft)
  const procedures = addProcedures(person.all('PR1'), about, draft)
  const coverages = addCoverages(person.all('IN1'), visit?.segment, about, draft)
  const account = addAccount(person.segment, person.all('GT1'), about, draft)
  return { account, conditions, procedures, coverages }
}

function addPd1(pd1: Segment, about: About, draft: Draft): void {
  const { subject } = about
  draft.amend<Patient>(subject.reference, patient => addDemographics(pd1, patient, draft))
  const will = livingWillOf(pd1, draft)
  if (!will) return
  const resource = { ...will, id: draft.newId('Observation'), subject: { ...subject.reference } }
  put(resource, onlyOf(draft, subject.name, 'living-will'), about, draft)
}

/** PID-21: the mother, of whom only numbers are told. */
function addMother(pid: Segment, about: About, draft: Draft): void {
  const identifier = pid.field(21).flatMap((field, i) => cx(new Cell(pid, 21, i + 1, field), draft, {}) ?? [])
  if (identifier.length === 0) return
  const resource: RelatedPerson = {
    resourceType: 'RelatedPerson',
    id: draft.newId('RelatedPerson'),
    identifier,
    patient: { ...about.subject.reference },
    relationship: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'MTH', display: 'mother' }] },
    ],
  }
  put(resource, onlyOf(draft, about.subject.name, 'mother'), about, draft)
}

/** NK1: a RelatedPerson where it names a person, and a contact of the patient in any case (the guide's conditions). */
function addNextOfKin(nodes: readonly Node[], about: About, draft: Draft): void {
  const people = nodes.filter(({ segment }) => isPerson(segment))
  const names = people.map(({ segment }) => addNextOfKinPerson(segment, about, draft))
  whole('RelatedPerson', ['NK1'], names, about, draft)
  const contacts = nodes.flatMap(({ segment }) => contactOf(segment, draft) ?? [])
  draft.amend<Patient>(about.subject.reference, patient => addContacts(patient, contacts))
}

function addNextOfKinPerson(nk1: Segment, about: About, draft: Draft): Identity | null {
  const { subject } = about
  const resource = personOf([[nk1RelatedPerson, nk1]], draft.newId('RelatedPerson'), subject.reference, draft)
  if (!resource) draft.note('E_PRUNED', nk1.at(2))
  if (!resource) return null
  const name = personName(nk1, { kind: 'next-of-kin', number: 33, name: 2, relation: 3 }, subject.name, draft)
  put(resource, name, about, draft)
  return name
}

/** Contacts that the patient does not have yet: a message may name one person twice. */
function addContacts(patient: Patient, contacts: readonly PatientContact[]): void {
  const seen = new Set(patient.contact?.map(contact => JSON.stringify(contact)))
  const further = contacts.filter(contact => !seen.has(JSON.stringify(contact)) && seen.add(JSON.stringify(contact)))
  if (further.length > 0) patient.contact = [...(patient.contact ?? []), ...further]
}

/** IAM names one allergy after another with an action (IAM-6), so that it is never a whole list. */
function addAdverseReactions(nodes: readonly Node[], about: About, draft: Draft): void {
  const seen = new Set<string>()
  for (const { segment: iam } of nodes) {
    const resource = adverseReactionOf(iam, draft.newId('AllergyIntolerance'), { ...about.subject.reference }, draft)
    const substance = resource.code && codedName(iam, 3)
    if (!substance || seen.has(substance)) draft.note('E_PRUNED', iam.at(3))
    if (!substance || seen.has(substance)) continue
    seen.add(substance)
    const verb = isRemoved(iam) ? 'delete' : acted(about, clean(iam.value(6)), draft).verb
    const { name } = about.subject
    draft.add({ verb, resource, identity: [allergyName(name, substance, draft)], subject: name })
  }
}
