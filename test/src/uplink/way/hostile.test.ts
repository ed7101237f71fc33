/** A broker that is not what it should be: it learns no secret, and sends the box nowhere. */
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { machine } from '../../../../src/environment.ts'
import { silent } from '../../../../src/log.ts'
import type { Uplink } from '../../../../src/ports.ts'
import { probe } from '../../../../src/uplink/check/probe.ts'
import { type KafkaSettings, kafkaUplink } from '../../../../src/uplink/kafka/kafka.ts'
import { startConnectProxy } from '../../../net/connect-proxy.ts'
import { type FakeOptions, startFakeBroker } from '../../../net/fake-broker.ts'
import { startTokenEndpoint } from '../../../net/token-endpoint.ts'
import { nowhere, row } from '../rows.ts'

const passwordFile = join(mkdtempSync(join(tmpdir(), 'hostile-')), 'password')
writeFileSync(passwordFile, 'open sesame')
const deps = { environment: machine, log: silent }
const plain = { mechanism: 'plain', username: 'box', passwordFile } as const
const closing: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function fake(options: FakeOptions = {}) {
  const broker = await startFakeBroker(options)
  closing.push(broker.close)
  return broker
}

async function carrier(login?: string) {
  const proxied = await startConnectProxy(login ? { login } : {})
  closing.push(proxied.close)
  return proxied
}

function open(brokers: readonly string[], change: Partial<KafkaSettings> = {}): Uplink {
  const settings = { name: 'cloud', brokers, topicPrefix: 'n', clientId: 'test', connectionTimeout: 3000 }
  const uplink = kafkaUplink({ ...settings, requestTimeout: 3000, ...change }, deps)
  closing.push(uplink.close)
  return uplink
}

/** An address of this machine that is not loopback, so that what goes there can be seen. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find(one => one?.family === 'IPv4' && !one.internal)?.address

const elsewhere = test.skipIf(!outside)
const why = outside ? '' : ' (this machine has no address but loopback)'

/** Where no connection may come. */
async function startTrap() {
  const caught: Socket[] = []
  const server: Server = createServer(socket => caught.push(socket.on('error', () => {}))).listen(0, outside)
  await once(server, 'listening')
  closing.push(() => server.close())
  return { advertised: { host: outside as string, port: (server.address() as AddressInfo).port }, caught }
}

elsewhere.each<[string, Partial<KafkaSettings>, string]>([
  ['without login', {}, 'OFF_LOOPBACK_WITHOUT_TLS'],
  ['plain', { sasl: plain }, 'OFF_LOOPBACK_WITHOUT_TLS'],
  ['plain, with a reason for no TLS', { sasl: plain, plaintext: 'our own wire' }, 'OFF_LOOPBACK_WITHOUT_TLS'],
  ['the demo', { loopbackOnly: true, plaintext: 'our own wire' }, 'DEMO_OFF_LOOPBACK'],
])(
  `a broker on loopback names an address off it: nothing is said there in clear (%s)${why}`,
  async (_, change, cause) => {
    const { advertised, caught } = await startTrap()
    const { port } = await fake({ advertised })
    const uplink = open([`127.0.0.1:${port}`], change)
    await expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_CONFIG', cause })
    expect(await uplink.send([row(1)])).toMatchObject([{ kind: 'again', code: 'E_UPLINK_CONFIG', cause }])
    expect(caught).toHaveLength(0)
  },
)

elsewhere(`with a reason for no TLS, and no secret to tell, it is gone to${why}`, async () => {
  const { advertised, caught } = await startTrap()
  const { port } = await fake({ advertised })
  const impatient = { connectionTimeout: 500, requestTimeout: 500 }
  await expect(
    open([`127.0.0.1:${port}`], { plaintext: 'our own wire', ...impatient }).connect(nowhere),
  ).rejects.toThrow()
  expect(caught.length).toBeGreaterThan(0)
})

