/**
 * The guide's rows that are not rows of ours, by segment map: v2 field and FHIR element as the guide names them. A test
 * compares: every row of the guide is a row of ours or stands here, and nothing stands here without need.
 */
import * as straightLine from './straight-line.ts'

/** Segment map → row → reason. */
export type Reasons = Readonly<Record<string, Readonly<Record<string, string>>>>

const families: readonly Readonly<{ inCode: Reasons; leftOut: Reasons }>[] = [straightLine]

/** Translated, but by code, because a row cannot say it. */
export const inCode: Reasons = Object.assign({}, ...families.map(family => family.inCode))

/** Not translated. */
export const leftOut: Reasons = Object.assign({}, ...families.map(family => family.leftOut))
