/** Orders (ServiceRequest) of a message, and who did what to them (Provenance). */
import type { Provenance, Reference, ServiceRequest } from 'fhir/r4.js'
import type { Order } from '../../identity.ts'
import { provenanceName, requestName } from '../../identity-orders.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { notesOf } from '../segments/note.ts'
import { requestOf } from '../segments/order.ts'
import { provenanceOf } from '../segments/order-provenance.ts'
import type { OrderGroup } from './groups.ts'
import type { Subject, Verb } from './people.ts'

export type About = Pick<ServiceRequest, 'subject' | 'encounter'>

/** What a message adds to a request beside ORC and OBR. */
export type More = Partial<Pick<ServiceRequest, 'specimen' | 'supportingInfo' | 'reasonReference' | 'requester'>>

/** Adds the order of a group, its comments among its notes, and returns a reference to it. */
export function addRequest(
  group: OrderGroup,
  order: Order,
  { about, subject, verb, more = {} }: Readonly<{ about: About; subject: Subject; verb: Verb; more?: More }>,
  draft: Draft,
): Reference {
  const name = requestName(group.obr, group.orc, order, draft)
  const make = (id: string): ServiceRequest => {
    const request = requestOf(group, draft)
    const note = [...(request.note ?? []), ...notesOf(group.notes, draft)]
    return { ...more, ...request, id, ...about, ...(note.length > 0 && { note }) }
  }
  if (verb === 'ensure') return draft.mention([name], 'ServiceRequest', make, subject.name)
  const resource = make(draft.newId('ServiceRequest'))
  const reference = draft.add({ verb, resource, identity: [name], subject: subject.name })
  const deed = group.orc && provenanceOf(group.orc, { ...reference }, draft)
  if (!deed) return reference
  const provenance: Provenance = { ...deed, id: draft.newId('Provenance') }
  const identity = [provenanceName(name, group.orc!, draft)]
  draft.add({ verb: 'replace', resource: provenance, identity, subject: subject.name })
  return reference
}

/** An OBR and the reference to its order. */
export type Placed = Readonly<{ obr: Segment; request: Reference }>

/**
 * OBR-29: the order that an order came from (a sensitivity from a culture), where the message has that one as well; a reference
 * to any other would lead nowhere.
 */
export function linkParents(placed: readonly Placed[], draft: Draft): void {
  for (const { obr, request } of placed) {
    if (!obr.has(29)) continue
    const parent = placed.find(other => other.obr !== obr && isParent(other.obr, obr))
    if (parent?.request.reference === request.reference) continue
    if (parent)
      draft.amend<ServiceRequest>(request, order => Object.assign(order, { basedOn: [{ ...parent.request }] }))
    else draft.note('E_PRUNED', obr.at(29))
  }
}

/** OBR-29 is the pair of the parent's numbers: OBR-2 and OBR-3; the filler's says more where it is there. */
function isParent(parent: Segment, child: Segment): boolean {
  const [placer, filler] = [1, 2].map(part => clean(child.value(29, part)))
  return filler ? filler === clean(parent.value(3)) : placer !== undefined && placer === clean(parent.value(2))
}
