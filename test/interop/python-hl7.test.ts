import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mllpSend, mllpSendMissing } from './clients.ts'
import { Partner, result, wrong } from './partner.ts'

const missing = mllpSendMissing()

describe.skipIf(missing)(`python-hl7 (${missing ?? 'mllp_send'})`, { timeout: 60_000 }, () => {
  let partner: Partner
  beforeAll(async () => {
    partner = await Partner.run()
  })
  afterAll(() => partner?.[Symbol.asyncDispose]())

  it('sends a file of frames and prints an answer to each', async () => {
    const file = join(partner.folder, 'frames')
    const messages = [result('A'), wrong('B'), result('C')]
    writeFileSync(file, messages.map(message => `\x0b${message}\x1c\r`).join(''))
    const out = mllpSend(partner.port, file)
    expect([...out.matchAll(/MSA\|[^\r]*/g)].map(([msa]) => msa)).toEqual(['MSA|AA|A', 'MSA|AR|B', 'MSA|AA|C'])
    expect(await partner.left()).toEqual({ orders: ['A', 'C'], names: ['Größe'] })
  })

  it('sends a text file with LF as a message', async () => {
    const file = join(partner.folder, 'loose')
    writeFileSync(file, result('D').replaceAll('\r', '\n'))
    expect(mllpSend(partner.port, file, '--loose')).toContain('MSA|AA|D')
  })
})
