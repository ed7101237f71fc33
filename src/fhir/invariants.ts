/**
 * The error-level invariants of R4's StructureDefinitions for the types that the gateway knows, by type name, written by
 * hand. ref-1 and the bindings are in the walk, the vital signs in vitals.ts. Two rules have no number in the standard:
 * systems are absolute URIs and have their codes (Identifier, Coding, Quantity), and our own extensions carry what SEALING S2 says.
 */
import { isCurrency } from './currencies.ts'
import { isInOrder } from './dates.ts'
import { isObject, type JsonObject, type JsonValue, numberOf } from './json.ts'
import { has, hasValue, objectOf, objectsOf } from './members.ts'
import { isAbsoluteUri } from './primitives.ts'
import { mayBeCode } from './terminology.ts'
import { vitalSign } from './vitals.ts'

/** Returns the member that breaks the rule (a path below the element, empty = the element itself), or null. */
export type Invariant = (value: JsonObject) => string | null

/** The invariant holds where `holds` does. */
const rule =
  (member: string, holds: (value: JsonObject) => boolean): Invariant =>
  value =>
    holds(value) ? null : member

const hasNumber = (object: JsonObject, member: string) => !Number.isNaN(numberOf(object[member]))
const implies = (condition: boolean, consequence: boolean) => !condition || consequence

const ucum = 'http://unitsofmeasure.org'
const masked = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason'
const ownArc = 'urn:oid:2.25.144945447775286426550389422523417143571.'
const absentReasons = [
  ...['unknown', 'asked-unknown', 'temp-unknown', 'not-asked', 'asked-declined', 'masked', 'not-applicable'],
  ...['unsupported', 'as-text', 'error', 'not-a-number', 'negative-infinity', 'positive-infinity', 'not-performed'],
  'not-permitted',
]

// ---------------------------------------------------------------- datatypes

const qty3 = rule('system', q => implies(has(q, 'code'), has(q, 'system')))
const codeOfSystem = rule('code', isCodeOfItsSystem)
const sqty1 = rule('comparator', q => !has(q, 'comparator'))
const codeForValue = rule('code', q => implies(has(q, 'value'), has(q, 'code')))
const systemIsUcum = rule('system', q => q.system === undefined || q.system === ucum)
const systemIsAbsolute = rule('system', v => typeof v.system !== 'string' || isAbsoluteUri(v.system))

const language = rule('language', v => typeof v.language !== 'string' || isLanguageTag(v.language))

