/**
 * The first line of a frame, byte by byte as it came (every byte is one character and goes back unchanged into an
 * answer). Enough to answer any frame, whatever its character set and whatever follows.
 */
import { isUtf8 } from 'node:buffer'
import { refuse } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import { bytesOf, type Form, formOf, leading, markLength, textOf, widthOf } from './bytes.ts'
import { type Delimiters, isDelimiter, readDelimiters } from './delimiters.ts'

/** The header segment, fields raw and by their HL7 number: `field(10)` is MSH-10; empty where absent. */
export type Header = Readonly<{
  /** `MSH`; `FHS` and `BHS` open a file or batch; null: not HL7. */
  segment: 'MSH' | 'FHS' | 'BHS' | null
  /** Null when MSH-1 and MSH-2 do not name usable ones. */
  delimiters: Delimiters | null
  field(n: number): string
  /** One component of a field's first repetition. */
  component(n: number, component: number): string
  /** Text of an answer as bytes: in UTF-16 where the frame was, with a byte order mark where it had one. */
  encode(text: string): Uint8Array
}>

/**
 * Reads the header of a frame. `charset`: the sender's, for a header that names none. Never throws; what is wrong with it,
 * `checkHeader` says. A first line longer than limits.hl7HeaderBytes is no header.
 */
export function readHeader(bytes: Uint8Array, charset = ''): Header {
  const form = formOf(bytes)
  const mark = bytes.slice(0, form === 'bytes' ? 0 : markLength(bytes))
  const line = shielded(firstLine(bytes, form), charset)
  const segment = /^(?:MSH|FHS|BHS)/.exec(line)?.[0] as 'MSH' | 'FHS' | 'BHS' | undefined
  const separator = line.charAt(3)
  const delimiters = segment ? delimitersOf(line) : null
  const fields = segment && isDelimiter(separator) ? line.split(separator) : []
  const field = (n: number): string => (n === 1 ? separator : (fields[n - 1] ?? ''))
  return {
    segment: segment ?? null,
    delimiters,
    field,
    component(n, component) {
      if (!delimiters) return ''
      const first = field(n).split(delimiters.repetition)[0] as string
      return first.split(delimiters.component)[component - 1] ?? ''
    },
    encode: text => Buffer.concat([mark, bytesOf(text, form)]),
  }
}

/** Throws Refusal E_NOT_HL7, E_BATCH or E_DELIMITERS where the header is none that a message can have. */
export function checkHeader(header: Header): void {
  if (header.segment === null) refuse('E_NOT_HL7', 'MSH')
  if (!header.delimiters) refuse('E_DELIMITERS', `${header.segment}-2`)
  if (header.segment !== 'MSH') refuse('E_BATCH', header.segment)
}

function firstLine(bytes: Uint8Array, form: Form): string {
  const start = leading(bytes)
  const most = limits.hl7HeaderBytes * widthOf(form)
  const line = textOf(bytes.subarray(start, start + most), form).split(/[\r\n]/, 1)[0] as string
  return line.length < limits.hl7HeaderBytes ? line : ''
}

/**
 * Hides the second bytes of Japanese and Chinese characters that look like delimiters: they are moved up by 0xE000, and
 * writing a text as bytes takes the low byte, so that they go back into an answer as they came. What is UTF-8 has no such
 * bytes, whatever it says that it is.
 */
function shielded(line: string, charset: string): string {
  const japanese = line.replace(
    /(\x1b\$(?:[@B]|\([BD]))([^\x1b]*)/g,
    (_, designation, text) => designation + hide(text),
  )
  const chinese = /[\x80-\xff]/.test(line) && /GB ?18030|BIG-?5/i.test(line + charset)
  return chinese && !isUtf8(Buffer.from(line, 'latin1')) ? japanese.replace(pairs, hide) : japanese
}

/** Whole characters of Big5 and GB 18030, so that a second byte is never taken for a first one. */
const pairs = /(?:[\x81-\xfe](?:[\x40-\x7e\x80-\xfe]|[0-9][\x81-\xfe][0-9]))+/g

const hide = (bytes: string): string =>
  Buffer.from(Uint16Array.from(Buffer.from(bytes, 'latin1'), byte => 0xe000 + byte).buffer).toString('utf16le')

function delimitersOf(line: string): Delimiters | null {
  try {
    return readDelimiters(line)
  } catch {
    return null
  }
}
