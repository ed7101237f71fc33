/** How the bytes of a frame stand for characters, as far as that can be told before MSH-18 is read. */

/** `bytes`: every character begins with a byte of its own, and ASCII is ASCII. Else UTF-16, which needs two for each. */
export type Form = 'bytes' | 'utf-16be' | 'utf-16le'

const CR = 0x0d
const LF = 0x0a

/** The same memory as a Buffer. */
export const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** UTF-16 by its byte order mark, or because one of the first two bytes is NUL and the other one is not. */
export function formOf(bytes: Uint8Array): Form {
  const [first, second] = bytes
  if (first === undefined || second === undefined) return 'bytes'
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'utf-16be'
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le'
  return 'bytes'
}

/** Bytes of one character of `textOf`. */
export const widthOf = (form: Form): 1 | 2 => (form === 'bytes' ? 1 : 2)

/** The text that `bytesOf` turns back into the same bytes: one character a byte, or a UTF-16 unit; a last odd byte goes. */
export function textOf(bytes: Uint8Array, form: Form): string {
  const buffer = bufferOf(bytes)
  if (form === 'bytes') return buffer.toString('latin1')
  const units = buffer.subarray(0, buffer.length - (buffer.length % 2))
  return (form === 'utf-16le' ? units : Buffer.from(units).swap16()).toString('utf16le')
}

/** The other way round. */
export function bytesOf(text: string, form: Form): Buffer {
  if (form === 'bytes') return Buffer.from(text, 'latin1')
  const units = Buffer.from(text, 'utf16le')
  return form === 'utf-16le' ? units : units.swap16()
}

/** Length of a byte order mark at the beginning. */
export function markLength(bytes: Uint8Array): number {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 3
  return (bytes[0] === 0xfe && bytes[1] === 0xff) || (bytes[0] === 0xff && bytes[1] === 0xfe) ? 2 : 0
}

/** Bytes before the header that every reader skips: a byte order mark, then blank lines. */
export function leading(bytes: Uint8Array): number {
  const form = formOf(bytes)
  const width = widthOf(form)
  const unitAt = (at: number) => (width === 1 ? bytes[at] : unit(bytes, at, form))
  let at = markLength(bytes)
  while (unitAt(at) === CR || unitAt(at) === LF) at += width
  return at
}

function unit(bytes: Uint8Array, at: number, form: Form): number | undefined {
  const [a, b] = [bytes[at], bytes[at + 1]]
  if (a === undefined || b === undefined) return undefined
  return form === 'utf-16be' ? a * 256 + b : b * 256 + a
}
