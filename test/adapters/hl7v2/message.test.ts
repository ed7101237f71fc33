import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, isCharset } from '../../../adapters/hl7v2/charset.ts'
import {
  type Delimiters,
  escapeText,
  readDelimiters,
  standard,
  unescapeText,
} from '../../../adapters/hl7v2/delimiters.ts'
import { Message } from '../../../adapters/hl7v2/message.ts'
import { Refusal } from '../../../src/errors.ts'
import { limits } from '../../../src/limits.ts'

/** The findings of a refusal, `E_CODE at`. */
function refused(act: () => unknown): readonly string[] {
  try {
    act()
  } catch (error) {
    if (error instanceof Refusal) return error.issues.map(issue => `${issue.code} ${issue.at}`)
    throw error
  }
  return []
}

const header = 'MSH|^~\\&|A|B|C|D|20261124||ADT^A01^ADT_A01|ID1|P|2.5.1'
const read = (...lines: readonly string[]) => Message.read([header, ...lines].join('\r'))

describe('reading a message', () => {
  it('names what the header says', () => {
    const { type, event, structure, version, controlId } = read()
    expect({ type, event, structure, version, controlId }).toEqual({
      type: 'ADT',
      event: 'A01',
      structure: 'ADT_A01',
      version: '2.5.1',
      controlId: 'ID1',
    })
    expect(Message.read('MSH|^~\\&').type).toBe('')
  })

  it.each([
    ['CR', '\r'],
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['blank lines', '\r\r\n\n'],
  ])('ends segments with %s', (_, end) => {
    const message = Message.read(`\uFEFF${end}${header}${end}PID|1||7${end}OBX|1${end}OBX|2${end}`)
    expect(message.segments.map(segment => segment.name)).toEqual(['MSH', 'PID', 'OBX', 'OBX'])
    expect(message.first('PID')?.value(3)).toBe('7')
    expect(message.all('OBX').map(segment => segment.index)).toEqual([1, 2])
  })

  it('tells absent, empty and "" apart', () => {
    const pid = read('PID|1||""|A^""^^D|~X|^^&|&|').first('PID')!
    expect([pid.value(1), pid.value(2), pid.value(3), pid.value(99)]).toEqual(['1', undefined, null, undefined])
    expect([pid.value(4, 1), pid.value(4, 2), pid.value(4, 3), pid.value(4, 4)]).toEqual(['A', null, undefined, 'D'])
    expect(pid.field(3)[0]?.isNull).toBe(true)
    expect(pid.field(4)[0]?.isNull).toBe(false)
    expect([2, 3, 4, 5, 6, 7, 8, 99].map(n => pid.has(n))).toEqual([
      false,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ])
    expect(pid.field(5).map(field => field.value())).toEqual([undefined, 'X'])
    expect(pid.value(5, 1, 1, 2)).toBe('X')
    expect(pid.value(5, 1, 1, 3)).toBeUndefined()
  })

  it('takes the first component and subcomponent where one value is asked for, and keeps the whole as text', () => {
    const [field] = read('OBX|Salt & Pepper^2').first('OBX')!.field(1)
    expect(field?.value()).toBe('Salt ')
    expect(field?.value(1, 2)).toBe(' Pepper')
    expect(field?.text(1)).toBe('Salt & Pepper')
    expect(field?.text()).toBe('Salt & Pepper^2')
    expect(field?.components).toBe(2)
    expect(field?.raw).toBe('Salt & Pepper^2')
  })

  it.each([
    ['MSH|^~\\&|', '1^2&3~4\\F\\5', { first: '1', sub: '3', second: '4|5' }],
    ['MSH|$%~&|', '1$2&3%4~F~5', { first: '1', sub: '3', second: '4|5' }],
    ['MSH|^~\\&#|', '1^2&3~4\\P\\5', { first: '1', sub: '3', second: '4#5' }],
    ['MSH|^~&|', '1^2&3~4\\F\\5', { first: '1', sub: '3', second: '4\\F\\5' }],
    ['MSH|^~\\|', '1^2&3~4\\T\\5', { first: '1', sub: undefined, second: '4&5' }],
    ['MSH:^~\\&:', '1^2&3~4\\F\\5', { first: '1', sub: '3', second: '4:5' }],
  ])('reads by the delimiters of %s', (start, value, { first, sub, second }) => {
    const separator = start.charAt(3)
    const pid = Message.read(`${start}A\rPID${separator}1${separator}${value}`).first('PID')!
    expect([pid.value(2), pid.value(2, 2, 2), pid.value(2, 1, 1, 2)]).toEqual([first, sub, second])
  })

  it('gives MSH-1 and MSH-2 as they stand and counts MSH fields as the standard does', () => {
    const msh = Message.read('MSH|^~\\&#|A^B~C').first('MSH')!
    expect([msh.value(1), msh.value(2), msh.value(3, 2), msh.value(3, 1, 1, 2)]).toEqual(['|', '^~\\&#', 'B', 'C'])
  })

  it('names places, with the index only where the message has several of the kind', () => {
    const message = read('PID|1', 'OBX|1', 'OBX|2')
    expect(message.first('PID')?.at(3, 4)).toBe('PID-3.4')
    expect(message.first('PID')?.at(3, 4, 2)).toBe('PID-3[2].4')
    expect(message.all('OBX').map(segment => segment.at(5))).toEqual(['OBX[1]-5', 'OBX[2]-5'])
  })

  it('never takes the words of a torn line for a segment name', () => {
    expect(read('NTE|1||first', 'Muster lives', 'Änne', 'ZBE|1').segments.map(segment => segment.name)).toEqual([
      'MSH',
      'NTE',
      '?',
      '?',
      'ZBE',
    ])
  })

  it.each([
    ['GET / HTTP/1.1', 'E_NOT_HL7 MSH'],
    ['PID|1', 'E_NOT_HL7 MSH'],
    ['BHS|^~\\&|A', 'E_BATCH BHS'],
    ['FHS|^~\\&|A', 'E_BATCH FHS'],
    ['MSH', 'E_DELIMITERS MSH-1'],
    ['MSHA^~\\&A', 'E_DELIMITERS MSH-1'],
    ['MSH|^~|A', 'E_DELIMITERS MSH-2'],
    ['MSH|^~\\&#!|A', 'E_DELIMITERS MSH-2'],
    ['MSH|&&&&|A', 'E_DELIMITERS MSH-2'],
    ['MSH|^~\\||A', 'E_TWO_HEADERS MSH'],
    ['MSH|0000|A', 'E_DELIMITERS MSH-2'],
  ])('refuses %j', (start, finding) => {
    expect(refused(() => Message.read(`${start}\rMSH|^~\\&|B`))).toEqual([finding])
  })

  it('refuses more segments and more parts than are taken', () => {
    const many = `${header}\r${'Z\r'.repeat(limits.hl7Segments)}`
    expect(refused(() => Message.read(many))).toEqual(['E_MESSAGE_PARTS MSH'])
    for (const separator of '|^~&') {
      const wide = separator.repeat(limits.hl7SegmentParts)
      expect(refused(() => read(`OBX|1|${wide}`))).toEqual(['E_MESSAGE_PARTS OBX'])
    }
    expect(
      read(`OBX|1|${'A'.repeat(2 * limits.hl7SegmentParts)}`)
        .first('OBX')
        ?.has(2),
    ).toBe(true)
  })
})

