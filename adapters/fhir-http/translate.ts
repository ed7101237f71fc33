/**
 * FHIR in, FHIR out: what remains to be done is to check it, to name it, and to make its references local. A client's own
 * ids mean nothing here; identifiers do.
 */
import { refuse } from '../../src/errors.ts'
import { type JsonObject, readJson } from '../../src/fhir/json.ts'
import { objectOf, objectsOf } from '../../src/fhir/members.ts'
import type { Directory, Translator } from '../../src/ports.ts'
import type { Arrival, Change, FhirResource, Identity, Issue, Translated } from '../../src/records.ts'
import { demandForeignNames, demandPossible, demandValid } from './demands.ts'
import { type Entry, entriesOf } from './entries.ts'
import { identityOf } from './identity.ts'
import { References, type Target } from './references.ts'
import { isInScope, isTaken, takenTypes } from './release.ts'
import { isAboutOthers, ownersOf, subjectsOf } from './subject.ts'

const mapping = 'fhir/1'

export const fhirTranslator: Translator = { translate, outline }

/**
 * Throws Refusal. Never: E_UTF8, E_JSON…, E_FHIR_INVALID, E_TYPE, E_BUNDLE, E_FIELD_TYPE, E_VALUE_RANGE, E_SCOPE. Held:
 * E_NO_PATIENT, E_REFERENCE.
 */
function translate(arrival: Arrival, directory: Directory): Translated {
  const entries = entriesOf(readJson(arrival.bytes), arrival.meta)
  const outside = entries.find(entry => !isInScope(directory.clients.get(arrival.sender), entry.type))
  if (outside) refuse('E_SCOPE', outside.at)
  for (const entry of entries) {
    demandForeignNames(entry.resource, entry.at)
    demandPossible(entry.resource, entry.at)
  }
  const references = new References()
  const issues: Issue[] = []
  const targets = entries.map((entry, i) => {
    const { identity, note } = identityOf(entry, i, arrival)
    if (note) issues.push(note)
    const target: Target = { local: `${entry.type}/${entry.type.toLowerCase()}-${i + 1}`, identity }
    if (!references.add(entry.type, target, entry.called)) refuse('E_BUNDLE', entry.at)
    return target
  })
  const resolved = entries.map((entry, i) => ({ entry, target: targets[i]!, resource: resolve(entry, references) }))
  return {
    changes: inReadingOrder([...references.thin, ...changesOf(resolved, references)]),
    snapshots: [],
    issues,
    unmapped: [],
    // Without an Idempotency-Key the same bytes may be meant twice: A, B, A ends as A.
    repeatable: arrival.messageId !== null,
    mapping,
  }
}

/** An entry whose references are local to the message. */
type Resolved = Readonly<{ entry: Entry; target: Target; resource: JsonObject }>

function resolve(entry: Entry, references: References): JsonObject {
  const resource = references.resolve(entry.resource, entry.at, entry.called.base)
  // Only now is known what a urn:uuid leads to, and whether that may stand there.
  demandValid(resource, entry.at)
  return resource
}

function changesOf(resolved: readonly Resolved[], references: References): Change[] {
  const owners = new Map<string, readonly Identity[]>()
  for (const { resource } of references.thin) {
    const local = `${resource.resourceType}/${resource.id}`
    owners.set(local, references.patient(local)?.identity.slice(0, 1) ?? [])
  }
  const ordered = resolved.toSorted((a, b) => Number(isAboutOthers(a.entry.type)) - Number(isAboutOthers(b.entry.type)))
  for (const { entry, target, resource } of ordered) {
    const { type, at } = entry
    owners.set(target.local, ownersOf(type, resource, target.identity[0]!, { at, references, owners }))
  }
  return resolved.map(one => change(one, owners.get(one.target.local)!))
}

function change({ entry, target, resource }: Resolved, owners: readonly Identity[]): Change {
  const { resourceType, ...rest } = resource
  const id = target.local.slice(entry.type.length + 1)
  return {
    verb: entry.verb,
    resource: { resourceType, ...rest, id } as unknown as FhirResource,
    identity: target.identity,
    ...subjectsOf(owners),
  }
}

/** People, places and things before what refers to them. */
function inReadingOrder(changes: readonly Change[]): Change[] {
  const rank = ({ resource }: Change) => (takenTypes as readonly string[]).indexOf(resource.resourceType)
  return changes.toSorted((a, b) => rank(a) - rank(b))
}

/** `create Patient`, `transaction Patient Observation*2`; types of this release, else `?`. */
function outline({ meta, bytes }: Arrival): string {
  if (meta.interaction !== 'transaction') return `create ${isTaken(meta.type) ? meta.type : '?'}`
  const counts = new Map<string, number>()
  for (const type of typesIn(bytes)) counts.set(type, (counts.get(type) ?? 0) + 1)
  return ['transaction', ...[...counts].map(([type, count]) => (count > 1 ? `${type}*${count}` : type))].join(' ')
}

function typesIn(bytes: Uint8Array): string[] {
  try {
    const types = objectsOf(objectOf(readJson(bytes)).entry).map(entry => objectOf(entry.resource).resourceType)
    return types.map(type => (isTaken(type) ? type : '?'))
  } catch {
    return ['?']
  }
}
