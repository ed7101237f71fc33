/** HL7 v2 → FHIR R4 (docs: MAPPING.md). Pure: the same bytes, profile and mapping make the same changes. */
import { refuse } from '../../src/errors.ts'
import type { Directory, SenderProfile, Translator } from '../../src/ports.ts'
import type { Arrival, Translated } from '../../src/records.ts'
import { decode } from './charset.ts'
import { Draft } from './maps/draft.ts'
import { adt } from './maps/messages/adt.ts'
import { merge } from './maps/messages/merge.ts'
import { oru } from './maps/messages/oru.ts'
import { Message } from './message.ts'
import { isVersion, knownSegment, outlineOf } from './outline.ts'

/** A new number when the same message would make other resources than before. */
const mapping = 'hl7v2/1'

/** A message: its translation, and the segments that it reads. */
type MessageMap = Readonly<{ translate(event: string, draft: Draft): void; segments: ReadonlySet<string> }>

const visit: MessageMap = { translate: adt, segments: new Set('MSH EVN PID PV1 AL1 OBX NTE'.split(' ')) }
const merging: MessageMap = { translate: merge, segments: new Set('MSH EVN PID MRG PV1'.split(' ')) }
const results: MessageMap = { translate: oru, segments: new Set('MSH PID PV1 OBR OBX NTE'.split(' ')) }

/** A row per message type and event. */
const messages: ReadonlyMap<string, ReadonlyMap<string, MessageMap>> = new Map([
  [
    'ADT',
    new Map([
      ['A01', visit],
      ['A03', visit],
      ['A04', visit],
      ['A08', visit],
      ['A31', visit],
      ['A40', merging],
    ]),
  ],
  ['ORU', new Map([['R01', results]])],
])

/**
 * The translator of this adapter. `translate` throws Refusal: what Message.read and decode throw, E_SENDER, E_VERSION at
 * MSH-12, E_MESSAGE_TYPE at MSH-9, E_EVENT at MSH-9.2, and what the message maps throw.
 */
export const hl7v2Translator: Translator = {
  translate: (arrival, directory) => translate(arrival, profileOf(arrival.sender, directory)),
  outline: arrival => outlineOf(arrival.bytes),
}

function translate(arrival: Arrival, profile: SenderProfile): Translated {
  const { text, fallback } = decode(arrival.bytes, profile.charset)
  const message = Message.read(text)
  const event = message.event || (message.first('EVN')?.value(1) ?? '')
  const map = mapOf(message, event)
  const draft = new Draft(message, profile)
  if (fallback) draft.note('E_CHARSET_FALLBACK', 'MSH-18')
  noteHeader(message, draft)
  noteUnmapped(message, map, draft)
  map.translate(event, draft)
  const { changes, snapshots, issues, unmapped } = draft
  return { changes, snapshots, issues, unmapped, repeatable: true, mapping }
}

function profileOf(sender: string, { senders, anySender }: Directory): SenderProfile {
  const found = senders.find(profile => profile.name === sender)
  if (found) return found
  return anySender?.name === sender ? anySender : refuse('E_SENDER', 'MSH-3')
}

function mapOf(message: Message, event: string): MessageMap {
  const events = messages.get(message.type) ?? refuse('E_MESSAGE_TYPE', 'MSH-9')
  if (message.version !== '' && !isVersion(message.version)) refuse('E_VERSION', 'MSH-12')
  return events.get(event) ?? refuse('E_EVENT', 'MSH-9.2')
}

function noteHeader(message: Message, draft: Draft): void {
  const header = message.first('MSH')
  if (!header?.value(11)) draft.note('E_PROCESSING_ID_EMPTY', 'MSH-11')
  if (message.version === '') draft.note('E_VERSION_EMPTY', 'MSH-12')
}

function noteUnmapped(message: Message, map: MessageMap, draft: Draft): void {
  for (const { name } of message.segments)
    if (!map.segments.has(name)) draft.note('E_UNMAPPED_SEGMENT', knownSegment(name))
}
