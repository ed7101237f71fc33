/**
 * BAR P01 P02 P05 P06 P12 (accounts) and DFT P03 P11 (charges). The guide has no message maps for them; ours: the segments mean
 * what they mean in an ADT, the account is PID-18's (else the visit's), every FT1 that is a charge is a ChargeItem.
 */
import type { Account, ChargeItem, Identifier, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { cellOf, provisional } from '../../identity.ts'
import { chargeName, onlyOf } from '../../identity-people.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { cx } from '../references.ts'
import { chargeOf } from '../segments/charge.ts'
import { type Node, tree } from '../tree.ts'
import type { About } from './about.ts'
import { addAllergies, addResults } from './adt.ts'
import { addDetails, type Details, detailSegments } from './details.ts'
import { patientGroups } from './groups.ts'
import type { MessageMap } from './map.ts'
import { addResultGroups } from './oru.ts'
import { addEncounter, addPatient, type Subject, type Verb } from './people.ts'
import { noteRoles } from './roles.ts'

const common = `PID PV1 PV2 AL1 OBX NTE ${detailSegments}`

export const billingMaps: readonly MessageMap[] = [
  {
    type: 'BAR',
    events: 'P01 P02 P05 P06 P12',
    structures: 'BAR_P01 BAR_P02 BAR_P05 BAR_P06 BAR_P12',
    segments: common,
    translate: bar,
  },
  {
    type: 'DFT',
    events: 'P03 P11',
    structures: 'DFT_P03 DFT_P11',
    segments: `${common} FT1 ORC OBR TQ1 SPM`,
    translate: dft,
  },
]

/** P02 takes an account off, P06 ends it; what these two say of patient and visit is thin. */
const states: Readonly<Record<string, 'purged' | 'inactive' | undefined>> = { P02: 'purged', P06: 'inactive' }

/** Translates one BAR. Throws Refusal: E_SEGMENT_MISSING at PID, E_NO_PATIENT, E_FIELD_MISSING at PID-18 (P02, P06), and what OBX throw. */
export function bar(event: string, draft: Draft): void {
  for (const segments of people(draft)) {
    const verb: Verb = draft.profile.adt === 'snapshot' ? 'replace' : 'ensure'
    const state = states[event]
    const about = addAbout(segments, state ? 'ensure' : verb, event, draft)
    const { subject, encounter } = about
    // a billing system's thin list must not take allergies away
    addAllergies(named(segments, 'AL1'), subject, 'ensure', draft)
    const details = addDetails(segments, about, draft)
    addResults(segments, subject, encounter, draft)
    const account = details.account ?? visitAccount(segments, about, draft)
    if (state && !account) refuse('E_FIELD_MISSING', segments[0]!.at(18))
    if (account) finish(account, state, details, verb, draft)
  }
}

/** What a BAR says of its account: its coverages, its end, or that it is gone; P12 says nothing of it, and wipes nothing. */
function finish(
  account: Reference,
  state: 'purged' | 'inactive' | undefined,
  { coverages }: Details,
  verb: Verb,
  draft: Draft,
): void {
  let says = state === 'inactive' || coverages.length > 0
  draft.amend<Account>(account, resource => {
    says ||= resource.guarantor !== undefined
    if (state === 'inactive') resource.status = 'inactive'
    if (coverages.length > 0) resource.coverage = coverages.map((coverage, i) => ({ coverage, priority: i + 1 }))
  })
  if (state === 'purged') draft.tell(account, 'delete')
  else if (verb === 'replace' && says) draft.tell(account, 'replace')
}

/**
 * Translates one DFT: what it says beside its charges it only names (`ensure`), a charge is told whole. Throws Refusal:
 * E_SEGMENT_MISSING at PID and FT1, E_NO_PATIENT, and what OBR and OBX throw.
 */
export function dft(event: string, draft: Draft): void {
  if (!draft.message.first('FT1')) refuse('E_SEGMENT_MISSING', 'FT1')
  addResultGroups(patientGroups(draft.message.segments.filter(isResult), draft), event, draft)
  for (const segments of people(draft)) {
    const about = addAbout(segments, 'ensure', event, draft)
    const details = addDetails(segments, about, draft)
    const account = details.account ?? visitAccount(segments, about, draft)
    const [person] = tree(segments, event === 'P11' ? chargesOfP11 : charges, () => undefined)
    for (const node of person!.all('FT1')) addCharge(node, account, details, about, draft)
  }
}

/** What orders and results of a DFT consist of; the rest of it is read with the charges. */
const results = new Set('PID PV1 PV2 ORC OBR TQ1 OBX NTE SPM'.split(' '))
const isResult = ({ name }: Segment): boolean => results.has(name)

/** In P03 the diagnoses follow all charges and are of the visit, in P11 each charge has its own (HL7 v2.5.1 §6.4.3, §6.4.8). */
const charges = { PID: '', FT1: 'PID', PR1: 'FT1', ROL: 'PR1 FT1', PRT: 'PR1 FT1' } as const
const chargesOfP11 = { ...charges, DG1: 'FT1' } as const

function addCharge(node: Node, account: Reference | undefined, details: Details, about: About, draft: Draft): void {
  const { segment: ft1 } = node
  const { subject, encounter } = about
  noteRoles(node, draft)
  const around = {
    subject: { ...subject.reference },
    ...(encounter && { context: { ...encounter } }),
    ...(account && { account: [{ ...account }] }),
  }
  const found = chargeOf(ft1, { id: draft.newId('ChargeItem'), ...around }, draft)
  if (!found) draft.note('E_PRUNED', ft1.at(6))
  if (!found) return
  const service = node.all('PR1').flatMap(({ segment }) => details.procedures.get(segment) ?? [])
  const reasons = node.all('DG1').flatMap(({ segment }) => details.conditions.get(segment) ?? [])
  const resource: ChargeItem = {
    ...found,
    ...(service.length > 0 && { service }),
    ...(reasons.length > 0 && { supportingInformation: reasons }),
  }
  const name = chargeName(ft1, subject.name, draft)
  const identity = name ?? provisional(draft, ft1.at(2), subject.name, 'charge', draft.count('charge without number'))
  draft.add({ verb: 'replace', resource, identity: [identity], subject: subject.name })
}

// ---------------------------------------------------------------- who and what

/** The segments of each PID, itself first. Throws Refusal E_SEGMENT_MISSING where there is none. */
function people({ message }: Draft): readonly (readonly Segment[])[] {
  const starts = message.segments.flatMap(({ name }, i) => (name === 'PID' ? [i] : []))
  if (starts.length === 0) refuse('E_SEGMENT_MISSING', 'PID')
  return starts.map((start, i) => message.segments.slice(start, starts[i + 1]))
}

function named(segments: readonly Segment[], name: string): readonly Segment[] {
  return segments.filter(segment => segment.name === name)
}

/** Patient and visit: a billing system knows neither whole, the registration does (ADT). */
function addAbout(segments: readonly Segment[], verb: Verb, event: string, draft: Draft): About {
  const [pv1, ...more] = named(segments, 'PV1')
  for (const segment of more) draft.note('E_PRUNED', segment.at(1))
  const subject = addPatient(segments[0]!, pv1, 'ensure', draft)
  const pv2 = named(segments, 'PV2')[0]
  const visit = { verb: 'ensure', event, visit: false, pv2 } as const
  const encounter = pv1 && addEncounter(pv1, subject, visit, draft)
  return { subject, encounter, verb }
}

/** Without PID-18 the account is the visit's: PV1-19 is its number (HL7 v2.5.1 §3.4.3.19, "billing number" of many systems). */
function visitAccount(segments: readonly Segment[], { subject }: About, draft: Draft): Reference | undefined {
  const pv1 = named(segments, 'PV1')[0]
  const number = pv1?.has(19) && cx(cellOf(pv1, 19), draft, { as: 'VN' })
  if (!pv1 || !number) return undefined
  const name = onlyOf(draft, subject.name, 'visit-account', number.value!)
  return draft.mention([name], 'Account', id => accountOfVisit(id, number, subject), subject.name)
}

function accountOfVisit(id: string, number: Identifier, { reference }: Subject): Account {
  return { resourceType: 'Account', id, identifier: [number], status: 'active', subject: [{ ...reference }] }
}
