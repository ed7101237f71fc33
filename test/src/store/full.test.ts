import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { day, GiB, KiB, MiB } from '../../../src/limits.ts'
import { verifyAudit } from '../../../src/store/audit.ts'
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
    expect(world.store.status().room).toBe(false)
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
    expect(world.store.status().room).toBe(true)
    world.reopen({ freeFloor: 1e9 * GiB })
    expect(world.store.status().room).toBe(false)
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

  /** Takes what is left of the disk, to the last byte. */
  function stuff(): void {
    while (free() > 0) writeFileSync(filler, Buffer.alloc(free()), { flag: 'a' })
  }

  afterAll(() => {
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
    stuff()

    expect(world.store.status().room).toBe(false)
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
    expect(world.store.status()).toMatchObject({ pending: 1, room: true })
    world.end()
  })

  it('housekeeping and reading outlive a disk without a byte, and go on when there is one', () => {
    const world = new World({ dir: join(disk, 'data'), budget: GiB })
    for (let n = 0; n < 200; n++) world.take({ state: n % 2 ? 'kept' : 'refused' }, 1, 20_000)
    settle(world)
    for (let n = 0; n < 10; n++) world.take({ state: 'held' })
    world.take()
    // a fresh WAL, which has to grow for whatever is written
    world.reopen()
    rmSync(join(world.dir, 'ballast'))
    stuff()

    const before = world.store.counters().seq - 1
    expect(codeOf(() => world.store.tidy(morning + 91 * day, 10_000))).toBe('no error')
    expect(world.store.peek('cloud', 9, MiB).filter(({ seq }) => seq <= before)).toEqual([])
    expect(world.store.status()).toMatchObject({ room: false, pending: 1 })

    rmSync(filler)
    world.store.tidy(morning + 91 * day, 10_000)
    expect(world.store.status()).toMatchObject({ room: true, held: 0 })
    expect(world.store.status().usedBytes).toBeLessThan(MiB)
    expect(world.store.peek('cloud', 9, MiB)).toHaveLength(1)
    expect(world.look(verifyAudit).broken).toBeNull()
    world.end()
  })
})
