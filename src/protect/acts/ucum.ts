/**
 * Units that may stay readable: UCUM codes made of the atoms below (https://ucum.org/ucum, case sensitive), so that no
 * word of a sender passes as a unit.
 */

/** Atoms that take a metric prefix. */
const metric =
  "m g s L l mol rad cd C K A N J W V Pa Hz F Ohm S Wb T H Bq Gy Sv kat eq osm U [iU] [IU] cal bar Cel B sr lm lx t b dyn G P St ar u eV pc [arb'U] [PFU] [CFU] [CCID_50] [TCID_50]"
const plain =
  "% min h d wk mo a 1 [pH] [pi] deg ' '' [in_i] [ft_i] [yd_i] [mi_i] [lb_av] [oz_av] [stone_av] [gr] [degF] [degR] [drp] [tsp_us] [tbs_us] [cup_us] [foz_us] [pt_us] [qt_us] [gal_us] [Cal] [HPF] [LPF] [ppth] [ppm] [ppb] [pptr] [diop] [p'diop] [bbl_us] [Ch] [beth'U] [hnsf'U] [MET] [knk'U] [mclg'U] [todd'U] [GPL'U] [MPL'U] [APL'U] [ELU] [EID_50] [S] [ADU] [IR] [BAU] [AU] [Amb'a'1'U] [bdsk'U] [car_Au] [den] [hd_i] [knt_i] [PNU] [SPL] [tb'U] m[Hg] m[H2O] [in_i'Hg] [in_i'H2O] 10* 10^"
const prefixes = 'da Y Z E P T G M k h d c m u n p f a z y'.split(' ')
/** Words in braces are comments to UCUM; these say nothing but the kind of thing counted. */
const annotations = new Set(
  'beats breaths steps cells copies score index ratio RBC WBC RBCs WBCs CFU count events pulses rate spots tot creat creatinine hgb hemoglobin Hb INR titer units floors flights 1.73_m2'.split(
    ' ',
  ),
)

const atoms = new Set([...metric.split(' '), ...plain.split(' ')])
for (const atom of [...metric.split(' '), 'm[Hg]', 'm[H2O]']) for (const prefix of prefixes) atoms.add(prefix + atom)

const part = /^(?<unit>[^{}]*?)(?<power>[+-]?\d{1,2})?(?:\{(?<note>[A-Za-z0-9._]{1,12})\})?$/

/** Whether a code is UCUM, made of known atoms, prefixes, powers and comments. */
export function isUcum(code: string): boolean {
  if (code.length === 0 || code.length > 64) return false
  return code.split(/[./](?![^{]*\})/).every((piece, place) => (piece === '' ? place === 0 : isPart(piece)))
}

function isPart(piece: string): boolean {
  const bare = piece.replace(/^\(+|\)+$/g, '')
  if (/^\d{1,3}$/.test(bare)) return true
  const { unit = '', power, note } = part.exec(bare)?.groups ?? { unit: '?' }
  if (note !== undefined && !annotations.has(note)) return false
  return unit === '' ? note !== undefined && power === undefined : atoms.has(unit)
}

/** How people write these units; such a text may stay beside the code (`Quantity.unit`). */
const spellings: Readonly<Record<string, readonly string[]>> = {
  '/min': ['beats/minute', 'beats/min', 'breaths/minute', 'breaths/min', 'per minute', '1/min'],
  'mm[Hg]': ['mmHg', 'mm Hg'],
  Cel: ['C', '°C', 'degrees C', 'degC'],
  '[degF]': ['F', '°F', 'degF'],
  'kg/m2': ['kg/m^2', 'kg/m²'],
  '[lb_av]': ['lb', 'lbs'],
  '[in_i]': ['in', 'inch', 'inches'],
  '10*3/uL': ['10^3/uL', 'K/uL', 'x10^3/uL', '10*3/µL'],
  '10*6/uL': ['10^6/uL', 'M/uL', 'x10^6/uL', '10*6/µL'],
  '10*9/L': ['10^9/L', 'x10^9/L'],
  '10*12/L': ['10^12/L', 'x10^12/L'],
  'ug/L': ['µg/L', 'mcg/L'],
  'ug/dL': ['µg/dL', 'mcg/dL'],
  'umol/L': ['µmol/L'],
  '[iU]/L': ['IU/L'],
  '{steps}': ['steps'],
  '1': ['steps'],
  '/d': ['steps per day', 'per day'],
  '{flights}': ['flights'],
  h: ['hours', 'hour'],
  min: ['minutes', 'minute'],
  d: ['days', 'day'],
  a: ['years', 'year'],
  mo: ['months', 'month'],
}

/** Whether a unit's text says no more than its UCUM code. */
export function isOwnUnit(unit: unknown, code: string): boolean {
  return (
    unit === code || (typeof unit === 'string' && Object.hasOwn(spellings, code) && spellings[code]!.includes(unit))
  )
}
