/**
 * TLS of an MLLP listener: 1.2 or later, with or without client certificates (IHE ITI TF-2 §3.19, Authenticate Node). A
 * connection is handed on when it is known who its certificate says it is; every other one is counted under a code that
 * says why, and the listener lives on.
 *
 * No session is resumed: a resumption would prove no key and no date anew, so a sender that was shut out would come back by
 * its ticket. What the handshakes cost is little, since MLLP connections live long.
 */
import { constants, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Environment } from '../../src/environment.ts'
import { limits } from '../../src/limits.ts'
import type { Code, Ms } from '../../src/records.ts'
import { type CertificateFiles, type Credentials, readCredentials, type Shown, shown } from './certificates.ts'
import type { Guest } from './connections.ts'

/** Without `clientCertificates`: `require` where there is a `ca`, else `none`. */
export type TlsSettings = CertificateFiles & Readonly<{ clientCertificates?: 'require' | 'ask' | 'none' }>

export type TlsDoorParts = Readonly<{
  settings: TlsSettings
  /** The setting's name, for errors. */
  at: string
  environment: Environment
  /** A connection ended before it was one. `cause`: the symbol of OpenSSL or Node, where there is one. */
  refused(code: Code, address: string, cause: string | null): void
}>

/** A connection whose handshake has ended well; without a certificate, none was asked for or needed. */
export type Welcomed = (socket: TLSSocket, certificate: Shown | null) => void

export class TlsDoor {
  readonly #parts: TlsDoorParts
  readonly #wanted: 'require' | 'ask' | 'none'
  readonly #server: Server
  readonly #handshakes = new Map<string, Handshake>()
  #until: Ms

  /** Throws GatewayError E_CONFIG at the setting whose file is wrong. */
  constructor(parts: TlsDoorParts) {
    const { settings, at } = parts
    const credentials = readCredentials(settings, at)
    this.#parts = parts
    this.#wanted = settings.clientCertificates ?? (settings.ca ? 'require' : 'none')
    this.#until = credentials.until
    this.#server = createServer(this.#options(credentials))
    this.#server.on('secureConnection', socket => this.#secured(socket))
    this.#server.on('tlsClientError', ({ code }: NodeJS.ErrnoException, socket) => this.#failed(socket, code ?? null))
  }

  /** When our certificate runs out. */
  get until(): Ms {
    return this.#until
  }

  /** Reads the files again; what it returns puts them to use, for handshakes to come. Throws as the constructor. */
  renew(): () => void {
    const credentials = readCredentials(this.#parts.settings, this.#parts.at)
    return () => {
      this.#server.setSecureContext(this.#options(credentials))
      this.#until = credentials.until
    }
  }

  /** Shakes hands. `then` is called at most once, and only for a peer that may stay. */
  receive(socket: Socket, then: Welcomed): Guest {
    // a peer that ends during its handshake wants nothing more; see #secured
    socket.allowHalfOpen = false
    const { environment, refused } = this.#parts
    const key = keyOf(socket)
    const address = socket.remoteAddress ?? ''
    const handshake = new Handshake({
      socket,
      environment,
      then,
      refused: (code, cause) => refused(code, address, cause),
    })
    this.#handshakes.set(key, handshake)
    void handshake.closed.then(() => this.#forget(key, handshake))
    this.#server.emit('connection', socket)
    return handshake
  }

  /** Resumption is off: no tickets, and no one keeps sessions. Renegotiation is off: the peer stays who it was. */
  #options({ cert, key, ca }: Credentials) {
    return {
      cert,
      key,
      ...(ca !== undefined && { ca }),
      minVersion: 'TLSv1.2',
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      requestCert: this.#wanted !== 'none',
      // judged in #secured, which can tell one reason from another
      rejectUnauthorized: false,
    } as const
  }

  #secured(socket: TLSSocket): void {
    const handshake = this.#handshakes.get(keyOf(socket))
    const certificate = socket.getPeerX509Certificate()
    if (!handshake) return void socket.destroy()
    const wrong = this.#wrong(socket, certificate)
    if (wrong) {
      socket.on('error', () => socket.destroy())
      return void handshake.fail(...wrong)
    }
    // from here on it may end its side and still wait for answers
    socket.allowHalfOpen = true
    handshake.succeed(socket, certificate ? shown(certificate) : null)
  }

