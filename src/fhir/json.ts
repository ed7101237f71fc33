/**
 * The one JSON reader for everything that comes from outside, HTTP and MQTT (RFC 8259, in one pass).
 *
 * It refuses what `JSON.parse` lets through: members given twice, names that change an object's prototype, nesting beyond
 * `limits.jsonDepth`, lone surrogates and numbers beyond every double. And it keeps the digits of decimals, because in
 * FHIR `1.50` says more than `1.5` (R4, Data Types, decimal): such a number is a `JSON.rawJSON` value, which
 * `JSON.stringify` writes as it came. Raw values do not survive `structuredClone`; read the bytes on the thread that
 * needs the value.
 */
import { GatewayError, type KnownCode, refuse } from '../errors.ts'
import { limits } from '../limits.ts'

declare global {
  interface JSON {
    rawJSON(text: string): RawJson
    isRawJSON(value: unknown): value is RawJson
  }
}

/** A number with its digits, made by `JSON.rawJSON`: frozen, no prototype, one member with the text. */
export interface RawJson {
  readonly rawJSON: string
}

/** A number of a FHIR resource: plain where that prints the same digits, else raw. */
export type Decimal = number | RawJson

export type JsonValue = null | boolean | string | Decimal | JsonValue[] | JsonObject
export type JsonObject = { [member: string]: JsonValue }

const forbidden = new Set(['__proto__', 'constructor', 'prototype'])
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const wholeNumber = new RegExp(`^(?:${number.source})$`)
const literals: Readonly<Record<string, null | boolean>> = { true: true, false: false, null: null }

const quote = 0x22
const backslash = 0x5c

/**
 * Reads UTF-8 JSON bytes (a leading BOM is skipped).
 * Throws Refusal: E_UTF8, E_JSON, E_JSON_DEPTH, E_JSON_KEY; the place is a path of array indexes with `?` for member
 * names, such as `$.?[2].?`, because a name may be somebody's data.
 */
export function readJson(bytes: Uint8Array): JsonValue {
  return new Reader(decodeUtf8(bytes)).document()
}

/**
 * The value of a decimal's digits (JSON grammar: `-0.50`, `1e3`; no leading `+` or zeros).
 * Throws GatewayError E_INTERNAL for other text: ask `isDecimalText` first.
 */
export function decimal(text: string): Decimal {
  if (!isDecimalText(text)) throw new GatewayError('E_INTERNAL', 'decimal')
  return fromDigits(text)
}

/** Whether the text is a finite number in JSON's grammar. */
export function isDecimalText(text: string): boolean {
  return wholeNumber.test(text) && Number.isFinite(Number(text))
}

export function isDecimal(value: unknown): value is Decimal {
  return typeof value === 'number' || JSON.isRawJSON(value)
}

/** The nearest double of a decimal; NaN for anything else. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  return JSON.isRawJSON(value) ? Number(value.rawJSON) : Number.NaN
}

/** The digits of a decimal as they will be written. */
export function digitsOf(value: Decimal): string {
  return typeof value === 'number' ? String(value) : value.rawJSON
}

/** A JSON object: neither an array nor a raw number. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
}

function fromDigits(text: string): Decimal {
  const value = Number(text)
  return String(value) === text ? value : JSON.rawJSON(text)
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('E_UTF8', '$')
  }
}

class Reader {
  readonly #text: string
  #at = 0
  /** Where we are: an index per array, -1 per object. */
  readonly #path: number[] = []

  constructor(text: string) {
    this.#text = text
  }

  document(): JsonValue {
    const value = this.#value()
    this.#skipBlanks()
    if (this.#at < this.#text.length) this.#fail('E_JSON')
    return value
  }

  #value(): JsonValue {
    this.#skipBlanks()
    const first = this.#text[this.#at]
    if (first === '"') return this.#string()
    if (first === '{') return this.#object()
    if (first === '[') return this.#array()
    if (first === 't' || first === 'f' || first === 'n') return this.#literal()
    return this.#number()
  }

  #object(): JsonObject {
    const object: JsonObject = {}
    this.#open(-1)
    if (this.#skip('}')) return this.#close(object)
    do {
      this.#skipBlanks()
      if (this.#text[this.#at] !== '"') this.#fail('E_JSON')
      const name = this.#string()
      if (forbidden.has(name) || Object.hasOwn(object, name)) this.#fail('E_JSON_KEY')
      if (!this.#skip(':')) this.#fail('E_JSON')
      object[name] = this.#value()
    } while (this.#skip(','))
    if (!this.#skip('}')) this.#fail('E_JSON')
    return this.#close(object)
  }

  #array(): JsonValue[] {
    const array: JsonValue[] = []
    this.#open(0)
    if (this.#skip(']')) return this.#close(array)
    do {
      this.#path[this.#path.length - 1] = array.length
      array.push(this.#value())
    } while (this.#skip(','))
    if (!this.#skip(']')) this.#fail('E_JSON')
    return this.#close(array)
  }

  #string(): string {
    const start = this.#at
    let plain = true
    for (let i = start + 1; i < this.#text.length; i++) {
      const unit = this.#text.charCodeAt(i)
      if (unit === quote) {
        this.#at = i + 1
        return plain ? this.#text.slice(start + 1, i) : this.#unescape(start, i + 1)
      }
      if (unit < 0x20) break
      if (unit !== backslash) continue
      plain = false
      i++
    }
    return this.#fail('E_JSON')
  }

  #unescape(start: number, end: number): string {
    let value: string
    try {
      value = JSON.parse(this.#text.slice(start, end))
    } catch {
      return this.#fail('E_JSON')
    }
    return value.isWellFormed() ? value : this.#fail('E_UTF8')
  }

  #number(): Decimal {
    number.lastIndex = this.#at
    const text = number.exec(this.#text)?.[0]
    if (text === undefined) return this.#fail('E_JSON')
    this.#at += text.length
    return Number.isFinite(Number(text)) ? fromDigits(text) : this.#fail('E_JSON')
  }

  #literal(): null | boolean {
    const word = ['true', 'false', 'null'].find(name => this.#text.startsWith(name, this.#at))
    if (word === undefined) return this.#fail('E_JSON')
    this.#at += word.length
    return literals[word]!
  }

  #open(mark: number): void {
    this.#path.push(mark)
    if (this.#path.length > limits.jsonDepth) this.#fail('E_JSON_DEPTH')
    this.#at++
  }

  #close<T>(value: T): T {
    this.#path.pop()
    return value
  }

  #skipBlanks(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
    }
  }

  #skip(sign: string): boolean {
    this.#skipBlanks()
    if (this.#text[this.#at] !== sign) return false
    this.#at++
    return true
  }

  #fail(code: KnownCode): never {
    return refuse(code, `$${this.#path.map(index => (index < 0 ? '.?' : `[${index}]`)).join('')}`)
  }
}
