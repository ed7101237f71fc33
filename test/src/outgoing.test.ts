/** The two streams and the rows that go out again, through a real engine, Protector and store, read by the real reader. */
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../../src/commands.ts'
import { machine } from '../../src/environment.ts'
import { GatewayError } from '../../src/errors.ts'
import { hour, minute } from '../../src/limits.ts'
import type { Command, Store, Stream } from '../../src/ports.ts'
import { createDemoKeys } from '../../src/protect/index.ts'
import { Reader, ReaderKeys } from '../../src/reader/index.ts'
import type { Change, Sealed, Translated } from '../../src/records.ts'
import { codeOf } from './store/world.ts'
import { allergyChange, arrivalOf, directory, names, openWorld, patientChange, type World } from './world.ts'

let keys: string
beforeAll(() => {
  keys = mkdtempSync(join(tmpdir(), 'cg-outgoing-keys-'))
  createDemoKeys(keys, { ...names, environment: machine })
})
afterAll(() => rmSync(keys, { recursive: true, force: true }))

const rooms: Room[] = []
afterEach(() => {
  for (const room of rooms.splice(0)) room.end()
})

const authority = 'urn:oid:2.16.840.1.113883.19.5'
const doctor: Change = {
  verb: 'ensure',
  resource: { resourceType: 'Practitioner', id: 'doctor', name: [{ family: 'Quitte' }] },
  identity: [{ system: authority, value: 'D-1' }],
  subject: null,
}

/** `4711 ensure`, `4711 replace`, `4711 list a,b`: what one message says of a patient. */
function translate(text: string): Partial<Translated> {
  const [value = '', verb, list = ''] = text.split(' ')
  const subject = { system: authority, value }
  if (verb !== 'list') return { changes: [doctor, patientChange(value, { verb: verb as Change['verb'] })] }
  const allergies = list.split(',').filter(code => code !== '')
  return {
    changes: [patientChange(value, { verb: 'ensure' }), ...allergies.map(code => allergyChange(value, code))],
    snapshots: [{ type: 'AllergyIntolerance', subject }],
  }
}

/** An engine of its own with a clock to move, and what two uplinks got: `cloud` in two streams, `line` all in order. */
class Room {
  readonly dir = mkdtempSync(join(tmpdir(), 'cg-outgoing-'))
  now = Date.parse('2026-11-24T08:00:00.000Z')
  world: World
  readonly got: Sealed[] = []
  readonly reader: Reader
  #messages = 0

  constructor(uplinks: readonly string[] = ['cloud', 'line'], standby: string | null = null) {
    cpSync(keys, this.dir, { recursive: true })
    chmodSync(join(this.dir, 'box'), 0o700)
    this.world = this.#open(uplinks, standby)
    this.reader = newReader(this.dir)
    rooms.push(this)
  }

