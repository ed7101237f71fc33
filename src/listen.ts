/** Binds a listener and says where; one for all sources on sockets. */
import type { Server } from 'node:net'
import { GatewayError } from './errors.ts'

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
