import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { classify } from '../../../../src/uplink/kafka/classify.ts'
import { type Tunnel, tunnel } from '../../../../src/uplink/way/tunnel.ts'
import { startConnectProxy } from '../../../net/connect-proxy.ts'

describe('a tunnel through an HTTP proxy', () => {
  const servers: Server[] = []
  const tunnels: Tunnel[] = []

  afterEach(() => {
    for (const one of tunnels.splice(0)) one.destroy()
    for (const server of servers.splice(0)) server.close()
  })

  async function serve(handle: (socket: Socket) => void): Promise<number> {
    const server = createServer(handle).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  function open(port: number, host = 'kafka.example', opened = () => {}): Tunnel {
    const one = tunnel({ host: '127.0.0.1', port, authorization: null }, host, 9092, opened)
    tunnels.push(one)
    return one
  }

  /** A proxy that says these words, in two pieces, whatever it is asked. */
  const saying = (...words: string[]) =>
    serve(socket => {
      socket.on('error', () => {})
      socket.once('data', async () => {
        for (const word of words) {
          socket.write(word)
          await new Promise(resolve => setImmediate(resolve))
        }
        socket.end()
      })
    })

  const failure = (one: Tunnel) => once(one, 'error').then(([error]) => classify(error))

  test('carries what is written before it is open, and what comes with the answer', async () => {
    const port = await saying('HTTP/1.1 200 Connection est', 'ablished\r\nX: y\r\n\r', '\nfirst', ' second')
    let opened = false
    const one = open(port, 'kafka.example', () => {
      opened = true
    })
    one.write('early')
    expect(await text(one)).toBe('first second')
    expect(opened).toBe(true)
  })

  test('both ways through a real proxy, a megabyte of it, until the far side ends', async () => {
    const echo = await serve(socket => socket.pipe(socket))
    const proxy = await startConnectProxy()
    const one = tunnel(
      { host: '127.0.0.1', port: Number(new URL(proxy.url).port), authorization: null },
      '127.0.0.1',
      echo,
    )
    tunnels.push(one)
    const sent = 'ä'.repeat(1 << 19)
    one.end(sent)
    expect(await text(one)).toBe(sent)
    await proxy.close()
  })

  test('what came before the end is there, however late it is read', async () => {
    const one = open(await saying('HTTP/1.1 200 Yes\r\n\r\n', 'last words'))
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(await text(one)).toBe('last words')
  })

  test.each([
    ['HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'E_UPLINK_AUTH', 'PROXY_407', /proxy\.passwordFile/, 30_000],
    ['HTTP/1.1 403 Forbidden\r\n\r\n', 'E_UPLINK_CONFIG', 'PROXY_403', /CONNECT/, 200],
    ['HTTP/1.1 405 Method Not Allowed\r\n\r\n', 'E_UPLINK_CONFIG', 'PROXY_405', /CONNECT/, 200],
    ['HTTP/1.1 502 Bad Gateway\r\n\r\n', 'E_UPLINK_DOWN', 'PROXY_502', /proxy cannot reach/, 200],
    ['SSH-2.0-OpenSSH_9.6\r\n\r\n', 'E_UPLINK_CONFIG', 'PROXY_NO_HTTP', /CONNECT/, 200],
    ['x'.repeat(20_000), 'E_UPLINK_CONFIG', 'PROXY_NO_HTTP', /CONNECT/, 200],
    ['HTTP/1.1 200', 'E_UPLINK_DOWN', 'PROXY_CLOSED', /proxy/, 200],
  ])('answer %# that is no 2xx ends it', async (words, code, cause, advice, waitMs) => {
    const trouble = await failure(open(await saying(words)))
    expect(trouble).toMatchObject({ code, cause, advice: expect.stringMatching(advice), waitMs })
  })

  test('a proxy that says nothing until it is given up is not said to have closed', async () => {
    const one = open(await serve(socket => socket.on('error', () => {}).resume()))
    one.end()
    expect(await failure(one)).toMatchObject({
      code: 'E_UPLINK_DOWN',
      cause: 'PROXY_SILENT',
      advice: expect.stringMatching(/proxy\.url/),
    })
  })

  test('what TLS writes after the proxy ended a tunnel is a connection that broke off', async () => {
    const one = open(await saying('HTTP/1.1 200 Yes\r\n\r\n'))
    await once(one.pause(), 'readable')
    one.end()
    const ended = failure(one)
    one.write('late')
    expect(await ended).toMatchObject({ code: 'E_UPLINK_DOWN', advice: expect.stringMatching(/broke off/) })
  })

  test('a proxy that is away', async () => {
    expect(await failure(open(1))).toMatchObject({
      code: 'E_UPLINK_DOWN',
      cause: 'PROXY_ECONNREFUSED',
      advice: expect.stringContaining('`proxy.url`'),
    })
  })

  test('a proxy that is silent: the tunnel ends when its owner says so, with his reason', async () => {
    const one = open(await serve(() => {}))
    one.write('never leaves')
    const ended = once(one, 'error')
    one.destroy(new Error('no answer in time'))
    expect((await ended)[0]).toMatchObject({ message: 'no answer in time' })
  })
})
