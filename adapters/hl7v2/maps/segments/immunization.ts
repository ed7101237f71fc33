/** RXA, RXR and ORC [Immunization], and what the US immunisation guide puts into the OBX behind an RXA. */
import type {
  CodeableConcept,
  Coding,
  Immunization,
  ImmunizationPerformer,
  ImmunizationProtocolApplied,
  Reference,
} from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { senderOf } from '../../identity.ts'
import type { Segment } from '../../message.ts'
import { lookUp } from '../../tables/codes.ts'
import { v2System } from '../../tables/systems.ts'
import { coding, concept } from '../concept.ts'
import { clean, code, date, dateTime, positive, text } from '../datatypes.ts'
import { doseAt } from '../dose.ts'
import type { Draft } from '../draft.ts'
import { Cell, type DataMap, segmentMap } from '../engine.ts'
import { ei, pl, producer, xcn } from '../references.ts'
import { orderer } from '../roles.ts'
import { fillerGroup, placerGroup } from './order.ts'
import { roleOf } from './role.ts'

const functionSystem = 'http://terminology.hl7.org/CodeSystem/v2-0443'
const functions: Readonly<Record<string, string>> = { AP: 'Administering Provider', OP: 'Ordering Provider' }

/** Somebody in the function `as` of HL7 table 0443. */
const performer: DataMap<ImmunizationPerformer> = (cell, draft, options) => {
  const code = options.as!
  const actor = (code === 'OP' ? orderer : xcn)(cell, draft, options)
  return actor && { function: { coding: [{ system: functionSystem, code, display: functions[code]! }] }, actor }
}

/**
 * RXR-2. Up to v2.6 its codes are of table 0163, from v2.7 of 0550, and the two use the same letters for different places
 * (`LN` is the left naris or a lymph node): the table that it names counts, else 0163.
 */
export const site: DataMap<CodeableConcept> = (cell, draft) => {
  const table = v2System(clean(cell.value(3)) ?? '')
  const named = table?.endsWith('0550') || (!table && !lookUp('BodySite', clean(cell.value()) ?? ''))
  return concept(cell, draft, { codes: named ? 'BodyParts' : 'BodySite' })
}

/** ORC[Immunization] */
// biome-ignore format: a row a line
export const orcImmunization = segmentMap([
  ['ORC-2', 'identifier[]', ei, { as: 'PLAC' }],
  ['ORC-3', 'identifier[]', ei, { as: 'FILL' }],
  ['ORC-4', 'identifier[]', placerGroup],
  ['ORC-4', 'identifier[]', fillerGroup],
  ['ORC-9', 'recorded', dateTime],
  ['ORC-12', 'performer[]', performer, { as: 'OP' }],
  ['ORC-28', 'meta.security[]', coding, { codes: 'ConfidentialityCode' }],
])

/** RXA[Immunization] */
// biome-ignore format: a row a line
export const rxaImmunization = segmentMap([
  ['RXA-3', 'occurrenceDateTime', dateTime],
  ['RXA-5', 'vaccineCode', concept],
  ['RXA-10', 'performer[]', performer, { as: 'AP' }],
  ['RXA-15', 'lotNumber', text],
  ['RXA-16', 'expirationDate', date],
  ['RXA-17', 'manufacturer', producer],
  ['RXA-18', 'statusReason', concept, { codes: 'ImmunizationRefusal' }],
  ['RXA-19', 'reasonCode[]', concept],
  ['RXA-20', 'status', code, { codes: 'CompletionStatus', when: 'RXA-21 NOT EQUALS "D"' }],
  ['RXA-22', 'recorded', dateTime, { when: 'RXA-21 EQUALS "A"' }],
  ['RXA-27', 'location', pl],
])

/** RXR[Immunization] */
// biome-ignore format: a row a line
export const rxrImmunization = segmentMap([
  ['RXR-1', 'route', concept, { codes: 'RouteOfAdministration' }],
  ['RXR-2', 'site', site],
])

/** CVX 998: no vaccine was given; the RXA only carries observations (a forecast, a disease that made immune). */
export function isNoVaccine(rxa: Segment): boolean {
  return clean(rxa.value(5)) === '998' || clean(rxa.value(5, 4)) === '998'
}

/** An RXA with what belongs to it. */
export type ShotSegments = Readonly<{
  rxa: Segment
  orc: Segment | undefined
  rxr: Segment | undefined
  /** PRT behind ORC and RXA. */
  participants: readonly Segment[]
}>

