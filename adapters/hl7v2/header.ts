/**
 * The first line of a frame, byte by byte as it came (ISO 8859-1, so that every byte is one character and goes back
 * unchanged into an answer). Enough to answer any frame, whatever its character set and whatever follows.
 */
import { refuse } from '../../src/errors.ts'
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
}>

const CR = 0x0d
const LF = 0x0a

/** Reads the header of a frame. Never throws; what is wrong with it, `checkHeader` says. */
export function readHeader(bytes: Uint8Array): Header {
  const line = firstLine(bytes)
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
  }
}

/** Throws Refusal E_NOT_HL7, E_BATCH or E_DELIMITERS where the header is none that a message can have. */
export function checkHeader(header: Header): void {
  if (header.segment === null) refuse('E_NOT_HL7', 'MSH')
  if (header.segment !== 'MSH') refuse('E_BATCH', header.segment)
  if (!header.delimiters) refuse('E_DELIMITERS', 'MSH-2')
}

/** Bytes before the header that every reader skips: a byte order mark, then blank lines. */
export function leading(bytes: Uint8Array): number {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  while (bytes[at] === CR || bytes[at] === LF) at++
  return at
}

function firstLine(bytes: Uint8Array): string {
  const start = leading(bytes)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ends = [buffer.indexOf(CR, start), buffer.indexOf(LF, start)].filter(end => end >= 0)
  return buffer.toString('latin1', start, Math.min(...ends, buffer.length))
}

function delimitersOf(line: string): Delimiters | null {
  try {
    return readDelimiters(line)
  } catch {
    return null
  }
}
