/**
 * What the box needs to be let in, read from files: certificates, keys and secrets. Every file is read anew for every
 * session, so that a renewed certificate or a changed password works without a restart.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { type ConnectionOptions, createSecureContext } from 'node:tls'
import type { UplinkError } from '../../errors.ts'
import { limits } from '../../limits.ts'
import { trouble, uplinkError } from '../kafka/classify.ts'

/** Paths of PEM files. Without `ca`: the public authorities. `serverName`: the name that the certificates must have. */
export type TlsSettings = Readonly<{
  ca?: string
  cert?: string
  key?: string
  keyPassphraseFile?: string
  serverName?: string
}>

/** `plain` and `scram-*` take `username` and `passwordFile`, `oauthbearer` the rest (RFC 6749 §4.4, RFC 7628). */
export type SaslSettings = Readonly<{
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer'
  username?: string
  passwordFile?: string
  tokenUrl?: string
  tokenCa?: string
  clientId?: string
  clientSecretFile?: string
  scope?: string
  tokenParameters?: Readonly<Record<string, string>>
  extensions?: Readonly<Record<string, string>>
}>

/** An HTTP proxy that takes CONNECT. */
export type ProxySettings = Readonly<{ url: string; username?: string; passwordFile?: string }>

/** How an uplink gets in. Absent = without. `plaintext`: why there is no TLS off loopback. */
export type Security = Readonly<{ tls?: TlsSettings; sasl?: SaslSettings; proxy?: ProxySettings; plaintext?: string }>

/** A proxy with its login, ready to use. */
export type HttpProxy = Readonly<{ host: string; port: number; authorization: string | null }>

/** The content of a secret's file without its last line break. Throws UplinkError at `at` where there is none. */
export function readSecret(file: string, at: string): string {
  const secret = readText(file, at).replace(/\r?\n$/, '')
  if (secret === '') throw trouble('EMPTY_FILE', at)
  return secret
}

/** Reads and checks the files of a TLS group. Throws UplinkError E_UPLINK_CONFIG at the setting whose file is wrong. */
export function readTls({ ca, cert, key, keyPassphraseFile, serverName }: TlsSettings): ConnectionOptions {
  const passphrase = keyPassphraseFile ? readSecret(keyPassphraseFile, 'tls.keyPassphraseFile') : undefined
  const files = { ...(ca && readCa(ca, 'tls.ca')), ...(cert && key && readPair(cert, key, passphrase)) }
  const secureContext = placed('tls', () => createSecureContext(files))
  return { secureContext, ...(serverName && { servername: serverName }) }
}

/** TLS towards a token endpoint. */
export function readTokenTls(tokenCa: string | undefined): ConnectionOptions {
  return tokenCa ? readCa(tokenCa, 'sasl.tokenCa') : {}
}

export function readProxy({ url, username, passwordFile }: ProxySettings): HttpProxy {
  const { hostname, port } = new URL(url)
  const password = passwordFile ? readSecret(passwordFile, 'proxy.passwordFile') : ''
  const login = Buffer.from(`${username}:${password}`).toString('base64')
  const host = hostname.replace(/^\[|\]$/g, '')
  return { host, port: Number(port || 80), authorization: username ? `Basic ${login}` : null }
}

/** What is wrong with the files of an uplink, all at once, each at its setting; nothing is connected. */
export function unusableFiles({ tls, sasl, proxy }: Security): readonly UplinkError[] {
  const secrets = [
    ['sasl.passwordFile', sasl?.passwordFile],
    ['sasl.clientSecretFile', sasl?.clientSecretFile],
  ] as const
  const checks = [
    () => tls && readTls(tls),
    () => readTokenTls(sasl?.tokenCa),
    () => proxy && readProxy(proxy),
    ...secrets.map(
      ([at, file]) =>
        () =>
          file && readSecret(file, at),
    ),
  ]
  return checks.flatMap(check => {
    try {
      check()
      return []
    } catch (error) {
      return [uplinkError(error, '')]
    }
  })
}

/** A file without certificates would be taken silently, and then nothing is trusted. */
function readCa(file: string, at: string): { ca: string } {
  const ca = readText(file, at)
  placed(at, () => new X509Certificate(ca))
  return { ca }
}

function readPair(certFile: string, keyFile: string, passphrase: string | undefined): { cert: string; key: string } {
  const cert = readText(certFile, 'tls.cert')
  const text = readText(keyFile, 'tls.key')
  const certificate = placed('tls.cert', () => new X509Certificate(cert))
  const key = placed('tls.key', () => (passphrase ? unlocked(keyFile, text, passphrase) : text))
  const secret = placed('tls.key', () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(secret)) throw trouble('KEY_MISMATCH', 'tls.key')
  return { cert, key }
}

type Unlocking = Readonly<{ text: string; passphrase: string; result: string | Error }>

/** By file, what unlocking came to. A good key takes seconds to unlock, during which nothing else is done. */
const unlockings = new Map<string, Unlocking>()

/** The key without its lock; as long as file and passphrase are the same, the work is done once, be it in vain. */
function unlocked(file: string, text: string, passphrase: string): string {
  const known = unlockings.get(file)
  const isSame = known?.text === text && known.passphrase === passphrase
  const result = isSame ? known.result : unlock(text, passphrase)
  unlockings.set(file, { text, passphrase, result })
  if (result instanceof Error) throw result
  return result
}

function unlock(key: string, passphrase: string): string | Error {
  try {
    return createPrivateKey({ key, passphrase }).export({ type: 'pkcs8', format: 'pem' }) as string
  } catch (error) {
    return error as Error
  }
}

/** What is no plain file (a pipe, a device) could keep the whole gateway waiting, or have no end; it is not read. */
function readText(file: string, at: string): string {
  return placed(at, () => {
    const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const about = fstatSync(handle)
      if (!about.isFile() && !about.isDirectory()) throw trouble('NOT_A_FILE', at)
      if (about.size > limits.secretFileBytes) throw trouble('FILE_TOO_LARGE', at)
      return readFileSync(handle, 'utf8')
    } finally {
      closeSync(handle)
    }
  })
}

function placed<T>(at: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw uplinkError(error, at)
  }
}