const datatypes: readonly [string, readonly Invariant[]][] = [
  ['Quantity', [qty3, systemIsAbsolute, codeOfSystem]],
  ['SimpleQuantity', [qty3, systemIsAbsolute, codeOfSystem, sqty1]],
  [
    'Age',
    [qty3, codeForValue, systemIsUcum, rule('value', q => implies(hasNumber(q, 'value'), numberOf(q.value) > 0))],
  ],
  ['Count', [qty3, codeForValue, systemIsUcum, rule('code', q => q.code === undefined || q.code === '1'), cnt3]],
  ['Distance', [qty3, codeForValue, systemIsUcum, codeOfSystem]],
  ['Duration', [qty3, codeOfSystem, rule('code', q => implies(has(q, 'code'), q.system === ucum && has(q, 'value')))]], // drt-1
  ['Money', [rule('currency', m => typeof m.currency !== 'string' || isCurrency(m.currency))]],
  ['Range', [rule('high', isRangeOrdered)]], // rng-2
  ['Ratio', [rat1]],
  ['Period', [rule('end', isPeriodOrdered)]], // per-1
  ['ContactPoint', [rule('system', c => implies(has(c, 'value'), has(c, 'system')))]], // cpt-2
  ['Attachment', [rule('contentType', a => implies(has(a, 'data'), has(a, 'contentType'))), language]], // att-1
  ['Expression', [rule('', e => has(e, 'expression') || has(e, 'reference'))]], // exp-1
  ['Identifier', [systemIsAbsolute, rule('value', isUriWhereItSaysSo)]],
  ['Coding', [systemIsAbsolute, codeOfSystem]],
  ['Narrative', [rule('div', isPlainNarrative)]], // txt-1, txt-2
  ['Extension', [rule('', e => hasValue(e) !== has(e, 'extension')), ownExtension]], // ext-1
  ['DataRequirement.codeFilter', [rule('', f => has(f, 'path') !== has(f, 'searchParam'))]], // drq-1
  ['DataRequirement.dateFilter', [rule('', f => has(f, 'path') !== has(f, 'searchParam'))]], // drq-2
  [
    'Timing.repeat',
    [
      rule('durationUnit', t => implies(has(t, 'duration'), has(t, 'durationUnit'))), // tim-1
      rule('periodUnit', t => implies(has(t, 'period'), has(t, 'periodUnit'))), // tim-2
      rule('duration', t => implies(hasNumber(t, 'duration'), numberOf(t.duration) >= 0)), // tim-4
      rule('period', t => implies(hasNumber(t, 'period'), numberOf(t.period) >= 0)), // tim-5
      rule('period', t => implies(has(t, 'periodMax'), has(t, 'period'))), // tim-6
      rule('duration', t => implies(has(t, 'durationMax'), has(t, 'duration'))), // tim-7
      rule('count', t => implies(has(t, 'countMax'), has(t, 'count'))), // tim-8
      rule('offset', isOffsetFromEvent), // tim-9
      rule('timeOfDay', t => !has(t, 'timeOfDay') || !has(t, 'when')), // tim-10
    ],
  ],
  [
    'TriggerDefinition',
    [
      rule('data', t => !has(t, 'data') || !Object.keys(t).some(name => name.startsWith('timing'))), // trd-1
      rule('condition', t => implies(has(t, 'condition'), has(t, 'data'))), // trd-2
      rule('type', hasWhatTheTriggerNeeds), // trd-3
    ],
  ],
]

/** R4, Identifier.system: with urn:ietf:rfc:3986 the value is a whole URI. */
function isUriWhereItSaysSo({ system, value }: JsonObject): boolean {
  return system !== 'urn:ietf:rfc:3986' || typeof value !== 'string' || isAbsoluteUri(value)
}

function isCodeOfItsSystem({ system, code, version }: JsonObject): boolean {
  return typeof system !== 'string' || typeof code !== 'string' || version !== undefined || mayBeCode(system, code)
}

function cnt3(count: JsonObject): string | null {
  return hasNumber(count, 'value') && !Number.isInteger(numberOf(count.value)) ? 'value' : null
}

function rat1(ratio: JsonObject): string | null {
  if (has(ratio, 'numerator') !== has(ratio, 'denominator'))
    return has(ratio, 'numerator') ? 'denominator' : 'numerator'
  return has(ratio, 'numerator') || has(ratio, 'extension') ? null : 'numerator'
}

/** Quantities of different units have no order that we could check. */
function isRangeOrdered(range: JsonObject): boolean {
  const low = objectOf(range.low)
  const high = objectOf(range.high)
  if (low.system !== high.system || low.code !== high.code || low.unit !== high.unit) return true
  return !(numberOf(low.value) > numberOf(high.value))
}

function isPeriodOrdered(period: JsonObject): boolean {
  if (typeof period.start !== 'string' || typeof period.end !== 'string') return true
  return isInOrder(period.start, period.end)
}

function isOffsetFromEvent(repeat: JsonObject): boolean {
  if (!has(repeat, 'offset')) return true
  const when = Array.isArray(repeat.when) ? repeat.when : []
  return when.length > 0 && !when.some(event => ['C', 'CM', 'CD', 'CV'].includes(String(event)))
}

function hasWhatTheTriggerNeeds(trigger: JsonObject): boolean {
  const type = String(trigger.type)
  if (type === 'named-event') return has(trigger, 'name')
  if (type === 'periodic') return Object.keys(trigger).some(name => name.startsWith('timing'))
  return !type.startsWith('data-') || has(trigger, 'data')
}

