/** Sender profiles: one YAML file per HL7 sender in the folder `directory.senders`. The file's name is the profile's. */
import { readdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Group, Mistake } from '../config/document.ts'
import { readDocument } from '../config/document.ts'
import { ConfigError, readText } from '../config/load.ts'
import { flag, listOf, oneOf, type Parsed, slug, text, texts, zone } from '../config/values.ts'
import type { SenderProfile } from '../ports.ts'

/** Character sets that messages may be in: HL7 table 0211, and windows code pages, which some senders write unnamed. */
export const charsets = [
  ...['UNICODE UTF-8', 'ASCII', 'UNICODE UTF-16'],
  ...['8859/1', '8859/2', '8859/3', '8859/4', '8859/5', '8859/6', '8859/7', '8859/8', '8859/9', '8859/15'],
  ...['ISO IR87', 'ISO IR159', 'ISO IR14', 'ISO IR13', 'GB 18030-2000', 'BIG-5', 'KS X 1001'],
  ...['WINDOWS-1250', 'WINDOWS-1251', 'WINDOWS-1252'],
] as const

export const profileTable: Group = {
  settings: {
    listener: { read: slug, default: undefined, about: 'the listener it connects to; absent = any' },
    certificates: {
      read: listOf(certificate),
      default: undefined,
      about: 'what its certificate has: sha256/PIN of its key, or DNS:, URI:, IP:, email: as in subjectAltName',
    },
    addresses: {
      read: listOf(range),
      default: [],
      about: 'addresses or CIDR ranges it connects from; empty = any, with certificates',
    },
    zone: { read: zone, about: 'time zone of the sender’s clock; HL7 times without an offset are read in it' },
    charset: {
      read: oneOf(...charsets),
      default: 'UNICODE UTF-8',
      about: 'HL7 table 0211 name, for messages with an empty MSH-18',
    },
    identifying: {
      settings: {
        authority: {
          read: text,
          default: undefined,
          about: 'the assigning authority (PID-3.4) whose number names the patient',
        },
        type: { read: text, default: undefined, about: 'or the identifier type (PID-3.5), such as MR' },
      },
    },
    authorities: { read: texts, default: {}, about: 'PID-3.4 as sent → the authority’s URI (urn:oid:…)' },
    adt: {
      read: oneOf('snapshot', 'delta'),
      default: 'snapshot',
      about: 'snapshot: ADT holds the whole patient; delta: parts',
    },
    test: { read: oneOf('topic', 'refuse'), default: 'topic', about: 'messages with MSH-11 T or D' },
    whenFull: { read: oneOf('close', 'AR'), default: 'close', about: 'what the sender sees while the box is full' },
    endWithoutCr: { read: flag, default: false, about: 'take FS without CR as the end of a frame' },
    codes: {
      read: texts,
      default: {},
      about: 'local codes: system|code as sent → system|code of a public code system',
    },
  },
}

/**
 * Reads every profile of a folder (a missing folder holds none). `listeners`: those that a profile may name; absent = any.
 * Throws ConfigError with all mistakes of a file.
 */
export function loadProfiles(folder: string, listeners?: readonly string[]): SenderProfile[] {
  return files(folder).map(file => {
    const { values, mistakes } = readDocument(readText(join(folder, file)), profileTable)
    const profile = { name: file.replace(/\.ya?ml$/, ''), ...(values as Omit<SenderProfile, 'name'>) }
    if ('expected' in slug(profile.name)) {
      mistakes.push({ line: 0, at: file, text: 'the file name must be a-z, 0-9 and -' })
    }
    if (mistakes.length === 0) mistakes.push(...contradictions(profile, listeners))
    if (mistakes.length > 0) throw new ConfigError(join(folder, file), mistakes)
    return profile
  })
}

/** What no single setting can know. A listener alone names nobody: anybody can come to it. */
function contradictions({ listener, certificates, addresses }: SenderProfile, listeners?: readonly string[]) {
  const found: Mistake[] = []
  const add = (at: string, text: string) => found.push({ line: 0, at, text })
  if (addresses.length === 0 && !certificates?.length) add('addresses', 'is required, or certificates')
  if (listener && listeners && !listeners.includes(listener)) add('listener', 'is not a listener of sources.mllp')
  return found
}

/** Demo mode: whoever connects on loopback (DESIGN §4: first PID-3 of type MR, else the first; zone UTC). */
export const anyLoopbackSender: SenderProfile = {
  name: 'demo',
  addresses: ['127.0.0.0/8', '::1'],
  zone: 'UTC',
  charset: 'UNICODE UTF-8',
  // nothing named: the first PID-3 of type MR, else the first
  identifying: {},
  authorities: {},
  adt: 'snapshot',
  test: 'topic',
  whenFull: 'close',
  endWithoutCr: false,
  codes: {},
}

function files(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter(file => /\.ya?ml$/.test(file))
      .sort()
  } catch {
    return []
  }
}

/** `sha256/` and the base64 of the SHA-256 of the public key (SubjectPublicKeyInfo, RFC 7469 §2.4), or a subjectAltName. */
function certificate(value: unknown): Parsed<string> {
  const expected = 'sha256/… of its key, or DNS:name, URI:…, IP:address, email:…'
  if (typeof value !== 'string') return { expected }
  const [, kind, name = ''] = /^(DNS|URI|IP|email):([\x21-\x7e]+)$/.exec(value) ?? []
  const isName = kind === 'IP' ? isIP(name) > 0 : kind !== undefined
  return isName || /^sha256\/[A-Za-z0-9+/]{43}=$/.test(value) ? { ok: value } : { expected }
}

function range(value: unknown): Parsed<string> {
  const expected = 'an address or CIDR range such as 10.1.2.0/24'
  if (typeof value !== 'string') return { expected }
  const [address, bits] = value.split('/')
  const version = isIP(address ?? '')
  const most = version === 6 ? 128 : 32
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
  return version > 0 && fits ? { ok: value } : { expected }
}
