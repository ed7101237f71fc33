import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Facts } from '../../../src/reader/headers.ts'
import { History } from '../../../src/reader/history.ts'

type Verb = Facts['verb']
type Version = { facts: Facts; content: string }

/** `arrival` alone makes the time unless one is given. */
function version(
  verb: Verb,
  arrival: number,
  over: { gateway?: string; time?: number; release?: number } = {},
): Version {
  const { gateway = 'gw-1', time = arrival, release = 0 } = over
  const facts = {
    verb,
    reference: 'Patient/p1-a',
    type: 'Patient',
    id: 'p1-a',
    version: `1795555555.${String(arrival).padStart(12, '0')}.${String(release).padStart(4, '0')}`,
    gateway,
    time: new Date(time * 1000).toISOString(),
    mode: 'live',
    historical: false,
    part: { i: 1, n: 1 },
    chunk: null,
  } as const
  return { facts, content: `${verb} ${gateway} ${arrival}.${release}` }
}

function holdsAfter(...versions: Version[]): string | null {
  const history = new History<Version>(32)
  for (const one of versions) history.add(one)
  return history.current()?.content ?? null
}

/** What holds after every order of the versions; more than one entry is a mistake. */
function holdsAfterAnyOrder(...versions: Version[]): (string | null)[] {
  const orders = (rest: Version[]): Version[][] =>
    rest.length === 0 ? [[]] : rest.flatMap((one, i) => orders(rest.toSpliced(i, 1)).map(other => [one, ...other]))
  return [...new Set(orders(versions).map(order => holdsAfter(...order)))]
}

const replace = (n: number, over = {}) => version('replace', n, over)
const ensure = (n: number, over = {}) => version('ensure', n, over)
const gone = (n: number, over = {}) => version('delete', n, over)

describe('verbs and versions (DESIGN §4)', () => {
  it.each<[string, Version[], string | null]>([
    ['the newer replace holds', [replace(1), replace(2)], 'replace gw-1 2.0'],
    [
      'a released message of Monday does not undo Tuesday',
      [replace(2), replace(1, { release: 1 })],
      'replace gw-1 2.0',
    ],
    ['a release is newer than the same message before', [replace(1), replace(1, { release: 1 })], 'replace gw-1 1.1'],
    ['ensure creates', [ensure(1)], 'ensure gw-1 1.0'],
    ['the first ensure stays', [ensure(1), ensure(2)], 'ensure gw-1 1.0'],
    ['ensure never overwrites, whatever its number', [replace(1), ensure(9)], 'replace gw-1 1.0'],
    ['replace overwrites an ensure, whatever its number', [ensure(9), replace(1)], 'replace gw-1 1.0'],
    ['delete deletes', [replace(1), gone(2)], null],
    ['an older delete does not', [gone(1), replace(2)], 'replace gw-1 2.0'],
    ['an ensure older than a delete is ignored', [ensure(1), gone(2)], null],
    ['an ensure newer than a delete creates again', [gone(1), ensure(2)], 'ensure gw-1 2.0'],
    ['a delete older than the creating ensure is ignored', [ensure(2), ensure(3), gone(1)], 'ensure gw-1 2.0'],
    ['a delete takes a replace though an ensure is newer', [replace(1), gone(2), ensure(3)], 'ensure gw-1 3.0'],
    ['a replace after all', [ensure(1), gone(2), ensure(3), replace(4)], 'replace gw-1 4.0'],
    [
      'across gateways the later time wins',
      [replace(9, { time: 1 }), replace(1, { gateway: 'gw-2', time: 2 })],
      'replace gw-2 1.0',
    ],
    [
      'within one gateway the version wins over a clock that was set back',
      [replace(1, { time: 9 }), replace(2, { time: 3 })],
      'replace gw-1 2.0',
    ],
    ['a delete of the other gateway', [replace(5), ensure(6), gone(1, { gateway: 'gw-2', time: 7 })], null],
  ])('%s', (_, versions, expected) => {
    expect(holdsAfterAnyOrder(...versions)).toEqual([expected])
  })

  it('ends alike in any order, with repeats, resends, two gateways and clocks that jump', () => {
    const anyVersion = fc
      .record({
        verb: fc.constantFrom<Verb>('replace', 'ensure', 'delete'),
        arrival: fc.integer({ min: 1, max: 8 }),
        release: fc.integer({ min: 0, max: 1 }),
        gateway: fc.constantFrom('gw-1', 'gw-2'),
      })
      .chain(one => fc.integer({ min: 1, max: 8 }).map(time => ({ ...one, time })))
    // a gateway's version is one version: its verb and time do not differ from record to record
    const versions = fc.uniqueArray(anyVersion, {
      maxLength: 14,
      selector: one => `${one.gateway} ${one.arrival} ${one.release}`,
    })
    const orders = versions.chain(list => {
      const all = list.map(({ verb, arrival, ...over }) => version(verb, arrival, over))
      return fc.tuple(anyOrder(all), anyOrder(all))
    })
    fc.assert(
      fc.property(orders, ([one, other]) => {
        expect(holdsAfter(...one)).toBe(holdsAfter(...other))
      }),
      { numRuns: 1000 },
    )
  })

  it('keeps no more ensures than it may, and the first of them holds', () => {
    const history = new History<Version>(3)
    for (let n = 1; n <= 10; n++) history.add(ensure(n))
    expect(history.versions()).toHaveLength(3)
    expect(history.current()?.content).toBe('ensure gw-1 1.0')
    history.add(gone(9))
    expect(history.current()?.content).toBe('ensure gw-1 10.0')
  })
})

/** The versions and some of them again, in any order. */
function anyOrder(versions: Version[]): fc.Arbitrary<Version[]> {
  return fc.shuffledSubarray(versions).chain(again => {
    const all = [...versions, ...again]
    return fc.shuffledSubarray(all, { minLength: all.length })
  })
}
