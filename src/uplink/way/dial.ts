/** Opens connections: direct or through a proxy, plain or with TLS. */
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { second } from '../../limits.ts'
import { coded } from '../kafka/coded.ts'
import type { HttpProxy } from './credentials.ts'
import { tunnel } from './tunnel.ts'

/** So that what forgets silent connections (NAT, firewalls) does not forget ours. */
const keepAliveMs = 15 * second
const longestName = 253

/** How to get there. Absent = without. */
export type Way = Readonly<{ tls?: ConnectionOptions; proxy?: HttpProxy }>

/**
 * A socket to `host:port`; `connected` is called when it may be used. Its errors carry the system's, TLS's or the proxy's
 * code (causes.ts). Throws BAD_ADDRESS where `host` is neither a name nor an address, or there is no such port.
 */
export function dial(host: string, port: number, { tls, proxy }: Way, connected: () => void = () => {}): Socket {
  if (!isAddress(host, port)) throw coded('BAD_ADDRESS')
  if (!tls) return alive(proxy ? asSocket(tunnel(proxy, host, port, connected)) : connect({ host, port }, connected))
  // said outright: else NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch the checks off
  const options = { host, port, ...(isIP(host) ? {} : { servername: host }), ...tls, rejectUnauthorized: true }
  if (!proxy) return alive(connectTls(options, connected))
  return connectTls({ ...options, socket: alive(asSocket(tunnel(proxy, host, port))) }, connected)
}

/** Whether connections to this host stay on the machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

/** A cluster may name any address. What has other characters could say more to a proxy than where to go. */
function isAddress(host: string, port: number): boolean {
  const isName = host.length <= longestName && /^[A-Za-z0-9._-]+$/.test(host)
  return (isName || isIP(host) !== 0) && Number.isInteger(port) && port > 0 && port < 0x10000
}

function alive(socket: Socket): Socket {
  return socket.setKeepAlive(true, keepAliveMs).setNoDelay(true)
}

/** A tunnel has what the client, TLS and HTTP use of a socket. */
function asSocket(stream: unknown): Socket {
  return stream as Socket
}
