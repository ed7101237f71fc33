/** The order in which rows of one page leave (DESIGN §9): key records first, then all others, each group in seq order. */
import type { Sealed } from '../records.ts'

/** Rows of one destination (a file, a partition), seq ascending. */
export type Group = Readonly<{ to: string; rows: readonly Sealed[] }>

/**
 * Groups a page by destination, key lane first.
 *
 * A data record can only be opened with its key record, so a group of the key lane must be acknowledged before the next
 * group is sent. The same page always makes the same groups.
 */
export function groups(rows: readonly Sealed[], to: (row: Sealed) => string): readonly Group[] {
  const keys = rows.filter(row => row.lane === 'key')
  const others = rows.filter(row => row.lane !== 'key')
  return [keys, others].flatMap(lane => [...Map.groupBy(lane, to)].map(([to, rows]) => ({ to, rows })))
}

/** The headers of a record, names and values as strings, in sending order. */
export function headersOf(row: Sealed): Readonly<Record<string, string>> {
  return JSON.parse(row.headers)
}
