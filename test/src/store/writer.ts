/**
 * A process that opens the store and takes messages of two rows for ever: `node writer.ts DIR LOG [FULL|NORMAL]
 * [PAUSE_MS]`. After each acknowledged take it appends `<arrival> <begun> <done>` to LOG, which lies on another disk; the
 * clock is the machine's monotonic one. Every tenth time an uplink takes what there is. `held` instead of a pause: it opens the store, says so and waits.
 */
import { appendFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { World } from './world.ts'

const [dir = '', log = '', synchronous = 'FULL', pause = '0'] = process.argv.slice(2)
const world = new World({ dir, synchronous: synchronous === 'NORMAL' ? 'NORMAL' : 'FULL' })

if (pause === 'held') {
  appendFileSync(log, 'open\n')
  await wait(60_000)
}
function drain(): void {
  const last = world.store.peek('cloud', 100, 1e6).at(-1)
  if (last) world.store.settle('cloud', [{ kind: 'delivered', through: last.seq }])
}

for (;;) {
  const begun = process.hrtime.bigint()
  const { no } = world.take({}, 2, 400)
  appendFileSync(log, `${no} ${begun} ${process.hrtime.bigint()}\n`)
  if (no % 10 === 0) drain()
  if (Number(pause) > 0) await wait(Number(pause))
}