/** SEALING S2: the seal and the age band are strings; the mask is a code of HL7's list. */
function ownExtension(extension: JsonObject): string | null {
  const url = String(extension.url)
  if (url.startsWith(ownArc)) return typeof extension.valueString === 'string' ? null : 'valueString'
  if (url !== masked) return null
  return absentReasons.includes(String(extension.valueCode)) ? null : 'valueCode'
}

const tags = new Set(
  'a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var'.split(
    ' ',
  ),
)

/** XHTML in one div, of elements that only show; no scripts, no events, no forms. Comments and the rest are refused. */
function isPlainNarrative(narrative: JsonObject): boolean {
  if (typeof narrative.div !== 'string') return true
  const open: string[] = []
  let shown = false
  const pieces = narrative.div.match(/<[^<>]*>|[^<>]+|[<>]/g) ?? []
  for (const piece of pieces) {
    if (piece.length === 1 && /[<>]/.test(piece)) return false
    if (!piece.startsWith('<')) {
      if (/\S/.test(piece)) shown = true
      if (open.length === 0 && /\S/.test(piece)) return false
      continue
    }
    const tag = /^<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z:]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>$/.exec(piece)
    if (!tag || !tags.has(tag[2]!) || /\son[a-z]*\s*=|javascript:/i.test(tag[3]!)) return false
    if (tag[2] === 'img') shown = true
    if (open.length === 0 && (tag[2] !== 'div' || piece !== pieces[0])) return false
    if (tag[1]) {
      if (open.pop() !== tag[2]) return false
    } else if (!tag[4]) open.push(tag[2]!)
  }
  return open.length === 0 && shown && /^<div\s[^>]*xmlns="http:\/\/www\.w3\.org\/1999\/xhtml"/.test(narrative.div)
}

// ---------------------------------------------------------------- resources

/** dom-2 to dom-5 and the id that a contained resource needs. */
function containedRules(resource: JsonObject): string | null {
  const contained = objectsOf(resource.contained)
  if (contained.length === 0) return null
  const referred = referencesIn(resource)
  const wrong = contained.findIndex(inner => {
    const meta = objectOf(inner.meta)
    const isReferred = referred.has(`#${inner.id}`) || referencesIn(inner).has('#')
    const isBare = meta.versionId === undefined && meta.lastUpdated === undefined && meta.security === undefined
    return inner.id === undefined || inner.contained !== undefined || !isBare || !isReferred
  })
  return wrong < 0 ? null : `contained[${wrong}]`
}

/** Every `reference` in a value, at any depth. */
function referencesIn(value: JsonValue | undefined, found = new Set<JsonValue>()): ReadonlySet<JsonValue> {
  if (Array.isArray(value)) for (const entry of value) referencesIn(entry, found)
  if (!isObject(value)) return found
  if (value.reference !== undefined) found.add(value.reference)
  for (const member of Object.values(value)) referencesIn(member, found)
  return found
}

/** ValueSet all-languages, which languages of people must be of: BCP 47, and no other code system beside it. */
function areLanguages(concept: JsonValue | undefined): boolean {
  return objectsOf(objectOf(concept).coding).every(
    ({ system, code }) => (system === undefined || system === 'urn:ietf:bcp:47') && isLanguageTag(String(code)),
  )
}

/** BCP 47: a language of two or three letters, then subtags. */
function isLanguageTag(code: string): boolean {
  return /^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*$/.test(code)
}

const allergyStatus = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification'

const isEnteredInError = (allergy: JsonObject) =>
  objectsOf(objectOf(allergy.verificationStatus).coding).some(
    coding => coding.system === allergyStatus && coding.code === 'entered-in-error',
  )

const conditionStatus = 'http://terminology.hl7.org/CodeSystem/condition-'
const overStatuses = ['resolved', 'remission', 'inactive']

const hasAbatement = (condition: JsonObject) => Object.keys(condition).some(name => /^_?abatement[A-Z]/.test(name))

const isOver = (condition: JsonObject) =>
  objectsOf(objectOf(condition.clinicalStatus).coding).some(
    ({ system, code }) => system === `${conditionStatus}clinical` && overStatuses.includes(String(code)),
  )

