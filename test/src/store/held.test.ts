import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { limits, MiB } from '../../../src/limits.ts'
import { codeOf, morning, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.end())

describe('held messages', () => {
  it('are listed with their reason, the longest waiting first', () => {
    world.take()
    world.take({ state: 'held', outline: 'ADT^A01 2.3 MSH EVN' })
    world.take({ state: 'held', rule: 'E_TRANSLATOR', at: null })
    world.take({ state: 'refused' })
    expect(world.store.heldList(10)).toEqual([
      {
        no: 2,
        receivedAt: morning,
        source: 'mllp',
        sender: 'lab-east',
        outline: 'ADT^A01 2.3 MSH EVN',
        rule: 'E_NO_PATIENT',
        at: 'PID-3',
      },
      expect.objectContaining({ no: 3, rule: 'E_TRANSLATOR', at: '' }),
    ])
    expect(world.store.heldList(1)).toHaveLength(1)
    expect(world.store.heldList(Number.MAX_SAFE_INTEGER)).toHaveLength(2)
    expect(world.store.status().held).toBe(2)
  })

  it('end when a person drops them: the original goes, the decision stays', () => {
    const { no } = world.take({ state: 'held' })
    expect(world.store.dropHeld(no, 'nurse', world.now)).toBe(true)
    expect(world.store.dropHeld(no, 'nurse', world.now)).toBe(false)
    expect(world.store.dropHeld(99, 'nurse', world.now)).toBe(false)
    expect(world.store.heldList(10)).toEqual([])
    expect(world.one('SELECT count(*) FROM original')).toBe(0)
    expect(world.one('SELECT count(*) FROM original_subject')).toBe(0)
    expect(world.one('SELECT count(*) FROM arrival')).toBe(0)
    expect(world.one("SELECT group_concat(actor || ' ' || act || ' ' || obj) FROM audit WHERE actor = 'nurse'")).toBe(
      `nurse held.drop ${no}`,
    )
  })

  it('a kept message cannot be dropped', () => {
    const { no } = world.take()
    expect(world.store.dropHeld(no, 'nurse', world.now)).toBe(false)
    expect(world.one('SELECT count(*) FROM original')).toBe(1)
  })
})

describe('the share of held messages', () => {
  const held = (bytes: number) =>
    world.message({ state: 'held', original: { kid: 'kid-1', body: Buffer.alloc(bytes), keyRecord: null } })

  it('cannot be passed: the batch is refused whole, and others are taken as before', () => {
    world.reopen({ budget: 2 * MiB })
    expect(world.store.heldRoom()).toBe(MiB / 2)
    const bytes = 10_000 + limits.arrivalRowBytes
    while (world.store.heldRoom() >= bytes) world.store.take([held(10_000)])
    const before = world.store.status()
    expect(before).toMatchObject({ heldBudget: MiB / 2, heldBytes: before.held * bytes, room: true })
    expect(before.usedBytes).toBeLessThan(1.5 * before.heldBudget)

    expect(codeOf(() => world.store.take([world.message(), held(10_000)]))).toBe('E_HELD_QUOTA')
    world.putBack()
    expect(world.store.status()).toEqual(before)
    world.store.take([world.message(), world.message({ state: 'refused' })])

    world.store.dropHeld(1, 'nurse', morning)
    world.reopen()
    expect(world.store.heldRoom()).toBeGreaterThanOrEqual(bytes)
    world.store.take([held(10_000)])
  })

  it('is passed by no number of small messages either', () => {
    world.reopen({ budget: 4 * MiB })
    const small = () => Array.from({ length: 100 }, () => held(100))
    while (world.store.heldRoom() >= 100 * (100 + limits.arrivalRowBytes)) world.store.take(small())
    expect(codeOf(() => world.store.take(small()))).toBe('E_HELD_QUOTA')
    world.putBack()
    expect(world.store.status().usedBytes).toBeLessThan(1.5 * MiB)
  })

  it('leaves no room where a smaller budget came later', () => {
    world.store.take(Array.from({ length: 50 }, () => held(10_000)))
    world.reopen({ budget: MiB })
    expect(world.store.heldRoom()).toBe(0)
  })
})
