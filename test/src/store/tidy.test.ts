import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { day, hour, limits, MiB } from '../../../src/limits.ts'
import { verifyAudit } from '../../../src/store/audit.ts'
import { morning, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => {
  const { counted, real } = world.usage()
  expect(counted).toEqual(real)
  world.end()
})

const count = (table: string, where = 'true') => world.one<number>(`SELECT count(*) FROM ${table} WHERE ${where}`)
const settle = () => world.store.settle('cloud', [{ kind: 'delivered', through: world.store.counters().seq }])
const tidyAt = (now: number) => world.store.tidy(now, 60_000)

describe('by age', () => {
  it('originals of sent messages go after 14 days, with the message itself', () => {
    world.take()
    settle()
    tidyAt(morning + 14 * day)
    expect(count('original')).toBe(1)
    tidyAt(morning + 14 * day + 1)
    expect([count('original'), count('original_subject'), count('arrival'), count('seen')]).toEqual([0, 0, 0, 0])
    expect(world.store.counters()).toEqual({ arrival: 1, seq: 1 })
  })

  it('nothing of a message goes before it is sent', () => {
    world.take()
    tidyAt(morning + 365 * day)
    expect([count('original'), count('arrival'), count('outbox')]).toEqual([1, 1, 1])
    settle()
    tidyAt(morning + 365 * day)
    expect([count('original'), count('arrival'), count('outbox')]).toEqual([0, 0, 0])
  })

  it('refused messages go after 72 hours, with their copies', () => {
    world.take()
    world.take({ state: 'refused' })
    tidyAt(morning + 72 * hour)
    expect([count('original'), count('arrival')]).toEqual([2, 2])
    tidyAt(morning + 72 * hour + 1)
    expect([count('original'), count('arrival')]).toEqual([1, 1])
  })

  it('held messages end after 90 days, in the audit', () => {
    const { no } = world.take({ state: 'held' })
    world.take()
    settle()
    tidyAt(morning + 90 * day)
    expect(world.store.heldList(9)).toHaveLength(1)
    expect(count('original')).toBe(1)
    tidyAt(morning + 90 * day + 1)
    expect(world.store.heldList(9)).toEqual([])
    expect([count('original'), count('arrival')]).toEqual([0, 0])
    expect(world.one("SELECT actor || ' ' || obj FROM audit WHERE act = 'held.expire'")).toBe(`system ${no}`)
  })

  it('what was seen is forgotten after 7 days', () => {
    const { seen } = world.take({ state: 'held' })
    const again = () => world.store.seen(seen!.control, seen!.content)
    tidyAt(morning + 7 * day)
    expect(again()).not.toBeNull()
    tidyAt(morning + 7 * day + 1)
    expect(again()).toBeNull()
    expect(world.store.heldList(9)).toHaveLength(1)
  })

  it('sent rows stay 7 days; pending and parked ones stay', () => {
    world.take({}, 3)
    world.store.settle('cloud', [
      { kind: 'unsendable', seq: 1, code: 'E_UPLINK_REJECTED' },
      { kind: 'delivered', through: 2 },
    ])
    tidyAt(morning + 7 * day)
    expect(count('outbox')).toBe(3)
    tidyAt(morning + 8 * day)
    expect(world.look(db => db.prepare('SELECT seq FROM outbox ORDER BY seq').pluck().all())).toEqual([1, 3])
  })

  it('never a row that one of the uplinks has not sent', () => {
    world.reopen({ uplinks: ['cloud', 'files'] })
    world.take({}, 3)
    settle()
    world.store.settle('files', [{ kind: 'delivered', through: 1 }])
    tidyAt(morning + 30 * day)
    expect(world.store.peek('files', 9, 1e6).map(({ seq }) => seq)).toEqual([2, 3])
    expect(count('outbox')).toBe(2)
  })
})

