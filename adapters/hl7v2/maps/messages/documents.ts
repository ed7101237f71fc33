/** MDM T01 to T11: documents; message map MDM_T02 of the guide, read alike for the others. */
import type { Attachment, DocumentReference, Reference } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import type { Identity } from '../../../../src/records.ts'
import { orderOf, provisional } from '../../identity.ts'
import { documentName } from '../../identity-orders.ts'
import type { Segment } from '../../message.ts'
import { attachmentsOf, isDocument, mimeOf, textAttachment } from '../attachment.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { documentOf } from '../segments/document.ts'
import { textOf } from '../segments/note.ts'
import { type Node, type Structure, tree } from '../tree.ts'
import { type OrderGroup, patientGroups } from './groups.ts'
import type { MessageMap } from './map.ts'
import type { Subject } from './people.ts'
import { addPerson, personSegments } from './person.ts'
import { addRequest } from './requests.ts'

const structures = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(n => `MDM_T${String(n).padStart(2, '0')}`).join(' ')

export const documentMaps: readonly MessageMap[] = [
  {
    type: 'MDM',
    events: structures.replaceAll('MDM_', ''),
    structures,
    segments: `${personSegments} ORC TQ1 OBR NTE TXA OBX`,
    translate: mdm,
  },
]

/** Comments of a document hang on its OBX; an OBX that comes too early is content as well. */
const structure: Structure = { PID: '', TXA: 'PID', OBX: 'TXA PID', NTE: 'OBX TXA PID' }

/** Events that bring the document itself, and those that only tell of it. */
const withContent = new Set(['T02', 'T04', 'T06', 'T08', 'T10'])

/**
 * Translates one MDM. Throws Refusal: E_SEGMENT_MISSING at PID or TXA; E_TWO_PATIENTS; E_FIELD_TYPE at OBX-5 where the event
 * promises a document and none of its OBX can be read; E_FIELD_MISSING at TXA-2 where nothing says what document it is;
 * E_NO_PATIENT.
 */
export function mdm(event: string, draft: Draft): void {
  const { segments } = draft.message
  const [patient, other] = tree(segments, structure, ({ name }) => name !== 'NTE' && refuse('E_SEGMENT_MISSING', 'PID'))
  if (!patient) refuse('E_SEGMENT_MISSING', 'PID')
  if (other) refuse('E_TWO_PATIENTS', other.segment.at(1))
  const documents = patient.all('TXA')
  if (documents.length === 0) refuse('E_SEGMENT_MISSING', 'TXA')
  const [group] = patientGroups(segments.slice(0, segments.indexOf(documents[0]!.segment)).filter(isHead), draft)
  const { subject, encounter } = addPerson(group!, event, draft)
  const related = group!.orders.flatMap(order => requestOf(order, subject, encounter, draft))
  documents.forEach((txa, i) => {
    const early = i === 0 ? patient.all('OBX') : []
    addDocument([...early, ...txa.all('OBX')], txa.segment, { event, subject, encounter, related }, draft)
  })
}

function isHead({ name }: Segment): boolean {
  return name !== 'OBX'
}

/** The order that the document answers; one that does not say what was ordered is left out. */
function requestOf(
  group: OrderGroup,
  subject: Subject,
  encounter: Reference | undefined,
  draft: Draft,
): readonly Reference[] {
  const { obr, orc } = group
  if (!clean(obr.value(4)) && !clean(obr.value(4, 2))) draft.note('E_PRUNED', obr.at(4))
  if (!clean(obr.value(4)) && !clean(obr.value(4, 2))) return []
  const order = orderOf(obr, orc, subject.name, draft)
  const about = { subject: { ...subject.reference }, ...(encounter && { encounter: { ...encounter } }) }
  return [addRequest(group, order, { about, subject, verb: 'ensure' }, draft)]
}

type Setting = Readonly<{
  event: string
  subject: Subject
  encounter: Reference | undefined
  related: readonly Reference[]
}>

/**
 * Adds the document of a TXA. `replace` where its content comes along or it is taken back; else `ensure`, because a notice
 * without content would wipe the content that came before.
 */
