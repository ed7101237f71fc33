/** The least rights, on a real broker with Kafka's own authorizer, granted by the very scripts that are printed. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs, { type AclEntry, type Admin, Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { classPath, fetchJars, kafkaMissing } from '../../../../scripts/kafka/jars.ts'
import { type LocalKafka, startKafka } from '../../../../scripts/kafka/local.ts'
import { freePort } from '../../../../scripts/kafka/node.ts'
import { machine } from '../../../../src/environment.ts'
import type { Fields, Log } from '../../../../src/log.ts'
import type { Uplink } from '../../../../src/ports.ts'
import { arrangeTopics } from '../../../../src/uplink/check/arrange.ts'
import type { Operation } from '../../../../src/uplink/check/operations.ts'
import { probe } from '../../../../src/uplink/check/probe.ts'
import { aclScript, type Role, rightsOf, type ScriptFormat } from '../../../../src/uplink/check/rights.ts'
import { createTopics, type KafkaSettings, kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import { row } from '../rows.ts'

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs
const prefix = 'north'
const minute = 60_000
const patience = { timeout: 20_000 }
const anywhere = { cluster: null, partitions: {} }
const passwords = { gw: 'right-horse', reader: 'right-mule', maker: "it's right", nobody: 'right-ass' } as const
type User = keyof typeof passwords

const operationTypes: Readonly<Partial<Record<Operation, number>>> = {
  read: AclOperationTypes.READ,
  write: AclOperationTypes.WRITE,
  create: AclOperationTypes.CREATE,
  describe: AclOperationTypes.DESCRIBE,
  describeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
}

const missing = kafkaMissing()

describe.skipIf(missing)(`rights on a real broker with an authorizer${missing ? ` (${missing})` : ''}`, () => {
  const dir = mkdtempSync(join(tmpdir(), 'rights-'))
  const logged: Fields[] = []
  const log: Log = { info() {}, warn: (_message, fields = {}) => void logged.push(fields), error() {} }
  const deps = { environment: machine, log }
  const uplinks: Uplink[] = []
  let kafka: LocalKafka
  let admin: Admin
  let address: string

  beforeAll(async () => {
    const port = await freePort()
    address = `127.0.0.1:${port}`
    const users = Object.entries(passwords).map(([name, password]) => `user_${name}="${password}"`)
    kafka = await startKafka({
      secure: { port, protocol: 'SASL_PLAINTEXT' },
      properties: {
        'sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.secure.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${users.join(' ')};`,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    })
    admin = new Kafka({ brokers: [kafka.bootstrap], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const { sasl: _, ...plain } = settings('gw')
    await createTopics({ ...plain, brokers: [kafka.bootstrap] }, { partitions: 2, replication: 1 }, deps)
    writeFileSync(join(dir, 'admin.properties'), 'client.id=administrator\n')
    shim(
      'kafka-acls.sh',
      `exec java -cp '${classPath(fetchJars('kafka-tools'))}' org.apache.kafka.tools.AclCommand "$@"`,
    )
  }, 2 * minute)

  beforeEach(async () => {
    await admin.deleteAcls({ filters: [{ ...anyAcl, resourceType: AclResourceTypes.ANY }] })
    await vi.waitFor(async () => expect(await granted()).toEqual([]), patience)
    logged.length = 0
  })

  afterEach(async () => {
    for (const uplink of uplinks.splice(0)) await uplink.close()
  })

  afterAll(async () => {
    await admin?.disconnect()
    await kafka?.stop()
  })

  function settings(user: User, topicPrefix = prefix): KafkaSettings {
    const passwordFile = join(dir, user)
    writeFileSync(passwordFile, passwords[user])
    const sasl = { mechanism: 'plain', username: user, passwordFile } as const
    return { name: 'cloud', brokers: [address], topicPrefix, clientId: 'test', sasl }
  }

  function shim(name: string, text: string, folder = dir): void {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(folder, name), 0o755)
  }

  function script(role: Role, format: ScriptFormat = 'kafka', group = 'flink'): string {
    const principal = `User:${{ gateway: 'gw', reader: 'reader', topics: 'maker' }[role]}`
    const commandConfig = join(dir, 'admin.properties')
    return aclScript({ format, role, principal, prefix, group, brokers: [kafka.bootstrap], commandConfig })
  }

  function runScript(text: string, tools = dir): void {
    const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` }
    execFileSync('sh', ['-s'], { input: text, env, stdio: ['pipe', 'ignore', 'pipe'] })
  }

  /** The controller answers before the broker has heard of it. */
  async function grant(...acl: AclEntry[]): Promise<void> {
    await admin.createAcls({ acl })
    await vi.waitFor(async () => expect(sorted(await granted())).toEqual(expect.arrayContaining(sorted(acl))), patience)
  }

  async function revoke(acl: AclEntry): Promise<void> {
    await admin.deleteAcls({ filters: [acl] })
    await vi.waitFor(async () => expect(sorted(await granted())).not.toContain(sorted([acl])[0]), patience)
  }

  const granted = async () => {
    const { resources } = await admin.describeAcls({ ...anyAcl, resourceType: AclResourceTypes.ANY })
    return resources.flatMap(({ acls, ...resource }) => acls.map(acl => ({ ...resource, ...acl })))
  }

  function open(user: User): Uplink {
    const uplink = kafkaUplink(settings(user), deps)
    uplinks.push(uplink)
    return uplink
  }

  const page = () => [row(1, { prefix }), row(2, { prefix, lane: 'key' }), row(3, { prefix, topic: `${prefix}.test` })]

  const check = async (user: User) => {
    const steps = await probe(settings(user), { attachment: null, record: row(1, { topic: `${prefix}.test` }) }, deps)
    const of = (wanted: string) => steps.filter(({ result }) => result === wanted)
    return {
      bad: of('bad'),
      warnings: of('warning').filter(({ code }) => code !== 'E_UPLINK_CONFIG'),
      good: of('good'),
    }
  }

  describe('the gateway', () => {
    const acls = aclsOf('gateway', 'User:gw')

    test('needs what the script grants: it connects, sends to every topic and settles', {
      timeout: minute,
    }, async () => {
      runScript(script('gateway'))
      expect(sorted(await granted())).toEqual(sorted(acls))
      const uplink = open('gw')
      await uplink.connect(anywhere)
      expect(await uplink.send(page())).toEqual([{ kind: 'delivered', through: 3 }])
      expect(logged).toEqual([])
      const { bad, warnings, good } = await check('gw')
      expect([...bad, ...warnings]).toEqual([])
      expect(good.map(({ step }) => step)).toContain('record')
    })

    test.each(acls.map(acl => [nameOf(acl), acl] as const))('not one less: %s', async (_name, acl) => {
      await grant(...acls)
      await revoke(acl)
      const required = acl.operation === AclOperationTypes.WRITE
      const uplink = open('gw')
      if (required) {
        const said = { code: 'E_UPLINK_AUTH', at: acl.resourceName, cause: 'TOPIC_AUTHORIZATION_FAILED' }
        await expect(uplink.connect(anywhere)).rejects.toMatchObject(said)
      } else await uplink.connect(anywhere)
      const { bad, warnings } = await check('gw')
      const said = { code: 'E_UPLINK_AUTH', at: acl.resourceName, advice: expect.any(String) }
      expect(required ? bad : warnings).toMatchObject([said])
      expect(required ? [] : bad).toEqual([])
    })

    test('a topic that may be seen but not written to is named, by the uplink and by the check', async () => {
      const [fhir] = acls
      await grant(...acls)
      await revoke(fhir!)
      await grant({ ...fhir!, operation: AclOperationTypes.DESCRIBE })
      const uplink = open('gw')
      await uplink.connect(anywhere)
      const said = { code: 'E_UPLINK_AUTH', at: `${prefix}.fhir`, cause: 'TOPIC_AUTHORIZATION_FAILED' }
      expect(await uplink.send(page())).toMatchObject([{ kind: 'again', ...said }])
      expect((await check('gw')).bad).toMatchObject([{ step: 'rights', ...said }])
    })

    test('nothing goes without any right', async () => {
      await expect(open('nobody').connect(anywhere)).rejects.toMatchObject({
        code: 'E_UPLINK_AUTH',
        at: `${prefix}.fhir`,
      })
      const { bad } = await check('nobody')
      expect(bad.map(({ at }) => at)).toEqual([`${prefix}.fhir`, `${prefix}.test`, `${prefix}.keys`])
    })
  })

  describe('a consumer', () => {
    const acls = aclsOf('reader', 'User:reader', 'flink')

    /** Reads one record of each topic as its group; rejects with the client's error. */
    async function consume(): Promise<readonly string[]> {
      const sasl = { mechanism: 'plain', username: 'reader', password: passwords.reader } as const
      const client = new Kafka({ brokers: [address], sasl, logLevel: logLevel.NOTHING, retry: { retries: 1 } })
      const consumer = client.consumer({ groupId: 'flink', retry: { retries: 0, restartOnFailure: async () => false } })
      const topics = new Set<string>()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      try {
        await consumer.connect()
        await consumer.subscribe({ topics: [`${prefix}.fhir`, `${prefix}.keys`], fromBeginning: true })
        await consumer.run({
          eachMessage: async ({ topic }) => {
            topics.add(topic)
            if (topics.size === 2) resolve()
          },
        })
        await promise
        return [...topics].sort()
      } finally {
        await consumer.disconnect()
      }
    }

    beforeAll(async () => {
      await grant(...aclsOf('gateway', 'User:gw'))
      expect(await open('gw').send(page())).toMatchObject([{ kind: 'delivered' }])
    })

    test('reads with what the script grants, and not with one less', { timeout: minute }, async () => {
      runScript(script('reader'))
      expect(sorted(await granted())).toEqual(sorted(acls))
      // the coordinator of groups comes up at its first use
      const both = await vi.waitFor(consume, patience)
      expect(both).toEqual([`${prefix}.fhir`, `${prefix}.keys`])
      for (const acl of acls) {
        await revoke(acl)
        await expect(consume(), nameOf(acl)).rejects.toThrow(/not authorized|group coordinator/i)
        await grant(acl)
      }
    })
  })

  describe('topics create', () => {
    const acls = aclsOf('topics', 'User:maker')
    const layout = { partitions: 2, replication: 1 }
    const names = ['fhir', 'test', 'keys', 'audit'].map(suffix => `${prefix}.${suffix}`)
    const make = () => arrangeTopics(settings('maker'), layout, deps)
    const deleteAll = async () => {
      const there = (await admin.listTopics()).filter(name => names.includes(name))
      if (there.length > 0) await admin.deleteTopics({ topics: there })
    }

    test('makes them with what the script grants', { timeout: minute }, async () => {
      await deleteAll()
      const calls = recorded(script('topics'), 'kafka-acls.sh')
      expect(sorted(calls.flatMap(kafkaAcls))).toEqual(sorted(acls))
      await grant(...acls)
      const made = await make()
      expect(made.map(({ topic, made }) => [topic, made])).toEqual(names.map(name => [name, true]))
      expect(made.flatMap(({ findings }) => findings).map(({ setting }) => setting)).toContain('min.insync.replicas')
    })

    test.each(acls.map(acl => [nameOf(acl), acl] as const))('not one less: %s', async (_name, acl) => {
      await deleteAll()
      await grant(...acls)
      await revoke(acl)
      if (acl.operation !== AclOperationTypes.DESCRIBE_CONFIGS) {
        const said = { code: 'E_UPLINK_AUTH', at: acl.resourceName, cause: 'TOPIC_AUTHORIZATION_FAILED' }
        return expect(make()).rejects.toMatchObject(said)
      }
      const blind = (await make()).find(({ topic }) => topic === acl.resourceName)
      expect(blind?.findings.map(({ setting }) => setting)).toEqual(['replication'])
    })
  })

  test('the script for the Confluent CLI grants the same', () => {
    const names = { gateway: 'gw', reader: 'reader', topics: 'maker' } as const
    for (const role of ['gateway', 'reader', 'topics'] as const) {
      const calls = recorded(script(role, 'confluent', "it's mine"), 'confluent')
      expect(sorted(calls.map(confluentAcl))).toEqual(sorted(aclsOf(role, `User:${names[role]}`, "it's mine")))
    }
  })

  /** Runs a script with a tool in place that only writes down what it was told; its calls, each as its words. */
  function recorded(text: string, tool: string): readonly (readonly string[])[] {
    const tools = mkdtempSync(join(dir, 'tools-'))
    const calls = join(tools, 'calls')
    writeFileSync(calls, '')
    shim(tool, `{ for word in "$@"; do printf '%s\\0' "$word"; done; printf '\\n'; } >> '${calls}'`, tools)
    runScript(text, tools)
    const lines = readFileSync(calls, 'utf8').trimEnd().split('\n')
    return lines.map(line => line.split('\0').slice(0, -1))
  }
})

