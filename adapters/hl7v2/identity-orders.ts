/**
 * What names the resources of orders, results and documents beside those of identity.ts, a row a type:
 *
 *   ServiceRequest     patient + the placer's number (OBR-2, else ORC-2), else the order + OBR-4, + ordinal
 *   ServiceRequest     of a referral: patient + RF1-6, else RF1-11; none: the message (provisional)
 *   Provenance         of an order: the order + ORC-1 + ORC-9
 *   PractitionerRole   practitioner + what he does + organisation (maps/roles.ts)
 *   Specimen           patient + SPM-2 (placer's, else filler's); none: the order + SPM-4 + ordinal
 *   DocumentReference  of an OBX: the result; of a TXA: global TXA-12; patient + TXA-12; none: the message (provisional)
 *   Device             OBX-18 or PRT-10 under its authority
 */
import { lp } from '../../src/lp.ts'
import type { Identity } from '../../src/records.ts'
import {
  authorityOf,
  cellOf,
  entity,
  hdAfter,
  numbered,
  type Order,
  ofSender,
  partOf,
  provisional,
  repeat,
} from './identity.ts'
import { clean } from './maps/datatypes.ts'
import type { Draft } from './maps/draft.ts'
import type { Segment } from './message.ts'

/** The order itself, under the placer's number where there is one, so that order, change and result mean the same. */
export function requestName(obr: Segment, orc: Segment | undefined, order: Order, draft: Draft): Identity {
  const placer = entity(obr, 2) ?? (orc ? entity(orc, 2) : null)
  if (!placer && order.number === null) return provisional(draft, order.at, order.patient, 'request', ...order.parts)
  const { patient } = order
  const parts = placer ? [patient.system, patient.value, placer, partOf(obr, 4)] : order.parts
  return ofSender(draft, 'request', ...parts, ...repeat(draft, 'request', parts))
}

export function referralName(rf1: Segment, patient: Identity, draft: Draft): Identity {
  const number = entity(rf1, 6) ?? entity(rf1, 11)
  if (number === null) return provisional(draft, rf1.at(6), patient, 'referral')
  return ofSender(draft, 'referral', patient.system, patient.value, number)
}

/** What was done to a request, and when: the same message again is the same deed. */
export function provenanceName(request: Identity, orc: Segment, draft: Draft): Identity {
  return ofSender(
    draft,
    'provenance',
    request.system,
    request.value,
    clean(orc.value(1)) ?? '',
    clean(orc.value(9)) ?? '',
  )
}

/** A specimen by its own number; `order` and what it is where it has none. */
export function specimenName(spm: Segment, patient: Identity, order: Order | null, draft: Draft): Identity {
  const number = specimenNumber(spm)
  if (number !== null) return ofSender(draft, 'specimen', patient.system, patient.value, number)
  if (!order || order.number === null)
    return provisional(draft, spm.at(2), patient, 'specimen', draft.count('specimen'))
  const parts = [...order.parts, partOf(spm, 4)]
  return ofSender(draft, 'order-specimen', ...parts, ...repeat(draft, 'specimen', parts))
}

/** An EIP (SPM-2): the placer's number, else the filler's; each with its namespace. */
export function specimenNumber(spm: Segment, n = 2, repetition = 1): string | null {
  for (const part of [1, 2]) {
    const at = (sub: number) => clean(spm.value(n, part, sub, repetition))
    const value = at(1)
    if (value) return lp(value, at(3) ?? at(2) ?? '')
  }
  return null
}

/** The specimen that an OBR tells of itself (OBR-15), one an order. */
export function orderSpecimenName(obr: Segment, order: Order, draft: Draft): Identity {
  if (order.number === null) return provisional(draft, obr.at(15), order.patient, 'specimen', ...order.parts)
  return ofSender(draft, 'order-specimen', ...order.parts, ...repeat(draft, 'order-specimen', order.parts))
}

/** The document in an OBX, named as its result. */
export function attachedName(result: Identity, draft: Draft): Identity {
  return ofSender(draft, 'attached', result.system, result.value)
}

/** A document by the number in field `n` of its TXA; null where there is none. */
export function documentName(txa: Segment, n: number, patient: Identity, draft: Draft): Identity | null {
  const value = clean(txa.value(n))
  return value ? numbered('document', value, authorityOf(hdAfter(1, cellOf(txa, n)), draft.profile), patient) : null
}
