/**
 * How the box logs in (SASL). The client's own code does the SCRAM sums; the rest is ours, since kafkajs 2.2.4 takes the
 * refusal of a bearer token for a success (RFC 7628 §3.2.3: it comes as an answer that has to be acknowledged), hides a
 * connection that breaks during a login behind "login failed", and keeps the first password for ever.
 */
import { createRequire } from 'node:module'
import type { AuthenticationProviderArgs, Authenticator, Mechanism } from 'kafkajs'
import { classify, trouble } from './classify.ts'
import { readSecret, type SaslSettings } from './credentials.ts'
import type { Tokens } from './token.ts'

type Exchange = AuthenticationProviderArgs['saslAuthenticate']
type Scram = (login: { username: string; password: string }) => (args: AuthenticationProviderArgs) => Authenticator

const require = createRequire(import.meta.url)
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
      return await args.saslAuthenticate(step)
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

function bearer(tokens: Tokens) {
  return async ({ extensions = {} }: SaslSettings, { saslAuthenticate }: AuthenticationProviderArgs): Promise<void> => {
    const more = Object.entries(extensions).map(([name, value]) => `${name}=${value}\x01`)
    try {
      const refusal = await say(saslAuthenticate, `n,,\x01auth=Bearer ${await tokens.get()}\x01${more.join('')}\x01`)
      if (refusal.length === 0) return
      await say(saslAuthenticate, '\x01')
      throw trouble('SASL_AUTHENTICATION_FAILED', 'sasl')
    } catch (error) {
      if (classify(error).kind === 'auth') tokens.forget()
      throw error
    }
  }
}

/** One step of a login: sends bytes, returns the bytes of the answer. The client counts lengths into both. */
async function say(exchange: Exchange, text: string): Promise<Buffer> {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length)
  const request = { encode: () => Buffer.concat([length, bytes]) }
  const response = { decode: (answer: Buffer) => answer.subarray(4), parse: (answer: Buffer) => answer }
  return (await exchange({ request, response })) ?? Buffer.alloc(0)
}

function password({ passwordFile = '' }: SaslSettings): string {
  return readSecret(passwordFile, 'sasl.passwordFile')
}
