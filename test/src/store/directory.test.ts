import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hour } from '../../../src/limits.ts'
import { codeOf, morning, World } from './world.ts'

const mac = Buffer.from('mac-of-watch')
const label = Buffer.from('sealed label')

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.end())

describe('devices', () => {
  it('are kept with who wore them when', () => {
    world.store.putDevice(mac, label, 'secret-mac', 'admin', morning)
    world.store.assign(mac, 'p1-anna', morning, 'admin', morning)
    world.store.assign(mac, 'p1-berta', morning + hour, 'admin', morning)
    expect(world.reopen().deviceRows()).toEqual([
      {
        mac,
        label,
        secret: 'secret-mac',
        worn: [
          { from: morning, to: morning + hour, wearer: 'p1-anna' },
          { from: morning + hour, to: null, wearer: 'p1-berta' },
        ],
      },
    ])
  })

  it('refuse periods that overlap, and unknown devices', () => {
    world.store.putDevice(mac, label, 'secret-mac', 'admin', morning)
    world.store.assign(mac, 'p1-anna', morning, 'admin', morning)
    expect(codeOf(() => world.store.assign(mac, 'p1-berta', morning, 'admin', morning))).toBe('E_USAGE')
    expect(codeOf(() => world.store.assign(mac, 'p1-berta', morning - 1, 'admin', morning))).toBe('E_USAGE')
    expect(codeOf(() => world.store.assign(Buffer.from('?'), 'p1-anna', morning, 'admin', morning))).toBe('E_USAGE')
    expect(world.store.deviceRows()[0]?.worn).toEqual([{ from: morning, to: null, wearer: 'p1-anna' }])
  })

  it('get a new secret and keep their history', () => {
    world.store.putDevice(mac, label, 'old', 'admin', morning)
    world.store.assign(mac, 'p1-anna', morning, 'admin', morning)
    world.store.putDevice(mac, label, 'new', 'admin', morning)
    expect(world.store.deviceRows()).toMatchObject([{ secret: 'new', worn: [{ wearer: 'p1-anna' }] }])
  })
})

describe('clients', () => {
  it('are kept with their scopes', () => {
    world.store.putClient('portal', 'token-mac', ['Observation.write', 'Patient.write'], 'admin', morning)
    expect(world.reopen().clientRows()).toEqual([
      { name: 'portal', token: 'token-mac', scopes: ['Observation.write', 'Patient.write'] },
    ])
  })
})

it('every change is in the audit', () => {
  world.store.putDevice(mac, label, 's', 'admin', morning)
  world.store.assign(mac, 'p1-anna', morning, 'admin', morning)
  world.store.putClient('portal', 't', [], 'admin', morning)
  expect(world.look(db => db.prepare("SELECT act FROM audit WHERE actor = 'admin' ORDER BY n").pluck().all())).toEqual([
    'device.put',
    'device.assign',
    'client.put',
  ])
})
