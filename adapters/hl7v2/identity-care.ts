/**
 * What names the resources of appointments, immunisations, medication and master files beside those of identity.ts, a row
 * a type:
 *
 *   Appointment               patient + SCH-2, else SCH-1, + SCH-3 where it is one of a series; none: the message
 *                             (provisional)
 *   ServiceRequest            of an appointment: patient + SCH-26, else SCH-27, + AIS-3, as the order itself would be
 *   Immunization              patient + ORC-3, else ORC-2, + RXA-5 + RXA-3 where the message repeats that; no number (or
 *                             `9999`): patient + RXA-5 + RXA-3
 *   MedicationRequest         patient + order + what it is: as requested (RXO), as encoded (RXE), one dose of it (RXG), a refill asked for
 *   MedicationDispense        patient + order + RXD-2 + RXD-1 + RXD-3
 *   MedicationAdministration  patient + order + RXA-5 + RXA-2 + RXA-3
 *   Practitioner              STF-2 under its authority, else STF-1 or MFE-4 under the sender, as XCN names the same one
 *   PractitionerRole          practitioner + organisation (ORG-2, else STF-8)
 *   Location                  the path of LOC-1, as PL names the same one
 *
 * An order of medication is ORC-2, else ORC-3, else the prescription number (RXE-15, RXD-7); none: the message (provisional).
 */
import { lp } from '../../src/lp.ts'
import type { Identity } from '../../src/records.ts'
import { codedName, entity, ofSender, partOf, provisional, repeat } from './identity.ts'
import { clean } from './maps/datatypes.ts'
import type { Draft } from './maps/draft.ts'
import type { Segment } from './message.ts'

// ---------------------------------------------------------------- appointments

export function appointmentName(sch: Segment, patient: Identity, draft: Draft): Identity {
  const number = entity(sch, 2) ?? entity(sch, 1)
  if (number === null) return provisional(draft, sch.at(2), patient, 'appointment')
  const occurrence = clean(sch.value(3))
  return ofSender(draft, 'appointment', patient.system, patient.value, number, ...(occurrence ? [occurrence] : []))
}

/** The order that an appointment is made for: the name that an OBR with that number and code has (identity.ts). */
export function bookedOrderName(
  sch: Segment,
  ais: Segment | undefined,
  patient: Identity,
  draft: Draft,
): Identity | null {
  const number = entity(sch, 26) ?? entity(sch, 27)
  if (number === null) return null
  return ofSender(draft, 'request', patient.system, patient.value, number, ais ? partOf(ais, 3) : '')
}

// ---------------------------------------------------------------- immunisations

/** An RXA with the ORC before it. */
export type Shot = Readonly<{ rxa: Segment; orc: Segment | undefined }>

/** US guides (CDC 2.5.1 r1.5 §4, ORC-3) let `9999` stand for "no number, because nothing was given". */
const noNumber = '9999'

/** The keys of all shots of a patient in a message: only a number that the message repeats is told apart by code and day. */
export function shotKeys(shots: readonly Shot[]): readonly string[] {
  const numbers = shots.map(({ orc }) => orc && numberOf(orc))
  const times = new Map<string, number>()
  for (const number of numbers) if (number) times.set(number, (times.get(number) ?? 0) + 1)
  return shots.map(({ rxa }, i) => {
    const number = numbers[i]
    const what = lp(partOf(rxa, 5), clean(rxa.value(3)) ?? '')
    if (!number) return lp('shot', what)
    return times.get(number)! > 1 ? lp('number', number, what) : lp('number', number)
  })
}

function numberOf(orc: Segment): string | null {
  for (const n of [3, 2]) {
    const number = entity(orc, n)
    if (number !== null && clean(orc.value(n)) !== noNumber) return number
  }
  return null
}

export function shotName(key: string, patient: Identity, draft: Draft): Identity {
  const parts = [patient.system, patient.value, key]
  return ofSender(draft, 'immunization', ...parts, ...repeat(draft, 'immunization', parts))
}

// ---------------------------------------------------------------- medication

/** An order of medication; `number` is null when only the message names it. */
export type MedicationOrder = Readonly<{ patient: Identity; number: string | null; at: string }>

/** The order of an ORC; `prescription` is the field of the prescription number in the segment that has one. */
export function medicationOrder(
  orc: Segment | undefined,
  segment: Segment,
  prescription: number | null,
  patient: Identity,
): MedicationOrder {
  const number = orc ? (entity(orc, 2) ?? entity(orc, 3)) : null
  const written = prescription === null ? undefined : clean(segment.value(prescription))
  return { patient, number: number ?? (written ? lp('prescription', written) : null), at: (orc ?? segment).at(2) }
}

/** What is ordered, dispensed or given under an order; `kind` and `parts` tell it from the rest. */
export function medicationName(order: MedicationOrder, kind: string, parts: readonly string[], draft: Draft): Identity {
  const { patient, number } = order
  if (number === null) return provisional(draft, order.at, patient, kind, ...parts, draft.count(lp(kind, ...parts)))
  const all = [patient.system, patient.value, number, ...parts]
  return ofSender(draft, kind, ...all, ...repeat(draft, kind, all))
}

/** What tells one dispense or administration of an order from the next: code, counter and time. */
export function doneParts(segment: Segment, code: number, counter: number, time: number): readonly string[] {
  return [codedName(segment, code), clean(segment.value(counter)) ?? '', clean(segment.value(time)) ?? '']
}

// ---------------------------------------------------------------- master files

export function staffRoleName(practitioner: Identity, organization: string, draft: Draft): Identity {
  return ofSender(draft, 'role', practitioner.system, practitioner.value, organization)
}
