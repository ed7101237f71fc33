import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hapi, hapiMissing } from './clients.ts'
import { Partner, result, wrong } from './partner.ts'

const missing = hapiMissing()

describe.skipIf(missing)(`HAPI (${missing ?? 'its HL7 v2 client'})`, { timeout: 90_000 }, () => {
  let partner: Partner
  beforeAll(async () => {
    partner = await Partner.run()
  })
  afterAll(() => partner?.[Symbol.asyncDispose]())

  it('sends, and reads our answers as typed, valid acknowledgements', async () => {
    const messages = [
      result('A'),
      wrong('B'),
      result('C', { modes: 'AL|NE' }),
      result('D', { note: 'x'.repeat(30_000) }),
    ]
    expect(hapi(partner.port, messages)).toEqual([
      'ACK^R01^ACK AA A',
      expect.stringMatching(/^ACK\^Z99\^ACK AR B MSH\^1\^9\S* E_MESSAGE_TYPE$/),
      'ACK^R01^ACK CA C',
      'ACK^R01^ACK AA D',
    ])
    expect(await partner.left()).toEqual({ orders: ['A', 'C', 'D'], names: ['Größe'] })
  })
})
