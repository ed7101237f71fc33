import { backbone, type Line, resource } from './lines.ts'

const statuses = 'planned waitlist active onhold finished cancelled entered-in-error'

/** EpisodeOfCare (FHIR R4). */
export const episodeOfCare: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['status', 'code', 'enum', statuses],
  ...backbone('statusHistory'),
  ['statusHistory.status', 'code', 'enum', statuses],
  ['statusHistory.period', 'Period', 'time'],
  ['type', 'CodeableConcept', 'concept'],
  ...backbone('diagnosis'),
  ['diagnosis.condition', 'Reference', 'reference'],
  ['diagnosis.role', 'CodeableConcept', 'concept'],
  ['diagnosis.rank', 'positiveInt', 'number'],
  ['patient', 'Reference', 'reference'],
  ['managingOrganization', 'Reference', 'reference'],
  ['period', 'Period', 'time'],
  ['referralRequest', 'Reference', 'reference'],
  ['careManager', 'Reference', 'reference'],
  ['team', 'Reference', 'reference'],
  ['account', 'Reference', 'reference'],
]