/**
 * The immunisation of an RXA, without patient. Throws Refusal: E_FIELD_MISSING at RXA-5, E_DATE at RXA-3. FHIR demands a
 * time: without RXA-3 it is the text `unknown`, noted E_PRUNED.
 */
export function immunizationOf(
  { rxa, orc, rxr, participants }: ShotSegments,
  draft: Draft,
): Omit<Immunization, 'id' | 'patient'> {
  const resource = { resourceType: 'Immunization', status: 'completed' } as Immunization
  if (orc) orcImmunization(orc, resource, draft)
  rxaImmunization(rxa, resource, draft)
  if (rxr) rxrImmunization(rxr, resource, draft)
  if (saysRefused(rxa)) resource.status = 'not-done'
  if (rxa.value(21) === 'D') resource.status = 'entered-in-error'
  if (!resource.vaccineCode) refuse('E_FIELD_MISSING', rxa.at(5))
  for (const prt of participants) putParticipant(prt, resource, draft)
  putTime(rxa, resource, draft)
  putDose(rxa, resource, draft)
  putOrigin(rxa, resource, draft)
  const field = rxa.field(11)[0]
  const place = field && !resource.location && pl(new Cell(rxa, 11, 1, field), draft, {})
  if (place) resource.location = place
  return resource
}

/**
 * RXA-18 gives a reason why nothing was given (HL7 v2.5.1 §4.14.7.18). Without RXA-20, or beside a code there that HL7 table
 * 0322 does not have, it is all that says so: a refused shot must not look given.
 */
export function saysRefused(rxa: Segment): boolean {
  const completion = lookUp('CompletionStatus', clean(rxa.value(20))?.toUpperCase() ?? '')
  return !completion && Boolean(clean(rxa.field(18)[0]?.text()))
}

/** PRT-4 AP and OP are functions of the shot, others take part without one (guide: VXU_V04, PRT). */
function putParticipant(prt: Segment, resource: Immunization, draft: Draft): void {
  const role = roleOf(prt, draft)
  if (!role) return
  const display = functions[role.kind]
  const coding = display && [{ system: functionSystem, code: role.kind, display }]
  const performer = { ...(coding && { function: { coding } }), actor: role.member }
  resource.performer = [...(resource.performer ?? []), performer]
}

function putTime(rxa: Segment, resource: Immunization, draft: Draft): void {
  if (resource.occurrenceDateTime) return
  if (clean(rxa.value(3))) refuse('E_DATE', rxa.at(3))
  draft.note('E_PRUNED', rxa.at(3))
  resource.occurrenceString = 'unknown'
}

/** RXA-6; 999 says that the amount is not known (HL7 v2.5.1 §4.14.7.6). PA: less than the dose was given. */
function putDose(rxa: Segment, resource: Immunization, draft: Draft): void {
  const dose = /^0*999(?:\.0*)?$/.test(clean(rxa.value(6)) ?? '') ? undefined : doseAt(rxa, 6, 7, draft)
  if (dose && resource.status !== 'not-done') resource.doseQuantity = dose
  if (clean(rxa.value(20))?.toUpperCase() !== 'PA') return
  const system = 'http://terminology.hl7.org/CodeSystem/immunization-subpotent-reason'
  resource.isSubpotent = true
  resource.subpotentReason = [{ coding: [{ system, code: 'partial' }] }]
}

/** RXA-9 of the US guide: NIP001 says whose record it is, everything without a code is a note. */
function putOrigin(rxa: Segment, resource: Immunization, draft: Draft): void {
  for (const field of rxa.field(9)) {
    const [origin, display] = [clean(field.value(1)), clean(field.value(2))]
    const text = display ?? clean(field.text())
    if (origin && /^0[0-8]$/.test(origin)) {
      resource.primarySource = origin === '00'
      if (origin !== '00') resource.reportOrigin = { coding: originCodings(origin, display, draft) }
    } else if (text) resource.note = [...(resource.note ?? []), { text }]
  }
}

/** FHIR's code where it has one, and the guide's own, which is finer. */
function originCodings(origin: string, display: string | undefined, draft: Draft): Coding[] {
  const known = lookUp('ImmunizationOrigin', origin)
  const own = { system: `${senderOf(draft.profile)}:NIP001`, code: origin, ...(display && { display }) }
  return known ? [{ ...known }, own] : [own]
}

// ---------------------------------------------------------------- OBX

/** LOINC codes of the US immunisation guide (CDC, HL7 2.5.1 implementation guide r1.5, appendix A, NIP003). */
const loinc = {
  eligibility: '64994-7',
  funding: '30963-3',
  document: '69764-9',
  vaccine: '30956-7',
  published: '29768-9',
  presented: '29769-7',
  dose: '30973-2',
  doses: '59782-3',
  reaction: '31044-1',
} as const

