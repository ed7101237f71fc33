import { backbone, type Line, resource } from './lines.ts'

/** Organization (FHIR R4). */
export const organization: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['active', 'boolean', 'enum', 'true false'],
  ['type', 'CodeableConcept', 'concept'],
  ['name', 'string', 'seal'],
  ['alias', 'string', 'seal'],
  ['telecom', 'ContactPoint', 'seal'],
  ['address', 'Address', 'place'],
  ['partOf', 'Reference', 'reference'],
  ...backbone('contact'),
  ['contact.purpose', 'CodeableConcept', 'concept'],
  ['contact.name', 'HumanName', 'seal'],
  ['contact.telecom', 'ContactPoint', 'seal'],
  ['contact.address', 'Address', 'place'],
  ['endpoint', 'Reference', 'reference'],
]
