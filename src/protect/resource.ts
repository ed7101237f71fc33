/** One named resource in clear → the same resource sealed (SEALING S2). */
import type { FhirResource, Ms } from '../records.ts'
import type { JsonObject, Sealing } from './acts/slot.ts'
import { pad64, tokenAad, tokenOf } from './format.ts'
import type { DataKey } from './keyring.ts'
import { isRestricted, metaOf } from './meta.ts'
import { demandClean } from './scan.ts'
import type { Terms } from './terms.ts'
import { walkResource } from './walk.ts'

export type SealContext = Readonly<{
  tenant: string
  receivedAt: Ms
  test: boolean
  terms: Terms
  /** The subject's data key, asked for with the first token only. */
  key: () => DataKey
}>

/**
 * Seals a resource that bears its final id and references.
 * Throws Refusal E_PRIVACY_NO_RULE, E_PRIVACY_SCAN, E_TYPE.
 */
export function sealResource(named: JsonObject, context: SealContext): FhirResource {
  const type = String(named.resourceType)
  const id = String(named.id)
  let masked = false
  const sealing: Sealing = {
    type,
    receivedAt: context.receivedAt,
    terms: context.terms,
    restricted: isRestricted(named),
    abstracted: false,
    containedWhole: false,
    token(path, plain) {
      masked = true
      const { kid, seal } = context.key()
      return tokenOf(kid, seal(pad64(JSON.stringify(plain)), tokenAad(context.tenant, type, id, path, kid)))
    },
  }
  const { resourceType, id: _, ...members } = walkResource(named, sealing)
  const meta = metaOf(named, sealing, { masked, abstracted: sealing.abstracted, test: context.test })
  const sealed = { resourceType, id, meta, ...members }
  demandClean(sealed, context.terms)
  return sealed as unknown as FhirResource
}
