import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Refusal } from '../../../src/errors.ts'
import { decimal, digitsOf, isDecimal, isDecimalText, numberOf, readJson } from '../../../src/fhir/json.ts'
import { limits } from '../../../src/limits.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (text: string) => readJson(bytes(text))

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof Refusal) return `${error.issues[0]!.code} ${error.issues[0]!.at}`
    throw error
  }
  return 'taken'
}

describe('reading JSON', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        fc.pre(!text.includes('__proto__') && !text.includes('"constructor"') && !text.includes('"prototype"'))
        expect(JSON.stringify(read(text))).toBe(JSON.stringify(JSON.parse(text)))
      }),
    )
  })

  it('takes or refuses any text as JSON.parse does, and fails with nothing but a Refusal', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"\\u00e4"',
      '"\\x"',
      '1',
      '-',
      '0.5',
      '01',
      '1.',
      'true',
      'nul',
      ' ',
      '\n',
      '"',
      '\t',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
        const text = pieces.join('')
        const answer = refusal(() => read(text))
        let parses = true
        try {
          JSON.parse(text)
        } catch {
          parses = false
        }
        if (!answer.startsWith('E_JSON_KEY')) expect(answer === 'taken').toBe(parses)
      }),
      { numRuns: 2000 },
    )
  })

  it('keeps the digits of every decimal', () => {
    const text = '{"a":[1.50,0.10,1e3,-0,72,1.5,100000000000000000001,1E-7]}'
    expect(JSON.stringify(read(text))).toBe(text)
    const { a } = read(text) as { a: unknown[] }
    expect(a.every(isDecimal)).toBe(true)
    expect(a.map(numberOf)).toEqual([1.5, 0.1, 1000, -0, 72, 1.5, 1e20, 1e-7])
    expect(typeof a[4]).toBe('number')
    expect(typeof a[0]).toBe('object')
  })

  it('makes decimals from digits', () => {
    expect(decimal('72')).toBe(72)
    expect(JSON.stringify({ value: decimal('1.50') })).toBe('{"value":1.50}')
    expect(digitsOf(decimal('1.50'))).toBe('1.50')
    expect(digitsOf(decimal('7'))).toBe('7')
    expect(['+5', '.5', '05', '', '1,2', 'NaN', '1e999'].map(isDecimalText)).toEqual(Array(7).fill(false))
    expect(() => decimal('+5')).toThrow('E_INTERNAL')
    expect(numberOf('5')).toBeNaN()
  })

  it('skips a byte order mark and blanks', () => {
    expect(read('\uFEFF \r\n\t{ "a" : 1 } \n')).toEqual({ a: 1 })
  })
})

describe('refusing JSON', () => {
  const cases: readonly [string, string, string][] = [
    ['nothing', '', 'E_JSON $'],
    ['a half object', '{"a":1', 'E_JSON $.?'],
    ['a comma at the end', '[1,]', 'E_JSON $[1]'],
    ['two documents', '{} {}', 'E_JSON $'],
    ['NaN', '[NaN]', 'E_JSON $[0]'],
    ['a leading zero', '[012]', 'E_JSON $[0]'],
    ['a number beyond every double', '{"a":[0,1e999]}', 'E_JSON $.?[1]'],
    ['a control character in a string', '["a\u0001"]', 'E_JSON $[0]'],
    ['a bad escape', '["\\q"]', 'E_JSON $[0]'],
    ['a lone surrogate', '["\\ud800"]', 'E_UTF8 $[0]'],
    ['a member twice', '{"Anna":1,"Anna":2}', 'E_JSON_KEY $.?'],
    ['a member twice, once with an escape', '{"name":1,"n\\u0061me":2}', 'E_JSON_KEY $.?'],
    ['__proto__', '{"a":[{"__proto__":{}}]}', 'E_JSON_KEY $.?[0].?'],
    ['__proto__ with an escape', '{"\\u005f_proto__":{}}', 'E_JSON_KEY $.?'],
    ['constructor', '{"constructor":{}}', 'E_JSON_KEY $.?'],
    ['prototype', '{"prototype":{}}', 'E_JSON_KEY $.?'],
  ]
  it.each(cases)('%s', (_, text, answer) => {
    expect(refusal(() => read(text))).toBe(answer)
  })

  it('bytes that are not UTF-8', () => {
    expect(refusal(() => readJson(new Uint8Array([0x22, 0xc3, 0x28, 0x22])))).toBe('E_UTF8 $')
  })

  it('nesting beyond the limit, however deep', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(refusal(() => read(nested(limits.jsonDepth)))).toBe('taken')
    expect(refusal(() => read(nested(limits.jsonDepth + 1)))).toMatch(/^E_JSON_DEPTH \$\[0\]/)
    expect(refusal(() => read(nested(100)))).toMatch(/^E_JSON_DEPTH/)
    expect(refusal(() => read('{"a":'.repeat(1_000_000)))).toMatch(/^E_JSON_DEPTH/)
  })

  it('never repeats what it read', () => {
    expect(refusal(() => read('{"Müller":"Anna",}'))).toBe('E_JSON $.?')
  })
})
