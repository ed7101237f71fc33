import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { generated } from '../../../scripts/gen-config.ts'
import { ConfigError, isLoopback, loadConfig, loadDemoConfig } from '../../../src/config/load.ts'
import { bytes, duration } from '../../../src/config/values.ts'
import { loadProfiles } from '../../../src/directory/profiles.ts'

const dir = mkdtempSync(join(tmpdir(), 'cg-config-'))
const minimal = `
gateway: { id: gw-01, tenant: north, topicPrefix: north }
uplinks: [{ type: file, name: cloud }]
`

function load(text: string, overrides: string[] = []) {
  const file = join(dir, 'gateway.yaml')
  writeFileSync(file, text)
  return loadConfig(file, overrides)
}

function mistakes(text: string, overrides: string[] = []): string[] {
  try {
    load(text, overrides)
    return []
  } catch (error) {
    return (error as ConfigError).lines().map(line => line.slice(dir.length + 1))
  }
}

describe('configuration', () => {
  test('the shipped sample is what the table of settings says, and loads to exactly the defaults', () => {
    for (const [file, text] of Object.entries(generated())) expect(readFileSync(file, 'utf8'), file).toBe(text)
    const sample = load(readFileSync('config/gateway.yaml', 'utf8'))
    const defaults = load(
      `${minimal.replace('gw-01, tenant: north,', 'gw-01, tenant: north-clinic,')}sources: { mllp: {}, mqtt: {}, fhir: {} }`,
    )
    expect(sample).toEqual(defaults)
  })

  test('three mistakes are all named, with their lines and the nearest key', () => {
    const text = `
gateway: { id: gw-01, tennant: x, tenant: north, topicPrefix: north }
data:
  budget: 10GB
sources:
  mllp:
    prot: 2575
uplinks: [{ type: file, name: cloud }]
`
    expect(mistakes(text)).toEqual([
      'gateway.yaml:2 gateway.tennant unknown; did you mean tenant?',
      'gateway.yaml:4 data.budget expected a size such as 256KiB, 10MiB or 2GiB',
      'gateway.yaml:7 sources.mllp.prot unknown; did you mean port?',
    ])
  })

  test('a value is never quoted in a mistake', () => {
    expect(mistakes(`${minimal}admin: { port: s3cret }`).join()).not.toContain('s3cret')
  })

  test('overrides win, and are checked like the file', () => {
    expect(load(minimal, ['sources.mllp.port=0', 'data.budget=1GiB']).sources.mllp?.port).toBe(0)
    expect(mistakes(minimal, ['sources.mllp.port=none'])).toEqual([
      expect.stringContaining('sources.mllp.port expected a port'),
    ])
  })

  test('paths are relative to the file', () => {
    expect(load(minimal).data.dir).toBe(join(dir, 'data'))
  })

  test('an alias bomb, a tag, broken YAML and a huge file are refused', () => {
    expect(mistakes(`a: &a [1]\nb: *a\n${minimal}`)).not.toEqual([])
    expect(mistakes('gateway: [')).toEqual([expect.stringContaining('not valid YAML')])
    expect(mistakes(`# ${'x'.repeat(1 << 20)}\n${minimal}`)).toEqual([expect.stringContaining('larger than 1 MiB')])
  })

  test('no uplink, two of one name, an unknown type', () => {
    expect(mistakes('gateway: { id: a, tenant: b, topicPrefix: c }')).toEqual([
      expect.stringContaining('uplinks at least one'),
    ])
    expect(mistakes(`${minimal.replace('}]', '}, { type: file, name: cloud }]')}`)).toEqual([
      expect.stringContaining('same name'),
    ])
    expect(mistakes(minimal.replace('type: file', 'type: ftp'))).toContainEqual(
      expect.stringContaining('uplinks[0].type expected file or kafka'),
    )
  })

  test('the demo keeps to loopback', () => {
    const demo = `${minimal}privacy: { mode: demo }\n`
    expect(mistakes(`${demo}sources: { mllp: { host: 0.0.0.0 } }`)).toEqual([
      expect.stringContaining('keeps to loopback'),
    ])
    expect(isLoopback('127.0.0.9')).toBe(true)
    expect(isLoopback('10.0.0.1')).toBe(false)
  })

  test('run --demo --config FILE takes keys, id and tenant of the demo and everything else of FILE', () => {
    const demo = join(dir, 'demo.yaml')
    writeFileSync(demo, `${minimal}privacy: { mode: demo, keys: ./box }`)
    const file = join(dir, 'other.yaml')
    writeFileSync(
      file,
      'uplinks: [{ type: file, name: other }]\nsources: { mqtt: { port: 0 } }\ngateway: { topicPrefix: mine }',
    )
    const config = loadDemoConfig(demo, file, [])
    expect(config.gateway).toEqual({ id: 'gw-01', tenant: 'north', topicPrefix: 'mine' })
    expect(config.privacy).toMatchObject({ mode: 'demo', keys: join(dir, 'box') })
    expect(config.uplinks[0]?.name).toBe('other')
  })

  test('sizes and durations', () => {
    expect(bytes('256KiB')).toEqual({ ok: 262_144 })
    expect(bytes('1.5MiB')).toHaveProperty('expected')
    expect(duration('10m')).toEqual({ ok: 600_000 })
    expect(duration(10)).toHaveProperty('expected')
  })
})

describe('sender profiles', () => {
  test('the shipped sample loads; a missing zone and a wrong range are named', () => {
    expect(loadProfiles('config/senders')[0]).toMatchObject({ name: 'ehr', zone: 'Europe/Vienna', adt: 'snapshot' })
    const folder = mkdtempSync(join(tmpdir(), 'cg-senders-'))
    writeFileSync(join(folder, 'lab.yaml'), 'addresses: [10.0.0.0/99]\n')
    expect(() => loadProfiles(folder)).toThrow(ConfigError)
    try {
      loadProfiles(folder)
    } catch (error) {
      expect((error as ConfigError).lines().map(line => line.slice(folder.length))).toEqual([
        '/lab.yaml:1 addresses expected a list, each an address or CIDR range such as 10.1.2.0/24',
        '/lab.yaml:1 zone is required',
      ])
    }
  })
})
