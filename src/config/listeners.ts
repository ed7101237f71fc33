/** Where MLLP is listened for, and with which TLS. Paths and values only; what is in the files is the source's. */
import { resolve } from 'node:path'
import type { Group } from './document.ts'
import { isLoopback, oneOf, port, slug, text } from './values.ts'

/** Without `clientCertificates`: `require` where there is a `ca`, else `none`. */
export type ListenerTls = Readonly<{
  cert: string
  key: string
  ca?: string
  clientCertificates?: 'require' | 'ask' | 'none'
}>
/** `plaintext`: why there is no TLS off loopback. */
export type Listener = Readonly<{ host: string; port: number; plaintext?: string; tls?: ListenerTls }>
export type NamedListener = Listener & Readonly<{ name: string }>
/** The listener of the settings themselves, and those beside it. */
export type Listeners = Listener & Readonly<{ listeners: readonly NamedListener[] }>

const tlsTable: Group['settings'] = {
  plaintext: { read: text, default: undefined, about: 'why there is no TLS; needed off loopback without tls' },
  tls: {
    optional: true,
    aside: true,
    settings: {
      cert: { read: text, about: 'PEM file of our certificate and its chain' },
      key: { read: text, about: 'PEM file of its key, which only this user may read' },
      ca: { read: text, default: undefined, about: 'PEM file of the authority of the senders’ certificates' },
      clientCertificates: {
        read: oneOf('require', 'ask', 'none'),
        default: undefined,
        about: 'require, ask or none; absent = require with ca, none without',
      },
    },
  },
}

export const listenersTable: Group['settings'] = {
  ...tlsTable,
  listeners: {
    each: {
      settings: {
        name: { read: slug, about: 'a further listener; profiles say `listener: NAME`' },
        host: { read: text, default: '127.0.0.1', about: 'address to listen on' },
        port: { read: port, about: '0 = any free port' },
        ...tlsTable,
      },
    },
  },
}

/** Paths become absolute, relative to the configuration's folder. */
export function absoluteListeners<T extends Listeners>(settings: T, base: string): T {
  const absolute = <L extends Listener>(listener: L): L => {
    const { tls } = listener
    if (!tls) return listener
    const files = { cert: resolve(base, tls.cert), key: resolve(base, tls.key) }
    return { ...listener, tls: { ...tls, ...files, ...(tls.ca && { ca: resolve(base, tls.ca) }) } }
  }
  return { ...absolute(settings), listeners: settings.listeners.map(absolute) }
}

/** The names that a sender profile may give as its `listener`; the first one has the name of the source. */
export function listenerNames(settings: Listeners | undefined): readonly string[] {
  return settings ? ['mllp', ...settings.listeners.map(({ name }) => name)] : []
}

/** What `GET /status` has other addresses under. */
const taken = ['mllp', 'mqtt', 'fhir', 'admin']

type Finding = Readonly<{ at: string; text: string }>

/** What no single setting can know; `at` under the source. `loopbackOnly`: the demo. */
export function checkListeners(settings: Listeners, loopbackOnly: boolean): readonly Finding[] {
  const names = settings.listeners.map(({ name }) => name)
  const clashes = names.filter((name, i) => taken.includes(name) || names.indexOf(name) < i)
  return [
    ...checkListener(settings, '', loopbackOnly),
    ...settings.listeners.flatMap((one, i) => checkListener(one, `listeners[${i}].`, loopbackOnly)),
    ...(clashes.length > 0 ? [{ at: 'listeners', text: `two have the same name, or one is ${taken.join(', ')}` }] : []),
  ]
}

function checkListener({ host, plaintext, tls }: Listener, at: string, loopbackOnly: boolean): readonly Finding[] {
  const findings: Finding[] = []
  const add = (name: string, text: string) => findings.push({ at: at + name, text })
  const far = !isLoopback(host)
  if (far && loopbackOnly) add('host', 'the demo keeps to loopback')
  else if (far && !tls && !plaintext) add('tls', 'is required off loopback, or plaintext with a reason')
  if (tls && plaintext) add('plaintext', 'has no place beside tls')
  const wanted = tls?.clientCertificates
  if (wanted && wanted !== 'none' && !tls.ca) add('tls.ca', 'is required: who vouches for the certificates?')
  if (wanted === 'none' && tls?.ca) add('tls.ca', 'is for client certificates, and none are wanted')
  return findings
}