  #open(uplinks: readonly string[] = ['cloud', 'line'], standby: string | null = null): World {
    const environment = { ...machine, now: () => this.now }
    return openWorld(translate, { dir: this.dir, environment, uplinks, standby })
  }

  get store(): Store {
    return this.world.store
  }

  crash(): void {
    this.world.close()
    this.world = this.#open()
  }

  say(text: string): void {
    const messageId = `m${++this.#messages}`
    const [verdict] = this.world.engine.take([arrivalOf(text, { messageId, receivedAt: this.now })])
    expect(verdict?.kind).toBe('kept')
  }

  outage(ms = 16 * minute): boolean {
    this.now += ms
    return this.world.engine.outgoing.leaveBehind('cloud')
  }

  /** One page of a stream; without `settled` its acknowledgement was lost. */
  send(stream: Stream, rows: number, settled = true): Sealed[] {
    const page = this.world.engine.peek('cloud', rows, 1e8, stream)
    this.got.push(...page)
    for (const record of page) feed(this.reader, record)
    const last = page.at(-1)
    if (last && settled) this.store.settle('cloud', [{ kind: 'delivered', through: last.seq }], stream)
    return page
  }

  park(stream: Stream): void {
    const [row] = this.world.engine.peek('cloud', 1, 1e8, stream)
    if (row) this.store.settle('cloud', [{ kind: 'unsendable', seq: row.seq, code: 'E_UPLINK_REJECTED' }], stream)
  }

  drain(): void {
    for (const stream of ['live', 'history', 'live'] as const) while (this.send(stream, 50).length > 0);
  }

  /** Everything in order, as an uplink without outages sends it. */
  line(): Sealed[] {
    const all: Sealed[] = []
    for (;;) {
      const page = this.world.engine.peek('line', 500, 1e8)
      const last = page.at(-1)
      if (!last) return all
      all.push(...page)
      this.store.settle('line', [{ kind: 'delivered', through: last.seq }])
    }
  }

  end(): void {
    this.world.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

function commandRoom({ world }: Room): Parameters<typeof runCommand>[0] {
  return { ...world, directory: () => directory, reload: () => directory }
}

function newReader(dir: string): Reader {
  return new Reader({ keys: ReaderKeys.fromFolder(join(dir, 'reader'), { allowDemo: true }) })
}

function feed(reader: Reader, { topic, key, headers, value }: Sealed): void {
  reader.take({ topic, partition: 0, key, headers: JSON.parse(headers), value })
}

function readAll(dir: string, records: readonly Sealed[]): Reader {
  const reader = newReader(dir)
  for (const record of records) feed(reader, record)
  return reader
}

function stateOf(reader: Reader): unknown {
  const entries = [...reader.state()].map(([reference, { facts, opened }]) => {
    return [reference, facts.version, facts.verb, JSON.stringify(opened.resource)]
  })
  return entries.sort()
}

const header = ({ headers }: Sealed, name: string) => (JSON.parse(headers) as Record<string, string>)[name]
const seqs = (records: readonly Sealed[]) => records.map(({ seq }) => seq)
const sound = { badSignature: 0, malformed: 0, badKeys: 0, unknownKey: 0, failedTokens: 0 }

describe('two streams', () => {
  it('what is new goes first after a long outage; what is old follows, marked and signed anew', () => {
    const room = new Room()
    room.say('1 replace')
    const before = room.store.epoch
    expect(room.outage(14 * minute)).toBe(false)
    expect(room.outage(2 * minute)).toBe(true)
    expect(room.store.epoch).toBeGreaterThan(before)
    room.say('1 list a')
    const fresh = room.send('live', 100)
    expect(new Set(fresh.map(row => header(row, 'cg-epoch')))).toEqual(new Set([String(room.store.epoch)]))
    expect(fresh.filter(row => header(row, 'cg-historical'))).toEqual([])
    const old = room.send('history', 100)
    expect(seqs(old)[0]).toBe(1)
    expect(old.map(row => [row.lane, header(row, 'cg-historical')])).toEqual(
      old.map(row => [row.lane, row.lane === 'data' ? '1' : undefined]),
    )
    expect(room.reader.counters).toMatchObject({ ...sound, repeats: 0 })
    expect(room.store.status()).toMatchObject({ cursors: [{ uplink: 'cloud', history: 0 }, {}] })
    expect(stateOf(room.reader)).toEqual(stateOf(readAll(room.dir, room.line())))
  })

  it('a page of the history is the same bytes each time, and differs from the first record in mark and signature only', () => {
    const room = new Room()
    room.say('1 replace')
    const [plain] = room.world.engine.peek('line', 10, 1e8).filter(row => row.lane === 'data')
    room.outage()
    const once = room.send('history', 10, false)
    expect(room.send('history', 10)).toEqual(once)
    const [marked] = once.filter(row => row.lane === 'data')
    const { 'cg-sig': old, ...headers } = JSON.parse(plain!.headers)
    const { 'cg-sig': sig, 'cg-historical': mark, ...others } = JSON.parse(marked!.headers)
    expect([mark, others, marked?.value, marked?.seq]).toEqual(['1', headers, plain?.value, plain?.seq])
    expect(sig).not.toBe(old)
    expect(Object.keys(JSON.parse(marked!.headers)).slice(-4)).toEqual([
      'cg-purpose',
      'cg-historical',
      'cg-policy',
      'cg-sig',
    ])
  })

  it('the new stream opens without a record of the old one, and says again what it ensures', () => {
    const room = new Room()
    room.say('1 replace')
    room.outage()
    room.say('1 ensure')
    const fresh = room.world.engine.peek('cloud', 100, 1e8)
    expect(fresh.map(row => row.lane)).toContain('key')
    const reader = readAll(room.dir, fresh)
    expect(reader.counters).toMatchObject(sound)
    expect([...reader.state().keys()].map(reference => reference.split('/')[0]).sort()).toEqual([
      'Patient',
      'Practitioner',
    ])
  })

  it('several outages: the oldest part first, all of them while new rows pass', () => {
    const room = new Room()
    for (const text of ['1 replace', '2 replace', '3 replace']) {
      room.say(text)
      room.outage()
    }
    room.say('1 list a')
    const fresh = room.send('live', 1)
    const old = [
      room.send('history', 2),
      room.send('history', 100),
      room.send('history', 100),
      room.send('history', 100),
    ]
    expect(seqs(old.flat())).toEqual(Array.from({ length: (fresh[0]?.seq as number) - 1 }, (_, at) => at + 1))
    expect(room.send('history', 100)).toEqual([])
  })

  it('any mixture of streams, repeats, outages, crashes, refusals and resends ends in the same state, and no record is taken for a repeat that is none', () => {
    const text = fc.tuple(fc.constantFrom('1', '2'), fc.constantFrom('replace', 'ensure', 'list', 'list a', 'list a,b'))
    const act = fc.oneof(
      {
        weight: 6,
        arbitrary: text.map(
          ([who, what]) =>
            (room: Room) =>
              room.say(`${who} ${what}`),
        ),
      },
      {
        weight: 6,
        arbitrary: fc
          .tuple(fc.constantFrom<Stream>('live', 'history'), fc.integer({ min: 1, max: 4 }), fc.boolean())
          .map(
            ([stream, rows, settled]) =>
              (room: Room) =>
                void room.send(stream, rows, settled),
          ),
      },
      { weight: 3, arbitrary: fc.constant((room: Room) => void room.outage()) },
      { weight: 1, arbitrary: fc.constant((room: Room) => room.crash()) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Stream>('live', 'history').map(stream => (room: Room) => room.park(stream)),
      },
      {
        weight: 1,
        arbitrary: fc.constant((room: Room) => void room.world.engine.outgoing.retry('cloud', null, 'nurse')),
      },
      {
        weight: 1,
        arbitrary: fc.nat(20).map(seq => (room: Room) => {
          const span = { from: { seq: seq + 1 }, to: null, key: null }
          expect(['no error', 'E_USAGE']).toContain(codeOf(() => room.store.resend('cloud', span, 'nurse', room.now)))
        }),
      },
    )
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), acts => {
        const room = new Room()
        try {
          for (const one of acts) one(room)
          room.world.engine.outgoing.retry('cloud', null, 'nurse')
          room.drain()
          const line = room.line()
          expect(stateOf(room.reader)).toEqual(stateOf(readAll(room.dir, line)))
          const places = new Set(room.got.map(row => `${header(row, 'cg-epoch')} ${row.seq}`))
          const { repeats, read } = room.reader.counters
          expect(read - repeats).toBe(places.size)
          expect(room.reader.counters).toMatchObject(sound)
          const versions = (rows: readonly Sealed[]) => new Set(rows.map(row => header(row, 'ce_id') ?? row.key))
          expect(versions(line)).toEqual(versions(room.got))
          expect(room.store.status()).toMatchObject({ pending: 0, pendingBytes: 0 })
        } finally {
          rooms.splice(rooms.indexOf(room), 1)[0]?.end()
        }
      }),
      { numRuns: 40 },
    )
  }, 120_000)
})

