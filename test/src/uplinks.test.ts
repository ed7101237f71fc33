import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WayConfig } from '../../src/config/config.ts'
import { UplinkError } from '../../src/errors.ts'
import { minute, second } from '../../src/limits.ts'
import { silent } from '../../src/log.ts'
import type { Uplink } from '../../src/ports.ts'
import type { Outcome, Sealed } from '../../src/records.ts'
import { Uplinks } from '../../src/uplinks.ts'
import { FakeLog } from './fake-log.ts'
import { FakeTime } from './fake-time.ts'

const down = { cause: 'NO_ANSWER', advice: 'wait', waitMs: 0 }

/** What happened at all far sides, in order: `send a`, `sent a`, `close a`, `activate b`. */
type Events = string[]

/** A far side that tests switch off and on, with what arrived there. */
class Cluster {
  readonly name: string
  readonly #time: FakeTime
  readonly #events: Events
  up = true
  sendMs = 0
  checks = 0
  readonly arrived: number[] = []

  constructor(name: string, time: FakeTime, events: Events) {
    this.name = name
    this.#time = time
    this.#events = events
  }

  open(): Uplink {
    return {
      name: this.name,
      connect: async ({ partitions }) => {
        this.checks++
        if (!this.up) throw new UplinkError('E_UPLINK_DOWN', this.name, down)
        return { cluster: this.name, partitions: { 't.fhir': 3, ...partitions } }
      },
      send: async rows => this.#take(rows),
      close: async () => void this.#events.push(`close ${this.name}`),
    }
  }

  async #take(rows: readonly Sealed[]): Promise<Outcome[]> {
    if (!this.up) return [{ kind: 'again', code: 'E_UPLINK_DOWN', waitMs: 0 }]
    this.#events.push(`send ${this.name}`)
    if (this.sendMs > 0) await this.#time.sleep(this.sendMs)
    this.#events.push(`sent ${this.name}`)
    this.arrived.push(...rows.map(({ seq }) => seq))
    return [{ kind: 'delivered', through: rows.at(-1)!.seq }]
  }
}

