import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { codeOf, morning, seqs, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.end())

const peek = (uplink = 'cloud') => seqs(world.store.peek(uplink, 100, 1e6))

describe('peek', () => {
  it('gives rows in order, bounded in rows and bytes, always one', () => {
    world.take({}, 5, 1000)
    expect(seqs(world.store.peek('cloud', 2, 1e6))).toEqual([1, 2])
    expect(seqs(world.store.peek('cloud', 100, 2500))).toEqual([1, 2])
    expect(seqs(world.store.peek('cloud', 100, 1))).toEqual([1])
  })

  it('gives the same rows until they are settled', () => {
    world.take({}, 3)
    expect(peek()).toEqual([1, 2, 3])
    expect(peek()).toEqual([1, 2, 3])
    world.store.settle('cloud', [{ kind: 'delivered', through: 2 }])
    expect(peek()).toEqual([3])
    world.reopen()
    expect(peek()).toEqual([3])
  })

  it('raises the mark before rows leave', () => {
    world.take({}, 2)
    const mark = () => JSON.parse(readFileSync(join(world.dir, 'mark.json'), 'utf8'))
    expect(mark()).toEqual({ epoch: world.store.epoch, seq: 0 })
    world.store.peek('cloud', 1, 1)
    expect(mark()).toEqual({ epoch: world.store.epoch, seq: 2 })
    expect(existsSync(join(world.dir, 'mark.json.new'))).toBe(false)
  })

  it('knows only configured uplinks', () => {
    expect(codeOf(() => world.store.peek('other', 1, 1))).toBe('E_INTERNAL')
    expect(codeOf(() => world.store.cursor('other'))).toBe('E_INTERNAL')
  })
})

describe('settle', () => {
  it('never moves a cursor back, nor beyond the log', () => {
    world.take({}, 3)
    world.store.settle('cloud', [{ kind: 'delivered', through: 2 }])
    world.store.settle('cloud', [{ kind: 'delivered', through: 1 }])
    expect(world.store.cursor('cloud').through).toBe(2)
    expect(codeOf(() => world.store.settle('cloud', [{ kind: 'delivered', through: 4 }]))).toBe('E_INTERNAL')
    expect(world.store.cursor('cloud').through).toBe(2)
  })

  it('leaves everything where it is after `again`', () => {
    world.take({}, 2)
    world.store.settle('cloud', [{ kind: 'again', code: 'E_UPLINK_DOWN', waitMs: 200 }])
    expect(peek()).toEqual([1, 2])
  })

  it('parks a row in the middle, which keeps its place', () => {
    world.take({}, 4)
    world.store.settle('cloud', [
      { kind: 'unsendable', seq: 2, code: 'E_UPLINK_REJECTED' },
      { kind: 'delivered', through: 3 },
    ])
    expect(world.store.cursor('cloud')).toMatchObject({ uplink: 'cloud', through: 3, parked: 1, history: 0 })
    expect(peek()).toEqual([4])
    expect(world.one('SELECT count(*) FROM outbox WHERE seq = 2')).toBe(1)
    expect(world.one("SELECT obj || ' ' || outcome FROM audit WHERE act = 'outbox.park'")).toBe('2 E_UPLINK_REJECTED')
  })

  it('passes parked rows at the end of what was delivered', () => {
    world.take({}, 4)
    world.store.settle('cloud', [
      { kind: 'delivered', through: 2 },
      { kind: 'unsendable', seq: 3, code: 'E_UPLINK_REJECTED' },
      { kind: 'unsendable', seq: 4, code: 'E_UPLINK_REJECTED' },
    ])
    expect(world.store.cursor('cloud')).toMatchObject({ through: 4, parked: 2 })
    expect(world.store.status().pending).toBe(0)
  })

  it('passes over a row that was parked while earlier ones were still under way', () => {
    world.take({}, 3)
    world.store.settle('cloud', [{ kind: 'unsendable', seq: 2, code: 'E_OUTBOX_ROW' }])
    expect(peek()).toEqual([1, 3])
    world.store.settle('cloud', [{ kind: 'delivered', through: 1 }])
    expect(world.store.cursor('cloud').through).toBe(2)
    expect(codeOf(() => world.store.settle('cloud', [{ kind: 'unsendable', seq: 9, code: 'E_OUTBOX_ROW' }]))).toBe(
      'E_INTERNAL',
    )
  })
})

describe('several uplinks', () => {
  it('have a cursor each; what one of them lacks is pending', () => {
    world.reopen({ uplinks: ['cloud', 'files'] })
    world.take({}, 3)
    world.store.settle('cloud', [{ kind: 'delivered', through: 3 }])
    expect(peek('cloud')).toEqual([])
    expect(peek('files')).toEqual([1, 2, 3])
    expect(world.store.status().pending).toBe(3)
    world.store.settle('files', [{ kind: 'delivered', through: 2 }])
    expect(world.store.status().pending).toBe(1)
  })

  it('a new one begins with everything that is still in the log; one that has gone does not count', () => {
    world.take({}, 3)
    world.store.settle('cloud', [{ kind: 'delivered', through: 3 }])
    expect(world.store.status()).toMatchObject({ pending: 0, pendingBytes: 0 })
    world.reopen({ uplinks: ['cloud', 'second'] })
    expect(peek('second')).toEqual([1, 2, 3])
    expect(world.store.status().pending).toBe(3)
    world.reopen({ uplinks: ['cloud'] })
    expect(world.store.status()).toMatchObject({ pending: 0, pendingBytes: 0 })
  })

  it('without any, everything is pending', () => {
    world.reopen({ uplinks: [] })
    world.take({}, 2)
    expect(world.store.status()).toMatchObject({ pending: 2, cursors: [], oldestPendingAt: morning })
  })

  it('remember the cluster that they belong to', () => {
    world.store.attach('cloud', { cluster: 'lkc-1', partitions: {} })
    world.reopen()
    expect(world.store.cursor('cloud').cluster).toBe('lkc-1')
  })
})

describe('status', () => {
  it('counts pending rows and bytes, and knows the oldest', () => {
    world.take({}, 2, 500)
    world.now += 5000
    world.take({}, 1, 500)
    const before = world.store.status()
    expect(before).toMatchObject({ pending: 3, arrivals: 2, seq: 3, oldestPendingAt: morning, held: 0 })
    expect(before.pendingBytes).toBeGreaterThan(1500)
    expect(before.usedBytes).toBeLessThan(before.budget)
    world.store.settle('cloud', [{ kind: 'delivered', through: 2 }])
    expect(world.store.status()).toMatchObject({ pending: 1, oldestPendingAt: morning + 5000 })
    world.store.settle('cloud', [{ kind: 'delivered', through: 3 }])
    expect(world.store.status()).toMatchObject({ pending: 0, pendingBytes: 0, oldestPendingAt: null })
  })
})
