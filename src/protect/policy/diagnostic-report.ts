import { backbone, type Line, resource } from './lines.ts'

/** DiagnosticReport (FHIR R4). */
export const diagnosticReport: readonly Line[] = [
  ...resource,
  ['identifier', 'Identifier', 'identifier'],
  ['basedOn', 'Reference', 'reference'],
  [
    'status',
    'code',
    'enum',
    'registered partial preliminary final amended corrected appended cancelled entered-in-error unknown',
  ],
  ['category', 'CodeableConcept', 'concept'],
  ['code', 'CodeableConcept', 'concept'],
  ['subject', 'Reference', 'reference'],
  ['encounter', 'Reference', 'reference'],
  ['effectiveDateTime', 'dateTime', 'time'],
  ['effectivePeriod', 'Period', 'time'],
  ['issued', 'instant', 'time'],
  ['performer', 'Reference', 'reference'],
  ['resultsInterpreter', 'Reference', 'reference'],
  ['specimen', 'Reference', 'reference'],
  ['result', 'Reference', 'reference'],
  ['imagingStudy', 'Reference', 'reference'],
  ...backbone('media'),
  ['media.comment', 'string', 'seal'],
  ['media.link', 'Reference', 'reference'],
  ['conclusion', 'string', 'seal'],
  ['conclusionCode', 'CodeableConcept', 'concept'],
  ['presentedForm', 'Attachment', 'seal'],
]
