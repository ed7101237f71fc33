import { backbone, type Line, resource } from './lines.ts'

/** Account (FHIR R4). Its name is often the patient's. */
export const account: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['status', 'code', 'enum', 'active inactive entered-in-error on-hold unknown'],
  ['type', 'CodeableConcept', 'concept'],
  ['name', 'string', 'seal'],
  ['subject', 'Reference', 'reference'],
  ['servicePeriod', 'Period', 'time'],
  ...backbone('coverage'),
  ['coverage.coverage', 'Reference', 'reference'],
  ['coverage.priority', 'positiveInt', 'number'],
  ['owner', 'Reference', 'reference'],
  ['description', 'string', 'seal'],
  ...backbone('guarantor'),
  ['guarantor.party', 'Reference', 'reference'],
  ['guarantor.onHold', 'boolean', 'seal'],
  ['guarantor.period', 'Period', 'time'],
  ['partOf', 'Reference', 'reference'],
]
