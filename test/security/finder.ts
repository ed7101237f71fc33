/** Looks for texts in files and strings: in clear (whatever the case), and as the encodings in which a leak hides. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A place and an encoding in which a canary was found. */
export type Sighting = Readonly<{ canary: string; as: string; where: string }>

/** A text as it would look: UTF-8 and Latin-1, UTF-16 both ways, hex, base64 and base64url at each of three alignments. */
export function disguises(text: string): ReadonlyMap<string, Buffer> {
  const utf8 = Buffer.from(text)
  const utf16 = Buffer.from(text, 'utf16le')
  const all = new Map([
    ['utf-8', utf8],
    ['latin-1', Buffer.from(text, 'latin1')],
    ['utf-16le', utf16],
    ['utf-16be', Buffer.from(utf16).swap16()],
    ['hex', Buffer.from(utf8.toString('hex'))],
    [
      'json',
      Buffer.from(
        JSON.stringify(text)
          .slice(1, -1)
          .replace(/[^ -~]/g, escapeUnit),
      ),
    ],
  ])
  for (const encoding of ['base64', 'base64url'] as const) {
    for (let shift = 0; shift < 3; shift++) all.set(`${encoding} +${shift}`, Buffer.from(inner(utf8, shift, encoding)))
  }
  return all
}

/** The characters of the encoded text that do not depend on what stands before and after it. */
function inner(bytes: Buffer, shift: number, encoding: 'base64' | 'base64url'): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString(encoding)
    .replace(/=+$/, '')
  const whole = Math.floor(((shift + bytes.length) * 8) / 6)
  return text.slice(Math.ceil((shift * 8) / 6), whole)
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Every canary in every disguise in `haystack`. ASCII letters match in either case. */
export function sightings(canaries: readonly string[], haystack: Uint8Array, where: string): Sighting[] {
  const bytes = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength)
  const folded = lowered(bytes)
  return canaries.flatMap(canary =>
    [...disguises(canary)].flatMap(([as, needle]) => {
      const exact = as.startsWith('base64')
      return (exact ? bytes.includes(needle) : folded.includes(lowered(needle))) ? [{ canary, as, where }] : []
    }),
  )
}

/** Every file below a folder, as `[path, bytes]`. */
export function filesBelow(folder: string): [string, Buffer][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .map(path => [path, readFileSync(path)])
}

function lowered(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (const [i, byte] of copy.entries()) if (byte >= 0x41 && byte <= 0x5a) copy[i] = byte + 32
  return copy
}
