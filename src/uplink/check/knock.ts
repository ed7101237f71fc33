/** Looks at one address the way the uplink goes there: name, connection, TLS and its certificate. */
import { lookup } from 'node:dns/promises'
import { isIP, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Environment } from '../../environment.ts'
import { day } from '../../limits.ts'
import type { Ms } from '../../records.ts'
import { coded } from '../kafka/coded.ts'
import { dial, type Way } from '../way/dial.ts'
import type { Note } from './steps.ts'

const answerWithinMs = 5000
/** A certificate that runs out so soon is a warning. */
const certificateDays = 30

/** `signal`: nothing is waited for any longer. */
type Within = Environment & Readonly<{ signal?: AbortSignal }>

export type Address = Readonly<{ host: string; port: number }>

/** `host:port`, `[host]:port`. */
export function addressOf(text: string): Address {
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? []
  return { host, port: Number(port) }
}

/** Looks the name up; through a proxy that is not the box's affair. Rejects with the system's error. */
export async function resolveName({ host }: Address, { proxy }: Way, environment: Within): Promise<Note> {
  if (proxy) return { note: 'the proxy looks it up' }
  if (isIP(host)) return { note: 'an address, no name' }
  const found = await inTime(environment, () => lookup(host, { all: true }))
  return { note: found.map(({ address }) => address).join(', ') }
}

/** Opens a connection, through the proxy where there is one, and closes it. Rejects with the socket's error. */
export async function reach({ host, port }: Address, { proxy }: Way, environment: Within): Promise<Note> {
  const began = environment.monotonic()
  const socket = await opened(environment, ready => dial(host, port, proxy ? { proxy } : {}, ready))
  socket.destroy()
  return { note: `${proxy ? 'through the proxy ' : ''}in ${Math.round(environment.monotonic() - began)} ms` }
}

/** Shakes hands with TLS; says until when the certificate is good. Rejects with the handshake's error. */
export async function shakeHands({ host, port }: Address, way: Way, environment: Within): Promise<Note> {
  const socket = (await opened(environment, ready => dial(host, port, way, ready))) as TLSSocket
  const { valid_to: end } = socket.getPeerCertificate()
  socket.destroy()
  return expiry('the certificate', Date.parse(end), environment.now())
}

/** A note on how long a certificate is good; within 30 days a warning. */
export function expiry(whose: string, end: Ms, now: Ms): Note {
  const days = Math.floor((end - now) / day)
  const expired = { result: 'bad', code: 'E_UPLINK_CONFIG', cause: 'CERT_HAS_EXPIRED' } as const
  if (days < 0) return { ...expired, note: `${whose} has run out`, advice: 'Renew it.' }
  const note = `${whose} runs out in ${days} days`
  return days < certificateDays ? { result: 'warning', note, advice: 'Renew it in time.' } : { note }
}

/** The socket once it is ready. */
async function opened(environment: Within, open: (ready: () => void) => Socket): Promise<Socket> {
  let socket: Socket | undefined
  try {
    return await inTime(environment, () => {
      const { promise, resolve, reject } = Promise.withResolvers<Socket>()
      const dialled = open(() => resolve(dialled))
      socket = dialled.once('error', reject).once('end', () => reject(coded('CLOSED_IN_TLS')))
      return promise
    })
  } catch (error) {
    socket?.destroy()
    throw error
  }
}

async function inTime<T>(environment: Within, work: () => Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const cancel = environment.after(answerWithinMs, () => reject(coded('ETIMEDOUT')))
  const stop = () => reject(coded('STOPPED'))
  environment.signal?.addEventListener('abort', stop, { once: true })
  if (environment.signal?.aborted) stop()
  try {
    return await Promise.race([work(), late])
  } finally {
    cancel()
    environment.signal?.removeEventListener('abort', stop)
  }
}
