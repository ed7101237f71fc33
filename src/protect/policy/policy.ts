/** The privacy policy: one row for every leaf of every resource type that leaves this gateway (SEALING S5). */
import { sha256hex } from '../format.ts'
import { account } from './account.ts'
import { allergyIntolerance } from './allergy-intolerance.ts'
import { appointment } from './appointment.ts'
import { careTeam } from './care-team.ts'
import { chargeItem } from './charge-item.ts'
import { condition } from './condition.ts'
import { coverage } from './coverage.ts'
import { device } from './device.ts'
import { diagnosticReport } from './diagnostic-report.ts'
import { documentReference } from './document-reference.ts'
import { encounter } from './encounter.ts'
import { episodeOfCare } from './episode-of-care.ts'
import { immunization } from './immunization.ts'
import type { Act, Line } from './lines.ts'
import { linkage } from './linkage.ts'
import { location } from './location.ts'
import { medicationAdministration } from './medication-administration.ts'
import { medicationDispense } from './medication-dispense.ts'
import { medicationRequest } from './medication-request.ts'
import { messageHeader } from './message-header.ts'
import { observation } from './observation.ts'
import { organization } from './organization.ts'
import { patient } from './patient.ts'
import { practitioner } from './practitioner.ts'
import { practitionerRole } from './practitioner-role.ts'
import { procedure } from './procedure.ts'
import { provenance } from './provenance.ts'
import { relatedPerson } from './related-person.ts'
import { serviceRequest } from './service-request.ts'
import { specimen } from './specimen.ts'

/** One row. `path` from the resource type on, choice types by their own name (`Observation.valueString`). */
export type PolicyRow = Readonly<{ path: string; type: string; act: Act; arg?: string }>

const tables: Readonly<Record<string, readonly Line[]>> = {
  Account: account,
  AllergyIntolerance: allergyIntolerance,
  Appointment: appointment,
  CareTeam: careTeam,
  ChargeItem: chargeItem,
  Condition: condition,
  Coverage: coverage,
  Device: device,
  DiagnosticReport: diagnosticReport,
  DocumentReference: documentReference,
  Encounter: encounter,
  EpisodeOfCare: episodeOfCare,
  Immunization: immunization,
  Linkage: linkage,
  Location: location,
  MedicationAdministration: medicationAdministration,
  MedicationDispense: medicationDispense,
  MedicationRequest: medicationRequest,
  MessageHeader: messageHeader,
  Observation: observation,
  Organization: organization,
  Patient: patient,
  Practitioner: practitioner,
  PractitionerRole: practitionerRole,
  Procedure: procedure,
  Provenance: provenance,
  RelatedPerson: relatedPerson,
  ServiceRequest: serviceRequest,
  Specimen: specimen,
}

/** The resource types with a complete table; all others are refused with E_TYPE. */
export const policyTypes: ReadonlySet<string> = new Set(Object.keys(tables))

/** All rows, sorted by path. */
export const policyRows: readonly PolicyRow[] = Object.entries(tables)
  .flatMap(([type, lines]) => lines.map(line => row(type, line)))
  .sort((a, b) => (a.path < b.path ? -1 : 1))

/** Header `cg-policy`: lower-case hex SHA-256 of the rows as JSON without spaces (SEALING S5). */
export const policyHash = sha256hex(JSON.stringify(policyRows))

function row(resourceType: string, [path, type, act, arg]: Line): PolicyRow {
  return { path: `${resourceType}.${path}`, type, act, ...(arg === undefined ? {} : { arg }) }
}