describe('parked rows', () => {
  it('go out again under a new number: the same version and id, marked, signed, for this uplink only', () => {
    const room = new Room()
    room.say('1 replace')
    const line = room.line()
    room.park('live')
    room.drain()
    const [parked] = room.store.parked(10, 'cloud')
    expect(parked).toMatchObject({ uplink: 'cloud', seq: 1, code: 'E_UPLINK_REJECTED', topic: 'demo.keys' })
    expect(room.reader.counters.unknownKey).toBeGreaterThan(0)
    expect(room.world.engine.outgoing.retry('cloud', 1, 'nurse')).toEqual({ retried: 1, unreadable: 0, left: 0 })
    expect(room.store.parked(10, null)).toEqual([])
    const [again] = room.send('live', 10)
    expect(again).toMatchObject({ seq: line.length + 1, lane: 'key', value: line[0]?.value })
    expect(room.reader.counters).toMatchObject({ ...sound, repeats: 0 })
    expect(room.line()).toEqual([])
    expect(room.store.logged(again!.seq)).toMatchObject({ onlyFor: 'cloud', epoch: room.store.epoch, parked: [] })
  })

  it('a data row keeps version, id, message and part', () => {
    const room = new Room()
    room.say('1 replace')
    const rows = room.send('live', 100, false)
    const data = rows.at(-1)!
    room.store.settle('cloud', [
      { kind: 'unsendable', seq: data.seq, code: 'E_UPLINK_REJECTED' },
      { kind: 'delivered', through: data.seq - 1 },
    ])
    room.world.engine.outgoing.retry('cloud', data.seq, 'nurse')
    const [again] = room.send('live', 10)
    const { 'cg-sig': _a, 'cg-seq': was, ...before } = JSON.parse(data.headers)
    const { 'cg-sig': _b, 'cg-seq': is, 'cg-historical': mark, ...after } = JSON.parse(again!.headers)
    expect(after).toEqual(before)
    expect([was, is, mark, again?.seq]).toEqual([String(data.seq), String(data.seq + 1), '1', data.seq + 1])
    expect(again?.value).toEqual(data.value)
  })

  it('of an older epoch come in the present one', () => {
    const room = new Room()
    room.say('1 replace')
    room.park('live')
    room.outage()
    room.drain()
    room.world.engine.outgoing.retry('cloud', null, 'nurse')
    const [again] = room.send('live', 10)
    expect(header(again!, 'cg-epoch')).toBe(String(room.store.epoch))
    expect(room.reader.counters).toMatchObject(sound)
  })

  it('that are not parked, or do not open, cannot', () => {
    const room = new Room()
    room.say('1 replace')
    room.drain()
    const retry = (seq: number) => codeOf(() => room.world.engine.outgoing.retry('cloud', seq, 'nurse'))
    expect(retry(1)).toBe('E_USAGE')
    room.say('2 replace')
    const [row] = room.world.engine.peek('cloud', 1, 1e8)
    room.park('live')
    room.world.protector.openRow = () => {
      throw new GatewayError('E_OUTBOX_ROW', 'seq')
    }
    expect(retry(row!.seq)).toBe('E_OUTBOX_ROW')
    expect(room.world.engine.outgoing.retry('cloud', null, 'nurse')).toEqual({ retried: 0, unreadable: 1, left: 0 })
    expect(room.store.cursor('cloud').parked).toBe(1)
  })
})