  /** What keeps the peer out, and the symbol of OpenSSL for it. */
  #wrong(socket: TLSSocket, certificate: X509Certificate | undefined): readonly [Code, string | null] | null {
    if (!certificate) return this.#wanted === 'require' ? ['E_CERTIFICATE_MISSING', null] : null
    if (socket.authorized) return null
    const cause = `${socket.authorizationError}`
    return [distrust[cause] ?? 'E_CERTIFICATE_UNTRUSTED', cause]
  }

  /** Where the socket is gone already (a reset) the handshake notices by itself. */
  #failed(socket: TLSSocket, cause: string | null): void {
    this.#handshakes.get(keyOf(socket))?.fail(codeOf(cause ?? ''), cause)
  }

  #forget(key: string, handshake: Handshake): void {
    if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key)
  }
}

type HandshakeParts = Readonly<{
  socket: Socket
  environment: Environment
  then: Welcomed
  refused(code: Code, cause: string | null): void
}>

/** A connection until it is secure: it counts as one, and as an idle one, so that half handshakes shut nobody out. */
class Handshake implements Guest {
  readonly idleSince: Ms
  readonly closed: Promise<void>
  readonly #parts: HandshakeParts
  readonly #cancelTimer: () => void
  readonly #close: () => void
  #over = false

  constructor(parts: HandshakeParts) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { socket, environment } = parts
    this.#parts = parts
    this.#close = resolve
    this.closed = promise
    this.idleSince = environment.monotonic()
    this.#cancelTimer = environment.after(limits.mllpHandshakeMs, () => this.fail('E_TLS_HANDSHAKE', 'TIMEOUT'))
    socket.once('close', () => this.fail('E_TLS_HANDSHAKE', null))
  }

  succeed(socket: TLSSocket, certificate: Shown | null): void {
    if (this.#end()) this.#parts.then(socket, certificate)
  }

  fail(code: Code, cause: string | null): void {
    if (!this.#end()) return
    this.#parts.refused(code, cause)
    // after what OpenSSL has to tell the peer
    setImmediate(() => this.#parts.socket.destroy())
  }

  drop(code: Code): void {
    this.fail(code, null)
  }

  stop(): void {
    if (this.#end()) this.#parts.socket.destroy()
  }

  /** Whether it was not over before. */
  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#cancelTimer()
    this.#close()
    return true
  }
}

/** What OpenSSL finds wrong with a certificate (X509_V_ERR_*), where it is not the authority. */
const distrust: Readonly<Record<string, Code>> = {
  CERT_HAS_EXPIRED: 'E_CERTIFICATE_EXPIRED',
  CERT_NOT_YET_VALID: 'E_CERTIFICATE_EARLY',
}

const reasons: readonly (readonly [RegExp, Code])[] = [
  [/^ERR_SSL_(HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, 'E_TLS_PLAINTEXT'],
  [/^ERR_SSL_(UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|NO_SHARED_CIPHER|NO_SUITABLE_\w+|NO_SHARED_\w+)$/, 'E_TLS_VERSION'],
  // alerts of the peer (RFC 8446 §6.2): what it thinks of our certificate
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|ACCESS_DENIED)$/, 'E_TLS_DISTRUSTED'],
  [/ALERT_PROTOCOL_VERSION$/, 'E_TLS_VERSION'],
]

function codeOf(cause: string): Code {
  return reasons.find(([pattern]) => pattern.test(cause))?.[1] ?? 'E_TLS_HANDSHAKE'
}

/** The two ends of a connection name it as long as it lives. */
function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
