/**
 * What names a resource: one row per type, candidates in order; the Protector makes the id from the first (SEALING S5).
 * The same business object has the same name in every message, so that a resend or a correction finds its resource.
 * What is about a patient has the patient in its name, because senders give one number to two people (a reused order
 * number, a second MSH-10): else the result of the one would replace the other's. Only a number of an authority that the
 * world knows (OID, UUID, DNS, URI: "global" below) names by itself.
 *
 *   Patient             PID-3 (MRG-1) of the profile's identifying authority or type; no such setting: the first of type
 *                       MR, else the first; none: the visit number PV1-19; none: held, E_NO_PATIENT
 *   Encounter           global PV1-19, PV1-50; patient + PV1-19, PV1-50, PV1-44; none: the message (provisional)
 *   EpisodeOfCare       global PV1-54; patient + PV1-54
 *   Linkage             both patients, in an order of their own
 *   Observation         global OBX-21; patient + OBX-21; order + OBR-4 + OBX-3 + OBX-4, + OBX-14 and an ordinal where the
 *                       message repeats that; without OBR: patient + OBX-3 + OBX-4 + OBX-14; none: the message
 *                       (provisional)
 *   DiagnosticReport    order + OBR-4, + ordinal where the message repeats that
 *   AllergyIntolerance  patient + AL1-3
 *   Practitioner        XCN.1 under XCN.9
 *   Organization        XON.10 or XON.3 under XON.6, else XON.1
 *   Location            the path of PL
 *   orders, specimens, documents and their like: identity-orders.ts
 *
 * An order is the patient + OBR-3, else OBR-2, ORC-3, ORC-2; without any, the ordinal of the OBR (provisional). The
 * message is MSH-10 + MSH-7 + patient.
 * Authorities: the profile's alias table, else what the HD itself says, else the sender.
 */
import { refuse } from '../../src/errors.ts'
import { isReserved } from '../../src/fhir/reserved.ts'
import { lp } from '../../src/lp.ts'
import type { SenderProfile } from '../../src/ports.ts'
import type { Identity } from '../../src/records.ts'
import { clean } from './maps/datatypes.ts'
import type { Draft, Names } from './maps/draft.ts'
import { Cell } from './maps/engine.ts'
import type { Segment, Value } from './message.ts'

/** Who gave an identifier out. `system` names it for us; `uri` is there when it is a URI that others know as well. */
export type Authority = Readonly<{ system: string; uri: string | null; name: string | null }>

/** An HD, or what stands for one: namespace, universal id and its type as parts 1 to 3. */
export type Hd = Readonly<{ value(part: number): Value }>

/** EI and CNN have no HD of their own: its parts follow the part `before`. */
export function hdAfter(before: number, parts: Hd): Hd {
  return { value: part => parts.value(before + part) }
}

/** With three arcs at least: shorter ones name no organisation, and HL7's validator refuses them. */
const oid = /^[0-2](?:\.(?:0|[1-9]\d*)){2,}$/
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const uri = /^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$/
/** What nobody writes as a namespace of his own (`LAB:1` is one). */
const plainUri = /^(?:https?:\/\/|urn:)[!-~]+$/i

/**
 * The authority of an HD (`H`, `H&1.2.3&ISO`, `&1.2.3&ISO`, a bare OID, empty …). The alias table is asked for the HD
 * as sent, its namespace and its universal id, in that order; the key `''` stands for an empty HD.
 */
export function authorityOf(hd: Hd, profile: SenderProfile): Authority {
  const [namespace = '', id = '', type = ''] = [1, 2, 3].map(n => clean(hd.value(n)))
  const name = namespace || id || null
  const known = [`${namespace}&${id}&${type}`.replace(/&+$/, ''), namespace, id].find(
    key => Object.hasOwn(profile.authorities, key) && (key !== '' || name === null),
  )
  const found = known === undefined ? (universal(id, type) ?? universal(namespace, '')) : profile.authorities[known]!
  if (found) return { system: found, uri: found, name }
  return { system: name === null ? senderOf(profile) : `${senderOf(profile)}:${name}`, uri: null, name }
}

/** The authority of everything that only the sender's own numbering names. */
export function senderOf(profile: SenderProfile): string {
  return `sender:${profile.name}`
}

