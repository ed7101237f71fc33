/** The conditions of rows: what they mean, and how the guide's loose text becomes one. */
import { describe, expect, it } from 'vitest'
import { condition, parseCondition, printCondition } from '../../../../adapters/hl7v2/maps/condition.ts'
import { text } from '../../../../adapters/hl7v2/maps/datatypes.ts'
import { Draft } from '../../../../adapters/hl7v2/maps/draft.ts'
import { datatype, segmentMap } from '../../../../adapters/hl7v2/maps/engine.ts'
import { Message } from '../../../../adapters/hl7v2/message.ts'
import { readCondition } from '../../../../scripts/hl7-conditions.ts'
import { msh, profile } from './messages.ts'

const message = Message.read([msh('ADT^A01'), 'ZZZ|a^b|x~y^z||""'].join('\r'))
const zzz = message.first('ZZZ')!

/** Whether a row with this condition does anything to the field ZZZ-1. */
function holds(when: string): boolean {
  const target: { found?: string } = {}
  segmentMap([['ZZZ-1', 'found', text, { when }]])(zzz, target, new Draft(message, profile))
  return target.found === 'a'
}

describe('a condition', () => {
  it.each([
    ['ZZZ-1 VALUED', true],
    ['ZZZ-1 NOT VALUED', false],
    ['ZZZ-3 VALUED', false],
    ['ZZZ-3 NOT VALUED', true],
    ['ZZZ-4 VALUED', false], // `""` is "delete what you have": no value
    ['ZZZ-1.2 EQUALS "b"', true],
    ['ZZZ-1.2 EQUALS "c"', false],
    ['ZZZ-1.2 NOT EQUALS "c"', true],
    ['ZZZ-3 NOT EQUALS "c"', true],
    ['ZZZ-1 EQUALS ZZZ-1.1', true],
    ['ZZZ-1 EQUALS ZZZ-1.2', false],
    ['ZZZ-1 IN ("b", "a")', true],
    ['ZZZ-1 IN ("b", "c")', false],
    ['ZZZ-1 NOT IN ("b", "c")', true],
    ['ZZZ-2 COUNT EQUALS 2', true],
    ['ZZZ-2 COUNT NOT EQUALS 2', false],
    ['ZZZ-2 COUNT GREATER THAN 1', true],
    ['ZZZ-2 COUNT GREATER THAN 2', false],
    ['ZZZ-2 COUNT GREATER THAN OR EQUALS 2', true],
    ['ZZZ-3 COUNT LESS THAN 1', true],
    ['ZZZ-2 COUNT LESS THAN OR EQUALS 1', false],
    ['ZZZ-1 LENGTH EQUALS 1', true],
    ['ZZZ-1 LENGTH GREATER THAN 1', false],
    ['NOT ZZZ-1 VALUED', false],
    ['NOT (ZZZ-1 VALUED AND ZZZ-3 VALUED)', true],
    ['ZZZ-3 VALUED AND ZZZ-3 VALUED OR ZZZ-1 VALUED', true], // AND binds closer
    ['ZZZ-3 VALUED AND (ZZZ-3 VALUED OR ZZZ-1 VALUED)', false],
  ])('%s', (when, expected) => {
    expect(holds(when)).toBe(expected)
    expect(holds(printCondition(parseCondition(when)))).toBe(expected)
  })

  it('of a row of a repeating field is asked of every repetition', () => {
    const target: { found?: string[] } = {}
    segmentMap([['ZZZ-2', 'found[]', text, { when: 'ZZZ-2.2 NOT VALUED' }]])(zzz, target, new Draft(message, profile))
    expect(target.found).toEqual(['x'])
  })

  it('of a datatype asks its components', () => {
    const map = (when: string) => segmentMap([['ZZZ-1', 'found', datatype([['XX.2', 'part', text, { when }]])]])
    const read = (when: string) => {
      const target = {}
      map(when)(zzz, target, new Draft(message, profile))
      return target
    }
    expect(read('XX.1 EQUALS "a"')).toEqual({ found: { part: 'b' } })
    expect(read('XX.1 NOT EQUALS "a"')).toEqual({})
  })

  it.each([
    '',
    'ZZZ-1',
    'ZZZ-1 VALUED AND',
    'ZZZ-1 IS "a"',
    '(ZZZ-1 VALUED',
    'ZZZ-1 COUNT > 1',
    'ZZZ-1 IN ()',
    'AND VALUED',
  ])('that is none stops the program where it is written: %s', when => {
    expect(() => parseCondition(when)).toThrow('not a condition')
  })

  it('on a segment that a row cannot see stops the program', () => {
    expect(() => condition('ORC-2 NOT VALUED', 'OBR')).toThrow('ORC-2 is no place of OBR')
    expect(() => condition('OBR VALUED', 'OBR')).toThrow('OBR is no place of OBR')
  })
})

