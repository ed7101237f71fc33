/** Identifiers, and what they point to: practitioners, organisations, places (guide: CX, EI, XCN, CNN, XON, PL). */
import type {
  Address,
  CodeableConcept,
  HumanName,
  Identifier,
  Location,
  Organization,
  Practitioner,
  Reference,
} from 'fhir/r4.js'
import { authorityOf, type Hd, hdAfter, locationName, organizationName } from '../identity.ts'
import { lookUp } from '../tables/codes.ts'
import { clean, cleanCode, cnnName, date, xad, xcnName } from './datatypes.ts'
import type { Draft } from './draft.ts'
import type { Cell, DataMap } from './engine.ts'

const identifierTypes = 'http://terminology.hl7.org/CodeSystem/v2-0203'

/** An identifier's system where its authority is a URI, else the authority's name as the assigner's. */
export function identifier(value: string, authority: Hd, draft: Draft): Identifier {
  const { uri, name } = authorityOf(authority, draft.profile)
  return { ...(uri && { system: uri }), value, ...(!uri && name && { assigner: { display: name } }) }
}

/** An identifier's type by HL7 table 0203, else a text. */
export function typeOf(code: string): CodeableConcept {
  const known = lookUp('IdentifierType', code)
  return known ? { coding: [{ ...known }] } : { text: code }
}

/** CX[Identifier]; `as` is the type where the field itself says it (VN, SS). */
export const cx: DataMap<Identifier> = (cell, draft, { as }) => {
  const value = clean(cell.value())
  if (!value) return undefined
  const type = as ?? cleanCode(cell.value(5))
  const start = date(cell.part(7), draft, {})
  const end = date(cell.part(8), draft, {})
  return {
    ...(type && { type: typeOf(type) }),
    ...identifier(value, cell.part(4), draft),
    ...((start || end) && { period: { ...(start && { start }), ...(end && { end }) } }),
  }
}

/** EI[Identifier]; `as` is the type (PLAC, FILL). EI.2 to EI.4 are an HD without a component of its own. */
export const ei: DataMap<Identifier> = (cell, draft, { as }) => {
  const value = clean(cell.value())
  if (!value) return undefined
  return {
    ...(as && { type: { coding: [{ system: identifierTypes, code: as }] } }),
    ...identifier(value, hdAfter(1, cell), draft),
  }
}

/** ST[Identifier]: a number without authority; `as` is the type. */
export const plainIdentifier: DataMap<Identifier> = (cell, _draft, { as }) => {
  const value = clean(cell.value())
  return value ? { ...(as && { type: typeOf(as) }), value } : undefined
}

/** DLN[Identifier]. The state that issued it (DLN.2) is a code and no system: it is the assigner. */
export const dln: DataMap<Identifier> = (cell, draft) => licence(cell, typeOf('DL'), 2, 3, draft)

/** PLN[Identifier]: a practitioner's number, its type (HL7 table 0338), its state, the date it ends. */
export const pln: DataMap<Identifier> = (cell, draft) => {
  const code = cleanCode(cell.value(2))
  const known = code && lookUp('PractitionerIDNumberType', code)
  const type = known ? { coding: [{ ...known }] } : code ? { text: code } : undefined
  return licence(cell, type, 3, 4, draft)
}

function licence(
  cell: Cell,
  type: CodeableConcept | undefined,
  issuer: number,
  expires: number,
  draft: Draft,
): Identifier | undefined {
  const value = clean(cell.value())
  if (!value) return undefined
  const end = date(cell.part(expires), draft, {})
  const by = clean(cell.value(issuer))
  return { ...(type && { type }), value, ...(end && { period: { end } }), ...(by && { assigner: { display: by } }) }
}

// ---------------------------------------------------------------- people

/**
 * XCN[Practitioner] as a reference. Who has an identifier is a Practitioner of the message; who has only a name is not
 * told apart from others of that name and stays a display.
 */
export const xcn: DataMap<Reference> = (cell, draft, options) =>
  practitioner(cell, () => xcnName(cell, draft, options), cell.part(9), cleanCode(cell.value(13)), draft)

/** NDL.1, CNN[Practitioner] as a reference; its authority is CNN.9 to CNN.11. */
export const ndl: DataMap<Reference> = (cell, draft, options) => {
  const cnn = cell.part(1)
  return practitioner(cnn, () => cnnName(cnn, draft, options), hdAfter(8, cnn), undefined, draft)
}

/** `readName` is asked once per person and message: a laboratory names the same one in every result. */
function practitioner(
  cell: Cell,
  readName: () => HumanName | undefined,
  authority: Hd,
  type: string | undefined,
  draft: Draft,
): Reference | undefined {
  const value = clean(cell.value())
  if (!value) return displayOf(readName())
  const { system } = authorityOf(authority, draft.profile)
  return draft.mention([{ system, value }], 'Practitioner', id => {
    const resource: Practitioner = { resourceType: 'Practitioner', id }
    resource.identifier = [{ ...(type && { type: typeOf(type) }), ...identifier(value, authority, draft) }]
    const name = readName()
    if (name) resource.name = [name]
    const degree = cleanCode(cell.value(7))
    if (degree) resource.qualification = [{ code: degreeOf(degree) }]
    return resource
  })
}

