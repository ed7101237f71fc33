/**
 * The rules of verbs and versions (DESIGN §4), for one resource. What is current depends on the set of versions only,
 * never on the order in which they came.
 */
import type { Facts } from './headers.ts'

/** Something with a version. */
export type Versioned = Readonly<{ facts: Facts }>

/** What one gateway said of the resource: its newest `replace` or `delete`, and the `ensure`s after that, the first first. */
type Line<T> = { top: T | null; ensures: T[] }

export class History<T extends Versioned> {
  readonly #lines = new Map<string, Line<T>>()
  readonly #ensuresKept: number

  /**
   * `ensuresKept`: at most so many `ensure`s are kept beyond the newest `replace` or `delete`, for the case that an
   * older `delete` comes late; beyond it the youngest but one goes.
   */
  constructor(ensuresKept: number) {
    this.#ensuresKept = ensuresKept
  }

  /** Adds a version; false when a newer one of its gateway makes it meaningless, or the same one is known. */
  add(version: T): boolean {
    const { gateway, verb } = version.facts
    const line = this.#lines.get(gateway) ?? { top: null, ensures: [] }
    this.#lines.set(gateway, line)
    if (line.top && !isNewer(version, line.top)) return false
    if (verb === 'ensure') return this.#ensure(line, version)
    line.top = version
    line.ensures = line.ensures.filter(ensure => isNewer(ensure, version))
    return true
  }

  /**
   * The version that holds: the newest `replace`, unless a `delete` is newer; where there is none, the first `ensure`
   * that no `delete` is newer than. Null: there is no such resource, or it was deleted.
   */
  current(): T | null {
    const lines = [...this.#lines.values()]
    const tops = lines.map(line => line.top).filter(top => top !== null)
    const newest = tops.reduce<T | null>((best, top) => (best && !isLater(top, best) ? best : top), null)
    if (newest && newest.facts.verb === 'replace') return newest
    const deletes = tops.filter(top => top.facts.verb === 'delete')
    const firsts = lines.map(({ ensures }) => ensures.find(ensure => deletes.every(gone => outlives(ensure, gone))))
    return firsts.filter(first => first !== undefined).reduce<T | null>(earlier, null)
  }

  /** Every version that is kept. */
  versions(): T[] {
    return [...this.#lines.values()].flatMap(({ top, ensures }) => (top ? [top, ...ensures] : ensures))
  }

  #ensure(line: Line<T>, version: T): boolean {
    if (line.ensures.some(known => orderOf(known) === orderOf(version))) return false
    const place = line.ensures.findIndex(known => isNewer(known, version))
    line.ensures.splice(place < 0 ? line.ensures.length : place, 0, version)
    if (line.ensures.length > this.#ensuresKept) line.ensures.splice(-2, 1)
    return true
  }
}

/** Order within one gateway: the version, then the place in the message. */
function orderOf({ facts }: Versioned): string {
  return `${facts.version} ${String(facts.part.i).padStart(6, '0')}`
}

function isNewer(a: Versioned, b: Versioned): boolean {
  return orderOf(a) > orderOf(b)
}

/** Order across gateways: the time of arrival; at the same time the gateways' names decide, so that all readers agree. */
function isLater(a: Versioned, b: Versioned): boolean {
  return timeOf(a) > timeOf(b)
}

function timeOf({ facts }: Versioned): string {
  return `${facts.time} ${facts.gateway}`
}

function outlives(ensure: Versioned, gone: Versioned): boolean {
  return ensure.facts.gateway === gone.facts.gateway ? isNewer(ensure, gone) : isLater(ensure, gone)
}

function earlier<T extends Versioned>(best: T | null, one: T): T {
  return best && !isLater(best, one) ? best : one
}
