import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { day, GiB, KiB, MiB } from '../../../src/limits.ts'
import { ballastBytes } from '../../../src/store/space.ts'
import { codeOf, morning, World } from './world.ts'

/** Takes messages until the store says no; returns its word and the number of the last message that it took. */
function fill(world: World, bytes: number): [code: string, last: number] {
  for (let last = world.store.counters().arrival; ; last++) {
    const message = world.message({}, 1, bytes)
    const code = codeOf(() => world.store.take([message]))
    if (code === 'no error') continue
    world.putBack()
    return [code, last]
  }
}

const settle = (world: World) =>
  world.store.settle('cloud', [{ kind: 'delivered', through: world.store.counters().seq }])

describe('a full budget', () => {
  let world: World
  afterEach(() => world.end())

  it('refuses, leaves nothing behind, goes on sending, and takes again after what was sent has gone', () => {
    world = new World({ budget: 2 * MiB })
    const [code, last] = fill(world, 10_000)
    expect(code).toBe('E_FULL')
    expect(world.store.counters()).toEqual({ arrival: last, seq: last })
    expect(world.store.status().pending).toBe(last)
    expect(world.store.status().usedBytes).toBeGreaterThan(1.8 * MiB)
    world.store.tidy(morning + day, 10_000)
    expect(world.store.status().pending).toBe(last)

    for (let n = 0; n < 200; n++) world.store.audit('admin', 'look', 'gw-01', 'ok', morning)
    expect(world.store.peek('cloud', last, 1e9)).toHaveLength(last)
    settle(world)
    expect(fill(world, 10_000)[0]).toBe('E_FULL')
    world.store.tidy(morning + day, 10_000)
    expect(fill(world, 10_000)[1]).toBeGreaterThan(last + 10)
    expect(world.usage().counted).toEqual(world.usage().real)
  })

  it('stays full over a restart', () => {
    world = new World({ budget: 2 * MiB })
    const [, last] = fill(world, 10_000)
    world.reopen()
    expect(fill(world, 10_000)).toEqual(['E_FULL', last])
  })

  it('refuses a batch that is larger than what is left as a whole', () => {
    world = new World({ budget: 2 * MiB })
    const batch = Array.from({ length: 50 }, () => world.message({}, 1, 50_000))
    expect(codeOf(() => world.store.take(batch))).toBe('E_FULL')
    expect(world.store.counters()).toEqual({ arrival: 0, seq: 0 })
  })
})

describe('the floor of free space', () => {
  it('stops the taking, not the sending', () => {
    const world = new World()
    world.take()
    world.reopen({ freeFloor: 1e9 * GiB })
    expect(codeOf(() => world.take())).toBe('E_FULL')
    expect(world.store.peek('cloud', 1, 1)).toHaveLength(1)
    settle(world)
    world.store.tidy(morning + day, 1000)
    world.end()
  })
})

const disk = mkdtempSync(join(tmpdir(), 'clinic-gateway-disk-'))
const diskBytes = 96 * MiB

/** A disk of our own, if this user may mount one. */
function mounted(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', disk], { stdio: 'ignore' })
    return true
  } catch {
    rmdirSync(disk)
    return false
  }
}

describe.runIf(mounted())('a truly full disk (needs the right to mount)', () => {
  const filler = join(disk, 'filler')
  const free = () => statfsSync(disk).bavail * statfsSync(disk).bsize

  afterEach(() => {
    execFileSync('umount', ['--lazy', disk])
    rmdirSync(disk)
  })

  it('refuses, opens, sends what it has by giving up its ballast, and recovers', () => {
    const budget = GiB
    const world = new World({ dir: join(disk, 'data'), budget })
    const ballast = join(world.dir, 'ballast')
    expect(ballastBytes(budget)).toBe(32 * MiB)
    expect(existsSync(ballast)).toBe(true)
    for (let n = 0; n < 200; n++) world.take({}, 1, 20_000)
    const kept = world.store.counters().arrival
    writeFileSync(filler, Buffer.alloc(free() - 4 * KiB))
    while (free() > 0) writeFileSync(filler, Buffer.alloc(free()), { flag: 'a' })

    expect(codeOf(() => world.take())).toBe('E_FULL')
    world.putBack()
    world.reopen()
    expect(existsSync(ballast)).toBe(false)
    expect(codeOf(() => world.take())).toBe('E_FULL')
    world.putBack()
    rmSync(filler)
    world.store.tidy(morning, 1000)
    expect(existsSync(ballast)).toBe(true)

    writeFileSync(filler, Buffer.alloc(free()))
    let sent = 0
    for (let rows = world.store.peek('cloud', 50, MiB); rows.length > 0; rows = world.store.peek('cloud', 50, MiB)) {
      world.store.settle('cloud', [{ kind: 'delivered', through: rows.at(-1)!.seq }])
      sent += rows.length
    }
    expect(sent).toBe(kept)
    expect(existsSync(ballast)).toBe(false)
    world.store.tidy(morning + 15 * day, 10_000)
    expect(world.store.status().usedBytes).toBeLessThan(2 * MiB)

    rmSync(filler)
    world.store.tidy(morning + 15 * day, 10_000)
    expect(existsSync(ballast)).toBe(true)
    world.take()
    expect(world.store.status().pending).toBe(1)
    world.end()
  })
})
