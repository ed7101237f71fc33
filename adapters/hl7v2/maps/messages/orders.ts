/**
 * Orders: ORM O01, OML O21 O33 O35, OMG O19 and the answers to them (message maps ORM_O01 and OML_O21 of the guide, read
 * alike for the others). An order is told whole: `replace`; what asks for or refuses something leaves it as it is.
 */
import type { Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { type Order, orderOf, resultNames } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { categoryOf, effectiveOf } from '../segments/order.ts'
import type { Node } from '../tree.ts'
import { addConditions } from './diagnoses.ts'
import { type OrderGroup, type PatientGroup, patientGroups } from './groups.ts'
import type { MessageMap } from './map.ts'
import { addMedicationOrder } from './medication.ts'
import { participantsOf } from './participants.ts'
import type { Subject, Verb } from './people.ts'
import { addPerson, type Person, personSegments } from './person.ts'
import { type About, addRequest, linkParents, type More } from './requests.ts'
import { addResult, type Setting } from './results.ts'
import { Specimens } from './specimens.ts'

const segments = `${personSegments} ORC TQ1 OBR OBX NTE SPM SAC`
const answer = `MSA ${segments}`
const medicine = `${answer} RXO RXR RXC`

export const orderMaps: readonly MessageMap[] = [
  { type: 'ORM', events: 'O01', structures: 'ORM_O01', segments: `${segments} RXO RXR RXC`, translate: orders },
  { type: 'OML', events: 'O21 O33 O35', structures: 'OML_O21 OML_O33 OML_O35', segments, translate: orders },
  { type: 'OMG', events: 'O19', structures: 'OMG_O19', segments, translate: orders },
  { type: 'ORR', events: 'O02', structures: 'ORR_O02', segments: medicine, translate: answers },
  { type: 'ORL', events: 'O22 O34 O36', structures: 'ORL_O22 ORL_O34 ORL_O36', segments: answer, translate: answers },
  { type: 'ORP', events: 'O10', structures: 'ORP_O10', segments: medicine, translate: answers },
  { type: 'ORG', events: 'O20', structures: 'ORG_O20', segments: answer, translate: answers },
]

/** ORC-1 that changes nothing of an order: questions about it, answers that refuse a change, errors of the message. */
const idle = new Set(['SS', 'SR', 'RR', 'DE', 'LI', 'UN', 'MC', 'UC', 'UD', 'UF', 'UH', 'UM', 'UR', 'UX'])

/**
 * Translates one message of orders. Throws Refusal: E_SEGMENT_MISSING at PID, at ORC where nothing is ordered and at OBR where
 * an ORC does not say what; E_FIELD_MISSING at OBR-4; E_NO_PATIENT; and what the OBX throw.
 */
export function orders(event: string, draft: Draft): void {
  const groups = patientGroups(draft.message.segments, draft)
  for (const group of groups) {
    if (group.orders.length === 0 && group.others.length === 0) refuse('E_SEGMENT_MISSING', 'ORC')
    for (const orc of group.others) noteOther(orc, draft)
    for (const { obr } of group.orders) if (!saysWhat(obr)) refuse('E_FIELD_MISSING', obr.at(4))
  }
  for (const group of groups) addOrders(group, event, draft)
}

/**
 * Translates the answer to an order: what it says of an order that it names in full. An answer without patient or order is an
 * acknowledgement; it is kept and means nothing more. Throws Refusal: E_NO_PATIENT, and what the OBX throw.
 */
export function answers(event: string, draft: Draft): void {
  const { message } = draft
  const refused = ['AE', 'AR', 'CE', 'CR'].includes(clean(message.first('MSA')?.value(1)) ?? '')
  if (refused || !message.first('PID')) return
  for (const group of patientGroups(message.segments, draft)) {
    const known = group.orders.filter(({ obr }) => saysWhat(obr))
    for (const { obr } of group.orders) if (!saysWhat(obr)) draft.note('E_PRUNED', obr.at(4))
    const medicines = group.others.filter(orc => orc.all('RXO').some(({ segment }) => clean(segment.value(1))))
    for (const orc of group.others) if (!medicines.includes(orc)) draft.note('E_PRUNED', orc.segment.at(1))
    if (known.length + medicines.length > 0) addOrders({ ...group, orders: known, others: medicines }, event, draft)
  }
}

/** An ORC for something that has no map (a diet, supplies) is left out; one for nothing at all is half a message. */
function noteOther({ segment, children }: Node, draft: Draft): void {
  if (children.some(child => child.segment.name === 'RXO')) return
  if (!children.some(({ segment: { name } }) => !['NTE', 'TQ1', 'PRT', 'DG1'].includes(name)))
    refuse('E_SEGMENT_MISSING', 'OBR')
  draft.note('E_PRUNED', segment.at(1))
}

function saysWhat(obr: OrderGroup['obr']): boolean {
  return Boolean(clean(obr.value(4)) ?? clean(obr.value(4, 2)))
}

function addOrders(group: PatientGroup, event: string, draft: Draft): void {
  const { subject, encounter } = addPerson(group, event, draft)
  const diagnoses = group.orders.flatMap(order => order.diagnoses)
  const conditions = addConditions(diagnoses, { subject, encounter: undefined, verb: 'ensure' }, draft)
  const named = group.orders.map(found => ({ ...found, order: orderOf(found.obr, found.orc, subject.name, draft) }))
  const setting = { subject, encounter, names: namesOf(group, named, subject, draft), around: {} }
  const specimens = new Specimens(subject, draft)
  for (const result of group.results) addResult(result, setting, draft)
  for (const { results, ...specimen } of group.specimens) {
    const focus = specimens.add({ ...specimen, results }, null, false)
    for (const result of results) addResult(result, { ...setting, around: { focus } }, draft)
  }
  const placed = named.map(found => ({
    obr: found.obr,
    request: addOrder(found, { specimens, conditions }, setting, draft),
  }))
  linkParents(placed, draft)
  for (const orc of group.others) addMedicines(orc, { subject, encounter }, draft)
}

/** The medicines that an ORC of ORM O01 orders (RXO); maps/messages/medication.ts says how. */
function addMedicines(orc: Node, person: Person, draft: Draft): void {
  for (const node of orc.all('RXO')) {
    const timings = [...orc.all('TQ1'), ...node.all('TQ1')].map(({ segment }) => segment)
    const verb: Verb = idle.has(clean(orc.segment.value(1)) ?? '') ? 'ensure' : 'replace'
    addMedicationOrder({ node, orc: orc.segment, timings }, person, verb, undefined, draft)
  }
}

type NamedOrder = OrderGroup & Readonly<{ order: Order }>

/**
 * What comes with an order is named apart from its results: the answer of the ward to a question of the laboratory must never
 * replace the laboratory's own result of that code.
 */
function namesOf(
  group: PatientGroup,
  orders: readonly NamedOrder[],
  { name: patient }: Subject,
  draft: Draft,
): Setting['names'] {
  const loose = [...group.results, ...group.specimens.flatMap(({ results }) => results)]
  const told = orders.flatMap(({ order, results, specimens }) =>
    [...results, ...specimens.flatMap(specimen => specimen.results)].map(({ obx }) => ({
      obx,
      order: { ...order, parts: [...order.parts, 'with the order'] },
      patient,
    })),
  )
  return resultNames([...loose.map(({ obx }) => ({ obx, order: null, patient })), ...told], draft)
}

type Beside = Readonly<{ specimens: Specimens; conditions: ReadonlyMap<Segment, Reference> }>

function addOrder(found: NamedOrder, { specimens, conditions }: Beside, setting: Setting, draft: Draft): Reference {
  const { obr, orc, order } = found
  const { subject, encounter } = setting
  const { requester, collector } = participantsOf(found, draft)
  const specimen = specimens.ofOrder(found, order, false, collector)
  const category = categoryOf(obr)
  const around = { ...(category && { category: [category] }), effective: effectiveOf(obr, draft) ?? undefined }
  const supportingInfo = found.results.flatMap(result => addResult(result, { ...setting, around }, draft) ?? [])
  found.specimens.forEach(({ results }, i) => {
    for (const result of results) addResult(result, { ...setting, around: { ...around, focus: specimen[i]! } }, draft)
  })
  const reasons = found.diagnoses.flatMap(({ segment }) => conditions.get(segment) ?? [])
  const about: About = { subject: { ...subject.reference }, ...(encounter && { encounter: { ...encounter } }) }
  const more: More = {
    ...(specimen.length > 0 && { specimen: specimen.map(one => ({ ...one })) }),
    ...(supportingInfo.length > 0 && { supportingInfo }),
    ...(requester && { requester }),
    ...(reasons.length > 0 && { reasonReference: reasons.map(one => ({ ...one })) }),
  }
  const verb: Verb = idle.has(clean(orc?.value(1)) ?? '') ? 'ensure' : 'replace'
  return addRequest(found, order, { about, subject, verb, more }, draft)
}
