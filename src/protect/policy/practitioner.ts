import { backbone, type Line, resource } from './lines.ts'

/** Practitioner (FHIR R4). */
export const practitioner: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['active', 'boolean', 'enum', 'true false'],
  ['name', 'HumanName', 'seal'],
  ['telecom', 'ContactPoint', 'seal'],
  ['address', 'Address', 'place'],
  ['gender', 'code', 'enum', 'male female other unknown'],
  ['birthDate', 'date', 'seal'],
  ['photo', 'Attachment', 'seal'],
  ...backbone('qualification'),
  ['qualification.identifier', 'Identifier', 'identifier'],
  ['qualification.code', 'CodeableConcept', 'concept'],
  ['qualification.period', 'Period', 'time'],
  ['qualification.issuer', 'Reference', 'reference'],
  ['communication', 'CodeableConcept', 'concept'],
]
