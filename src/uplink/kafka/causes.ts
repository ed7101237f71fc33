/**
 * What can go wrong between the box and a cluster, a row a cause: the symbol that the cluster, TLS, the system, the proxy
 * or the token endpoint gives, what kind of trouble it is, and what a technician has to change. The one table behind the
 * log, `/status`, the command line and docs/operating/kafka.md (a test compares).
 */
import type { KnownCode } from '../../errors.ts'
import { limits } from '../../limits.ts'
import type { Ms } from '../../records.ts'

/**
 * `record`: the cluster refuses a record for good. `config`: a setting is wrong, here or there. `auth`: login, certificate
 * or rights are refused. `transient`: it may pass by itself.
 */
export type Kind = 'record' | 'config' | 'auth' | 'transient'

/** `symbol` matches the whole symbol. `named`: how the documentation writes it where that is not the pattern itself. */
export type Cause = Readonly<{ symbol: RegExp; named: string; kind: Kind; code: KnownCode; waitMs: Ms; advice: string }>

const codes = {
  record: 'E_UPLINK_REJECTED',
  config: 'E_UPLINK_CONFIG',
  auth: 'E_UPLINK_AUTH',
  transient: 'E_UPLINK_DOWN',
} as const satisfies Record<Kind, KnownCode>

type Options = Readonly<{ code?: KnownCode; waitMs?: Ms }>

/** `symbols`: alternatives, `*` stands for anything. */
function cause(kind: Kind, symbols: string, advice: string, options: Options = {}): Cause {
  const waitMs = kind === 'record' ? 0 : limits.backOffFirstMs
  const pattern = symbols.replaceAll('*', '.*').replaceAll(' ', '|')
  const named = symbols
    .split(' ')
    .map(symbol => `\`${symbol}\``)
    .join(', ')
  return { symbol: new RegExp(`^(${pattern})$`), named, kind, code: codes[kind], waitMs, advice, ...options }
}

/** A login that is refused is not tried often: clusters lock accounts. */
const login = { waitMs: limits.backOffLoginMs }

