/**
 * How the box logs in (SASL). The client's own code does the SCRAM sums; the rest is ours, since kafkajs 2.2.4 takes the
 * refusal of a bearer token for a success (RFC 7628 §3.2.3: it comes as an answer that has to be acknowledged), hides a
 * connection that breaks during a login behind "login failed", and keeps the first password for ever.
 */
import { createRequire } from 'node:module'
import type { AuthenticationProviderArgs, Authenticator, Mechanism } from 'kafkajs'
import { classify, trouble } from '../kafka/classify.ts'
import { readSecret, type SaslSettings } from './credentials.ts'
import type { Tokens } from './token.ts'

type Exchange = AuthenticationProviderArgs['saslAuthenticate']
type Scram = (login: { username: string; password: string }) => (args: AuthenticationProviderArgs) => Authenticator

const require = createRequire(import.meta.url)

/**
 * The broker says how often the password is hashed. Below the least of RFC 7677 §4 whoever poses as a broker could find it
 * from the proof; above the most (Kafka's own is 16,384) the hashing would keep the box from all else for minutes.
 */
const iterations = { least: 4096, most: 1_000_000 }
const scrams: Readonly<Record<string, string>> = { 'scram-sha-256': 'scram256', 'scram-sha-512': 'scram512' }

/**
 * The client's setting for a login. Secrets are read at every login. `failed` hears why one failed, because the client
 * does not always say it.
 */
export function loginOf(sasl: SaslSettings, tokens: Tokens, failed: (error: Error) => void): Mechanism {
  const { mechanism } = sasl
  const logIn = mechanism === 'plain' ? plain : mechanism === 'oauthbearer' ? bearer(tokens) : scram
  return {
    mechanism,
    authenticationProvider: args => ({
      authenticate: async () => {
        try {
          await logIn(sasl, args)
        } catch (error) {
          failed(error as Error)
          throw error
        }
      },
    }),
  }
}

async function plain(sasl: SaslSettings, { saslAuthenticate }: AuthenticationProviderArgs): Promise<void> {
  await say(saslAuthenticate, `\0${sasl.username}\0${password(sasl)}`)
}

/** Its wrapper keeps only the message of an error, so the error itself is kept here. */
async function scram(sasl: SaslSettings, args: AuthenticationProviderArgs): Promise<void> {
  const provider: Scram = require(`kafkajs/src/broker/saslAuthenticator/${scrams[sasl.mechanism]}`)
  let reason: unknown
  const saslAuthenticate: Exchange = async step => {
    try {
      const answer = await args.saslAuthenticate(step)
      checkIterations(answer)
      return answer
    } catch (error) {
      reason = error
      throw error
    }
  }
  const login = { username: sasl.username ?? '', password: password(sasl) }
  try {
    await provider(login)({ ...args, saslAuthenticate }).authenticate()
  } catch (error) {
    throw reason ?? error
  }
}

/** Throws UplinkError where the first message of the server (RFC 5802 §5.1, `i=`) asks for too few or too many. */
function checkIterations(answer: unknown): void {
  const { i } = Object(answer) as { i?: string }
  if (i === undefined) return
  const asked = Number.parseInt(i, 10) // as the client reads it
  if (!(asked >= iterations.least && asked <= iterations.most)) throw trouble('SCRAM_ITERATIONS', 'sasl')
}

function bearer(tokens: Tokens) {
  return async ({ extensions = {} }: SaslSettings, { saslAuthenticate }: AuthenticationProviderArgs): Promise<void> => {
    const more = Object.entries(extensions).map(([name, value]) => `${name}=${value}\x01`)
    const token = await tokens.get()
    try {
      const refusal = await say(saslAuthenticate, `n,,\x01auth=Bearer ${token.text}\x01${more.join('')}\x01`)
      if (refusal.length === 0) return
      await say(saslAuthenticate, '\x01')
      throw trouble('SASL_AUTHENTICATION_FAILED', 'sasl')
    } catch (error) {
      if (classify(error).kind !== 'auth') throw error
      tokens.forget(token)
      // it was good before and may only have been withdrawn: the login itself need not be wrong
      throw token.isNew ? error : trouble('KEPT_TOKEN_REFUSED', 'sasl')
    }
  }
}

/** One step of a login: sends bytes, returns the bytes of the answer. The client counts lengths into both. */
async function say(exchange: Exchange, text: string): Promise<Buffer> {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length)
  const request = { encode: () => Buffer.concat([length, bytes]) }
  const response = { decode: async (answer: Buffer) => answer.subarray(4), parse: (answer: Buffer) => answer }
  return (await exchange({ request, response })) ?? Buffer.alloc(0)
}

function password({ passwordFile = '' }: SaslSettings): string {
  return readSecret(passwordFile, 'sasl.passwordFile')
}
