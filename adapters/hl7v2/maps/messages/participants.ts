/** PRT below an ORC or OBR (guide: OML_O21, ORU_R01): who ordered, collected, performed and interpreted, by HL7 table 0912. */
import type { DiagnosticReport, Reference } from 'fhir/r4.js'
import type { Draft } from '../draft.ts'
import { roleOf } from '../segments/role.ts'
import type { OrderGroup } from './groups.ts'

export type Participants = Readonly<{
  requester: Reference | undefined
  collector: Reference | undefined
  report: Pick<DiagnosticReport, 'performer' | 'resultsInterpreter'>
}>

const performing = new Set(['ARI', 'TN', 'TR'])

/** Reads the PRT of an order; one that takes part in no way that FHIR has a place for is left out, noted E_PRUNED. */
export function participantsOf({ participants }: OrderGroup, draft: Draft): Participants {
  const roles = participants.flatMap(prt => {
    const role = roleOf(prt, draft)
    if (!role || !(performing.has(role.kind) || known.has(role.kind))) draft.note('E_PRUNED', prt.at(4))
    return role ?? []
  })
  const as = (isKind: (kind: string) => boolean) => roles.flatMap(({ kind, member }) => (isKind(kind) ? [member] : []))
  const performer = as(kind => performing.has(kind))
  const resultsInterpreter = as(kind => kind === 'PRI')
  return {
    requester: as(kind => kind === 'OP')[0],
    collector: as(kind => kind === 'SC')[0],
    report: {
      ...(performer.length > 0 && { performer }),
      ...(resultsInterpreter.length > 0 && { resultsInterpreter }),
    },
  }
}

const known = new Set(['OP', 'SC', 'PRI'])
