/** Looking into a folder must leave it as it is, whether its gateway runs or not. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { minute } from '../../../src/limits.ts'
import type { Store } from '../../../src/ports.ts'
import { openReadOnly, type ReadOnlyStore, type StoreOptions } from '../../../src/store/index.ts'
import { codeOf, morning, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
  const mac = Buffer.from('mac')
  world.take({ work: [{ at: 'OBX-3', mark: Buffer.from('m1'), code: Buffer.from('c1') }] }, 3)
  world.take({ state: 'held' })
  world.store.putDevice(mac, Buffer.from('label'), 'secret', 'admin', morning)
  world.store.assign(mac, 'p1-anna', morning, 'admin', morning)
  world.store.putClient('lab', 'token', ['system/*.c'], 'admin', morning)
  world.store.peek('cloud', 9, 1e6)
  world.store.settle('cloud', [
    { kind: 'unsendable', seq: 1, code: 'E_UPLINK_REJECTED' },
    { kind: 'delivered', through: 2 },
  ])
  world.now += 16 * minute
  world.store.leaveBehind('cloud', 15 * minute)
  world.store.resend('cloud', { from: { seq: 1 }, to: null, key: null }, 'nurse', world.now)
})
afterEach(() => rmSync(world.dir, { recursive: true, force: true }))

const options = (more: Partial<StoreOptions> = {}): StoreOptions => ({
  dir: world.dir,
  budget: 16 * 1024 * 1024,
  freeFloor: 0,
  gateway: 'gw-01',
  purpose: 'demo',
  uplinks: ['cloud'],
  environment: world.environment,
  ...more,
})

function told(store: ReadOnlyStore | Store): unknown {
  const people = [store.deviceRows(), store.clientRows()]
  const log = [store.parked(9, null), store.logged(1), store.history(), store.resends(), store.cursor('cloud')]
  // how long it lasts depends on the moment and on what else lies on the disk
  return [store.heldList(9), store.work(9), people, log, { ...store.status(), hoursLeft: null }]
}

const files = ['gateway.db', 'gateway.db-wal', 'gateway.lock', 'mark.json', 'ballast']
const sum = (file: string) => createHash('md5').update(readFileSync(file)).digest('hex')
const sums = () =>
  files.map(name => {
    const file = join(world.dir, name)
    return `${name} ${existsSync(file) ? sum(file) : 'none'}`
  })

it('tells what the store tells, beside it and after it, and changes no file', () => {
  const expected = told(world.store)
  const running = sums()
  const beside = openReadOnly(options())
  expect(told(beside)).toEqual(expected)
  beside.close()
  expect(sums()).toEqual(running)

  world.store.close()
  world.now += 1000
  const stopped = sums()
  const after = openReadOnly(options())
  expect(told(after)).toEqual(expected)
  after.close()
  // an empty WAL may lie beside the database then, as SQLite has no other way to read it; the next opening takes it away
  expect(sums().map(line => line.replace(/wal d41d8cd98f00b204e9800998ecf8427e$/, 'wal none'))).toEqual(stopped)
  world.open().close()
  expect(existsSync(join(world.dir, 'gateway.db-wal'))).toBe(false)
})

it('begins no epoch where the mark is lost, and keeps nobody from opening', () => {
  world.store.close()
  rmSync(join(world.dir, 'mark.json'))
  const reading = openReadOnly(options())
  world.open()
  expect(world.store.newEpoch).toBe(true)
  expect(reading.status().epoch).toBe(world.store.epoch)
  reading.close()
  world.store.close()
})

it('shows an uplink that is new as one that has sent nothing', () => {
  world.store.close()
  const reading = openReadOnly(options({ uplinks: ['cloud', 'files'] }))
  expect(reading.status().cursors[1]).toMatchObject({ uplink: 'files', cluster: null, through: 0, parked: 0 })
  reading.close()
})

it('refuses what is not its own or not of its version', () => {
  world.store.close()
  expect(codeOf(() => openReadOnly(options({ gateway: 'gw-02' })))).toBe('E_CONFIG')
  expect(codeOf(() => openReadOnly(options({ purpose: 'production' })))).toBe('E_CONFIG')
  expect(codeOf(() => openReadOnly(options({ dir: '/nowhere' })))).toBe('E_DATABASE')
  const db = new Database(join(world.dir, 'gateway.db'))
  db.exec("UPDATE meta SET v = 99 WHERE k = 'schema'")
  db.close()
  expect(codeOf(() => openReadOnly(options()))).toBe('E_DATABASE')
})
