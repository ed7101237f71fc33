import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeRecord, original, type RecordFields } from '../../../../src/uplink/kafka/record.ts'

const text = fc.string({ unit: 'binary', maxLength: 300 })
const bytes = fc.uint8Array({ maxLength: 20_000 }).map(array => Buffer.from(array))
/** As the uplink sends them. */
const ours = fc.record({
  offsetDelta: fc.nat(2 ** 31 - 1),
  key: text,
  value: fc.option(bytes),
  headers: fc.dictionary(text, text, { maxKeys: 70 }),
})
/** As other users of the client may. */
const others = fc.record(
  {
    offsetDelta: fc.nat(500),
    timestampDelta: fc.nat(2 ** 40),
    key: fc.oneof(bytes, text, fc.constant(null)),
    value: fc.oneof(bytes, text, fc.constant(null)),
    headers: fc.dictionary(fc.string(), fc.oneof(fc.string(), bytes, fc.array(fc.string(), { minLength: 1 })), {
      maxKeys: 5,
    }),
  },
  { requiredKeys: ['key', 'value'] },
)

describe('the encoder of records', () => {
  test.each<[string, fc.Arbitrary<RecordFields>]>([
    ['ours', ours],
    ['of another shape', others],
  ])('writes records %s byte for byte as the client does', (_, records) => {
    fc.assert(
      fc.property(records, fields => {
        expect(encodeRecord(fields).buffer.equals(original(fields).buffer)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
