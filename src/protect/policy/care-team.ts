import { backbone, type Line, resource } from './lines.ts'

/** CareTeam (FHIR R4). */
export const careTeam: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['status', 'code', 'enum', 'proposed active suspended inactive entered-in-error'],
  ['category', 'CodeableConcept', 'concept'],
  ['name', 'string', 'seal'],
  ['subject', 'Reference', 'reference'],
  ['encounter', 'Reference', 'reference'],
  ['period', 'Period', 'time'],
  ...backbone('participant'),
  ['participant.role', 'CodeableConcept', 'concept'],
  ['participant.member', 'Reference', 'reference'],
  ['participant.onBehalfOf', 'Reference', 'reference'],
  ['participant.period', 'Period', 'time'],
  ['reasonCode', 'CodeableConcept', 'concept'],
  ['reasonReference', 'Reference', 'reference'],
  ['managingOrganization', 'Reference', 'reference'],
  ['telecom', 'ContactPoint', 'seal'],
  ['note', 'Annotation', 'seal'],
]
