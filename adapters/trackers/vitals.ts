/**
 * The measurements that this gateway knows, a row each: LOINC code, UCUM unit, units taken and how they convert, and what
 * is impossible.
 *
 * Codes, units and displays: HL7 FHIR R4 vital signs profiles and their value sets; LOINC (https://loinc.org) for those
 * without a profile. Oxygen saturation carries both codes (US Core pulse oximetry beside R4 oxygensat). Factors: UCUM;
 * glucose by its molar mass. Ranges: outlier bounds that intensive care data sets are cleaned with (MIMIC-III), so a value
 * outside is impossible, not merely unhealthy; but a saturation ends at 100 % and a body weight at 650 kg. null = no
 * source, then a negative value is impossible.
 */
import { type Decimal, decimal, digitsOf, numberOf } from '../../src/fhir/json.ts'

/** canonical = value × factor + offset. */
type Conversion = Readonly<{ factor: number; offset: number }>

const same: Conversion = { factor: 1, offset: 0 }
/** Where no source gives bounds: nothing that is counted or weighed here is below zero, or a billion. */
const unlimited = [0, 1e9] as const

/** What one number of a measurement is. */
export type Quantity = Readonly<{
  /** LOINC codes with displays; the first one is the profile's. */
  codes: readonly (readonly [code: string, display: string])[]
  /** UCUM code that every value is brought to, and how people write it. */
  unit: string
  unitText: string
  /** Other units taken, by UCUM code or by the spelling of a format. */
  units: Readonly<Record<string, Conversion>>
  /** Impossible outside, in `unit`. */
  range: readonly [low: number, high: number] | null
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

type Row = readonly [
  key: string,
  category: Vital['category'],
  codes: string,
  unit: string,
  unitText: string,
  units: string,
  range: readonly [number, number] | null,
]

const perMinute = 'beats/min=1 {beats}/min=1 bpm=1 1/min=1 Hz=60'
const pressure = 'mmHg=1 kPa=7.500637554192107'
const weight = 'g=0.001 [lb_av]=0.45359237 [oz_av]=0.028349523125 [stone_av]=6.35029318'
const length = 'm=100 mm=0.1 [in_i]=2.54 [ft_i]=30.48'

/** Codes: `code display`, joined by `|`. Units: `unit=factor[;offset]`, joined by blanks. */
const rows: readonly Row[] = [
  ['heart-rate', 'vital-signs', '8867-4 Heart rate', '/min', 'beats/minute', perMinute, [0, 390]],
  [
    'heart-rate-resting',
    'vital-signs',
    '8867-4 Heart rate|40443-4 Heart rate --resting',
    '/min',
    'beats/minute',
    perMinute,
    [0, 390],
  ],
  [
    'respiratory-rate',
    'vital-signs',
    '9279-1 Respiratory rate',
    '/min',
    'breaths/minute',
    'breaths/min=1 {breaths}/min=1 1/min=1 Hz=60',
    [0, 330],
  ],
  [
    'oxygen-saturation',
    'vital-signs',
    '2708-6 Oxygen saturation in Arterial blood|59408-5 Oxygen saturation in Arterial blood by Pulse oximetry',
    '%',
    '%',
    '1=100',
    [0, 100],
  ],
  [
    'body-temperature',
    'vital-signs',
    '8310-5 Body temperature',
    'Cel',
    'C',
    '[degF]=0.5555555555555556;-17.77777777777778 K=1;-273.15',
    [14.2, 47],
  ],
  ['body-weight', 'vital-signs', '29463-7 Body weight', 'kg', 'kg', weight, [0, 650]],
  ['body-height', 'vital-signs', '8302-2 Body height', 'cm', 'cm', length, [0, 275]],
  ['body-mass-index', 'vital-signs', '39156-5 Body mass index (BMI) [Ratio]', 'kg/m2', 'kg/m2', 'kg/m^2=1', null],
  [
    'head-circumference',
    'vital-signs',
    '9843-4 Head Occipital-frontal circumference',
    'cm',
    'cm',
    'mm=0.1 [in_i]=2.54',
    null,
  ],
  [
    'heart-rate-variability',
    'vital-signs',
    '80404-7 R-R interval.standard deviation (Heart rate variability)',
    'ms',
    'ms',
    's=1000',
    null,
  ],
  [
    'blood-glucose',
    'laboratory',
    '41653-7 Glucose Glucometer (BldC) [Mass/Vol]',
    'mg/dL',
    'mg/dL',
    'mmol/L=18.01559 g/L=100',
    [0, 2200],
  ],
  ['step-count', 'activity', '55423-8 Number of steps in unspecified time Pedometer', '{steps}', 'steps', '1=1', null],
  ['steps-per-day', 'activity', '41950-7 Number of steps in 24 hour Measured', '/d', 'steps per day', '', null],
  ['calories-burned', 'activity', '41981-2 Calories burned', 'kcal', 'kcal', 'kJ=0.2390057361376673', null],
]

const mmHg = (codes: string): Quantity => quantity(codes, 'mm[Hg]', 'mmHg', pressure, [0, 375])

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
  ...rows.map(([key, category, codes, unit, unitText, units, range]) => {
    const row = quantity(codes, unit, unitText, units, range)
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
  const conversion = unit === row.unit ? same : Object.hasOwn(row.units, unit) ? row.units[unit]! : null
  if (!conversion) return 'E_UNIT'
  const { factor, offset } = conversion
  const amount = numberOf(value) * factor + offset
  const [low, high] = row.range ?? unlimited
  if (amount < low || amount > high) return 'E_VALUE_RANGE'
  if (factor === 1 && offset === 0) return value
  const places = Math.max(0, Math.min(12, decimalsOf(value) + Math.ceil(-Math.log10(factor))))
  return decimal(unsigned(amount.toFixed(places)))
}

function decimalsOf(value: Decimal): number {
  const [, fraction = '', exponent = '0'] = /^-?\d+(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(digitsOf(value)) ?? []
  return fraction.length - Number(exponent)
}

const unsigned = (text: string): string => (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text)

function quantity(codes: string, unit: string, unitText: string, units: string, range: Quantity['range']): Quantity {
  return { codes: codes.split('|').map(splitCode), unit, unitText, units: conversions(units), range }
}

function splitCode(text: string): readonly [string, string] {
  const at = text.indexOf(' ')
  return [text.slice(0, at), text.slice(at + 1)]
}

function conversions(text: string): Record<string, Conversion> {
  const entries = text.split(' ').filter(Boolean)
  return Object.fromEntries(
    entries.map(entry => {
      const at = entry.lastIndexOf('=')
      const [factor = '1', offset = '0'] = entry.slice(at + 1).split(';')
      return [entry.slice(0, at), { factor: Number(factor), offset: Number(offset) }]
    }),
  )
}
