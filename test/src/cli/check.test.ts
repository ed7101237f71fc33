/** `check` and `topics` as a technician runs them, with the keys of a demo and a real broker. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafkaMissing, type LocalKafka, startKafka } from '../../../scripts/kafka/local.ts'
import { initDemo } from '../../../src/cli/init.ts'
import { main } from '../../../src/cli/main.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { EngineRoom } from '../../../src/engine-worker.ts'
import { engineSettings } from '../../../src/main.ts'
import { Reader, ReaderKeys, type ReaderRecord } from '../../../src/reader/index.ts'

const dir = mkdtempSync(join(tmpdir(), 'check-'))
const config = join(dir, 'gateway.yaml')

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const io = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text), person: false }
  const code = await main(argv, io)
  return { code, out: out.join(''), err: err.join('') }
}

function configure(uplink: string): void {
  const yaml = readFileSync(config, 'utf8')
  writeFileSync(config, yaml.replace(/ {2}- \{ name: cloud.*/, `  - { name: cloud, ${uplink} }`))
}

/** Hashes of the database and its mark. */
function content(): Readonly<Record<string, string>> {
  const files = readdirSync(join(dir, 'data')).filter(name => !/-(shm|wal)$/.test(name))
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(dir, 'data', name)))
      .digest('hex')
  return Object.fromEntries(files.map(name => [name, hash(name)]))
}

beforeAll(() => initDemo(dir, false))

test('check without --online looks at configuration and keys only', async () => {
  configure('type: kafka, brokers: ["127.0.0.1:1"]')
  expect(await run('check', '--config', config)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^good: 3 sources/),
  })
  expect(await run('check', '--config', config, '--online')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^bad: 3 sources/),
  })
  const { code, out } = await run('check', '--config', config, '--online', '--json')
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({ ok: false, online: [{ uplink: 'cloud', steps: expect.any(Array) }] })
})

