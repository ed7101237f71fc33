/**
 * UCUM: which unit texts are units. `unitOf` reads a text by a list of what senders write and by UCUM's own
 * grammar over the atoms below (https://ucum.org/ucum, §§ 2, 3); a text that is neither stays a text.
 */

/** What senders write → UCUM. Only spellings that mean one thing. */
const spellings: Readonly<Record<string, string>> = {
  mmHg: 'mm[Hg]',
  'mm Hg': 'mm[Hg]',
  'mEq/L': 'meq/L',
  'IU/L': '[IU]/L',
  'IU/mL': '[IU]/mL',
  'mIU/L': 'm[IU]/L',
  'mIU/mL': 'm[IU]/mL',
  'uIU/mL': 'u[IU]/mL',
  bpm: '/min',
  'beats/min': '/min',
  'breaths/min': '/min',
  '{beats}/min': '/min',
  'mL/min/1.73m2': 'mL/min/{1.73_m2}',
  'mL/min/1.73 m2': 'mL/min/{1.73_m2}',
  lb: '[lb_av]',
  lbs: '[lb_av]',
  inches: '[in_i]',
  '1/min': '/min',
  sec: 's',
  hr: 'h',
  'mm/hr': 'mm/h',
  'mg/dl': 'mg/dL',
  'g/dl': 'g/dL',
  'ug/dl': 'ug/dL',
  'mmol/l': 'mmol/L',
  'umol/l': 'umol/L',
  'nmol/l': 'nmol/L',
  'pmol/l': 'pmol/L',
  'ng/ml': 'ng/mL',
  'pg/ml': 'pg/mL',
  'g/l': 'g/L',
  'mg/l': 'mg/L',
  'u/l': 'U/L',
  'K/uL': '10*3/uL',
  'M/uL': '10*6/uL',
  'x10E3/uL': '10*3/uL',
  'x10E6/uL': '10*6/uL',
  '10^3/uL': '10*3/uL',
  '10^6/uL': '10*6/uL',
  '10^9/L': '10*9/L',
  '10^12/L': '10*12/L',
  'x10E9/L': '10*9/L',
  'x10E12/L': '10*12/L',
  degC: 'Cel',
  degF: '[degF]',
}

/**
 * Atoms that take a prefix (UCUM's metric units), and the prefixes. Left out: what in clinics means something else than in
 * UCUM when its case is lost (`C` coulomb, `F` farad, `ML` megalitre).
 */
const metric = [
  'm',
  'g',
  's',
  'L',
  'l',
  'mol',
  'U',
  'kat',
  'eq',
  'osm',
  'Pa',
  'J',
  'W',
  'V',
  'Hz',
  'Bq',
  'Gy',
  'Sv',
  'bar',
  'cal',
  '[IU]',
  '[iU]',
  'm[Hg]',
  'm[H2O]',
]
const prefixes = ['', 'da', 'k', 'h', 'd', 'c', 'm', 'u', 'n', 'p', 'f', 'a']

/** Atoms that take none, and the few with a large prefix that are in use. */
const plain = (
  '% min h d wk mo a deg Cel [degF] [in_i] [ft_i] [lb_av] [oz_av] [pH] [ppm] [ppb] [CFU] [HPF] [LPF] [PFU] [diop] [drp] ' +
  "[arb'U] [APL'U] [MPL'U] [GPL'U] [dye'U] [hnsf'U] [CCID_50] [TCID_50] [EID_50] 10* 10^ MBq GBq MHz GHz MPa"
).split(' ')

const atoms = [...plain, ...metric.flatMap(atom => prefixes.map(prefix => prefix + atom))]
const quoted = atoms.map(atom => atom.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
const annotation = '\\{[!-z|~]*\\}'
const component = `(?:(?:(?:${quoted})(?:[+-]?\\d+)?|[1-9]\\d*)(?:${annotation})?|${annotation})`
const term = new RegExp(`^/?${component}(?:[./]${component})*$`)

/** The UCUM code that a unit text stands for; null when it is none that we know. */
export function unitOf(text: string): string | null {
  const ucum = Object.hasOwn(spellings, text) ? spellings[text]! : text
  return ucum.length <= 64 && term.test(ucum) ? ucum : null
}
