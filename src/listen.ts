/** What listens: the sources, and how each binds a listener and says where. */
import type { Server } from 'node:net'
import { GatewayError } from './errors.ts'
import type { Ms } from './records.ts'

/** A bound listener. `until`: when its certificate runs out, null without TLS. `plaintext`: why there is none, if it was said. */
export type ListenerView = Readonly<{ name: string; address: string; until: Ms | null; plaintext: string | null }>

/** A way in: it listens, makes arrivals of what comes, gives them to the intake and answers with the verdict. */
export interface Source {
  readonly name: string
  /** Binds the listener. Resolves with the bound address `host:port`; rejects with GatewayError E_PORT_BUSY. */
  start(): Promise<string>
  /** What is bound, the address of `start` first. Absent: only that, and without TLS. */
  listeners?(): readonly ListenerView[]
  /** Reads certificates anew; what it returns puts them to use. Throws GatewayError E_CONFIG. Absent: there are none. */
  renew?(): () => void
  /** Stops reading, answers what is in flight, closes. */
  stop(): Promise<void>
}

/**
 * Resolves with the bound address, `host:port` (`[host]:port` for IPv6); port 0 = any free one. `at` names the setting.
 * Rejects with GatewayError E_PORT_BUSY, or E_CONFIG for an address that cannot be bound.
 */
export function listen(server: Server, host: string, port: number, at: string): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      const busy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
      reject(new GatewayError(busy ? 'E_PORT_BUSY' : 'E_CONFIG', at, `${host}:${port}`))
    })
    server.listen(port, host, () => resolve(boundAddress(server, at)))
  })
}

function boundAddress(server: Server, at: string): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new GatewayError('E_INTERNAL', at)
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`
}
