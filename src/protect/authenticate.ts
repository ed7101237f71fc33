/** Checks secrets against their MACs on the main thread, with nothing but the `auth` half of the box key. */
import { type KeyObject, timingSafeEqual } from 'node:crypto'
import { b64u, hmac, lp } from './format.ts'

/** b64u MAC of a device's secret or a client's token, bound to whose it is (SEALING S6). */
export function secretMac(
  authKey: Uint8Array | KeyObject,
  kind: 'device' | 'client',
  id: string,
  secret: string,
): string {
  return b64u(hmac(authKey, lp('secret-1', kind, id, secret)))
}

export type Authenticate = (kind: 'device' | 'client', id: string, secret: string, mac: string) => boolean

/** `authKey`: from `authKeyOf`. The returned function takes the same time whatever is wrong. */
export function authenticator(authKey: Uint8Array): Authenticate {
  return (kind, id, secret, mac) => {
    const expected = Buffer.from(secretMac(authKey, kind, id, secret))
    const given = Buffer.from(mac)
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
}
