/**
 * An HL7 v2 message as values by place (`PID-3.4`). @medplum/core splits it; this file, the only one that knows that
 * package, adds what it leaves out: any delimiters, absent ≠ empty ≠ `""`, escape sequences, limits, locations.
 */
import { Hl7Context, Hl7Message, type Hl7Segment } from '@medplum/core'
import { refuse } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import { type Delimiters, encodingCharacters, readDelimiters, unescapeText } from './delimiters.ts'

/** Undefined = absent or empty; null = `""`, "delete what you have" (HL7 v2.5.1 §2.5.3); else the unescaped text. */
export type Value = string | null | undefined

/** One repetition of a field. */
export type Field = Readonly<{
  /**
   * A component's subcomponent, both counted from 1 and 1 where not given: a reader that expects one value takes the
   * first (HL7 v2.5.1 §2.8.2), so `value(4)` of `H&1.2.3&ISO` in component 4 is `H`.
   */
  value(component?: number, sub?: number): Value
  /**
   * The whole repetition (or one component) as one text, with component and subcomponent separators as they stand: for
   * ST, TX and FT, where senders forget to escape (`Salt & Pepper`).
   */
  text(component?: number): Value
  /** As received, escapes and all. */
  raw: string
  /** The whole repetition is `""`. */
  isNull: boolean
  /** How many components it has, trailing empty ones included. */
  components: number
}>

/** One message: its segments in order. */
export class Message {
  readonly segments: readonly Segment[]
  readonly #header: Segment

  /** MSH-9.1, for example `ADT`; empty where absent, as the other fields of the header below. */
  readonly type: string
  /** MSH-9.2, for example `A01`. */
  readonly event: string
  /** MSH-9.3, for example `ADT_A01`. */
  readonly structure: string
  /** MSH-12.1, for example `2.5.1`. */
  readonly version: string
  /** MSH-10. */
  readonly controlId: string

  private constructor(segments: readonly [Segment, ...Segment[]]) {
    this.segments = segments
    this.#header = segments[0]
    this.type = this.#text(9, 1)
    this.event = this.#text(9, 2)
    this.structure = this.#text(9, 3)
    this.version = this.#text(12, 1)
    this.controlId = this.#text(10, 1)
  }

  /**
   * Reads a decoded message. Segments end with CR, LF or both; blank lines and a byte order mark are skipped.
   * Throws Refusal E_NOT_HL7, E_BATCH, E_DELIMITERS, E_TWO_HEADERS, E_MESSAGE_PARTS (more segments or parts than
   * limits.hl7Segments and limits.hl7SegmentParts).
   */
  static read(text: string): Message {
    const lines = linesOf(text)
    const header = lines[0] ?? ''
    if (/^[FB]HS/.test(header)) refuse('E_BATCH', header.slice(0, 3))
    if (!header.startsWith('MSH')) refuse('E_NOT_HL7', 'MSH')
    const delimiters = readDelimiters(header)
    if (lines.length > limits.hl7Segments) refuse('E_MESSAGE_PARTS', 'MSH')
    for (const line of lines) checkParts(line, delimiters)
    return new Message(wrap(split(lines, delimiters), delimiters))
  }

  /** The first segment of a name. */
  first(name: string): Segment | undefined {
    return this.segments.find(segment => segment.name === name)
  }

  /** All segments of a name, in order. */
  all(name: string): readonly Segment[] {
    return this.segments.filter(segment => segment.name === name)
  }

  #text(n: number, component: number): string {
    return this.#header.value(n, component) ?? ''
  }
}

/** One segment: its fields by number. */
export class Segment {
  /** Three characters as in the standard (`PID`, `ZBE`); `?` for a line that begins like no segment. */
  readonly name: string
  /** Counted from 1 among the segments of its name. */
  readonly index: number
  readonly #source: Hl7Segment
  readonly #delimiters: Delimiters
  readonly #place: string
  readonly #fields = new Map<number, readonly Field[]>()

  /** `alone`: the message has no other segment of this name, so that locations need no index. */
  constructor(source: Hl7Segment, name: string, index: number, alone: boolean, delimiters: Delimiters) {
    this.name = name
    this.index = index
    this.#source = source
    this.#delimiters = delimiters
    this.#place = alone ? name : `${name}[${index}]`
  }

  /** The repetitions of a field, each in its place; empty when the field is absent or holds nothing but delimiters. */
  field(n: number): readonly Field[] {
    const known = this.#fields.get(n)
    if (known) return known
    const fields = this.#read(n)
    this.#fields.set(n, fields)
    return fields
  }

