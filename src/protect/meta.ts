/** `meta` as the gateway writes it: security labels, and profiles that everybody knows (SEALING S2). */
import { refuse } from '../errors.ts'
import { clearCoding } from './acts/concept.ts'
import { isObject, type Json, type JsonObject, type Sealing } from './acts/slot.ts'
import { ACT_REASON, OBSERVATION_VALUE } from './format.ts'

/** HL7's vital-signs profiles; other profile names may name a sender, and are dropped. */
const profiles = new Set<Json>(
  'vitalsigns bp heartrate resprate bodytemp oxygensat bodyweight bodyheight headcircum bmi vitalspanel'
    .split(' ')
    .map(name => `http://hl7.org/fhir/StructureDefinition/${name}`),
)

/** Labels under which the clinical body is sealed too: restricted, very restricted, 42 CFR Part 2 and the like. */
const restricting = new Set<Json>(['R', 'V', 'PSY', 'HIV', 'ETH', 'SUD', 'SDV'])

/** By the resource's own labels, or by those that a DocumentReference says its document has. */
export function isRestricted(resource: JsonObject): boolean {
  return [...labelsOf(resource), ...documentLabels(resource)].some(label => restricting.has(label.code))
}

/** What happened to the resource. */
export type Fate = Readonly<{ masked: boolean; abstracted: boolean; test: boolean }>

/**
 * Inbound labels first, then ours; everything else of the sender's `meta` is dropped.
 * Throws Refusal E_PRIVACY_NO_RULE for a label of a local system: it can neither stay readable nor be missed.
 */
export function metaOf(resource: JsonObject, sealing: Sealing, { masked, abstracted, test }: Fate): JsonObject {
  const ours = [
    label(OBSERVATION_VALUE, 'PSEUDED'),
    ...(masked ? [label(OBSERVATION_VALUE, 'MASKED')] : []),
    ...(abstracted ? [label(OBSERVATION_VALUE, 'ABSTRED')] : []),
    ...(test ? [label(ACT_REASON, 'HTEST')] : []),
  ]
  const inbound = labelsOf(resource).map(one => {
    return clearCoding(one, sealing) ?? refuse('E_PRIVACY_NO_RULE', `${sealing.type}.meta.security`)
  })
  const added = ours.filter(one => !inbound.some(known => known.system === one.system && known.code === one.code))
  const profile = profilesOf(resource)
  return { ...(profile.length === 0 ? {} : { profile }), security: [...inbound, ...added] }
}

function label(system: string, code: string): JsonObject {
  return { system, code }
}

function labelsOf({ meta }: JsonObject): JsonObject[] {
  return isObject(meta) && Array.isArray(meta.security) ? meta.security.filter(isObject) : []
}

function documentLabels({ securityLabel }: JsonObject): JsonObject[] {
  const labels: readonly Json[] = Array.isArray(securityLabel) ? securityLabel : []
  const codings = labels.flatMap(label => (isObject(label) && Array.isArray(label.coding) ? label.coding : []))
  return codings.filter(isObject)
}

function profilesOf({ meta }: JsonObject): Json[] {
  return isObject(meta) && Array.isArray(meta.profile) ? meta.profile.filter(one => profiles.has(one)) : []
}
