/** What may go where the room is needed, and what is said of it: uplinks that are away, parts that wait, gaps. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { day, hour, minute } from '../../../src/limits.ts'
import { codeOf, seqs, World } from './world.ts'

const budget = 4 * 1024 * 1024

let world: World
beforeEach(() => {
  world = new World({ budget })
})
afterEach(() => {
  const { counted, real } = world.usage()
  expect(counted).toEqual(real)
  world.end()
})

const deliver = (uplink: string) =>
  world.store.settle(uplink, [{ kind: 'delivered', through: world.store.counters().seq }])
const all = (sql: string) => world.look(db => db.prepare(sql).pluck().all())
const gapAudit = () =>
  all("SELECT obj || ' ' || outcome || ' ' || detail FROM audit WHERE act = 'uplink.gap' ORDER BY n")

/** Three times the budget comes in and is sent by `uplink`, with housekeeping between. */
function flow(uplink: string): void {
  for (let message = 0; message < 400; message++) {
    world.take({}, 1, 30_000)
    deliver(uplink)
    world.store.tidy(world.now, 60_000)
  }
}

describe('intake goes before an uplink that is not in use', () => {
  beforeEach(() => {
    world.reopen({ uplinks: ['a', 'b'], standby: 'b' })
    world.take({}, 3)
    deliver('a')
    world.store.activate('b', 'nurse', world.now)
  })

  it('rows that it has not got go when the room is needed; the gap is told, and it steps over it', () => {
    flow('b')
    const { gaps, pending } = world.store.status()
    expect([gaps, pending]).toEqual([[{ uplink: 'a', first: 4, last: expect.any(Number), at: world.now }], 0])
    expect(gapAudit()).toEqual([expect.stringMatching(/^a E_UPLINK_GAP rows 4-/)])
    expect(world.store.cursor('a').through).toBe(gaps[0]?.last)
    expect(seqs(world.store.peek('a', 1, 1e6))).toEqual([(gaps[0]?.last as number) + 1])
    world.store.acceptGap('a')
    world.reopen()
    expect(world.store.status().gaps).toEqual([])
    expect(gapAudit()).toHaveLength(1)
  })

  it('a mirror fills the gap of the one that stands by: the alarm is over when it has followed beyond', () => {
    world.store.activate('a', 'nurse', world.now)
    world.reopen()
    flow('a')
    expect(world.store.status().gaps).toMatchObject([{ uplink: 'b', first: 1 }])
    for (let n = 0; n < 20; n++) {
      world.now += minute
      world.take()
      deliver('a')
    }
    world.store.follow('b', 'a', 15 * minute)
    expect(world.store.status().gaps).toEqual([])
    expect(gapAudit().at(-1)).toMatch(/^b ok rows 1-/)
  })
})

it('rows that wait in the history stay, those sent above them go, and what is pending is told rightly', () => {
  world.take({}, 3)
  world.take({}, 2)
  world.now += 16 * minute
  world.store.leaveBehind('cloud', 15 * minute)
  flow('cloud')
  const bytes = world.one<number>('SELECT sum(octet_length(value)) FROM outbox WHERE seq <= 5')
  const { pending, pendingBytes, sent, usedBytes, gaps } = world.store.status()
  expect([pending, gaps, sent.since]).toEqual([5, [], world.now])
  expect(pendingBytes).toBeGreaterThan(bytes)
  expect(pendingBytes).toBeLessThan(2000)
  expect(usedBytes).toBeLessThanOrEqual(0.6 * budget)
  expect(all('SELECT first FROM gone')).toEqual([6])
  expect(all('SELECT count(*) FROM original')).not.toEqual([0])
  expect(seqs(world.store.peek('cloud', 9, 1e6, 'history'))).toEqual([1, 2, 3, 4, 5])
  world.store.settle('cloud', [{ kind: 'delivered', through: 5 }], 'history')
  world.now += 8 * day
  world.store.tidy(world.now, 60_000)
  expect(all('SELECT first FROM gone')).toEqual([1])
  expect(world.store.status()).toMatchObject({ pending: 0, pendingBytes: 0 })
})

it('the hours that are left do not count rows that stay whatever happens', () => {
  world.reopen({ budget: 16 * 1024 * 1024 })
  for (let n = 0; n < 30; n++) {
    world.take({}, 4, 30_000)
    world.now += minute
  }
  deliver('cloud')
  const before = world.store.status().hoursLeft as number
  const outcomes = Array.from({ length: 120 }, (_, at) => {
    return { kind: 'unsendable' as const, seq: at + 1, code: 'E_UPLINK_REJECTED' as const }
  })
  world.store.settle('cloud', outcomes)
  const hourly = world.one<number>("SELECT bytes FROM usage WHERE class = 'need'") * 2
  expect((before - (world.store.status().hoursLeft as number)) * hourly).toBeGreaterThan(0.9 * 120 * 30_000)
})

describe('an uplink that leaves the configuration', () => {
  it('and comes back, or is new, says what it will not get', () => {
    world.reopen({ uplinks: ['cloud', 'files'] })
    world.take({}, 2)
    deliver('files')
    world.reopen({ uplinks: ['cloud'] })
    world.take({}, 3)
    deliver('cloud')
    world.now += 9 * day
    world.store.tidy(world.now, 60_000)
    world.take({}, 2)
    world.reopen({ uplinks: ['cloud', 'files', 'late'] })
    const at = world.now
    expect(world.store.status().gaps).toEqual([
      { uplink: 'files', first: 3, last: 5, at },
      { uplink: 'late', first: 1, last: 5, at },
    ])
    expect(gapAudit()).toEqual(['files E_UPLINK_GAP rows 3-5', 'late E_UPLINK_GAP rows 1-5'])
    expect(seqs(world.store.peek('late', 9, 1e6))).toEqual([6, 7])
    world.reopen()
    expect(gapAudit()).toHaveLength(2)
  })

  it('keeps no row by what was asked for it, and what was parked for it goes', () => {
    world.reopen({ uplinks: ['cloud', 'files'] })
    world.take({}, 3)
    world.store.settle('files', [{ kind: 'unsendable', seq: 2, code: 'E_UPLINK_REJECTED' }])
    deliver('files')
    world.store.resend('files', { from: { seq: 1 }, to: null, key: null }, 'nurse', world.now)
    world.reopen({ uplinks: ['cloud'] })
    deliver('cloud')
    world.now += 7 * day
    world.store.tidy(world.now, 60_000)
    expect(all('SELECT seq FROM parked')).toEqual([2])
    world.now += hour * 25
    world.store.tidy(world.now, 60_000)
    world.store.tidy(world.now, 60_000)
    expect([all('SELECT seq FROM parked'), all('SELECT seq FROM outbox')]).toEqual([[], []])
    expect(world.store.stopResend('files', 'nurse', world.now)).toBe(1)
    expect(codeOf(() => world.store.cursor('files'))).toBe('E_INTERNAL')
  })

  it('is not waited for by age where it only stands by and something is asked for it', () => {
    world.reopen({ uplinks: ['a', 'b'], standby: 'b' })
    world.take({}, 3)
    deliver('a')
    deliver('b')
    world.store.resend('b', { from: { seq: 1 }, to: null, key: null }, 'nurse', world.now)
    world.now += 9 * day
    world.store.tidy(world.now, 60_000)
    expect(all('SELECT seq FROM outbox')).toEqual([])
  })
})
