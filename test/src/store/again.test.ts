/** Rows that go out again: which ones a page gives, what is written, what the list and the audit say. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { day, hour, minute } from '../../../src/limits.ts'
import type { Again, Span } from '../../../src/ports.ts'
import type { OutboxRow } from '../../../src/records.ts'
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

const deliver = (through: number, uplink = 'cloud') => world.store.settle(uplink, [{ kind: 'delivered', through }])
const anew = (rows: readonly OutboxRow[]): Again[] =>
  rows.map(row => {
    const { seq, day } = world.row()
    return { was: row.seq, row: { ...row, seq, day } }
  })
const span = (more: Partial<Span> = {}): Span => ({ from: { seq: 1 }, to: null, key: null, ...more })
const resend = (more: Partial<Span> = {}) => world.store.resend('cloud', span(more), 'nurse', world.now)

/** Carries the jobs of an uplink out; returns which rows went out again. */
function carryOut(uplink = 'cloud', rows = 200): number[] {
  const sent: number[] = []
  for (;;) {
    const page = world.store.resendPage(uplink, rows, 1e6)
    if (!page) return sent
    world.store.resent(page, anew(page.rows))
    sent.push(...seqs(page.rows))
  }
}

function park(seq: number, uplink = 'cloud'): void {
  world.store.settle(uplink, [{ kind: 'unsendable', seq, code: 'E_UPLINK_REJECTED' }])
}

describe('parked rows', () => {
  it('are listed and shown with what is known of them, and nothing of their value', () => {
    world.take({}, 3)
    park(2)
    const [row] = world.store.parked(10, null)
    expect(row).toEqual({
      uplink: 'cloud',
      seq: 2,
      topic: 'demo.fhir',
      key: 'p1-anna',
      code: 'E_UPLINK_REJECTED',
      at: morning,
      bytes: expect.any(Number),
    })
    expect(world.store.parked(10, 'other')).toEqual([])
    expect(world.store.logged(2)).toEqual({
      seq: 2,
      epoch: world.store.epoch,
      lane: 'data',
      topic: 'demo.fhir',
      key: 'p1-anna',
      headers: '{"cg-verb":"replace"}',
      day: '2026-11-24',
      at: morning,
      onlyFor: null,
      bytes: row?.bytes,
      sealedBytes: 100,
      parked: [{ uplink: 'cloud', code: 'E_UPLINK_REJECTED', at: morning }],
    })
    expect(world.store.logged(9)).toBeNull()
  })

  it('that are written anew leave the list in the same transaction, audited, and are for their uplink only', () => {
    world.reopen({ uplinks: ['cloud', 'files'] })
    world.take({}, 3)
    park(2)
    deliver(3)
    deliver(3, 'files')
    const rows = world.store.parkedRows('cloud', 0, 10, 1e6)
    expect(seqs(rows)).toEqual([2])
    world.store.retry('cloud', anew(rows), 'nurse', world.now)
    expect(world.store.parked(10, null)).toEqual([])
    expect(seqs(world.store.peek('cloud', 10, 1e6))).toEqual([4])
    expect(seqs(world.store.peek('files', 10, 1e6))).toEqual([])
    expect(world.store.cursor('files').through).toBe(4)
    expect(world.one("SELECT actor || ' ' || obj || ' ' || detail FROM audit WHERE act = 'outbox.retry'")).toBe(
      'nurse cloud rows=1 was=2 seq=4',
    )
  })

  it('stay parked where the box is full', () => {
    world.take({}, 3)
    park(2)
    world.reopen({ freeFloor: 1e18 })
    const rows = world.store.parkedRows('cloud', 0, 10, 1e6)
    expect(codeOf(() => world.store.retry('cloud', anew(rows), 'nurse', world.now))).toBe('E_FULL')
    world.putBack()
    expect(world.store.parked(10, null)).toHaveLength(1)
  })

  it('are for both where one uplink stands by for the other', () => {
    world.reopen({ uplinks: ['cloud', 'second'], standby: 'second' })
    world.take({}, 1)
    park(1)
    world.store.retry('cloud', anew(world.store.parkedRows('cloud', 0, 1, 1e6)), 'nurse', world.now)
    expect(seqs(world.store.peek('second', 10, 1e6))).toEqual([1, 2])
  })

  it('of such a pair are not for a third one, and stay for the one that is left of it', () => {
    world.reopen({ uplinks: ['cloud', 'second', 'files'], standby: 'second' })
    world.take({}, 1)
    park(1)
    deliver(1, 'files')
    world.store.retry('cloud', anew(world.store.parkedRows('cloud', 0, 1, 1e6)), 'nurse', world.now)
    expect(world.store.logged(2)?.onlyFor).toBe('cloud,second')
    expect(seqs(world.store.peek('files', 10, 1e6))).toEqual([])
    world.reopen({ uplinks: ['second', 'files'], standby: null })
    expect(seqs(world.store.peek('second', 10, 1e6))).toEqual([1, 2])
    expect(seqs(world.store.peek('files', 10, 1e6))).toEqual([])
  })
})

