/** Measurement → Observation: the R4 vital signs profiles by construction, whatever format it came in. */
import type { CodeableConcept, Coding, Quantity as FhirQuantity, Observation, ObservationComponent } from 'fhir/r4.js'
import type { Ms } from '../../src/records.ts'
import type { Measurement, Reading } from './measurement.ts'
import type { Quantity, Vital } from './vitals.ts'

const loinc = 'http://loinc.org'
const ucum = 'http://unitsofmeasure.org'
const categories = 'http://terminology.hl7.org/CodeSystem/observation-category'
const statistics = 'http://terminology.hl7.org/CodeSystem/observation-statistics'

/**
 * The Observation of a measurement, local id `observation`, about `Patient/patient` by `Device/device`.
 * `receivedAt` stands as its time where the device gave none.
 */
export function observationOf(measurement: Measurement, receivedAt: Ms): Observation {
  const { vital, readings, statistic, beyond } = measurement
  return {
    ...beyond,
    resourceType: 'Observation',
    id: 'observation',
    status: beyond.status ?? 'final',
    category: categoryOf(vital, beyond.category),
    code: conceptOf(vital, beyond.code),
    subject: { reference: 'Patient/patient' },
    ...effective(measurement, receivedAt),
    ...(statistic ? { method: { coding: [{ system: statistics, code: statistic }] } } : {}),
    device: { reference: 'Device/device' },
    ...(vital.components.length === 0
      ? quantityOf(readings[0]!)
      : { component: componentsOf(readings, beyond.component) }),
  }
}

/**
 * A vital sign has a point in time: for an interval it is its end, when the value was known (R4 vital signs, vs-1, which
 * no Period fulfils). Other measurements keep their Period.
 */
function effective({ vital, when }: Measurement, receivedAt: Ms): Partial<Observation> {
  if (!when) return { effectiveDateTime: new Date(receivedAt).toISOString() }
  if (vital.profiled || when.startText === when.text) return { effectiveDateTime: when.text }
  return { effectivePeriod: { start: when.startText, end: when.text } }
}

function categoryOf({ category }: Vital, given: readonly CodeableConcept[] | undefined): CodeableConcept[] {
  const own = { coding: [{ system: categories, code: category }] }
  if (!Array.isArray(given)) return [own]
  const isThere = given.some(concept =>
    hasCoding(concept, coding => coding.system === categories && coding.code === category),
  )
  return isThere ? [...given] : [own, ...given]
}

/** Our codes first, then those the sender adds. */
function conceptOf(row: Quantity, given: CodeableConcept | undefined): CodeableConcept {
  const own = row.codes.map(([code, display]) => ({ system: loinc, code, display }))
  const others = (given?.coding ?? []).filter(
    ({ system, code }) => system !== loinc || !own.some(one => one.code === code),
  )
  return { ...given, coding: [...own, ...others] }
}

function componentsOf(readings: readonly Reading[], given: ObservationComponent[] | undefined): ObservationComponent[] {
  const components = [...(given ?? [])]
  for (const reading of readings) {
    const [[code]] = reading.row.codes as [[string, string]]
    const index = components.findIndex(component =>
      hasCoding(component.code, one => one.system === loinc && one.code === code),
    )
    const component = index < 0 ? undefined : components[index]
    const filled = { ...component, code: conceptOf(reading.row, component?.code), ...quantityOf(reading) }
    if (index < 0) components.push(filled)
    else components[index] = filled
  }
  return components
}

/** The unit is UCUM, written as people know it. The value keeps its digits; JSON writes them. */
function quantityOf({ row, value }: Reading): { valueQuantity?: FhirQuantity } {
  if (value === null) return {}
  return { valueQuantity: { value: value as number, unit: row.unitText, system: ucum, code: row.unit } }
}

function hasCoding(concept: CodeableConcept | undefined, test: (coding: Coding) => boolean): boolean {
  return Array.isArray(concept?.coding) && concept.coding.some(test)
}
