/** Observations of a message: named together, then added one by one; documents among them as DocumentReference. */
import type { Attachment, DocumentReference, Observation, Reference } from 'fhir/r4.js'
import type { Identity } from '../../../../src/records.ts'
import { attachedName } from '../../identity-orders.ts'
import type { Segment } from '../../message.ts'
import { attachmentsOf, isDocument } from '../attachment.ts'
import type { Draft } from '../draft.ts'
import { participatingDevice } from '../segments/device.ts'
import { notesOf } from '../segments/note.ts'
import { type Around, observationOf, withoutDocument } from '../segments/observation.ts'
import { roleOf } from '../segments/role.ts'
import { conform } from '../vital-signs.ts'
import type { Subject } from './people.ts'

/** An OBX with the NTE and PRT that follow it; `spm` is the specimen that it stands below, where it is a result all the same. */
export type Result = Readonly<{
  obx: Segment
  notes: readonly Segment[]
  participants?: readonly Segment[]
  spm?: Segment
}>

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
 * A result that was posted for the wrong person (OBX-11 `W`) points to nobody and to no specimen of anybody: it must not move
 * to whom this message is about.
 */
export function addResult(result: Result, setting: Setting, draft: Draft): Reference | undefined {
  const wrong = result.obx.value(11) === 'W'
  const around = wrong ? { ...setting.around, specimen: undefined, focus: undefined } : setting.around
  const found = observationOf(result.obx, around, draft)
  if (!found) draft.note('E_PRUNED', result.obx.at(result.obx.has(3) ? 11 : 3))
  if (!found) return undefined
  const note = notesOf(result.notes, draft)
  const resource: Observation = {
    ...(isDocument(result.obx) ? documented(found, result.obx, setting, draft) : found),
    id: draft.newId('Observation'),
    ...(!wrong && { subject: { ...setting.subject.reference } }),
    ...(!wrong && setting.encounter && { encounter: { ...setting.encounter } }),
    ...(note.length > 0 && { note }),
  }
  addParticipants(result.participants ?? [], resource, draft)
  const name = setting.names.get(result.obx)!
  const valid = conform(resource, result.obx.at(3), draft)
  return draft.add({ verb: 'replace', resource: valid, identity: [name], subject: setting.subject.name })
}

/** PRT below an OBX: the device that measured (PRT-10) and who took part, as what (PRT-5, PRT-8). */
function addParticipants(segments: readonly Segment[], observation: Observation, draft: Draft): void {
  for (const prt of segments) {
    const device = observation.device ? undefined : participatingDevice(prt, draft)
    if (device) observation.device = device
    const member = roleOf(prt, draft)?.member
    if (member) observation.performer = [...(observation.performer ?? []), member]
  }
}

type Found = Omit<Observation, 'id'>

/** The observation of a document points to it: R4 has no value of that kind (guide: OBX[Observation-Component], derivedFrom). */
function documented(found: Found, obx: Segment, setting: Setting, draft: Draft): Found {
  const attachments = attachmentsOf(obx, draft)
  if (attachments.length === 0) return withoutDocument(found)
  const document = addDocument(found, attachments, obx, setting, draft)
  return { ...found, derivedFrom: [document] }
}

/** How far a document is, by the status of its observation. */
const stages: Readonly<Partial<Record<Observation['status'], DocumentReference['docStatus']>>> = {
  registered: 'preliminary',
  preliminary: 'preliminary',
  final: 'final',
  amended: 'amended',
  corrected: 'amended',
  'entered-in-error': 'entered-in-error',
}

function addDocument(
  { status, code, effectiveDateTime }: Found,
  attachments: readonly Attachment[],
  obx: Segment,
  { subject, encounter, names }: Setting,
  draft: Draft,
): Reference {
  const wrong = obx.value(11) === 'W'
  const docStatus = stages[status]
  const resource: DocumentReference = {
    resourceType: 'DocumentReference',
    id: draft.newId('DocumentReference'),
    status: status === 'entered-in-error' || status === 'cancelled' ? 'entered-in-error' : 'current',
    ...(docStatus && { docStatus }),
    type: code,
    ...(!wrong && { subject: { ...subject.reference } }),
    ...(effectiveDateTime?.includes('T') && { date: effectiveDateTime }),
    content: attachments.map(attachment => ({ attachment })),
    ...(!wrong && encounter && { context: { encounter: [{ ...encounter }] } }),
  }
  const identity = [attachedName(names.get(obx)!, draft)]
  return draft.add({ verb: 'replace', resource, identity, subject: subject.name })
}
