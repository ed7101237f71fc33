/** From bytes to text, by MSH-18 (HL7 table 0211) or what the sender's profile says. */
import { isAscii, isUtf8 } from 'node:buffer'
import { refuse } from '../../src/errors.ts'
import { bufferOf, type Form, formOf, leading, textOf, widthOf } from './bytes.ts'
import { readHeader } from './header.ts'
import { byDesignation } from './iso2022.ts'

/** Makes text, or null where the bytes are not in the character set. */
export type Decoder = (bytes: Uint8Array) => string | null

type Row = Readonly<{
  /** The name in table 0211. */
  name: string
  /** Other names that senders write. */
  also: readonly string[]
  decode: Decoder
  /** One byte a character: any bytes fit, so that only a look at them tells a wrong name. */
  single?: true
  /** Two bytes a character, and the second one may look like a delimiter. */
  pairs?: true
  /** Changes the set inside a text by escape sequences (ISO 2022), alone or as a further repetition of MSH-18. */
  designated?: true
}>

// not TextDecoder('latin1'): that one is windows-1252
const latin1: Decoder = bytes => bufferOf(bytes).toString('latin1')
const ascii: Decoder = bytes => (isAscii(bytes) ? latin1(bytes) : null)
const utf8 = by('utf-8')

/** ISO 8859-9 is 8859-1 with six letters changed; TextDecoder('iso-8859-9') is windows-1254. */
const turkish: Readonly<Record<string, string>> = { Ð: 'Ğ', Ý: 'İ', Þ: 'Ş', ð: 'ğ', ý: 'ı', þ: 'ş' }
const latin5: Decoder = bytes => latin1(bytes)!.replace(/[ÐÝÞðýþ]/g, letter => turkish[letter] as string)

/** Katakana of JIS X 0201 in the upper half of the bytes. */
const katakana: Decoder = bytes => {
  const text = latin1(bytes) as string
  if (/[\x80-\xa0\xe0-\xff]/.test(text)) return null
  return text.replace(/[\xa1-\xdf]/g, one => String.fromCharCode(one.charCodeAt(0) - 0xa1 + 0xff61))
}

function by(label: string): Decoder {
  const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true })
  return bytes => {
    try {
      return decoder.decode(bytes)
    } catch {
      return null
    }
  }
}

const utf16be = by('utf-16be')
const utf16le = by('utf-16le')

function iso8859(part: number, decode: Decoder): Row {
  return { name: `8859/${part}`, also: [`ISO-8859-${part}`, `ISO8859-${part}`, `8859-${part}`], decode, single: true }
}

function windows(page: number): Row {
  return { name: `WINDOWS-${page}`, also: [`CP${page}`], decode: by(`windows-${page}`), single: true }
}

const unicode: Row = { name: 'UNICODE UTF-8', also: ['UTF-8', 'UTF8'], decode: utf8 }
const plain: Row = { name: 'ASCII', also: ['US-ASCII', 'ISO IR6'], decode: ascii }
/** Takes what comes in two bytes a character; for all else see `rowFor`. */
const wide: Row = { name: 'UNICODE UTF-16', also: ['UTF-16', 'UNICODE'], decode: () => null }

/**
 * The character sets, windows code pages included, which no table of HL7 names and many senders write. In Romaji (ISO
 * IR14) 0x5C and 0x7E show as yen and overline, but are HL7's escape and repetition: they stay what they are.
 */
const rows: readonly Row[] = [
  unicode,
  plain,
  wide,
  iso8859(1, latin1),
  ...[2, 3, 4, 5, 6, 7, 8, 15].map(part => iso8859(part, by(`iso-8859-${part}`))),
  iso8859(9, latin5),
  ...[1250, 1251, 1252].map(windows),
  {
    name: 'ISO IR87',
    also: ['ISO-IR-87', 'ISO-2022-JP', 'JIS X 0208', 'JIS X 0202', 'JAS2020'],
    decode: ascii,
    designated: true,
  },
  { name: 'ISO IR159', also: ['ISO-IR-159', 'JIS X 0212'], decode: ascii, designated: true },
  { name: 'ISO IR14', also: ['ISO-IR-14'], decode: katakana, designated: true },
  { name: 'ISO IR13', also: ['ISO-IR-13', 'JIS X 0201'], decode: katakana, designated: true },
  { name: 'GB 18030-2000', also: ['GB 18030', 'GB18030'], decode: by('gb18030'), pairs: true },
  { name: 'BIG-5', also: ['BIG5'], decode: by('big5'), pairs: true },
  { name: 'KS X 1001', also: ['KSX1001', 'EUC-KR'], decode: by('euc-kr'), pairs: true },
]