test('a name that would say more to the proxy than where to go is not passed on', async () => {
  const host = 'h:1 HTTP/1.1\r\nX-Injected: yes\r\n\r\nGET http://intranet/ HTTP/1.1\r\nX: '
  const { port } = await fake({ advertised: { host, port: 80 } })
  const { url, targets } = await carrier()
  const uplink = open([`127.0.0.1:${port}`], { proxy: { url }, plaintext: 'our own wire' })
  await expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_CONFIG', cause: 'BAD_ADDRESS' })
  expect(new Set(targets)).toEqual(new Set([`127.0.0.1:${port}`]))
})

test('nor does such a name reach the terminal of who tries the uplink', async () => {
  const { port } = await fake({ advertised: { host: 'h\x1b[2J\r\nall is good', port: 80 } })
  const settings = { name: 'cloud', brokers: [`127.0.0.1:${port}`], topicPrefix: 'n', clientId: 'test' }
  const steps = await probe(settings, { attachment: null, record: 'none' }, deps)
  expect(steps.filter(({ at }) => at.startsWith('h')).length).toBeGreaterThan(0)
  for (const { at, note = '' } of steps) expect(`${at} ${note}`).not.toMatch(/\p{Cc}/u)
})

test('one that wants a million and one SCRAM iterations gets no proof', async () => {
  const login = (said: string) => `r=${/r=([^,]+)$/.exec(said)?.[1]}more,s=c2FsdA==,i=1000001`
  const { port, logins } = await fake({ login })
  const uplink = open([`127.0.0.1:${port}`], { sasl: { ...plain, mechanism: 'scram-sha-256' } })
  await expect(uplink.connect(nowhere)).rejects.toMatchObject({ code: 'E_UPLINK_CONFIG', cause: 'SCRAM_ITERATIONS' })
  expect(logins.filter(said => said.includes('p='))).toEqual([])
})

test('a token that the cluster took before and takes no longer: the next attempt is at once, with a new one', async () => {
  const endpoint = await startTokenEndpoint({ clientId: 'box', secret: 'open sesame', subject: 'box' })
  closing.push(endpoint.close)
  const refused = new Set<string>()
  const tokenOf = (said: string) => /Bearer (\S+?)\x01/.exec(said)?.[1] ?? ''
  const { port, logins } = await fake({
    login: said => (refused.has(tokenOf(said)) ? '{"status":"invalid_token"}' : ''),
  })
  const sasl = { mechanism: 'oauthbearer', tokenUrl: endpoint.url, clientId: 'box' } as const
  const uplink = open([`127.0.0.1:${port}`], { sasl: { ...sasl, clientSecretFile: passwordFile } })
  const known = await uplink.connect(nowhere)
  refused.add(tokenOf(logins[0]!))
  const trouble = { code: 'E_UPLINK_AUTH', cause: 'KEPT_TOKEN_REFUSED', waitMs: 200 }
  await expect(uplink.connect(nowhere)).rejects.toMatchObject(trouble)
  expect(endpoint.asked).toHaveLength(1)
  expect(await uplink.connect(nowhere)).toEqual(known)
  expect(endpoint.asked).toHaveLength(2)
})

test('a wrong password is said to a proxy once per attempt, however many brokers there are', async () => {
  const { url, targets } = await carrier('carrier:coo')
  const proxy = { url, username: 'carrier', passwordFile }
  const uplink = open(['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'], { proxy })
  const trouble = { code: 'E_UPLINK_AUTH', at: 'proxy', cause: 'PROXY_407', waitMs: 30_000 }
  await expect(uplink.connect(nowhere)).rejects.toMatchObject(trouble)
  expect(targets).toHaveLength(1)
  expect(await uplink.send([row(1)])).toMatchObject([{ kind: 'again', ...trouble }])
  expect(targets).toHaveLength(2)
})

const hasIPv6 = Object.values(networkInterfaces()).some(all => all?.some(({ address }) => address === '::1'))

test.skipIf(!hasIPv6)(
  `IPv6 addresses, in the settings and from the cluster${hasIPv6 ? '' : ' (no ::1 here)'}`,
  async () => {
    const { port } = await fake({ host: '::1' })
    await expect(open([`[::1]:${port}`]).connect(nowhere)).resolves.toMatchObject({ cluster: 'fake' })
  },
)
