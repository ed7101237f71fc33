/** Strict decoding: text that another spelling of the same bytes would also give is refused, so that no bit is free. */

/** The bytes of unpadded base64url, or null. */
export function fromB64u(text: unknown): Buffer | null {
  return decode(text, 'base64url')
}

/** The bytes of base64, or null. */
export function fromBase64(text: unknown): Buffer | null {
  return decode(text, 'base64')
}

function decode(text: unknown, encoding: 'base64' | 'base64url'): Buffer | null {
  if (typeof text !== 'string') return null
  const bytes = Buffer.from(text, encoding)
  return bytes.toString(encoding) === text ? bytes : null
}
