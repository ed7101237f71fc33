import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { machine } from '../../../../src/environment.ts'
import type { SaslSettings } from '../../../../src/uplink/way/credentials.ts'
import { tokensOf } from '../../../../src/uplink/way/token.ts'
import { startTokenEndpoint } from '../../../net/token-endpoint.ts'

const folder = mkdtempSync(join(tmpdir(), 'token-'))
const secretFile = join(folder, 'secret')

describe('tokens', () => {
  let endpoint: Awaited<ReturnType<typeof startTokenEndpoint>>
  let now = 0
  const environment = { ...machine, monotonic: () => now }

  beforeAll(async () => {
    endpoint = await startTokenEndpoint({ clientId: 'box', secret: 'right', subject: 'box' })
  })

  beforeEach(() => {
    endpoint.asked.length = 0
    endpoint.spoil(null)
    writeFileSync(secretFile, 'right\n')
  })

  afterAll(() => endpoint.close())

  const sasl = (): SaslSettings => ({
    mechanism: 'oauthbearer',
    tokenUrl: endpoint.url,
    clientId: 'box',
    clientSecretFile: secretFile,
  })

  test('one is kept for four fifths of its life and serves all connections', async () => {
    const tokens = tokensOf({ sasl: sasl() }, environment)
    const [first, second] = await Promise.all([tokens.get(), tokens.get()])
    expect(second).toEqual(first)
    now += 239_000
    expect(await tokens.get()).toEqual({ ...first, isNew: false })
    expect(endpoint.asked).toHaveLength(1)
    now += 2000
    expect((await tokens.get()).text).not.toBe(first.text)
    expect(endpoint.asked).toHaveLength(2)
  })

  test('a refused one is asked for anew, with the secret as it is then', async () => {
    const tokens = tokensOf({ sasl: sasl() }, environment)
    const refused = await tokens.get()
    writeFileSync(secretFile, 'other')
    tokens.forget(refused)
    await expect(tokens.get()).rejects.toMatchObject({ cause: 'TOKEN_INVALID_CLIENT' })
    writeFileSync(secretFile, 'right')
    const next = await tokens.get()
    expect(next.isNew).toBe(true)
    tokens.forget(refused) // another connection had it too
    expect(await tokens.get()).toEqual({ ...next, isNew: false })
    expect(endpoint.asked).toHaveLength(3)
  })

  test.each([
    [401, '{"error":"invalid_client"}', 'E_UPLINK_AUTH', 'TOKEN_INVALID_CLIENT', 30_000],
    [400, '{"error":"unauthorized_client"}', 'E_UPLINK_AUTH', 'TOKEN_UNAUTHORIZED_CLIENT', 30_000],
    [403, '', 'E_UPLINK_AUTH', 'TOKEN_403', 30_000],
    [400, '{"error":"invalid_scope"}', 'E_UPLINK_CONFIG', 'TOKEN_INVALID_SCOPE', 200],
    [400, '{"error":"Müller is unknown"}', 'E_UPLINK_CONFIG', 'TOKEN_400', 200],
    [404, '<html>', 'E_UPLINK_CONFIG', 'TOKEN_404', 200],
    [302, '', 'E_UPLINK_CONFIG', 'TOKEN_302', 200],
    [200, '<html>', 'E_UPLINK_CONFIG', 'TOKEN_UNREADABLE', 200],
    [200, 'null', 'E_UPLINK_CONFIG', 'TOKEN_UNREADABLE', 200],
    [200, '{"access_token":"a b"}', 'E_UPLINK_CONFIG', 'TOKEN_UNREADABLE', 200],
    [200, '{"access_token":"ab","expires_in":"soon"}', 'E_UPLINK_CONFIG', 'TOKEN_UNREADABLE', 200],
    [200, `{"access_token":"${'x'.repeat(70_000)}"}`, 'E_UPLINK_CONFIG', 'TOKEN_UNREADABLE', 200],
    [429, '', 'E_UPLINK_DOWN', 'TOKEN_429', 200],
    [503, '{"error":"invalid_client"}', 'E_UPLINK_DOWN', 'TOKEN_503', 200],
  ])('answer %#: status %i', async (status, body, code, cause, waitMs) => {
    endpoint.spoil({ status, body })
    const trouble = { code, cause, waitMs, at: 'sasl.tokenUrl' }
    await expect(tokensOf({ sasl: sasl() }, environment).get()).rejects.toMatchObject(trouble)
  })

  test('an endpoint that is away, or says nothing, is down', async () => {
    const away = { ...sasl(), tokenUrl: 'http://127.0.0.1:1/token' }
    const down = { code: 'E_UPLINK_DOWN', at: 'sasl.tokenUrl' }
    await expect(tokensOf({ sasl: away }, environment).get()).rejects.toMatchObject({
      ...down,
      cause: 'ECONNREFUSED',
      advice: expect.stringMatching(/^(?=.*`sasl.tokenUrl`)(?!.*brokers)/),
    })
    const silent = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => silent.once('listening', resolve))
    const { port } = silent.address() as { port: number }
    const mute = { ...sasl(), tokenUrl: `http://127.0.0.1:${port}/token` }
    const hurried = { ...environment, after: (_: number, then: () => void) => machine.after(50, then) }
    await expect(tokensOf({ sasl: mute }, hurried).get()).rejects.toMatchObject({ ...down, cause: 'TOKEN_TIMED_OUT' })
    silent.close()
  })

  test('a missing secret is named by its setting', async () => {
    const missing = { ...sasl(), clientSecretFile: join(folder, 'none') }
    const trouble = { code: 'E_UPLINK_CONFIG', cause: 'ENOENT', at: 'sasl.clientSecretFile' }
    await expect(tokensOf({ sasl: missing }, environment).get()).rejects.toMatchObject(trouble)
  })
})
