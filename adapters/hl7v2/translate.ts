/** HL7 v2 → FHIR R4 (docs: MAPPING.md). Pure: the same bytes, profile and mapping make the same changes. */
import { refuse } from '../../src/errors.ts'
import type { Directory, SenderProfile, Translator } from '../../src/ports.ts'
import type { Arrival, Translated } from '../../src/records.ts'
import { decode } from './charset.ts'
import { Draft } from './maps/draft.ts'
import { visitMaps } from './maps/messages/adt.ts'
import { billingMaps } from './maps/messages/billing.ts'
import { documentMaps } from './maps/messages/documents.ts'
import { immunizationMaps } from './maps/messages/immunization.ts'
import { linkMaps } from './maps/messages/links.ts'
import type { MessageMap } from './maps/messages/map.ts'
import { masterFileMaps } from './maps/messages/master-files.ts'
import { medicationMaps } from './maps/messages/medication.ts'
import { mergeMaps } from './maps/messages/merge.ts'
import { moveMaps } from './maps/messages/moves.ts'
import { orderMaps } from './maps/messages/orders.ts'
import { addOrigin, originSegments } from './maps/messages/origin.ts'
import { resultMaps } from './maps/messages/oru.ts'
import { problemMaps } from './maps/messages/problems.ts'
import { referralMaps } from './maps/messages/referrals.ts'
import { schedulingMaps } from './maps/messages/scheduling.ts'
import { Message } from './message.ts'
import { isVersion, knownSegment, outlineOf } from './outline.ts'

/** A new number when the same message would make other resources than before. */
const mapping = 'hl7v2/2'

const maps: readonly MessageMap[] = [
  ...schedulingMaps,
  ...immunizationMaps,
  ...medicationMaps,
  ...masterFileMaps,
  ...visitMaps,
  ...mergeMaps,
  ...moveMaps,
  ...linkMaps,
  ...resultMaps,
  ...orderMaps,
  ...documentMaps,
  ...referralMaps,
  ...billingMaps,
  ...problemMaps,
]

type Known = Readonly<{ map: MessageMap; segments: ReadonlySet<string> }>

const known: readonly Known[] = maps.map(map => ({
  map,
  segments: new Set(['MSH', ...`${originSegments} ${map.segments}`.split(' ')]),
}))
const types: ReadonlySet<string> = new Set(maps.map(({ type }) => type))
const byEvent = new Map(known.flatMap(one => one.map.events.split(' ').map(event => [`${one.map.type} ${event}`, one])))
const byStructure = new Map(known.flatMap(one => one.map.structures.split(' ').map(name => [name, one])))

/**
 * The translator of this adapter. `translate` throws Refusal: what Message.read and decode throw, E_SENDER, E_VERSION at
 * MSH-12, E_MESSAGE_TYPE at MSH-9, E_EVENT at MSH-9.2, and what the message maps throw.
 */
export const hl7v2Translator: Translator = {
  translate: (arrival, directory) => translate(arrival, profileOf(arrival.sender, directory)),
  outline: arrival => outlineOf(arrival.bytes),
}

function translate(arrival: Arrival, profile: SenderProfile): Translated {
  const { text, fallback, doubtful } = decode(arrival.bytes, profile.charset)
  const message = Message.read(text)
  const event = message.event || (message.first('EVN')?.value(1) ?? '')
  const { map, segments } = mapOf(message, event)
  const draft = new Draft(message, profile)
  if (fallback) draft.note('E_CHARSET_FALLBACK', 'MSH-18')
  if (doubtful) draft.note('E_CHARSET_DOUBTFUL', 'MSH-18')
  noteHeader(message, draft)
  noteUnmapped(message, segments, draft)
  map.translate(event, draft)
  addOrigin(event, draft)
  const { changes, snapshots, issues, unmapped } = draft
  return { changes, snapshots, issues, unmapped, repeatable: true, mapping }
}

function profileOf(sender: string, { senders, anySender }: Directory): SenderProfile {
  const found = senders.find(profile => profile.name === sender)
  if (found) return found
  return anySender?.name === sender ? anySender : refuse('E_SENDER', 'MSH-3')
}

/** An unknown trigger of a known structure is translated by its structure. */
function mapOf(message: Message, event: string): Known {
  if (message.version !== '' && !isVersion(message.version)) refuse('E_VERSION', 'MSH-12')
  const found = byEvent.get(`${message.type} ${event}`) ?? byStructure.get(message.structure)
  if (found?.map.type === message.type) return found
  return types.has(message.type) ? refuse('E_EVENT', 'MSH-9.2') : refuse('E_MESSAGE_TYPE', 'MSH-9')
}

function noteHeader(message: Message, draft: Draft): void {
  const header = message.first('MSH')
  if (!header?.value(11)) draft.note('E_PROCESSING_ID_EMPTY', 'MSH-11')
  if (message.version === '') draft.note('E_VERSION_EMPTY', 'MSH-12')
}

function noteUnmapped(message: Message, segments: ReadonlySet<string>, draft: Draft): void {
  for (const { name } of message.segments) if (!segments.has(name)) draft.note('E_UNMAPPED_SEGMENT', knownSegment(name))
}
