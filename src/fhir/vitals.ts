/**
 * The vital signs profiles of R4 (StructureDefinitions vitalsigns, heartrate, resprate, bodytemp, oxygensat, bodyweight,
 * bodyheight, headcircum, bmi, bp, vitalspanel). They bind every Observation with their LOINC code, whether it names the
 * profile or not (R4, Vital Signs Profile: "SHALL conform"), and those that name one in `meta.profile`.
 */
import { precisionOf } from './dates.ts'
import { isObject, type JsonObject, type JsonValue, numberOf } from './json.ts'
import { has, hasValue, objectOf, objectsOf } from './members.ts'

const base = 'http://hl7.org/fhir/StructureDefinition/'
const loinc = 'http://loinc.org'
const ucum = 'http://unitsofmeasure.org'
const categories = 'http://terminology.hl7.org/CodeSystem/observation-category'

type Profile = Readonly<{
  code: string
  /** UCUM codes that its value may have; none = it has no value of its own. */
  units: readonly string[]
  valueRequired?: true
  /** Components that must be there once each, in this unit. */
  components?: readonly string[]
  members?: true
}>

const profiles: Readonly<Record<string, Profile>> = {
  heartrate: { code: '8867-4', units: ['/min'] },
  resprate: { code: '9279-1', units: ['/min'] },
  bodytemp: { code: '8310-5', units: ['Cel', '[degF]'] },
  oxygensat: { code: '2708-6', units: ['%'] },
  bodyweight: { code: '29463-7', units: ['kg', '[lb_av]', 'g'] },
  bodyheight: { code: '8302-2', units: ['cm', '[in_i]'] },
  headcircum: { code: '9843-4', units: ['cm', '[in_i]'] },
  bmi: { code: '39156-5', units: ['kg/m2'], valueRequired: true },
  bp: { code: '85354-9', units: [], components: ['8480-6', '8462-4'] },
  vitalspanel: { code: '85353-1', units: [], members: true },
}

/**
 * More LOINC codes by which HL7's validator takes an Observation for a vital sign: it must then carry the profile's own
 * code as well. So oxygen saturation by pulse oximetry is sent with both codes, and systolic pressure only as a component.
 */
const claimed: Readonly<Record<string, string>> = {
  heartrate:
    '11328-2 40443-4 55425-3 60978-4 68999-2 69000-8 73795-7 73799-9 76476-1 76477-9 8886-4 8889-8 8890-6 8891-4 8892-2 8893-0',
  resprate: '11291-2 19840-8 33438-3 76170-0 76171-8 76172-6 76270-8',
  bodytemp:
    '60834-9 60835-6 60836-4 60838-0 60955-2 61009-7 75539-7 75987-8 76010-8 76011-6 76278-1 8309-7 8328-7 8329-5 8330-3 8331-1 8332-9 8333-7 8334-5 91371-5 98657-0 98663-8',
  oxygensat: '19224-5 20564-1 2709-4 2710-2 2713-6 51733-4 59408-5 59417-6 89276-0 97549-0',
  bodyweight: '3141-9 3142-7 75292-3 79348-9 8350-1 8351-9',
  bodyheight: '3137-7 3138-5 8306-3 8308-9',
  headcircum: '8287-5',
  bmi: '89270-3',
  bp: '35094-2 55284-4 76534-7 8459-0 8480-6',
}

const byCode: ReadonlyMap<string, string> = new Map([
  ...Object.entries(profiles).map(([name, profile]) => [profile.code, name] as const),
  ...Object.entries(claimed).flatMap(([name, codes]) => codes.split(' ').map(code => [code, name] as const)),
])

/** Units of components of any vital sign (ValueSet ucum-vitals-common, required). */
const commonUnits = ['%', 'cm', '[in_i]', 'kg', 'g', '[lb_av]', 'Cel', '[degF]', 'mm[Hg]', '/min', 'kg/m2', 'm2']

/** The invariant of Observation: the member that breaks a vital signs profile, or null. */
export function vitalSign(observation: JsonObject): string | null {
  const codes = loincCodes(observation)
  const named = namedProfiles(observation)
  const names = new Set([...named, ...codes.flatMap(code => byCode.get(code) ?? [])])
  if (names.size === 0) return null
  let wrong = commonRules(observation)
  for (const name of names)
    if (Object.hasOwn(profiles, name)) wrong ??= profileRules(observation, profiles[name]!, codes)
  return wrong
}

