/**
 * Who said it: MSH[MessageHeader], SFT[MessageHeader], MSH[Provenance-Source] and EVN[Provenance] as one Provenance, and
 * PID[Provenance-Patient] (docs/decisions/022-provenance.md).
 */
import type { Coding, MessageHeader, Provenance, ProvenanceAgent, Reference } from 'fhir/r4.js'
import { authorityOf, cellOf, senderOf } from '../../identity.ts'
import type { Message, Segment } from '../../message.ts'
import { v2Display } from '../../tables/codes.ts'
import { concept } from '../concept.ts'
import { clean, cleanCode, dateTime, instant, text } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { Cell, type DataMap, segmentMap } from '../engine.ts'
import { hdIdentifier, hdLocation, hdOrganization } from '../parties.ts'
import { xcn, xon } from '../references.ts'

const participants = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type'

/** A party that took part, as what: `as` is its code in provenance-participant-type. */
const agentBy =
  (who: DataMap<Reference>): DataMap<ProvenanceAgent> =>
  (cell, draft, { as }) => {
    const found = who(cell, draft, {})
    if (!found) return undefined
    return { ...(as && { type: { coding: [{ system: participants, code: as }] } }), who: found }
  }

/** An HD as the address of an application: its universal id; undefined where it has none. */
const endpoint: DataMap<string> = (cell, draft) =>
  authorityOf({ value: part => cell.value(part) }, draft.profile).uri ?? undefined

/** MSH[MessageHeader] */
// biome-ignore format: a row a line
export const mshHeader = segmentMap([
  ['MSH-3', 'source.name', text],
  ['MSH-3', 'source.endpoint', endpoint, { when: 'MSH-24 NOT VALUED' }],
  ['MSH-24', 'source.endpoint', endpoint],
  ['MSH-4', 'sender', hdOrganization],
  ['MSH-22', 'responsible', xon],
])

/** MSH[MessageHeader], its destination. */
// biome-ignore format: a row a line
export const mshDestination = segmentMap([
  ['MSH-5', 'destination[0].name', text],
  ['MSH-5', 'destination[0].endpoint', endpoint, { when: 'MSH-25 NOT VALUED' }],
  ['MSH-25', 'destination[0].name', text],
  ['MSH-25', 'destination[0].endpoint', endpoint],
  ['MSH-6', 'destination[0].receiver', hdOrganization, { when: 'MSH-23 NOT VALUED' }],
  ['MSH-23', 'destination[0].receiver', hdOrganization],
])

/** SFT[MessageHeader]: the software that made the message, the first of several. */
// biome-ignore format: a row a line
export const sftHeader = segmentMap([
  ['SFT-2', 'source.version', text],
  ['SFT-3', 'source.software', text],
])

/** MSH[Provenance-Source] */
// biome-ignore format: a row a line
export const mshProvenance = segmentMap([
  ['MSH-7', 'recorded', instant],
  ['MSH-4', 'agent[]', agentBy(hdOrganization), { as: 'author', when: 'MSH-22 NOT VALUED' }],
  ['MSH-22', 'agent[]', agentBy(xon), { as: 'author' }],
])

/** EVN[Provenance] */
// biome-ignore format: a row a line
export const evnProvenance = segmentMap([
  ['EVN-2', 'recorded', instant],
  ['EVN-4', 'reason[]', concept, { codes: 'EventReason', when: 'EVN-4 NOT EQUALS "U"' }],
  ['EVN-5', 'agent[]', agentBy(xcn)],
  ['EVN-6', 'occurredDateTime', dateTime],
  ['EVN-7', 'location', hdLocation],
])

/** PID[Provenance-Patient] */
// biome-ignore format: a row a line
export const pidProvenance = segmentMap([
  ['PID-33', 'occurredDateTime', dateTime],
  ['PID-34', 'agent[]', agentBy(hdOrganization), { as: 'performer' }],
])

const events = 'http://terminology.hl7.org/CodeSystem/v2-0003'

/**
 * MSG.2 as a coding of HL7 table 0003; an event that is not in it is the sender's own. The display is the table's: validators
 * refuse the three parts of MSH-9 for one.
 */
