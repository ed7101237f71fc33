/** REF I12 (referral) I13 (modified) I14 (cancelled) I15 (status asked for): our own rules, the guide has no map of it. */
import type { ServiceRequest } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import { partOf } from '../../identity.ts'
import { referralName } from '../../identity-orders.ts'
import type { Draft } from '../draft.ts'
import { providerOf, referralOf } from '../segments/referral.ts'
import { patientGroups } from './groups.ts'
import type { MessageMap } from './map.ts'
import { addResultGroups } from './oru.ts'
import { personSegments } from './person.ts'

export const referralMaps: readonly MessageMap[] = [
  {
    type: 'REF',
    events: 'I12 I13 I14 I15',
    structures: 'REF_I12',
    segments: `RF1 PRD ${personSegments} OBR OBX NTE`,
    translate: referrals,
  },
]

/** HL7 table 0286: who refers; all others are who is asked (RT referred to, CP consulting) or take part. */
const referring = 'RP'
const asked = new Set(['RT', 'CP'])

/**
 * Translates one REF: the referral, and the results that go with it. Throws Refusal: E_SEGMENT_MISSING at RF1 or PID,
 * E_NO_PATIENT, and what the OBX throw.
 */
export function referrals(event: string, draft: Draft): void {
  const { message } = draft
  const rf1 = message.first('RF1') ?? refuse('E_SEGMENT_MISSING', 'RF1')
  const groups = patientGroups(message.segments, draft)
  if (groups.length > 1) refuse('E_TWO_PATIENTS', groups[1]!.pid.at(1))
  const [person] = addResultGroups(groups, event, draft)
  const { subject, encounter } = person!
  const providers = message.all('PRD').map(prd => [partOf(prd, 1), providerOf(prd, draft)] as const)
  const requester = providers.find(([role, reference]) => role === referring && reference)?.[1]
  const performer = providers.flatMap(([role, reference]) => (asked.has(role) && reference ? [{ ...reference }] : []))
  const resource: ServiceRequest = {
    ...referralOf(rf1, event, draft),
    id: draft.newId('ServiceRequest'),
    subject: { ...subject.reference },
    ...(encounter && { encounter: { ...encounter } }),
    ...(requester && { requester: { ...requester } }),
    ...(performer.length > 0 && { performer }),
  }
  // who asks for the status of a referral does not tell it whole
  const verb = event === 'I15' ? 'ensure' : 'replace'
  draft.add({ verb, resource, identity: [referralName(rf1, subject.name, draft)], subject: subject.name })
}
