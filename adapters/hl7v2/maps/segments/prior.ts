/** MRG: the numbers that a person, an account and a visit had before. The guide has MRG[Account] only; the rest is ours. */
import { segmentMap } from '../engine.ts'
import { cx } from '../references.ts'

/** MRG[Account] */
export const mrgAccount = segmentMap([['MRG-3', 'identifier[]', cx]])

/** The person's. */
export const mrgPatient = segmentMap([['MRG-1', 'identifier[]', cx]])

/** The visit's, as PV1-19 and PV1-50. */
export const mrgVisit = segmentMap([
  ['MRG-5', 'identifier[]', cx, { as: 'VN' }],
  ['MRG-6', 'identifier[]', cx],
])