function eventOf(event: string, { message, profile }: Draft): Coding {
  const code = cleanCode(event) ?? cleanCode(message.structure) ?? message.type
  const display = v2Display(events, code)
  return display === undefined ? { system: senderOf(profile), code } : { system: events, code, display }
}

/**
 * The header of the message. FHIR demands an endpoint of the source: without a universal id in MSH-24 and MSH-3 it is the
 * authority that the sender has here; a destination without one is left out, it is this gateway anyway.
 */
export function headerOf(id: string, event: string, draft: Draft): MessageHeader {
  const { message, profile } = draft
  const header: MessageHeader = {
    resourceType: 'MessageHeader',
    id,
    eventCoding: eventOf(event, draft),
    source: { endpoint: senderOf(profile) },
  }
  const msh = message.first('MSH')!
  mshHeader(msh, header, draft)
  const places = msh.value(25) ? [25] : [25, 5]
  if (places.some(n => msh.has(n) && endpoint(cellOf(msh, n), draft, {}))) mshDestination(msh, header, draft)
  const software = message.first('SFT')
  if (software) sftHeader(software, header, draft)
  const response = responseOf(message)
  return response ? { ...header, response } : header
}

/** HL7 table 0008 (MSA-1) in FHIR's three words; the guide names the field and gives no codes. */
const outcomes: Readonly<Record<string, NonNullable<MessageHeader['response']>['code']>> = {
  AA: 'ok',
  CA: 'ok',
  AE: 'transient-error',
  CE: 'transient-error',
  AR: 'fatal-error',
  CR: 'fatal-error',
}

/** MSA[MessageHeader]: which message this one answers; FHIR takes an id, which not every MSA-2 is. */
function responseOf(message: Message): MessageHeader['response'] | undefined {
  const msa = message.first('MSA')
  const code = outcomes[clean(msa?.value(1)) ?? '']
  const identifier = clean(msa?.value(2))
  return code && identifier && /^[A-Za-z0-9.-]{1,64}$/.test(identifier) ? { identifier, code } : undefined
}

/**
 * What the message says of where its resources come from; null where it names nobody (MSH-4, MSH-22, EVN-5) or no time
 * (EVN-2, MSH-7), which FHIR demands.
 */
export function provenanceOf(id: string, event: string, target: readonly Reference[], draft: Draft): Provenance | null {
  const { message } = draft
  const read: Partial<Provenance> = {}
  const header = message.first('MSH')!
  mshProvenance(header, read, draft)
  const evn = message.first('EVN')
  if (evn) evnProvenance(evn, read, draft)
  else if (read.recorded) read.occurredDateTime = read.recorded
  const { recorded, agent, ...more } = read
  if (!recorded || !agent) return null
  const application = hdIdentifier(header, 3, draft)
  const triple = clean([message.type, event, message.structure].filter(Boolean).join('^'))
  return {
    resourceType: 'Provenance',
    id,
    target: [...target],
    recorded,
    activity: { coding: [eventOf(event, draft)], ...(triple && { text: triple }) },
    agent,
    ...more,
    ...(application && { entity: [{ role: 'source', what: { identifier: application } }] }),
  }
}

/** PID-33 and PID-34, when and by whom the patient was last changed; null unless both are there. */
export function patientProvenanceOf(pid: Segment, id: string, target: Reference, draft: Draft): Provenance | null {
  if (!pid.has(33) || !pid.has(34)) return null
  const read: Partial<Provenance> = {}
  pidProvenance(pid, read, draft)
  const { occurredDateTime: at, agent } = read
  const recorded = at?.includes('T') ? at : sentAt(draft)
  if (!agent || !recorded) return null
  return {
    resourceType: 'Provenance',
    id,
    target: [target],
    ...(at && { occurredDateTime: at }),
    recorded,
    activity: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-DataOperation', code: 'UPDATE', display: 'revise' }],
    },
    agent,
  }
}

function sentAt(draft: Draft): string | undefined {
  const header = draft.message.first('MSH')!
  const field = header.field(7)[0]
  return field && instant(new Cell(header, 7, 1, field), draft, {})
}
