import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ackCode, acknowledge, answer } from '../../../adapters/hl7v2/answer.ts'
import { readHeader } from '../../../adapters/hl7v2/header.ts'
import { Message } from '../../../adapters/hl7v2/message.ts'
import { errors, type KnownCode } from '../../../src/errors.ts'
import { limits } from '../../../src/limits.ts'
import type { Issue } from '../../../src/records.ts'

const stamp = { controlId: 'G1', at: Date.UTC(2026, 10, 24, 7, 15, 9) }
const missing: Issue = { code: 'E_FIELD_MISSING', at: 'PID-3[2].4' }

function lines(bytes: Uint8Array | null): readonly string[] {
  const text = Buffer.from(bytes ?? []).toString('latin1')
  expect(text.startsWith('\x0b')).toBe(true)
  expect(text.endsWith('\r\x1c\r')).toBe(true)
  return text.slice(1, -3).split('\r')
}

const header = (version = '2.5.1', rest = '') =>
  readHeader(Buffer.from(`MSH|^~\\&|LAB^1.2^ISO|EAST|GW|CLINIC|2026||ORU^R01^ORU_R01|M&1|T^A|${version}${rest}\rPID|1`))

describe('the acknowledgement', () => {
  it('swaps the parties and echoes what the sender needs to find its message again', () => {
    expect(lines(acknowledge('AA', [], header('2.5.1', '||||||8859/1'), stamp))).toEqual([
      'MSH|^~\\&|GW|CLINIC|LAB^1.2^ISO|EAST|20261124071509+0000||ACK^R01^ACK|G1|T^A|2.5.1||||||8859/1',
      'MSA|AA|M&1',
    ])
  })

  it('says what, where and which rule from v2.5 on', () => {
    expect(lines(acknowledge('AE', [missing, { code: 'E_DATE', at: 'OBX[2]-14' }], header(), stamp)).slice(1)).toEqual([
      'MSA|AE|M&1',
      'ERR||PID^1^3^2^4|101^Required field missing^HL70357|E|E_FIELD_MISSING|||a required value is missing',
      'ERR||OBX^2^14|102^Data type error^HL70357|E|E_DATE|||not a valid date or time',
    ])
  })

  it('says it in MSA-3 and ERR-1 before v2.5', () => {
    expect(
      lines(acknowledge('AE', [missing, { code: 'E_DATE', at: 'OBX[2]-14' }], header('2.3'), stamp)).slice(1),
    ).toEqual([
      'MSA|AE|M&1|a required value is missing',
      'ERR|PID^1^3^101&Required field missing&HL70357~OBX^2^14^102&Data type error&HL70357',
    ])
  })

  it('speaks with the delimiters of the sender, and none where it has no escapes', () => {
    const other = readHeader(Buffer.from('MSH|$%~&'))
    expect(lines(acknowledge('AE', [missing], other, stamp)).at(-1)).toBe(
      'ERR||PID$1$3$2$4|101$Required field missing$HL70357|E|E_FIELD_MISSING|||a required value is missing',
    )
    const odd = readHeader(Buffer.from('MSH:_~\\&:A:B:C:D:::ADT_A01:7:P:2.5'))
    expect(lines(acknowledge('AE', [missing], odd, stamp))).toEqual([
      'MSH:_~\\&:C:D:A:B:20261124071509+0000::ACK_A01_ACK:G1:P:2.5',
      'MSA:AE:7',
      'ERR::PID_1_3_2_4:101_Required field missing_HL70357:E:E\\S\\FIELD\\S\\MISSING:::a required value is missing',
    ])
  })

  it('echoes bytes of any character set as they came', () => {
    const bytes = Buffer.concat([Buffer.from('MSH|^~\\&|'), Buffer.from([0xc4, 0xd6]), Buffer.from('|||||||Ä1|P|2.5')])
    const text = Buffer.from(acknowledge('AA', [], readHeader(bytes), stamp))
    expect(text.includes(Buffer.from([0x7c, 0xc4, 0xd6, 0x7c]))).toBe(true)
    expect(text.includes(Buffer.from('MSA|AA|Ä1'))).toBe(true)
  })

  it('answers what is no HL7 in standard delimiters', () => {
    expect(
      lines(acknowledge('AR', [{ code: 'E_NOT_HL7', at: 'MSH' }], readHeader(Buffer.from('hello')), stamp)),
    ).toEqual([
      'MSH|^~\\&|||||20261124071509+0000||ACK|G1|P|2.5.1',
      'MSA|AR',
      'ERR||MSH^1|100^Segment sequence error^HL70357|E|E_NOT_HL7|||the frame does not begin with an MSH segment',
    ])
  })

  it('never sends a place that is not one of HL7, nor more errors than the limit', () => {
    const odd = ['Observation.valueQuantity', '$.body', 'Müller', 'PID-3|x', '?-3'].map(at => ({ ...missing, at }))
    for (const error of lines(acknowledge('AE', odd, header(), stamp)).slice(2)) expect(error).toMatch(/^ERR\|\|\|101/)
    const many = Array.from({ length: 1000 }, () => missing)
    expect(lines(acknowledge('AE', many, header(), stamp))).toHaveLength(2 + limits.hl7AnswerErrors)
  })

  it('is AR when anything is not supported or not allowed, else AE', () => {
    const issue = (code: KnownCode): Issue => ({ code, at: 'MSH' })
    expect(ackCode([issue('E_DATE')])).toBe('AE')
    expect(ackCode([issue('E_DATE'), issue('E_EVENT')])).toBe('AR')
    expect(ackCode([issue('E_SENDER')])).toBe('AR')
    expect(ackCode([])).toBe('AE')
  })

  it('is none for later, but an AR for a full box where the profile wants it; never AE', () => {
    const full = { kind: 'later', code: 'E_FULL' } as const
    expect(answer(full, header(), 'close', stamp)).toBeNull()
    expect(answer({ kind: 'later', code: 'E_ENGINE' }, header(), 'AR', stamp)).toBeNull()
    expect(lines(answer(full, header(), 'AR', stamp))[1]).toBe('MSA|AR|M&1')
  })

  it('can be read again, holds MSA-2 as received and nothing else of the message, for any header and any error', () => {
    const text = fc.stringMatching(/^[A-Za-z0-9\\~&^ .-]{0,12}$/)
    const codes = Object.keys(errors) as KnownCode[]
    fc.assert(
      fc.property(
        fc.constantFrom('|^~\\&', '|^~\\&#', '|^~&', '|$%~&', '*^~\\&'),
        fc.array(text, { minLength: 9, maxLength: 9 }),
        fc.constantFrom('2.1', '2.3.1', '2.5', '2.8', ''),
        fc.array(fc.record({ code: fc.constantFrom(...codes), at: fc.constantFrom('PID-3', 'OBX[3]-5.2', '') })),
        (delimiters, [a, b, c, d, e, f, id, g, note], version, issues) => {
          const s = delimiters[0]!
          const head = `MSH${[delimiters, a, b, c, d, e, f, 'ADT', id, g, version].join(s)}`
          const bytes = Buffer.from(`${head}\rNTE${s}ZZTOP${note}`)
          const read = Message.read(lines(acknowledge('AE', issues, readHeader(bytes), stamp)).join('\r'))
          expect(read.first('MSA')?.value(1)).toBe('AE')
          expect(
            read
              .first('MSA')
              ?.field(2)
              .map(field => field.raw)
              .join('~') ?? '',
          ).toBe(
            Message.read(head)
              .first('MSH')
              ?.field(10)
              .map(field => field.raw)
              .join('~') ?? '',
          )
          expect(read.segments.every(segment => /^(MSH|MSA|ERR)$/.test(segment.name))).toBe(true)
          expect(JSON.stringify(lines(acknowledge('AE', issues, readHeader(bytes), stamp)))).not.toContain('ZZTOP')
        },
      ),
      { numRuns: 300 },
    )
  })
})
