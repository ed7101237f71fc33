import fc from 'fast-check'
import { Partitioners } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { murmur2, partitionOf } from '../../../../src/uplink/kafka/partition.ts'

describe('the partition of a key', () => {
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('murmur2 of %s is what the Java client computes', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })

  test('agrees with the Java compatible partitioner of the client library for any key', () => {
    const theirs = Partitioners.DefaultPartitioner()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer({ min: 1, max: 64 }), (key, count) => {
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({ partitionId })) as never
        expect(partitionOf(key, count)).toBe(theirs({ topic: 't', partitionMetadata, message: { key, value: null } }))
      }),
    )
  })
})