  /** One value; every part counted from 1, and 1 where not given (see Field.value). */
  value(n: number, component?: number, sub?: number, repetition = 1): Value {
    return this.field(n)[repetition - 1]?.value(component, sub)
  }

  /** True when the field holds anything, `""` included. */
  has(n: number): boolean {
    return this.field(n).length > 0
  }

  /**
   * A location for errors: `PID-3`, `PID-3.4`, `PID-3[2].4` (second repetition), `OBX[2]-5`. The segment's index stands
   * where the message has more than one segment of the name, the first of them included.
   */
  at(n: number, component?: number, repetition?: number): string {
    const repeated = repetition !== undefined && repetition > 1 ? `[${repetition}]` : ''
    return `${this.#place}-${n}${repeated}${component === undefined ? '' : `.${component}`}`
  }

  #read(n: number): readonly Field[] {
    if (this.name === 'MSH' && n === 1) return [literal(this.#delimiters.field)]
    if (this.name === 'MSH' && n === 2) return [literal(encodingCharacters(this.#delimiters))]
    if (n < 1) return []
    const repetitions = this.#source.getField(n)?.components ?? []
    const fields = repetitions.map(components => new Repetition(components, this.#delimiters))
    return fields.some(field => field.filled) ? fields : []
  }
}

class Repetition implements Field {
  readonly #components: readonly string[]
  readonly #delimiters: Delimiters

  constructor(components: readonly string[], delimiters: Delimiters) {
    this.#components = components
    this.#delimiters = delimiters
  }

  get raw(): string {
    return this.#components.join(this.#delimiters.component)
  }

  get isNull(): boolean {
    return this.#components.length === 1 && this.#components[0] === '""'
  }

  get components(): number {
    return this.#components.length
  }

  /** Anything else than subcomponent separators. */
  get filled(): boolean {
    return this.#components.some(component => component !== '' && this.#subs(component).some(sub => sub !== ''))
  }

  value(component = 1, sub = 1): Value {
    const whole = this.#components[component - 1]
    return whole ? this.#plain(this.#subs(whole)[sub - 1]) : undefined
  }

  text(component?: number): Value {
    return this.#plain(component === undefined ? this.raw : this.#components[component - 1])
  }

  #subs(component: string): readonly string[] {
    const separator = this.#delimiters.subcomponent
    return separator !== '' && component.includes(separator) ? component.split(separator) : [component]
  }

  #plain(raw: string | undefined): Value {
    if (!raw) return undefined
    return raw === '""' ? null : unescapeText(raw, this.#delimiters)
  }
}

/** MSH-1 and MSH-2, which are neither split nor unescaped. */
function literal(text: string): Field {
  return { value: () => text, text: () => text, raw: text, isNull: false, components: 1 }
}

const linesOf = (text: string): readonly string[] =>
  text
    .replace(/^\uFEFF/, '')
    .split(/[\r\n]+/)
    .filter(line => line !== '')

/** A line shorter than the limit cannot hold more parts than it, so that only monsters are counted. */
function checkParts(line: string, d: Delimiters): void {
  if (line.length <= limits.hl7SegmentParts) return
  const delimiters = new Set([d.field, d.component, d.repetition, d.subcomponent])
  let parts = 1
  for (const character of line) if (delimiters.has(character)) parts++
  if (parts > limits.hl7SegmentParts) refuse('E_MESSAGE_PARTS', nameOf(line))
}

function split(lines: readonly string[], d: Delimiters): readonly Hl7Segment[] {
  const context = new Hl7Context('\r', d.field, d.component, d.repetition, d.escape, d.subcomponent)
  return new Hl7Message([...lines], context).segments
}

function wrap(sources: readonly Hl7Segment[], delimiters: Delimiters): readonly [Segment, ...Segment[]] {
  const names = sources.map(source => nameOf(source.name))
  const total = count(names)
  if (total.get('MSH') !== 1) refuse('E_TWO_HEADERS', 'MSH')
  const seen = new Map<string, number>()
  const segments = sources.map((source, i) => {
    const name = names[i]!
    const index = (seen.get(name) ?? 0) + 1
    seen.set(name, index)
    return new Segment(source, name, index, total.get(name) === 1, delimiters)
  })
  return segments as [Segment, ...Segment[]]
}

/** A name may be part of a torn line with a person's words in it: only what looks like a name is one. */
function nameOf(line: string): string {
  return /^[A-Z][A-Z0-9]{2}(?![A-Za-z0-9])/.exec(line)?.[0] ?? '?'
}

function count(names: readonly string[]): ReadonlyMap<string, number> {
  const total = new Map<string, number>()
  for (const name of names) total.set(name, (total.get(name) ?? 0) + 1)
  return total
}