const isMistaken = (condition: JsonObject) =>
  objectsOf(objectOf(condition.verificationStatus).coding).some(
    ({ system, code }) => system === `${conditionStatus}ver-status` && code === 'entered-in-error',
  )

const isBefore = (one: JsonValue | undefined, other: JsonValue | undefined) =>
  typeof one !== 'string' || typeof other !== 'string' || isInOrder(one, other)

/** ctm-1: only a practitioner is a member on behalf of somebody; what leads out of the resource is not known. */
function ctm1(team: JsonObject): string | null {
  const others = objectsOf(team.contained).filter(inner => inner.resourceType !== 'Practitioner')
  const ids = new Set(others.map(inner => `#${inner.id}`))
  const wrong = objectsOf(team.participant).findIndex(
    one => has(one, 'onBehalfOf') && ids.has(String(objectOf(one.member).reference)),
  )
  return wrong < 0 ? null : `participant[${wrong}].onBehalfOf`
}

/** obs-7: a panel with a value of its own does not repeat its code in a component. */
function obs7(observation: JsonObject): string | null {
  if (!hasValue(observation)) return null
  const own = new Set(objectsOf(objectOf(observation.code).coding).map(codingKey))
  const wrong = objectsOf(observation.component).findIndex(component =>
    objectsOf(objectOf(component.code).coding).some(coding => own.has(codingKey(coding))),
  )
  return wrong < 0 ? null : `component[${wrong}].code`
}

function codingKey(coding: JsonObject): string {
  return JSON.stringify([coding.system, coding.version, coding.code, coding.display, coding.userSelected])
}

const resources: readonly [string, readonly Invariant[]][] = [
  [
    'AllergyIntolerance',
    [
      rule('clinicalStatus', a => isEnteredInError(a) || has(a, 'clinicalStatus')), // ait-1
      rule('clinicalStatus', a => !isEnteredInError(a) || !has(a, 'clinicalStatus')), // ait-2
    ],
  ],
  ['Observation', [rule('dataAbsentReason', o => !has(o, 'dataAbsentReason') || !hasValue(o)), obs7, vitalSign]], // obs-6
  ['Observation.referenceRange', [rule('', r => has(r, 'low') || has(r, 'high') || has(r, 'text'))]], // obs-3
  ['ServiceRequest', [rule('orderDetail', s => implies(has(s, 'orderDetail'), has(s, 'code')))]], // prr-1
  [
    'Patient.contact',
    [rule('', c => has(c, 'name') || has(c, 'telecom') || has(c, 'address') || has(c, 'organization'))], // pat-1
  ],
  ['Patient.communication', [rule('language', c => areLanguages(c.language))]],
  ['RelatedPerson.communication', [rule('language', c => areLanguages(c.language))]],
  [
    'Condition',
    [
      rule('clinicalStatus', c => !hasAbatement(c) || isOver(c)), // con-4
      rule('clinicalStatus', c => !isMistaken(c) || !has(c, 'clinicalStatus')), // con-5
    ],
  ],
  ['Condition.stage', [rule('', s => has(s, 'summary') || has(s, 'assessment'))]], // con-1
  ['Condition.evidence', [rule('', e => has(e, 'code') || has(e, 'detail'))]], // con-2
  [
    'Appointment',
    [
      rule('end', a => has(a, 'start') === has(a, 'end')), // app-2
      rule('start', a => has(a, 'start') || ['proposed', 'cancelled', 'waitlist'].includes(String(a.status))), // app-3
      // app-4; R4 writes `no-show`, which is no status, so that a `noshow` may have no reason
      rule('cancelationReason', a => implies(has(a, 'cancelationReason'), a.status === 'cancelled')),
    ],
  ],
  ['Appointment.participant', [rule('', p => has(p, 'type') || has(p, 'actor'))]], // app-1
  ['Immunization.education', [rule('', e => has(e, 'documentType') || has(e, 'reference'))]], // imm-1
  ['MedicationDispense', [rule('whenHandedOver', d => isBefore(d.whenPrepared, d.whenHandedOver))]], // mdd-1
  [
    'MedicationAdministration.dosage',
    [rule('', d => has(d, 'dose') || has(d, 'rateRatio') || has(d, 'rateQuantity'))], // mad-1
  ],
  ['CareTeam', [ctm1]],
  ['Linkage', [rule('item', l => objectsOf(l.item).length > 1)]], // lnk-1
  [
    'Practitioner',
    [rule('communication', p => !Array.isArray(p.communication) || p.communication.every(areLanguages))],
  ],
  [
    'Organization',
    [
      rule('', o => has(o, 'identifier') || has(o, 'name')), // org-1
      rule('address', o => !objectsOf(o.address).some(address => address.use === 'home')), // org-2
      rule('telecom', o => !objectsOf(o.telecom).some(contact => contact.use === 'home')), // org-3
    ],
  ],
]

