/**
 * Length-prefixed joining, the one way this project turns several strings into one without ambiguity (SEALING, Rules):
 * for each part its UTF-8 byte length in decimal, `:`, the part; joined by `|`. Numbers in decimal.
 */
export function lp(...parts: readonly (string | number)[]): string {
  return parts.map(part => `${Buffer.byteLength(String(part))}:${part}`).join('|')
}