const anyAcl = {
  resourcePatternType: ResourcePatternTypes.ANY,
  operation: AclOperationTypes.ANY,
  permissionType: AclPermissionTypes.ANY,
} as const

/** The rights of a role as entries of the authorizer. */
function aclsOf(role: Role, principal: string, group = ''): readonly AclEntry[] {
  return rightsOf(role, prefix, group).flatMap(({ operation, topics, group }) => {
    const resources = group === null ? topics : [group]
    return resources.map(resourceName => entry(principal, group === null ? 'TOPIC' : 'GROUP', resourceName, operation))
  })
}

function entry(principal: string, type: 'TOPIC' | 'GROUP', resourceName: string, operation: Operation): AclEntry {
  return {
    resourceType: AclResourceTypes[type],
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal,
    host: '*',
    operation: operationTypes[operation]!,
    permissionType: AclPermissionTypes.ALLOW,
  }
}

/** What `kafka-acls.sh` was told. */
function kafkaAcls(argv: readonly string[]): readonly AclEntry[] {
  const values = (flag: string) => argv.flatMap((word, i) => (word === flag ? (argv[i + 1] ?? '') : []))
  const [operation = ''] = values('--operation')
  const [principal = ''] = values('--allow-principal')
  expect(argv).toContain('--add')
  return values('--topic').map(topic => entry(principal, 'TOPIC', topic, lowered(operation) as Operation))
}

/** What the Confluent CLI was told. */
function confluentAcl(argv: readonly string[]): AclEntry {
  const value = (flag: string) => argv[argv.indexOf(flag) + 1] ?? ''
  expect(argv.slice(0, 4)).toEqual(['kafka', 'acl', 'create', '--allow'])
  const operation = value('--operations').replace(/-(.)/g, (_, letter) => letter.toUpperCase()) as Operation
  const [type, flag] = argv.includes('--topic')
    ? (['TOPIC', '--topic'] as const)
    : (['GROUP', '--consumer-group'] as const)
  return entry(`User:${value('--service-account')}`, type, value(flag), operation)
}

function lowered(word: string): string {
  return `${word.slice(0, 1).toLowerCase()}${word.slice(1)}`
}

function nameOf({ operation, resourceName }: AclEntry): string {
  const name = Object.entries(operationTypes).find(([, type]) => type === operation)?.[0]
  return `${name} on ${resourceName}`
}

function sorted(acls: readonly unknown[]): string[] {
  return acls.map(acl => JSON.stringify(Object.entries(acl as object).sort())).sort()
}
