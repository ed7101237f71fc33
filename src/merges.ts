/**
 * Who was merged into whom: what the box remembers of it (DESIGN §7, Merges). Readers find the survivor by the link in the
 * prior Patient, so every later version of that one must carry it, until the merge is undone.
 */
import { refuse } from './errors.ts'
import type { Taken } from './ports.ts'
import type { Change, Name } from './records.ts'

/** A Patient's id as the box remembers it (live and test apart), and whom that one was merged into; null: into nobody. */
export type Known = Readonly<{ idOf: (name: Name) => string; target: (id: string) => string | null }>

/**
 * The changes as they go out: a person who was merged into another stays so, whatever is said of the old number later,
 * unless the message undoes that merge (Change.unlinks); then the person is said anew, under both keys.
 */
export function withLinks(changes: readonly Change[], known: Known): readonly Change[] {
  return changes.flatMap(change => {
    const { resource, verb, identity, unlinks } = change
    const [name] = identity
    if (resource.resourceType !== 'Patient' || resource.link || !name) return [change]
    const target = known.target(known.idOf(name))
    if (target === null) return [change]
    const undone = unlinks?.find(other => known.idOf(other) === target)
    if (undone) return [{ ...change, verb: 'replace', resource: { ...resource, active: true }, alsoFor: [undone] }]
    return verb === 'replace' ? stillLinked({ ...change, resource }, target) : [change]
  })
}

function stillLinked(change: Change & { resource: { resourceType: 'Patient' } }, target: string): readonly Change[] {
  const { resource } = change
  const survivor = { pseudonym: target.replace(/^test:/, '') }
  const local = `${resource.id}-survivor`
  const ensure: Change = {
    verb: 'ensure',
    resource: { resourceType: 'Patient', id: local },
    identity: [survivor],
    subject: survivor,
  }
  const link = [{ other: { reference: `Patient/${local}` }, type: 'replaced-by' as const }]
  return [ensure, { ...change, resource: { ...resource, active: false, link }, alsoFor: [survivor] }]
}

/**
 * The merges of a message, and those that it undoes (`to` null). `to` is null as well where something else than a merge goes
 * out under a second key. Throws Refusal E_MERGE_CYCLE (held) for one that would lead back to where it began.
 */
export function linksOf(changes: readonly Change[], before: Known): Taken['links'] {
  const here = new Map<string, string>()
  const known: Known = { idOf: before.idOf, target: id => here.get(id) ?? before.target(id) }
  return changes.flatMap<Taken['links'][number]>(({ resource, identity, subject, alsoFor, unlinks }) => {
    const [survivor] = alsoFor ?? []
    const about = resource.resourceType === 'Patient' ? identity[0] : survivor && subject
    if (!about) return []
    const from = known.idOf(about)
    if (unlinks?.some(other => known.idOf(other) === known.target(from))) return [{ from, to: null }]
    if (!survivor) return []
    if (resource.resourceType !== 'Patient') return known.target(from) === null ? [{ from, to: null }] : []
    const to = known.idOf(survivor)
    if (leads(to, from, known)) refuse('E_MERGE_CYCLE', 'MRG-1')
    here.set(from, to)
    return [{ from, to }]
  })
}

function leads(from: string, to: string, known: Known): boolean {
  const passed = new Set<string>()
  for (let at: string | null = from; at && !passed.has(at); at = known.target(at)) {
    if (at === to) return true
    passed.add(at)
  }
  return false
}
