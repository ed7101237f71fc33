/**
 * The measurements that this gateway knows, a row each: LOINC codes, and how people write the unit. What units are taken,
 * how they convert, and what is impossible stands in src/fhir/ranges.ts.
 *
 * Codes, units and displays: HL7 FHIR R4 vital signs profiles and their value sets; LOINC (https://loinc.org) for those
 * without a profile. Oxygen saturation carries both codes (US Core pulse oximetry beside R4 oxygensat).
 */
import { type Decimal, decimal, digitsOf, numberOf } from '../../src/fhir/json.ts'
import { conversionOf, outside, type Scale, scaleOf } from '../../src/fhir/ranges.ts'

/** What one number of a measurement is. */
export type Quantity = Scale &
  Readonly<{
    /** LOINC codes with displays; the first one is the profile's. */
    codes: readonly (readonly [code: string, display: string])[]
    /** How people write the unit. */
    unitText: string
  }>

/** One kind of measurement: a value of its own, or components. */
export type Vital = Quantity &
  Readonly<{
    key: string
    category: 'vital-signs' | 'laboratory' | 'activity'
    /** An R4 vital signs profile binds it: its time must be a point in time (vs-1). */
    profiled: boolean
    components: readonly Quantity[]
  }>

type Row = readonly [key: string, category: Vital['category'], codes: string, unitText: string]

/** Codes: `code display`, joined by `|`. */
const rows: readonly Row[] = [
  ['heart-rate', 'vital-signs', '8867-4 Heart rate', 'beats/minute'],
  ['heart-rate-resting', 'vital-signs', '8867-4 Heart rate|40443-4 Heart rate --resting', 'beats/minute'],
  ['respiratory-rate', 'vital-signs', '9279-1 Respiratory rate', 'breaths/minute'],
  [
    'oxygen-saturation',
    'vital-signs',
    '2708-6 Oxygen saturation in Arterial blood|59408-5 Oxygen saturation in Arterial blood by Pulse oximetry',
    '%',
  ],
  ['body-temperature', 'vital-signs', '8310-5 Body temperature', 'C'],
  ['body-weight', 'vital-signs', '29463-7 Body weight', 'kg'],
  ['body-height', 'vital-signs', '8302-2 Body height', 'cm'],
  ['body-mass-index', 'vital-signs', '39156-5 Body mass index (BMI) [Ratio]', 'kg/m2'],
  ['head-circumference', 'vital-signs', '9843-4 Head Occipital-frontal circumference', 'cm'],
  ['heart-rate-variability', 'vital-signs', '80404-7 R-R interval.standard deviation (Heart rate variability)', 'ms'],
  ['blood-glucose', 'laboratory', '41653-7 Glucose Glucometer (BldC) [Mass/Vol]', 'mg/dL'],
  ['step-count', 'activity', '55423-8 Number of steps in unspecified time Pedometer', 'steps'],
  ['steps-per-day', 'activity', '41950-7 Number of steps in 24 hour Measured', 'steps per day'],
  ['calories-burned', 'activity', '41981-2 Calories burned', 'kcal'],
]

const mmHg = (codes: string): Quantity => quantity(codes, 'mmHg')

const bloodPressure: Vital = {
  ...mmHg('85354-9 Blood pressure panel with all children optional'),
  key: 'blood-pressure',
  category: 'vital-signs',
  profiled: true,
  components: [mmHg('8480-6 Systolic blood pressure'), mmHg('8462-4 Diastolic blood pressure')],
}

/** Codes of R4 vital signs profiles among the rows. */
const profiled = new Set(['8867-4', '9279-1', '2708-6', '8310-5', '29463-7', '8302-2', '39156-5', '9843-4', '85354-9'])

/** By key. */
export const vitals: ReadonlyMap<string, Vital> = new Map([
  ...rows.map(([key, category, codes, unitText]) => {
    const row = quantity(codes, unitText)
    return [key, { ...row, key, category, profiled: profiled.has(row.codes[0]![0]), components: [] }] as const
  }),
  [bloodPressure.key, bloodPressure],
])

/**
 * The row that a set of LOINC codes means: the one with most of its codes among them, then the one that lacks fewest. So
 * 8867-4 is any heart rate, and 40443-4, alone or beside it, the one at rest. Null: none of them is known.
 */
export function vitalOf(codes: readonly string[]): Vital | null {
  const named = (vital: Vital) => vital.codes.filter(([code]) => codes.includes(code)).length
  const fitting = [...vitals.values()].filter(vital => named(vital) > 0)
  return fitting.sort((a, b) => named(b) - named(a) || a.codes.length - b.codes.length)[0] ?? null
}

/**
 * A value in the row's unit, or why it is none: E_UNIT, the unit does not fit; E_VALUE_RANGE, it cannot be. Digits stay as
 * they came unless a factor converts; then as many decimals are kept as the sender's precision gives.
 */
export function inUnit(value: Decimal, unit: string, row: Quantity): Decimal | 'E_UNIT' | 'E_VALUE_RANGE' {
  const conversion = conversionOf(unit, row)
  if (!conversion) return 'E_UNIT'
  const { factor, offset } = conversion
  const amount = numberOf(value) * factor + offset
  if (outside(amount, row)) return 'E_VALUE_RANGE'
  if (factor === 1 && offset === 0) return value
  const places = Math.max(0, Math.min(12, decimalsOf(value) + Math.ceil(-Math.log10(factor))))
  return decimal(unsigned(amount.toFixed(places)))
}

function decimalsOf(value: Decimal): number {
  const [, fraction = '', exponent = '0'] = /^-?\d+(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(digitsOf(value)) ?? []
  return fraction.length - Number(exponent)
}

const unsigned = (text: string): string => (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text)

function quantity(codes: string, unitText: string): Quantity {
  const named = codes.split('|').map(splitCode)
  return { ...scaleOf(named[0]![0])!, codes: named, unitText }
}

function splitCode(text: string): readonly [string, string] {
  const at = text.indexOf(' ')
  return [text.slice(0, at), text.slice(at + 1)]
}
