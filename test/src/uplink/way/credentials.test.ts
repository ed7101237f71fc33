import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readProxy, readSecret, readTls, type Security, unusableFiles } from '../../../../src/uplink/way/credentials.ts'
import { type Certificate, makeAuthority, opensslMissing } from '../../../net/certificates.ts'

const folder = mkdtempSync(join(tmpdir(), 'credentials-'))
const missing = opensslMissing()

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

test.each([
  ['right\n', 'right'],
  ['right\r\n', 'right'],
  ['right', 'right'],
  [' two words \n\n', ' two words \n'],
])('a secret is the whole file without its last line break: %j', (text, secret) => {
  expect(readSecret(file('secret', text), 'at')).toBe(secret)
})

test('a proxy: port 80 where none is written, a login only where there is one', () => {
  const passwordFile = file('proxy', 'cöo:\n')
  expect(readProxy({ url: 'http://proxy.example' })).toEqual({ host: 'proxy.example', port: 80, authorization: null })
  const { authorization } = readProxy({ url: 'http://[::1]:3128', username: 'carrier', passwordFile })
  expect(Buffer.from(`${authorization?.replace('Basic ', '')}`, 'base64').toString()).toBe('carrier:cöo:')
})

describe.skipIf(missing)(`the files of an uplink${missing ? ` (${missing})` : ''}`, () => {
  let ca = ''
  let box: Certificate
  let other: Certificate
  let locked: Certificate

  beforeAll(() => {
    const authority = makeAuthority('Test CA')
    ca = authority.ca
    box = authority.issue('box')
    other = authority.issue('other')
    locked = authority.issue('locked', { passphrase: 'open' })
  })

  test('that are right have nothing wrong with them, and a bundle is taken whole', () => {
    const bundle = file('bundle', readFileSync(box.cert, 'utf8') + readFileSync(ca, 'utf8'))
    const keyPassphraseFile = file('passphrase', 'open\n')
    const passwordFile = file('password', 'x')
    const tls = { ca: bundle, cert: locked.cert, key: locked.key, keyPassphraseFile }
    const sasl = { mechanism: 'plain', username: 'u', passwordFile } as const
    const proxy = { url: 'http://proxy.example', username: 'u', passwordFile }
    expect(unusableFiles({ tls, sasl, proxy })).toEqual([])
    expect(unusableFiles({})).toEqual([])
    expect(readTls({ serverName: 'kafka' })).toMatchObject({ servername: 'kafka' })
  })

  test('a locked key is unlocked once, which takes seconds: no attempt after the first holds up the intake', () => {
    const key = join(folder, 'hard.key')
    const costly = ['-v2', 'aes256', '-v2prf', 'hmacWithSHA512', '-iter', '300000', '-passout', 'pass:open']
    execFileSync('openssl', ['pkcs8', '-topk8', '-in', box.key, '-out', key, ...costly], { stdio: 'pipe' })
    const cost = (keyPassphraseFile: string) => {
      const before = process.cpuUsage()
      const wrong = unusableFiles({ tls: { cert: box.cert, key, keyPassphraseFile } })
      const { user } = process.cpuUsage(before)
      return { user, wrong: wrong.map(({ at }) => at) }
    }
    for (const [word, wrong] of [
      ['open', []],
      ['shut', ['tls.key']],
    ] as const) {
      const passphrase = file(`hard-${word}`, word)
      const first = cost(passphrase)
      expect(first.wrong).toEqual(wrong)
      const second = cost(passphrase)
      expect(second.wrong).toEqual(wrong)
      expect(second.user).toBeLessThan(first.user / 4)
    }
    expect(unusableFiles({ tls: { cert: box.cert, key, keyPassphraseFile: file('hard-shut', 'open') } })).toEqual([])
  })

  test('that are not are all named at once, each at its setting', () => {
    const none = join(folder, 'none')
    const security: Security = {
      tls: { ca: none },
      sasl: { mechanism: 'oauthbearer', tokenCa: file('no-pem', 'x'), clientSecretFile: file('empty', '\n') },
      proxy: { url: 'http://proxy.example', username: 'u', passwordFile: folder },
    }
    expect(unusableFiles(security).map(({ code, at, cause }) => `${code} ${at} ${cause}`)).toEqual([
      'E_UPLINK_CONFIG tls.ca ENOENT',
      'E_UPLINK_CONFIG sasl.tokenCa ERR_OSSL_PEM_NO_START_LINE',
      'E_UPLINK_CONFIG proxy.passwordFile EISDIR',
      'E_UPLINK_CONFIG sasl.clientSecretFile EMPTY_FILE',
    ])
  })

  test.each([
    ['the key of another certificate', () => ({ cert: box.cert, key: other.key }), 'tls.key KEY_MISMATCH', /pair/],
    ['a certificate for a key', () => ({ cert: box.cert, key: box.cert }), /^tls\.key ERR_OSSL_/, /PEM/],
    ['a key for a certificate', () => ({ cert: box.key, key: box.key }), /^tls\.cert ERR_OSSL_/, /PEM/],
    [
      'a locked key without what opens it',
      () => ({ cert: locked.cert, key: locked.key }),
      /^tls\.key ERR_(MISSING_PASSPHRASE|OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED)$/,
      /keyPassphraseFile/,
    ],
    [
      'a locked key with what does not open it',
      () => ({ cert: locked.cert, key: locked.key, keyPassphraseFile: file('wrong', 'shut') }),
      /^tls\.key ERR_OSSL_.*BAD_DECRYPT$/,
      /keyPassphraseFile/,
    ],
  ])('%s', (_, tls, place, advice) => {
    const [error, ...rest] = unusableFiles({ tls: tls() })
    expect(rest).toEqual([])
    expect(`${error?.at} ${error?.cause}`).toMatch(place)
    expect(error?.advice).toMatch(advice)
  })

  test.skipIf(process.getuid?.() === 0)('a file that the gateway may not read (skipped as root, who may)', () => {
    mkdirSync(join(folder, 'shut'), { recursive: true })
    const shut = file('shut/secret', 'x')
    chmodSync(shut, 0)
    expect(unusableFiles({ sasl: { mechanism: 'plain', passwordFile: shut } })).toMatchObject([{ cause: 'EACCES' }])
  })
})