describe('another cluster behind an uplink', () => {
  const attach = (room: Room, cluster: string) =>
    room.world.engine.outgoing.attach('cloud', { cluster, partitions: { 'demo.fhir': 1 } })

  it('that a person has accepted gets the key records of what waits and of what is new, and all that is ensured', () => {
    const room = new Room()
    attach(room, 'first')
    room.say('1 replace')
    room.say('2 replace')
    room.drain()
    room.now += hour
    room.say('1 list a')
    const run = (command: Command) => runCommand(commandRoom(room), 'nurse', command, machine)
    run({ do: 'uplink.accept', uplink: 'cloud' })
    const sent = room.got.length
    attach(room, 'second')
    room.say('1 ensure')
    room.drain()
    const fresh = room.got.slice(sent)
    const reader = readAll(room.dir, fresh)
    expect(reader.counters).toMatchObject(sound)
    expect(new Set([...reader.state().keys()].map(reference => reference.split('/')[0]))).toEqual(
      new Set(['AllergyIntolerance', 'Patient', 'Practitioner']),
    )
    expect(room.store.resends()).toEqual([])
  })

  it('is none at the first time, nor the same one again: nothing goes twice', () => {
    const room = new Room()
    room.say('1 replace')
    attach(room, 'first')
    room.drain()
    room.store.attach('cloud', { cluster: null, partitions: {} })
    attach(room, 'first')
    expect(room.store.resends()).toEqual([])
    room.say('1 list a')
    expect(room.send('live', 100).map(row => row.lane)).not.toContain('key')
  })

  it('that is switched to gets the key records of what is new', () => {
    const room = new Room(['cloud', 'second'], 'second')
    room.say('1 replace')
    room.drain()
    runCommand(commandRoom(room), 'nurse', { do: 'uplink.switch', uplink: 'second' }, machine)
    const before = room.store.counters().seq
    room.say('1 list a')
    const fresh = room.world.engine.peek('second', 100, 1e8).filter(row => row.seq > before)
    expect(fresh.map(row => row.lane)).toContain('key')
    expect(readAll(room.dir, fresh).counters).toMatchObject(sound)
  })
})

