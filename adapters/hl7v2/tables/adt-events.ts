/**
 * What each ADT event says, a row an event (HL7 v2.5.1 §3.3, v2.8 §3.3). The guide's table (Event[EncounterStatus]) has
 * A01 to A05, A08, A11 and A13; where ours says something else, MAPPING.md has the reason.
 */
import type { Encounter } from 'fhir/r4.js'

export type VisitEvent = Readonly<{
  /**
   * `full`: the structure has everything about the person (NK1, AL1, IN1 …), so that a snapshot sender's PID replaces.
   * `thin`: it is about the visit, and the PID is only there to say whose.
   */
  person: 'full' | 'thin'
  /** The lists of a thin one are told whole all the same: they are what the event is about. */
  lists?: 'full'
  /**
   * `turned`: the event is about where the visit stands (admitted, moved, on leave, discharged), which a delta sender tells
   * whole as well: a discharge that is only ensured would never show. `filler`: the event is about the person, and the
   * structure demands a PV1 all the same.
   */
  visit: 'told' | 'turned' | 'cancelled' | 'deleted' | 'filler'
  /** It is about a visit that goes on or ends: without PV1 (which the standard demands) nothing would come of it. */
  demands?: 'PV1'
  /** Status of the visit; absent: by PV1-2. PV1-45 makes it finished unless it is called off. */
  status?: Encounter['status']
  /** Fields that tell what is only expected or was called off; they are left out, noted E_PRUNED. */
  calledOff?: readonly ('PV1-6' | 'PV1-36' | 'PV1-37' | 'PV1-42' | 'PV1-45' | 'PV2-1')[]
}>

const whole = { person: 'full', visit: 'turned' } as const
const moved = { person: 'thin', visit: 'turned', demands: 'PV1' } as const
const told = { person: 'thin', visit: 'told' } as const
const person = { person: 'full', visit: 'filler' } as const
const cancelled = { person: 'thin', visit: 'cancelled', status: 'cancelled' } as const

// biome-ignore format: a row an event
const events: Readonly<Record<string, VisitEvent>> = {
  A01: whole,
  A02: { ...moved, status: 'in-progress' },
  A03: { ...whole, demands: 'PV1', status: 'finished' },
  A04: whole,
  A05: { ...whole, status: 'planned' },
  A06: whole,
  A07: whole,
  A08: { person: 'full', visit: 'told' },
  A09: told,
  A10: told,
  A11: cancelled,
  A12: { ...moved, calledOff: ['PV1-6'] },
  A13: { ...whole, demands: 'PV1', status: 'in-progress', calledOff: ['PV1-36', 'PV1-37', 'PV1-45'] },
  A14: { ...whole, status: 'planned' },
  A15: told,
  A16: { ...told, calledOff: ['PV1-45'] },
  A17: moved,
  A21: { ...moved, status: 'onleave' },
  A22: moved,
  A23: { person: 'thin', visit: 'deleted' },
  A25: { ...told, calledOff: ['PV1-45'] },
  A26: { ...told, calledOff: ['PV1-42', 'PV2-1'] },
  A27: cancelled,
  A28: person,
  A31: person,
  A32: told,
  A33: told,
  A38: cancelled,
  A52: moved,
  A53: { ...moved, status: 'onleave' },
  A54: told,
  A55: told,
  A60: { person: 'thin', lists: 'full', visit: 'filler' },
  A61: told,
  A62: told,
}

/** What we do not know says nothing that would overwrite: an unknown trigger, and the PV1 of other messages than ADT. */
const unknown: VisitEvent = { person: 'thin', visit: 'filler' }

/** MSH-9.2 of the events that adt.ts translates: those in the table. */
export const visitEvents: readonly string[] = Object.keys(events)

/** What the event says; for one that is not in the table: nothing about the visit, and nothing that replaces. */
export function visitEvent(event: string): VisitEvent {
  return events[event] ?? unknown
}
