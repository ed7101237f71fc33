/** What readers hold of messages that go out in any order, by the real Protector and the reference reader. */
import { join } from 'node:path'
import { expect } from 'vitest'
import { hl7v2Translator } from '../../../adapters/hl7v2/translate.ts'
import type { SenderProfile } from '../../../src/ports.ts'
import { Reader, ReaderKeys } from '../../../src/reader/index.ts'
import type { Arrival, Sealed } from '../../../src/records.ts'
import type { World } from '../../src/world.ts'
import { directoryOf, profile } from './translate/messages.ts'

/** What holds: reference → resource. */
export function stateOf(world: World, records: readonly Sealed[]): Readonly<Record<string, unknown>> {
  const reader = new Reader({ keys: ReaderKeys.fromFolder(join(world.dir, 'reader'), { allowDemo: true }) })
  const lanes = [...records.filter(({ lane }) => lane === 'key'), ...records.filter(({ lane }) => lane === 'data')]
  for (const { topic, key, headers, value } of lanes)
    reader.take({ topic, partition: 0, key, headers: JSON.parse(headers), value })
  expect(reader.counters).toMatchObject({ badSignature: 0, malformed: 0, unknownKey: 0, failedTokens: 0 })
  const held = [...reader.state()].map(([reference, { opened }]) => [reference, opened.resource] as const)
  return Object.fromEntries(held.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The records of the messages when they go out in this order; each keeps the number that it came with. */
export function releasedIn(
  order: readonly number[],
  arrivals: readonly Arrival[],
  world: World,
  settings: Partial<SenderProfile> = {},
): Sealed[] {
  const { protector } = world
  const directory = directoryOf({ ...profile, ...settings })
  let seq = 0
  let latest = -1
  protector.renew()
  return order.flatMap(i => {
    const arrival = arrivals[i]!
    const late = i < latest
    latest = Math.max(latest, i)
    const stamp = {
      ...{ epoch: 1, arrival: i + 1, release: late ? 1 : 0, historical: late, mode: 'live' as const },
      ...{
        receivedAt: arrival.receivedAt,
        content: protector.seenContent('ward', arrival.bytes),
        nextSeq: () => ++seq,
      },
    }
    const { records } = protector.seal(hl7v2Translator.translate(arrival, directory).changes, stamp)
    protector.accept()
    protector.committed()
    return records
  })
}
