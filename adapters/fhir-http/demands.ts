/** What a posted resource must be before anything is made of it. All refuse for good: the sender can mend it. */
import { Refusal, refuse } from '../../src/errors.ts'
import { check } from '../../src/fhir/check.ts'
import { type JsonObject, numberOf } from '../../src/fhir/json.ts'
import { objectOf, objectsOf } from '../../src/fhir/members.ts'
import { impossible } from '../../src/fhir/ranges.ts'
import { reservedIn } from '../../src/fhir/reserved.ts'
import type { FhirResource } from '../../src/records.ts'

const loinc = 'http://loinc.org'
const ucum = 'http://unitsofmeasure.org'

/** `at` = what the places of findings begin with instead of the resource's type. Throws Refusal E_FHIR_INVALID, E_TYPE. */
export function demandValid(resource: JsonObject, at?: string): void {
  const issues = check(resource as unknown as FhirResource)
  const [first, ...more] = at ? issues.map(issue => ({ ...issue, at: issue.at.replace(/^\w+/, at) })) : issues
  if (first) throw new Refusal([first, ...more])
}

/** No identifier of a valid resource may stand under an authority of the gateway. Throws Refusal E_FIELD_TYPE. */
export function demandForeignNames(resource: JsonObject, at: string): void {
  const place = reservedIn(resource, at)
  if (place) refuse('E_FIELD_TYPE', place)
}

/** No vital sign of a valid resource, or of one contained in it, may be impossible. Throws Refusal E_VALUE_RANGE. */
export function demandPossible(resource: JsonObject, at: string): void {
  if (resource.resourceType === 'Observation') demandPossibleValues(resource, at)
  for (const [i, inner] of objectsOf(resource.contained).entries()) demandPossible(inner, `${at}.contained[${i}]`)
}

function demandPossibleValues(observation: JsonObject, at: string): void {
  demandPossibleValue(observation, at)
  for (const [i, component] of objectsOf(observation.component).entries())
    demandPossibleValue(component, `${at}.component[${i}]`)
}

/** The value of an Observation or of a component, where it is a number of UCUM. */
function demandPossibleValue(holder: JsonObject, at: string): void {
  const { system, code, value } = objectOf(holder.valueQuantity)
  if (system !== ucum || typeof code !== 'string') return
  const amount = numberOf(value)
  const codes = objectsOf(objectOf(holder.code).coding).filter(coding => coding.system === loinc)
  if (codes.some(coding => impossible(String(coding.code), code, amount)))
    refuse('E_VALUE_RANGE', `${at}.valueQuantity.value`)
}
