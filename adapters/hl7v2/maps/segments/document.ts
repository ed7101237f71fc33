/** TXA[DocumentReference] */
import type { CodeableConcept, DocumentReference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { lookUp } from '../../tables/codes.ts'
import { concept } from '../concept.ts'
import { clean, cleanCode, instant, text } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { type DataMap, segmentMap } from '../engine.ts'
import { ei, plainIdentifier, xcn } from '../references.ts'

/** ID[CodeableConcept] of TXA-18. */
const confidentiality: DataMap<CodeableConcept> = (cell, draft) => {
  const value = cleanCode(cell.value())
  const found = value && lookUp('DocumentConfidentialityStatus', value)
  if (found) return { coding: [{ ...found }] }
  if (value) draft.unmap('TXA-18', '', value)
  return undefined
}

/** TXA[DocumentReference] */
// biome-ignore format: a row a line
export const txaDocument = segmentMap([
  ['TXA-12', 'masterIdentifier', ei],
  ['TXA-16', 'identifier[]', plainIdentifier],
  ['TXA-2', 'type', concept],
  ['TXA-6', 'date', instant],
  ['TXA-9', 'author[]', xcn],
  ['TXA-10', 'authenticator', xcn],
  ['TXA-25', 'description', text],
  ['TXA-18', 'securityLabel[]', confidentiality],
])

/** TXA-17 (HL7 table 0271) as composition-status. */
const stages: Readonly<Record<string, 'preliminary' | 'final'>> = {
  DI: 'preliminary',
  DO: 'preliminary',
  IN: 'preliminary',
  IP: 'preliminary',
  PA: 'preliminary',
  AU: 'final',
  LA: 'final',
}

/** TXA-19 (HL7 table 0273): CA is deleted, OB obsolete; UN is not for patient care and therefore never final. */
const availability: Readonly<Record<string, DocumentReference['status']>> = {
  AV: 'current',
  UN: 'current',
  CA: 'entered-in-error',
  OB: 'superseded',
}

/** What a TXA says of its document, without subject and content. T11 takes it back; an edit (T07, T08) of a final one amends it. */
export function documentOf(txa: Segment, event: string, draft: Draft): Omit<DocumentReference, 'id' | 'content'> {
  const status = event === 'T11' ? 'entered-in-error' : (read(txa, 19, availability, draft) ?? 'current')
  const resource = { resourceType: 'DocumentReference', status } as DocumentReference
  txaDocument(txa, resource, draft)
  const docStatus = docStatusOf(txa, event, status, draft)
  return { ...resource, ...(docStatus && { docStatus }) }
}

function docStatusOf(
  txa: Segment,
  event: string,
  status: string,
  draft: Draft,
): NonNullable<DocumentReference['docStatus']> | undefined {
  const stage = read(txa, 17, stages, draft)
  if (status === 'entered-in-error') return 'entered-in-error'
  if (stage === 'final' && clean(txa.value(19)) === 'UN') return 'preliminary'
  return stage === 'final' && ['T07', 'T08'].includes(event) ? 'amended' : stage
}

function read<T>(txa: Segment, n: number, table: Readonly<Record<string, T>>, draft: Draft): T | undefined {
  const value = cleanCode(txa.value(n))
  if (!value) return undefined
  if (Object.hasOwn(table, value)) return table[value]
  draft.unmap(`TXA-${n}`, '', value)
  return undefined
}
