import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ackCode, acknowledge, answers, framed } from '../../../adapters/hl7v2/answer.ts'
import { readHeader } from '../../../adapters/hl7v2/header.ts'
import { Message } from '../../../adapters/hl7v2/message.ts'
import { errors, type KnownCode } from '../../../src/errors.ts'
import { limits } from '../../../src/limits.ts'
import type { Issue, Verdict } from '../../../src/records.ts'

const stamp = { controlId: 'G1', at: Date.UTC(2026, 10, 24, 7, 15, 9) }
const missing: Issue = { code: 'E_FIELD_MISSING', at: 'PID-3[2].4' }

function lines(message: string): readonly string[] {
  expect(message.endsWith('\r')).toBe(true)
  return message.slice(0, -1).split('\r')
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
    const header = readHeader(bytes)
    const text = Buffer.from(framed([acknowledge('AA', [], header, stamp)], header))
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
    expect(answers(full, header(), 'close', () => stamp)).toBeNull()
    expect(answers({ kind: 'later', code: 'E_ENGINE' }, header(), 'AR', () => stamp)).toBeNull()
    expect(answers(full, header(), 'AR', () => stamp)?.map(one => lines(one)[1])).toEqual(['MSA|AR|M&1'])
  })

  it('stands in a frame of its own', () => {
    expect(Buffer.from(framed(['A\r', 'B\r'], header())).toString()).toBe('\x0bA\r\x1c\r\x0bB\r\x1c\r')
    expect(framed([], header())).toHaveLength(0)
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

/** HL7 v2.5.1 §2.9.3 as a table: MSH-15, MSH-16, what a taken and what a refused message owes its sender. */
const modes = `
        .  .   A      E
        .  AL  A      E
        .  NE  -      -
        .  ER  -      E
        .  SU  A      -
        AL .   C      c
        AL AL  C+A    c
        AL NE  C      c
        AL ER  C      c
        AL SU  C+A    c
        NE .   -      -
        NE AL  A      E
        NE NE  -      -
        NE ER  -      E
        NE SU  A      -
        ER .   -      c
        ER AL  A      c
        ER NE  -      c
        ER ER  -      c
        ER SU  A      c
        SU .   C      -
        SU AL  C+A    E
        SU NE  C      -
        SU ER  C      E
        SU SU  C+A    -`
  .trim()
  .split('\n')
  .map(row => row.trim().split(/\s+/) as [string, string, string, string])

const taken: Readonly<Record<string, readonly string[]>> = { '-': [], A: ['AA'], C: ['CA'], 'C+A': ['CA', 'AA'] }
const refused: Readonly<Record<string, (letter: 'E' | 'R') => readonly string[]>> = {
  '-': () => [],
  E: letter => [`A${letter}`],
  c: letter => [`C${letter}`],
}

describe('what MSH-15 and MSH-16 ask for', () => {
  const verdicts: readonly [string, Verdict, (good: string, bad: string) => readonly string[] | null][] = [
    ['kept', { kind: 'kept', issues: [], receipt: 'r' }, good => taken[good]!],
    ['held', { kind: 'held', issues: [missing], receipt: 'r' }, good => taken[good]!],
    ['the same again', { kind: 'same', as: 'held', receipt: 'r' }, good => taken[good]!],
    ['refused', { kind: 'never', issues: [missing] }, (_, bad) => refused[bad]!('E')],
    [
      'refused for the system',
      { kind: 'never', issues: [{ code: 'E_EVENT', at: 'MSH-9.2' }] },
      (_, bad) => refused[bad]!('R'),
    ],
    ['later', { kind: 'later', code: 'E_BUSY' }, () => null],
    ['full, with AR', { kind: 'later', code: 'E_FULL' }, (_, bad) => (bad === '-' ? null : refused[bad]!('R'))],
  ]
  const said = (verdict: Verdict, commit: string, application: string) => {
    const asks = readHeader(
      Buffer.from(`MSH|^~\\&|A|B|C|D|2026||ADT^A01|M1|P|2.5.1|||${commit}|${application}||UNICODE UTF-8\r`),
    )
    return answers(verdict, asks, 'AR', () => stamp)?.map(lines) ?? null
  }

  it('is a table of every combination', () => {
    const sign = ['.', 'AL', 'NE', 'ER', 'SU']
    expect(modes.map(([commit, application]) => `${commit} ${application}`).sort()).toEqual(
      sign.flatMap(commit => sign.map(application => `${commit} ${application}`)).sort(),
    )
  })

  it.each(verdicts)('%s', (_, verdict, expected) => {
    for (const [commit, application, good, bad] of modes) {
      const heard = said(verdict, commit.replace('.', ''), application.replace('.', ''))
      const codes = heard?.map(one => one[1]!.slice(4)) ?? null
      const due = expected(good, bad)?.map(code => `${code}|M1`) ?? null
      expect(codes, `${commit} ${application}`).toEqual(due)
      // nobody shall acknowledge an acknowledgement
      const never = commit === '.' && application === '.' ? '||||||UNICODE UTF-8' : '|||NE|NE||UNICODE UTF-8'
      for (const [head] of heard ?? []) expect(head!.endsWith(`|2.5.1${never}`), head).toBe(true)
      for (const one of heard ?? []) expect(one.length).toBe(/MSA\|.A/.test(one[1]!) ? 2 : 3)
    }
  })

  it.each([
    ['Y', 'N', ['AA']],
    ['al', ' ne ', ['CA']],
    ['AL^x', 'NE', ['CA']],
    ['""', '""', ['AA']],
  ])('%j and %j: %j', (commit, application, codes) => {
    const kept: Verdict = { kind: 'kept', issues: [], receipt: 'r' }
    expect(said(kept, commit, application)?.map(one => one[1])).toEqual(codes.map(code => `MSA|${code}|M1`))
  })
})
