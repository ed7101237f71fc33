/** The store against a model of a few arrays, under any order of calls, with closing and opening in between. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { minute } from '../../../src/limits.ts'
import type { Again, Stream } from '../../../src/ports.ts'
import type { OutboxRow } from '../../../src/records.ts'
import { verifyAudit } from '../../../src/store/audit.ts'
import { codeOf, seqs, World } from './world.ts'

/** `of`: the refused row that it is a copy of. */
type Row = Readonly<{ seq: number; again: boolean; of?: number }>
type Part = { first: number; last: number }

/** What the store should know. `cloud` has two streams, `files` has everything in order. */
class Model {
  rows: Row[] = []
  parked = new Set<number>()
  through = 0
  parts: Part[] = []
  files = 0
  held: number[] = []
  arrivals = 0

  get highest(): number {
    return this.rows.length
  }

  /** Rows of a stream that wait for `cloud`; places without any are passed, as a look at them does. */
  look(stream: Stream): number[] {
    for (;;) {
      const [part] = this.parts
      if (stream === 'history' && !part) return []
      const [after, until] = stream === 'live' ? [this.through, this.highest] : [part!.first - 1, part!.last]
      const rows = seqs(this.rows).filter(seq => seq > after && seq <= until && !this.parked.has(seq))
      if (rows.length > 0 || after >= until) return rows
      this.move(stream, until)
    }
  }

  move(stream: Stream, to: number): void {
    if (stream === 'live') {
      this.through = Math.max(this.through, to)
      while (this.parked.has(this.through + 1)) this.through++
      return
    }
    const [part] = this.parts
    if (!part) return
    part.first = Math.max(part.first, to + 1)
    while (this.parked.has(part.first) && part.first <= part.last) part.first++
    if (part.first > part.last) this.parts.shift()
  }

  waits(seq: number): boolean {
    return seq > this.through || this.parts.some(({ first, last }) => first <= seq && seq <= last)
  }

  pending(): number[] {
    return seqs(this.rows).filter(seq => seq > this.files || this.waits(seq))
  }
}

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
      model.rows.push(...taken.rows.map(({ seq }) => ({ seq, again: false })))
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
  readonly stream: Stream
  readonly share: number
  readonly parks: boolean
  constructor(stream: Stream, share: number, parks: boolean) {
    this.stream = stream
    this.share = share
    this.parks = parks
  }
  check = () => true
  run(model: Model, world: World): void {
    const { stream } = this
    const rows = seqs(world.store.peek('cloud', 10, 1e6, stream))
    expect(rows).toEqual(model.look(stream).slice(0, 10))
    const sent = rows.slice(0, Math.ceil(rows.length * this.share))
    const last = sent.at(-1)
    if (last === undefined) return
    if (this.parks) {
      world.store.settle('cloud', [{ kind: 'unsendable', seq: last, code: 'E_UPLINK_REJECTED' }], stream)
      model.parked.add(last)
      model.move(stream, 0)
    }
    world.store.settle('cloud', [{ kind: 'delivered', through: last }], stream)
    model.move(stream, last)
  }
  toString = () => `drain(${this.stream}, ${this.share}, ${this.parks})`
}

/** The other uplink, for which rows that are sent again to the first one are none. */
class DrainFiles implements fc.Command<Model, World> {
  check = () => true
  run(model: Model, world: World): void {
    const expected = model.rows.filter(({ seq, again }) => seq > model.files && !again)
    const rows = seqs(world.store.peek('files', 10, 1e6))
    expect(rows).toEqual(seqs(expected).slice(0, 10))
    if (rows.length > 0) world.store.settle('files', [{ kind: 'delivered', through: rows.at(-1)! }])
    model.files = rows.at(-1) ?? model.highest
  }
  toString = () => 'drainFiles'
}

/** The uplink parks a row while earlier ones are still under way. */
class ParkAhead implements fc.Command<Model, World> {
  check = (model: Readonly<Model>) => model.rows.length > 0
  run(model: Model, world: World): void {
    world.store.settle('cloud', [{ kind: 'unsendable', seq: model.highest, code: 'E_OUTBOX_ROW' }])
    model.parked.add(model.highest)
    model.move('live', 0)
  }
  toString = () => 'parkAhead'
}

class LeaveBehind implements fc.Command<Model, World> {
  check = () => true
  run(model: Model, world: World): void {
    world.now += 16 * minute
    const { epoch } = world.store
    const left = model.rows.some(({ seq, again }) => seq > model.through && !again)
    expect(world.store.leaveBehind('cloud', 15 * minute)).toBe(left)
    if (!left) return
    expect(world.store.epoch).toBeGreaterThan(epoch)
    model.parts.push({ first: model.through + 1, last: model.highest })
    model.through = model.highest
  }
  toString = () => 'leaveBehind'
}

function anew(model: Model, world: World, rows: readonly OutboxRow[]): Again[] {
  const again = rows.map(row => ({ was: row.seq, row: { ...row, seq: world.row().seq } }))
  model.rows.push(...again.map(({ row }) => ({ seq: row.seq, again: true })))
  return again
}

