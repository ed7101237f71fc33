import { backbone, type Line, resource } from './lines.ts'

/**
 * MessageHeader (FHIR R4). Names of applications and facilities are free text of the sender (`DR_SMITH`), endpoints lead
 * to a machine, and the control id is often a visit number; what happened stays.
 */
export const messageHeader: readonly Line[] = [
  ...resource,
  ['eventCoding', 'Coding', 'concept'],
  ['eventUri', 'uri', 'seal'],
  ...backbone('destination'),
  ['destination.name', 'string', 'seal'],
  ['destination.target', 'Reference', 'reference'],
  ['destination.endpoint', 'url', 'seal'],
  ['destination.receiver', 'Reference', 'reference'],
  ['sender', 'Reference', 'reference'],
  ['enterer', 'Reference', 'reference'],
  ['author', 'Reference', 'reference'],
  ...backbone('source'),
  ['source.name', 'string', 'seal'],
  ['source.software', 'string', 'seal'],
  ['source.version', 'string', 'match', 'version'],
  ['source.contact', 'ContactPoint', 'seal'],
  ['source.endpoint', 'url', 'seal'],
  ['responsible', 'Reference', 'reference'],
  ['reason', 'CodeableConcept', 'concept'],
  ...backbone('response'),
  ['response.identifier', 'id', 'seal'],
  ['response.code', 'code', 'enum', 'ok transient-error fatal-error'],
  ['response.details', 'Reference', 'reference'],
  ['focus', 'Reference', 'reference'],
  ['definition', 'canonical', 'seal'],
]
