import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { machine } from '../../../src/environment.ts'
import { createDemoKeys, loadKeys, openProtector } from '../../../src/protect/index.ts'
import { newWorld, type World } from './world.ts'

let world: World
beforeAll(() => {
  world = newWorld()
})

const names = { tenant: 'demo', gateway: 'demo-1', environment: machine }
const all = (dir: string) =>
  ['box', 'reader'].flatMap(folder => readdirSync(join(dir, folder)).map(name => join(dir, folder, name)))

describe('demo keys', () => {
  it('are readable by their owner only', () => {
    expect(
      all(world.dir)
        .map(file => file.slice(world.dir.length + 1))
        .sort(),
    ).toEqual([
      'box/box.key',
      'box/kek.pub.json',
      'box/psk-1.key',
      'box/replay.private.json',
      'box/replay.pub.json',
      'box/signing.key',
      'reader/gateways.json',
      'reader/kek-demo.private.json',
    ])
    for (const file of all(world.dir)) expect(statSync(file).mode & 0o777, file).toBe(0o600)
    for (const folder of ['box', 'reader']) expect(statSync(join(world.dir, folder)).mode & 0o777).toBe(0o700)
  })

  it('are never overwritten, and what is missing is made to fit', () => {
    const before = all(world.dir).map(file => readFileSync(file, 'hex'))
    createDemoKeys(world.dir, names)
    expect(all(world.dir).map(file => readFileSync(file, 'hex'))).toEqual(before)
    rmSync(join(world.dir, 'box', 'kek.pub.json'))
    createDemoKeys(world.dir, names)
    const spki = (file: string) => JSON.parse(readFileSync(file, 'utf8')).spki
    expect(spki(join(world.dir, 'box', 'kek.pub.json'))).toBe(
      JSON.parse(Buffer.from(before[1]!, 'hex').toString()).spki,
    )
  })

  it('hold the private half that opens records outside of the box folder', () => {
    const card = JSON.parse(readFileSync(join(world.dir, 'reader', 'kek-demo.private.json'), 'utf8'))
    expect(card).toMatchObject({ v: 'p1', purpose: 'demo' })
    expect(card.kekId).toMatch(/^demo-/)
    for (const file of readdirSync(join(world.dir, 'box'))) {
      expect(readFileSync(join(world.dir, 'box', file), 'utf8')).not.toContain(card.pkcs8.slice(0, 80))
    }
    const [gateway] = JSON.parse(readFileSync(join(world.dir, 'reader', 'gateways.json'), 'utf8'))
    expect(gateway).toMatchObject({ v: 'g1', tenant: 'demo', gateway: 'demo-1', alg: 'Ed25519' })
  })
})

describe('loading keys', () => {
  const failing = (spoil: (box: string) => void): string => {
    const { dir } = newWorld()
    const box = join(dir, 'box')
    spoil(box)
    try {
      loadKeys(box)
    } catch (error) {
      return (error as Error).message
    }
    return 'loaded'
  }

  it('refuses files that others can read, that are missing or that are no keys', () => {
    expect(failing(box => chmodSync(join(box, 'box.key'), 0o640))).toContain(
      'E_KEYS: the keys are missing or do not fit at box.key',
    )
    expect(failing(box => chmodSync(box, 0o755))).toContain('(readable by others)')
    expect(failing(box => rmSync(join(box, 'psk-1.key')))).toContain('at psk-1.key (missing)')
    expect(failing(box => writeFileSync(join(box, 'signing.key'), 'top secret words'))).toContain(
      'at signing.key (not readable as a key)',
    )
    expect(failing(box => writeFileSync(join(box, 'kek.pub.json'), '{"secret'))).toContain(
      'at kek.pub.json (not readable as a key)',
    )
  })

  it('refuses keys of another purpose or tenant', () => {
    const options = {
      tenant: 'demo',
      gateway: 'g',
      purpose: 'demo',
      topicPrefix: 'demo',
      environment: machine,
    } as const
    expect(() => openProtector(world.keys, { ...options, purpose: 'production' })).toThrow('E_KEYS')
    expect(() => openProtector(world.keys, { ...options, tenant: 'other' })).toThrow('E_KEYS')
    expect(() => openProtector(world.keys, { ...options, gateway: 'Not A Name' })).toThrow('E_CONFIG')
  })
})
