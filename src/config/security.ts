/** The settings by which a Kafka uplink gets in: TLS, login, proxy. Paths and values only; what is in the files is the uplink's. */
import { resolve } from 'node:path'
import type { Group, Setting } from './document.ts'
import { hostName, isLoopback, named, oneOf, type Parsed, text, url, userName } from './values.ts'

export type SecurityConfig = Readonly<{
  plaintext?: string
  tls?: Readonly<{ ca?: string; cert?: string; key?: string; keyPassphraseFile?: string; serverName?: string }>
  sasl?: Readonly<{
    mechanism: Mechanism
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
  proxy?: Readonly<{ url: string; username?: string; passwordFile?: string }>
}>

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512' | 'oauthbearer'

function optional<T>(read: (value: unknown) => Parsed<T>, about: string): Setting<T> {
  return { read, default: undefined, about }
}

/** What the gateway itself writes into the request (RFC 6749 §4.4) has a setting of its own, or none. */
const tokenParameters = named(/^[\x21-\x7e]+$/, ['grant_type', 'client_id', 'client_secret', 'scope'])
/** RFC 7628 §3.1: letters only, and `auth` is the token itself. */
const extensions = named(/^[A-Za-z]+$/, ['auth'])

export const securityTable: Group['settings'] = {
  plaintext: optional(text, 'why there is no TLS; needed for brokers off loopback without tls'),
  tls: {
    optional: true,
    settings: {
      ca: optional(text, 'PEM file of your authority; absent = the public ones'),
      cert: optional(text, 'PEM file of the client certificate, with key'),
      key: optional(text, 'PEM file of its key'),
      keyPassphraseFile: optional(text, 'file with what opens the key'),
      serverName: optional(hostName, 'the name in the certificates, where brokers have another'),
    },
  },
  sasl: {
    optional: true,
    settings: {
      mechanism: {
        read: oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'),
        about: 'plain, scram-sha-256, scram-sha-512 or oauthbearer',
      },
      username: optional(text, 'plain and scram; Confluent: the API key'),
      passwordFile: optional(text, 'file with the password; Confluent: the API secret'),
      tokenUrl: optional(url('https:', 'http:'), 'oauthbearer: the token endpoint'),
      tokenCa: optional(text, 'PEM file of its authority; absent = the public ones'),
      clientId: optional(text, 'oauthbearer: OAuth 2 client credentials'),
      clientSecretFile: optional(text, 'file with the client secret'),
      scope: optional(text, 'what the endpoint is asked for'),
      tokenParameters: optional(tokenParameters, 'more of the request, such as { audience: … }'),
      extensions: optional(extensions, 'Confluent: { logicalCluster: lkc-…, identityPoolId: pool-… }'),
    },
  },
  proxy: {
    optional: true,
    settings: {
      url: { read: url('http:'), about: 'an HTTP proxy that takes CONNECT; it looks up the names' },
      username: optional(userName, 'its login, if it wants one'),
      passwordFile: optional(text, 'file with its password'),
    },
  },
}

type Paths = Readonly<Record<string, unknown>>

/** Paths become absolute, relative to the configuration's folder. */
export function absoluteSecurity<T extends SecurityConfig>(config: T, base: string): T {
  const paths = (group: Paths | undefined, names: readonly string[]) =>
    group &&
    Object.fromEntries(
      Object.entries(group).map(([name, value]) => [name, names.includes(name) ? resolve(base, `${value}`) : value]),
    )
  const groups = {
    tls: paths(config.tls, ['ca', 'cert', 'key', 'keyPassphraseFile']),
    sasl: paths(config.sasl, ['passwordFile', 'tokenCa', 'clientSecretFile']),
    proxy: paths(config.proxy, ['passwordFile']),
  }
  return { ...config, ...Object.fromEntries(Object.entries(groups).filter(([, group]) => group)) }
}

const password = ['username', 'passwordFile']
const members: Readonly<Record<Mechanism, { required: readonly string[]; others: readonly string[] }>> = {
  plain: { required: password, others: [] },
  'scram-sha-256': { required: password, others: [] },
  'scram-sha-512': { required: password, others: [] },
  oauthbearer: {
    required: ['tokenUrl', 'clientId', 'clientSecretFile'],
    others: ['tokenCa', 'scope', 'tokenParameters', 'extensions'],
  },
}

type Finding = Readonly<{ at: string; text: string }>

/** What no single setting can know; `at` under the uplink. `loopbackOnly`: the demo. */
export function checkSecurity(
  config: SecurityConfig & Readonly<{ brokers: readonly string[] }>,
  loopbackOnly: boolean,
): readonly Finding[] {
  const findings: Finding[] = []
  const add = (at: string, text: string) => findings.push({ at, text })
  const { tls, sasl, proxy } = config
  // behind a far proxy `localhost` is the proxy's own machine, and the way there is not ours
  const isFarProxy = proxy !== undefined && !isNear(proxy.url)
  const far = isFarProxy || !config.brokers.every(broker => isLoopback(broker.replace(/:\d+$/, '')))
  if (far && !tls && !config.plaintext) add('tls', 'is required off loopback, or plaintext with a reason')
  if (far && !tls && (sasl?.mechanism === 'plain' || sasl?.mechanism === 'oauthbearer')) {
    add('sasl.mechanism', `would send the secret in clear: ${sasl.mechanism} needs tls`)
  }
  if (tls && config.plaintext) add('plaintext', 'has no place beside tls')
  if (tls && !tls.cert !== !tls.key)
    add(tls.cert ? 'tls.key' : 'tls.cert', 'is required: certificate and key go together')
  if (tls?.keyPassphraseFile && !tls.key) add('tls.keyPassphraseFile', 'is for a key')
  if (sasl) for (const finding of checkMembers(sasl)) findings.push(finding)
  if (sasl?.tokenUrl && isClear(sasl.tokenUrl) && (isFarProxy || !isNear(sasl.tokenUrl))) {
    add('sasl.tokenUrl', 'would send the secret in clear: https off loopback')
  }
  if (proxy && !proxy.username !== !proxy.passwordFile) {
    add(proxy.username ? 'proxy.passwordFile' : 'proxy.username', 'is required: name and password go together')
  }
  if (loopbackOnly && isFarProxy) add('proxy.url', 'the demo keeps to loopback')
  if (loopbackOnly && sasl?.tokenUrl && !isNear(sasl.tokenUrl)) add('sasl.tokenUrl', 'the demo keeps to loopback')
  return findings
}

function checkMembers(sasl: NonNullable<SecurityConfig['sasl']>): readonly Finding[] {
  const { required, others } = members[sasl.mechanism]
  const given = Object.keys(sasl).filter(name => name !== 'mechanism')
  const missing = required.filter(name => !given.includes(name))
  const foreign = given.filter(name => !required.includes(name) && !others.includes(name))
  return [
    ...missing.map(name => ({ at: `sasl.${name}`, text: `is required with ${sasl.mechanism}` })),
    ...foreign.map(name => ({ at: `sasl.${name}`, text: `has no place with ${sasl.mechanism}` })),
  ]
}

function isClear(address: string): boolean {
  return new URL(address).protocol === 'http:'
}

function isNear(address: string): boolean {
  return isLoopback(new URL(address).hostname)
}
