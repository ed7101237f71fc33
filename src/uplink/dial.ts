/** Opens connections: direct or through a proxy, plain or with TLS. */
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { second } from '../limits.ts'
import type { HttpProxy } from './credentials.ts'
import { tunnel } from './tunnel.ts'

/** So that what forgets silent connections (NAT, firewalls) does not forget ours. */
const keepAliveMs = 15 * second

/** How to get there. Absent = without. */
export type Way = Readonly<{ tls?: ConnectionOptions; proxy?: HttpProxy }>

/**
 * A socket to `host:port`; `connected` is called when it may be used. Its errors carry the system's, TLS's or the proxy's
 * code (causes.ts).
 */
export function dial(host: string, port: number, { tls, proxy }: Way, connected: () => void = () => {}): Socket {
  if (!tls) return alive(proxy ? asSocket(tunnel(proxy, host, port, connected)) : connect({ host, port }, connected))
  const options = { host, port, ...(isIP(host) ? {} : { servername: host }), ...tls }
  if (!proxy) return alive(connectTls(options, connected))
  return connectTls({ ...options, socket: alive(asSocket(tunnel(proxy, host, port))) }, connected)
}

function alive(socket: Socket): Socket {
  return socket.setKeepAlive(true, keepAliveMs).setNoDelay(true)
}

/** A tunnel has what the client, TLS and HTTP use of a socket. */
function asSocket(stream: unknown): Socket {
  return stream as Socket
}
