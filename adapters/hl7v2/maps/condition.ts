/**
 * Conditions of rows, in the guide's words made strict (guide: "ANTLR Condition Syntax"; scripts/hl7-conditions.ts reads
 * the guide's own looser text into this grammar when the tables are generated):
 *
 *   condition   any { OR any }          AND binds closer than OR, NOT closer than AND
 *   any         all { AND all }
 *   all         NOT all | ( condition ) | test
 *   test        PLACE [NOT] VALUED | PLACE [NOT] EQUALS ("text" | PLACE) | PLACE [NOT] IN ("text", …)
 *               | PLACE (COUNT | LENGTH) (EQUALS | NOT EQUALS | GREATER THAN | LESS THAN) [OR EQUALS] number
 *   PLACE       `PV1-45`, `PV1-3.2` in a segment; `XPN.12`, `XPN.1.1` in a datatype; `PID` for a segment as a whole
 */
import type { Value } from '../message.ts'

/** A place as written, and its numbers: `PV1-3.2` is 3, 2. */
export type Place = Readonly<{ text: string; name: string; parts: readonly number[] }>

type Comparison = 'EQUALS' | 'GREATER THAN' | 'GREATER THAN OR EQUALS' | 'LESS THAN' | 'LESS THAN OR EQUALS'

export type Condition =
  | Readonly<{ is: 'any'; of: readonly Condition[] }>
  | Readonly<{ is: 'all'; of: readonly Condition[] }>
  | Readonly<{ is: 'not'; of: Condition }>
  | Readonly<{ is: 'valued'; at: Place }>
  | Readonly<{ is: 'in'; at: Place; values: readonly string[] }>
  | Readonly<{ is: 'same'; at: Place; as: Place }>
  | Readonly<{ is: 'count' | 'length'; at: Place; than: Comparison; n: number }>

/** What a condition asks of a segment or a cell: a value by the numbers of its place, and how often a field repeats. */
export type Reader = Readonly<{
  value(parts: readonly number[]): Value
  count(parts: readonly number[]): number
}>

// ---------------------------------------------------------------- reading