describe('sent rows', () => {
  const all = { from: { seq: 1 }, to: null, key: null }

  it('go out again: a reader that lost everything has it all, one that has it takes nothing twice', () => {
    const room = new Room()
    for (const text of ['1 replace', '2 replace', '1 list a']) room.say(text)
    room.drain()
    const state = stateOf(room.reader)
    const sent = room.got.length
    expect(room.store.resend('cloud', all, 'nurse', room.now)).toEqual({ from: 1, to: sent, rows: sent })
    room.drain()
    const again = room.got.slice(sent)
    expect(again.map(row => row.seq)).toEqual(again.map((_, at) => sent + 1 + at))
    expect(again).toHaveLength(sent)
    expect(stateOf(room.reader)).toEqual(state)
    expect(stateOf(readAll(room.dir, again))).toEqual(state)
    expect(readAll(room.dir, again).counters).toMatchObject(sound)
    expect(room.store.resends()).toEqual([])
    // rows that were sent again are not sent again once more
    expect(room.store.resend('cloud', all, 'nurse', room.now).to).toBe(sent * 2)
    room.drain()
    expect(room.got).toHaveLength(sent * 3)
  })

  it('of one key, with the key records that they need, also from before', () => {
    const room = new Room()
    room.say('1 replace')
    room.say('2 replace')
    room.drain()
    room.now += 20 * hour
    const from = room.store.counters().seq + 1
    room.say('1 list a')
    room.say('2 list a')
    room.drain()
    const sent = room.got.length
    const key = room.world.protector.idOf('Patient', { system: authority, value: '1' })
    room.store.resend('cloud', { from: { seq: from }, to: null, key }, 'nurse', room.now)
    room.drain()
    const again = room.got.slice(sent)
    expect(new Set(again.filter(row => row.lane === 'data').map(row => row.key))).toEqual(new Set([key]))
    const reader = readAll(room.dir, again)
    expect(reader.counters).toMatchObject(sound)
    expect([...reader.state().keys()].map(reference => reference.split('/')[0]).sort()).toEqual([
      'AllergyIntolerance',
      'Patient',
    ])
  })

  it('make room for what is new, and wait while the box is full', () => {
    const room = new Room()
    for (let n = 0; n < 30; n++) room.say('1 replace')
    room.drain()
    const sent = room.got.length
    room.store.resend('cloud', all, 'nurse', room.now)
    for (let n = 0; n < 6; n++) room.say('2 replace')
    const first = room.send('live', 10)
    expect(first.filter(row => header(row, 'cg-historical'))).toEqual([])
    const resent = room.store.resent
    room.store.resent = () => {
      throw new GatewayError('E_FULL', 'data.budget')
    }
    room.drain()
    expect(room.store.resends()).toHaveLength(1)
    room.store.resent = resent
    room.drain()
    expect(room.got.filter(row => row.seq > sent && header(row, 'cg-historical') === '1').length).toBeGreaterThan(20)
  })

  it('end when they are stopped', () => {
    const room = new Room()
    room.say('1 replace')
    room.drain()
    const sent = room.got.length
    room.store.resend('cloud', all, 'nurse', room.now)
    expect(room.store.stopResend('cloud', 'nurse', room.now)).toBe(1)
    room.drain()
    expect(room.got).toHaveLength(sent)
  })
})
