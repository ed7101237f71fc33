/** What this release takes over FHIR: resource types, and who may send them. */
import type { CapabilityStatement } from 'fhir/r4.js'
import type { Client } from '../../src/ports.ts'

/**
 * The resource types of this release, in the order in which readers shall see those of one message. Not MessageHeader,
 * which belongs to message Bundles, and not Linkage: which two are one is for an HL7 v2 feed to say.
 */
export const takenTypes = [
  ...(['Organization', 'Practitioner', 'Location', 'PractitionerRole', 'Device', 'Patient', 'RelatedPerson'] as const),
  ...(['Coverage', 'Account', 'CareTeam', 'EpisodeOfCare', 'Appointment', 'Encounter', 'Condition'] as const),
  ...(['AllergyIntolerance', 'ServiceRequest', 'MedicationRequest', 'Specimen', 'Procedure', 'Observation'] as const),
  ...(['DiagnosticReport', 'DocumentReference', 'Immunization', 'MedicationDispense'] as const),
  ...(['MedicationAdministration', 'ChargeItem', 'Provenance'] as const),
] as const

export type TakenType = (typeof takenTypes)[number]

export function isTaken(type: unknown): type is TakenType {
  return (takenTypes as readonly unknown[]).includes(type)
}

/** Whether the client may send resources of this type: its scopes are type names, or `*` for all. */
export function isInScope(client: Client | undefined, type: string): boolean {
  return client !== undefined && (client.scopes.includes('*') || client.scopes.includes(type))
}

/** The answer to GET /fhir/metadata (R4, CapabilityStatement). */
export const capabilities: CapabilityStatement = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-11-28',
  kind: 'instance',
  software: { name: 'Clinic Gateway' },
  implementation: { description: 'Ingest only: what is accepted is sealed and forwarded, and cannot be read here.' },
  fhirVersion: '4.0.1',
  format: ['application/fhir+json'],
  rest: [
    {
      mode: 'server',
      documentation:
        'Every accepted request is answered 202 with an OperationOutcome and a Receipt header, and no Location. Idempotency-Key makes a repeat safe.',
      security: { description: 'Bearer token of a client that the operator made with `clinic-gateway clients add`.' },
      interaction: [{ code: 'transaction' }],
      resource: takenTypes.map(type => ({
        type,
        interaction: [{ code: 'create' as const }],
        conditionalCreate: true,
        versioning: 'no-version' as const,
        readHistory: false,
      })),
    },
  ],
}
