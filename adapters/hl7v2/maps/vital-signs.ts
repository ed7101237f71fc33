/**
 * Vital signs of R4 bind every Observation with one of their LOINC codes (profile vitalsigns and the ten below it). An OBX
 * that has what they ask for becomes one; an OBX that has not (no day, a unit of another kind, several values) keeps
 * its text and its other codings, and loses the LOINC code that would make it wrong.
 */
import type { CodeableConcept, Observation } from 'fhir/r4.js'
import type { JsonObject } from '../../../src/fhir/json.ts'
import { vitalSign } from '../../../src/fhir/vitals.ts'
import type { Draft } from './draft.ts'

const loinc = 'http://loinc.org'
const category: CodeableConcept = {
  coding: [
    {
      system: 'http://terminology.hl7.org/CodeSystem/observation-category',
      code: 'vital-signs',
      display: 'Vital Signs',
    },
  ],
}

/** Codes that stand beside the profile's own, which must then be there as well: pulse oximetry. */
const companions: Readonly<Record<string, string>> = { '59408-5': '2708-6' }

/** The observation as R4 allows it. What is lost is noted E_PRUNED at `at`. */
export function conform(observation: Observation, at: string, draft: Draft): Observation {
  if (fits(observation)) return observation
  const code = withCompanions(observation.code)
  const quantity = observation.valueQuantity
  const signed = {
    ...observation,
    category: [...(observation.category ?? []), category],
    code,
    ...(quantity?.code && { valueQuantity: { ...quantity, unit: quantity.unit ?? quantity.code } }),
  }
  if (fits(signed)) return signed
  draft.note('E_PRUNED', at)
  return { ...observation, code: withoutLoinc(observation.code) }
}

function fits(observation: Observation): boolean {
  return vitalSign(observation as unknown as JsonObject) === null
}

function withCompanions(code: CodeableConcept): CodeableConcept {
  const coding = code.coding ?? []
  const added = coding.flatMap(({ system, code }) => (system === loinc && companions[code ?? '']) || [])
  const missing = added.filter(wanted => !coding.some(({ system, code }) => system === loinc && code === wanted))
  return { ...code, coding: [...missing.map(wanted => ({ system: loinc, code: wanted })), ...coding] }
}

function withoutLoinc({ coding = [], text }: CodeableConcept): CodeableConcept {
  const others = coding.filter(({ system }) => system !== loinc)
  const gone = coding.find(({ system }) => system === loinc)
  return {
    ...(others.length > 0 && { coding: others }),
    text: text ?? gone?.display ?? `LOINC ${gone?.code}`,
  }
}