test('topics acls prints a script, and refuses what makes none', async () => {
  const acls = (...argv: string[]) => run('topics', 'acls', '--config', config, ...argv)
  const script = (await acls('--principal', 'User:gw')).out
  expect(script).toMatch(/^#!\/bin\/sh\n/)
  expect(script).toContain("--operation Write --topic 'demo.fhir' --topic 'demo.test' --topic 'demo.keys'")
  const consumer = (await acls('--principal', 'User:sa-1', '--reader', 'flink', '--format', 'confluent')).out
  expect(consumer).toContain("--service-account 'sa-1' --operations read --consumer-group 'flink'")
  expect((await acls('--principal', 'User:ops', '--admin', '--command-config', 'me.properties')).out).toContain(
    'me.properties',
  )
  for (const wrong of [
    [],
    ['--principal', 'gw'],
    ['--principal', 'User:*'],
    ['--principal', 'User:gw', '--format', 'x'],
    ['--principal', 'User:gw\nrm -r /'],
    ['--principal', 'User:gw', '--command-config', 'a\nrm -r /'],
    ['--principal', 'User:gw', '--reader', 'a\nb'],
    ['--principal', 'User:gw', '--reader', '*'],
    ['--principal', 'User:gw', '--reader', ''],
  ]) {
    expect(await acls(...wrong), wrong.join(' ')).toMatchObject({ code: 64, out: '' })
  }
  expect((await acls('--principal', 'User:gw', '--reader', 'flink', '--admin')).code).toBe(64)
})

test('topics acls wants to know for which of several uplinks', async () => {
  const two = join(dir, 'two.yaml')
  const line = '  - { name: cloud-b, type: kafka, brokers: ["127.0.0.1:2"] }\n'
  writeFileSync(two, readFileSync(config, 'utf8').replace(/( {2}- \{ name: cloud,.*\n)/, `$1${line}`))
  const acls = (...argv: string[]) => run('topics', 'acls', '--config', two, '--principal', 'User:gw', ...argv)
  expect(await acls()).toMatchObject({ code: 64, out: '', err: expect.stringContaining('one of cloud, cloud-b') })
  expect((await acls('--uplink', 'cloud-b')).out).toContain("--bootstrap-server '127.0.0.1:2'")
})

const missing = kafkaMissing()

describe.skipIf(missing)(`on a real broker${missing ? ` (${missing})` : ''}`, () => {
  let kafka: LocalKafka

  beforeAll(async () => {
    kafka = await startKafka()
    configure(`type: kafka, brokers: ["${kafka.bootstrap}"]`)
  }, 120_000)

  afterAll(() => kafka?.stop())

  test('topics create makes them once, and then says how they differ', async () => {
    const create = (...argv: string[]) => run('topics', 'create', '--config', config, ...argv)
    const made = await create('--partitions', '2', '--retention', '12h')
    expect(made).toMatchObject({
      code: 0,
      out: expect.stringContaining('cloud: made demo.fhir (partitions 2, replicas 1)'),
    })
    expect(made.out).toContain('warning: replication=1, should be 3')
    const again = await create('--json')
    expect(again.code).toBe(0)
    expect(
      JSON.parse(again.out)[0].topics.map(({ topic, made }: { topic: string; made: boolean }) => [topic, made]),
    ).toEqual(['fhir', 'test', 'keys', 'audit'].map(suffix => [`demo.${suffix}`, false]))
    const admin = new Kafka({ brokers: [kafka.bootstrap], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const resource = { type: 2, name: 'demo.fhir' }
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
    const retention = resources[0]!.configEntries.find(({ configName }) => configName === 'retention.ms')
    expect(retention?.configValue).toBe(`${12 * 60 * 60_000}`)
    const configEntries = [{ name: 'retention.ms', value: '-1' }]
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] })
    const differs = await create()
    expect(differs).toMatchObject({ code: 1, out: expect.stringContaining('bad: retention.ms=-1, should be finite') })
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: [] }] })
    await admin.disconnect()
  })

  test('check --online is good beside a running engine and changes nothing of the box', async () => {
    const room = new EngineRoom(engineSettings(loadConfig(config)))
    try {
      const before = content()
      const { code, out, err } = await run('check', '--config', config, '--online')
      expect(err).toBe('')
      expect(out).toMatch(/good +record +demo\.test {2}acknowledged in \d+ ms\n/)
      expect(out).toMatch(/good +clock +cloud {2}\d s /)
      expect(code).toBe(0)
      expect(content()).toEqual(before)
    } finally {
      room.store.close()
    }
  })

  test('check --online beside a database that it cannot read says that it did not compare', async () => {
    const other = mkdtempSync(join(tmpdir(), 'check-data-'))
    writeFileSync(join(other, 'gateway.db'), 'no database')
    const cluster = async (data: string) =>
      (await run('check', '--config', config, '--online', '--set', `data.dir=${data}`)).out.match(/.* cluster .*/)?.[0]
    expect(await cluster(other)).toMatch(/^ {2}warning .*, not compared: data folder cannot be read$/)
    expect(await cluster(join(other, 'new'))).toMatch(/^ {2}good /)
  })

  test('readers skip its test record: signed, about nobody, without a number', async () => {
    await run('check', '--config', config, '--online')
    const found = await readAll(kafka.bootstrap, 'demo.test')
    const [record] = found
    expect(Object.keys(record!.headers)).toEqual([
      'ce_specversion',
      'ce_source',
      'ce_time',
      'cg-verb',
      'cg-gateway',
      'cg-purpose',
      'cg-sig',
    ])
    expect(record).toMatchObject({ key: 'check/demo-1', value: null, headers: { 'cg-verb': 'check' } })
    const reader = new Reader({ keys: ReaderKeys.fromFolder(join(dir, 'reader'), { allowDemo: true }), mode: 'test' })
    for (const one of found) reader.take(one)
    const { read, ...counters } = reader.counters
    expect(read).toBe(found.length)
    expect(Object.values(counters).every(count => count === 0)).toBe(true)
    expect(reader.marks()).toEqual({})
    reader.take({ ...record!, headers: { ...record!.headers, ce_time: '2026-11-24T00:00:00.000Z' } })
    expect(reader.counters.badSignature).toBe(1)
  })
})

async function readAll(bootstrap: string, topic: string): Promise<readonly ReaderRecord[]> {
  const client = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  const left = (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)
  await admin.disconnect()
  const consumer = client.consumer({ groupId: `check-${topic}` })
  const found: ReaderRecord[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message: { key, value, headers = {} } }) => {
      const texts = Object.entries(headers).map(([name, text]) => [name, String(text)])
      found.push({ topic, partition, key: String(key), headers: Object.fromEntries(texts), value })
      if (found.length === left) resolve()
    },
  })
  await promise
  await consumer.disconnect()
  return found
}
