/** The store against a model of a few arrays, under any order of calls, with closing and opening in between. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { verifyAudit } from '../../../src/store/audit.ts'
import { codeOf, seqs, World } from './world.ts'

type Model = { rows: number[]; parked: Set<number>; through: number; held: number[]; arrivals: number }

class Take implements fc.Command<Model, World> {
  readonly rows: readonly number[]
  constructor(rows: readonly number[]) {
    this.rows = rows
  }
  check = () => true
  run(model: Model, world: World): void {
    const batch = this.rows.map(rows => world.message({ state: rows === 0 ? 'held' : 'kept' }, rows, 50))
    world.store.take(batch)
    for (const taken of batch) {
      model.arrivals++
      if (taken.state === 'held') model.held.push(taken.no)
      model.rows.push(...seqs(taken.rows))
    }
  }
  toString = () => `take(${this.rows})`
}

class Failure implements fc.Command<Model, World> {
  check = () => true
  run(_: Model, world: World): void {
    const message = world.message({}, 2)
    expect(codeOf(() => world.store.take([message, message]))).toBe('E_DATABASE')
    world.putBack()
  }
  toString = () => 'failure'
}

/** An uplink that takes `share` of what it is given and parks some of it. */
class Drain implements fc.Command<Model, World> {
  readonly share: number
  readonly parks: boolean
  constructor(share: number, parks: boolean) {
    this.share = share
    this.parks = parks
  }
  check = () => true
  run(model: Model, world: World): void {
    const expected = model.rows.filter(seq => seq > model.through && !model.parked.has(seq)).slice(0, 10)
    const rows = seqs(world.store.peek('cloud', 10, 1e6))
    expect(rows).toEqual(expected)
    const sent = rows.slice(0, Math.ceil(rows.length * this.share))
    const last = sent.at(-1)
    if (last === undefined) return
    if (this.parks) {
      world.store.settle('cloud', [{ kind: 'unsendable', seq: last, code: 'E_UPLINK_REJECTED' }])
      model.parked.add(last)
    }
    world.store.settle('cloud', [{ kind: 'delivered', through: last }])
    model.through = last
    while (model.parked.has(model.through + 1)) model.through++
  }
  toString = () => `drain(${this.share}, ${this.parks})`
}

/** The uplink parks a row while earlier ones are still under way. */
class ParkAhead implements fc.Command<Model, World> {
  check = (model: Readonly<Model>) => model.rows.length > 0
  run(model: Model, world: World): void {
    const last = model.rows.at(-1)!
    world.store.settle('cloud', [{ kind: 'unsendable', seq: last, code: 'E_OUTBOX_ROW' }])
    model.parked.add(last)
    while (model.parked.has(model.through + 1)) model.through++
  }
  toString = () => 'parkAhead'
}

class Drop implements fc.Command<Model, World> {
  check = (model: Readonly<Model>) => model.held.length > 0
  run(model: Model, world: World): void {
    const no = model.held.shift()!
    expect(world.store.dropHeld(no, 'nurse', world.now)).toBe(true)
  }
  toString = () => 'drop'
}

/** Days later, so that sent rows and old messages go. */
class Tidy implements fc.Command<Model, World> {
  readonly days: number
  constructor(days: number) {
    this.days = days
  }
  check = () => true
  run(_: Model, world: World): void {
    world.now += this.days * 86_400_000
    world.store.tidy(world.now, 1000)
  }
  toString = () => `tidy(${this.days})`
}

class Reopen implements fc.Command<Model, World> {
  check = () => true
  run(_: Model, world: World): void {
    world.reopen()
    expect(world.store.newEpoch).toBe(false)
  }
  toString = () => 'reopen'
}

function compare(model: Model, world: World): void {
  const pending = model.rows.filter(seq => seq > model.through)
  const status = world.store.status()
  expect(status).toMatchObject({ seq: model.rows.length, arrivals: model.arrivals, pending: pending.length })
  expect(status.cursors).toEqual([
    { uplink: 'cloud', cluster: null, through: model.through, parked: model.parked.size },
  ])
  expect(world.store.heldList(1000).map(({ no }) => no)).toEqual(model.held)
  const stored = new Set(world.look(db => db.prepare('SELECT seq FROM outbox').pluck().all()))
  expect([...pending, ...model.parked].filter(seq => !stored.has(seq))).toEqual([])
  const { counted, real } = world.usage()
  expect(counted).toEqual(real)
  expect(world.look(verifyAudit).broken).toBeNull()
}

it('does what the model does', () => {
  const commands = fc.commands(
    [
      fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }).map(rows => new Take(rows)),
      fc.constant(new Failure()),
      fc.tuple(fc.constantFrom(0.3, 1), fc.boolean()).map(([share, parks]) => new Drain(share, parks)),
      fc.constant(new ParkAhead()),
      fc.constant(new Drop()),
      fc.nat(6).map(days => new Tidy(days)),
      fc.constant(new Reopen()),
    ],
    { maxCommands: 25 },
  )
  fc.assert(
    fc.property(commands, sequence => {
      const world = new World()
      const model: Model = { rows: [], parked: new Set(), through: 0, held: [], arrivals: 0 }
      try {
        fc.modelRun(() => ({ model, real: world }), sequence)
        compare(model, world)
      } finally {
        world.end()
      }
    }),
    { numRuns: 60 },
  )
})
