/** The privacy policy: one row for every leaf of every resource type that leaves this gateway (SEALING S5). */
import { sha256hex } from '../format.ts'
import { allergyIntolerance } from './allergy-intolerance.ts'
import { device } from './device.ts'
import { diagnosticReport } from './diagnostic-report.ts'
import { encounter } from './encounter.ts'
import type { Act, Line } from './lines.ts'
import { location } from './location.ts'
import { observation } from './observation.ts'
import { organization } from './organization.ts'
import { patient } from './patient.ts'
import { practitioner } from './practitioner.ts'
import { serviceRequest } from './service-request.ts'

/** One row. `path` from the resource type on, choice types by their own name (`Observation.valueString`). */
export type PolicyRow = Readonly<{ path: string; type: string; act: Act; arg?: string }>

const tables: Readonly<Record<string, readonly Line[]>> = {
  AllergyIntolerance: allergyIntolerance,
  Device: device,
  DiagnosticReport: diagnosticReport,
  Encounter: encounter,
  Location: location,
  Observation: observation,
  Organization: organization,
  Patient: patient,
  Practitioner: practitioner,
  ServiceRequest: serviceRequest,
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