function universal(id: string, type: string): string | null {
  const bare = id.replace(/^urn:(?:oid|uuid):/i, '')
  if (oid.test(bare)) return `urn:oid:${bare}`
  if (uuid.test(bare.toLowerCase())) return `urn:uuid:${bare.toLowerCase()}`
  if (type === 'DNS' && /^[A-Za-z0-9.-]+$/.test(id)) return `dns:${id.toLowerCase()}`
  // our own authorities (`sender:…`, `device:…`) are nobody's to claim
  return bare === id && !isReserved(id) && (type === 'URI' ? uri : plainUri).test(id) ? id : null
}

// ---------------------------------------------------------------- people and visits

type Candidate = Readonly<{ name: Identity; authority: Authority; type: string }>

/**
 * The names of the patient in field `n` of PID or MRG, the identifying one first.
 * Throws Refusal E_NO_PATIENT (held) when neither it nor a visit number is there.
 */
export function patientNames(segment: Segment, n: number, visit: Segment | undefined, draft: Draft): Names {
  const candidates = identifiersOf(segment, n, draft.profile)
  const identifying = pick(candidates, draft.profile)
  if (identifying)
    return [identifying.name, ...candidates.filter(other => other !== identifying).map(other => other.name)]
  const number = visit && clean(visit.value(19))
  if (number) return [{ system: `${senderOf(draft.profile)}:visit`, value: number }]
  return refuse('E_NO_PATIENT', segment.at(n))
}

/**
 * What would identify the patient in field `n`, with the type of the number (PID-3.5); null where the field has no such
 * number. For events that change numbers, of which the identifying one may not be among them.
 */
export function identifyingNumber(
  segment: Segment,
  n: number,
  draft: Draft,
): Readonly<{ name: Identity; type: string }> | null {
  return pick(identifiersOf(segment, n, draft.profile), draft.profile) ?? null
}

function identifiersOf(segment: Segment, n: number, profile: SenderProfile): readonly Candidate[] {
  return segment.field(n).flatMap((field, i) => {
    const cell = new Cell(segment, n, i + 1, field)
    const value = clean(cell.value())
    const authority = authorityOf(cell.part(4), profile)
    return value ? [{ name: { system: authority.system, value }, authority, type: clean(cell.value(5)) ?? '' }] : []
  })
}

function pick(candidates: readonly Candidate[], profile: SenderProfile): Candidate | undefined {
  const { authority, type } = profile.identifying
  if (!authority && !type) return candidates.find(candidate => candidate.type === 'MR') ?? candidates[0]
  return candidates.find(
    candidate =>
      (!authority || candidate.authority.system === authority || candidate.authority.name === authority) &&
      (!type || candidate.type === type),
  )
}

export function isSame(a: Identity | null, b: Identity | null): boolean {
  return a !== null && b !== null && a.system === b.system && a.value === b.value
}

/** The name of a visit; null when nothing names it beyond this message. */
export function visitName(pv1: Segment, patient: Identity, draft: Draft): Identity | null {
  for (const n of [19, 50]) {
    const value = clean(pv1.value(n))
    if (value) return numbered('visit-number', value, authorityOf(cellOf(pv1, n).part(4), draft.profile), patient)
  }
  const admitted = clean(pv1.value(44))
  return admitted ? ofSender(draft, 'visit', patient.system, patient.value, admitted) : null
}

/**
 * A name by a number: alone under a global authority that the message names, else the patient's number. The profile's alias for
 * an empty HD says whose patient numbers these are; a result `1` or a visit `7` without authority is still not one in the world.
 */
export function numbered(kind: string, value: string, { system, uri, name }: Authority, patient: Identity): Identity {
  return { system, value: uri && name !== null ? value : lp(kind, patient.system, patient.value, value) }
}

/** A name that holds for this message and patient only; noted E_PROVISIONAL. */
export function provisional(
  draft: Draft,
  at: string,
  patient: Identity,
  ...parts: readonly (string | number)[]
): Identity {
  draft.note('E_PROVISIONAL', at)
  const sentAt = draft.message.first('MSH')?.value(7) ?? ''
  return ofSender(draft, 'message', draft.message.controlId, sentAt, patient.system, patient.value, ...parts)
}

// ---------------------------------------------------------------- orders and results

/** What names an order of a patient within its sender; `number` is null when only the message does. */
export type Order = Readonly<{
  patient: Identity
  number: string | null
  parts: readonly (string | number)[]
  at: string
}>

