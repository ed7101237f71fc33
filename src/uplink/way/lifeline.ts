/**
 * The sockets of one Kafka client, and the means to end them all at once.
 *
 * kafkajs 2.2.4 goes on using a connection whose peer has gone silent, and waits for ever on a socket that is closed
 * without an error (it listens to `error` and `end`, not to `close`). So the sockets are ours, and they end with an Error.
 */
import type { Socket } from 'node:net'
import type { ISocketFactory } from 'kafkajs'
import { isVague } from '../kafka/classify.ts'
import { coded } from '../kafka/coded.ts'
import { dial, isLoopback, type Way } from './dial.ts'

export type Lifeline = Readonly<{
  socketFactory: ISocketFactory
  /** Rejects, once, with the reason of the end. */
  broken: Promise<never>
  ended: () => boolean
  /** From now on the loss of any connection ends all of them. */
  guard: () => void
  /** Destroys every socket with `reason`; no new one is opened. */
  end: (reason: Error) => void
  /** Remembers why something failed; null forgets it. */
  note: (error: Error | null) => void
  /** The error, or what was noted last where the error itself says no more than that a connection ended. */
  explain: (error: unknown) => unknown
}>

/**
 * How the connections are made. `login`: a login follows. `plaintext`: off loopback they may do without TLS. `loopbackOnly`:
 * none leaves the machine.
 */
export type LifelineOptions = Way & Readonly<{ login?: boolean; plaintext?: boolean; loopbackOnly?: boolean }>

/** The first byte of a TLS alert: a port with TLS answers a plain client with one. */
const tlsAlert = 0x15

/** Opens a lifeline. Closing is final: what comes after it needs a new one. */
export function openLifeline(options: LifelineOptions = {}): Lifeline {
  const sockets = new Set<Socket>()
  const { promise: broken, reject } = Promise.withResolvers<never>()
  broken.catch(() => {})
  let reason: Error | null = null
  let guarded = false
  let noted: Error | null = null

  function end(why: Error): void {
    if (reason) return
    reason = why
    reject(why)
    for (const socket of sockets) socket.destroy(why)
  }

  /**
   * The client keeps neither the reason why a connection ended nor why it gave up a broker, and a plain port, a port with
   * TLS and one that wants a login all end it without a word; so what the socket itself shows is noted.
   */
  function watch(socket: Socket, isReady: () => boolean): void {
    const closed = () => {
      if (!isReady()) return options.tls ? coded('CLOSED_IN_TLS') : null
      return options.login || guarded ? null : coded('CLOSED_WITHOUT_LOGIN')
    }
    socket.once('error', (error: NodeJS.ErrnoException) => {
      note((isVague(error) && closed()) || error)
      // the client would try the same password for one broker after the other, and proxies lock accounts
      if (error.code === 'PROXY_407') end(error)
    })
    socket.once('end', () => {
      const why = closed()
      if (why) note(why)
    })
    if (options.tls) return
    socket.once('data', (bytes: Buffer) => {
      if (bytes[0] === tlsAlert) socket.destroy(coded('PORT_SPEAKS_TLS'))
    })
  }

  function note(error: Error | null): void {
    if (!reason) noted = error
  }

  /** An address may come from whoever answers at another one, so it is looked at before anything is said there. */
  function open(host: string, port: number, connected: () => void): Socket {
    try {
      const forbidden = forbiddenAt(host, options)
      if (forbidden) throw coded(forbidden)
      return dial(host, port, options, connected)
    } catch (error) {
      end(error as Error)
      throw error
    }
  }

  return {
    broken,
    end,
    note,
    explain: error => (noted && isVague(error) ? noted : error),
    ended: () => reason !== null,
    guard: () => {
      guarded = true
    },
    socketFactory: ({ host, port, onConnect }) => {
      if (reason) throw reason
      let ready = false
      const socket = open(hostOf(host), port, () => {
        ready = true
        onConnect()
      })
      watch(socket, () => ready)
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        if (guarded) end(coded('CONNECTION_LOST'))
      })
      return socket
    },
  }
}

/** The symbol of what forbids a connection to `host`; null where nothing does. */
function forbiddenAt(host: string, { tls, proxy, plaintext, loopbackOnly }: LifelineOptions): string | null {
  if (isLoopback(host) && (!proxy || isLoopback(proxy.host))) return null
  if (loopbackOnly) return 'DEMO_OFF_LOOPBACK'
  return tls || plaintext ? null : 'OFF_LOOPBACK_WITHOUT_TLS'
}

/**
 * A broker of the settings, `host:port` or `[host]:port`, as the client takes it: it cuts at the first colon, so the colons of
 * an IPv6 address go through it as a character that no host has.
 */
export function seedText(broker: string): string {
  const [, host = '', port = ''] = /^\[(.*)\]:(\d+)$/.exec(broker) ?? []
  return host ? `${host.replaceAll(':', '|')}:${port}` : broker
}

function hostOf(seed: string): string {
  return seed.replaceAll('|', ':')
}