/** The first row that matches counts; the last one matches everything. */
export const causes: readonly Cause[] = [
  cause(
    'record',
    'MESSAGE_TOO_LARGE RECORD_LIST_TOO_LARGE INVALID_RECORD',
    'The cluster refuses this record for good: look at it with `outbox show`, raise `max.message.bytes` of the topic or mend its settings, then `outbox retry`.',
  ),
  cause(
    'config',
    'ALL_MESSAGE_TOO_LARGE ALL_RECORD_LIST_TOO_LARGE',
    'The topic takes no record at all: raise its `max.message.bytes` (910000 or more). What waits goes out afterwards; at most one record is parked.',
  ),
  cause(
    'config',
    'ALL_*',
    'The topic refuses every record alike, so that the topic is wrong and not the records: compare its settings with docs/operating/kafka.md, look for rules of the cluster (validation of schemas, keys). What waits goes out afterwards; at most one record is parked.',
  ),
  cause(
    'config',
    'INVALID_TIMESTAMP',
    "The cluster does not take the box's time: set the clock of this box (NTP), or raise `message.timestamp.after.max.ms` and `message.timestamp.before.max.ms` of the topic. Nothing is parked.",
  ),
  cause(
    'config',
    'CLOCK',
    'Set the clock of this box (NTP): certificates, tokens and the times of data keys depend on it, and a cluster refuses records from more than an hour ahead.',
  ),

  // login and rights
  cause(
    'auth',
    'KEPT_TOKEN_REFUSED',
    'The cluster no longer takes a token that it took before: nothing to change here, the next attempt has a new one.',
  ),
  cause(
    'config',
    'SCRAM_ITERATIONS',
    'The broker asks for too few or too many SCRAM iterations: 4096 to 1000000 are taken. Check that `brokers` leads to your own cluster.',
  ),
  cause(
    'auth',
    'SASL_AUTHENTICATION_FAILED',
    'The cluster refuses the login: check `sasl.username` and the content of `passwordFile` (Confluent: API key and secret of this cluster), for `oauthbearer` what the cluster expects of a token (audience, pool, clock).',
    login,
  ),
  cause(
    'auth',
    'TOPIC_AUTHORIZATION_FAILED',
    'The login works but may not write to this topic, or there is no such topic: `topics acls` prints what to grant, `topics create` makes it.',
  ),
  cause(
    'auth',
    'CLUSTER_AUTHORIZATION_FAILED',
    'The login may write to no topic at all: `topics acls` prints what to grant.',
  ),
  cause('auth', '*_AUTHORIZATION_FAILED', 'The login lacks a right that the symbol names: ask the cloud team for it.'),
  cause(
    'auth',
    'ERR_SSL_*CERTIFICATE_REQUIRED ERR_SSL_*BAD_CERTIFICATE ERR_SSL_*CERTIFICATE_UNKNOWN ERR_SSL_*UNKNOWN_CA ERR_SSL_*CERTIFICATE_EXPIRED ERR_SSL_*CERTIFICATE_REVOKED ERR_SSL_*UNSUPPORTED_CERTIFICATE ERR_SSL_*ACCESS_DENIED',
    'The broker wants another client certificate: set `tls.cert` and `tls.key` to one that its trust store accepts and that has not run out.',
  ),
  cause(
    'config',
    'UNSUPPORTED_SASL_MECHANISM',
    'The broker does not offer this login: set `sasl.mechanism` to one that its listener has.',
  ),
  cause(
    'config',
    'ILLEGAL_SASL_STATE',
    'The listener at this port wants no login: leave out `sasl`, or take the port that has it.',
  ),

  // what a port or a cluster says that it must not
  cause(
    'config',
    'NOT_KAFKA ERR_OUT_OF_RANGE ERR_BUFFER_OUT_OF_BOUNDS',
    'The port does not speak Kafka: check host and port in `brokers`.',
  ),
  cause(
    'config',
    'OFF_LOOPBACK_WITHOUT_TLS',
    'A broker in `brokers`, or one that the cluster names (`advertised.listeners`), is on another machine, and there is no TLS: set `tls`. `plaintext` with a reason allows it, except for `plain` and `oauthbearer`, which would send the secret in clear.',
  ),
  cause(
    'config',
    'DEMO_OFF_LOOPBACK',
    'The cluster names an address off loopback (`advertised.listeners`), and the demo keeps to loopback.',
  ),
  cause(
    'config',
    'BAD_ADDRESS',
    'A broker in `brokers`, or one that the cluster names (`advertised.listeners`), has no usable address: letters, digits, `.`, `-` and `_`, or an IP address, and a port from 1 to 65535.',
  ),

  // certificates and TLS
  cause(
    'config',
    'CERT_HAS_EXPIRED',
    "The broker's certificate has run out: it must be renewed there. Check the clock of this box first.",
  ),
  cause('config', 'CERT_NOT_YET_VALID', "The broker's certificate is not valid yet: check the clock of this box."),
  cause(
    'config',
    'ERR_TLS_CERT_ALTNAME_INVALID HOSTNAME_MISMATCH',
    'The certificate is for another name: write the host in `brokers` as the certificate has it, or set `tls.serverName`.',
  ),
  cause(
    'config',
    'UNABLE_TO_* SELF_SIGNED_* DEPTH_ZERO_* CERT_* INVALID_CA',
    'The certificate is not from an authority that the box trusts: set `tls.ca` (for the token endpoint `sasl.tokenCa`) to the file of the right one. A firewall that opens TLS shows the same.',
  ),
  cause(
    'config',
    'PORT_SPEAKS_TLS',
    'The port speaks TLS and the uplink does not: set `tls: {}`, with `ca` where the authority is your own.',
  ),
  cause(
    'config',
    'ERR_SSL_WRONG_VERSION_NUMBER ERR_SSL_PACKET_LENGTH_TOO_LONG',
    'The port does not speak TLS: check the port, or leave out `tls`.',
  ),
  cause(
    'config',
    'ERR_SSL_*',
    'TLS found no common ground: version, cipher or curve; compare with what the broker allows.',
  ),
  cause(
    'transient',
    'CLOSED_IN_TLS',
    'The connection was closed during the TLS handshake. If it stays so, the port does not speak TLS (check the port), or something between closes it.',
  ),
  cause(
    'transient',
    'CLOSED_WITHOUT_LOGIN',
    'The broker closed the connection before it was used. If it stays so, the port wants a login: set `sasl` (or TLS, where `tls` is missing).',
  ),

  // files of the box
  cause(
    'config',
    'ENOENT EACCES EPERM EISDIR',
    'The file cannot be read: check the path and that the user of the gateway may read it.',
  ),
  cause('config', 'EMPTY_FILE', 'The file is empty: it must hold the secret.'),
  cause(
    'config',
    'NOT_A_FILE FILE_TOO_LARGE',
    'It is not a plain file of at most 1 MiB: a pipe or a device is not read.',
  ),
  cause(
    'config',
    'KEY_MISMATCH',
    'The key does not belong to the certificate: `tls.cert` and `tls.key` must be a pair.',
  ),
  cause(
    'config',
    'ERR_OSSL_*BAD_DECRYPT ERR_MISSING_PASSPHRASE ERR_OSSL_*INTERRUPTED_OR_CANCELLED ERR_OSSL_*BAD_PASSWORD_READ',
    'The key is encrypted: `tls.keyPassphraseFile` is missing or does not open it.',
  ),
  cause('config', 'ERR_OSSL_*', 'The file is not what it should be: certificates and keys are PEM (`-----BEGIN …`).'),

  // proxy
  cause(
    'auth',
    'PROXY_407',
    'The proxy wants a login: set `proxy.username` and `proxy.passwordFile` (Basic only).',
    login,
  ),
  cause(
    'transient',
    'PROXY_SILENT',
    'The proxy takes the connection and says nothing: check `proxy.url`, and that the proxy can reach the broker.',
  ),
  cause(
    'transient',
    'PROXY_E*',
    'The proxy does not answer: check host and port in `proxy.url`, and that the box may go there.',
  ),
  cause(
    'transient',
    'PROXY_5* PROXY_CLOSED',
    'The proxy cannot reach the broker: check host and port in `brokers`, and that the proxy may go there.',
  ),
  cause(
    'config',
    'PROXY_*',
    'The proxy does not let the box through: it must allow CONNECT to the host and port of every broker.',
  ),

  // token endpoint
  cause(
    'auth',
    'TOKEN_INVALID_CLIENT TOKEN_UNAUTHORIZED_CLIENT TOKEN_401 TOKEN_403',
    'The token endpoint refuses the client: check `sasl.clientId` and the content of `sasl.clientSecretFile`.',
    login,
  ),
  cause(
    'transient',
    'TOKEN_5* TOKEN_429 TOKEN_TIMED_OUT',
    'The token endpoint is out of order or slow: nothing to change here.',
  ),
  cause('config', 'TOKEN_UNREADABLE', 'The answer of the token endpoint is no token: check `sasl.tokenUrl`.'),
  cause(
    'config',
    'TOKEN_*',
    'The token endpoint refuses the request: check `sasl.tokenUrl`, `sasl.scope` and `sasl.tokenParameters` against its manual.',
  ),

  // the cluster and its topics
  cause(
    'config',
    'NO_SUCH_TOPIC UNKNOWN_TOPIC_OR_PARTITION INVALID_TOPIC_EXCEPTION',
    'The topic is missing, or the login may not see it: `topics create` makes it; else give the login DESCRIBE.',
  ),
  cause(
    'config',
    'INVALID_REPLICATION_FACTOR INVALID_PARTITIONS INVALID_CONFIG',
    'The cluster does not take these topics: choose other numbers for `topics create`, or have the cloud team make them with the settings of docs/operating/kafka.md.',
  ),
  cause(
    'config',
    'CLEANUP_POLICY POLICY_VIOLATION',
    'A setting of the topic would lose records: data topics need `cleanup.policy=delete`, `<prefix>.keys` needs `compact`.',
  ),
  cause('config', 'UNSUPPORTED_VERSION', 'The cluster is too old or is no Kafka: 2.1 or newer is needed.'),
  cause('config', 'UNSUPPORTED_COMPRESSION_TYPE', 'The cluster does not take zstd: set `compression: none`.'),
  cause(
    'config',
    'E_UPLINK_CLUSTER',
    'The address leads to another cluster than before: mend `brokers`, or accept the new one by command.',
    { code: 'E_UPLINK_CLUSTER' },
  ),
  cause(
    'config',
    'E_UPLINK_PARTITIONS',
    'The topic has another number of partitions than when the box first saw it. The box goes on with the number it knows, so that keys keep their order; see docs/operating/kafka.md.',
    { code: 'E_UPLINK_PARTITIONS' },
  ),
  cause(
    'config',
    'PARTITIONS_DIFFER',
    'The second cluster must have the same partitions: make the topic anew there, with as many as it has at the first uplink.',
  ),
  cause('transient', 'E_UPLINK_DOUBTFUL', 'Nothing to change: the batch is sent again.', { code: 'E_UPLINK_DOUBTFUL' }),

  // the way there
  cause(
    'transient',
    'ECONNREFUSED',
    'Nothing listens there: the broker is down, or host or port in `brokers` is wrong.',
  ),
  cause(
    'transient',
    'ENOTFOUND EAI_AGAIN',
    'The name is not known here: check `brokers` and the DNS of this box; with a `proxy` the proxy looks it up.',
  ),
  cause(
    'transient',
    'ETIMEDOUT EHOSTUNREACH ENETUNREACH NO_ANSWER NO_CONNECTION REQUEST_TIMED_OUT',
    'No answer: the way is broken or a firewall drops it; the box must reach every broker of the cluster, not only those in `brokers`.',
  ),
  cause(
    'transient',
    'ECONNRESET EPIPE ERR_STREAM_* CONNECTION_CLOSED CONNECTION_LOST',
    'The connection broke off: a restart there, or something between.',
  ),
  cause(
    'transient',
    'NOT_ENOUGH_REPLICAS* NOT_LEADER_* LEADER_NOT_AVAILABLE REPLICA_NOT_AVAILABLE NO_BROKER',
    'The cluster has not enough brokers up: nothing to change here.',
  ),
  cause(
    'transient',
    '*',
    'The uplink does not work for the moment; if it stays so, the symbol tells the cloud team what the cluster said.',
  ),
]

/** What a symbol of the way there asks to be changed where that way does not lead to a broker. */
const elsewhere: Readonly<Record<string, string>> = {
  'sasl.tokenUrl':
    'The token endpoint does not answer: check host and port in `sasl.tokenUrl`, its name and the way there; with a `proxy` the proxy looks it up and must let the box through.',
}
const wayThere =
  /^(ECONN(REFUSED|RESET)|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|NO_ANSWER|CONNECTION_CLOSED)$/

/** What to change, by the place that has the trouble. */
export function adviceAt(place: string, symbol: string): string {
  return (wayThere.test(symbol) && elsewhere[place]) || causeOf(symbol).advice
}

/** The row of a symbol. */
export function causeOf(symbol: string): Cause {
  return causes.find(row => row.symbol.test(symbol)) as Cause
}
