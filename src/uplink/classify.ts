/** What an error of the Kafka client means for us. Only its class, type and code are read, never its message. */
import { GatewayError, type KnownCode } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Ms } from '../records.ts'

/**
 * `record`: the cluster refuses a record of this batch for good (it is bisected and parked). `again`: everything else; the
 * batch is sent again, after at least `waitMs`.
 */
export type Trouble = Readonly<{ kind: 'record' | 'again'; code: KnownCode; waitMs: Ms }>

const recordTypes = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'INVALID_RECORD']
/** 87 INVALID_RECORD is younger than the client's table, which calls it unknown. */
const recordCodes = [10, 18, 32, 87]
const authorityTypes = /_AUTHORIZATION_FAILED$|^SASL_AUTHENTICATION_FAILED$|^UNSUPPORTED_SASL_MECHANISM$/
const configTypes = ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION', 'UNSUPPORTED_VERSION', 'POLICY_VIOLATION']
/** OpenSSL's and Node's words for a certificate that we do not accept. An alert of the far side says that it refuses ours. */
const certificateCodes = /^(UNABLE_TO_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|ERR_TLS_)/
const alertCodes = /^ERR_SSL_.*ALERT/

/** Classifies by the innermost cause: the client wraps a transient error as final and the other way round. */
export function classify(error: unknown): Trouble {
  if (error instanceof GatewayError) return again(error.code)
  const { name, type, code } = innermost(error)
  if (recordTypes.includes(type) || recordCodes.includes(Number(code))) {
    return { kind: 'record', code: 'E_UPLINK_REJECTED', waitMs: 0 }
  }
  if (name === 'KafkaJSSASLAuthenticationError' || authorityTypes.test(type) || alertCodes.test(String(code))) {
    return again('E_UPLINK_AUTH')
  }
  if (configTypes.includes(type) || certificateCodes.test(String(code))) return again('E_UPLINK_CONFIG')
  return again('E_UPLINK_DOWN')
}

/** A login that fails is not tried often: clusters lock accounts. */
function again(code: KnownCode): Trouble {
  return { kind: 'again', code, waitMs: code === 'E_UPLINK_AUTH' ? limits.backOffLastMs : limits.backOffFirstMs }
}

type Facts = Readonly<{ name: string; type: string; code: unknown }>

function innermost(error: unknown): Facts {
  const seen = new Set<unknown>()
  let inner = error
  for (let next = error; next instanceof Error && !seen.has(next); next = next.cause ?? originalOf(next)) {
    seen.add(next)
    inner = next
  }
  const { name = '', type = '', code = '' } = (inner ?? {}) as Partial<Record<keyof Facts, unknown>>
  return { name: String(name), type: String(type), code }
}

/** Older wrappers of the client, and its error of several topics. */
function originalOf(error: Error): unknown {
  const { originalError, errors } = error as { originalError?: unknown; errors?: readonly unknown[] }
  return originalError ?? errors?.[0]
}
