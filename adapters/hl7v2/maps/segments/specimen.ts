/** SPM[Specimen], OBR[Specimen] with SPS[Specimen-Source], and containers (SAC, which the guide does not map). */
import type { Annotation, Identifier, Reference, Specimen, SpecimenContainer } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { publicSystem } from '../../tables/systems.ts'
import { concept } from '../concept.ts'
import { clean, code, dateTime, freeText, period, text } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { Cell, type DataMap, datatype, segmentMap } from '../engine.ts'
import { quantity } from '../quantity.ts'
import { cx, ei, xcn } from '../references.ts'
import { categoryOf } from './order.ts'

/** EIP[Identifier-PlacerAssignedIdentifier]; PLAC and FILL, because R4's table 0203 does not have the guide's PGN and FGN. */
const placers: DataMap<Identifier> = (cell, draft) => ei(cell.part(1), draft, { as: 'PLAC' })

/** EIP[Identifier-FillerAssignedIdentifier] */
const fillers: DataMap<Identifier> = (cell, draft) => ei(cell.part(2), draft, { as: 'FILL' })

/** Both numbers of an EIP. */
export function numbersOf(spm: Segment, n: number, repetition: number, draft: Draft): Identifier[] {
  const cell = new Cell(spm, n, repetition, spm.field(n)[repetition - 1]!)
  return [placers, fillers].flatMap(read => read(cell, draft, {}) ?? [])
}

/** SPM[Specimen] */
// biome-ignore format: a row a line
export const spmSpecimen = segmentMap([
  ['SPM-2', 'identifier[]', placers],
  ['SPM-2', 'identifier[]', fillers],
  ['SPM-31', 'identifier[]', cx],
  ['SPM-32', 'identifier[]', ei],
  ['SPM-30', 'accessionIdentifier', cx],
  ['SPM-20', 'status', code, { codes: 'YesNoIndicator[AvailabilityStatus]' }],
  ['SPM-4', 'type', concept, { codes: 'SpecimenType' }],
  ['SPM-18', 'receivedTime', dateTime],
  ['SPM-12', 'collection.quantity', quantity],
  ['SPM-7', 'collection.method', concept, { codes: 'SpecimenCollectionMethod' }],
  ['SPM-8', 'collection.bodySite', concept, { codes: 'SpecimenSourceSite' }],
  ['SPM-17', 'collection.collectedPeriod', period, { when: 'SPM-17.2 VALUED' }],
  ['SPM-17', 'collection.collectedDateTime', dateTime, { when: 'SPM-17.2 NOT VALUED' }],
  ['SPM-6', 'container[0].additiveCodeableConcept', concept, { codes: 'AdditivePreservative' }],
  ['SPM-27', 'container[0].type', concept, { codes: 'ContainerType' }],
  ['SPM-24', 'condition[]', concept, { codes: 'SpecimenCondition' }],
  ['SPM-14', 'note[].text', text],
])

/** OBR[Specimen] */
// biome-ignore format: a row a line
export const obrSpecimen = segmentMap([
  ['OBR-14', 'receivedTime', dateTime],
  ['OBR-7', 'collection.collectedDateTime', dateTime, { when: 'OBR-8 NOT VALUED' }],
  ['OBR-7', 'collection.collectedPeriod.start', dateTime, { when: 'OBR-8 VALUED' }],
  ['OBR-8', 'collection.collectedPeriod.end', dateTime],
  ['OBR-9', 'collection.quantity', quantity],
  ['OBR-10', 'collection.collector', xcn],
  ['OBR-39', 'note[].text', noteText],
])

/** CWE[string]: the text, else the code. */
function noteText(cell: Cell): string | undefined {
  return clean(cell.value(9)) ?? clean(cell.value(2)) ?? clean(cell.value())
}

/** SPS[Specimen-Source] of OBR-15. */
// biome-ignore format: a row a line
const sps = datatype<Partial<Specimen>>([
  ['SPS.1', 'type', concept, { codes: 'SpecimenType' }],
  ['SPS.2', 'container[0].additiveCodeableConcept', concept, { codes: 'AdditivePreservative' }],
  ['SPS.3', 'note[].text', freeText],
  ['SPS.4', 'collection.bodySite', concept, { codes: 'BodySite' }],
  ['SPS.6', 'condition[]', concept, { codes: 'SpecimenCondition' }],
])

/** The specimen of an SPM and the SAC below it, without parent. What the laboratory rejected (SPM-21) is unsatisfactory. */
export function specimenOf(
  spm: Segment,
  containers: readonly Segment[],
  id: string,
  subject: Reference,
  draft: Draft,
): Specimen {
  const resource: Specimen = { resourceType: 'Specimen', id, subject }
  spmSpecimen(spm, resource, draft)
  const notes = [...(resource.note ?? []), ...rejections(spm)]
  if (notes.length > 0) resource.note = notes
  if (spm.has(21)) resource.status = 'unsatisfactory'
  const [first, ...others] = containers.map(sac => containerOf(sac, draft)).filter(isFilled)
  if (first) resource.container = [{ ...resource.container?.[0], ...first }, ...others]
  const accession = containers.find(sac => sac.has(2))
  const number = accession && ei(new Cell(accession, 2, 1, accession.field(2)[0]!), draft, {})
  return number && !resource.accessionIdentifier ? { ...resource, accessionIdentifier: number } : resource
}

/** SPM-21, why the laboratory does not want it: R4 has no element for that. */
function rejections(spm: Segment): readonly Annotation[] {
  return spm.field(21).flatMap(field => {
    const text = clean(field.value(9)) ?? clean(field.value(2)) ?? clean(field.value(1))
    return text ? [{ text }] : []
  })
}

/** SAC: the number of the container, and what was added. */
const sacContainer = segmentMap([
  ['SAC-3', 'identifier[]', ei],
  ['SAC-27', 'additiveCodeableConcept', concept, { codes: 'AdditivePreservative' }],
])

function containerOf(sac: Segment, draft: Draft): SpecimenContainer {
  const container: SpecimenContainer = {}
  sacContainer(sac, container, draft)
  return container
}

function isFilled(container: SpecimenContainer): boolean {
  return Object.keys(container).length > 0
}

/** True where an OBR tells of a specimen; of laboratory results (OBR-24) when it was taken is enough. */
export function tellsSpecimen(obr: Segment): boolean {
  const laboratory = categoryOf(obr)?.coding?.[0]?.code === 'laboratory'
  return [9, 10, 14, 15, ...(laboratory ? [7] : [])].some(n => clean(obr.field(n)[0]?.text()))
}

/** The specimen of an OBR that has no SPM. */
export function orderSpecimenOf(obr: Segment, id: string, subject: Reference, draft: Draft): Specimen {
  const resource: Specimen = { resourceType: 'Specimen', id, subject }
  obrSpecimen(obr, resource, draft)
  const field = obr.field(15)[0]
  if (!field) return resource
  const cell = new Cell(obr, 15, 1, field)
  const type = isConcept(cell) && concept(cell, draft, { codes: 'SpecimenType' })
  if (type) return { ...resource, type }
  const { collection, note, ...rest } = sps(cell, draft, {}) ?? {}
  return {
    ...resource,
    ...rest,
    ...(collection && { collection: { ...resource.collection, ...collection } }),
    ...(note && { note: [...(resource.note ?? []), ...note] }),
  }
}

/** Senders write a CWE where the standard has an SPS: its third part is then the name of a coding system. */
function isConcept(cell: Cell): boolean {
  return Boolean(cell.value(1)) && publicSystem(cell.value(3) ?? '') !== undefined
}
