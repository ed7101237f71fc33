/**
 * FHIR over HTTP: `POST /fhir/{type}` (create), `POST /fhir` (transaction) and `GET /fhir/metadata`. The body goes to the
 * engine as the bytes that came; what only the wire can judge (token, media type, size) is answered here.
 */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { Environment } from '../../src/environment.ts'
import { GatewayError, type KnownCode, Refusal, refuse } from '../../src/errors.ts'
import { knownTypes } from '../../src/fhir/shape.ts'
import { limits } from '../../src/limits.ts'
import { describe, type Log } from '../../src/log.ts'
import type { Intake, Source } from '../../src/ports.ts'
import type { Arrival } from '../../src/records.ts'
import { type Reply, refusal, replyTo } from './outcome.ts'
import { capabilities, isInScope } from './release.ts'

const name = 'fhir'
const mediaType = 'application/fhir+json'
const mediaTypes = /^application\/(?:fhir\+)?json\s*(?:;\s*(?:charset=["']?utf-8["']?|fhirversion=4\.0)\s*)*$/i

/** The settings `sources.fhir`. */
export type FhirSettings = Readonly<{
  /** Address to bind. */
  host: string
  /** 0: any free port. */
  port: number
  /** Most bytes of one body; a larger one is answered 413. */
  maxBody: number
}>

/** The FHIR source. `start` rejects with GatewayError E_PORT_BUSY, or E_CONFIG where the address cannot be bound. */
export function fhirSource(
  settings: FhirSettings,
  { intake, environment, log }: Readonly<{ intake: Intake; environment: Environment; log: Log }>,
): Source {
  /** Bytes of bodies being received, by what their requests announced. */
  let receiving = 0
  let stopping = false
  const clients = new WeakMap<FastifyRequest, string>()

  const app = Fastify({
    serverFactory: listener => limitedServer(listener),
    bodyLimit: settings.maxBody,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true },
    frameworkErrors: (_error, _request, reply) => void send(reply, refused('E_NOT_FOUND')),
    clientErrorHandler: (error, socket) => hangUp(error, socket),
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, _request, reply) => send(reply, failed(error)))
  app.setNotFoundHandler((request, reply) => send(reply, lost(request.method, request.url)))
  app.get('/fhir/metadata', (_request, reply) => reply.type(`${mediaType}; charset=utf-8`).send(capabilities))
  app.post('/fhir', { onRequest: admit }, (request, reply) => serve(request, reply, { interaction: 'transaction' }))
  app.post<{ Params: { type: string } }>('/fhir/:type', { onRequest: admit }, (request, reply) =>
    serve(request, reply, { interaction: 'create', type: request.params.type, ...condition(request) }),
  )

  /** Everything that can be refused before a byte of the body is read. */
  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { type } = request.params as { type?: string }
    if (type !== undefined && !knownTypes.has(type)) {
      await send(reply, lost(request.method, request.url))
      return
    }
    if (stopping) refuse('E_STOPPING', '')
    const client = authenticated(request)
    if (type !== undefined && !isInScope(intake.directory().clients.get(client), type)) refuse('E_SCOPE', type)
    const { 'content-encoding': encoding, 'content-type': media, 'content-length': length } = request.headers
    if (encoding && encoding.toLowerCase() !== 'identity') refuse('E_MEDIA_TYPE', 'Content-Encoding')
    if (!mediaTypes.test(media ?? '')) refuse('E_MEDIA_TYPE', 'Content-Type')
    const announced = length === undefined ? settings.maxBody : Number(length)
    if (announced > settings.maxBody) refuse('E_BODY_TOO_LARGE', '')
    if (receiving > 0 && receiving + announced > limits.httpBodyBytes) refuse('E_BUSY', '')
    receiving += announced
    reply.raw.once('close', () => {
      receiving -= announced
    })
    clients.set(request, client)
  }

  /** The name of the client whose token the request bears: `Authorization: Bearer <name>.<secret>`. */
  function authenticated(request: FastifyRequest): string {
    const token = /^Bearer +([a-z0-9-]{1,32})\.([A-Za-z0-9_~+/=.-]{1,200})$/i.exec(request.headers.authorization ?? '')
    if (!token || !intake.authenticate('client', token[1]!, token[2]!)) return refuse('E_TOKEN', 'Authorization')
    return token[1]!
  }

  async function serve(request: FastifyRequest, reply: FastifyReply, meta: Arrival['meta']): Promise<FastifyReply> {
    const arrival: Arrival = {
      source: name,
      sender: clients.get(request)!,
      format: 'fhir',
      messageId: idempotencyKey(request),
      mode: 'live',
      receivedAt: environment.now(),
      clockTrusted: true,
      meta,
      // A copy: Node cuts small buffers from a shared block, which a clone to the engine would take along.
      bytes: new Uint8Array((request.body as Buffer | undefined) ?? []),
    }
    return send(reply, replyTo(await intake.take(arrival)))
  }

  /** A refusal on the wire, counted. */
  function refused(code: KnownCode, at = '', headers: Reply['headers'] = {}): Reply {
    intake.refused(name, code)
    return refusal([{ code, at }], headers)
  }

  /** Nobody reads on after these: the rest of the body would be taken for the next request. */
  function failed(error: unknown): Reply {
    const close = { Connection: 'close' }
    if (error instanceof Refusal) {
      const { code, at } = error.issues[0]!
      return refused(code as KnownCode, at, code === 'E_TOKEN' ? { ...close, 'WWW-Authenticate': 'Bearer' } : close)
    }
    const status = (error as { statusCode?: number }).statusCode ?? 500
    if (status === 413) return refused('E_BODY_TOO_LARGE', '', close)
    if (status < 500) return refused('E_JSON', '', close)
    log.error('a FHIR request failed', { source: name, ...describe(error) })
    return refused('E_INTERNAL')
  }

  /** An address or method that there is not; the connection ends, because the body is not read. */
  function lost(method: string, url: string): Reply {
    const close = { Connection: 'close' }
    const [, root, rest = '', more] = url.split('?', 1)[0]!.replace(/\/$/, '').split('/')
    const known = root === 'fhir' && more === undefined && (rest === '' || rest === 'metadata' || knownTypes.has(rest))
    if (!known || method === 'OPTIONS') return refused('E_NOT_FOUND', '', close)
    return refused('E_METHOD', '', { ...close, Allow: rest === 'metadata' ? 'GET' : 'POST' })
  }

  /** The request did not even become one: Node gives the bare socket. */
  function hangUp(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    const status = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }[error.code ?? ''] ?? 400
    const body = JSON.stringify(refused('E_HTTP').body)
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `Content-Type: ${mediaType}; charset=utf-8`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  }

  /** Node's own server with our limits; a peer that breaks HTTP itself is counted. */
  function limitedServer(listener: (...parts: never[]) => void): Server {
    const server = createServer(
      {
        maxHeaderSize: limits.httpHeaderBytes,
        headersTimeout: limits.httpHeadersMs,
        requestTimeout: limits.httpRequestMs,
        keepAliveTimeout: limits.httpIdleMs,
        connectionsCheckingInterval: limits.httpHeadersMs / 10,
      },
      listener as (request: IncomingMessage) => void,
    )
    server.maxConnections = limits.httpConnections
    server.on('drop', () => intake.refused(name, 'E_BUSY'))
    return server
  }

  return {
    name,

    async start() {
      try {
        await app.listen({ host: settings.host, port: settings.port })
      } catch (error) {
        const isBusy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
        const where = `${settings.host}:${settings.port}`
        throw new GatewayError(isBusy ? 'E_PORT_BUSY' : 'E_CONFIG', 'sources.fhir', where)
      }
      return bound(app.server.address() as AddressInfo)
    },

    async stop() {
      stopping = true
      const cancel = environment.after(limits.httpStopMs, () => app.server.closeAllConnections())
      await app.close()
      cancel()
    },
  }
}

function send(reply: FastifyReply, { status, headers, body }: Reply): FastifyReply {
  return reply.code(status).headers(headers).type(`${mediaType}; charset=utf-8`).send(body)
}

/** Idempotency-Key: one word of up to 128 letters, digits and `+ / = _ -`, with or without quotes; null = none. */
function idempotencyKey(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key']
  if (header === undefined) return null
  const key = /^"?([A-Za-z0-9+/=_-]{1,128})"?$/.exec(String(header))?.[1]
  return key ?? refuse('E_FIELD_TYPE', 'Idempotency-Key')
}

/** If-None-Exist, for the translator. */
function condition(request: FastifyRequest): { ifNoneExist?: string } {
  const header = request.headers['if-none-exist']
  return header === undefined ? {} : { ifNoneExist: String(header) }
}

function bound({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}
