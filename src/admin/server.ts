/**
 * The admin API: /livez, /readyz, /metrics and /status carry no names and need no login on loopback; /do carries out
 * commands and asks for the random token that lies in `<data>/admin.json` (0600). A Host header that is not loopback is
 * refused, so that a web page cannot reach it through a name of its own (DNS rebinding).
 */
import { timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { errorRow, GatewayError } from '../errors.ts'
import { KiB } from '../limits.ts'
import type { Command } from '../ports.ts'

export type AdminParts = Readonly<{
  host: string
  port: number
  token: string
  status: () => Promise<unknown>
  metrics: () => Promise<string>
  /** The box can take and keep messages. True while the cloud is away: an outage is a normal day. */
  ready: () => Promise<boolean>
  carryOut: (command: Command) => Promise<unknown>
}>

const commandBytes = 16 * KiB

/** Starts the server; resolves with its address `host:port`. Rejects with GatewayError E_PORT_BUSY. */
export async function startAdmin(parts: AdminParts): Promise<{ address: string; close: () => Promise<void> }> {
  const app = fastify({ logger: false, bodyLimit: commandBytes, forceCloseConnections: true })
  app.addHook('onRequest', async (request, reply) => guardHost(request, reply))
  app.setErrorHandler((error, _request, reply) => answerError(error, reply))
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ code: 'E_NOT_FOUND', text: errorRow('E_NOT_FOUND').text }),
  )
  routes(app, parts)
  try {
    await app.listen({ host: parts.host, port: parts.port })
  } catch {
    throw new GatewayError('E_PORT_BUSY', `${parts.host}:${parts.port}`)
  }
  const bound = app.server.address() as AddressInfo
  return { address: `${parts.host}:${bound.port}`, close: () => app.close() }
}

function routes(app: FastifyInstance, parts: AdminParts): void {
  app.get('/livez', async () => ({ alive: true }))
  app.get('/readyz', async (_request, reply) => {
    const ready = await parts.ready()
    return reply.code(ready ? 200 : 503).send({ ready })
  })
  app.get('/status', async () => parts.status())
  app.get('/metrics', async (_request, reply) => reply.type('text/plain; version=0.0.4').send(await parts.metrics()))
  app.post('/do', async (request, reply) => {
    if (!authorized(request.headers.authorization, parts.token)) return reply.code(401).send({ code: 'E_TOKEN' })
    const command = request.body as Command | null
    if (typeof command?.do !== 'string') throw new GatewayError('E_USAGE', 'do')
    return reply.send({ ok: await parts.carryOut(command) })
  })
}

async function guardHost(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (/^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')) return
  return reply.code(403).send({ code: 'E_SCOPE', text: 'this Host is not served' })
}

function answerError(error: unknown, reply: FastifyReply): unknown {
  if (error instanceof GatewayError) {
    return reply
      .code(errorRow(error.code).http ?? 400)
      .send({ code: error.code, at: error.at, text: errorRow(error.code).text })
  }
  const status = (error as { statusCode?: number }).statusCode ?? 500
  const code = status < 500 ? 'E_USAGE' : 'E_INTERNAL'
  return reply.code(status).send({ code, text: errorRow(code).text })
}

function authorized(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}
