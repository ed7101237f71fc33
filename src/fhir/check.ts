/**
 * Is it FHIR R4? Asked twice for every resource: after translation, and again after sealing.
 *
 * No validator library runs here: the shapes and codes come from HL7's definitions at build time (generated/), the
 * invariants are written by hand, and two outsiders keep watch in the tests: HL7's JSON schema (check.test.ts) and HL7's
 * own validator (test/referee).
 */
import type { Check } from '../ports.ts'
import { walk } from './walk.ts'

/**
 * Checks one resource: structure, primitive values, cardinalities, choices, required bindings, reference targets,
 * invariants, vital signs profiles, codes of HL7's systems and UCUM. Returns at most 20 findings, E_FHIR_INVALID or E_TYPE (a resource type that this
 * gateway does not know), each with a place such as `Observation.valueQuantity.code`; empty = valid. Never throws.
 */
export const check: Check = resource => walk(resource)
