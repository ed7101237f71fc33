/**
 * Messages that were held go out late, under the number that they came with (DESIGN §7, Late release). What readers hold
 * in the end must not depend on when that was. The oracle is the real engine that held none of them.
 */
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { hl7v2Translator } from '../../../adapters/hl7v2/translate.ts'
import { Refusal } from '../../../src/errors.ts'
import type { SenderProfile, Translator } from '../../../src/ports.ts'
import type { Arrival } from '../../../src/records.ts'
import { openWorld, type World } from '../../src/world.ts'
import { releasedIn, stateOf } from './released.ts'
import { arrivalOf, corpus, corpusMessages, directoryOf, msh, pid, profile } from './translate/messages.ts'

const { hl7v2: translator }: { hl7v2: Translator } = { hl7v2: hl7v2Translator }
/** Keys are made once: they take longer than all else. */
const keys = openWorld(() => ({}))
afterAll(() => remove(keys))

/** Works with a box of its own, which leaves nothing behind: a new database has 30 MB. */
function withBox(settings: Partial<SenderProfile>, work: (world: World) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'cg-release-'))
  for (const half of ['box', 'reader']) symlinkSync(join(keys.dir, half), join(dir, half))
  const translators = { hl7v2: translator, measurement: translator, fhir: translator }
  const world = openWorld(() => ({}), { dir, translators, directory: directoryOf({ ...profile, ...settings }) })
  try {
    work(world)
  } finally {
    remove(world)
  }
}

function remove(world: World): void {
  world.close()
  rmSync(world.dir, { recursive: true, force: true })
}

type Told = Readonly<{ event: string; room: string; doctor: string; leaves: string; named: boolean }>

function segmentsOf({ event, room, doctor, leaves, named }: Told): readonly string[] {
  return [
    msh(`ADT^${event}`),
    'EVN||20261125080000',
    named ? pid : 'PID|1||12345^^^H&1.2.3&ISO^MR',
    `PV1|1|I|${room}|||W0|${doctor}${'|'.repeat(12)}V100${'|'.repeat(25)}20261124100000|${leaves}`,
  ]
}

/** A message of one visit. Some tell less of the doctor, the place and the person than others. */
const message = fc
  .record({
    event: fc.constantFrom(...'A01 A02 A03 A04 A05 A06 A08 A11 A12 A13 A16 A17 A21 A22 A23 A29 A31 A54'.split(' ')),
    room: fc.constantFrom('W1^1^1', 'W1^1^2', 'W2'),
    doctor: fc.constantFrom('1234^Heal^Greta', '1234', '99^Cure^Karl'),
    leaves: fc.constantFrom('', '20261126120000'),
    named: fc.boolean(),
  })
  .map(segmentsOf)

/**
 * What is deleted goes out at its time. Late, it would take away what later messages only mentioned again: an `ensure` of the
 * same content is not sent twice a day. The next mention brings it back (see the last test).
 */
function deletionsInTime(order: readonly number[], messages: readonly (readonly string[])[]): number[] {
  const isDeletion = (i: number) => /\^A(23|29)\b/.test(messages[i]![0]!)
  const out = order.filter(i => !isDeletion(i))
  for (const i of messages.keys()) {
    if (!isDeletion(i)) continue
    const place = out.findIndex(other => other > i)
    out.splice(place < 0 ? out.length : place, 0, i)
  }
  return out
}

const sequence = fc.array(message, { minLength: 2, maxLength: 8 }).chain(messages => {
  const numbers = messages.map((_, i) => i)
  const order = fc.shuffledSubarray(numbers, { minLength: numbers.length, maxLength: numbers.length })
  return fc.record({ messages: fc.constant(messages), order, batch: fc.integer({ min: 1, max: 4 }) })
})

/** The first word about the doctor (no name) holds, though the last one, which is the same, went out before it. */
const thinFirst = {
  messages: ['1234', '99', '1234^Heal^Greta', '1234'].map(doctor =>
    segmentsOf({ event: 'A02', room: 'W1', doctor, leaves: '', named: true }),
  ),
  order: [3, 0, 1, 2],
  batch: 1,
}

