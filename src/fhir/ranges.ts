/**
 * What a measurement cannot be: LOINC codes, UCUM unit, other units and how they convert, lowest and highest value. The
 * one table for every way in.
 *
 * Codes and units: HL7 FHIR R4 vital signs profiles and their value sets; LOINC (https://loinc.org) for those without a
 * profile. Factors: UCUM; glucose by its molar mass. Ranges: outlier bounds that intensive care data sets are cleaned
 * with (MIMIC-III), so a value outside is impossible, not merely unhealthy; but a saturation ends at 100 % and a body
 * weight at 650 kg.
 */

/** canonical = value × factor + offset. */
export type Conversion = Readonly<{ factor: number; offset: number }>

/** How one measurement is counted. */
export type Scale = Readonly<{
  /** UCUM code that every value can be brought to. */
  unit: string
  /** Other units, by UCUM code or by the spelling of a format. */
  units: Readonly<Record<string, Conversion>>
  /** Impossible outside, in `unit`. */
  range: readonly [low: number, high: number]
}>

type Row = readonly [codes: string, unit: string, units: string, range: Scale['range']]

const same: Conversion = { factor: 1, offset: 0 }
/** Where no source gives bounds: nothing that is counted or weighed here is below zero, or a billion. */
const unlimited: Scale['range'] = [0, 1e9]

const perMinute = 'beats/min=1 {beats}/min=1 bpm=1 1/min=1 Hz=60'
const breaths = 'breaths/min=1 {breaths}/min=1 1/min=1 Hz=60'
const temperature = '[degF]=0.5555555555555556;-17.77777777777778 K=1;-273.15'
const pressure = 'mmHg=1 kPa=7.500637554192107'
const weight = 'g=0.001 [lb_av]=0.45359237 [oz_av]=0.028349523125 [stone_av]=6.35029318'
const length = 'm=100 mm=0.1 [in_i]=2.54 [ft_i]=30.48'

/** Codes by blanks. Units: `unit=factor[;offset]`, joined by blanks. */
const rows: readonly Row[] = [
  ['8867-4 40443-4', '/min', perMinute, [0, 390]],
  ['9279-1', '/min', breaths, [0, 330]],
  ['2708-6 59408-5', '%', '1=100', [0, 100]],
  ['8310-5', 'Cel', temperature, [14.2, 47]],
  ['29463-7', 'kg', weight, [0, 650]],
  ['8302-2', 'cm', length, [0, 275]],
  ['39156-5', 'kg/m2', 'kg/m^2=1', unlimited],
  ['9843-4', 'cm', 'mm=0.1 [in_i]=2.54', unlimited],
  ['85354-9 8480-6 8462-4', 'mm[Hg]', pressure, [0, 375]],
  ['80404-7', 'ms', 's=1000', unlimited],
  ['41653-7', 'mg/dL', 'mmol/L=18.01559 g/L=100', [0, 2200]],
  ['55423-8', '{steps}', '1=1', unlimited],
  ['41950-7', '/d', '', unlimited],
  ['41981-2', 'kcal', 'kJ=0.2390057361376673', unlimited],
]

const scales: ReadonlyMap<string, Scale> = new Map(
  rows.flatMap(([codes, unit, units, range]) =>
    codes.split(' ').map(code => [code, { unit, units: conversions(units), range }] as const),
  ),
)

/** The scale of a LOINC code; null where the table has no row for it. */
export function scaleOf(loinc: string): Scale | null {
  return scales.get(loinc) ?? null
}

/** How a unit is brought to the scale's own; null where it does not fit. */
export function conversionOf(unit: string, scale: Scale): Conversion | null {
  if (unit === scale.unit) return same
  return Object.hasOwn(scale.units, unit) ? scale.units[unit]! : null
}

/** Whether an amount, in the scale's own unit, cannot be. */
export function outside(amount: number, { range: [low, high] }: Scale): boolean {
  return amount < low || amount > high
}

/**
 * Whether a measurement cannot be: `loinc` names it, `unit` is its UCUM code. What the table does not know, and a unit
 * that does not fit, is not judged here.
 */
export function impossible(loinc: string, unit: string, value: number): boolean {
  const scale = scaleOf(loinc)
  const conversion = scale && conversionOf(unit, scale)
  return conversion !== null && outside(value * conversion.factor + conversion.offset, scale!)
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
