/** Parties that segments name beside practitioners: organisations of an HD, places of an HD, roles of a practitioner. */
import type { Identifier, Organization, PractitionerRole, Reference } from 'fhir/r4.js'
import type { Identity } from '../../../src/records.ts'
import { authorityOf, cellOf, locationName, ofSender, organizationName } from '../identity.ts'
import type { Segment } from '../message.ts'
import { lookUp } from '../tables/codes.ts'
import { clean } from './datatypes.ts'
import type { Draft } from './draft.ts'
import type { DataMap } from './engine.ts'

/**
 * HD[Organization] as a reference: a facility by its namespace (HD.1) and universal id (HD.2). Its universal id is a name
 * that others know, so that it stands as `urn:ietf:rfc:3986`.
 */
export const hdOrganization: DataMap<Reference> = (cell, draft) => {
  const name = clean(cell.value())
  const { uri: known } = authorityOf({ value: part => cell.value(part) }, draft.profile)
  if (!name && !known) return undefined
  const identity: Identity = known ? { system: 'urn:ietf:rfc:3986', value: known } : organizationName(name!, draft)
  const kind = lookUp('UniversalIDType', clean(cell.value(3)) ?? '')
  return draft.mention([identity], 'Organization', id => {
    const identifiers: Identifier[] = [
      ...(name ? [{ value: name }] : []),
      ...(known
        ? [{ ...(kind && { type: { coding: [{ ...kind }] } }), system: 'urn:ietf:rfc:3986', value: known }]
        : []),
    ]
    const resource: Organization = { resourceType: 'Organization', id, identifier: identifiers }
    if (name) resource.name = name
    return resource
  })
}

/** HD[Location]: the facility where something happened (EVN-7). */
export const hdLocation: DataMap<Reference> = (cell, draft) => {
  const name = clean(cell.value())
  if (!name) return undefined
  const system = 'http://terminology.hl7.org/CodeSystem/location-physical-type'
  return draft.mention([locationName(['si', name], draft)], 'Location', id => ({
    resourceType: 'Location',
    id,
    identifier: [{ value: name }],
    name,
    mode: 'instance',
    physicalType: { coding: [{ system, code: 'si', display: 'Site' }] },
  }))
}

/** An HD in field `n` as an identifier of what it names (MSH-3, an application): universal id, else namespace. */
export function hdIdentifier(segment: Segment, n: number, draft: Draft): Identifier | undefined {
  if (!segment.has(n)) return undefined
  const cell = cellOf(segment, n)
  const { uri, name } = authorityOf({ value: part => cell.value(part) }, draft.profile)
  if (uri) return { system: 'urn:ietf:rfc:3986', value: uri }
  return name ? { value: name } : undefined
}

/** A role of a practitioner, nobody's resource: whoever has it, has it for all patients. */
export function mentionRole(
  role: Omit<PractitionerRole, 'resourceType' | 'id'>,
  parts: readonly string[],
  draft: Draft,
): Reference {
  return draft.mention([ofSender(draft, 'role', ...parts)], 'PractitionerRole', id => ({
    resourceType: 'PractitionerRole',
    id,
    ...role,
  }))
}