const domainResources = [
  ...['Patient', 'Encounter', 'Observation', 'DiagnosticReport', 'ServiceRequest', 'AllergyIntolerance'],
  ...['Practitioner', 'Organization', 'Location', 'Device', 'OperationOutcome', 'RelatedPerson', 'Condition'],
  ...['Procedure', 'Coverage', 'Specimen', 'Appointment', 'Immunization', 'MedicationRequest', 'MedicationDispense'],
  ...['MedicationAdministration', 'DocumentReference', 'Account', 'Provenance', 'MessageHeader', 'CareTeam'],
  ...['PractitionerRole', 'EpisodeOfCare', 'ChargeItem', 'Linkage'],
]

// ---------------------------------------------------------------- Bundle

const withRequest = ['batch', 'transaction', 'history']
const withResponse = ['batch-response', 'transaction-response', 'history']

/** bdl-3, bdl-4, bdl-7: what every entry of a Bundle of this type has. */
function bundleEntries(bundle: JsonObject): string | null {
  const type = String(bundle.type)
  const seen = new Set<string>()
  const entries = objectsOf(bundle.entry)
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!
    if (has(entry, 'request') !== withRequest.includes(type)) return `entry[${i}].request`
    if (has(entry, 'response') !== withResponse.includes(type)) return `entry[${i}].response`
    if (typeof entry.fullUrl !== 'string' || type === 'history') continue
    const name = JSON.stringify([entry.fullUrl, objectOf(objectOf(entry.resource).meta).versionId])
    if (seen.has(name)) return `entry[${i}].fullUrl`
    seen.add(name)
  }
  return null
}

const firstType = (bundle: JsonObject) => objectOf(objectsOf(bundle.entry)[0]?.resource).resourceType

const bundles: readonly [string, readonly Invariant[]][] = [
  [
    'Bundle',
    [
      rule('total', b => implies(has(b, 'total'), b.type === 'searchset' || b.type === 'history')), // bdl-1
      rule('entry', b => b.type === 'searchset' || !objectsOf(b.entry).some(entry => has(entry, 'search'))), // bdl-2
      bundleEntries,
      rule('identifier', b => b.type !== 'document' || ['system', 'value'].every(m => has(objectOf(b.identifier), m))), // bdl-9
      rule('timestamp', b => b.type !== 'document' || b.timestamp !== undefined), // bdl-10
      rule('entry', b => b.type !== 'document' || firstType(b) === 'Composition'), // bdl-11
      rule('entry', b => b.type !== 'message' || firstType(b) === 'MessageHeader'), // bdl-12
    ],
  ],
  [
    'Bundle.entry',
    [
      rule('', e => has(e, 'resource') || has(e, 'request') || has(e, 'response')), // bdl-5
      rule('fullUrl', e => typeof e.fullUrl !== 'string' || !e.fullUrl.includes('/_history/')), // bdl-8
      rule('fullUrl', e => typeof e.fullUrl !== 'string' || isAbsoluteUri(e.fullUrl)),
    ],
  ],
]

/** The rules by the name of the type or backbone element. */
export const invariants: ReadonlyMap<string, readonly Invariant[]> = (() => {
  const rules = new Map<string, readonly Invariant[]>([...datatypes, ...resources, ...bundles])
  for (const type of domainResources) rules.set(type, [...(rules.get(type) ?? []), containedRules, language])
  return rules
})()
