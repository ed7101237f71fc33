import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { day } from '../../../src/limits.ts'
import { judgeEpoch } from '../../../src/store/mark.ts'
import { morning, seqs, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.end())

const file = (name: string) => join(world.dir, name)
const second = morning / 1000

describe('the epoch', () => {
  it('begins with the Unix second and stays over restarts', () => {
    expect(world.store.epoch).toBe(second)
    expect(world.store.newEpoch).toBe(false)
    world.take({}, 3)
    world.store.peek('cloud', 10, 1e6)
    world.now += day
    expect(world.reopen()).toMatchObject({ epoch: second, newEpoch: false })
  })

  it('is a new one when the database is put back to an older state', () => {
    world.take({}, 2)
    world.store.peek('cloud', 10, 1e6)
    world.store.close()
    copyFileSync(file('gateway.db'), file('copy.db'))
    world.open()
    world.take({}, 2)
    expect(seqs(world.store.peek('cloud', 10, 1e6))).toEqual([1, 2, 3, 4])
    world.store.close()
    copyFileSync(file('copy.db'), file('gateway.db'))

    world.now += day
    const store = world.open()
    expect(store).toMatchObject({ epoch: second + day / 1000, newEpoch: true })
    expect(world.one("SELECT outcome FROM audit WHERE act = 'epoch.begin' ORDER BY n DESC LIMIT 1")).toBe('E_EPOCH')
    world.take({}, 1)
    expect(store.peek('cloud', 10, 1e6).map(({ seq, epoch }) => [seq, epoch])).toEqual([
      [1, second],
      [2, second],
      [3, second + day / 1000],
    ])
    expect(world.reopen()).toMatchObject({ epoch: second + day / 1000, newEpoch: false })
  })

  it('is not a new one while the rows that went missing had never left', () => {
    world.store.close()
    copyFileSync(file('gateway.db'), file('copy.db'))
    world.open()
    world.take({}, 2)
    world.store.close()
    copyFileSync(file('copy.db'), file('gateway.db'))
    expect(world.open()).toMatchObject({ epoch: second, newEpoch: false })
  })

  it('is a new one, and higher, when the database is gone and the clock has gone back', () => {
    world.take({}, 1)
    world.store.peek('cloud', 10, 1e6)
    world.store.close()
    rmSync(file('gateway.db'))
    world.now = 0
    expect(world.open()).toMatchObject({ epoch: second + 1, newEpoch: true })
  })

  it.each([
    ['is missing', () => rmSync(file('mark.json'))],
    ['cannot be read', () => writeFileSync(file('mark.json'), '{"epoch":1')],
    ['is of another epoch', () => writeFileSync(file('mark.json'), `{"epoch":${second - 7},"seq":1}`)],
  ])('is a new one when the mark %s', (_, damage) => {
    world.take({}, 1)
    world.store.peek('cloud', 10, 1e6)
    world.store.close()
    damage()
    expect(world.open()).toMatchObject({ epoch: second + 1, newEpoch: true })
    expect(JSON.parse(readFileSync(file('mark.json'), 'utf8'))).toEqual({ epoch: second + 1, seq: 1 })
  })

  it('only ever rises, and is kept exactly when the database has every number of its mark', () => {
    const number = fc.nat(20)
    fc.assert(
      fc.property(
        fc.option(number),
        number,
        fc.option(fc.record({ epoch: number, seq: number })),
        number,
        (epoch, seq, mark, now) => {
          const judged = judgeEpoch({ epoch, seq }, mark, now * 1000)
          const intact = epoch !== null && mark?.epoch === epoch && mark.seq <= seq
          expect(judged.begun).toBe(!intact)
          if (intact) expect(judged.epoch).toBe(epoch)
          else expect(judged.epoch).toBeGreaterThan(Math.max(epoch ?? -1, mark?.epoch ?? -1, now - 1))
        },
      ),
    )
  })
})
