import { backbone, type Line, resource } from './lines.ts'

const agent = (path: string): readonly Line[] => [
  ...backbone(path),
  [`${path}.type`, 'CodeableConcept', 'concept'],
  [`${path}.role`, 'CodeableConcept', 'concept'],
  [`${path}.who`, 'Reference', 'reference'],
  [`${path}.onBehalfOf`, 'Reference', 'reference'],
]

/** Provenance (FHIR R4). A signature is over words that no longer stand there, and may show a hand. */
export const provenance: readonly Line[] = [
  ...resource,
  ['target', 'Reference', 'reference'],
  ['occurredPeriod', 'Period', 'time'],
  ['occurredDateTime', 'dateTime', 'time'],
  ['recorded', 'instant', 'time'],
  ['policy', 'uri', 'seal'],
  ['location', 'Reference', 'reference'],
  ['reason', 'CodeableConcept', 'concept'],
  ['activity', 'CodeableConcept', 'concept'],
  ...agent('agent'),
  ...backbone('entity'),
  ['entity.role', 'code', 'enum', 'derivation revision quotation source removal'],
  ['entity.what', 'Reference', 'reference'],
  ...agent('entity.agent'),
  ['signature', 'Signature', 'seal'],
]
