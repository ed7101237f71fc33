/**
 * The guide's rows that are not rows of ours, by segment map: v2 field and FHIR element as the guide names them. A test
 * compares: every row of the guide is a row of ours or stands here, and nothing stands here without need.
 */
import * as care from './care.ts'
import * as orders from './orders.ts'
import * as people from './people.ts'
import * as straightLine from './straight-line.ts'
import * as visits from './visits.ts'

/** Segment map → row → reason. */
export type Reasons = Readonly<Record<string, Readonly<Record<string, string>>>>

const families: readonly Readonly<{ inCode: Reasons; leftOut: Reasons; beyond?: Reasons }>[] = [
  care,
  orders,
  straightLine,
  people,
  visits,
]

/** Translated, but by code, because a row cannot say it. */
export const inCode: Reasons = merge(families.map(family => family.inCode))

/** Not translated. */
export const leftOut: Reasons = merge(families.map(family => family.leftOut))

/** Rows of ours that the guide does not have. */
export const beyond: Reasons = merge(families.map(family => family.beyond ?? {}))

/** Families may share a map: each answers for some of its rows. */
function merge(lists: readonly Reasons[]): Reasons {
  const all: Record<string, Record<string, string>> = {}
  for (const [map, rows] of lists.flatMap(list => Object.entries(list))) all[map] = { ...all[map], ...rows }
  return all
}
