/**
 * Which codes may stay readable (SEALING S5, `concept`): HL7's own code systems as closed tables, and public code systems
 * by the form of their codes, with the check digit where there is one. A system that is not here is local, and sealed.
 */
import { hl7Codes } from '../generated/hl7-codes.ts'
import { isUcum } from './ucum.ts'

/** Systems too large to list: a code stays if it has their form. */
const forms: Readonly<Record<string, (code: string) => boolean>> = {
  'http://loinc.org': code => /^(?:L[APL])?\d{1,7}-\d$/.test(code) && luhn(code.replace(/\D/g, '')),
  'http://snomed.info/sct': code => /^[1-9]\d{5,17}$/.test(code) && verhoeff(code),
  'http://hl7.org/fhir/sid/icd-10': isIcd10,
  'http://hl7.org/fhir/sid/icd-10-cm': isIcd10,
  // diagnoses (`250.00`, `V58.6`) and procedures (`45.13`)
  'http://hl7.org/fhir/sid/icd-9-cm': code => /^(?:(?:V\d\d|E\d{3}|\d{3})(?:\.\d{1,2})?|\d\d\.\d{1,2})$/.test(code),
  // procedures (Procedure.code, ChargeItem.code); no word of seven letters has two digits
  'http://www.cms.gov/Medicare/Coding/ICD10': code => /^(?=.*\d.*\d)[0-9B-DF-HX][0-9A-HJ-NP-Z]{6}$/.test(code),
  'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets': code => /^[A-V]\d{4}$/.test(code),
  // what a provider is (PractitionerRole.specialty)
  'http://nucc.org/provider-taxonomy': code => /^\d{3}[A-Z0-9]{6}X$/.test(code),
  'http://hl7.org/fhir/sid/cvx': code => /^\d{1,3}$/.test(code),
  'http://hl7.org/fhir/sid/ndc': code => /^\d{4,5}-\d{3,4}-\d{1,2}$/.test(code),
  'http://www.nlm.nih.gov/research/umls/rxnorm': code => /^[1-9]\d{0,6}$/.test(code),
  'http://www.whocc.no/atc': code => /^[A-V](?:\d\d(?:[A-Z](?:[A-Z](?:\d\d)?)?)?)?$/.test(code),
  'http://www.ama-assn.org/go/cpt': code => /^\d{4}[0-9FTU]$/.test(code),
  'urn:iso:std:iso:11073:10101': code => /^[1-9]\d{0,7}$/.test(code),
}

function isIcd10(code: string): boolean {
  return /^[A-Z]\d[0-9AB](?:\.[0-9A-Z]{1,4})?$/.test(code)
}

/** The systems whose codes may stay: of those by form any code that looks like one, of HL7's own the listed ones. */
export const readableSystems: Readonly<{ byForm: readonly string[]; listed: readonly string[] }> = {
  byForm: [...Object.keys(forms), 'http://unitsofmeasure.org'],
  listed: Object.keys(hl7Codes),
}

/** LOINC's own names of what trackers and vital signs report; displays of other LOINC codes are sealed. */
const loincDisplays = table(`8867-4	Heart rate
40443-4	Heart rate --resting
8873-2	Heart rate 24 hour maximum
80404-7	R-R interval.standard deviation (Heart rate variability)
85354-9	Blood pressure panel with all children optional
8480-6	Systolic blood pressure
8462-4	Diastolic blood pressure
8478-0	Mean blood pressure
2708-6	Oxygen saturation in Arterial blood
59408-5	Oxygen saturation in Arterial blood by Pulse oximetry
8310-5	Body temperature
9279-1	Respiratory rate
29463-7	Body weight
8302-2	Body height
39156-5	Body mass index (BMI) [Ratio]
9843-4	Head Occipital-frontal circumference
41653-7	Glucose Glucometer (BldC) [Mass/Vol]
55423-8	Number of steps in unspecified time Pedometer
41950-7	Number of steps in 24 hour Measured
41981-2	Calories burned
93832-4	Sleep duration
85353-1	Vital signs, weight, height, head circumference, oxygen saturation and BMI panel`)

const tables = new Map<string, ReadonlyMap<string, string>>([['http://loinc.org', loincDisplays]])

/**
 * Whether a code may stay, and how: `closed` = one of a list, which can carry nothing else; `form` = it looks like a code
 * of its system, so the last scan looks at it too; null = it is sealed.
 */
export function listed(system: unknown, code: unknown): 'closed' | 'form' | null {
  if (typeof system !== 'string' || typeof code !== 'string') return null
  if (Object.hasOwn(hl7Codes, system)) return tableOf(system).has(code) ? 'closed' : null
  // made of a closed list of atoms; `min` and `mol` are units also where somebody is called so
  if (system === 'http://unitsofmeasure.org') return isUcum(code) ? 'closed' : null
  return Object.hasOwn(forms, system) && forms[system]!(code) ? 'form' : null
}

/** Our own display of a code; undefined when we have none. */
export function displayOf(system: unknown, code: unknown): string | undefined {
  if (typeof system !== 'string' || typeof code !== 'string') return undefined
  return tableOf(system).get(code) || undefined
}

function tableOf(system: string): ReadonlyMap<string, string> {
  const known = tables.get(system)
  if (known) return known
  const made = table(Object.hasOwn(hl7Codes, system) ? hl7Codes[system]! : '')
  if (made.size > 0) tables.set(system, made)
  return made
}

function table(lines: string): ReadonlyMap<string, string> {
  if (lines === '') return new Map()
  return new Map(lines.split('\n').map(line => line.split('\t') as [string, string]))
}

/** The check digit of LOINC (mod 10, last digit). */
function luhn(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const weighed = Number(digit) * (place % 2 === 1 ? 2 : 1)
    return total + (weighed > 9 ? weighed - 9 : weighed)
  }, 0)
  return sum % 10 === 0
}

/** The dihedral group D5, by which SNOMED CT computes its check digit (Verhoeff). */
const turn = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
]
const permute = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
]

function verhoeff(digits: string): boolean {
  const left = [...digits].reverse().reduce((check, digit, place) => {
    return Number(turn[check]![Number(permute[place % 8]![Number(digit)])])
  }, 0)
  return left === 0
}

/**
 * LOINC codes whose value is itself an identifier or an age: name, SSN, phone, address, birth date and the like. Their
 * values are sealed whatever their type (privacy review §2).
 */
const identifying = new Set(
  [
    '54125-0 54126-8 45392-8 45393-6 45394-4 45395-1 45396-9', // names, social security number
    '46106-5 76435-7 76441-5 42077-8 42078-6 42079-4 56799-0 56797-4', // record numbers, phones, addresses
    '76458-9 76459-7 68997-6 45401-7 46499-0', // e-mail, city, postal code, address of a person
    '21112-8 30525-0 21612-7 29553-5 63900-5 35659-2 74501-8', // birth date, age
  ].flatMap(line => line.split(' ')),
)

/** Whether a CodeableConcept (`Observation.code`) asks for something that identifies a person. */
export function isIdentifying(concept: unknown): boolean {
  const codings = (concept as { coding?: unknown } | undefined)?.coding
  if (!Array.isArray(codings)) return false
  return codings.some(coding => coding?.system === 'http://loinc.org' && identifying.has(coding.code))
}