/** MSH-10 differs, so that no message is taken for the repeat of another. */
function arrivalsOf(messages: readonly (readonly string[])[]): Arrival[] {
  return messages.map((segments, i) => ({
    ...arrivalOf(segments.join('\r').replace('|M1|', `|M${i}|`)),
    messageId: `M${i}`,
  }))
}

describe('any order of release ends in the same state', { timeout: 120_000 }, () => {
  it.each(['snapshot', 'delta'] as const)('the ADT of one visit, from a %s sender', adt => {
    const holds = ({ messages, order, batch }: typeof thinFirst) =>
      withBox({ adt }, world => {
        const arrivals = arrivalsOf(messages)
        for (let i = 0; i < arrivals.length; i += batch) takeAll(world, arrivals.slice(i, i + batch))
        const held = stateOf(world, world.engine.peek('cloud', 1000, 1e8))
        expect(Object.keys(held).length).toBeGreaterThan(0)
        expect(stateOf(world, releasedIn(deletionsInTime(order, messages), arrivals, world, { adt }))).toEqual(held)
      })
    fc.assert(fc.property(sequence, holds), { numRuns: 8, examples: [[thinFirst]] })
  })

  it('a deletion that goes out late takes nothing away for longer than until the next message', () => {
    const told = { room: 'W1', doctor: '1234', leaves: '', named: true }
    const arrivals = arrivalsOf(['A02', 'A29', 'A02', 'A02'].map(event => segmentsOf({ ...told, event })))
    withBox({}, world => {
      takeAll(world, arrivals)
      const held = stateOf(world, world.engine.peek('cloud', 1000, 1e8))
      expect(stateOf(world, releasedIn([0, 2, 1, 3], arrivals, world))).toEqual(held)
    })
  })

  it('what is told again after a deletion in the same batch is there', () => {
    const told = { room: 'W1', doctor: '1234', leaves: '', named: true }
    const arrivals = arrivalsOf(['A02', 'A29', 'A02'].map(event => segmentsOf({ ...told, event })))
    withBox({}, world => {
      takeAll(world, arrivals.slice(0, 1))
      takeAll(world, arrivals.slice(1))
      const patients = Object.keys(stateOf(world, world.engine.peek('cloud', 1000, 1e8))).filter(isPatient)
      expect(patients).toHaveLength(1)
    })
  })

  it.skipIf(!existsSync(corpus))('the ADT of the corpora (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
    const arrivals = [...corpusMessages('A01 A02 A03 A04 A08 A09 A11 A13 A31'.split(' ').map(event => `ADT^${event}`))]
      .map(({ bytes }) => arrivalOf(bytes))
      .filter(isTranslated)
      .filter((_, i) => i % 6 === 0)
    expect(arrivals.length).toBeGreaterThan(40)
    const numbers = arrivals.map((_, i) => i)
    const [shuffled] = fc.sample(fc.shuffledSubarray(numbers, { minLength: numbers.length }), { numRuns: 1, seed: 5 })
    withBox({}, world => {
      const held = stateOf(world, releasedIn(numbers, arrivals, world))
      expect(stateOf(world, releasedIn(shuffled!, arrivals, world))).toEqual(held)
    })
  })
})

const isPatient = (reference: string) => reference.startsWith('Patient/')

/** The engine may take a part of a batch; the caller gives the rest again. */
function takeAll(world: World, arrivals: readonly Arrival[]): void {
  for (let i = 0; i < arrivals.length; ) {
    const verdicts = world.engine.take(arrivals.slice(i))
    for (const { kind } of verdicts) expect(kind).toBe('kept')
    i += verdicts.length
  }
}

function isTranslated(arrival: Arrival): boolean {
  try {
    translator.translate(arrival, directoryOf(profile))
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
