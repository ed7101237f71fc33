/** A certificate authority of a test, made with openssl: keys and certificates as PEM files in a temporary folder. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Paths of a certificate, its PKCS#8 key, and both in one file as Kafka wants its key store. */
export type Certificate = Readonly<{ cert: string; key: string; both: string }>

/**
 * `names`: as of subjectAltName. `expired`: the certificate ran out years ago. `early`: it is not valid yet. `days`: it is
 * valid so long. `usage`: what it is for, as of extendedKeyUsage. `passphrase`: the key is encrypted with it.
 */
export type Wish = Readonly<{
  names?: string
  expired?: boolean
  early?: boolean
  days?: number
  usage?: string
  passphrase?: string
}>

/** Why there can be no certificates here; null = there can. */
export function opensslMissing(): string | null {
  return spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0 ? null : 'openssl is not installed'
}

/** Makes an authority. `ca` is the path of its certificate, `issue` makes a certificate under it. */
export function makeAuthority(name: string) {
  const dir = mkdtempSync(join(tmpdir(), 'certificates-'))
  const path = (file: string) => join(dir, file)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...fresh, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30', '-subj', `/CN=${name}`)
  writeFileSync(path('index.txt'), '')
  writeFileSync(path('ca.cnf'), caConfig)

  return {
    ca: path('ca.crt'),
    issue(subject: string, wish: Wish = {}): Certificate {
      const file = (ending: string) => `${subject}.${ending}`
      const usage = wish.usage ? `extendedKeyUsage=${wish.usage}\n` : ''
      writeFileSync(path(file('ext')), `subjectAltName=${wish.names ?? 'IP:127.0.0.1,DNS:localhost'}\n${usage}`)
      openssl('req', '-new', ...fresh, '-keyout', file('key'), '-out', file('csr'), '-subj', `/CN=${subject}`)
      const times = wish.expired
        ? ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z']
        : wish.early
          ? ['-startdate', '20980101000000Z', '-enddate', '20990101000000Z']
          : ['-days', `${wish.days ?? 20}`]
      const paths = ['-in', file('csr'), '-out', file('crt'), '-extfile', file('ext')]
      openssl(
        'ca',
        '-batch',
        '-notext',
        '-config',
        'ca.cnf',
        '-cert',
        'ca.crt',
        '-keyfile',
        'ca.key',
        ...times,
        ...paths,
      )
      const key = readFileSync(path(file('key')), 'utf8')
      writeFileSync(path(file('both')), key + readFileSync(path(file('crt')), 'utf8'))
      if (wish.passphrase) {
        const secret = `pass:${wish.passphrase}`
        openssl('pkcs8', '-topk8', '-in', file('key'), '-out', file('locked'), '-passout', secret, '-v2', 'aes256')
      }
      return { cert: path(file('crt')), key: path(file(wish.passphrase ? 'locked' : 'key')), both: path(file('both')) }
    },
  }
}

const caConfig = `[ca]
default_ca = test
[test]
database = index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
`
