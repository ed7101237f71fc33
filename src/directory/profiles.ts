/** Sender profiles: one YAML file per HL7 sender in the folder `directory.senders`. The file's name is the profile's. */
import { readdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Group } from '../config/document.ts'
import { readDocument } from '../config/document.ts'
import { ConfigError, readText } from '../config/load.ts'
import { flag, listOf, oneOf, type Parsed, slug, text, texts, zone } from '../config/values.ts'
import type { SenderProfile } from '../ports.ts'

export const profileTable: Group = {
  settings: {
    addresses: { read: listOf(range), about: 'addresses or CIDR ranges this sender connects from' },
    zone: { read: zone, about: 'time zone of the sender’s clock; HL7 times without an offset are read in it' },
    charset: { read: text, default: 'UNICODE UTF-8', about: 'HL7 table 0211 name, for messages with an empty MSH-18' },
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

/** Reads every profile of a folder (a missing folder holds none). Throws ConfigError with all mistakes of a file. */
export function loadProfiles(folder: string): SenderProfile[] {
  return files(folder).map(file => {
    const { values, mistakes } = readDocument(readText(join(folder, file)), profileTable)
    const name = file.replace(/\.ya?ml$/, '')
    if ('expected' in slug(name)) mistakes.push({ line: 0, at: file, text: 'the file name must be a-z, 0-9 and -' })
    if (mistakes.length > 0) throw new ConfigError(join(folder, file), mistakes)
    return { name, ...(values as Omit<SenderProfile, 'name'>) }
  })
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

function range(value: unknown): Parsed<string> {
  const expected = 'an address or CIDR range such as 10.1.2.0/24'
  if (typeof value !== 'string') return { expected }
  const [address, bits] = value.split('/')
  const version = isIP(address ?? '')
  const most = version === 6 ? 128 : 32
  const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
  return version > 0 && fits ? { ok: value } : { expected }
}