describe("the guide's conditions", () => {
  const segment = { map: 'PV1[Encounter]', id: 'PV1-3', kind: 'segment' } as const
  const component = { map: 'HD[uri]', id: 'HD.2', kind: 'datatype' } as const

  it.each([
    ['IF PV1-45 IS NOT VALUED', 'PV1-45 NOT VALUED'],
    ['IF PV1-2.1 NOT "P"', 'PV1-2 NOT EQUALS "P"'],
    ["If PV1-2 IS 'p'", 'PV1-2 EQUALS "p"'],
    ['IF PV1-7 AND PV1-8 NOT VALUED', 'PV1-7 NOT VALUED AND PV1-8 NOT VALUED'],
    ['IF PV1-3.2 or PV1-3.3 VALUED', 'PV1-3.2 VALUED OR PV1-3.3 VALUED'],
    ['IF NOT VALUED OR NOT IN ("B","A")', 'PV1-3 NOT VALUED OR PV1-3 NOT IN ("A", "B")'],
    ['IF PV1-7 VALUED AND NOT "X"', 'PV1-7 VALUED AND PV1-7 NOT EQUALS "X"'],
    ['IF PL.1 IS EMPTY', 'PV1-3 NOT VALUED'],
    ['IF PL.4 DOES NOT EXIST', 'PV1-3.4 NOT VALUED'],
    ['IF PV1.3 LST.count GREATER THAN 1', 'PV1-3 COUNT GREATER THAN 1'],
    ['IF PV1-3 COUNT=1', 'PV1-3 COUNT EQUALS 1'],
    ['IF PV1-3 COUNT>1', 'PV1-3 COUNT GREATER THAN 1'],
    [
      'IF (PV1-3 LST.COUNT LESS THAN OR EQUALS 1 OR PV1-2 IS "N") AND PV1-4 VALUED',
      '(PV1-3 COUNT LESS THAN OR EQUALS 1 OR PV1-2 EQUALS "N") AND PV1-4 VALUED',
    ],
  ])('%s', (theirs, ours) => {
    expect(readCondition(theirs, segment, new Set())).toBe(ours)
  })

  it('of a datatype name its components, however they are joined', () => {
    expect(readCondition('IF HD.1 NOT VALUED AND IF HD-3 = "ISO"', component, new Set())).toBe(
      'HD.1 NOT VALUED AND HD.3 EQUALS "ISO"',
    )
  })

  it('that do not parse are an error with their place, unless a patch says what is meant', () => {
    expect(() => readCondition('IF PV1-3 SOMETIMES', segment, new Set())).toThrow(
      'PV1[Encounter] PV1-3: IF PV1-3 SOMETIMES',
    )
    const used = new Set<string>()
    expect(readCondition('IF PV1-20 VALUE', segment, used)).toBe('PV1-20 VALUED')
    expect(readCondition('c', segment, used)).toBeUndefined()
    expect([...used]).toEqual(['IF PV1-20 VALUE', 'c'])
  })
})