const tokens = /\s*(?:("[^"]*")|([A-Z][A-Z0-9]{1,2}(?:[-.]\d+(?:\.\d+)*)?(?![A-Za-z0-9]))|([A-Z]+)|(\d+)|([(),]))/y
const words = new Set(['AND', 'OR', 'NOT', 'IN', 'VALUED', 'EQUALS', 'COUNT', 'LENGTH', 'GREATER', 'LESS', 'THAN'])

/** Reads a condition. Throws TypeError when the text is none of this grammar. */
export function parseCondition(text: string): Condition {
  return new Parser(text).read()
}

class Parser {
  readonly #text: string
  readonly #tokens: string[]

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokenise(text) ?? this.#fail()
  }

  read(): Condition {
    const condition = this.#any()
    return this.#tokens.length === 0 ? condition : this.#fail()
  }

  #any(): Condition {
    return this.#list('any', 'OR', () => this.#list('all', 'AND', () => this.#one()))
  }

  #list(is: 'any' | 'all', word: string, next: () => Condition): Condition {
    const of = [next()]
    while (this.#take(word)) of.push(next())
    return of.length === 1 ? of[0]! : { is, of }
  }

  #one(): Condition {
    if (this.#take('NOT')) return { is: 'not', of: this.#one() }
    if (!this.#take('(')) return this.#test()
    const inner = this.#any()
    return this.#take(')') ? inner : this.#fail()
  }

  #test(): Condition {
    const at = this.#place()
    if (this.#take('COUNT')) return this.#number('count', at)
    if (this.#take('LENGTH')) return this.#number('length', at)
    const not = this.#take('NOT')
    const test = this.#plain(at)
    return not ? { is: 'not', of: test } : test
  }

  #plain(at: Place): Condition {
    if (this.#take('VALUED')) return { is: 'valued', at }
    if (this.#take('IN')) return { is: 'in', at, values: this.#texts() }
    if (!this.#take('EQUALS')) return this.#fail()
    return this.#tokens[0]?.startsWith('"')
      ? { is: 'in', at, values: [this.#string()] }
      : { is: 'same', at, as: this.#place() }
  }

  #number(is: 'count' | 'length', at: Place): Condition {
    const not = this.#take('NOT')
    const than = this.#comparison()
    const n = Number(this.#tokens.shift() ?? this.#fail())
    if (!Number.isInteger(n)) this.#fail()
    const test: Condition = { is, at, than, n }
    return not ? { is: 'not', of: test } : test
  }

  #comparison(): Comparison {
    if (this.#take('EQUALS')) return 'EQUALS'
    const word = this.#take('GREATER') ? 'GREATER' : this.#take('LESS') ? 'LESS' : this.#fail()
    if (!this.#take('THAN')) this.#fail()
    if (!this.#take('OR')) return `${word} THAN`
    return this.#take('EQUALS') ? `${word} THAN OR EQUALS` : this.#fail()
  }

  #texts(): readonly string[] {
    if (!this.#take('(')) this.#fail()
    const texts = [this.#string()]
    while (this.#take(',')) texts.push(this.#string())
    return this.#take(')') ? texts : this.#fail()
  }

  #string(): string {
    const token = this.#tokens.shift()
    return token?.startsWith('"') ? token.slice(1, -1) : this.#fail()
  }

  #place(): Place {
    const text = this.#tokens.shift() ?? this.#fail()
    const [name = '', ...numbers] = text.split(/[-.]/)
    if (words.has(text) || !/^[A-Z][A-Z0-9]{1,2}$/.test(name)) this.#fail()
    return { text, name, parts: numbers.map(Number) }
  }

  #take(token: string): boolean {
    if (this.#tokens[0] !== token) return false
    this.#tokens.shift()
    return true
  }

  #fail(): never {
    throw new TypeError(`not a condition: ${this.#text}`)
  }
}

function tokenise(text: string): string[] | null {
  const found: string[] = []
  tokens.lastIndex = 0
  const end = text.trimEnd().length
  while (tokens.lastIndex < end) {
    const match = tokens.exec(text)
    if (!match) return null
    found.push(match[0].trim())
  }
  return found
}

// ---------------------------------------------------------------- writing

/** A condition as text in its one normal form: values in order, no brackets and no words that are not needed. */
export function printCondition(condition: Condition): string {
  switch (condition.is) {
    case 'any':
      return join(condition.of.map(printCondition), ' OR ')
    case 'all':
      return join(condition.of.map(printClause), ' AND ')
    case 'not':
      return printNot(condition.of)
    default:
      return printTest(condition, '')
  }
}

function printClause(clause: Condition): string {
  return clause.is === 'any' ? `(${printCondition(clause)})` : printCondition(clause)
}

/** What is said twice is said once. */
function join(parts: readonly string[], word: string): string {
  return [...new Set(parts)].join(word)
}

function printNot(condition: Condition): string {
  if (condition.is === 'not') return printCondition(condition.of)
  if (condition.is === 'any' || condition.is === 'all') return `NOT (${printCondition(condition)})`
  return printTest(condition, 'NOT ')
}

type Test = Exclude<Condition, { of: unknown }>

/** A first component is the field itself, a first subcomponent the component (HL7 v2.5.1 §2.8.2): `PV1-2.1` is `PV1-2`. */
function spell({ text, parts }: Place): string {
  return parts.length > 1 && parts.at(-1) === 1 ? text.slice(0, -2) : text
}

function printTest(test: Test, not: string): string {
  const place = spell(test.at)
  switch (test.is) {
    case 'valued':
      return `${place} ${not}VALUED`
    case 'same':
      return `${place} ${not}EQUALS ${spell(test.as)}`
    case 'in':
      return `${place} ${not}${printTexts(test.values)}`
    default:
      return `${place} ${test.is.toUpperCase()} ${not}${test.than} ${test.n}`
  }
}

function printTexts(values: readonly string[]): string {
  const texts = [...new Set(values)].sort().map(value => `"${value}"`)
  return texts.length === 1 ? `EQUALS ${texts[0]}` : `IN (${texts.join(', ')})`
}

// ---------------------------------------------------------------- compiling

type Holds = (read: Reader) => boolean

/**
 * Compiles the `when` of a row of `name` (`PV1`, `XPN`) to a function; no text holds always.
 * Throws TypeError when the text is no condition or speaks of another segment or datatype, which a row cannot see.
 */
export function condition(text: string | undefined, name: string): Holds {
  if (!text) return () => true
  const parsed = parseCondition(text)
  const foreign = placesOf(parsed).find(place => place.name !== name || place.parts.length === 0)
  if (foreign) throw new TypeError(`${foreign.text} is no place of ${name}: ${text}`)
  return compile(parsed)
}

/** Every place that a condition asks. */
export function placesOf(condition: Condition): readonly Place[] {
  if (condition.is === 'any' || condition.is === 'all') return condition.of.flatMap(placesOf)
  if (condition.is === 'not') return placesOf(condition.of)
  return condition.is === 'same' ? [condition.at, condition.as] : [condition.at]
}

function compile(condition: Condition): Holds {
  switch (condition.is) {
    case 'any': {
      const choices = condition.of.map(compile)
      return read => choices.some(holds => holds(read))
    }
    case 'all': {
      const clauses = condition.of.map(compile)
      return read => clauses.every(holds => holds(read))
    }
    case 'not': {
      const holds = compile(condition.of)
      return read => !holds(read)
    }
    default:
      return compileTest(condition)
  }
}

function compileTest(test: Test): Holds {
  const { parts } = test.at
  switch (test.is) {
    case 'valued':
      return read => Boolean(read.value(parts))
    case 'same':
      return read => (read.value(parts) ?? '') === (read.value(test.as.parts) ?? '')
    case 'in': {
      const values = new Set<Value>(test.values)
      return read => values.has(read.value(parts))
    }
    case 'count':
      return read => compare(read.count(parts), test.than, test.n)
    case 'length':
      return read => compare((read.value(parts) ?? '').length, test.than, test.n)
  }
}

function compare(a: number, than: Comparison, b: number): boolean {
  if (than === 'EQUALS') return a === b
  if (than === 'GREATER THAN') return a > b
  if (than === 'LESS THAN') return a < b
  return than === 'GREATER THAN OR EQUALS' ? a >= b : a <= b
}
