/**
 * Medicines ordered (OMP O09, RDE O11 and O25, the RXO of ORM O01), dispensed (RDS O13), planned to be given (RGV O15) and
 * given (RAS O17); O01 of each up to v2.3.1. PID [PV1] {ORC [TQ1] [RXO [RXR] [RXC] [NTE]] [RXE [TQ1] [RXR] [RXC] [NTE]] {RXD|RXG|RXA …} {OBX [NTE]}}.
 */
import type { Dosage, MedicationRequest, Observation, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { type Result as NamedResult, resultNames } from '../../identity.ts'
import { doneParts, type MedicationOrder, medicationName, medicationOrder } from '../../identity-care.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { dosagesOf } from '../segments/dosage.ts'
import {
  administrationOf,
  dispenseOf,
  type MedicationSegments,
  medicationRequestOf,
  prescriptionOf,
} from '../segments/medication.ts'
import { Node, type Structure, tree } from '../tree.ts'
import { addPersonOf, aroundPerson, aroundSegments, resultOf } from './around.ts'
import type { MessageMap } from './map.ts'
import type { Subject, Verb } from './people.ts'
import { addResult, type Setting } from './results.ts'

const orderSegments = `ORC TQ1 RXO RXE RXR RXC ${aroundSegments}`

export const medicationMaps: readonly MessageMap[] = [
  { type: 'OMP', events: 'O09', structures: 'OMP_O09', segments: orderSegments, translate: medication },
  { type: 'RDE', events: 'O01 O11 O25', structures: 'RDE_O11 RDE_O25', segments: orderSegments, translate: medication },
  { type: 'RDS', events: 'O01 O13', structures: 'RDS_O13', segments: `${orderSegments} RXD`, translate: medication },
  { type: 'RGV', events: 'O01 O15', structures: 'RGV_O15', segments: `${orderSegments} RXG`, translate: medication },
  { type: 'RAS', events: 'O01 O17', structures: 'RAS_O17', segments: `${orderSegments} RXA`, translate: medication },
]

const medicines = 'RXA RXG RXD RXE RXO'
const structure: Structure = {
  ...aroundPerson,
  PID: '',
  ORC: 'PID',
  TQ1: 'RXG RXD RXE ORC',
  RXO: 'ORC PID',
  RXE: 'ORC PID',
  RXD: 'ORC PID',
  RXG: 'ORC PID',
  RXA: 'ORC PID',
  RXR: medicines,
  RXC: medicines,
  OBX: `${medicines} ORC PID`,
  NTE: `OBX ${medicines} ORC PID`,
  PRT: `OBX ${medicines} ORC PV1 PID`,
}

/** Whom an order is about. */
export type About = Readonly<{ subject: Subject; encounter: Reference | undefined }>

/** A segment that tells of a medicine, with the ORC and the timing of its group. */
export type MedicineNode = Readonly<{
  node: Node
  orc: Segment | undefined
  timings: readonly Segment[]
  /** The pharmacy asks for leave to refill it (RDE O25 with ORC-1 `RF`): nobody has ordered that yet. */
  refill?: boolean
}>

/**
 * Translates one message about medicines. Throws Refusal: E_SEGMENT_MISSING at PID, or at ORC where nothing tells of a
 * medicine, E_NO_PATIENT, E_FIELD_MISSING where a segment does not say which, and what RXA and OBX throw.
 */
export function medication(event: string, draft: Draft): void {
  const roots = tree(draft.message.segments, structure, segment => draft.note('E_PRUNED', segment.at(1)))
  const patients = roots.filter(({ segment }) => segment.name === 'PID')
  if (patients.length === 0) refuse('E_SEGMENT_MISSING', 'PID')
  for (const patient of patients) addPatientGroup(patient, event, draft)
}

function addPatientGroup(patient: Node, event: string, draft: Draft): void {
  const { subject, encounter } = addPersonOf(patient, event, draft)
  const about: About = { subject, encounter }
  const groups = groupsOf(patient)
  if (groups.length === 0) refuse('E_SEGMENT_MISSING', 'ORC')
  const named = groups.map((group, i) => ({ group, results: resultsOf(group, i, subject) }))
  const loose = patient.all('OBX').map(({ segment }) => ({ obx: segment, order: null, patient: subject.name }))
  const names = resultNames([...loose, ...named.flatMap(({ results }) => results)], draft)
  const setting: Setting = { subject, encounter, around: {}, names }
  for (const node of patient.all('OBX')) addObservation(node, setting, draft)
  for (const { group } of named) addGroup(group, about, event, setting, draft)
}

/** An ORC with what it orders, dispenses or gives; `orc` is undefined where the sender leaves it out. */
type Group = Readonly<{ orc: Node | undefined; nodes: readonly Node[] }>

function groupsOf(patient: Node): readonly Group[] {
  return patient.children.flatMap<Group>(child => {
    if (child.segment.name === 'ORC') return [{ orc: child, nodes: child.children.filter(isMedicine) }]
    return isMedicine(child) ? [{ orc: undefined, nodes: [child] }] : []
  })
}

const names = medicines.split(' ')

function isMedicine({ segment }: Node): boolean {
  return names.includes(segment.name)
}

function addGroup(group: Group, about: About, event: string, setting: Setting, draft: Draft): void {
  const orc = group.orc?.segment
  if (group.nodes.length === 0) return void draft.note('E_PRUNED', orc!.at(1))
  const timings = group.orc?.all('TQ1').map(({ segment }) => segment) ?? []
  const done = group.nodes.some(({ segment }) => ['RXD', 'RXG', 'RXA'].includes(segment.name))
  const refill = event === 'O25' && orc?.value(1) === 'RF'
  let order: Reference | undefined
  for (const node of group.nodes) {
    const medicine = { node: withWay(node, group), orc, timings: own(node, timings), refill }
    const { name } = node.segment
    if (name === 'RXO' || name === 'RXE') {
      order = addMedicationOrder(medicine, about, done ? 'ensure' : 'replace', order, draft)
      addObservations(node, setting, made => ({ ...made, basedOn: [{ ...order }] }), draft)
    }
    if (name === 'RXG') addMedicationOrder(medicine, about, 'replace', order, draft)
    if (name === 'RXD') addDispense(medicine, about, order, group, draft)
    if (name === 'RXA') {
      const given = addAdministration(medicine, about, order, draft)
      addObservations(node, setting, made => ({ ...made, partOf: [{ ...given }] }), draft)
    }
  }
  for (const node of group.nodes.filter(({ segment }) => ['RXG', 'RXD'].includes(segment.name)))
    addObservations(node, setting, made => made, draft)
  for (const node of group.orc?.all('OBX') ?? []) addObservation(node, setting, draft)
}

/** The timing behind a segment stands before that of its ORC. */
function own(node: Node, timings: readonly Segment[]): readonly Segment[] {
  const found = node.all('TQ1').map(({ segment }) => segment)
  return found.length > 0 ? found : timings
}

/** In RAS one RXR stands behind several RXA, and means them all. */
function withWay(node: Node, group: Group): Node {
  if (node.segment.name !== 'RXA' || node.first('RXR')) return node
  const way = group.nodes.findLast(other => other.segment.name === 'RXA')?.all('RXR') ?? []
  if (way.length === 0) return node
  const copy = new Node(node.segment)
  copy.children.push(...node.children, ...way)
  return copy
}

function segmentsOf({ node, orc, timings }: MedicineNode): MedicationSegments {
  const of = (name: string) => node.all(name).map(({ segment }) => segment)
  return { orc, give: node.segment, timings, routes: of('RXR'), components: of('RXC'), notes: of('NTE') }
}

// ---------------------------------------------------------------- orders

const kinds = { RXO: 'requested-medication', RXE: 'encoded-medication', RXG: 'medication-dose' } as const
type Kind = keyof typeof kinds

/**
 * Adds the order of an RXO, RXE or RXG and returns the reference to it; `requested` is the order of the same group that it
 * is made for. For ORM O01 as well. Throws Refusal E_FIELD_MISSING where the segment does not say which medicine.
 */
export function addMedicationOrder(
  medicine: MedicineNode,
  { subject, encounter }: About,
  verb: Verb,
  requested: Reference | undefined,
  draft: Draft,
): Reference {
  const segments = segmentsOf(medicine)
  const kind = segments.give.name as Kind
  const order = orderIn(segments, subject)
  const parts = kind === 'RXG' ? doneParts(segments.give, 4, 1, 3) : []
  const name = medicationName(order, medicine.refill ? 'refill-of-medication' : kinds[kind], parts, draft)
  const make = (id: string): MedicationRequest => ({
    ...medicationRequestOf(segments, medicine.refill ? 'proposal' : intentOf(segments, requested), draft),
    id,
    subject: { ...subject.reference },
    ...(encounter && { encounter: { ...encounter } }),
    ...(requested && { basedOn: [{ ...requested }] }),
  })
  if (verb === 'ensure') return draft.mention([name], 'MedicationRequest', make, subject.name)
  const resource = make(draft.newId('MedicationRequest'))
  return draft.add({ verb, resource, identity: [name], subject: subject.name })
}

function intentOf({ orc, give }: MedicationSegments, requested: Reference | undefined): MedicationRequest['intent'] {
  if (give.name === 'RXO') return 'original-order'
  if (give.name === 'RXG') return 'instance-order'
  return requested || orc?.value(3) ? 'filler-order' : 'order'
}

const prescriptions: Readonly<Record<string, number>> = { RXE: 15, RXD: 7 }

function orderIn({ orc, give }: MedicationSegments, subject: Subject): MedicationOrder {
  return medicationOrder(orc, give, prescriptions[give.name] ?? null, subject.name)
}

// ---------------------------------------------------------------- done

function addDispense(
  medicine: MedicineNode,
  { subject, encounter }: About,
  order: Reference | undefined,
  group: Group,
  draft: Draft,
): Reference {
  const segments = segmentsOf(medicine)
  const prescription = order ?? prescriptionOf(segments.orc, segments.give, draft)
  const encoded = group.nodes.find(({ segment }) => segment.name === 'RXE' || segment.name === 'RXO')
  const dosage = encoded && dosagesAs(encoded, medicine, draft)
  const resource = {
    ...dispenseOf(segments, draft),
    id: draft.newId('MedicationDispense'),
    subject: { ...subject.reference },
    ...(encounter && { context: { ...encounter } }),
    ...(prescription && { authorizingPrescription: [{ ...prescription }] }),
    ...(dosage && dosage.length > 0 && { dosageInstruction: dosage }),
  }
  const parts = doneParts(segments.give, 2, 1, 3)
  const name = medicationName(orderIn(segments, subject), 'medication-dispense', parts, draft)
  return draft.add({ verb: 'replace', resource, identity: [name], subject: subject.name })
}

/** The dosage of the order; a way that the dispense has of its own stands before it. */
function dosagesAs(order: Node, { node, orc, timings }: MedicineNode, draft: Draft): Dosage[] {
  const found = node.all('RXR')
  const routes = (found.length > 0 ? found : order.all('RXR')).map(({ segment }) => segment)
  return dosagesOf({ give: order.segment, orc, routes, timings: own(order, timings) }, draft)
}

function addAdministration(
  medicine: MedicineNode,
  { subject, encounter }: About,
  order: Reference | undefined,
  draft: Draft,
): Reference {
  const segments = segmentsOf(medicine)
  const resource = {
    ...administrationOf(segments, draft),
    id: draft.newId('MedicationAdministration'),
    subject: { ...subject.reference },
    ...(encounter && { context: { ...encounter } }),
    ...(order && { request: { ...order } }),
  }
  const parts = doneParts(segments.give, 5, 2, 3)
  const name = medicationName(orderIn(segments, subject), 'medication-administration', parts, draft)
  return draft.add({ verb: 'replace', resource, identity: [name], subject: subject.name })
}

// ---------------------------------------------------------------- observations

/** The OBX of a group are named within its order. */
function resultsOf({ orc, nodes }: Group, i: number, { name }: Subject): readonly NamedResult[] {
  const first = nodes[0]?.segment ?? orc!.segment
  const { number } = medicationOrder(orc?.segment, first, prescriptions[first.name] ?? null, name)
  const order = { patient: name, number, parts: [name.system, name.value, number ?? i], at: first.at(1) }
  return [...(orc ? [orc] : []), ...nodes]
    .flatMap(node => node.all('OBX'))
    .map(({ segment }) => ({ obx: segment, order, patient: name }))
}

function addObservations(node: Node, setting: Setting, about: (made: Observation) => Observation, draft: Draft): void {
  for (const obx of node.all('OBX')) {
    const reference = addObservation(obx, setting, draft)
    const wrong = obx.segment.value(11) === 'W'
    if (reference && !wrong) draft.amend<Observation>(reference, made => Object.assign(made, about(made)))
  }
}

function addObservation(node: Node, setting: Setting, draft: Draft): Reference | undefined {
  return addResult(resultOf(node), setting, draft)
}
