/** The delimiters that MSH-1 and MSH-2 name (HL7 v2.5.1 §2.5.4), and the escape sequences made from them (§2.7). */
import { refuse } from '../../src/errors.ts'

/** One character each; empty where the sender has none. */
export type Delimiters = Readonly<{
  field: string
  component: string
  repetition: string
  escape: string
  subcomponent: string
  /** The fifth character of MSH-2, HL7 v2.7. */
  truncation: string
}>

/** `|^~\&`, what nearly everybody uses. */
export const standard: Delimiters = {
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: '',
}

const punctuation = /^[!#-/:-@[-`{-~]$/

/** True for a printable ASCII character that may be a delimiter: no letter, digit, space or quote. */
export const isDelimiter = (character: string): boolean => punctuation.test(character)

/** MSH-2 as the sender wrote it. */
export const encodingCharacters = (d: Delimiters): string =>
  d.component + d.repetition + d.escape + d.subcomponent + d.truncation

/**
 * Reads MSH-1 and MSH-2 of a header line. Three characters are the first three (HL7 lets senders without
 * subcomponents leave the fourth out), but a third `&` is a subcomponent separator of a sender without escapes.
 * Throws Refusal E_DELIMITERS: fewer than 3 or more than 5 characters, letters or digits, or one character twice.
 */
export function readDelimiters(header: string): Delimiters {
  const field = header.charAt(3)
  if (!isDelimiter(field)) refuse('E_DELIMITERS', 'MSH-1')
  const end = header.indexOf(field, 4)
  const named = header.slice(4, end < 0 ? undefined : end)
  const characters = [...named]
  const usable = characters.length >= 3 && characters.length <= 5 && characters.every(isDelimiter)
  if (!usable || new Set([field, ...characters]).size <= characters.length) refuse('E_DELIMITERS', 'MSH-2')
  const [component, repetition, third, fourth = '', truncation = ''] = characters as [string, string, string]
  if (characters.length === 3 && third === '&') {
    return { field, component, repetition, escape: '', subcomponent: third, truncation }
  }
  return { field, component, repetition, escape: third, subcomponent: fourth, truncation }
}

/**
 * Undoes the escape sequences of one value, in one pass: `\F\ \S\ \T\ \R\ \E\ \P\` are the delimiters, `\.br\` a new
 * line, `\Xhh…\` bytes (UTF-8 where they are, else ISO 8859-1); `\H\` and `\N\` (highlighting) go. All else stays.
 */
export function unescapeText(text: string, d: Delimiters): string {
  if (d.escape === '' || !text.includes(d.escape)) return text
  const parts = text.split(d.escape)
  let plain = parts[0]!
  for (let i = 1; i < parts.length; i++) {
    const closed = i + 1 < parts.length
    const meaning = closed ? meaningOf(parts[i]!, d) : undefined
    // not a sequence: the character stands for itself, and the next one may still open a sequence
    plain += meaning === undefined ? d.escape + parts[i] : meaning + parts[++i]
  }
  return plain
}

function meaningOf(sequence: string, d: Delimiters): string | undefined {
  switch (sequence) {
    case 'F':
      return d.field
    case 'S':
      return d.component
    case 'T':
      return d.subcomponent || standard.subcomponent
    case 'R':
      return d.repetition
    case 'E':
      return d.escape
    case 'P':
      return d.truncation || '#'
    case '.br':
    case '.BR':
      return '\n'
    case 'H':
    case 'N':
      return ''
    default:
      return /^X(?:[0-9A-Fa-f]{2})+$/.test(sequence) ? bytesOf(sequence.slice(1)) : undefined
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function bytesOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  try {
    return utf8.decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}

/** Escapes a text of our own for a field, so that it splits nothing; a sender without escapes gets spaces instead. */
export function escapeText(text: string, d: Delimiters): string {
  return Array.from(text, character => escaped(character, d)).join('')
}

function escaped(character: string, d: Delimiters): string {
  const name = nameOf(character, d)
  if (name === undefined) return character
  return d.escape === '' ? ' ' : d.escape + name + d.escape
}

function nameOf(character: string, d: Delimiters): string | undefined {
  switch (character) {
    case d.field:
      return 'F'
    case d.component:
      return 'S'
    case d.subcomponent:
      return 'T'
    case d.repetition:
      return 'R'
    case d.escape:
      return 'E'
    case d.truncation:
      return 'P'
    case '\r':
      return 'X0D'
    case '\n':
      return 'X0A'
    default:
      return undefined
  }
}
