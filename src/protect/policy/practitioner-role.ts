import { backbone, type Line, resource } from './lines.ts'

/** PractitionerRole (FHIR R4). */
export const practitionerRole: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['active', 'boolean', 'enum', 'true false'],
  ['period', 'Period', 'time'],
  ['practitioner', 'Reference', 'reference'],
  ['organization', 'Reference', 'reference'],
  ['code', 'CodeableConcept', 'concept'],
  ['specialty', 'CodeableConcept', 'concept'],
  ['location', 'Reference', 'reference'],
  ['healthcareService', 'Reference', 'reference'],
  ['telecom', 'ContactPoint', 'seal'],
  ...backbone('availableTime'),
  ['availableTime.daysOfWeek', 'code', 'enum', 'mon tue wed thu fri sat sun'],
  ['availableTime.allDay', 'boolean', 'enum', 'true false'],
  ['availableTime.availableStartTime', 'time', 'time'],
  ['availableTime.availableEndTime', 'time', 'time'],
  ...backbone('notAvailable'),
  ['notAvailable.description', 'string', 'seal'],
  ['notAvailable.during', 'Period', 'seal'],
  ['availabilityExceptions', 'string', 'seal'],
  ['endpoint', 'Reference', 'reference'],
]