function namedProfiles(observation: JsonObject): string[] {
  const profile = objectOf(observation.meta).profile
  const urls = Array.isArray(profile) ? profile.map(url => String(url).split('|')[0]!) : []
  const names = urls.filter(url => url.startsWith(base)).map(url => url.slice(base.length))
  return names.filter(name => name === 'vitalsigns' || Object.hasOwn(profiles, name))
}

/** Profile vitalsigns: category, subject, effective (vs-1), a value or a reason (vs-2, vs-3), common units. */
function commonRules(observation: JsonObject): string | null {
  const inCategory = objectsOf(observation.category).filter(category =>
    objectsOf(category.coding).some(coding => coding.system === categories && coding.code === 'vital-signs'),
  )
  if (inCategory.length !== 1) return 'category'
  if (!isOfPatient(observation.subject)) return 'subject'
  if (!isTimed(observation)) return 'effectiveDateTime'
  const alone = !has(observation, 'component') && !has(observation, 'hasMember')
  if (alone && !hasValue(observation) && !has(observation, 'dataAbsentReason')) return 'dataAbsentReason'
  const components = objectsOf(observation.component)
  const wrong = components.findIndex(c => !hasValue(c) && !has(c, 'dataAbsentReason'))
  if (wrong >= 0) return `component[${wrong}].dataAbsentReason`
  const foreign = components.findIndex(c => has(c, 'valueQuantity') && !hasUnit(c, commonUnits))
  return foreign < 0 ? null : `component[${foreign}].valueQuantity.code`
}

function profileRules(observation: JsonObject, profile: Profile, codes: readonly string[]): string | null {
  if (codes.filter(code => code === profile.code).length !== 1) return 'code.coding'
  if (profile.valueRequired && !has(observation, 'valueQuantity')) return 'valueQuantity'
  if (profile.members) return hasValue(observation) ? 'value' : has(observation, 'hasMember') ? null : 'hasMember'
  if (profile.components) return componentRules(observation, profile.components)
  return measured(observation, profile.units, '')
}

function componentRules(observation: JsonObject, wanted: readonly string[]): string | null {
  if (has(observation, 'valueQuantity')) return 'valueQuantity'
  const components = objectsOf(observation.component)
  for (const code of wanted) {
    const index = components.findIndex(component => loincCodes(component).includes(code))
    const again = components.findLastIndex(component => loincCodes(component).includes(code))
    if (index < 0 || index !== again) return 'component'
    const wrong = measured(components[index]!, ['mm[Hg]'], `component[${index}].`)
    if (wrong) return wrong
  }
  return null
}

/** A value, where there is one, is a Quantity with number, unit, UCUM and one of these codes. */
function measured(object: JsonObject, units: readonly string[], prefix: string): string | null {
  if (!has(object, 'valueQuantity')) return hasValue(object) ? `${prefix}value` : null
  const quantity = objectOf(object.valueQuantity)
  if (Number.isNaN(numberOf(quantity.value))) return `${prefix}valueQuantity.value`
  if (!has(quantity, 'unit')) return `${prefix}valueQuantity.unit`
  if (quantity.system !== ucum) return `${prefix}valueQuantity.system`
  return hasUnit(object, units) ? null : `${prefix}valueQuantity.code`
}

function hasUnit(object: JsonObject, units: readonly string[]): boolean {
  return units.includes(String(objectOf(object.valueQuantity).code))
}

function loincCodes(object: JsonObject): string[] {
  return objectsOf(objectOf(object.code).coding).flatMap(coding =>
    coding.system === loinc ? [String(coding.code)] : [],
  )
}

/** Reference(Patient): relative ones name the type; others may. */
function isOfPatient(subject: JsonValue | undefined): boolean {
  if (!isObject(subject)) return false
  const type = /^([A-Z][A-Za-z]+)\//.exec(String(subject.reference))?.[1] ?? subject.type
  return type === undefined || type === 'Patient'
}

/** vs-1: a dateTime of which at least the day is known. The profile allows a Period, but its rule fails on every one. */
function isTimed(observation: JsonObject): boolean {
  const time = observation.effectiveDateTime
  if (typeof time !== 'string') return false
  const precision = precisionOf(time)
  return precision === 'day' || precision === 'time'
}
