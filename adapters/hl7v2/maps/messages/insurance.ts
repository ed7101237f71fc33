/** IN1, IN2, GT1 and PID-18 of a message: Coverages with their subscribers, the Account with its guarantors. */
import type { Account, Reference } from 'fhir/r4.js'
import { accountName, coverageName, personName } from '../../identity-people.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { accountOf, guarantorOf } from '../segments/account.ts'
import { coverageOf } from '../segments/coverage.ts'
import { gt1RelatedPerson, in1Subscriber, in2Subscriber, personOf } from '../segments/related-person.ts'
import type { Node } from '../tree.ts'
import { type About, type Added, put, whole } from './about.ts'
import { noteRoles } from './roles.ts'

/** Adds the Coverage of each IN1 and returns the references. */
export function addCoverages(
  nodes: readonly Node[],
  pv1: Segment | undefined,
  about: About,
  draft: Draft,
): readonly Reference[] {
  const references: Reference[] = []
  const names = nodes.map(node => {
    const added = addCoverage(node, pv1, about, draft)
    if (added) references.push(added.reference)
    return added?.name ?? null
  })
  whole('Coverage', ['IN1'], names, about, draft)
  return references
}

function addCoverage(node: Node, pv1: Segment | undefined, about: About, draft: Draft): Added | null {
  const { segment: in1 } = node
  const in2 = node.first('IN2')?.segment
  noteRoles(node, draft)
  const ids = { id: draft.newId('Coverage'), beneficiary: { ...about.subject.reference } }
  const resource = coverageOf({ in1, in2, pv1 }, ids, draft)
  if (!resource) draft.note('E_PRUNED', in1.at(4))
  if (!resource) return null
  const name = coverageName(in1, about.subject.name, draft)
  const subscriber = addSubscriber(in1, in2, about, draft)
  if (subscriber) resource.subscriber = subscriber
  return { name, reference: put(resource, name, about, draft) }
}

/** IN1-16 is the patient where IN1-17 says so (`SEL`), else a person of his own. */
function addSubscriber(in1: Segment, in2: Segment | undefined, about: About, draft: Draft): Reference | undefined {
  const { subject } = about
  if (clean(in1.value(17)) === 'SEL') return { ...subject.reference }
  if (!in1.has(16)) return undefined
  const maps = [[in1Subscriber, in1] as const, [in2Subscriber, in2] as const]
  const resource = personOf(maps, draft.newId('RelatedPerson'), subject.reference, draft)
  if (!resource) return undefined
  const name = personName(in1, { kind: 'subscriber', number: 0, name: 16, relation: 17 }, subject.name, draft)
  return put(resource, name, about, draft)
}

/** Messages in which the guide (ADT) or we (BAR, DFT) take PID-18 for an account; elsewhere it says nothing new. */
const withAccount = new Set(['ADT', 'BAR', 'DFT'])

/**
 * The account of PID-18 with the guarantors of GT1. Without GT1 the message says nothing of the account but its number: it is
 * only named then. GT1 without account: the persons alone.
 */
export function addAccount(pid: Segment, nodes: readonly Node[], about: About, draft: Draft): Reference | undefined {
  const { subject } = about
  const name = accountName(pid, subject.name, draft)
  const guarantor = nodes.flatMap(({ segment }) => {
    const found = guarantorOf(segment, addGuarantor(segment, about, draft), draft)
    if (!found) draft.note('E_PRUNED', segment.at(3))
    return found ?? []
  })
  if (!name || !withAccount.has(draft.message.type)) return undefined
  const account = draft.mention([name], 'Account', id => accountOf(pid, id, subject.reference, draft), subject.name)
  if (guarantor.length === 0) return account
  draft.amend<Account>(account, resource => {
    resource.guarantor = guarantor
  })
  if (about.verb === 'replace') draft.tell(account, 'replace')
  return account
}

/** The person of a GT1: the patient where GT1-11 says so (`SEL`). */
function addGuarantor(gt1: Segment, about: About, draft: Draft): Reference | undefined {
  const { subject } = about
  if (clean(gt1.value(11)) === 'SEL') return { ...subject.reference }
  if (!gt1.has(3)) return undefined
  const resource = personOf([[gt1RelatedPerson, gt1]], draft.newId('RelatedPerson'), subject.reference, draft)
  if (!resource) return undefined
  const name = personName(gt1, { kind: 'guarantor', number: 2, name: 3, relation: 11 }, subject.name, draft)
  return put(resource, name, about, draft)
}
