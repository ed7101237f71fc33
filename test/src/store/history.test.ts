/** Old parts of the log, uplinks that stand by, rows that are for one uplink only: who gets what, and what stays. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { day, hour, minute } from '../../../src/limits.ts'
import type { Stream } from '../../../src/ports.ts'
import { codeOf, morning, seqs, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => {
  const { counted, real } = world.usage()
  expect(counted).toEqual(real)
  world.end()
})

const peek = (stream: Stream = 'live', uplink = 'cloud') => seqs(world.store.peek(uplink, 100, 1e6, stream))
const deliver = (through: number, stream: Stream = 'live', uplink = 'cloud') =>
  world.store.settle(uplink, [{ kind: 'delivered', through }], stream)
const count = (table: string, where = 'true') => world.one<number>(`SELECT count(*) FROM ${table} WHERE ${where}`)

/** `rows` rows, and long nothing. */
function outage(rows: number, uplink = 'cloud'): boolean {
  world.take({}, rows)
  world.now += 16 * minute
  return world.store.leaveBehind(uplink, 15 * minute)
}

describe('leaving rows behind', () => {
  it('happens only where one has waited too long', () => {
    expect(world.store.leaveBehind('cloud', 0)).toBe(false)
    world.take({}, 3)
    world.now += 15 * minute
    expect(world.store.leaveBehind('cloud', 15 * minute + 1)).toBe(false)
    expect(world.store.leaveBehind('cloud', 15 * minute)).toBe(true)
    expect(world.store.leaveBehind('cloud', 0)).toBe(false)
    expect(world.store.cursor('cloud')).toMatchObject({ through: 3, history: 3 })
  })

  it('begins an epoch, which the mark knows first; it is no alarm, not even where the power is cut between the two', () => {
    const before = world.store.epoch
    outage(3)
    const { epoch } = world.store
    const mark = join(world.dir, 'mark.json')
    expect(epoch).toBeGreaterThan(before)
    expect(JSON.parse(readFileSync(mark, 'utf8'))).toEqual({ epoch, seq: 3 })
    expect(world.one("SELECT outcome || ' ' || detail FROM audit WHERE act = 'epoch.begin' ORDER BY n DESC")).toBe(
      'ok seq=3 cloud leaves 1-3',
    )
    expect(world.reopen()).toMatchObject({ epoch, newEpoch: false })
    world.store.close()
    writeFileSync(mark, JSON.stringify({ epoch: epoch + 5, seq: 3 }))
    expect(world.open()).toMatchObject({ epoch: epoch + 6, newEpoch: false })
    world.store.close()
    writeFileSync(mark, JSON.stringify({ epoch: epoch + 9, seq: 4 }))
    expect(world.open().newEpoch).toBe(true)
  })

  it('makes two streams, which end apart; the history goes from its oldest part on', () => {
    expect(outage(3)).toBe(true)
    world.take({}, 2)
    expect(world.store.status()).toMatchObject({ pending: 5, oldestPendingAt: morning })
    expect([peek(), peek('history')]).toEqual([
      [4, 5],
      [1, 2, 3],
    ])
    deliver(4)
    expect(world.store.status()).toMatchObject({ pending: 4, sent: { rows: 1 } })
    world.now += 16 * minute
    expect(world.store.leaveBehind('cloud', 15 * minute)).toBe(true)
    expect(world.store.history()).toEqual([
      { uplink: 'cloud', first: 1, last: 3 },
      { uplink: 'cloud', first: 5, last: 5 },
    ])
    deliver(2, 'history')
    world.reopen()
    expect(peek('history')).toEqual([3])
    deliver(3, 'history')
    expect(peek('history')).toEqual([5])
    deliver(5, 'history')
    expect(world.store.status()).toMatchObject({ pending: 0, pendingBytes: 0, sent: { rows: 5, since: morning } })
    expect([peek(), peek('history'), world.store.history()]).toEqual([[], [], []])
  })

  it('a settled place never goes back, nor beyond its part', () => {
    outage(3)
    world.take({}, 2)
    deliver(2, 'history')
    deliver(1, 'history')
    expect(peek('history')).toEqual([3])
    expect(codeOf(() => deliver(4, 'history'))).toBe('E_INTERNAL')
    expect(world.store.cursor('cloud')).toMatchObject({ through: 3, history: 1 })
  })

  it('parked rows keep their place in the history as well', () => {
    outage(4)
    world.store.settle(
      'cloud',
      [
        { kind: 'unsendable', seq: 2, code: 'E_UPLINK_REJECTED' },
        { kind: 'delivered', through: 1 },
        { kind: 'unsendable', seq: 4, code: 'E_UPLINK_REJECTED' },
      ],
      'history',
    )
    expect(peek('history')).toEqual([3])
    deliver(3, 'history')
    expect(world.store.cursor('cloud')).toMatchObject({ history: 0, parked: 2 })
  })

  it('tidy takes no row that waits in a part, and nothing of its message', () => {
    outage(3)
    world.take({}, 2)
    deliver(5)
    deliver(1, 'history')
    world.now += 30 * day
    world.store.tidy(world.now, 60_000)
    expect([count('outbox'), count('arrival'), count('original')]).toEqual([2, 2, 2])
    deliver(3, 'history')
    world.store.tidy(world.now, 60_000)
    expect([count('outbox'), count('arrival'), count('original')]).toEqual([0, 0, 0])
  })

  it('counts what is pending of two uplinks once, by rows and bytes', () => {
    world.reopen({ uplinks: ['cloud', 'files'] })
    for (let round = 0; round < 4; round++) outage(100)
    world.take({}, 50)
    deliver(420)
    deliver(100, 'history')
    deliver(150, 'history')
    deliver(130, 'live', 'files')
    const bytes = () =>
      world.one(`SELECT sum(octet_length(topic) + octet_length(key) + octet_length(headers)
      + octet_length(value) + 48) FROM outbox WHERE seq > 130`)
    expect(world.store.status()).toMatchObject({ pending: 320, pendingBytes: bytes() })
    deliver(450, 'live', 'files')
    const { pending, pendingBytes, sent } = world.store.status()
    expect([pending, sent.rows]).toEqual([250 + 30, 170])
    expect(pendingBytes).toBeGreaterThan(0)
    expect(sent.bytes + pendingBytes).toBe(world.one("SELECT bytes FROM usage WHERE class = 'log'"))
  })

  it('counts for an uplink that is new what is still there, gaps and all', () => {
    world.take({}, 300)
    world.store.settle('cloud', [
      { kind: 'unsendable', seq: 2, code: 'E_UPLINK_REJECTED' },
      { kind: 'unsendable', seq: 290, code: 'E_UPLINK_REJECTED' },
      { kind: 'delivered', through: 300 },
    ])
    world.now += 9 * day
    world.store.tidy(world.now, 60_000)
    world.take({}, 10)
    world.reopen({ uplinks: ['cloud', 'late'] })
    expect(seqs(world.store.peek('late', 100, 1e6)).slice(0, 3)).toEqual([2, 290, 301])
    const { pending, pendingBytes } = world.store.status()
    expect([pending, pendingBytes]).toEqual([12, world.one("SELECT bytes FROM usage WHERE class = 'log'")])
  })

  it('is of one uplink alone: the others go on in order', () => {
    world.reopen({ uplinks: ['cloud', 'files'] })
    outage(3)
    world.take({}, 1)
    expect([peek(), peek('live', 'files'), peek('history', 'files')]).toEqual([[4], [1, 2, 3, 4], []])
  })
})

