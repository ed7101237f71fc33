/** Stretches of the log, and what can be reckoned with lists of them. A list is short: one or two parts an outage. */

/** Rows `first` to `last`, both included. */
export type Part = Readonly<{ first: number; last: number }>

/** The same rows in order, none twice, none in more parts than needed. */
export function joined(parts: readonly Part[]): Part[] {
  const out: Part[] = []
  for (const part of parts.toSorted((a, b) => a.first - b.first)) {
    const last = out.at(-1)
    if (last && part.first <= last.last + 1) out.push({ first: out.pop()!.first, last: Math.max(last.last, part.last) })
    else out.push(part)
  }
  return out
}

/** What of `part` lies in none of the `holes`. */
export function without({ first, last }: Part, holes: readonly Part[]): Part[] {
  const out: Part[] = []
  let from = first
  for (const hole of joined(holes)) {
    if (hole.last < from) continue
    if (hole.first > last) break
    if (hole.first > from) out.push({ first: from, last: hole.first - 1 })
    from = hole.last + 1
  }
  if (from <= last) out.push({ first: from, last })
  return out
}

/** What lies in both lists. */
export function common(some: readonly Part[], others: readonly Part[]): Part[] {
  const out = some.flatMap(a =>
    others.map(b => ({ first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) })),
  )
  return joined(out.filter(({ first, last }) => first <= last))
}

/** The lowest number from `seq` on that lies in none of the parts. */
export function outside(seq: number, parts: readonly Part[]): number {
  const within = joined(parts).find(({ first, last }) => first <= seq && seq <= last)
  return within ? within.last + 1 : seq
}
