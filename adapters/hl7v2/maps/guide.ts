/**
 * Our maps by the names that HL7's v2-to-FHIR guide has for them, for the comparison with its rows (tables/generated) and
 * for docs/reference/hl7-coverage.md. A family of messages adds its maps here.
 */
import { parseCondition, printCondition } from './condition.ts'
import { period, xad, xpn } from './datatypes.ts'
import type { Row } from './engine.ts'
import { pidAccount } from './segments/account.ts'
import { iamAllergy } from './segments/adverse-reaction.ts'
import { al1Allergy } from './segments/allergy.ts'
import {
  aigAppointment,
  ailAppointment,
  aipAppointment,
  aisAppointment,
  schAppointment,
  schRequest,
} from './segments/appointment.ts'
import { dg1Condition, dg1Encounter } from './segments/condition.ts'
import { in1Coverage, pv1Coverage } from './segments/coverage.ts'
import { pd1LivingWill, pd1Patient } from './segments/demographics.ts'
import { prtDevice } from './segments/device.ts'
import { txaDocument } from './segments/document.ts'
import { rxrRequest } from './segments/dosage.ts'
import { pv1Encounter, pv2Encounter } from './segments/encounter.ts'
import { orcImmunization, rxaImmunization, rxrImmunization } from './segments/immunization.ts'
import { orcAdministration } from './segments/medication.ts'
import { obxObservation } from './segments/observation.ts'
import { obrReport, obrRequest, orcReport, orcRequest } from './segments/order.ts'
import { orcProvenance } from './segments/order-provenance.ts'
import { pidPatient } from './segments/patient.ts'
import { mrgAccount } from './segments/prior.ts'
import { pr1Procedure } from './segments/procedure.ts'
import {
  evnProvenance,
  mshDestination,
  mshHeader,
  mshProvenance,
  pidProvenance,
  sftHeader,
} from './segments/provenance.ts'
import { nk1Contact, nk1RelatedPerson } from './segments/related-person.ts'
import { prtRole } from './segments/role.ts'
import { obrSpecimen, spmSpecimen } from './segments/specimen.ts'

/** A map of ours: the rows that it was made from. */
type Rows = Readonly<{ rows: readonly Row[] }>

/** Segment maps, `PID[Patient]` → ours. */
export const segmentMaps: Readonly<Record<string, Rows>> = {
  'PID[Patient]': pidPatient,
  'AIG[Appointment]': aigAppointment,
  'AIL[Appointment]': ailAppointment,
  'AIP[Appointment]': aipAppointment,
  'AIS[Appointment]': aisAppointment,
  'SCH[Appointment]': schAppointment,
  'SCH[ServiceRequest]': schRequest,
  'ORC[Immunization]': orcImmunization,
  'ORC[MedicationAdministration]': orcAdministration,
  'RXA[Immunization]': rxaImmunization,
  'RXR[Immunization]': rxrImmunization,
  'RXR[MedicationRequest]': rxrRequest,
  'PV1[Encounter]': pv1Encounter,
  'PV2[Encounter]': pv2Encounter,
  'MRG[Account]': mrgAccount,
  'AL1[AllergyIntolerance]': al1Allergy,
  'OBR[DiagnosticReport]': obrReport,
  'OBR[ServiceRequest]': obrRequest,
  'OBX[Observation]': obxObservation,
  'OBX[Observation-Component]': obxObservation,
  'ORC[DiagnosticReport]': orcReport,
  'ORC[Provenance]': orcProvenance,
  'ORC[ServiceRequest]': orcRequest,
  'OBR[Specimen]': obrSpecimen,
  'PRT[Device]': prtDevice,
  'SPM[Specimen]': spmSpecimen,
  'TXA[DocumentReference]': txaDocument,
  'DG1[Condition]': dg1Condition,
  'DG1[Encounter]': dg1Encounter,
  'EVN[Provenance]': evnProvenance,
  'IAM[AllergyIntolerance]': iamAllergy,
  'IN1[Coverage]': in1Coverage,
  'MSH[MessageHeader]': { rows: [...mshHeader.rows, ...mshDestination.rows] },
  'MSH[Provenance-Source]': mshProvenance,
  'NK1[Patient]': nk1Contact,
  'NK1[RelatedPerson]': nk1RelatedPerson,
  'PD1[Observation-LivingWill]': pd1LivingWill,
  'PD1[Patient]': pd1Patient,
  'PID[Account]': pidAccount,
  'PID[Provenance-Patient]': pidProvenance,
  'PR1[Procedure]': pr1Procedure,
  'PRT[PractitionerRole]': prtRole,
  'PV1[Coverage]': pv1Coverage,
  'SFT[MessageHeader]': sftHeader,
}

/** Datatype maps that are rows; the others are functions (tables/left-out/datatypes.ts says which and where). */
export const datatypeMaps: Readonly<Record<string, Rows>> = {
  'DR[Period]': period,
  'XAD[Address]': xad,
  'XPN[HumanName]': xpn,
}

/**
 * A row of the guide or of ours by what is compared, v2 place and FHIR element: `PID-13 telecom[1].use` is `PID-13 telecom`,
 * `XPN.1.1 [1].family` is `XPN.1 family`. Undefined for a text of another form.
 */
export function keyOf(row: string): string | undefined {
  const [, place, path] = /^(\S+) (?:\[[\d-]+\]\.)?(\$?\w+)/.exec(row) ?? []
  return place && `${place.replace(/^(\w+\.\d+)\.[\d.]+$/, '$1')} ${path}`
}

/** The key of a row of ours. */
export function keyOfRow([from, path]: Row): string {
  return keyOf(`${from} ${path}`)!
}

/**
 * A row's condition in its normal form; undefined for none. That the row's own field is there is no condition: a row
 * without its field does nothing.
 */
export function conditionOf(from: string, when: string | undefined): string | undefined {
  const normal = when && printCondition(parseCondition(when))
  return normal === `${from} VALUED` ? undefined : normal
}
