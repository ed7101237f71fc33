/**
 * A tracker's payload → Observation, in two steps: the format reads a measurement, and what is known of the device says
 * whose it is. Patient and Device go before it as `ensure`, so that references lead somewhere.
 */
import { refuse } from '../../src/errors.ts'
import { day, minute } from '../../src/limits.ts'
import type { Device, Translator } from '../../src/ports.ts'
import type { Arrival, Change, Issue, Ms, Name, Pseudonym, Translated } from '../../src/records.ts'
import { formats } from './formats/index.ts'
import type { Measurement, When } from './measurement.ts'
import { observationOf } from './observation.ts'

const mapping = 'trackers/1'

/** Device clocks: a battery change puts them back to their epoch, and none may be far ahead of ours. */
const earliest = Date.UTC(2000)
const aheadMs = 5 * minute
/** A day or an interval may not be over yet, in whatever zone. */
const openEndMs = 2 * day

/** Arrivals of format `measurement`; `meta.payload` names the payload's format. */
export const measurementTranslator: Translator = {
  translate(arrival, directory) {
    const device = directory.devices.get(arrival.sender)
    const measurement = read(arrival, device)
    demandClock(measurement, arrival)
    const wearer = wearerOf(device, measurement.when ?? pointAt(arrival.receivedAt))
    return translated(measurement, wearer, arrival)
  },

  outline({ meta, bytes }) {
    const name = meta.payload ?? ''
    return Object.hasOwn(formats, name) ? `${name} ${formats[name]!.outline(bytes)}` : '?'
  },
}

function read({ meta, bytes }: Arrival, device: Device | undefined): Measurement {
  const name = meta.payload ?? ''
  const isAllowed = device?.format == null || device.format === name
  return Object.hasOwn(formats, name) && isAllowed ? formats[name]!.read(bytes) : refuse('E_FORMAT', 'topic')
}

/**
 * A time before 2000 or ahead of us comes from a clock that was never set. Such a reading cannot be placed, so the device
 * hears of it (after the Personal Health Device guide: throw away what cannot be placed).
 */
function demandClock({ when }: Measurement, { receivedAt, clockTrusted, meta }: Arrival): void {
  if (!when) return
  const ahead = when.end - receivedAt > (when.start === when.end ? aheadMs : openEndMs)
  if (when.start < earliest || (clockTrusted && ahead)) refuse('E_DATE', formats[meta.payload!]!.timeAt)
}

/** Who wore the device all that time. Held without one: the clinic has not told us yet. */
function wearerOf(device: Device | undefined, { start, end }: When): Pseudonym {
  const isOver = (to: Ms) => (start < end ? end > to : end >= to)
  const worn = device?.worn.find(({ from, to }) => from <= start && (to === null || !isOver(to)))
  return worn ? { pseudonym: worn.wearer } : refuse('E_NO_WEARER', 'device')
}

function translated(measurement: Measurement, wearer: Pseudonym, arrival: Arrival): Translated {
  const device = arrival.sender
  const isNamed = measurement.when !== null || measurement.id !== null
  const changes: readonly Change[] = [
    ensure({ resourceType: 'Patient', id: 'patient' }, wearer, wearer),
    ensure(
      { resourceType: 'Device', id: 'device', identifier: [{ value: device }] },
      { system: 'device', value: device },
      null,
    ),
    {
      verb: 'replace',
      resource: observationOf(measurement, arrival.receivedAt),
      identity: [{ system: `device:${device}`, value: keyOf(measurement, arrival.receivedAt) }],
      subject: wearer,
    },
  ]
  const untimed: Issue[] = measurement.when ? [] : [{ code: 'E_RECEIPT_TIME', at: 'Observation.effectiveDateTime' }]
  const issues = [...measurement.issues, ...untimed]
  return { changes, snapshots: [], issues, unmapped: [], repeatable: isNamed, mapping }
}

function ensure(resource: Change['resource'], name: Name, subject: Name | null): Change {
  return { verb: 'ensure', resource, identity: [name], subject }
}

/**
 * The duplicate key (after the Personal Health Device guide): what was measured, at which device time, for how long, as
 * which statistic. Without a device time the payload's own id; without that every message is a new one.
 */
function keyOf({ vital, readings, when, id, statistic }: Measurement, receivedAt: Ms): string {
  const code = vital.codes.at(-1)![0]
  if (when) return [code, new Date(when.end).toISOString(), when.end - when.start, statistic ?? ''].join('|')
  if (id !== null) return ['id', id].join('|')
  return [code, 'received', receivedAt, JSON.stringify(readings.map(({ value }) => value))].join('|')
}

function pointAt(at: Ms): When {
  const text = new Date(at).toISOString()
  return { text, startText: text, start: at, end: at }
}
