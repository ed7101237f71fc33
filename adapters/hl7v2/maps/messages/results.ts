/** Observations of a message: named together, then added one by one. */
import type { Observation, Reference } from 'fhir/r4.js'
import type { Identity } from '../../../../src/records.ts'
import type { Segment } from '../../message.ts'
import type { Draft } from '../draft.ts'
import { notesOf } from '../segments/note.ts'
import { type Around, observationOf } from '../segments/observation.ts'
import { conform } from '../vital-signs.ts'
import type { Subject } from './people.ts'

/** An OBX with the NTE that follow it. */
export type Result = Readonly<{ obx: Segment; notes: readonly Segment[] }>

/** What an OBX hangs on. */
export type Setting = Readonly<{
  subject: Subject
  encounter: Reference | undefined
  around: Around
  /** The name of every OBX of the message (identity.ts). */
  names: ReadonlyMap<Segment, Identity>
}>

/**
 * Adds the observation of an OBX and returns a reference to it; undefined when it is left out.
 * A result that was posted for the wrong person (OBX-11 `W`) points to nobody: it must not move to whom this message
 * is about.
 */
export function addResult(result: Result, setting: Setting, draft: Draft): Reference | undefined {
  const found = observationOf(result.obx, setting.around, draft)
  if (!found) draft.note('E_PRUNED', result.obx.at(11))
  if (!found) return undefined
  const wrong = result.obx.value(11) === 'W'
  const note = notesOf(result.notes, draft)
  const resource: Observation = {
    ...found,
    id: draft.newId('Observation'),
    ...(!wrong && { subject: { ...setting.subject.reference } }),
    ...(!wrong && setting.encounter && { encounter: { ...setting.encounter } }),
    ...(note.length > 0 && { note }),
  }
  const name = setting.names.get(result.obx)!
  const valid = conform(resource, result.obx.at(3), draft)
  return draft.add({ verb: 'replace', resource: valid, identity: [name], subject: setting.subject.name })
}