/** The patient's order of an OBR and the ORC before it. */
export function orderOf(obr: Segment, orc: Segment | undefined, patient: Identity, draft: Draft): Order {
  const number = entity(obr, 3) ?? entity(obr, 2) ?? (orc && (entity(orc, 3) ?? entity(orc, 2))) ?? null
  const key = number ?? draft.count('order without number')
  return { patient, number, parts: [patient.system, patient.value, key, partOf(obr, 4)], at: obr.at(3) }
}

export function reportName(order: Order, draft: Draft): Identity {
  return orderName('report', order, draft)
}

function orderName(kind: string, order: Order, draft: Draft): Identity {
  if (order.number === null) return provisional(draft, order.at, order.patient, kind, ...order.parts)
  return ofSender(draft, kind, ...order.parts, ...repeat(draft, kind, order.parts))
}

/** An OBX with what it hangs on; `order` is null for one that stands without OBR (ADT, patient observations). */
export type Result = Readonly<{ obx: Segment; order: Order | null; patient: Identity }>

/**
 * The names of all OBX of a message. They are named together, because only a result that the message repeats is told
 * apart by OBX-14: a correction may come with another time.
 */
export function resultNames(results: readonly Result[], draft: Draft): ReadonlyMap<Segment, Identity> {
  const keys = results.map(resultKey)
  const times = new Map<string, number>()
  for (const key of keys) times.set(key, (times.get(key) ?? 0) + 1)
  return new Map(
    results.map((result, i) => [result.obx, resultName(result, keys[i]!, times.get(keys[i]!)! > 1, draft)]),
  )
}

function resultKey({ obx, order, patient }: Result): string {
  const what = [partOf(obx, 3), clean(obx.value(4)) ?? '']
  if (order) return lp('result', ...order.parts, ...what)
  return lp('patient-result', patient.system, patient.value, ...what, clean(obx.value(14)) ?? '')
}

function resultName({ obx, order, patient }: Result, key: string, repeated: boolean, draft: Draft): Identity {
  const own = clean(obx.value(21))
  if (own)
    return ownName(numbered('result', own, authorityOf(hdAfter(1, cellOf(obx, 21)), draft.profile), patient), draft)
  const when = clean(obx.value(14))
  const exact = order && repeated && when ? `${key}|${lp(when)}` : key
  const n = draft.count(exact)
  const value = n === 1 ? exact : `${exact}|${lp(n)}`
  if (order ? order.number !== null : when) return { system: senderOf(draft.profile), value }
  return provisional(draft, order ? order.at : obx.at(3), patient, value)
}

/** A message may give one number to several results: they are told apart by their order. */
function ownName({ system, value }: Identity, draft: Draft): Identity {
  const n = draft.count(lp('own', system, value))
  return { system, value: n === 1 ? value : `${value}|${lp(n)}` }
}

export function repeat(draft: Draft, kind: string, parts: readonly (string | number)[]): readonly number[] {
  return ordinal(draft.count(lp(kind, ...parts)))
}

/** The first has no ordinal: it is the one that a later message means when it names only one. */
function ordinal(n: number): readonly number[] {
  return n === 1 ? [] : [n]
}

export function allergyName(patient: Identity, substance: string, draft: Draft): Identity {
  return ofSender(draft, 'allergy', patient.system, patient.value, substance)
}

/** The path of a location, the widest place first. */
export function locationName(path: readonly string[], draft: Draft): Identity {
  return ofSender(draft, 'location', ...path)
}

export function organizationName(name: string, draft: Draft): Identity {
  return ofSender(draft, 'organization', name)
}

// ---------------------------------------------------------------- parts

export function ofSender(draft: Draft, ...parts: readonly (string | number)[]): Identity {
  return { system: senderOf(draft.profile), value: lp(...parts) }
}

export function cellOf(segment: Segment, n: number): Cell {
  return new Cell(segment, n, 1, segment.field(n)[0]!)
}

/** EI: the number and who gave it out. */
export function entity(segment: Segment, n: number): string | null {
  const value = clean(segment.value(n))
  return value ? lp(value, clean(segment.value(n, 3)) ?? clean(segment.value(n, 2)) ?? '') : null
}

/** A coded field as a name of its own: code and system, else the text; as sent, so that a new code map changes no id. */
export function codedName(segment: Segment, n: number): string {
  const code = clean(segment.value(n))
  return code ? lp(code, clean(segment.value(n, 3)) ?? '') : lp(partOf(segment, n))
}

/** A coded field as part of a name: the code, else its text. */
export function partOf(segment: Segment, n: number): string {
  return clean(segment.value(n)) ?? clean(segment.value(n, 2)) ?? ''
}
