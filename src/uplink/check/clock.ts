/** How far the box's clock is off, by the clock of somebody else. Data keys, tokens and certificates need it right. */
import { request } from 'node:http'
import type { Environment } from '../../environment.ts'
import { GatewayError } from '../../errors.ts'
import type { Ms } from '../../records.ts'
import { readProxy, readTokenTls, type Security } from '../way/credentials.ts'
import { dial } from '../way/dial.ts'

const answerWithinMs = 5000

/** What the clock was when something was asked, and when it was answered. */
export type Asked = Readonly<{ before: Ms; after: Ms }>

/** How many milliseconds the box is behind (positive) or ahead of a clock that read `theirs` in between. */
export function clockDifference(theirs: Ms, { before, after }: Asked): Ms {
  return Math.round(theirs - (before + after) / 2)
}

/**
 * The clock difference by the `Date` of the token endpoint's answer (to the second); null where it sends none. Rejects
 * with the errors of the connection.
 */
export async function tokenClock({ sasl, proxy }: Security, environment: Environment): Promise<Ms | null> {
  const url = new URL(sasl?.tokenUrl ?? '')
  const secure = url.protocol === 'https:'
  const way = { ...(secure && { tls: readTokenTls(sasl?.tokenCa) }), ...(proxy && { proxy: readProxy(proxy) }) }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const createConnection = () => dial(host, Number(url.port || (secure ? 443 : 80)), way)
  const { promise, resolve, reject } = Promise.withResolvers<Ms | null>()
  const before = environment.now()
  // TLS, if any, is below; whatever is answered to a HEAD has a date
  const asked = request(url, { method: 'HEAD', protocol: 'http:', createConnection }, ({ headers: { date = '' } }) => {
    const theirs = Date.parse(date) + 500 // the middle of the second
    resolve(Number.isNaN(theirs) ? null : clockDifference(theirs, { before, after: environment.now() }))
    asked.destroy()
  })
  const cancel = environment.after(answerWithinMs, () =>
    asked.destroy(new GatewayError('E_UPLINK_DOWN', 'sasl.tokenUrl')),
  )
  asked.once('error', reject).end()
  return promise.finally(cancel)
}
