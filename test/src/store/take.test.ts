import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { codeOf, seqs, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.end())

describe('taking messages', () => {
  it('keeps everything that a message leaves, over a restart', () => {
    const mark = randomBytes(16)
    const taken = world.take(
      {
        original: { kid: 'kid-1', body: Buffer.from('sealed'), keyRecord: '{"kid":"kid-1"}' },
        subjects: ['p1-anna', 'p1-berta'],
        keys: [{ kid: 'kid-out', subject: 'p1-anna' }],
        heads: ['Patient/p1-anna'],
        snapshots: [{ list: 'AllergyIntolerance/p1-anna', ids: ['p1-a', 'p1-b'] }],
        links: [{ from: 'p1-berta', to: 'p1-anna' }],
        work: [{ at: 'OBX-3', mark, code: Buffer.from('sealed code') }],
      },
      3,
    )
    const store = world.reopen()
    expect(store.counters()).toEqual({ arrival: 1, seq: 3 })
    expect(store.peek('cloud', 10, 1e6)).toEqual(taken.rows)
    expect(store.snapshot('AllergyIntolerance/p1-anna')).toEqual(['p1-a', 'p1-b'])
    expect(store.snapshot('AllergyIntolerance/p1-berta')).toEqual([])
    expect(store.link('p1-berta')).toBe('p1-anna')
    expect(store.link('p1-anna')).toBeNull()
    expect(store.work(10)).toEqual([{ sender: 'lab-east', at: 'OBX-3', code: Buffer.from('sealed code'), count: 1 }])
    expect(world.look(db => db.prepare('SELECT id, kid, body FROM original').all())).toEqual([
      { id: 1, kid: 'kid-1', body: Buffer.from('sealed') },
    ])
    expect(
      world.look(db => db.prepare('SELECT subject FROM original_subject WHERE original = 1').pluck().all()),
    ).toEqual(['p1-anna', 'p1-berta'])
    expect(world.one("SELECT kid FROM keys WHERE subject = 'p1-anna'")).toBe('kid-out')
    expect(world.one('SELECT record FROM local_keys')).toBe('{"kid":"kid-1"}')
    expect(world.one("SELECT arrival FROM head WHERE resource = 'Patient/p1-anna'")).toBe(1)
  })

  it('keeps a tombstone as a row without a value', () => {
    world.take({ rows: [{ ...world.row(), value: null }] })
    expect(world.store.peek('cloud', 1, 1)[0]?.value).toBeNull()
  })

  it('writes the whole batch or nothing of it', () => {
    const first = world.message()
    const again = world.message({ no: first.no })
    expect(codeOf(() => world.store.take([first, again]))).toBe('E_DATABASE')
    expect(world.store.counters()).toEqual({ arrival: 0, seq: 0 })
    expect(world.store.status()).toMatchObject({ pending: 0, pendingBytes: 0, arrivals: 0 })
    expect(world.one('SELECT count(*) FROM audit')).toBe(1)
    world.store.take([first])
    expect(world.store.status()).toMatchObject({ pending: 1, arrivals: 1 })
  })

  it('writes one audit entry a batch, with its numbers', () => {
    world.store.take([world.message({}, 2), world.message({ state: 'held' }), world.message({ state: 'refused' })])
    expect(world.look(db => db.prepare('SELECT act, obj, detail FROM audit ORDER BY n DESC LIMIT 1').get())).toEqual({
      act: 'take',
      obj: 'gw-01',
      detail: 'kept=1 held=1 refused=1 arrivals=1-3 rows=2 seq=1-2',
    })
  })

  it('takes an empty batch without a trace', () => {
    world.store.take([])
    expect(world.one('SELECT count(*) FROM audit')).toBe(1)
  })

  it('counts a local code that comes again', () => {
    const work = [{ at: 'OBX-3', mark: Buffer.from('m1'), code: Buffer.from('c1') }]
    world.take({ work })
    world.take({ work: [...work, { at: 'OBX-3', mark: Buffer.from('m2'), code: Buffer.from('c2') }] })
    world.take({ work, sender: 'lab-west' })
    expect(world.store.work(10).map(({ sender, count }) => `${sender} ${count}`)).toEqual([
      'lab-east 2',
      'lab-east 1',
      'lab-west 1',
    ])
    expect(world.store.work(1)).toHaveLength(1)
    expect(world.store.status().worklist).toBe(3)
  })

  it('never lowers a head', () => {
    world.take({ heads: ['Encounter/p1-e'] })
    world.take({ heads: ['Encounter/p1-e'] })
    expect(world.one("SELECT arrival FROM head WHERE resource = 'Encounter/p1-e'")).toBe(2)
  })

  it('gives an original of many people to each of them once', () => {
    world.take({ subjects: ['p1-anna', 'p1-anna', 'p1-berta'] })
    expect(world.one('SELECT count(*) FROM original_subject')).toBe(2)
  })
})

describe('what was seen', () => {
  const control = randomBytes(16)
  const content = randomBytes(16)

  it('finds the same message, and the same id with other content', () => {
    world.take({ seen: { control, content } })
    expect(world.store.seen(control, content)).toEqual({ arrival: 1, state: 'kept', sameContent: true })
    expect(world.store.seen(control, randomBytes(16))).toEqual({ arrival: 1, state: 'kept', sameContent: false })
    expect(world.store.seen(randomBytes(16), content)).toBeNull()
  })

  it('prefers the same content where one id came with several', () => {
    world.take({ seen: { control, content: randomBytes(16) } })
    const second = world.take({ seen: { control, content }, state: 'held' })
    expect(world.store.seen(control, content)).toEqual({ arrival: second.no, state: 'held', sameContent: true })
  })

  it('forgets refused messages and dropped ones, so that they are judged afresh', () => {
    world.take({ seen: { control, content }, state: 'refused' })
    expect(world.store.seen(control, content)).toBeNull()
    const held = world.take({ seen: { control, content }, state: 'held' })
    world.store.dropHeld(held.no, 'nurse', world.now)
    expect(world.store.seen(control, content)).toBeNull()
    const again = world.take({ seen: { control, content } })
    expect(world.store.seen(control, content)).toEqual({ arrival: again.no, state: 'kept', sameContent: true })
  })

  it('refuses a batch with the same message twice', () => {
    const twice = [world.message({ seen: { control, content } }), world.message({ seen: { control, content } })]
    expect(codeOf(() => world.store.take(twice))).toBe('E_DATABASE')
    expect(seqs(world.store.peek('cloud', 10, 1e6))).toEqual([])
  })
})
