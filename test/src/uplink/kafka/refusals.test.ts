/** A refused record, or a topic that refuses everything: which of them it is. */
import { beforeEach, describe, expect, test } from 'vitest'
import { limits } from '../../../../src/limits.ts'
import { isTooLarge, Refusals } from '../../../../src/uplink/kafka/refusals.ts'

const parked: number[] = []
let refusals: Refusals

beforeEach(() => {
  parked.length = 0
  refusals = new Refusals(seq => void parked.push(seq))
})

const refuse = (seq: number, partition = 0) =>
  refusals.suspect({ seq, topic: 'n.fhir', partition, cause: 'INVALID_RECORD' })

/** One attempt; says what it ends with. */
function attempt(work: () => void): string {
  refusals.begin()
  try {
    work()
    refusals.settle()
    return 'settled'
  } catch (error) {
    return (error as Error).message
  }
}

const blamed = expect.stringMatching(/^E_UPLINK_CONFIG: .* at n\.fhir \(ALL_INVALID_RECORD\)$/)

describe('a refused record is parked', () => {
  test('when its topic took another one, before or after it', () => {
    expect(attempt(() => [refuse(1), refusals.taken('n.fhir'), refuse(3)])).toBe('settled')
    expect(parked).toEqual([1, 3])
  })

  test('and until then nothing that follows it in its partition may leave', () => {
    refusals.begin()
    refuse(1, 2)
    expect([refusals.holds('n.fhir', 2), refusals.holds('n.fhir', 1), refusals.holds('n.keys', 2)]).toEqual([
      true,
      false,
      false,
    ])
    refusals.taken('n.fhir')
    expect(refusals.holds('n.fhir', 2)).toBe(false)
  })

  test('at once in the rest of an attempt whose topic took another one', () => {
    attempt(() => refusals.taken('n.fhir'))
    refusals.begin(true)
    refuse(2)
    expect(parked).toEqual([2])
    refusals.begin()
    refuse(3)
    expect(parked).toEqual([2])
  })

  test('the first of several after some rounds, since there may be good ones behind it', () => {
    const both = () => [refuse(1, 0), refuse(2, 1)]
    for (let round = 1; round < limits.suspectRounds; round++) expect(attempt(both)).toEqual(blamed)
    expect(attempt(both)).toBe('settled')
    expect(parked).toEqual([1])
  })

  test('when it is all there is, after some rounds; the next one as soon when the topic takes records again', () => {
    for (let round = 1; round < limits.suspectRounds; round++) expect(attempt(() => refuse(1))).toEqual(blamed)
    expect(attempt(() => refuse(1))).toBe('settled')
    for (let round = 0; round < 3 * limits.suspectRounds; round++) expect(attempt(() => refuse(2))).toEqual(blamed)
    expect(parked).toEqual([1])
    expect(attempt(() => refusals.taken('n.fhir'))).toBe('settled')
    for (let round = 0; round < limits.suspectRounds; round++) attempt(() => refuse(2))
    expect(parked).toEqual([1, 2])
  })
})

describe('the topic is to blame', () => {
  test('when it took none: a record is parked, the next after ten times as many attempts, and so on', () => {
    const parkedAt: number[] = []
    for (let round = 1; round <= 999 * limits.suspectRounds; round++) {
      const result = attempt(() => [refuse(1 + parked.length), refusals.taken('n.keys')])
      if (result === 'settled') parkedAt.push(round / limits.suspectRounds)
      else expect(result).toEqual(blamed)
    }
    expect(parkedAt).toEqual([1, 11, 111])
    expect(parked).toEqual([1, 2, 3])
  })

  test('when many partitions refused: the others are not tried', () => {
    let tried = 0
    const all = () => {
      for (; tried < 100; refuse(tried, tried)) tried++
    }
    expect(attempt(all)).toEqual(blamed)
    expect(tried).toBe(limits.suspects)
    expect(parked).toEqual([])
  })
})

test('only a limit that leaves nearly all records through makes one too large by itself', () => {
  expect(isTooLarge(90_000, 70_000)).toBe(true)
  expect(isTooLarge(60_000, 70_000)).toBe(false)
  expect(isTooLarge(3_000, 1_000)).toBe(false)
})
