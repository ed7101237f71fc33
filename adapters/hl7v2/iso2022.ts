/**
 * Texts that change their character set inside (ISO 2022; HL7 v2.5.1 §2.7.2). A designation is an escape character with
 * two or three bytes, or the same bytes as an escape sequence of HL7: `\C2842\`, `\M2442\`. It holds until the next one,
 * at most to the end of the segment. Done before the text is split, because the second bytes of Japanese characters look
 * like delimiters.
 */

type Decoder = (bytes: Uint8Array) => string | null

/** What stands behind the escape character → a set of our own below, a table 0211 name, or empty: what the text began with. */
const designations: Readonly<Record<string, string>> = {
  '(B': '',
  '(J': '',
  '(I': 'katakana',
  ')I': 'ISO IR13',
  '$@': 'kanji',
  $B: 'kanji',
  '$(B': 'kanji',
  '$(D': 'more kanji',
  '-A': '8859/1',
  '-B': '8859/2',
  '-C': '8859/3',
  '-D': '8859/4',
  '-L': '8859/5',
  '-G': '8859/6',
  '-F': '8859/7',
  '-H': '8859/8',
  '-M': '8859/9',
  '-b': '8859/15',
}

/** Node reads no ISO IR159; EUC-JP holds both Japanese tables, at other places. */
const eucJp = new TextDecoder('euc-jp', { fatal: true })

const own: Readonly<Record<string, Decoder>> = {
  kanji: bytes => fromEucJp(bytes, 2, ([a, b]) => [a! | 0x80, b! | 0x80]),
  'more kanji': bytes => fromEucJp(bytes, 2, ([a, b]) => [0x8f, a! | 0x80, b! | 0x80]),
  katakana: bytes => fromEucJp(bytes, 1, ([a]) => [0x8e, a! | 0x80]),
}

function fromEucJp(bytes: Uint8Array, width: 1 | 2, move: (one: Uint8Array) => readonly number[]): string | null {
  const graphic = bytes.every(byte => byte > 0x20 && byte < 0x7f)
  if (!graphic || bytes.length % width !== 0) return null
  const moved: number[] = []
  for (let at = 0; at < bytes.length; at += width) moved.push(...move(bytes.subarray(at, at + width)))
  try {
    return eucJp.decode(Uint8Array.from(moved))
  } catch {
    return null
  }
}

const mark =
  /\x1b(\$\([BD]|\$[@B]|\([BIJ]|\)I|-[ABCDFGHLMb])|\\(?:C(28(?:42|49|4A)|2949|2D(?:4[1-4]|4[678CD]|62))|M(244[02]|2428(?:42|44)))\\|[\r\n]/gi

/**
 * The text, or null where bytes do not fit the set that is in force. `base`: the set in which the text begins;
 * `decoderOf`: a set of table 0211 by its name.
 */
export function byDesignation(
  bytes: Uint8Array,
  base: Decoder,
  decoderOf: (name: string) => Decoder | null,
): string | null {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  let text = ''
  let decoder: Decoder | null = base
  let from = 0
  const read = (to: number): boolean => {
    const part = to > from ? decoder?.(bytes.subarray(from, to)) : ''
    text += part ?? ''
    return typeof part === 'string'
  }
  for (const found of raw.matchAll(mark)) {
    if (!read(found.index)) return null
    const [whole, escaped, ...hex] = found
    from = found.index + whole.length
    const isEnd = /[\r\n]/.test(whole)
    const set = isEnd ? '' : designations[escaped ?? fromHex(hex)]
    // nearly a designation: leaving it out would lose bytes without a trace
    if (set === undefined) return null
    decoder = set === '' ? base : (own[set] ?? decoderOf(set))
    if (isEnd) text += whole
  }
  return read(raw.length) ? text : null
}

const fromHex = (groups: readonly (string | undefined)[]): string =>
  Buffer.from(groups.find(hex => hex !== undefined) ?? '', 'hex').toString('latin1')
