import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuthenticationProviderArgs } from 'kafkajs'
import { expect, test } from 'vitest'
import type { SaslSettings } from '../../../../src/uplink/way/credentials.ts'
import { loginOf } from '../../../../src/uplink/way/login.ts'

const passwordFile = join(mkdtempSync(join(tmpdir(), 'login-')), 'password')

/** Where it depends on what was said, a function. */
type Answer = string | ((said: string) => string)

/** What is said to a broker that answers with these bytes, step by step; and why it failed, if it did. */
async function conversation(sasl: SaslSettings, answers: readonly Answer[] = [], isNew = true) {
  const said: string[] = []
  const failures: unknown[] = []
  const saslAuthenticate: AuthenticationProviderArgs['saslAuthenticate'] = async ({ request, response }) => {
    const bytes = await request.encode()
    expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
    said.push(bytes.toString('utf8', 4))
    const next = answers[said.length - 1] ?? ''
    const text = Buffer.from(typeof next === 'string' ? next : next(said.at(-1) as string))
    const length = Buffer.from(Int32Array.of(text.length).buffer).swap32()
    return response?.parse(await response.decode(Buffer.concat([length, text])))
  }
  const tokens = { get: async () => ({ text: 'abc.def', isNew }), forget: () => void failures.push('forgotten') }
  const { authenticationProvider } = loginOf(sasl, tokens, error => failures.push(error))
  const args = { host: 'kafka', port: 9092, logger: { debug() {}, error() {} } as never, saslAuthenticate }
  await authenticationProvider(args)
    .authenticate()
    .catch(() => {})
  return { said, failures }
}

test('plain: name and password between zeros (RFC 4616), read anew each time', async () => {
  const sasl = { mechanism: 'plain', username: 'gw', passwordFile } as const
  writeFileSync(passwordFile, 'schlüssel\n')
  expect(await conversation(sasl)).toEqual({ said: ['\0gw\0schlüssel'], failures: [] })
  writeFileSync(passwordFile, 'other')
  expect(await conversation(sasl)).toEqual({ said: ['\0gw\0other'], failures: [] })
})

test('oauthbearer: token and extensions (RFC 7628 §3.1, KIP-342)', async () => {
  const extensions = { logicalCluster: 'lkc-1', identityPoolId: 'pool-1' }
  expect((await conversation({ mechanism: 'oauthbearer', extensions })).said).toEqual([
    'n,,\x01auth=Bearer abc.def\x01logicalCluster=lkc-1\x01identityPoolId=pool-1\x01\x01',
  ])
  expect((await conversation({ mechanism: 'oauthbearer' })).said).toEqual(['n,,\x01auth=Bearer abc.def\x01\x01'])
})

test('oauthbearer: a refusal comes as an answer, is acknowledged, and is a failure; the token is given up', async () => {
  const { said, failures } = await conversation({ mechanism: 'oauthbearer' }, ['{"status":"invalid_token"}'])
  expect(said.at(-1)).toBe('\x01')
  expect(failures).toEqual(['forgotten', expect.objectContaining({ cause: 'SASL_AUTHENTICATION_FAILED' })])
})

test('oauthbearer: a token of just now that is refused waits as a wrong password does; a kept one does not', async () => {
  const refusal = ['{"status":"invalid_token"}']
  const [, fresh] = (await conversation({ mechanism: 'oauthbearer' }, refusal)).failures
  expect(fresh).toMatchObject({ code: 'E_UPLINK_AUTH', cause: 'SASL_AUTHENTICATION_FAILED', waitMs: 30_000 })
  const { failures } = await conversation({ mechanism: 'oauthbearer' }, refusal, false)
  expect(failures).toEqual(['forgotten', expect.objectContaining({ cause: 'KEPT_TOKEN_REFUSED', waitMs: 200 })])
})

test.each([
  ['1', 1],
  ['4095', 1],
  ['4096', 2],
  ['16384', 2],
  ['1000001', 1],
  ['2000000000', 1],
  ['2000000000e-9', 1],
  ['many', 1],
])('scram: %s iterations, as the broker asks for', async (i, steps) => {
  const sasl = { mechanism: 'scram-sha-256', username: 'gw', passwordFile } as const
  const first = (said: string) => `r=${/r=([^,]+)$/.exec(said)?.[1]}more,s=c2FsdA==,i=${i}`
  const { said, failures } = await conversation(sasl, [first])
  expect(said).toHaveLength(steps) // a proof is sent only in the second
  if (steps === 1) expect(failures).toMatchObject([{ code: 'E_UPLINK_CONFIG', at: 'sasl', cause: 'SCRAM_ITERATIONS' }])
})
