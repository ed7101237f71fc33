/**
 * MFN M02, staff: MFI {MFE STF [PRA] [ORG] [LAN]} → Practitioner and PractitionerRole; MFN M05, places: MFI {MFE LOC [LCH]
 * {LDP [LCH]}} → Location. The guide has no map of them.
 */
import type { Location, Practitioner, PractitionerRole } from 'fhir/r4.js'
import { refuse } from '../../../../src/errors.ts'
import type { Change, Identity } from '../../../../src/records.ts'
import { authorityOf, cellOf, partOf, senderOf } from '../../identity.ts'
import { staffRoleName } from '../../identity-care.ts'
import type { Segment } from '../../message.ts'
import { clean } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { Cell } from '../engine.ts'
import { pl } from '../references.ts'
import { placeOf, practitionerOf, rolesOf, type Staff } from '../segments/master-file.ts'
import { type Node, type Structure, tree } from '../tree.ts'
import type { MessageMap } from './map.ts'

export const masterFileMaps: readonly MessageMap[] = [
  { type: 'MFN', events: 'M02', structures: 'MFN_M02', segments: 'MFI MFE STF PRA ORG LAN', translate: staff },
  { type: 'MFN', events: 'M05', structures: 'MFN_M05', segments: 'MFI MFE LOC LDP LCH', translate: places },
]

const structure: Structure = {
  MFE: '',
  STF: 'MFE',
  PRA: 'STF',
  ORG: 'STF',
  LAN: 'STF',
  LOC: 'MFE',
  LDP: 'LOC',
  LCH: 'LDP LOC',
}

/** What MFE-1 makes of an entry (HL7 table 0180); any other code is left out, because it may mean the contrary. */
const actions: Readonly<Record<string, Readonly<{ verb: 'replace' | 'delete'; active: boolean }>>> = {
  MAD: { verb: 'replace', active: true },
  MUP: { verb: 'replace', active: true },
  MAC: { verb: 'replace', active: true },
  MDC: { verb: 'replace', active: false },
  MDL: { verb: 'delete', active: false },
}

type Action = (typeof actions)[string]

function entriesOf(draft: Draft): readonly (readonly [Node, Action])[] {
  const entries = tree(draft.message.segments, structure, segment => draft.note('E_PRUNED', segment.at(1)))
  if (entries.length === 0) refuse('E_SEGMENT_MISSING', 'MFE')
  return entries.flatMap(node => {
    const action = actions[clean(node.segment.value(1)) ?? '']
    if (!action) draft.note('E_PRUNED', node.segment.at(1))
    return action ? [[node, action] as const] : []
  })
}

/** Translates one MFN M02. Throws Refusal E_SEGMENT_MISSING at MFE or STF, E_FIELD_MISSING at MFE-4 (nobody is named). */
export function staff(_event: string, draft: Draft): void {
  for (const [entry, action] of entriesOf(draft)) addMember(entry, action, draft)
}

function addMember(entry: Node, { verb, active }: Action, draft: Draft): void {
  const mfe = entry.segment
  const stf = entry.first('STF')
  if (!stf && verb === 'replace') refuse('E_SEGMENT_MISSING', 'STF')
  const identity = memberNames(stf?.segment, mfe, draft)
  const id = draft.newId('Practitioner')
  if (!stf) {
    draft.add({ verb, resource: { resourceType: 'Practitioner', id }, identity, subject: null })
    return
  }
  const of = (name: string) => stf.all(name).map(({ segment }) => segment)
  const member: Staff = { stf: stf.segment, pra: of('PRA')[0], orgs: of('ORG'), languages: of('LAN') }
  const resource: Practitioner = { ...practitionerOf(member, active, draft), id }
  const practitioner = draft.add({ verb, resource, identity, subject: null })
  const roles = rolesOf(member, practitioner, active, draft)
  for (const [i, role] of roles.entries()) addRole(role, roleKey(member, i), identity[0], verb, draft)
}

function addRole(
  role: Omit<PractitionerRole, 'id'>,
  key: string,
  practitioner: Identity,
  verb: Change['verb'],
  draft: Draft,
): void {
  const resource: PractitionerRole = { ...role, id: draft.newId('PractitionerRole') }
  const identity = [staffRoleName(practitioner, key, draft)]
  draft.add({ verb, resource, identity, subject: null })
}

/** Where the role is held: ORG-2 and ORG-1, else the department of STF-8. */
function roleKey({ stf, orgs }: Staff, i: number): string {
  const org = orgs[i]
  if (!org) return partOf(stf, 8)
  const before = orgs.slice(0, i).filter(other => partOf(other, 2) === partOf(org, 2)).length
  return before === 0 ? partOf(org, 2) : `${partOf(org, 2)}|${before + 1}`
}

/** As XCN names the same person: a number under its authority. */
function memberNames(stf: Segment | undefined, mfe: Segment, draft: Draft): readonly [Identity, ...Identity[]] {
  const listed = (stf?.field(2) ?? []).flatMap((field, i) => {
    const cell = new Cell(stf!, 2, i + 1, field)
    const value = clean(cell.value())
    return value ? [{ system: authorityOf(cell.part(4), draft.profile).system, value }] : []
  })
  const key = clean(stf?.value(1)) ?? clean(mfe.value(4))
  const own = key ? [{ system: senderOf(draft.profile), value: key }] : []
  const [first = refuse('E_FIELD_MISSING', mfe.at(4)), ...more] = [...listed, ...own]
  return [first, ...more.filter(({ system, value }) => system !== first.system || value !== first.value)]
}

// ---------------------------------------------------------------- places

/** Translates one MFN M05. Throws Refusal E_SEGMENT_MISSING at MFE, E_FIELD_MISSING at MFE-4 or LOC-1 (no place is named). */
export function places(_event: string, draft: Draft): void {
  for (const [entry, action] of entriesOf(draft)) addPlace(entry, action, draft)
}

/** The path of LOC-1 (else MFE-4) names the place and those around it; what the entry tells is of the narrowest. */
function addPlace(entry: Node, { verb, active }: Action, draft: Draft): void {
  const loc = entry.first('LOC')
  const [segment, n] = loc ? [loc.segment, 1] : [entry.segment, 4]
  const reference = segment.has(n) ? pl(cellOf(segment, n), draft, {}) : undefined
  const at = draft.changes.findIndex(({ resource }) => `Location/${resource.id}` === reference?.reference)
  const change = draft.changes[at] ?? refuse('E_FIELD_MISSING', segment.at(n))
  const of = (node: Node | undefined, name: string) => node?.all(name) ?? []
  const departments = of(loc, 'LDP')
  const characteristics = [...of(loc, 'LCH'), ...departments.flatMap(ldp => of(ldp, 'LCH'))]
  const told = loc && {
    loc: loc.segment,
    departments: departments.map(({ segment }) => segment),
    characteristics: characteristics.map(({ segment }) => segment),
  }
  const resource = { ...(change.resource as Location), ...(told && placeOf(told, active, draft)) }
  if (!told && verb === 'replace') resource.status = active ? 'active' : 'inactive'
  draft.changes[at] = { ...change, verb, resource }
}
