/**
 * The codes of HL7's own code systems, as of R4, and UCUM. Of other systems (LOINC, SNOMED CT, local ones) nothing is known
 * here.
 */
import { codes } from './generated/codes.ts'
import { isUcum } from './ucum.ts'

const ucum = 'http://unitsofmeasure.org'

const sets = new Map<string, ReadonlySet<string>>()

/** False only where the system is HL7's or UCUM and does not have the code. */
export function mayBeCode(system: string, code: string): boolean {
  if (system === ucum) return isUcum(code)
  if (!Object.hasOwn(codes, system)) return true
  let set = sets.get(system)
  if (!set) {
    set = new Set(codes[system]!.split('\t'))
    sets.set(system, set)
  }
  return set.has(code)
}
