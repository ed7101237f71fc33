/** What an error of the Kafka client means for us. Only its class, type and code are read, never its message. */
import { GatewayError, type KnownCode, UplinkError } from '../../errors.ts'
import type { Ms } from '../../records.ts'
import { adviceAt, causeOf, type Kind } from './causes.ts'

/**
 * `record`: the cluster refuses a record of this batch for good (it is bisected and parked). Every other kind: the batch
 * is sent again, after at least `waitMs`. `cause` is the symbol, `advice` what to change (causes.ts).
 */
export type Trouble = Readonly<{ kind: Kind; code: KnownCode; waitMs: Ms; cause: string; advice: string }>

/** The client's classes that say something without a code. */
const classes: Readonly<Record<string, string>> = {
  KafkaJSSASLAuthenticationError: 'SASL_AUTHENTICATION_FAILED',
  KafkaJSConnectionClosedError: 'CONNECTION_CLOSED',
  KafkaJSRequestTimeoutError: 'REQUEST_TIMED_OUT',
  KafkaJSConnectionError: 'NO_CONNECTION',
  KafkaJSBrokerNotFound: 'NO_BROKER',
}

/** Symbols that only say that it ended; what the sockets saw says more. */
const vague = new Set([
  'CONNECTION_CLOSED',
  'NO_CONNECTION',
  'NO_BROKER',
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_WRITE_AFTER_END',
  'UNKNOWN',
])

/** Classifies by the innermost cause: the client wraps a transient error as final and the other way round. */
export function classify(error: unknown): Trouble {
  const symbol = symbolOf(error)
  const { kind, code, waitMs, advice } = causeOf(symbol)
  const inner = innermost(error)
  const given = inner instanceof GatewayError && !(inner instanceof UplinkError)
  return { kind, code: given ? inner.code : code, waitMs, cause: symbol, advice }
}

/** The error as one of ours, with symbol and advice. `at`: where it happened, if the error does not know better. */
export function uplinkError(error: unknown, at: string): UplinkError {
  const inner = innermost(error)
  if (inner instanceof UplinkError) return inner
  const trouble = classify(inner)
  const known = inner instanceof GatewayError ? inner.at : trouble.cause.startsWith('PROXY_') ? 'proxy' : ''
  const place = known || at
  return new UplinkError(trouble.code, place, { ...trouble, advice: adviceAt(place, trouble.cause) })
}

/** An error with a symbol of ours, at a place of the configuration or of the cluster. */
export function trouble(symbol: string, at: string): UplinkError {
  const row = causeOf(symbol)
  return new UplinkError(row.code, at, { cause: symbol, advice: row.advice, waitMs: row.waitMs })
}

/** Whether the error says no more than that the connection ended. */
export function isVague(error: unknown): boolean {
  return vague.has(symbolOf(error))
}

function symbolOf(error: unknown): string {
  const inner = innermost(error)
  if (inner instanceof UplinkError) return inner.cause
  if (inner instanceof GatewayError) return inner.code
  const { name, type, code } = (inner ?? {}) as { name?: unknown; type?: unknown; code?: unknown }
  if (typeof type === 'string' && type !== '' && type !== 'UNKNOWN') return printable(type)
  if (typeof code === 'string' && code !== '') return printable(code)
  return classes[String(name)] ?? 'UNKNOWN'
}

function printable(symbol: string): string {
  return /^[\w./-]{1,64}$/.test(symbol) ? symbol : 'UNKNOWN'
}

function innermost(error: unknown): unknown {
  const seen = new Set<unknown>()
  let inner = error
  for (let next = error; next instanceof Error && !seen.has(next); next = next.cause ?? originalOf(next)) {
    seen.add(next)
    inner = next
  }
  return inner
}

/** Older wrappers of the client, and its error of several topics. */
function originalOf(error: Error): unknown {
  const { originalError, errors } = error as { originalError?: unknown; errors?: readonly unknown[] }
  return originalError ?? errors?.[0]
}
