import { backbone, type Line, resource } from './lines.ts'

/** RelatedPerson (FHIR R4): a person, so what holds for a Patient holds here. */
export const relatedPerson: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['active', 'boolean', 'enum', 'true false'],
  ['patient', 'Reference', 'reference'],
  ['relationship', 'CodeableConcept', 'concept'],
  ['name', 'HumanName', 'seal'],
  ['telecom', 'ContactPoint', 'seal'],
  ['gender', 'code', 'enum', 'male female other unknown'],
  ['birthDate', 'date', 'year', 'age-band'],
  ['address', 'Address', 'place'],
  ['photo', 'Attachment', 'seal'],
  ['period', 'Period', 'seal'],
  ...backbone('communication'),
  ['communication.language', 'CodeableConcept', 'seal'],
  ['communication.preferred', 'boolean', 'seal'],
]
