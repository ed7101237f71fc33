import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuthenticationProviderArgs } from 'kafkajs'
import { expect, test } from 'vitest'
import type { SaslSettings } from '../../../src/uplink/credentials.ts'
import { loginOf } from '../../../src/uplink/login.ts'

const passwordFile = join(mkdtempSync(join(tmpdir(), 'login-')), 'password')

/** What is said to a broker that answers with these bytes, step by step; and why it failed, if it did. */
async function conversation(sasl: SaslSettings, answers: readonly string[] = []) {
  const said: string[] = []
  const failures: unknown[] = []
  const saslAuthenticate: AuthenticationProviderArgs['saslAuthenticate'] = async ({ request, response }) => {
    const bytes = await request.encode()
    expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
    said.push(bytes.toString('utf8', 4))
    const answer = Buffer.from(`\0\0\0\0${answers[said.length - 1] ?? ''}`)
    return response?.parse(await response.decode(answer))
  }
  const tokens = { get: async () => 'abc.def', forget: () => void failures.push('forgotten') }
  const { authenticationProvider } = loginOf(sasl, tokens, error => failures.push(error))
  const args = { host: 'kafka', port: 9092, logger: null as never, saslAuthenticate }
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