const byName = new Map(rows.flatMap(row => [row.name, ...row.also].map(name => [name, row] as const)))
const rowOf = (name: string): Row | undefined => byName.get(name.trim().toUpperCase().replace(/\s+/g, ' '))

/** The names that a sender profile may give as its character set. */
export const charsetNames: readonly string[] = rows.map(row => row.name)

/** True for a name that MSH-18 may give. */
export const isCharset = (name: string): boolean => rowOf(name) !== undefined

export type Decoded = Readonly<{
  text: string
  /** Table 0211 name of what was used. */
  charset: string
  /** MSH-18 names a set that is not in the table; the sender's was used. */
  fallback: boolean
  /** The bytes look like another set than the one they were read in. */
  doubtful: boolean
}>

/**
 * Decodes a message. The first repetition of MSH-18 is the set in which it begins, further ones are chosen by escape
 * sequences (HL7 v2.5.1 §2.7.2); empty before others: ASCII. All empty: the sender's. A byte order mark is left out.
 * Throws Refusal E_CHARSET at MSH-18 where the bytes do not decode; nothing is ever replaced by U+FFFD.
 */
export function decode(bytes: Uint8Array, senderCharset: string): Decoded {
  const form = formOf(bytes)
  const named = namesIn(bytes, senderCharset)
  const known = named.map(rowOf)
  const base = known[0] ?? (named[0] === '' && named.length > 1 ? plain : (rowOf(senderCharset) ?? unicode))
  const body = bytes.subarray(leading(bytes))
  const row = rowFor(base, form, body)
  const designated = named.length > 1 || row.designated === true
  const text = form !== 'bytes' ? fromUtf16(body, form) : designated ? mixed(body, row) : row.decode(body)
  if (text === null) refuse('E_CHARSET', 'MSH-18')
  const fallback = named.some((name, i) => name !== '' && !known[i])
  return { text, charset: row.name, fallback, doubtful: (row !== base && !fallback) || looksWrong(row, body) }
}

/** Repetitions of MSH-18; one empty name where there is none. */
function namesIn(bytes: Uint8Array, senderCharset: string): readonly string[] {
  const header = readHeader(bytes, senderCharset)
  const separator = header.delimiters?.repetition
  return header
    .field(18)
    .split(separator || '~')
    .map(name => name.trim())
}

/** What has two bytes a character is UTF-16 and nothing else is; many write UNICODE and send UTF-8. */
function rowFor(named: Row, form: Form, bytes: Uint8Array): Row {
  if (form !== 'bytes') return wide
  return named === wide || losesDelimiters(named, bytes) ? unicode : named
}

/** UTF-8 read in pairs: the last of three bytes takes the delimiter behind it with it, and values slip into other fields. */
function losesDelimiters(row: Row, bytes: Uint8Array): boolean {
  if (!row.pairs || isAscii(bytes) || !isUtf8(bytes)) return false
  const text = row.decode(bytes)
  return text === null || plainOf(text) !== plainOf(latin1(bytes) as string)
}

const plainOf = (text: string): string => text.replace(/[^\0-\x7f]+/g, '')

/**
 * Bytes of a UTF-16 text may look like the end of the frame (“ before a letter of Malayalam is 20 1C 0D 4D). What was cut
 * there has half a character at its end, or no end of a segment, and is refused.
 */
function fromUtf16(bytes: Uint8Array, form: Form): string | null {
  if (bytes.length % widthOf(form) !== 0 || !/[\r\n]$/.test(textOf(bytes.subarray(-2), form))) return null
  return form === 'utf-16be' ? utf16be(bytes) : utf16le(bytes)
}

const mixed = (bytes: Uint8Array, row: Row): string | null =>
  byDesignation(bytes, row.decode, name => rowOf(name)?.decode ?? null)

/** UTF-8 under another name; or what ISO 8859 has for controls that nobody sends, and windows code pages for quotes. */
function looksWrong(row: Row, bytes: Uint8Array): boolean {
  if (isAscii(bytes)) return false
  // two letters of two bytes each may be UTF-8 by chance, a whole message with three-byte characters is not
  if (row.pairs) return isUtf8(bytes) && /[\xe0-\xff]/.test(latin1(bytes) as string)
  if (!row.single) return false
  return isUtf8(bytes) || (row.name.startsWith('8859/') && /[\x80-\x9f]/.test(latin1(bytes) as string))
}