const way = (name: string, more: Partial<WayConfig> = {}): WayConfig => ({
  name,
  mode: 'both',
  mirrorLag: 15 * minute,
  catchUp: 'newest',
  ...more,
})
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('uplinks', () => {
  let time: FakeTime
  let log: FakeLog
  let a: Cluster
  let b: Cluster
  let uplinks: Uplinks
  let events: Events
  let ticking: (() => void) | null = null

  beforeEach(() => {
    time = new FakeTime()
    log = new FakeLog()
    events = []
    log.onActivate = uplink => events.push(`activate ${uplink}`)
    a = new Cluster('a', time, events)
    b = new Cluster('b', time, events)
  })

  afterEach(async () => {
    ticking?.()
    const stopped = uplinks.stop()
    await time.pass(second)
    await stopped
  })

  async function start(ways: readonly WayConfig[]): Promise<void> {
    const open = (name: string) => (name === 'a' ? a : b).open()
    uplinks = new Uplinks({ ways, open, engine: log.engine, environment: time, log: silent })
    await uplinks.start(log.active)
    const tick = () => {
      ticking = time.after(5 * second, tick)
      void uplinks.watch()
    }
    tick()
    await time.pass(10 * second)
  }

  /** As the command does it. */
  async function switchTo(name: string): Promise<void> {
    uplinks.demandSwitchable(name)
    log.active = name
    await uplinks.switched(name)
    await time.pass(10 * second)
  }

  async function add(count: number): Promise<void> {
    log.add(count)
    uplinks.nudge()
    await time.pass(5 * second)
  }

  const view = (name: string) => uplinks.list().find(one => one.name === name)!

  test('mode both: each gets everything, each at its own pace', async () => {
    b.up = false
    await start([way('a'), way('b')])
    await add(10)
    expect([a.arrived, b.arrived]).toEqual([numbers(1, 10), []])
    expect(uplinks.list()).toMatchObject([
      { name: 'a', mode: 'both', inUse: true, state: 'up', trouble: null, sent: 10 },
      { name: 'b', mode: 'both', inUse: true, state: 'down', trouble: { code: 'E_UPLINK_DOWN', cause: 'NO_ANSWER' } },
    ])
    expect([...uplinks.alarms()]).toEqual(['E_UPLINK_DOWN'])
    expect(() => uplinks.demandSwitchable('b')).toThrow('E_USAGE')
  })

  describe('mode standby', () => {
    const ways = [way('a'), way('b', { mode: 'standby', mirrorLag: 7 * minute })]

    test('the one that stands by gets nothing, is tried, and follows', async () => {
      await start(ways)
      await add(10)
      await time.pass(2 * minute)
      expect([a.arrived, b.arrived]).toEqual([numbers(1, 10), []])
      expect(view('b')).toMatchObject({ mode: 'standby', inUse: false, state: 'standby', trouble: null })
      expect(b.checks).toBeGreaterThanOrEqual(2)
      expect(log.asked).toContainEqual({ ask: 'follow', uplink: 'b', of: 'a', lagMs: 7 * minute })
      expect([...uplinks.alarms()]).toEqual([])
      b.up = false
      await time.pass(minute)
      expect([...uplinks.alarms()]).toEqual(['E_STANDBY'])
      expect(view('b').trouble).toMatchObject({ code: 'E_UPLINK_DOWN', advice: 'wait' })
      b.up = true
      await time.pass(minute)
      expect([...uplinks.alarms()]).toEqual([])
    })

    test('by command: it begins at its own cursor, the first one ends; and back, where the first goes on at its own', async () => {
      await start(ways)
      await add(10)
      log.place('b').through = 6 // as far as it followed
      await switchTo('b')
      await add(5)
      expect([a.arrived, b.arrived]).toEqual([numbers(1, 10), numbers(7, 15)])
      expect(view('a')).toMatchObject({ inUse: false, state: 'standby' })
      expect(view('b')).toMatchObject({ inUse: true, state: 'up' })
      expect([...uplinks.alarms()]).toEqual(['E_SWITCHED'])
      log.asked.length = 0
      a.up = false
      await time.pass(5 * minute)
      expect(log.asked.filter(({ ask }) => ask === 'follow')).toEqual([])
      expect(view('a').trouble).toMatchObject({ code: 'E_UPLINK_DOWN' })
      expect([...uplinks.alarms()]).toEqual(['E_SWITCHED'])
      a.up = true
      await switchTo('a')
      await add(5)
      expect([a.arrived, b.arrived]).toEqual([numbers(1, 20), numbers(7, 15)])
      expect([...uplinks.alarms()]).toEqual([])
      expect(() => uplinks.demandSwitchable('c')).toThrow('E_USAGE')
    })

    test('never two for the same rows: the page in flight comes home before the other one begins', async () => {
      await start(ways)
      a.sendMs = 8 * second
      await add(10)
      const switched = switchTo('b')
      await time.pass(10 * second)
      await switched
      expect(events.indexOf('sent a')).toBeLessThan(events.indexOf('send b'))
    })

    test('a restart keeps the choice', async () => {
      log.active = 'b'
      await start(ways)
      await add(10)
      expect([a.arrived, b.arrived]).toEqual([[], numbers(1, 10)])
    })

    test('a switch that is on disk is carried out though its answer was lost', async () => {
      await start(ways)
      log.active = 'b' // the command was done; who gave it heard nothing
      await time.pass(10 * second)
      await add(10)
      expect([view('b').inUse, a.arrived, b.arrived]).toEqual([true, [], numbers(1, 10)])
    })

    test('without switchAfter it never switches by itself', async () => {
      await start(ways)
      a.up = false
      await add(10)
      await time.pass(120 * minute)
      expect(b.arrived).toEqual([])
    })

    describe('switchAfter', () => {
      const automatic = [way('a'), way('b', { mode: 'standby', switchAfter: 10 * minute })]

      test('switches after the time without the first, and writes it down before it does', async () => {
        await start(automatic)
        await add(10)
        a.up = false
        await add(10)
        await time.pass(9 * minute)
        expect(b.arrived).toEqual([])
        await time.pass(2 * minute)
        expect(b.arrived).toEqual(numbers(1, 20))
        expect(log.active).toBe('b')
        expect(events.indexOf('activate b')).toBeLessThan(events.indexOf('close a'))
        expect(events.indexOf('close a')).toBeLessThan(events.indexOf('send b'))
        a.up = true
        await time.pass(120 * minute)
        expect(view('b').inUse).toBe(true) // back by command only
      })

      test('switches too when the engine is lost before it has said that it is written down', async () => {
        await start(automatic)
        a.up = false
        await add(10)
        log.loseAnswer = 'activate'
        await time.pass(12 * minute)
        expect([view('b').inUse, b.arrived]).toEqual([true, numbers(1, 10)])
        expect(log.asked.filter(({ ask }) => ask === 'activate')).toHaveLength(1)
      })

      test('a short absence of the first does not add up', async () => {
        await start(automatic)
        for (let i = 0; i < 10; i++) {
          a.up = false
          await add(1)
          await time.pass(8 * minute)
          a.up = true
          await time.pass(minute)
        }
        expect(b.arrived).toEqual([])
      })

      test('not to one that does not answer; as soon as it does', async () => {
        await start(automatic)
        a.up = false
        b.up = false
        await add(10)
        await time.pass(60 * minute)
        expect(view('a').inUse).toBe(true)
        b.up = true
        await time.pass(minute)
        expect(b.arrived).toEqual(numbers(1, 10))
      })
    })

    test('accepting makes both look again', async () => {
      await start(ways)
      const before = [a.checks, b.checks]
      uplinks.accepted('a')
      await time.pass(5 * second)
      expect(a.checks).toBeGreaterThan(before[0]!)
      expect(b.checks).toBeGreaterThan(before[1]!)
    })
  })
})
