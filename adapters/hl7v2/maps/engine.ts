/**
 * The table engine: a map is a list of rows, a row a line: v2 place → FHIR element, by a datatype map, with a code map
 * and a condition where the guide has one. Rows are compiled to closures once, when the module is loaded. A new segment
 * is a new list of rows; a new datatype is either one more list (`datatype`) or a function.
 */
import type { Field, Segment, Value } from '../message.ts'
import type { CodeMap } from '../tables/codes.ts'
import { condition, type Reader } from './condition.ts'
import type { Draft } from './draft.ts'

/** One repetition of a field, or one component of it read as a datatype of its own (FN in XPN.1, DR in XPN.10). */
export class Cell {
  readonly #segment: Segment
  readonly #n: number
  readonly #repetition: number
  readonly #field: Field
  readonly #path: readonly number[]

  constructor(segment: Segment, n: number, repetition: number, field: Field, path: readonly number[] = []) {
    this.#segment = segment
    this.#n = n
    this.#repetition = repetition
    this.#field = field
    this.#path = path
  }

  /** The part `a` of this cell and the part `b` of that, counted from 1; nothing lies below a subcomponent. */
  value(a = 1, b = 1): Value {
    const [component, sub] = this.#path
    if (component === undefined) return this.#field.value(a, b)
    if (sub === undefined) return b === 1 ? this.#field.value(component, a) : undefined
    return a === 1 && b === 1 ? this.#field.value(component, sub) : undefined
  }

  /** The whole cell as one text, its separators as they stand (ST, TX, FT). */
  whole(): Value {
    const [component, sub] = this.#path
    return sub === undefined ? this.#field.text(component) : this.value()
  }

