/** From bytes to text, by MSH-18 (HL7 table 0211) or what the sender's profile says. */
import { refuse } from '../../src/errors.ts'
import { leading, readHeader } from './header.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Makes text, or null where the bytes are not in the character set. */
type Decoder = (bytes: Uint8Array) => string | null

function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

// not TextDecoder('latin1'): that one is windows-1252
const fromLatin1: Decoder = bytes => view(bytes).toString('latin1')
const fromAscii: Decoder = bytes => (bytes.every(byte => byte < 0x80) ? view(bytes).toString('latin1') : null)

/** A row per character set: the name in table 0211, other names that senders write, how to read it. */
const rows: readonly Readonly<{ name: string; also: readonly string[]; decode: Decoder }>[] = [
  { name: 'UNICODE UTF-8', also: ['UTF-8', 'UTF8'], decode: fromUtf8 },
  { name: '8859/1', also: ['ISO-8859-1', 'ISO8859-1', '8859-1'], decode: fromLatin1 },
  { name: 'ASCII', also: ['US-ASCII'], decode: fromAscii },
]

const byName = new Map(rows.flatMap(row => [row.name, ...row.also].map(name => [name, row] as const)))
const rowOf = (name: string) => byName.get(name.trim().toUpperCase())

/** True for a name that a sender profile may give as its character set. */
export const isCharset = (name: string): boolean => rowOf(name) !== undefined

/**
 * Decodes a message. The header is read as ISO 8859-1; the first repetition of MSH-18 names the set. Empty: the
 * sender's; a name without a row: the sender's too, with `fallback` true. A byte order mark is left out.
 * Returns the text and the table 0211 name of what was used. Throws Refusal E_CHARSET at MSH-18 where the bytes do not
 * decode; nothing is ever replaced by U+FFFD.
 */
export function decode(bytes: Uint8Array, senderCharset: string): { text: string; charset: string; fallback: boolean } {
  const named = readHeader(bytes).component(18, 1)
  const declared = rowOf(named)
  const row = declared ?? rowOf(senderCharset) ?? rows[0]!
  const text = row.decode(bytes.subarray(leading(bytes)))
  if (text === null) refuse('E_CHARSET', 'MSH-18')
  return { text, charset: row.name, fallback: named.trim() !== '' && !declared }
}