function addDocument(contents: readonly Node[], txa: Segment, setting: Setting, draft: Draft): void {
  const { event, subject, encounter, related } = setting
  const attachments = attachmentsIn(contents, draft)
  if (attachments.length === 0 && contents.length > 0 && withContent.has(event))
    refuse('E_FIELD_TYPE', contents[0]!.segment.at(5))
  const name = documentName(txa, 12, subject.name, draft) ?? provisional(draft, txa.at(12), subject.name, 'document')
  const found = documentOf(txa, event, draft)
  const told = attachments.length > 0 ? attachments : [titleOf(txa, found.type?.text)]
  const resource: DocumentReference = {
    ...found,
    id: draft.newId('DocumentReference'),
    subject: { ...subject.reference },
    content: told.map(attachment => ({ attachment })),
  }
  const relation = relationOf(txa, event, name, subject, draft)
  if (relation) resource.relatesTo = [relation]
  if (encounter) resource.context = { encounter: [{ ...encounter }] }
  if (related.length > 0) resource.context = { ...resource.context, related: related.map(one => ({ ...one })) }
  const gone = resource.status !== 'current'
  const verb = attachments.length > 0 || gone ? 'replace' : 'ensure'
  if (verb === 'ensure' && ['T03', 'T07'].includes(event)) draft.note('E_PRUNED', txa.at(17))
  draft.add({ verb, resource, identity: [name], subject: subject.name })
}

/** FHIR wants an attachment: of a document that only is told of, its name. */
function titleOf(txa: Segment, type: string | undefined): Attachment {
  const title = clean(txa.value(25)) ?? clean(txa.value(16)) ?? type ?? clean(txa.value(2, 2)) ?? clean(txa.value(2))
  const presentation = clean(txa.value(3))
  if (!title) refuse('E_FIELD_MISSING', txa.at(2))
  return { ...(presentation && { contentType: mimeOf(presentation) }), title }
}

type Relation = NonNullable<DocumentReference['relatesTo']>[number]

/** TXA-13: the document that this one adds to (T05, T06) or takes the place of (T09, T10). */
function relationOf(txa: Segment, event: string, own: Identity, subject: Subject, draft: Draft): Relation | undefined {
  const parent = documentName(txa, 13, subject.name, draft)
  const code = relations[event]
  if (!parent || parent.value === own.value) return undefined
  if (!code) draft.note('E_PRUNED', txa.at(13))
  if (!code) return undefined
  const target = draft.mention(
    [parent],
    'DocumentReference',
    id => ({
      resourceType: 'DocumentReference',
      id,
      status: code === 'replaces' ? 'superseded' : 'current',
      subject: { ...subject.reference },
      content: [{ attachment: { title: clean(txa.value(13))! } }],
    }),
    subject.name,
  )
  return { code, target }
}

const relations: Readonly<Record<string, Relation['code']>> = {
  T05: 'appends',
  T06: 'appends',
  T09: 'replaces',
  T10: 'replaces',
}

// ---------------------------------------------------------------- content

/** ED and RP as they are; texts of one OBX-3 are the lines of one text. An OBX that was taken back (OBX-11) is left out. */
function attachmentsIn(contents: readonly Node[], draft: Draft): readonly Attachment[] {
  const texts = new Map<string, { title: string | undefined; lines: string[] }>()
  const attachments: Attachment[] = []
  for (const node of contents) {
    const obx = node.segment
    const title = clean(obx.value(3, 2)) ?? clean(obx.value(3))
    const dead = ['D', 'W', 'X'].includes(clean(obx.value(11)) ?? '')
    if (dead) draft.note('E_PRUNED', obx.at(11))
    if (dead) continue
    if (isDocument(obx))
      attachments.push(...attachmentsOf(obx, draft).map(one => ({ ...one, ...(title && { title }) })))
    const key = clean(obx.field(3)[0]?.text()) ?? ''
    const text = texts.get(key) ?? { title, lines: [] }
    text.lines.push(...linesOf(obx), ...node.all('NTE').flatMap(nte => textOf(nte.segment) ?? []))
    texts.set(key, text)
  }
  const written = [...texts.values()].filter(({ lines }) => lines.some(line => line.trim()))
  return [
    ...written.map(({ title, lines }) => ({ ...textAttachment(lines.join('\n')), ...(title && { title }) })),
    ...attachments,
  ]
}

const plain = new Set(['', 'TX', 'FT', 'ST'])

/** The lines of an OBX: a text as it stands, anything else the parts that have something. */
function linesOf(obx: Segment): readonly string[] {
  if (isDocument(obx)) return []
  if (plain.has(clean(obx.value(2)) ?? '')) return obx.field(5).map(field => field.text() ?? '')
  return obx.field(5).map(field => clean(field.value(2)) ?? clean(field.value()) ?? '')
}