/** A copy of a refused row stands for it once it has gone. */
function copies(model: Model, again: readonly Again[]): void {
  for (const { was, row } of again) {
    const at = model.rows.findIndex(({ seq }) => seq === row.seq)
    const of = model.rows.find(({ seq }) => seq === was)
    const isResent = of?.again === true && of.of === undefined
    if (!isResent) model.rows[at] = { seq: row.seq, again: true, of: was }
  }
}

class Retry implements fc.Command<Model, World> {
  check = (model: Readonly<Model>) => model.parked.size > 0
  run(model: Model, world: World): void {
    const rows = world.store.parkedRows('cloud', 0, 100, 1e6)
    expect(new Set(seqs(rows))).toEqual(model.parked)
    const again = anew(model, world, rows)
    copies(model, again)
    world.store.retry('cloud', again, 'nurse', world.now)
    model.parked.clear()
  }
  toString = () => 'retry'
}

class Resend implements fc.Command<Model, World> {
  readonly from: number
  constructor(from: number) {
    this.from = from
  }
  check = () => true
  run(model: Model, world: World): void {
    const { from } = this
    const stored = new Set(world.look(db => db.prepare('SELECT seq FROM outbox').pluck().all()))
    const { through } = model
    const span = { from: { seq: from }, to: null, key: null }
    const gone = world.look(db => db.prepare('SELECT first, last FROM gone').all()) as Part[]
    const within = (seq: number) => gone.find(({ first, last }) => first <= seq && seq <= last)
    const begin = (within(from)?.last ?? from - 1) + 1
    expect(model.rows.filter(({ seq }) => !within(seq) && !stored.has(seq))).toEqual([])
    if (codeOf(() => world.store.resend('cloud', span, 'nurse', world.now)) === 'E_USAGE') {
      expect(begin).toBeGreaterThan(through)
      return
    }
    const asked = model.rows.filter(({ seq, again, of }) => {
      if (seq < begin || seq > through || !stored.has(seq)) return false
      if (again && (of === undefined || stored.has(of))) return false
      return !model.parked.has(seq) && !model.waits(seq)
    })
    const sent: number[] = []
    for (let page = world.store.resendPage('cloud', 3, 1e6); page; page = world.store.resendPage('cloud', 3, 1e6)) {
      sent.push(...seqs(page.rows))
      world.store.resent(page, anew(model, world, page.rows))
    }
    expect(sent).toEqual(seqs(asked))
  }
  toString = () => `resend(${this.from})`
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
    const { epoch } = world.store
    world.reopen()
    expect(world.store).toMatchObject({ epoch, newEpoch: false })
  }
  toString = () => 'reopen'
}

function compare(model: Model, world: World): void {
  const pending = model.pending()
  const status = world.store.status()
  const stored = new Set(world.look(db => db.prepare('SELECT seq FROM outbox').pluck().all()))
  expect(status).toMatchObject({ seq: model.highest, arrivals: model.arrivals, pending: pending.length })
  expect(status.sent.rows).toBe(stored.size - pending.length)
  expect(status.cursors).toEqual([
    {
      uplink: 'cloud',
      cluster: null,
      partitions: {},
      through: model.through,
      parked: model.parked.size,
      history: model.parts.reduce((sum, { first, last }) => sum + last - first + 1, 0),
    },
    { uplink: 'files', cluster: null, partitions: {}, through: model.files, parked: 0, history: 0 },
  ])
  expect(world.store.history()).toEqual(model.parts.map(part => ({ uplink: 'cloud', ...part })))
  expect(world.store.heldList(1000).map(({ no }) => no)).toEqual(model.held)
  expect([...pending, ...model.parked].filter(seq => !stored.has(seq))).toEqual([])
  const { counted, real } = world.usage()
  expect(counted).toEqual(real)
  const bytes = world.look(db => db.prepare('SELECT seq, octet_length(value) AS value FROM outbox').all()) as {
    seq: number
    value: number
  }[]
  const waiting = bytes.filter(({ seq }) => pending.includes(seq))
  const texts = 'demo.fhir'.length + 'p1-anna'.length + '{"cg-verb":"replace"}'.length + 48
  expect(status.pendingBytes).toBe(waiting.reduce((sum, { value }) => sum + value + texts, 0))
  expect(world.look(verifyAudit).broken).toBeNull()
}

it('does what the model does', () => {
  const stream = fc.constantFrom<Stream>('live', 'history')
  const commands = fc.commands(
    [
      fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }).map(rows => new Take(rows)),
      fc.constant(new Failure()),
      fc.tuple(stream, fc.constantFrom(0.3, 1), fc.boolean()).map(args => new Drain(...args)),
      fc.constant(new DrainFiles()),
      fc.constant(new ParkAhead()),
      fc.constant(new LeaveBehind()),
      fc.constant(new Retry()),
      fc.integer({ min: 1, max: 12 }).map(from => new Resend(from)),
      fc.constant(new Drop()),
      fc.nat(6).map(days => new Tidy(days)),
      fc.constant(new Reopen()),
    ],
    { maxCommands: 30 },
  )
  fc.assert(
    fc.property(commands, sequence => {
      const world = new World({ uplinks: ['cloud', 'files'] })
      const model = new Model()
      try {
        fc.modelRun(() => ({ model, real: world }), sequence)
        compare(model, world)
      } finally {
        world.end()
      }
    }),
    { numRuns: 80 },
  )
})
