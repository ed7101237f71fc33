/** An HTTP proxy that takes CONNECT, as a hospital has it, with or without a password. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/**
 * `login`: `user:password` that it wants. `names`: hosts that only it knows. `refuse`: the status it gives to everything.
 * `cutAfter`: bytes of what comes back, after which it ends the connection.
 */
export type ProxyOptions = Readonly<{
  login?: string
  names?: Readonly<Record<string, string>>
  refuse?: number
  cutAfter?: number
}>

export async function startConnectProxy({ login, names = {}, refuse, cutAfter }: ProxyOptions = {}) {
  const targets: string[] = []
  const open = new Set<Socket>()
  const server = createServer()
  server.on('connect', ({ url = '', headers }, client: Socket, first: Buffer) => {
    targets.push(url)
    open.add(client)
    const wanted = login && `Basic ${Buffer.from(login).toString('base64')}`
    const status = refuse ?? (wanted && headers['proxy-authorization'] !== wanted ? 407 : 200)
    if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 4\r\n\r\nnope`)
    const [host = '', port] = url.split(':')
    const target = connect(Number(port), names[host] ?? host, () => {
      client.write('HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n')
      target.write(first)
      if (cutAfter === undefined) return void target.pipe(client).pipe(target)
      client.pipe(target)
      let left = cutAfter
      target.on('data', bytes => {
        client.write(bytes.subarray(0, left))
        left = Math.max(0, left - bytes.length)
        if (left === 0) client.end()
      })
    })
    open.add(target)
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** `host:port` of every CONNECT so far. */
    targets,
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