  part(n: number): Cell {
    return new Cell(this.#segment, this.#n, this.#repetition, this.#field, [...this.#path, n])
  }

  /** Another field of the segment, its first repetition; undefined when it is absent. */
  sibling(n: number): Cell | undefined {
    const field = this.#segment.field(n)[0]
    return field && new Cell(this.#segment, n, 1, field)
  }

  /** Location of the cell, or of a part of it: `PID-3[2].4`. */
  at(part?: number): string {
    return this.#segment.at(this.#n, this.#path[0] ?? part, this.#repetition)
  }

  /** Location without numbers of segments and repetitions, the same for all messages: `OBX-3`. */
  place(): string {
    return `${this.#segment.name}-${this.#n}`
  }
}

export type Options = Readonly<{
  /** Code map of the guide (or ours) that the value goes through. */
  codes?: CodeMap
  /** Condition in the guide's words (grammar: condition.ts): `PV1-45 NOT VALUED`, `XTN.3 IN ("Internet", "X.400")`. */
  when?: string
  /** A constant that the map needs, such as the kind of a participant. */
  as?: string
}>

/** Reads a cell; undefined when nothing of it is left. What it leaves out it notes in the draft. */
export type DataMap<T = unknown> = (cell: Cell, draft: Draft, options: Options) => T | undefined

/** A row of a map: v2 place, FHIR path (`name[]` = a list, `a[].b` = an element of its own, `a[0].b` = the first). */
export type Row = readonly [from: string, path: string, map: DataMap, options?: Options]

type Apply = (segment: Segment, target: object, draft: Draft) => void

/** A compiled segment map; `rows` are what it was made from, for the comparison with the guide. */
export type SegmentMap = Apply & Readonly<{ rows: readonly Row[] }>

/** Compiles the rows of a segment; fields that repeat where FHIR takes one keep the first, and the rest is noted. */
export function segmentMap(rows: readonly Row[]): SegmentMap {
  const compiled = rows.map(segmentRow)
  const applyAll: Apply = (segment, target, draft) => {
    for (const apply of compiled) apply(segment, target, draft)
  }
  return Object.assign(applyAll, { rows })
}

/** A compiled datatype map and what it was made from. */
export type DatatypeMap<T> = DataMap<T> & Readonly<{ rows: readonly Row[] }>

/** Compiles the rows of a datatype. `enough` says whether what was read means anything alone. */
export function datatype<T extends object>(rows: readonly Row[], enough = isFilled): DatatypeMap<T> {
  const compiled = rows.map(datatypeRow)
  const readAll: DataMap<T> = (cell, draft) => {
    const target = {}
    for (const apply of compiled) apply(cell, target, draft)
    return enough(target) ? (target as T) : undefined
  }
  return Object.assign(readAll, { rows })
}

function segmentRow([from, path, map, options = {}]: Row): Apply {
  const n = Number(/-(\d+)$/.exec(from)![1])
  const put = setter(path)
  const lists = path.includes('[]')
  const holds = condition(options.when, from.split('-')[0]!)
  return (segment, target, draft) => {
    const fields = segment.field(n)
    let taken = false
    for (let i = 0; i < fields.length; i++) {
      if (options.when && !holds(readerOf(segment, n, fields[i]!))) continue
      if (taken && !lists) return draft.note('E_PRUNED', segment.at(n, undefined, i + 1))
      put(target, map(new Cell(segment, n, i + 1, fields[i]!), draft, options))
      taken = true
    }
  }
}

/** What a condition sees: of the row's own field the repetition at hand, of the others the first. */
function readerOf(segment: Segment, own: number, field: Field): Reader {
  return {
    value: ([n, component, sub]) => (n === own ? field.value(component, sub) : segment.value(n!, component, sub)),
    count: ([n]) => segment.field(n!).length,
  }
}

type CellRow = (cell: Cell, target: object, draft: Draft) => void

function datatypeRow([from, path, map, options = {}]: Row): CellRow {
  const parts = from.split('.').slice(1).map(Number)
  const put = setter(path)
  const holds = condition(options.when, from.split('.')[0]!)
  return (cell, target, draft) => {
    if (options.when && !holds(cellReader(cell))) return
    put(
      target,
      map(
        parts.reduce((part, n) => part.part(n), cell),
        draft,
        options,
      ),
    )
  }
}

/** Components do not repeat. */
function cellReader(cell: Cell): Reader {
  const value: Reader['value'] = ([a, b]) => cell.value(a, b)
  return { value, count: parts => (value(parts) ? 1 : 0) }
}

function isFilled(target: object): boolean {
  return Object.keys(target).length > 0
}

// ---------------------------------------------------------------- paths

type Node = Record<string, unknown>
type Setter = (target: object, value: unknown) => void

/** Compiles a path to a function that puts a value there; undefined is never put. */
function setter(path: string): Setter {
  const put = path.split('.').reduceRight<Setter | null>(step, null)!
  return (target, value) => {
    if (value !== undefined) put(target, value)
  }
}

function step(next: Setter | null, name: string): Setter {
  const list = /^(\w+)\[(\d*)\]$/.exec(name)
  if (!list) return plain(name, next)
  return list[2] === '' ? appended(list[1]!, next) : indexed(list[1]!, Number(list[2]), next)
}

function plain(name: string, next: Setter | null): Setter {
  return (target, value) => {
    const node = target as Node
    if (next) next(childOf(node, name, {}), value)
    else node[name] = value
  }
}

function appended(name: string, next: Setter | null): Setter {
  return (target, value) => {
    const list = childOf<unknown[]>(target as Node, name, [])
    const element = next ? {} : value
    if (next) next(element as object, value)
    list.push(element)
  }
}

function indexed(name: string, index: number, next: Setter | null): Setter {
  return (target, value) => {
    const list = childOf<unknown[]>(target as Node, name, [])
    if (next) next(childOf(list as unknown as Node, String(index), {}), value)
    else list[index] = value
  }
}

function childOf<T extends object>(node: Node, name: string, made: T): T {
  node[name] ??= made
  return node[name] as T
}
