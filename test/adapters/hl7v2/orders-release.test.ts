/**
 * Orders, results and documents that were held go out late (DESIGN §7): an order that was cancelled is not active again, a
 * corrected result not preliminary. The oracle is the state of the reference reader when nothing was late.
 */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { hl7v2Translator } from '../../../adapters/hl7v2/translate.ts'
import { openWorld } from '../../src/world.ts'
import { releasedIn, stateOf } from './released.ts'
import { arrivalOf, directoryOf, msh, obx, pid, profile } from './translate/messages.ts'

const translators = { hl7v2: hl7v2Translator, measurement: hl7v2Translator, fhir: hl7v2Translator }
const world = openWorld(() => ({}), { translators, directory: directoryOf(profile) })
afterAll(() => world.close())

const detail = 'OBR|1|P1|F1|CBC^Blood count^L|||20261125073000|||||||||||||||20261125075900||LAB'
const order = (control: string, state = '') => [msh('ORM^O01'), pid, `ORC|${control}|P1|F1||${state}`, detail]
const result = (status: string, value: string) => [
  msh('ORU^R01'),
  pid,
  `ORC|RE|P1|F1`,
  `${detail}|${status}`,
  obx.replace('|F|||', `|${status}|||`).replace('13.50', value),
]
const document = (event: string, state: string) => [
  msh(`MDM^${event}`),
  pid,
  `TXA|1|DS|TX|||||||||D1|||||${state}||AV`,
  'OBX|1|TX|B^Body^L||Text||||||F',
]

const day = [
  order('NW'),
  result('P', '13.5'),
  order('HD'),
  order('RL'),
  result('F', '13.6'),
  document('T02', 'DI'),
  result('C', '14.1'),
  document('T08', 'AU'),
  order('SC', 'CM'),
]

const arrivals = day.map((segments, i) => arrivalOf(segments.join('\r').replace('|M1|', `|M${i}|`)))

/** What readers hold when the messages of a day go out in this order, each under the number that it came with. */
function stateAfter(numbers: readonly number[]): Readonly<Record<string, unknown>> {
  return stateOf(world, releasedIn(numbers, arrivals, world))
}

function ofType<T = Record<string, unknown>>(state: Readonly<Record<string, unknown>>, type: string): readonly T[] {
  return Object.entries(state).flatMap(([name, resource]) => (name.startsWith(`${type}/`) ? [resource as T] : []))
}

describe('a late release', { timeout: 60_000 }, () => {
  const numbers = day.map((_, i) => i)
  const inOrder = stateAfter(numbers)

  it('of orders and results: the last word holds', () => {
    expect(ofType(inOrder, 'ServiceRequest')).toMatchObject([{ status: 'completed' }])
    expect(ofType(inOrder, 'DiagnosticReport')).toMatchObject([{ status: 'corrected' }])
    expect(ofType(inOrder, 'Observation')).toMatchObject([{ status: 'corrected', valueQuantity: { unit: 'g/dL' } }])
    expect(ofType(inOrder, 'DocumentReference')).toMatchObject([{ docStatus: 'amended' }])
  })

  it('in any order ends in the same state', () => {
    const shuffled = fc.shuffledSubarray(numbers, { minLength: numbers.length })
    fc.assert(
      fc.property(shuffled, order => {
        expect(stateAfter(order)).toEqual(inOrder)
      }),
      { numRuns: 10 },
    )
  })
})
