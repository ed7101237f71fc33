/** PID[Account], and GT1 as its guarantor (the guide has no map for GT1; ours, documented in ../../MAPPING.md). */
import type { Account, AccountGuarantor, Reference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { date } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { segmentMap } from '../engine.ts'
import { cx, xon } from '../references.ts'

/** PID[Account] */
// biome-ignore format: a row a line
export const pidAccount = segmentMap([
  ['PID-18', 'identifier[]', cx],
])

/** GT1 of the account. */
// biome-ignore format: a row a line
export const gt1Guarantor = segmentMap([
  ['GT1-13', 'period.start', date],
  ['GT1-14', 'period.end', date],
])

/** GT1-21: an organisation that guarantees. */
// biome-ignore format: a row a line
const gt1Organization = segmentMap([
  ['GT1-21', 'party', xon],
])

/** The account of a PID, active as the guide has it. */
export function accountOf(pid: Segment, id: string, subject: Reference, draft: Draft): Account {
  const resource: Account = { resourceType: 'Account', id, status: 'active', subject: [{ ...subject }] }
  pidAccount(pid, resource, draft)
  return resource
}

/** A guarantor: the person `party`, else the organisation of GT1-21; null where it names neither. */
export function guarantorOf(gt1: Segment, party: Reference | undefined, draft: Draft): AccountGuarantor | null {
  const resource: Partial<AccountGuarantor> = { ...(party && { party: { ...party } }) }
  if (!party) gt1Organization(gt1, resource, draft)
  gt1Guarantor(gt1, resource, draft)
  return resource.party ? { ...resource, party: resource.party } : null
}
