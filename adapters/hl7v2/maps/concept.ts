/** Coded values: CWE, CE, CF, CNE, IS and ID as CodeableConcept or Coding (guide: CWE[CodeableConcept], CE[…], IS[…]). */
import type { CodeableConcept, Coding } from 'fhir/r4.js'
import { senderOf } from '../identity.ts'
import { type CodeMap, lookUp, v2Display } from '../tables/codes.ts'
import { publicSystem, v2System } from '../tables/systems.ts'
import { clean, cleanCode } from './datatypes.ts'
import type { Draft } from './draft.ts'
import type { Cell, DataMap } from './engine.ts'

/** Places of a triplet in CWE: code, text, system, its version, the system's OID. */
const triplets = [
  [1, 2, 3, 7, 14],
  [4, 5, 6, 8, 17],
  [10, 11, 12, 13, 20],
] as const

type Read = Readonly<{ codings: readonly Coding[]; known: boolean; local: Readonly<{ table: string; code: string }> }>

/**
 * CWE[CodeableConcept]. Every coding is kept; a local one has the sender as its system, never an HL7 table's. A value
 * with local codings only is on the work list, unless the profile's `codes` maps one of them.
 */
export const concept: DataMap<CodeableConcept> = (cell, draft, { codes }) => {
  const reads = triplets.map(places => readTriplet(cell, places, draft, codes)).filter(read => read !== null)
  if (reads.length > 0 && !reads.some(read => read.known)) {
    const { table, code } = reads[0]!.local
    draft.unmap(cell.place(), table, code)
  }
  const coding = distinct(reads.flatMap(read => read.codings))
  const text =
    clean(cell.value(9)) ?? (coding.length === 0 ? (clean(cell.value(2)) ?? clean(cell.value(5))) : undefined)
  if (coding.length === 0 && !text) return undefined
  return { ...(coding.length > 0 && { coding }), ...(text && { text }) }
}

/** CWE[Coding], CNE[Coding]: the first coding. */
export const coding: DataMap<Coding> = (cell, draft, options) => concept(cell, draft, options)?.coding?.[0]

/** ST[CodeableConcept] */
export const textConcept: DataMap<CodeableConcept> = cell => {
  const text = clean(cell.whole())
  return text ? { text } : undefined
}

function readTriplet(cell: Cell, places: (typeof triplets)[number], draft: Draft, codes?: CodeMap): Read | null {
  const [codeAt, displayAt, tableAt, versionAt, oidAt] = places
  const code = cleanCode(cell.value(codeAt))
  if (!code) return null
  const table = clean(cell.value(tableAt)) ?? ''
  const display = clean(cell.value(displayAt))
  const version = clean(cell.value(versionAt))
  const oid = clean(cell.value(oidAt)) ?? ''
  const local = { table, code }
  const ours = codes && lookUp(codes, code)
  if (ours) return { codings: [codingOf(ours.system, ours.code, ours.display)], known: true, local }
  const known = knownSystem(table, code, display) ?? knownSystem(oid, code, display)
  if (known) return { codings: [{ ...known, ...(version && { version }) }], known: true, local }
  const own = codingOf(localSystem(table, draft), code, display)
  const mapped = fromProfile(table, code, draft)
  return { codings: mapped ? [mapped, own] : [own], known: mapped !== undefined, local }
}

function knownSystem(name: string, code: string, display: string | undefined): Coding | undefined {
  const open = publicSystem(name)
  if (open) return codingOf(open, code, display)
  const v2 = v2System(name)
  const official = v2 && v2Display(v2, code)
  if (v2 && official !== undefined) return codingOf(v2, code, official)
  return /^[0-2](\.(0|[1-9]\d*)){3,}$/.test(name) && !v2 ? codingOf(`urn:oid:${name}`, code, display) : undefined
}

function localSystem(table: string, draft: Draft): string {
  const name = table.replace(/[^A-Za-z0-9._-]+/g, '-')
  return name ? `${senderOf(draft.profile)}:${name}` : senderOf(draft.profile)
}

/** The profile's map: `system|code` as sent → `system|code` of a public code system. */
function fromProfile(table: string, code: string, draft: Draft): Coding | undefined {
  const key = `${table}|${code}`
  if (!Object.hasOwn(draft.profile.codes, key)) return undefined
  const target = draft.profile.codes[key]!
  const bar = target.lastIndexOf('|')
  return codingOf(target.slice(0, bar), target.slice(bar + 1), undefined)
}

function codingOf(system: string, code: string, display: string | undefined): Coding {
  return { system, code, ...(display && { display }) }
}

function distinct(codings: readonly Coding[]): Coding[] {
  return codings.filter(
    (one, i) => codings.findIndex(other => other.system === one.system && other.code === one.code) === i,
  )
}

const languages = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' })

/**
 * CWE[CodeableConcept] of PID-15. FHIR takes BCP 47 only: ISO 639 of two or three letters, with a country perhaps, is
 * that (`ENG` is `en`); anything else is a text.
 */
export const language: DataMap<CodeableConcept> = (cell, draft) => {
  const code = cleanCode(cell.value())
  const text = clean(cell.value(9)) ?? clean(cell.value(2)) ?? code
  if (!code) return text ? { text } : undefined
  const tag = /^[A-Za-z]{2,3}(?:-[A-Za-z]{2})?$/.test(code) ? Intl.getCanonicalLocales(code)[0] : undefined
  if (tag && languages.of(tag)) return { coding: [{ system: 'urn:ietf:bcp:47', code: tag }], ...(text && { text }) }
  draft.unmap(cell.place(), clean(cell.value(3)) ?? '', code)
  return { text: text! }
}
