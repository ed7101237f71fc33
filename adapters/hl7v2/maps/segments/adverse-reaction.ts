/** IAM[AllergyIntolerance]: what AL1 says, with a number, a state and who reported it. */
import type { AllergyIntolerance, CodeableConcept, Reference } from 'fhir/r4.js'
import type { Segment } from '../../message.ts'
import { concept } from '../concept.ts'
import { clean, code, dateTime, text, xpn } from '../datatypes.ts'
import type { Draft } from '../draft.ts'
import { Cell, type DataMap, segmentMap } from '../engine.ts'
import { ei } from '../references.ts'

/** CWE[CodeableConcept] of IAM-5: older senders write a text, which is not a code. */
const manifestation: DataMap<CodeableConcept> = (cell, draft, options) =>
  cell.value(2) || cell.value(3) ? concept(cell, draft, options) : textOf(cell)

function textOf(cell: Cell): CodeableConcept | undefined {
  const words = clean(cell.whole())
  return words ? { text: words } : undefined
}

/** IAM[AllergyIntolerance] */
// biome-ignore format: a row a line
export const iamAllergy = segmentMap([
  ['IAM-7', 'identifier[]', ei],
  ['IAM-2', 'type', code, { codes: 'AllergyType' }],
  ['IAM-2', 'category[]', code, { codes: 'AllergenType[AllergyIntoleranceCategory]' }],
  ['IAM-4', 'criticality', code, { codes: 'AllergySeverity[AllergyIntolerance.criticality]' }],
  ['IAM-3', 'code', concept],
  ['IAM-11', 'onsetDateTime', dateTime],
  ['IAM-12', 'onsetString', text, { when: 'IAM-11 NOT VALUED' }],
  ['IAM-13', 'recordedDate', dateTime],
  ['IAM-5', 'reaction[0].manifestation[]', manifestation],
])

const clinical = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical'
const verification = 'http://terminology.hl7.org/CodeSystem/allergyintolerance-verification'

/** HL7 table 0438 (IAM-17) → clinical state and verification; the guide names the field and gives no codes. */
const states: Readonly<Record<string, readonly [clinical: string | null, verification: string]>> = {
  C: ['active', 'confirmed'],
  D: ['active', 'unconfirmed'],
  E: [null, 'entered-in-error'],
  I: ['inactive', 'confirmed'],
  P: ['active', 'unconfirmed'],
  S: ['active', 'unconfirmed'],
  U: ['active', 'unconfirmed'],
}

const coded = (system: string, code: string): CodeableConcept => ({ coding: [{ system, code }] })

/** The allergy of an IAM; the caller leaves out one whose IAM-3 says of what nothing. */
export function adverseReactionOf(iam: Segment, id: string, patient: Reference, draft: Draft): AllergyIntolerance {
  const resource: AllergyIntolerance = { resourceType: 'AllergyIntolerance', id, patient }
  iamAllergy(iam, resource, draft)
  addCodings(iam, resource, draft)
  const [state, sure] = states[clean(iam.value(17)) ?? ''] ?? ['active', null]
  if (state) resource.clinicalStatus = coded(clinical, state)
  if (sure) resource.verificationStatus = coded(verification, sure)
  const recorder = recorderOf(iam, patient, draft)
  if (recorder) resource.recorder = recorder
  return resource
}

const iamFurther = segmentMap([['IAM-27', 'further[]', concept]])

/** IAM-27: further codings of the substance in IAM-3. */
function addCodings(iam: Segment, { code }: AllergyIntolerance, draft: Draft): void {
  const read: { further?: CodeableConcept[] } = {}
  iamFurther(iam, read, draft)
  const codings = read.further?.flatMap(({ coding }) => coding ?? []) ?? []
  const known = new Set(code?.coding?.map(({ system, code }) => `${system}|${code}`))
  const further = codings.filter(({ system, code }) => !known.has(`${system}|${code}`))
  if (code && further.length > 0) code.coding = [...(code.coding ?? []), ...further]
}

/** IAM-14 is a name without number, so it stays a display; IAM-15 `SEL` is the patient. */
function recorderOf(iam: Segment, patient: Reference, draft: Draft): Reference | undefined {
  if (clean(iam.value(15)) === 'SEL') return { ...patient }
  const field = iam.field(14)[0]
  const name = field && xpn(new Cell(iam, 14, 1, field), draft, {})
  const display = [...(name?.prefix ?? []), ...(name?.given ?? []), name?.family].filter(Boolean).join(' ')
  return display ? { display } : undefined
}

/** IAM-6 `D`: the sender takes the allergy off the list. */
export function isRemoved(iam: Segment): boolean {
  return clean(iam.value(6)) === 'D'
}