describe('escapes', () => {
  it.each([
    ['\\F\\\\S\\\\T\\\\R\\\\E\\', '|^&~\\'],
    ['a\\.br\\b', 'a\nb'],
    ['\\X41\\\\X0d0A\\\\Xc3bc\\\\XFC\\', 'A\r\nüü'],
    ['\\H\\loud\\N\\', 'loud'],
    ['C:\\temp\\new', 'C:\\temp\\new'],
    ['\\Zxx\\ \\X4\\ \\.sp3\\', '\\Zxx\\ \\X4\\ \\.sp3\\'],
    ['\\E\\F\\E\\', '\\F\\'],
    ['a\\b\\F\\c', 'a\\b|c'],
    ['\\', '\\'],
    ['\\F', '\\F'],
  ])('%s is undone once', (written, meant) => {
    expect(unescapeText(written, standard)).toBe(meant)
  })

  const delimiters: fc.Arbitrary<Delimiters> = fc
    .shuffledSubarray([...'|^~\\&#$%!:;*+'], { minLength: 5, maxLength: 6 })
    .map(([field, ...named]) => readDelimiters(`MSH${field}${named.join('')}${field}`))

  it('come back as they went, with any delimiters and any text', () => {
    fc.assert(
      fc.property(delimiters, fc.string({ unit: 'binary' }), (d, plain) => {
        const written = escapeText(plain, d)
        expect(unescapeText(written, d)).toBe(plain)
        expect([d.field, d.component, d.repetition, '\r', '\n'].filter(split => written.includes(split))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('never lengthen a text and always end', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('\\', 'F', 'X', '41', '.br', 'E', ' ')), pieces => {
        expect(unescapeText(pieces.join(''), standard).length).toBeLessThanOrEqual(pieces.join('').length)
      }),
    )
  })
})

describe('character sets', () => {
  const named = (charset: string, rest = 'PID|1||1||Müller') =>
    `MSH|^~\\&|A|B|C|D|20261124||ADT^A01|1|P|2.5.1||||||${charset}\r${rest}`
  const utf8 = (charset: string) => Buffer.from(named(charset))
  const latin1 = (charset: string) => Buffer.from(named(charset), 'latin1')

  it.each([
    ['UNICODE UTF-8', utf8('UNICODE UTF-8'), '8859/1', 'UNICODE UTF-8', false],
    ['UTF8', utf8('UTF8'), '8859/1', 'UNICODE UTF-8', false],
    ['8859/1', latin1('8859/1'), 'UNICODE UTF-8', '8859/1', false],
    ['the first repetition', latin1('8859/1~UNICODE UTF-8'), 'UNICODE UTF-8', '8859/1', false],
    ['the sender where MSH-18 is empty', latin1(''), '8859/1', '8859/1', false],
    ['the sender where it is unknown, flagged', latin1('ISO IR 999'), '8859/1', '8859/1', true],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${named('UTF-8')}`), 'ASCII', 'UNICODE UTF-8', false],
  ])('reads by %s', (_, bytes, sender, charset, fallback) => {
    const decoded = decode(bytes, sender)
    expect(decoded).toMatchObject({ charset, fallback })
    expect(decoded.text.startsWith('MSH')).toBe(true)
    expect(Message.read(decoded.text).first('PID')?.value(5)).toBe('Müller')
  })

  it('reads 8859/1 as itself, not as windows-1252', () => {
    expect(decode(Buffer.from(`${named('8859/1')}\x80`, 'latin1'), '').text.endsWith('\x80')).toBe(true)
  })

  it.each([
    ['UTF-8', latin1('UTF-8'), '8859/1'],
    ['ASCII', utf8('ASCII'), 'UNICODE UTF-8'],
    ['the sender, for an unknown MSH-18', latin1('ISO IR 999'), 'UNICODE UTF-8'],
  ])('refuses bytes that are not %s', (_, bytes, sender) => {
    expect(refused(() => decode(bytes, sender))).toEqual(['E_CHARSET MSH-18'])
  })

  it('knows what a profile may name', () => {
    expect(['utf-8', '8859/1', 'ASCII', 'KLINGON', ''].map(isCharset)).toEqual([true, true, true, false, false])
  })

  it('throws nothing but refusals, whatever comes', () => {
    const start = fc.constantFrom('', 'MSH', 'MSH|^~\\&|', 'MSH|^~\\&|A|B|C|D|||ADT^A01|1|P|2.5||||||UTF-8\rPID|')
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), (text, bytes) => {
        refused(() => {
          const message = Message.read(decode(Buffer.concat([Buffer.from(text), bytes]), '8859/1').text)
          for (const segment of message.segments) for (let n = 0; n < 30; n++) segment.value(n, 2, 2, 2)
        })
      }),
      { numRuns: 1000 },
    )
  })
})