function degreeOf(code: string): CodeableConcept {
  const known = lookUp('DegreeLicenseCertificate', code)
  return known ? { coding: [{ ...known }] } : { text: code }
}

function displayOf(name: HumanName | undefined): Reference | undefined {
  const display = [...(name?.prefix ?? []), ...(name?.given ?? []), name?.family, ...(name?.suffix ?? [])]
  const words = display.filter(Boolean).join(' ')
  return words ? { display: words } : undefined
}

// ---------------------------------------------------------------- organisations

/** XON[Organization] as a reference. */
export const xon: DataMap<Reference> = (cell, draft) => organization(cell, undefined, draft)

/** XON[Organization] of OBX-23 as a reference, with the address in OBX-24. */
export const xonWithAddress: DataMap<Reference> = (cell, draft, options) => {
  const address = cell.sibling(24)
  return organization(cell, address && xad(address, draft, options), draft)
}

/** The organisation of an XON, with an address that stands elsewhere; undefined where neither name nor number is. */
export function organization(cell: Cell, address: Address | undefined, draft: Draft): Reference | undefined {
  const name = clean(cell.value())
  const value = clean(cell.value(10)) ?? clean(cell.value(3))
  if (!name && !value) return undefined
  const { system } = authorityOf(cell.part(6), draft.profile)
  const identity = value ? { system, value } : organizationName(name!, draft)
  const type = cleanCode(cell.value(7))
  return draft.mention([identity], 'Organization', id => {
    const resource: Organization = { resourceType: 'Organization', id }
    if (value)
      resource.identifier = [{ ...(type && { type: typeOf(type) }), ...identifier(value, cell.part(6), draft) }]
    if (name) resource.name = name
    if (address) resource.address = [address]
    return resource
  })
}

/** CWE[Organization] (OBX-15): code and text of a producer. */
export const producer: DataMap<Reference> = (cell, draft) => {
  const code = clean(cell.value())
  const name = clean(cell.value(2))
  const key = code ?? name
  if (!key) return undefined
  return draft.mention([organizationName(key, draft)], 'Organization', id => {
    const resource: Organization = { resourceType: 'Organization', id }
    if (code) resource.identifier = [{ value: code }]
    if (name) resource.name = name
    return resource
  })
}

// ---------------------------------------------------------------- places

/** PL's parts from the widest to the narrowest, with FHIR's physical type of each and its display. */
const levels = [
  [4, 'si', 'Site'],
  [7, 'bu', 'Building'],
  [8, 'lvl', 'Level'],
  [1, 'wa', 'Ward'],
  [2, 'ro', 'Room'],
  [3, 'bd', 'Bed'],
] as const

/**
 * PL[Location] as a reference to the narrowest place; each place is part of the next wider one. The description (PL.9) and
 * the identifier of the whole path (PL.10) are the narrowest's.
 */
export const pl: DataMap<Reference> = (cell, draft) => {
  const path: string[] = []
  let within: Reference | undefined
  const given = levels.filter(([n]) => clean(cell.value(n)))
  for (const [i, [n, type, display]] of given.entries()) {
    path.push(type, clean(cell.value(n))!)
    const own = i === given.length - 1 ? cell : undefined
    const names = [
      placeNumber(cell, n, draft),
      universalNumber(cell.part(n), draft),
      own && ei(own.part(10), draft, {}),
    ]
    const identifier = names.filter(one => one !== undefined)
    const description = own && clean(own.value(9))
    within = place({ type, display, identifier, description, path: [...path], partOf: within }, draft)
  }
  return within
}

/** A part of the path, under the authority of PL.11 where it has one. */
function placeNumber(cell: Cell, n: number, draft: Draft): Identifier {
  const value = clean(cell.value(n))!
  return clean(cell.value(11)) || clean(cell.value(11, 2)) ? identifier(value, cell.part(11), draft) : { value }
}

/** The universal id of an HD (`HOSP&1.2.3.4&ISO`), where it is a URI. */
function universalNumber(hd: Hd, draft: Draft): Identifier | undefined {
  if (!clean(hd.value(2))) return undefined
  const { uri } = authorityOf(hd, draft.profile)
  return uri ? { system: 'urn:ietf:rfc:3986', value: uri } : undefined
}

type Place = Readonly<{
  type: string
  display: string
  identifier: Identifier[]
  description: string | undefined
  path: readonly string[]
  partOf: Reference | undefined
}>

function place({ type, display, identifier, description, path, partOf }: Place, draft: Draft): Reference {
  const system = 'http://terminology.hl7.org/CodeSystem/location-physical-type'
  return draft.mention([locationName(path, draft)], 'Location', id => {
    const resource: Location = {
      resourceType: 'Location',
      id,
      identifier,
      name: path.at(-1)!,
      mode: 'instance',
      physicalType: { coding: [{ system, code: type, display }] },
      ...(description && { description }),
      ...(partOf && { partOf }),
    }
    return resource
  })
}
