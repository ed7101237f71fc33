/** People in the capacity in which they act, as PractitionerRole (guide: ORC[ServiceRequest], OBX[Observation]). */
import type { CodeableConcept, Reference } from 'fhir/r4.js'
import { authorityOf } from '../identity.ts'
import { clean, xad, xtn } from './datatypes.ts'
import type { Draft } from './draft.ts'
import type { Cell, DataMap } from './engine.ts'
import { mentionRole } from './parties.ts'
import { organization, xcn } from './references.ts'

/**
 * ORC-12 as the role in which somebody orders, for the organisation in ORC-21 with its address (ORC-22) and telephone
 * (ORC-23). Who has neither number nor organisation stays a display.
 */
export const orderer: DataMap<Reference> = (cell, draft, options) => {
  const practitioner = xcn(cell, draft, options)
  const facility = facilityOf(cell, 21, 22, draft)
  if (!practitioner) return facility
  if (!practitioner.reference && !facility) return practitioner
  const phone = cell.sibling(23)
  const telecom = facility && phone && xtn(phone, draft, {})
  const role = { practitioner, ...(facility && { organization: facility }), ...(telecom && { telecom: [telecom] }) }
  return mentionRole(role, [...whoIs(cell, practitioner, draft), 'OP', ...whereIs(cell.sibling(21))], draft)
}

/** XCN of an OBX as the role in which somebody answers for a result; `as` is its code in HL7 table 0912. */
export const observer: DataMap<Reference> = (cell, draft, options) => {
  const practitioner = xcn(cell, draft, options)
  const director = options.as === 'MDIR'
  const facility = director ? facilityOf(cell, 23, 24, draft) : undefined
  if (!practitioner) return facility
  if (!practitioner.reference && !facility) return practitioner
  const role = { code: [kindOf(options.as!)], practitioner, ...(facility && { organization: facility }) }
  const where = director ? whereIs(cell.sibling(23)) : []
  return mentionRole(role, [...whoIs(cell, practitioner, draft), options.as!, ...where], draft)
}

const kinds: Readonly<Record<string, string>> = { MDIR: 'Medical Director', RO: 'Responsible Observer' }

function kindOf(code: string): CodeableConcept {
  return { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0912', code, display: kinds[code]! }] }
}

function facilityOf(cell: Cell, n: number, addressAt: number, draft: Draft): Reference | undefined {
  const facility = cell.sibling(n)
  const address = cell.sibling(addressAt)
  return facility && organization(facility, address && xad(address, draft, {}), draft)
}

/** What tells the person apart: his number under its authority, else his name, which is all that the role then says. */
function whoIs(cell: Cell, practitioner: Reference, draft: Draft): readonly string[] {
  if (!practitioner.reference) return ['', practitioner.display!]
  return [authorityOf(cell.part(9), draft.profile).system, clean(cell.value())!]
}

function whereIs(facility: Cell | undefined): readonly string[] {
  return facility ? [10, 3, 1].map(n => clean(facility.value(n)) ?? '') : []
}
