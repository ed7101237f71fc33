/** A measurement, between the payload of some format and the Observation: what was measured, how much, and when. */
import type { Observation } from 'fhir/r4.js'
import type { Decimal } from '../../src/fhir/json.ts'
import type { Issue, Ms } from '../../src/records.ts'
import type { Quantity, Vital } from './vitals.ts'

/** One number, in the unit of its row; null where the sender says why there is none. */
export type Reading = Readonly<{ row: Quantity; value: Decimal | null }>

/** When, by the device's clock: FHIR text, and the instants that it covers (`start` = `end` for a point in time). */
export type When = Readonly<{ text: string; startText: string; start: Ms; end: Ms }>

/** How a value stands for many (Open mHealth descriptive statistic), in HL7's code system observation-statistics. */
export type Statistic = 'average' | 'maximum' | 'minimum' | 'median'

export type Measurement = Readonly<{
  vital: Vital
  /** One per component, or the value alone. */
  readings: readonly Reading[]
  /** Null: the payload does not say. */
  when: When | null
  /** The payload's own id, where it has one. */
  id: string | null
  statistic: Statistic | null
  /** What the sender's Observation says beyond: its status, notes, method and so on. */
  beyond: Partial<Observation>
  issues: readonly Issue[]
}>

/** Reads one payload. Throws Refusal. */
export type Format = Readonly<{
  /** Where the payload says when. */
  timeAt: string
  read(bytes: Uint8Array): Measurement
  /** What kind of measurement it is, for the list of held messages: the key of a known one, else `?`. Never throws. */
  outline(bytes: Uint8Array): string
}>
