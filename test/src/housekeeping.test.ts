/** When the store is tidied: with a real store, and time that passes when the test says so. */
import { expect, it } from 'vitest'
import { Housekeeping } from '../../src/housekeeping.ts'
import { limits, MiB, minute, second } from '../../src/limits.ts'
import { silent } from '../../src/log.ts'
import { FakeTime } from './fake-time.ts'
import { World } from './store/world.ts'

it('keeps up with 10 messages a second on a disk with 8 ms a sync', async () => {
  const budget = 16 * MiB
  const world = new World({ budget })
  world.lookMs = 8
  const time = new FakeTime()
  const tidy = async (budgetMs: number) => world.store.tidy(world.now, budgetMs)
  const housekeeping = new Housekeeping({ environment: time, log: silent, tidy })
  housekeeping.start()
  let most = 0
  for (let passed = 0; passed < 10 * minute; passed += 5 * second) {
    world.store.take(Array.from({ length: 50 }, () => world.message({}, 5, 1200)))
    world.store.settle('cloud', [{ kind: 'delivered', through: world.store.counters().seq }])
    world.now += 5 * second
    await time.pass(5 * second)
    const { usedBytes } = world.store.status()
    if (usedBytes > limits.pressureShare * budget) housekeeping.soon()
    most = Math.max(most, usedBytes)
  }
  housekeeping.stop()
  expect(most).toBeLessThan(0.75 * budget)
  expect(world.one<number>('SELECT count(*) FROM outbox')).toBeLessThan(10_000)
  world.end()
})

it('comes again soon while more is due, at once where room is needed, else every minute, and goes on after an error', async () => {
  const time = new FakeTime()
  const turns: number[] = []
  const answers = [true, true, false, new Error('engine lost')]
  const tidy = async () => {
    turns.push(time.monotonic())
    const answer = answers.shift() ?? false
    if (answer instanceof Error) throw answer
    return answer
  }
  const housekeeping = new Housekeeping({ environment: time, log: silent, tidy })
  housekeeping.soon()
  housekeeping.start()
  await time.pass(2 * minute + 2 * second)
  expect(turns).toEqual([minute, minute + second, minute + 2 * second, 2 * minute + 2 * second])
  await time.pass(10 * second)
  housekeeping.soon()
  housekeeping.soon()
  await time.pass(0)
  expect(turns.slice(4)).toEqual([2 * minute + 12 * second])
  housekeeping.soon()
  await time.pass(second / 2)
  expect(turns).toHaveLength(5)
  await time.pass(second / 2)
  expect(turns).toHaveLength(6)
  housekeeping.stop()
  housekeeping.soon()
  await time.pass(10 * minute)
  expect(turns).toHaveLength(6)
})