/** What the OBX behind an RXA add to it; `rest` are observations of their own, `reactions` among them. */
export type ShotFacts = Readonly<{
  facts: Pick<Immunization, 'programEligibility' | 'fundingSource' | 'education' | 'protocolApplied'>
  rest: readonly Segment[]
  reactions: readonly Segment[]
}>

/** Reads the OBX of an RXA. Those of one OBX-4 are about one thing: one information sheet, one dose of a series. */
export function shotFacts(segments: readonly Segment[], draft: Draft): ShotFacts {
  const counted = segments.filter(obx => !['D', 'X', 'W'].includes(clean(obx.value(11)) ?? ''))
  const of = (...codes: readonly string[]) => counted.filter(obx => codes.includes(clean(obx.value(3)) ?? ''))
  const eligibility = of(loinc.eligibility).flatMap(obx => valueAt(obx, concept, draft) ?? [])
  const [funding] = of(loinc.funding).flatMap(obx => valueAt(obx, concept, draft) ?? [])
  const sheets = bySubId(of(loinc.document, loinc.published, loinc.presented))
  const doses = bySubId(of(loinc.dose, loinc.doses))
  const education = sheets.map(group => sheetOf([...group, ...sameSubId(of(loinc.vaccine), group)], draft))
  const protocol = doses.flatMap(group => doseOf(group, draft) ?? [])
  const used = new Set([
    ...of(loinc.eligibility, loinc.funding),
    ...sheets.flatMap(group => [...group, ...sameSubId(of(loinc.vaccine), group)]),
    ...(protocol.length > 0 ? doses.flat() : []),
  ])
  const facts = {
    ...(eligibility.length > 0 && { programEligibility: eligibility }),
    ...(funding && { fundingSource: funding }),
    ...(education.length > 0 && { education }),
    ...(protocol.length > 0 && { protocolApplied: protocol }),
  }
  return { facts, rest: segments.filter(obx => !used.has(obx)), reactions: of(loinc.reaction) }
}

function bySubId(segments: readonly Segment[]): readonly (readonly Segment[])[] {
  return [...Map.groupBy(segments, subId).values()]
}

const subId = (obx: Segment) => clean(obx.value(4)) ?? ''

function sameSubId(segments: readonly Segment[], group: readonly Segment[]): readonly Segment[] {
  return segments.filter(obx => subId(obx) === subId(group[0]!))
}

/** FHIR asks for the kind of a document (imm-1); a date of a VIS alone is about a VIS. */
function sheetOf(group: readonly Segment[], draft: Draft): NonNullable<Immunization['education']>[number] {
  const find = (code: string) => group.find(obx => clean(obx.value(3)) === code)
  const kind = find(loinc.document) ?? find(loinc.vaccine)
  const [published, presented] = [find(loinc.published), find(loinc.presented)]
  const publicationDate = published && valueAt(published, dateTime, draft)
  const presentationDate = presented && valueAt(presented, dateTime, draft)
  const documentType = kind && (clean(kind.value(5, 2)) ?? clean(kind.value(5)))
  return {
    documentType: documentType ?? 'Vaccine Information Statement',
    ...(publicationDate && { publicationDate }),
    ...(presentationDate && { presentationDate }),
  }
}

/** The number of a dose, and how many the series has; without its number nothing. */
function doseOf(group: readonly Segment[], draft: Draft): ImmunizationProtocolApplied | undefined {
  const find = (code: string) => group.find(obx => clean(obx.value(3)) === code)
  const [dose, doses] = [find(loinc.dose), find(loinc.doses)]
  const number = dose && valueAt(dose, positive, draft)
  const all = doses && valueAt(doses, positive, draft)
  return number ? { doseNumberPositiveInt: number, ...(all && { seriesDosesPositiveInt: all }) } : undefined
}

function valueAt<T>(obx: Segment, map: DataMap<T>, draft: Draft): T | undefined {
  const field = obx.field(5)[0]
  return field && map(new Cell(obx, 5, 1, field), draft, {})
}

/** The reactions to a shot, each told by an observation. */
export function reactionsOf(
  found: readonly (readonly [Segment, Reference | undefined])[],
  draft: Draft,
): Immunization['reaction'] {
  return found.flatMap(([obx, detail]) => {
    const when = clean(obx.value(14))
    const at = when ? draft.time(when, obx.at(14))?.at : undefined
    return detail ? [{ ...(at && { date: at }), detail }] : []
  })
}
