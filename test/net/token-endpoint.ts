/** An OAuth 2.0 token endpoint for client credentials that issues unsigned tokens, as Kafka takes them for trying out. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Certificate } from './certificates.ts'

/** What the endpoint was asked for. */
export type Asked = Readonly<{ authorization: string | undefined; form: Readonly<Record<string, string>> }>

/** `subject`: whom the tokens are for. `lifeSeconds`: how long they are good; `claims` replaces members of the token. */
export type EndpointOptions = Readonly<{ clientId: string; secret: string; subject: string; certificate?: Certificate }>

export async function startTokenEndpoint({ clientId, secret, subject, certificate }: EndpointOptions) {
  const asked: Asked[] = []
  let lifeSeconds = 300
  let claims: Readonly<Record<string, unknown>> = {}
  let spoilt: { status: number; body: string } | null = null
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)))
    const { authorization } = request.headers
    asked.push({ authorization, form })
    const { status, body } = spoilt ?? (isClient(authorization) ? { status: 200, body: issued() } : refused)
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }

  /** RFC 6749 §2.3.1: both parts are form-encoded. */
  function isClient(authorization = ''): boolean {
    const parts = Buffer.from(authorization.replace(/^Basic /, ''), 'base64')
      .toString()
      .split(':')
    const [id, word] = parts.map(part => new URLSearchParams(`_=${part}`).get('_'))
    return parts.length === 2 && id === clientId && word === secret
  }

  function issued(): string {
    const now = Math.floor(Date.now() / 1000)
    const token = unsigned({ sub: subject, iat: now, exp: now + lifeSeconds, jti: asked.length, ...claims })
    return JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: lifeSeconds })
  }

  const tls = certificate && { cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) }
  const server = tls ? createTlsServer(tls, answer) : createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/token`,
    asked,
    issue(next: { lifeSeconds?: number; claims?: Readonly<Record<string, unknown>> }) {
      lifeSeconds = next.lifeSeconds ?? 300
      claims = next.claims ?? {}
    },
    /** Answers everything so; null mends it. */
    spoil(next: { status: number; body: string } | null) {
      spoilt = next
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const refused = { status: 401, body: JSON.stringify({ error: 'invalid_client', error_description: 'no such client' }) }

function unsigned(claims: object): string {
  return `${[{ alg: 'none' }, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`
}
