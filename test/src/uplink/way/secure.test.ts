import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { kafkaMissing } from '../../../../scripts/kafka/local.ts'
import { machine } from '../../../../src/environment.ts'
import { silent } from '../../../../src/log.ts'
import type { Uplink } from '../../../../src/ports.ts'
import { createTopics, type KafkaSettings, kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import type { SaslSettings, Security } from '../../../../src/uplink/way/credentials.ts'
import { opensslMissing } from '../../../net/certificates.ts'
import { startConnectProxy } from '../../../net/connect-proxy.ts'
import { kafkaProxy } from '../../../net/kafka-proxy.ts'
import { type Listener, type SecureKafka, startSecureKafka, users } from '../../../net/secure-kafka.ts'
import { startTokenEndpoint } from '../../../net/token-endpoint.ts'
import { drainAll, nowhere, row, rows } from '../rows.ts'

const deps = { environment: machine, log: silent }
const missing = kafkaMissing() ?? opensslMissing()
const client = { clientId: 'box@clinic', secret: 'open sesame+/=' }

describe.skipIf(missing)(`a cluster that wants to be convinced${missing ? ` (${missing})` : ''}`, () => {
  let broker: SecureKafka
  let tokens: Awaited<ReturnType<typeof startTokenEndpoint>>
  let admin: Admin
  let count = 0
  const uplinks: Uplink[] = []

  beforeAll(async () => {
    broker = await startSecureKafka()
    tokens = await startTokenEndpoint({ ...client, subject: 'box' })
    admin = new Kafka({ brokers: [broker.kafka.bootstrap], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
  }, 120_000)

  afterEach(async () => {
    tokens.spoil(null)
    tokens.issue({})
    for (const uplink of uplinks.splice(0)) await uplink.close()
  })

  afterAll(async () => {
    await admin?.disconnect()
    await tokens?.close()
    await broker?.kafka.stop()
  })

  function open(listener: Listener | 'plain', security: Security, change: Partial<KafkaSettings> = {}): Uplink {
    const brokers = [listener === 'plain' ? broker.kafka.bootstrap : broker.at[listener]]
    const base = { name: 'cloud', brokers, topicPrefix: `t${count}`, clientId: 'test' }
    const uplink = kafkaUplink({ ...base, connectionTimeout: 3000, requestTimeout: 5000, ...security, ...change }, deps)
    uplinks.push(uplink)
    return uplink
  }

  /** Fresh topics; returns their prefix. */
  async function topics(): Promise<string> {
    const topicPrefix = `t${++count}`
    const settings = { name: 'admin', brokers: [broker.kafka.bootstrap], topicPrefix, clientId: 'admin' }
    await createTopics(settings, { partitions: 2, replication: 1 }, deps)
    return topicPrefix
  }

  async function stored(prefix: string): Promise<number> {
    const offsets = await admin.fetchTopicOffsets(`${prefix}.fhir`)
    return offsets.reduce((sum, { high }) => sum + Number(high), 0)
  }

  const tls = () => ({ ca: broker.ca })
  const secret = (text: string) => broker.file(`secret-${text.length}-${text.replace(/\W/g, '_')}`, `${text}\n`)
  const password = (
    mechanism: SaslSettings['mechanism'],
    username = 'box',
    word: string = users.box,
  ): SaslSettings => ({
    mechanism,
    username,
    passwordFile: secret(word),
  })
  const bearer = (change: Partial<SaslSettings> = {}): SaslSettings => ({
    mechanism: 'oauthbearer',
    tokenUrl: tokens.url,
    clientId: client.clientId,
    clientSecretFile: secret(client.secret),
    ...change,
  })

  async function expectDelivery(uplink: Uplink): Promise<void> {
    const prefix = `t${count}`
    await uplink.connect(nowhere)
    expect((await drainAll(uplink, rows(1, 100, { prefix }))).troubles).toEqual([])
    expect(await stored(prefix)).toBe(100)
  }

  describe('lets records in', () => {
    test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('with TLS and %s', async mechanism => {
      await topics()
      await expectDelivery(open('secure', { tls: tls(), sasl: password(mechanism) }))
    })

    test('with a token of the endpoint, asked for as the standard says and kept', async () => {
      await topics()
      const before = tokens.asked.length
      const extensions = { logicalCluster: 'lkc-1', identityPoolId: 'pool-1' }
      const sasl = bearer({ scope: 'kafka', tokenParameters: { audience: 'cluster' }, extensions })
      await expectDelivery(open('secure', { tls: tls(), sasl }))
      const asked = tokens.asked.slice(before)
      expect(asked.map(({ form }) => form)).toEqual([
        { grant_type: 'client_credentials', scope: 'kafka', audience: 'cluster' },
      ])
    })

    test('with a token endpoint that has a certificate of an authority of the clinic', async () => {
      await topics()
      const certificate = broker.issue('idp')
      const endpoint = await startTokenEndpoint({ ...client, subject: 'box', certificate })
      await expectDelivery(open('secure', { tls: tls(), sasl: bearer({ tokenUrl: endpoint.url, tokenCa: broker.ca }) }))
      const untrusted = open('secure', { tls: tls(), sasl: bearer({ tokenUrl: endpoint.url }) })
      await expect(untrusted.connect(nowhere)).rejects.toMatchObject({
        code: 'E_UPLINK_CONFIG',
        at: 'sasl.tokenUrl',
        cause: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      })
      await endpoint.close()
    })

    test('with a client certificate, its key plain or locked', async () => {
      await topics()
      const { cert, key } = broker.client
      await expectDelivery(open('mutual', { tls: { ...tls(), cert, key } }))
      await topics()
      const keyPassphraseFile = secret(broker.locked.passphrase)
      const locked = { ...tls(), cert: broker.locked.cert, key: broker.locked.key, keyPassphraseFile }
      await expectDelivery(open('mutual', { tls: locked }))
    })

    test('by the name that the certificate has, where the address is another', async () => {
      await topics()
      await expectDelivery(open('elsewhere', { tls: { ...tls(), serverName: 'far.example' } }))
    })

    test('with files that are read anew for every session: no restart after a change', async () => {
      await topics()
      const passwordFile = broker.file('changing', 'old-horse')
      const uplink = open('secure', { tls: tls(), sasl: { mechanism: 'plain', username: 'box', passwordFile } })
      await expect(uplink.connect(nowhere)).rejects.toMatchObject({ cause: 'SASL_AUTHENTICATION_FAILED' })
      broker.file('changing', `${users.box}\r\n`)
      await expectDelivery(uplink)
    })

    test('for longer than a login holds (3 s): it is renewed, with a new token, and no batch fails', {
      timeout: 30_000,
      retry: 2, // a machine that stalls for a second sends a batch after the end of the login
    }, async () => {
      const prefix = await topics()
      const before = tokens.asked.length
      tokens.issue({ lifeSeconds: 2, claims: { exp: Math.floor(Date.now() / 1000) + 600 } })
      const logins = [password('plain'), password('scram-sha-512'), bearer()]
      const troubles = await Promise.all(
        logins.map(async (sasl, i) => {
          const uplink = open('brief', { tls: tls(), sasl })
          await uplink.connect(nowhere)
          const log = rows(1000 * i + 1, 1000 * i + 5, { prefix })
          return (await drainAll(uplink, log, 1, () => sleep(1000))).troubles
        }),
      )
      expect(troubles.flat()).toEqual([])
      expect(await stored(prefix)).toBe(15)
      expect(tokens.asked.length - before).toBeGreaterThan(1)
    })

    test.each([
      ['a proxy', undefined],
      ['a proxy with a password', 'carrier:coo'],
    ])('through %s, which looks up the names, also of the token endpoint', async (_, login) => {
      const proxied = await startConnectProxy({ ...(login && { login }), names: { 'kafka.example': '127.0.0.1' } })
      const way = login ? { username: 'carrier', passwordFile: secret('coo') } : {}
      const brokers = [broker.at.secure.replace('127.0.0.1', 'kafka.example')]
      const proxy = { url: proxied.url, ...way }
      await topics()
      await expectDelivery(open('secure', { tls: tls(), sasl: bearer(), proxy }, { brokers }))
      const token = new URL(tokens.url).host
      expect(new Set(proxied.targets)).toEqual(new Set([brokers[0], broker.at.secure, token]))
      await topics()
      await expectDelivery(open('plain', { proxy }))
      await proxied.close()
    })
  })

  describe('says what to change', () => {
    type Case = [what: string, uplink: () => Uplink, code: string, cause: string, advice: RegExp]
    const cases: Case[] = [
      ...(['plain', 'scram-sha-512'] as const).flatMap((mechanism): Case[] => [
        [
          `a wrong password (${mechanism})`,
          () => open('secure', { tls: tls(), sasl: password(mechanism, 'box', 'wrong') }),
          'E_UPLINK_AUTH',
          'SASL_AUTHENTICATION_FAILED',
          /passwordFile/,
        ],
        [
          `an unknown user (${mechanism})`,
          () => open('secure', { tls: tls(), sasl: password(mechanism, 'nobody') }),
          'E_UPLINK_AUTH',
          'SASL_AUTHENTICATION_FAILED',
          /sasl\.username/,
        ],
      ]),
      [
        'a mechanism that is not enabled',
        () => open('login', { sasl: password('plain') }),
        'E_UPLINK_CONFIG',
        'UNSUPPORTED_SASL_MECHANISM',
        /sasl\.mechanism/,
      ],
      [
        'no authority',
        () => open('secure', { tls: {}, sasl: password('plain') }),
        'E_UPLINK_CONFIG',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        /tls\.ca/,
      ],
      [
        'a certificate that has run out',
        () => open('expired', { tls: tls() }),
        'E_UPLINK_CONFIG',
        'CERT_HAS_EXPIRED',
        /renewed/,
      ],
      [
        'a certificate for another name',
        () => open('elsewhere', { tls: tls() }),
        'E_UPLINK_CONFIG',
        'ERR_TLS_CERT_ALTNAME_INVALID',
        /tls\.serverName/,
      ],
      [
        'a certificate for the first address, but not for those that the cluster gives',
        () => open('half', { tls: tls() }, { brokers: [broker.at.half.replace('127.0.0.1', 'localhost')] }),
        'E_UPLINK_CONFIG',
        'ERR_TLS_CERT_ALTNAME_INVALID',
        /tls\.serverName/,
      ],
      [
        'no client certificate',
        () => open('mutual', { tls: tls() }),
        'E_UPLINK_AUTH',
        'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
        /tls\.cert/,
      ],
      ['a port with TLS and no tls', () => open('tls', {}), 'E_UPLINK_CONFIG', 'PORT_SPEAKS_TLS', /set `tls/],
      [
        'a port with TLS and login, and no tls',
        () => open('secure', { sasl: password('plain') }),
        'E_UPLINK_CONFIG',
        'PORT_SPEAKS_TLS',
        /set `tls/,
      ],
      ['tls and a plain port', () => open('plain', { tls: tls() }), 'E_UPLINK_DOWN', 'CLOSED_IN_TLS', /check the port/],
      [
        'TLS without login',
        () => open('secure', { tls: tls() }),
        'E_UPLINK_DOWN',
        'CLOSED_WITHOUT_LOGIN',
        /set `sasl`/,
      ],
      ['neither TLS nor login', () => open('login', {}), 'E_UPLINK_DOWN', 'CLOSED_WITHOUT_LOGIN', /set `sasl`/],
      [
        'a login at a port without',
        () => open('tls', { tls: tls(), sasl: password('plain') }),
        'E_UPLINK_CONFIG',
        'ILLEGAL_SASL_STATE',
        /leave out `sasl`/,
      ],
      [
        'a name that nobody knows',
        () => open('secure', { tls: tls() }, { brokers: ['no-such-host.invalid:9092'] }),
        'E_UPLINK_DOWN',
        expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) as unknown as string,
        /DNS/,
      ],
      [
        'a login without any right',
        () => open('secure', { tls: tls(), sasl: password('plain', 'stranger', users.stranger) }),
        'E_UPLINK_AUTH',
        'TOPIC_AUTHORIZATION_FAILED',
        /topics acls/,
      ],
    ]

    let prefix = ''

    beforeAll(async () => {
      prefix = await topics()
    })

    test.each(cases)('%s', async (_, uplink, code, cause, advice) => {
      const opened = uplink()
      const trouble = { code, cause, advice: expect.stringMatching(advice) }
      await expect(opened.connect(nowhere)).rejects.toMatchObject(trouble)
      expect(await opened.send([row(1, { prefix })])).toMatchObject([{ kind: 'again', ...trouble }])
      expect(await stored(prefix)).toBe(0)
    })

    test.each([
      [{ login: 'carrier:coo' }, 'E_UPLINK_AUTH', 'PROXY_407', /proxy\.passwordFile/],
      [{ refuse: 403 }, 'E_UPLINK_CONFIG', 'PROXY_403', /CONNECT/],
      [{ refuse: 503 }, 'E_UPLINK_DOWN', 'PROXY_503', /proxy cannot reach/],
    ])('a proxy that refuses: %j', async (options, code, cause, advice) => {
      const proxied = await startConnectProxy(options)
      const proxy = { url: proxied.url, username: 'carrier', passwordFile: secret('wrong') }
      for (const uplink of [open('secure', { tls: tls(), sasl: password('plain'), proxy }), open('plain', { proxy })]) {
        const trouble = { code, at: 'proxy', cause, advice: expect.stringMatching(advice) }
        await expect(uplink.connect(nowhere)).rejects.toMatchObject(trouble)
      }
      await proxied.close()
    })

    test('a proxy that takes the connection and says nothing', async () => {
      const far = new Set<Socket>()
      const silentProxy = createServer(socket => {
        far.add(socket.resume().on('error', () => {}))
        socket.on('close', () => far.delete(socket))
      }).listen(0, '127.0.0.1')
      await once(silentProxy, 'listening')
      const proxy = { url: `http://127.0.0.1:${(silentProxy.address() as AddressInfo).port}` }
      const hurried = { connectionTimeout: 300, requestTimeout: 300 }
      for (const uplink of [open('secure', { tls: tls(), proxy }, hurried), open('plain', { proxy }, hurried)]) {
        await expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_DOWN' })
        await expect.poll(() => far.size).toBe(0)
      }
      silentProxy.close()
    })

    test('a token that the cluster refuses; the next attempt asks for a new one', async () => {
      await topics()
      const uplink = open('secure', { tls: tls(), sasl: bearer() })
      const longAgo = Math.floor(Date.now() / 1000) - 1000
      tokens.issue({ claims: { iat: longAgo - 10, exp: longAgo } })
      await expect(uplink.connect(nowhere)).rejects.toMatchObject({
        code: 'E_UPLINK_AUTH',
        cause: 'SASL_AUTHENTICATION_FAILED',
      })
      tokens.issue({})
      await expectDelivery(uplink)
    })

    test('a connection that breaks during a login is no refusal: it is tried again at once', async () => {
      const saslAuthenticate = 36
      const proxy = await kafkaProxy(
        () => Number(broker.at.login.split(':')[1]),
        api => (api === saslAuthenticate ? 'cutBefore' : 'forward'),
      )
      const uplink = open('login', { sasl: password('scram-sha-512') }, { brokers: [proxy.address] })
      await expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_DOWN', waitMs: 200 })
      await proxy.close()
    })

    test('rights that are taken away and given back while it runs, with the topic named', async () => {
      const prefix = await topics()
      const rights = ['fhir', 'test', 'keys'].map(suffix => grant(`${prefix}.${suffix}`))
      await admin.createAcls({ acl: rights.flat() })
      const uplink = open('secure', { tls: tls(), sasl: password('plain', 'stranger', users.stranger) })
      await uplink.connect(nowhere)
      expect(await uplink.send([row(1, { prefix })])).toMatchObject([{ kind: 'delivered' }])
      const write = grant(`${prefix}.fhir`).filter(({ operation }) => operation === 4)
      await admin.deleteAcls({ filters: write })
      await expect
        .poll(() => uplink.send([row(2, { prefix })]), { timeout: 10_000 })
        .toMatchObject([
          {
            kind: 'again',
            code: 'E_UPLINK_AUTH',
            at: `${prefix}.fhir`,
            cause: 'TOPIC_AUTHORIZATION_FAILED',
            advice: expect.stringMatching(/topics acls/),
            waitMs: 200,
          },
        ])
      await admin.createAcls({ acl: write })
      await expect
        .poll(() => uplink.send([row(2, { prefix })]), { timeout: 10_000 })
        .toMatchObject([{ kind: 'delivered' }])
    })
  })
})

/** WRITE and DESCRIBE on one topic for the stranger. */
function grant(resourceName: string) {
  return [4, 8].map(operation => ({
    resourceType: 2,
    resourceName,
    resourcePatternType: 3,
    principal: 'User:stranger',
    host: '*',
    operation,
    permissionType: 3,
  }))
}