test('a pipe or a device in place of a file is refused, and keeps nobody waiting', () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const module = new URL('../../../../src/uplink/way/credentials.ts', import.meta.url).href
  const look = `const { unusableFiles } = await import('${module}')
    const files = { sasl: { passwordFile: '${pipe}', tokenCa: '/dev/zero' }, tls: { ca: '${pipe}' } }
    console.log(unusableFiles(files).map(({ code, at, cause }) => [code, at, cause].join(' ')).join())`
  // in a process of its own: whoever waits for a pipe waits with all of it
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', look], {
    timeout: 60_000,
    encoding: 'utf8',
  })
  expect(stdout.trim().split(',')).toEqual([
    'E_UPLINK_CONFIG tls.ca NOT_A_FILE',
    'E_UPLINK_CONFIG sasl.tokenCa NOT_A_FILE',
    'E_UPLINK_CONFIG sasl.passwordFile NOT_A_FILE',
  ])
})

test('a file without a sensible end is not read', () => {
  const passwordFile = file('large', 'x'.repeat(2 ** 20 + 1))
  expect(unusableFiles({ sasl: { mechanism: 'plain', passwordFile } })).toMatchObject([
    { code: 'E_UPLINK_CONFIG', at: 'sasl.passwordFile', cause: 'FILE_TOO_LARGE' },
  ])
  writeFileSync(passwordFile, 'x'.repeat(2 ** 20))
  expect(unusableFiles({ sasl: { mechanism: 'plain', passwordFile } })).toEqual([])
})