describe('by room', () => {
  const half = 0.6 * 4 * MiB

  beforeEach(() => {
    world.reopen({ budget: 4 * MiB })
  })

  /** Messages until three quarters of the budget are used; `original` bytes and `row` bytes each. */
  function crowd(original: number, row: number): void {
    const body = Buffer.alloc(original, 7)
    while (world.store.status().usedBytes < 3 * MiB) {
      world.take({ original: { kid: 'kid-1', body, keyRecord: null } }, 1, row)
    }
  }

  it('originals of sent messages go before sent rows, the oldest first', () => {
    crowd(3000, 100)
    settle()
    const rows = count('outbox')
    tidyAt(morning)
    expect(world.store.status().usedBytes).toBeLessThanOrEqual(half)
    expect(count('outbox')).toBe(rows)
    expect(count('original')).toBeGreaterThan(0)
    expect(world.one<number>('SELECT min(id) FROM original')).toBeGreaterThan(1)
  })

  it('then sent rows, the oldest first', () => {
    crowd(100, 3000)
    settle()
    tidyAt(morning)
    expect(world.store.status().usedBytes).toBeLessThanOrEqual(half)
    expect(count('original')).toBe(0)
    expect(world.one<number>('SELECT min(seq) FROM outbox')).toBeGreaterThan(1)
    expect(count('outbox')).toBeGreaterThan(0)
  })

  it('pending rows, their originals and held messages stay', () => {
    crowd(1500, 1500)
    const before = [count('outbox'), count('original')]
    tidyAt(morning)
    expect([count('outbox'), count('original')]).toEqual(before)
  })

  it('held messages stay', () => {
    while (world.store.heldRoom() > 4000) {
      world.take({ state: 'held', original: { kid: 'kid-1', body: Buffer.alloc(3000, 7), keyRecord: null } })
    }
    const before = count('original')
    crowd(100, 3000)
    tidyAt(morning)
    expect(count('original', "id IN (SELECT no FROM arrival WHERE state = 'held')")).toBe(before)
  })

  it('the file shrinks again', () => {
    world.reopen({ budget: 16 * MiB })
    world.store.take(Array.from({ length: 500 }, () => world.message({}, 4, 3000)))
    settle()
    const pages = () => world.look(db => db.pragma('page_count', { simple: true })) as number
    const before = pages()
    tidyAt(morning + 15 * day)
    expect(count('outbox')).toBe(0)
    expect(pages()).toBeLessThan(before - 500)
  })

  it('copies of refused messages stay below 1 % of the budget and 1,000', () => {
    const batch = (n: number, bytes: number) =>
      Array.from({ length: n }, () =>
        world.message({ state: 'refused', original: { kid: 'k', body: Buffer.alloc(bytes), keyRecord: null } }),
      )
    world.store.take(batch(100, 1000))
    tidyAt(morning)
    expect(count('original') * 1000).toBeLessThanOrEqual(0.01 * 4 * MiB)
    expect(count('original')).toBeGreaterThan(30)
    world.reopen({ budget: 64 * MiB })
    for (let round = 0; round < 5; round++) world.store.take(batch(500, 10))
    expect(count('original')).toBeLessThanOrEqual(2 * limits.originalRefusedRows)
    tidyAt(morning)
    expect(count('original')).toBe(limits.originalRefusedRows)
  })

  it('a flood of refused messages does not fill the box, even while nothing is sent', () => {
    world.reopen({ budget: 64 * MiB })
    const flood = () => {
      for (let round = 0; round < 10; round++) {
        world.store.take(Array.from({ length: 500 }, () => world.message({ state: 'refused' })))
      }
      return world.store.status().usedBytes
    }
    world.take()
    const [first, entries] = [flood(), count('audit')]
    expect(count('arrival')).toBe(2 * limits.originalRefusedRows + 1)
    expect(flood()).toBe(first)
    expect(count('audit')).toBe(entries)
    expect(world.store.counters().arrival).toBe(10_001)
    tidyAt(morning + 72 * hour + 1)
    expect([count('arrival'), count('original')]).toEqual([1, 1])
    world.take()
    expect(world.one('SELECT detail FROM audit ORDER BY n DESC LIMIT 1')).toBe(
      'kept=1 held=0 refused=10000 arrivals=2-10002 rows=1 seq=2-2',
    )
    expect(world.look(verifyAudit).broken).toBeNull()
    expect(world.reopen().counters().arrival).toBe(10_002)
  })

  it('refused messages go first, at once', () => {
    world.take({ state: 'refused' })
    crowd(100, 3000)
    tidyAt(morning)
    expect(count('arrival', "state = 'refused'")).toBe(0)
    expect(count('original')).toBe(count('arrival'))
  })

  it('a new day key is kept even when the copy of the refused message is not', () => {
    world.reopen({ budget: 64 * MiB })
    const refused = (kid: string) => ({
      state: 'refused' as const,
      original: { kid, body: Buffer.alloc(10), keyRecord: `{"kid":"${kid}"}` },
    })
    for (let round = 0; round < 4; round++) {
      world.store.take(Array.from({ length: 500 }, () => world.message(refused('day-1'))))
    }
    world.take(refused('day-2'))
    expect(count('original')).toBe(2 * limits.originalRefusedRows)
    expect(world.one("SELECT record FROM local_keys WHERE kid = 'day-2'")).toBe('{"kid":"day-2"}')
  })
})

it('stops when its time is over and goes on the next time, with another step, so that each gets its turn', () => {
  for (let round = 0; round < 3; round++) world.store.take(Array.from({ length: 500 }, () => world.message()))
  settle()
  world.store.tidy(morning + 20 * day, 0)
  expect(count('arrival')).toBe(1500)
  for (let round = 0; round < 20; round++) world.store.tidy(morning + 20 * day, 0)
  expect(Math.max(count('seen'), count('arrival'), count('outbox'))).toBeLessThan(1500)
  for (let round = 0; round < 100; round++) world.store.tidy(morning + 20 * day, 0)
  expect([count('seen'), count('arrival'), count('outbox')]).toEqual([0, 0, 0])
})
