/** Who is at the other end is always asked, and nothing is said to an address that is none. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer, type Server } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { machine } from '../../../../src/environment.ts'
import { classify } from '../../../../src/uplink/kafka/classify.ts'
import { readProxy, readTls } from '../../../../src/uplink/way/credentials.ts'
import { dial, type Way } from '../../../../src/uplink/way/dial.ts'
import { tokensOf } from '../../../../src/uplink/way/token.ts'
import { type Certificate, makeAuthority, opensslMissing } from '../../../net/certificates.ts'
import { startConnectProxy } from '../../../net/connect-proxy.ts'
import { startTokenEndpoint } from '../../../net/token-endpoint.ts'

test.each([
  ['h:1 HTTP/1.1\r\nX-Injected: yes\r\n\r\nGET http://intranet/ HTTP/1.1\r\nX: ', 80],
  ['kafka.example\n', 9092],
  ['', 9092],
  ['a b', 9092],
  ['a/b', 9092],
  ['user@kafka', 9092],
  ['fd00::1|', 9092],
  ['x'.repeat(254), 9092],
  ['kafka.example', 0],
  ['kafka.example', -1],
  ['kafka.example', 65536],
  ['kafka.example', Number.NaN],
])('no connection is made to %j port %d', (host, port) => {
  const proxy = { host: '127.0.0.1', port: 1, authorization: null }
  for (const way of [{}, { proxy }]) {
    expect(() => dial(host, port, way)).toThrow(expect.objectContaining({ code: 'BAD_ADDRESS' }))
  }
})

test.each(['kafka-1.example.', 'pkc_a', 'KAFKA', '127.0.0.1', '::1', 'fe80::1'])('%s is an address', host => {
  dial(host, 1, {})
    .on('error', () => {})
    .destroy()
})

const missing = opensslMissing()

describe.skipIf(missing)(`TLS${missing ? ` (${missing})` : ''}`, () => {
  let ca = ''
  let right: Certificate
  let elsewhere: Certificate
  const servers: Server[] = []
  const sockets: Socket[] = []

  beforeAll(() => {
    const authority = makeAuthority('Test CA')
    ca = authority.ca
    right = authority.issue('right')
    elsewhere = authority.issue('elsewhere', { names: 'DNS:far.example' })
  })

  afterEach(() => {
    vi.unstubAllEnvs()
    for (const socket of sockets.splice(0)) socket.destroy()
  })

  afterAll(() => {
    for (const server of servers) server.close()
  })

  async function serve({ cert, key }: Certificate): Promise<number> {
    const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, socket => {
      sockets.push(socket.on('error', () => {}).resume())
    })
    servers.push(server.on('tlsClientError', () => {}).listen(0, '127.0.0.1'))
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  /** The symbol of why not; null where it opens. */
  function symbol(port: number, way: Way, host = '127.0.0.1'): Promise<string | null> {
    const { promise, resolve } = Promise.withResolvers<string | null>()
    const socket = dial(host, port, way, () => resolve(null))
    sockets.push(socket.on('error', error => resolve(classify(error).cause)))
    return promise
  }

  const bearer = (tokenUrl: string, tokenCa?: string) => ({
    mechanism: 'oauthbearer' as const,
    tokenUrl,
    clientId: 'box',
    clientSecretFile: ca, // any text will do: what is tested comes before it is sent
    ...(tokenCa && { tokenCa }),
  })

  test('an authority that is not trusted is refused, also where the environment says to trust all', async () => {
    const port = await serve(right)
    const endpoint = await startTokenEndpoint({ clientId: 'box', secret: 'x', subject: 'box', certificate: right })
    expect(await symbol(port, { tls: readTls({ ca }) })).toBe(null)
    for (const word of ['1', '0']) {
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', word)
      expect(await symbol(port, { tls: readTls({}) })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
      await expect(tokensOf({ sasl: bearer(endpoint.url) }, machine).get()).rejects.toMatchObject({
        cause: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      })
    }
    expect(endpoint.asked).toEqual([])
    await endpoint.close()
  })

  test.each([false, true])('the name is checked, through a proxy too (%s); serverName says which', async proxied => {
    const port = await serve(elsewhere)
    const carrier = await startConnectProxy({ names: { 'kafka.example': '127.0.0.1' } })
    const proxy = proxied ? { proxy: readProxy({ url: carrier.url }) } : {}
    const host = proxied ? 'kafka.example' : '127.0.0.1'
    expect(await symbol(port, { tls: readTls({ ca }), ...proxy }, host)).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(await symbol(port, { tls: readTls({ ca, serverName: 'far.example' }), ...proxy }, host)).toBe(null)
    expect(carrier.targets).toHaveLength(proxied ? 2 : 0)
    await carrier.close()
  })

  test('a token endpoint with a certificate for another name is refused, and hears no secret', async () => {
    const endpoint = await startTokenEndpoint({ clientId: 'box', secret: 'x', subject: 'box', certificate: elsewhere })
    const carrier = await startConnectProxy()
    for (const way of [{}, { proxy: { url: carrier.url } }]) {
      await expect(tokensOf({ sasl: bearer(endpoint.url, ca), ...way }, machine).get()).rejects.toMatchObject({
        code: 'E_UPLINK_CONFIG',
        at: 'sasl.tokenUrl',
        cause: 'ERR_TLS_CERT_ALTNAME_INVALID',
      })
    }
    expect(endpoint.asked).toEqual([])
    await carrier.close()
    await endpoint.close()
  })

  test('a proxy that cuts the connection during the handshake is named as what it is', async () => {
    const port = await serve(right)
    for (const bytes of [0, 1, 100, 700]) {
      const carrier = await startConnectProxy({ cutAfter: bytes })
      const proxy = readProxy({ url: carrier.url })
      expect(await symbol(port, { tls: readTls({ ca }), proxy })).toBe('ECONNRESET')
      await carrier.close()
    }
  })
})