describe('sent rows', () => {
  it('go out again in pages, over a restart, and the audit knows begin and end', () => {
    world.take({}, 5)
    deliver(4)
    expect(resend({ from: { seq: 2 } })).toEqual({ from: 2, to: 4, rows: 3 })
    const page = world.store.resendPage('cloud', 2, 1e6)!
    expect(seqs(page.rows)).toEqual([2, 3])
    world.store.resent(page, anew(page.rows))
    world.reopen()
    expect(world.store.resends()).toMatchObject([{ uplink: 'cloud', first: 2, next: 4, last: 4, rows: 2 }])
    expect(carryOut()).toEqual([4])
    expect(seqs(world.store.peek('cloud', 10, 1e6))).toEqual([5, 6, 7, 8])
    const audit = world.look(db =>
      db.prepare("SELECT act || ' ' || detail FROM audit WHERE act LIKE 'outbox.%' ORDER BY n").pluck().all(),
    )
    expect(audit).toEqual(['outbox.resend rows 2-4', 'outbox.resent rows=3 of 2-4'])
  })

  it('never rows that are not sent, are parked, wait in the history, are for others, or were sent again', () => {
    world.reopen({ uplinks: ['cloud', 'files'] })
    world.take({}, 4)
    park(2)
    deliver(4)
    world.store.retry('files', anew(world.store.parkedRows('cloud', 0, 1, 1e6)), 'nurse', world.now)
    park(2)
    world.take({}, 3)
    world.now += 16 * minute
    world.store.leaveBehind('cloud', 15 * minute)
    world.store.settle('cloud', [{ kind: 'delivered', through: 6 }], 'history')
    world.take({}, 2)
    deliver(9)
    expect(resend()).toEqual({ from: 1, to: 9, rows: 7 })
    expect(carryOut()).toEqual([1, 3, 4, 6, 9])
    deliver(world.store.counters().seq)
    resend()
    expect(carryOut()).toEqual([1, 3, 4, 6, 9, 10])
  })

  it('from a time, and to a time', () => {
    for (let n = 0; n < 10; n++) {
      world.take({}, 10)
      world.now += hour
    }
    deliver(100)
    expect(resend({ from: { at: morning + 3 * hour }, to: { at: morning + 5 * hour } })).toMatchObject({
      from: 31,
      to: 60,
    })
    expect(carryOut()).toEqual(Array.from({ length: 30 }, (_, at) => 31 + at))
    expect(resend({ from: { at: 0 } })).toMatchObject({ from: 1, to: 100 })
    expect(codeOf(() => resend({ from: { at: morning + 11 * hour } }))).toBe('E_USAGE')
    expect(codeOf(() => resend({ from: { seq: 101 } }))).toBe('E_USAGE')
  })

  it('of one key, with the key records of the day before that it may need', () => {
    const take = (kid: string, subject: string, key: string, hours = 10) => {
      const [head, data] = [world.row(), world.row()]
      world.store.take([
        world.message(
          {
            keys: [{ kid, subject }],
            rows: [
              { ...head, lane: 'key', key: kid },
              { ...data, key },
            ],
            links: [{ from: 'p1-old', to: 'p1-anna' }],
          },
          0,
        ),
      ])
      world.now += hours * hour
    }
    take('k-early', 'p1-anna', 'p1-anna', 40)
    take('k-before', 'p1-anna', 'p1-anna')
    take('k-other', 'p1-berta', 'p1-berta')
    take('k-anna', 'p1-anna', 'p1-anna')
    take('k-tenant', 'tenant', 'place')
    take('k-old', 'p1-old', 'p1-old')
    deliver(12)
    expect(resend({ from: { seq: 7 }, key: 'p1-anna' })).toEqual({ from: 7, to: 12, rows: 6 })
    expect(carryOut('cloud', 2)).toEqual([3, 7, 8, 9, 11])
  })

  it('of a time, also where the clock was set back meanwhile: rather too many than too few', () => {
    for (let n = 0; n < 8; n++) {
      world.take({}, 10)
      world.now += hour
      if (n === 3) world.setClock(-3 * hour)
    }
    deliver(80)
    // rows 31 to 40 came at 11:00, then the clock went back from 12:00 to 9:00
    expect(resend({ from: { at: morning + 2.5 * hour }, to: { at: morning + 2.75 * hour } })).toMatchObject({
      from: 31,
      to: 70,
    })
    expect(resend({ from: { at: morning + 1.5 * hour } })).toMatchObject({ from: 21, to: 80 })
  })

  it('of one key bring the key records of everybody who was merged, in test messages and after a change of mind too', () => {
    const take = (kid: string, subject: string, links: { from: string; to: string | null }[]) => {
      const rows = [
        { ...world.row(), lane: 'key' as const, key: kid },
        { ...world.row(), key: 'p1-anna' },
      ]
      world.store.take([world.message({ keys: [{ kid, subject }], rows, links }, 0)])
    }
    take('k-test', 'p1-tom', [{ from: 'test:p1-tom', to: 'test:p1-anna' }])
    take('k-moved', 'p1-mona', [{ from: 'p1-mona', to: 'p1-anna' }])
    take('k-other', 'p1-otto', [{ from: 'p1-mona', to: 'p1-berta' }])
    take('k-apart', 'p1-mona', [{ from: 'p1-mona', to: null }])
    expect(world.store.link('p1-mona')).toBeNull()
    deliver(8)
    resend({ key: 'p1-anna' })
    expect(carryOut()).toEqual([1, 2, 3, 4, 6, 7, 8])
  })

  it('that were refused at first can be asked for when only their copy is left', () => {
    world.take({}, 1)
    park(1)
    world.now += 3 * day
    world.store.retry('cloud', anew(world.store.parkedRows('cloud', 0, 1, 1e6)), 'nurse', world.now)
    deliver(2)
    resend()
    expect(carryOut()).toEqual([1])
    deliver(3)
    world.now = morning + 8 * day
    world.store.tidy(world.now, 1000)
    expect(world.store.logged(1)).toBeNull()
    resend()
    expect(carryOut()).toEqual([2])
  })

  it('wait while the box is more than three fifths full', () => {
    world.take({}, 3)
    deliver(3)
    resend()
    world.reopen({ budget: 4 * 1024 * 1024 })
    while (world.store.status().usedBytes <= 0.6 * 4 * 1024 * 1024) world.take({}, 1, 30_000)
    expect(world.store.resendPage('cloud', 10, 1e6)).toBeNull()
    expect(world.store.resends()).toHaveLength(1)
    world.reopen({ budget: 64 * 1024 * 1024 })
    expect(carryOut()).toEqual([1, 2, 3])
  })

  it('that have gone by age are not counted; those that are asked for stay until the room is needed', () => {
    world.take({}, 2)
    world.now += day
    world.take({}, 3)
    deliver(5)
    world.now = morning + 8 * day
    world.store.tidy(world.now, 1000)
    expect(resend()).toEqual({ from: 3, to: 5, rows: 3 })
    world.now += 5 * day
    world.store.tidy(world.now, 1000)
    expect(carryOut()).toEqual([3, 4, 5])
    world.store.tidy(world.now, 1000)
    expect(world.store.logged(3)).toBeNull()
    deliver(8)
    resend({ from: { seq: 1 } })
    world.reopen({ budget: 4 * 1024 * 1024 })
    while (world.store.status().usedBytes < 3e6) world.take({}, 1, 30_000)
    deliver(world.store.counters().seq)
    world.store.tidy(world.now, 10_000)
    expect(world.store.logged(6)).toBeNull()
    expect(carryOut()).toEqual([])
  })

  it('are bounded in bytes, one by one if they are large', () => {
    world.take({}, 3, 1000)
    deliver(3)
    resend()
    expect(seqs(world.store.resendPage('cloud', 10, 2500)!.rows)).toEqual([1, 2])
    expect(seqs(world.store.resendPage('cloud', 10, 1)!.rows)).toEqual([1])
  })

  it('end when somebody says so, audited', () => {
    world.take({}, 3)
    deliver(3)
    resend()
    resend({ from: { seq: 2 } })
    expect(world.store.stopResend('cloud', 'nurse', world.now)).toBe(2)
    expect([world.store.resends(), world.store.resendPage('cloud', 1, 1)]).toEqual([[], null])
    expect(world.one("SELECT count(*) FROM audit WHERE act = 'outbox.stop' AND actor = 'nurse'")).toBe(2)
  })

  it('for one uplink hold up no other one, however many they are', () => {
    world.reopen({ uplinks: ['cloud', 'files'], budget: 64 * 1024 * 1024 })
    world.store.take([world.message({}, 12_000, 10)])
    deliver(12_000)
    deliver(12_000, 'files')
    resend()
    expect(carryOut()).toHaveLength(12_000)
    world.take({}, 1)
    world.now += 16 * minute
    expect(world.store.leaveBehind('files', 15 * minute + 1)).toBe(true)
    expect(world.store.history()).toEqual([{ uplink: 'files', first: 22_001, last: 24_001 }])
    expect(seqs(world.store.peek('files', 5, 1e6, 'history'))).toEqual([24_001])
    world.take({}, 1)
    expect(seqs(world.store.peek('files', 5, 1e6))).toEqual([24_002])
  })
})
