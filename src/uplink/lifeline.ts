/**
 * The sockets of one Kafka client, and the means to end them all at once.
 *
 * kafkajs 2.2.4 goes on using a connection whose peer has gone silent, and waits for ever on a socket that is closed
 * without an error (it listens to `error` and `end`, not to `close`). So the sockets are ours, and they end with an Error.
 */
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactory } from 'kafkajs'
import { second } from '../limits.ts'

const keepAliveMs = 15 * second

export type Lifeline = Readonly<{
  socketFactory: ISocketFactory
  /** Rejects, once, with the reason of the end. */
  broken: Promise<never>
  ended: () => boolean
  /** From now on the loss of any connection ends all of them. */
  guard: () => void
  /** Destroys every socket with `reason`; no new one is opened. */
  end: (reason: Error) => void
}>

/** Opens a lifeline. Closing is final: what comes after it needs a new one. */
export function openLifeline(): Lifeline {
  const sockets = new Set<Socket>()
  const { promise: broken, reject } = Promise.withResolvers<never>()
  broken.catch(() => {})
  let reason: Error | null = null
  let guarded = false

  function end(why: Error): void {
    if (reason) return
    reason = why
    reject(why)
    for (const socket of sockets) socket.destroy(why)
  }

  return {
    broken,
    end,
    ended: () => reason !== null,
    guard: () => {
      guarded = true
    },
    socketFactory: ({ host, port, ssl, onConnect }) => {
      if (reason) throw reason
      const socket = ssl
        ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
        : connect({ host, port }, onConnect)
      socket.setKeepAlive(true, keepAliveMs)
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        if (guarded) end(new Error('connection lost'))
      })
      return socket
    },
  }
}
