/** The way into src/protect: the Protector, the keys it works with, and the check of secrets on the main thread. */
import { GatewayError } from '../errors.ts'
import type { Protector } from '../ports.ts'
import type { Sealed } from '../records.ts'
import { checkRecord } from './headers.ts'
import type { Keys } from './keys.ts'
import { GatewayProtector, type ProtectorOptions } from './protector.ts'

export { type Authenticate, authenticator } from './authenticate.ts'
export { createDemoKeys, type DemoKeysOptions } from './demo-keys.ts'
export { authKeyOf, type Keys, loadKeys, type Purpose } from './keys.ts'
export type { ProtectorOptions } from './protector.ts'

/**
 * Opens the Protector of one gateway. Throws GatewayError E_CONFIG unless the names of tenant and gateway are
 * `[a-z0-9-]{1,32}` (SEALING, Rules), E_KEYS when the keys are of another purpose or tenant.
 */
export function openProtector(keys: Keys, options: ProtectorOptions): Protector {
  for (const name of ['tenant', 'gateway'] as const) {
    if (!/^[a-z0-9-]{1,32}$/.test(options[name])) throw new GatewayError('E_CONFIG', name, '[a-z0-9-]{1,32}')
  }
  for (const card of [keys.kek, keys.replay]) {
    if (card.purpose !== options.purpose) throw new GatewayError('E_KEYS', 'purpose', 'the keys are of another one')
    if (card.tenant !== options.tenant) throw new GatewayError('E_KEYS', 'tenant', 'the keys are of another one')
  }
  return new GatewayProtector(keys, options)
}

/** The signed test record of `check --online` for `<prefix>.test`: no resource, no number, no value. */
export function testRecord(keys: Keys, options: ProtectorOptions): Sealed {
  const { tenant, gateway, purpose, topicPrefix, environment } = options
  return checkRecord({ tenant, gateway, purpose, signing: keys.signing }, `${topicPrefix}.test`, environment.now())
}
