import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { morning, World } from './world.ts'

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
