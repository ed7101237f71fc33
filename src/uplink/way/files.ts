/** What is odd about files that can be read: it may be meant, so `check --online` warns of it and the uplink takes it. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Note } from '../check/steps.ts'
import type { Security } from './credentials.ts'

type Odd = Note & Readonly<{ at: string }>

/** Warnings, each at its setting. The files must be known to be readable (`unusableFiles`). */
export function oddFiles({ tls, sasl, proxy }: Security): readonly Odd[] {
  const bundles = { 'tls.ca': tls?.ca, 'tls.cert': tls?.cert, 'sasl.tokenCa': sasl?.tokenCa }
  const secrets = {
    'tls.keyPassphraseFile': tls?.keyPassphraseFile,
    'sasl.passwordFile': sasl?.passwordFile,
    'sasl.clientSecretFile': sasl?.clientSecretFile,
    'proxy.passwordFile': proxy?.passwordFile,
  }
  return [...warnings(bundles, oddBundle), ...warnings(secrets, oddSecret)]
}

function warnings(
  files: Readonly<Record<string, string | undefined>>,
  look: (text: string) => string | null,
): readonly Odd[] {
  return Object.entries(files).flatMap(([at, file]) => {
    const note = file === undefined ? null : look(readFileSync(file, 'utf8'))
    return note === null ? [] : [{ at, result: 'warning', note, advice: 'Compare the file with what was handed out.' }]
  })
}

/** OpenSSL passes over what it cannot read, and then that authority is not trusted. */
function oddBundle(text: string): string | null {
  const found = text.split(/^(?=-----BEGIN )/m).filter(part => part.startsWith('-----BEGIN '))
  const broken = found.findIndex(part => !isCertificate(part))
  return broken < 0 ? null : `certificate ${broken + 1} of ${found.length} cannot be read and does not count`
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

/** The whole content counts as the secret, without its last line break: what an editor adds unseen counts too. */
function oddSecret(text: string): string | null {
  const secret = text.replace(/\r?\n$/, '')
  if (secret.startsWith('\ufeff')) return 'begins with a byte order mark, which counts as part of the secret'
  if (/[\r\n]/.test(secret)) return 'has more than one line; all of them count as the secret'
  if (secret !== secret.trim()) return 'begins or ends with a space, which counts as part of the secret'
  return null
}
