/**
 * Access tokens for OAUTHBEARER: OAuth 2.0 client credentials (RFC 6749 §4.4, client login by HTTP Basic, §2.3.1). A token
 * is kept for four fifths of its life. Neither token nor secret is ever logged, nor is what the endpoint says in words.
 */
import { type IncomingMessage, request } from 'node:http'
import type { Environment } from '../../environment.ts'
import { limits } from '../../limits.ts'
import type { Ms } from '../../records.ts'
import { trouble, uplinkError } from '../kafka/classify.ts'
import { readProxy, readSecret, readTokenTls, type Security } from './credentials.ts'
import { dial } from './dial.ts'

const at = 'sasl.tokenUrl'
const keptShare = 0.8
/** RFC 6749 §5.1 only recommends `expires_in`. */
const defaultLifeSeconds = 300
/** The words of RFC 6749 §5.2: what else an endpoint says is not repeated. */
const refusals = /^(invalid_(request|client|grant|scope)|unauthorized_client|unsupported_grant_type)$/

/** `isNew`: it was asked for just now, not kept from before. */
export type Token = Readonly<{ text: string; isNew: boolean }>

/** `forget`: the cluster refused this token, so the next one is asked for. */
export type Tokens = Readonly<{ get: () => Promise<Token>; forget: (token: Token) => void }>

/**
 * The tokens of one uplink. `get` rejects with UplinkError: E_UPLINK_AUTH where the client is refused, E_UPLINK_CONFIG
 * where the request or the answer is wrong, E_UPLINK_DOWN where the endpoint does not answer.
 */
export function tokensOf(security: Security, { monotonic, after }: Environment): Tokens {
  let token = ''
  let goodUntil: Ms = Number.NEGATIVE_INFINITY
  let asking: Promise<string> | null = null

  async function ask(): Promise<string> {
    try {
      const asked = monotonic()
      const answer = readAnswer(await post(security, after))
      token = answer.token
      goodUntil = asked + answer.lifeMs * keptShare
      return token
    } catch (error) {
      throw uplinkError(error, at)
    } finally {
      asking = null
    }
  }

  return {
    get: async () => {
      if (monotonic() < goodUntil) return { text: token, isNew: false }
      asking ??= ask()
      return { text: await asking, isNew: true }
    },
    forget: ({ text }) => {
      if (text === token) goodUntil = Number.NEGATIVE_INFINITY
    },
  }
}

type Answer = Readonly<{ status: number; body: string }>

function readAnswer({ status, body }: Answer): { token: string; lifeMs: Ms } {
  const { access_token: token, expires_in: seconds = defaultLifeSeconds, error } = members(body)
  if (status !== 200) {
    const meant = status === 400 || status === 401
    const said = meant && typeof error === 'string' && refusals.test(error) ? error.toUpperCase() : status
    throw trouble(`TOKEN_${said}`, at)
  }
  const life = Number(seconds)
  // what has other characters could not stand in the login's message
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token) || !(life > 0)) throw trouble('TOKEN_UNREADABLE', at)
  return { token, lifeMs: life * 1000 }
}

function members(body: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(body))
  } catch {
    return {}
  }
}

/** Sends the request on a connection of its own, through the proxy where there is one. */
function post({ sasl, proxy }: Security, after: Environment['after']): Promise<Answer> {
  const { tokenUrl = '', tokenCa, clientId = '', clientSecretFile = '', scope, tokenParameters } = sasl ?? {}
  const url = new URL(tokenUrl)
  const secure = url.protocol === 'https:'
  const way = { ...(secure && { tls: readTokenTls(tokenCa) }), ...(proxy && { proxy: readProxy(proxy) }) }
  const secret = readSecret(clientSecretFile, 'sasl.clientSecretFile')
  const form = { grant_type: 'client_credentials', ...(scope && { scope }), ...tokenParameters }
  const body = new URLSearchParams(form).toString()
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const asked = request(
    url,
    {
      method: 'POST',
      protocol: 'http:', // TLS, if any, is below
      createConnection: () => dial(host, Number(url.port || (secure ? 443 : 80)), way),
      headers: {
        authorization: `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(secret)}`).toString('base64')}`,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
      },
    },
    response => collect(response).then(resolve, reject),
  )
  const cancel = after(limits.tokenMs, () => asked.destroy(trouble('TOKEN_TIMED_OUT', at)))
  asked.once('error', reject).end(body)
  return promise.finally(cancel)
}

async function collect(response: IncomingMessage): Promise<Answer> {
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) {
    body += chunk
    if (body.length > limits.tokenBytes) throw trouble('TOKEN_UNREADABLE', at)
  }
  return { status: response.statusCode ?? 0, body }
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
