/**
 * The sockets of one Kafka client, and the means to end them all at once.
 *
 * kafkajs 2.2.4 goes on using a connection whose peer has gone silent, and waits for ever on a socket that is closed
 * without an error (it listens to `error` and `end`, not to `close`). So the sockets are ours, and they end with an Error.
 */
import type { Socket } from 'node:net'
import type { ISocketFactory } from 'kafkajs'
import { isVague } from './classify.ts'
import { dial, type Way } from './dial.ts'

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

/** How the connections are made. `login`: a login follows. */
export type LifelineOptions = Way & Readonly<{ login?: boolean }>

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
    socket.once('error', error => note((isVague(error) && closed()) || error))
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
      const socket = dial(host, port, options, () => {
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

/** An error of our own for the client and for classify.ts. */
export function coded(code: string): Error {
  return Object.assign(new Error(code), { code })
}