describe('an uplink that stands by', () => {
  beforeEach(() => {
    world.reopen({ uplinks: ['a', 'b'], standby: 'b' })
  })

  const through = (uplink: string) => world.store.cursor(uplink).through
  const follow = () => world.store.follow('b', 'a', 15 * minute)

  it('is not waited for, and what it needs stays', () => {
    world.take({}, 3)
    expect(world.store.status()).toMatchObject({ active: 'a', pending: 3 })
    deliver(3, 'live', 'a')
    expect(world.store.status()).toMatchObject({ pending: 0, sent: { rows: 3 } })
    world.store.tidy(morning + 30 * day, 60_000)
    expect(peek('live', 'b')).toEqual([1, 2, 3])
  })

  it('follows to where the first was so long before its last delivery, however long ago that is', () => {
    for (let row = 1; row <= 30; row++) {
      world.take()
      deliver(row, 'live', 'a')
      world.now += minute
    }
    follow()
    expect(through('b')).toBe(15)
    world.now += 10 * day
    follow()
    expect(through('b')).toBe(15)
    world.reopen()
    follow()
    expect(through('b')).toBe(15)
    world.take()
    deliver(31, 'live', 'a')
    follow()
    expect(through('b')).toBe(15)
  })

  it('never goes back, and not past what waits in the history of the first', () => {
    for (let row = 1; row <= 20; row++) {
      world.take()
      deliver(row, 'live', 'a')
      world.now += minute
    }
    follow()
    expect(through('b')).toBe(5)
    outage(5, 'a')
    for (let row = 26; row <= 60; row++) {
      world.take()
      deliver(row, 'live', 'a')
      world.now += minute
    }
    follow()
    expect(through('b')).toBe(20)
    deliver(25, 'history', 'a')
    world.now += minute
    for (let row = 61; row <= 80; row++) {
      world.take()
      deliver(row, 'live', 'a')
      world.now += minute
    }
    follow()
    expect(through('b')).toBeGreaterThan(60)
  })

  it('does not follow into a cluster that the first has only now', () => {
    for (let row = 1; row <= 20; row++) {
      world.take()
      deliver(row, 'live', 'a')
      world.now += minute
    }
    world.store.attach('a', { cluster: 'other', partitions: {} })
    follow()
    expect(through('b')).toBe(0)
  })

  it('takes over at its own place, by a command that is audited and lasts', () => {
    for (let row = 1; row <= 20; row++) {
      world.take()
      deliver(row, 'live', 'a')
      world.now += minute
    }
    follow()
    world.store.activate('b', 'nurse', world.now)
    world.reopen()
    expect(world.store.status()).toMatchObject({ active: 'b', pending: 15 })
    expect(peek('live', 'b')[0]).toBe(6)
    expect(world.one("SELECT actor || ' ' || obj FROM audit WHERE act = 'uplink.switch'")).toBe('nurse b')
    world.store.activate('a', 'nurse', world.now)
    expect(world.store.status()).toMatchObject({ active: 'a', pending: 0 })
  })

  it('gives up its own old parts as far as the first has sent them', () => {
    world.store.activate('b', 'nurse', world.now)
    outage(10, 'b')
    world.store.activate('a', 'nurse', world.now)
    for (let row = 1; row <= 10; row++) {
      deliver(row, 'live', 'a')
      world.now += minute
    }
    world.store.follow('b', 'a', 5 * minute)
    expect(world.store.history()).toEqual([{ uplink: 'b', first: 6, last: 10 }])
  })

  it('is not taken forward by a clock that is set forward, nor by one that was while the box was off', () => {
    world.take({}, 9)
    deliver(1, 'live', 'a')
    world.setClock(3 * hour)
    deliver(2, 'live', 'a')
    follow()
    expect(through('b')).toBe(0)
    world.reopen()
    world.setClock(3 * hour)
    world.reopen()
    deliver(3, 'live', 'a')
    follow()
    expect(through('b')).toBe(0)
    for (let row = 4; row <= 9; row++) {
      world.now += 8 * minute
      deliver(row, 'live', 'a')
    }
    follow()
    expect(through('b')).toBe(7)
  })

  it('is none where nobody stands by', () => {
    world.reopen({ standby: null })
    expect(world.store.status().active).toBeNull()
    expect(codeOf(() => world.store.activate('b', 'nurse', world.now))).toBe('E_USAGE')
  })

  it('is not taken forward by a clock that is set back', () => {
    world.take({}, 3)
    deliver(1, 'live', 'a')
    world.now -= 3 * hour
    deliver(2, 'live', 'a')
    world.now += minute
    deliver(3, 'live', 'a')
    follow()
    expect(through('b')).toBe(0)
    expect(count('passed', "uplink = 'a'")).toBe(2)
  })
})

describe('how long it lasts', () => {
  it('is told from what the messages of the last hour needed', () => {
    expect(world.store.status().hoursLeft).toBeNull()
    for (let round = 0; round < 70; round++) {
      world.take({}, 1, 1000)
      world.now += minute
    }
    const { hoursLeft, budget, usedBytes } = world.store.status()
    const perHour = (60 * world.one<number>("SELECT bytes FROM usage WHERE class = 'need'")) / 70
    expect(hoursLeft).toBeGreaterThan((0.9 * (0.97 * budget - usedBytes)) / perHour)
    expect(hoursLeft).toBeLessThan((1.1 * budget) / perHour)
    world.now += 2 * hour
    expect(world.store.status().hoursLeft).toBeNull()
  })

  it('and how far back the log reaches', () => {
    expect(world.store.status().sent).toEqual({ rows: 0, bytes: 0, since: null })
    world.take({}, 2)
    world.now += day
    world.take({}, 2)
    deliver(3)
    expect(world.store.status().sent).toMatchObject({ rows: 3, since: morning })
    world.store.tidy(morning + 8 * day, 1000)
    expect(world.store.status().sent).toMatchObject({ rows: 1, since: morning + day })
  })
})
