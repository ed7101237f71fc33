import { describe, expect, test } from 'vitest'
import { KiB, limits, MiB, second } from '../../src/limits.ts'
import { Pace } from '../../src/pace.ts'
import { FakeTime } from './fake-time.ts'

type Line = Readonly<{ requests?: number; roundTrip?: number; bytesPerSecond?: number; rowBytes?: number }>

/** Sends `pages` full pages over a line; returns the size and time of each. */
function send(pace: Pace, pages: number, line: Line) {
  const { requests = 6, roundTrip = 1, bytesPerSecond = 100 * MiB, rowBytes = 1000 } = line
  return Array.from({ length: pages }, () => {
    const { maxRows, maxBytes } = pace.size()
    const rows = Math.max(1, Math.min(maxRows, Math.floor(maxBytes / rowBytes)))
    const bytes = rows * rowBytes
    const ms = requests * roundTrip + (bytes / bytesPerSecond) * second
    pace.sent(rows, bytes, ms)
    return { rows, bytes, ms }
  })
}

describe('pace', () => {
  const nearRows = Math.floor(limits.pageNearBytes / 1000)

  test('begins small, and reaches soon what is of use where the line is fast', () => {
    const pages = send(new Pace(new FakeTime()), 10, {})
    expect(pages[0]!.bytes).toBeLessThanOrEqual(limits.pageFirstBytes)
    expect(pages.at(-1)!.rows).toBe(nearRows)
  })

  test('a distant line comes near: pages are as small again as memory likes them', () => {
    const pace = new Pace(new FakeTime())
    send(pace, 12, { roundTrip: 600 })
    expect(send(pace, 2, {}).at(-1)!.rows).toBe(nearRows)
  })

  test('64 kbit/s: pages come down to about two seconds, and stay there', () => {
    const pages = send(new Pace(new FakeTime()), 30, { roundTrip: 50, bytesPerSecond: 8000 })
    for (const { ms } of pages.slice(3)) expect(ms).toBeLessThan(3 * second)
  })

  test('1 Mbit/s: pages of half a second to two seconds', () => {
    const pages = send(new Pace(new FakeTime()), 30, { roundTrip: 50, bytesPerSecond: 125_000 })
    for (const { ms } of pages.slice(5)) {
      expect(ms).toBeGreaterThan(second / 2)
      expect(ms).toBeLessThan(2.2 * second)
    }
  })

  test('600 ms a request on a wide line: smaller pages would not be quicker, so they grow', () => {
    const pages = send(new Pace(new FakeTime()), 12, { roundTrip: 600 })
    expect(pages.at(-1)!.rows).toBe(limits.peekRows)
  })

  test('a line that gets slow, and well again', () => {
    const pace = new Pace(new FakeTime())
    send(pace, 10, {})
    for (const { ms } of send(pace, 12, { bytesPerSecond: 8000 }).slice(8)) expect(ms).toBeLessThan(3 * second)
    expect(send(pace, 10, {}).at(-1)!.rows).toBe(nearRows)
  })

  test('what could have been larger says nothing: a trickle of single rows does not make a huge page', () => {
    const pace = new Pace(new FakeTime())
    for (let i = 0; i < 100; i++) pace.sent(1, 1000, 5)
    expect(pace.size().maxBytes).toBe(limits.pageFirstBytes)
  })

  test('each failure halves the page, down to a floor', () => {
    const pace = new Pace(new FakeTime())
    send(pace, 10, {})
    const sizes = Array.from({ length: 4 }, () => {
      pace.failed()
      return pace.size().maxBytes / KiB
    })
    expect(sizes).toEqual([64, 32, 16, 16])
    expect(pace.size().maxRows).toBe(limits.pageLeastRows)
  })

  describe('bandwidth', () => {
    test('a page is at most a second’s worth', () => {
      const pace = new Pace(new FakeTime(), 100 * KiB)
      send(pace, 20, {})
      expect(pace.size().maxBytes).toBe(100 * KiB)
    })

    test('what was spent is waited for; a rest is not saved up', async () => {
      const time = new FakeTime()
      const pace = new Pace(time, 1000)
      expect(pace.spend(500)).toBe(0)
      expect(pace.spend(2000)).toBe(500)
      await time.pass(1000)
      expect(pace.spend(1)).toBe(1500)
      await time.pass(3600 * second)
      expect(pace.spend(1000)).toBe(0)
      expect(pace.spend(1000)).toBe(1000)
    })

    test('without a cap nothing waits', () => {
      const pace = new Pace(new FakeTime())
      for (let i = 0; i < 10; i++) expect(pace.spend(MiB)).toBe(0)
    })
  })
})
