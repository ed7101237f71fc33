/** Certificates of a TLS listener: ours and its key, read from files, and what a sender's certificate says of it. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { createSecureContext } from 'node:tls'
import { GatewayError } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import type { Ms } from '../../src/records.ts'

/** Paths of PEM files; `ca`: the authority of the senders' certificates. */
export type CertificateFiles = Readonly<{ cert: string; key: string; ca?: string }>

/** What is in them; `until`: when our certificate runs out. */
export type Credentials = Readonly<{ cert: string; key: string; ca?: string; until: Ms }>

/** The public key and the names of a certificate, as sender profiles write them. */
export type Shown = Readonly<{ pin: string; names: ReadonlySet<string> }>

/**
 * Reads and checks the files. Throws GatewayError E_CONFIG at the setting under `at` whose file is wrong: it cannot be
 * read, is no PEM of its kind, the key is locked or readable by others, or belongs to another certificate, or is too weak.
 */
export function readCredentials(files: CertificateFiles, at: string): Credentials {
  const text = readText(files.cert, `${at}.cert`)
  const secret = readText(files.key, `${at}.key`, true)
  const certificate = placed(`${at}.cert`, 'not a certificate in PEM', () => new X509Certificate(text))
  const key = placed(`${at}.key`, 'not a key in PEM without a passphrase', () => createPrivateKey(secret))
  if (!certificate.checkPrivateKey(key)) throw new GatewayError('E_CONFIG', `${at}.key`, 'of another certificate')
  const ca = files.ca ? { ca: readAuthority(files.ca, `${at}.ca`) } : {}
  const pem = { cert: text, key: secret, ...ca }
  placed(at, 'OpenSSL does not take it; is a key too short?', () => createSecureContext(pem))
  return { ...pem, until: certificate.validToDate.getTime() }
}

/** A file without a certificate would be taken silently, and then nobody is trusted. */
function readAuthority(file: string, at: string): string {
  const text = readText(file, at)
  placed(at, 'not a certificate in PEM', () => new X509Certificate(text))
  return text
}

/** What is no plain file (a pipe, a device) could keep the whole gateway waiting, or have no end; it is not read. */
function readText(file: string, at: string, isSecret = false): string {
  return placed(at, 'cannot be read', () => {
    const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const about = fstatSync(handle)
      if (!about.isFile() || about.size > limits.secretFileBytes)
        throw new GatewayError('E_CONFIG', at, 'no plain file')
      if (isSecret && (about.mode & 0o077) !== 0) throw new GatewayError('E_CONFIG', at, 'readable by others')
      return readFileSync(handle, 'utf8')
    } finally {
      closeSync(handle)
    }
  })
}

/** Foreign errors quote what they read, so only their place and our words are told. */
function placed<T>(at: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof GatewayError ? error : new GatewayError('E_CONFIG', at, what)
  }
}

/** What profiles can name of a certificate: the pin of its key (RFC 7469 §2.4) and its subjectAltNames (RFC 5280 §4.2.1.6). */
export function shown(certificate: X509Certificate): Shown {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const pin = `sha256/${createHash('sha256').update(spki).digest('base64')}`
  return { pin, names: new Set(namesOf(certificate.subjectAltName ?? '')) }
}

/** Whether the certificate has what a profile names, exactly; host names without regard to case. */
export function answersTo({ pin, names }: Shown, wanted: string): boolean {
  return wanted === pin || names.has(plain(wanted))
}

/**
 * Node writes names as `DNS:a.example, IP Address:10.0.0.7` and quotes those with anything unusual in them, which no profile
 * can name. A text that does not read so to its end names nobody.
 */
function namesOf(text: string): string[] {
  if (!whole.test(text)) return []
  return [...text.matchAll(entry)].map(([, kind = '', name = '']) =>
    plain(`${kind === 'IP Address' ? 'IP' : kind}:${name}`),
  )
}

const entry = /([^:",]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/g
const whole = new RegExp(`^(?:${entry.source})+$`)

/** One spelling of a name: host names in small letters, IPv6 addresses in their short form. */
function plain(name: string): string {
  if (name.startsWith('DNS:')) return `DNS:${name.slice(4).toLowerCase()}`
  const address = name.startsWith('IP:') ? name.slice(3) : ''
  return isIPv6(address) ? `IP:${new URL(`http://[${address}]`).hostname}` : name
}
