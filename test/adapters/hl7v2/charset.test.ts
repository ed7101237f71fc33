import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { acknowledge, framed } from '../../../adapters/hl7v2/answer.ts'
import { charsetNames, decode, isCharset } from '../../../adapters/hl7v2/charset.ts'
import { readHeader } from '../../../adapters/hl7v2/header.ts'
import { Message } from '../../../adapters/hl7v2/message.ts'
import { hl7v2Translator } from '../../../adapters/hl7v2/translate.ts'
import { charsets, loadProfiles } from '../../../src/directory/profiles.ts'
import { Refusal } from '../../../src/errors.ts'
import { arrivalOf, directoryOf, profile } from './translate/messages.ts'
import { FakeIntake, frame, listen, Sender } from './wire.ts'

/** The upper half of the parts of ISO 8859 as another program (iconv) has it, from 0xA0 on; U+FFFD: not in use. */
const upper: Readonly<Record<string, string>> = {
  '8859/1':
    '\u00a0¡¢£¤¥¦§¨©ª«¬\u00ad®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ',
  '8859/2':
    '\u00a0Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u00adŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙',
  '8859/3':
    '\u00a0Ħ˘£¤�Ĥ§¨İŞĞĴ\u00ad�Ż°ħ²³´µĥ·¸ışğĵ½�żÀÁÂ�ÄĊĈÇÈÉÊËÌÍÎÏ�ÑÒÓÔĠÖ×ĜÙÚÛÜŬŜßàáâ�äċĉçèéêëìíîï�ñòóôġö÷ĝùúûüŭŝ˙',
  '8859/4':
    '\u00a0ĄĸŖ¤ĨĻ§¨ŠĒĢŦ\u00adŽ¯°ą˛ŗ´ĩļˇ¸šēģŧŊžŋĀÁÂÃÄÅÆĮČÉĘËĖÍÎĪĐŅŌĶÔÕÖ×ØŲÚÛÜŨŪßāáâãäåæįčéęëėíîīđņōķôõö÷øųúûüũū˙',
  '8859/5':
    '\u00a0ЁЂЃЄЅІЇЈЉЊЋЌ\u00adЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя№ёђѓєѕіїјљњћќ§ўџ',
  '8859/6':
    '\u00a0���¤�������،\u00ad�������������؛���؟�ءآأؤإئابةتثجحخدذرزسشصضطظعغ�����ـفقكلمنهوىي\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652�������������',
  '8859/7':
    '\u00a0‘’£€₯¦§¨©ͺ«¬\u00ad�―°±²³΄΅Ά·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ�ΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ�',
  '8859/8':
    '\u00a0�¢£¤¥¦§¨©×«¬\u00ad®¯°±²³´µ¶·¸¹÷»¼½¾��������������������������������‗אבגדהוזחטיךכלםמןנסעףפץצקרשת��\u200e\u200f�',
  '8859/9':
    '\u00a0¡¢£¤¥¦§¨©ª«¬\u00ad®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ',
  '8859/15':
    '\u00a0¡¢£€¥Š§š©ª«¬\u00ad®¯°±²³Žµ¶·ž¹º»ŒœŸ¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ',
}

/** Texts as iconv writes them. The Japanese and Chinese ones have bytes that look like delimiters. */
const texts: readonly (readonly [charset: string, text: string, hex: string])[] = [
  ['GB 18030-2000', '倈奬^三丰~€丂㐀', '827c8a5c5ec8fdb7e17ea2e381408139ee39'],
  ['BIG-5', '許功蓋', 'b35ca55cbb5c'],
  ['KS X 1001', '홍^길동', 'c8ab5eb1e6b5bf'],
  ['ISO IR87', '傅五京學^ヤマダ~東京', '1b2442507c385e357e555c1b28425e1b24422564255e25401b28427e1b2442456c357e1b2842'],
  ['ISO IR159', '丂侄^A', '1b2428443021307e1b28425e41'],
  ['ISO IR13', 'ﾔﾏﾀﾞ^A', 'd4cfc0de5e41'],
  ['WINDOWS-1250', '„Žižek“', '848e699e656b93'],
  ['WINDOWS-1251', 'Іван „Щур“', 'b2e2e0ed2084d9f3f093'],
  ['WINDOWS-1252', '“Müller” €', '934dfc6c6c6572942080'],
]

const head = (charset: string) => `MSH|^~\\&|A|B|C|D|20261124||ADT^A01|1|P|2.5.1||||||${charset}\r`
const message = (charset: string, name: Uint8Array) =>
  Buffer.concat([Buffer.from(`${head(charset)}PID|1||1||`), name, Buffer.from('|||F\r')])
const hex = (bytes: string) => Buffer.from(bytes, 'hex')
const nameIn = (text: string) => /\rPID\|1\|\|1\|\|([^\r]*)\|\|\|F\r$/.exec(text)?.[1]

function refusal(read: () => unknown): string | null {
  try {
    read()
    return null
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.message
  }
}

describe('character sets of one byte', () => {
  it.each(Object.entries(upper))('%s: every byte is the right character', (charset, table) => {
    for (let byte = 0x20; byte <= 0xff; byte++) {
      if (byte >= 0x7f && byte < 0xa0) continue
      const expected = byte < 0x7f ? String.fromCharCode(byte) : table[byte - 0xa0]
      const read = () => decode(message(charset, Uint8Array.of(byte)), 'ASCII')
      if (expected === '\ufffd') expect(refusal(read), byte.toString(16)).toBe('E_CHARSET at MSH-18')
      else expect(nameIn(read().text), byte.toString(16)).toBe(expected)
    }
  })

  it.each(Object.keys(upper))('%s: the controls of its upper half are themselves, flagged', charset => {
    for (let byte = 0x80; byte < 0xa0; byte++) {
      const { text, doubtful } = decode(message(charset, Uint8Array.of(byte)), 'ASCII')
      expect([nameIn(text), doubtful]).toEqual([String.fromCharCode(byte), true])
    }
  })
})

describe('texts of another program', () => {
  it.each(texts)('%s', (charset, text, bytes) => {
    expect(decode(message(charset, hex(bytes)), 'ASCII')).toMatchObject({ charset, fallback: false, doubtful: false })
    expect(nameIn(decode(message(charset, hex(bytes)), 'ASCII').text)).toBe(text)
  })

  it.each(texts)('%s of the sender’s profile, where MSH-18 is empty', (charset, text, bytes) => {
    expect(nameIn(decode(message('', hex(bytes)), charset).text)).toBe(text)
  })

  it.each(texts)('%s: torn, no character is replaced', (charset, _, bytes) => {
    for (let length = 1; length < hex(bytes).length; length++) {
      const torn = message(charset, hex(bytes).subarray(0, length))
      const refused = refusal(() => expect(decode(torn, '').text).not.toContain('\ufffd'))
      expect(refused ?? 'E_CHARSET at MSH-18').toBe('E_CHARSET at MSH-18')
    }
  })

  it('the names that senders write', () => {
    for (const charset of Object.keys(upper)) expect(isCharset(charset.replace('/', '-'))).toBe(true)
    expect(['iso-8859-1', 'iso ir6', 'unicode', 'Unicode  UTF-16', 'cp1252'].map(isCharset)).toEqual(
      Array(5).fill(true),
    )
    expect(['CNS 11643-1992', 'UNICODE UTF-32', 'latin'].map(isCharset)).toEqual([false, false, false])
  })

  it('a profile may name every set, and no other', () => {
    expect([...charsets].sort()).toEqual([...charsetNames].sort())
    const folder = mkdtempSync(join(tmpdir(), 'clinic-gateway-charset-'))
    const load = (charset: string) => {
      writeFileSync(join(folder, 'lab.yaml'), `addresses: [10.0.0.1]\nzone: Europe/Berlin\ncharset: ${charset}\n`)
      return loadProfiles(folder)
    }
    for (const charset of charsets) expect(load(charset)[0]?.charset).toBe(charset)
    expect(() => load('8859/16')).toThrow('lab.yaml')
    rmSync(folder, { recursive: true })
  })
})

describe('any bytes under any name', () => {
  const names = [
    ...Object.keys(upper),
    ...texts.map(([charset]) => charset),
    'UNICODE UTF-8',
    'UNICODE UTF-16',
    '~ISO IR87~ISO IR159',
    '8859/1~8859/7',
    'KLINGON',
  ]
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc
      .constantFrom('\x1b$B', '\x1b$(D', '\x1b(B', '\x1b(I', '\x1b-B', '\\M2442\\', '\\C2842\\', '\r')
      .map(text => Buffer.from(text)),
  )

  it('are read without replacing any, or refused; and the next message is read as if they had not been', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.constantFrom(...texts), fc.array(piece), (charset, next, pieces) => {
        const bytes = Buffer.concat(pieces)
        // U+FFFD itself, as UTF-8 and GB 18030 write it
        const sent = /efbfbd|8431a437/.test(bytes.toString('hex'))
        const refused = refusal(() => {
          const { text } = decode(message(charset, bytes), '8859/1')
          if (!sent) expect(text).not.toContain('\ufffd')
        })
        expect(refused ?? 'E_CHARSET at MSH-18').toBe('E_CHARSET at MSH-18')
        expect(nameIn(decode(message(next[0], hex(next[2])), '').text)).toBe(next[1])
      }),
      { numRuns: 1000 },
    )
  })
})

describe('sets that change inside a text', () => {
  const kanji = '1b24424b7c49211b2842'

  it.each<[string, string, string, string]>([
    ['an empty first repetition is ASCII', '~ISO IR87', kanji, '万鼻'],
    ['any base', '8859/1~ISO IR87', `fc${kanji}fc`, 'ü万鼻ü'],
    ['UTF-8 as base', 'UNICODE UTF-8~ISO IR87', `c3bc${kanji}`, 'ü万鼻'],
    ['both tables of kanji', 'ISO IR87~ISO IR159', `${kanji}1b2428443021307e1b2842`, '万鼻丂侄'],
    ['the older table', 'ISO IR87', '1b24404b7c1b284a', '万'],
    ['katakana of one byte', 'ISO IR87', '1b2849544f401b2842', 'ﾔﾏﾀ'],
    ['Roman letters keep HL7’s delimiters', 'ISO IR14', '1b284a415c467e', 'A\\F~'],
    ['a part of ISO 8859', '8859/1~8859/2', 'fc1b2d42b91b2d41b9', 'üš¹'],
    [
      'escape sequences of HL7',
      'ASCII~ISO IR87',
      `${Buffer.from('\\M2442\\').toString('hex')}4b7c4921${Buffer.from('\\C2842\\').toString('hex')}A`.replace(
        /A$/,
        '41',
      ),
      '万鼻A',
    ],
    [
      'escape sequences of HL7 for ISO 8859',
      'ASCII~8859/2',
      `${Buffer.from('\\C2D42\\').toString('hex')}b9${Buffer.from('\\C2842\\').toString('hex')}41`,
      'šA',
    ],
  ])('%s', (_, charset, bytes, text) => {
    const decoded = decode(message(charset, hex(bytes)), 'UNICODE UTF-8')
    expect(nameIn(decoded.text)).toBe(text)
    expect(decoded.fallback).toBe(false)
  })

  it('a set holds to the end of its segment at most', () => {
    const open = Buffer.concat([Buffer.from(`${head('ISO IR87')}NTE|1||`), hex('1b24424b7c'), Buffer.from('\rPID|1\r')])
    expect(decode(open, '').text).toBe(`${head('ISO IR87')}NTE|1||万\rPID|1\r`)
  })

  it.each([
    ['half a character', '1b24424b7c491b2842'],
    ['a byte that is none', '1b24424b7cffff1b2842'],
    ['a place without a character', '1b24427e7e1b2842'],
    ['bytes above 0x7F in ASCII', 'fc'],
    ['what is nearly a designation', '1b2462'],
  ])('refuses %s', (_, bytes) => {
    expect(refusal(() => decode(message('ISO IR87', hex(bytes)), '8859/1'))).toBe('E_CHARSET at MSH-18')
  })

  it('leaves escape characters of other messages alone', () => {
    expect(nameIn(decode(message('UNICODE UTF-8', hex(kanji)), '').text)).toBe('\x1b$BK|I!\x1b(B')
  })

  it.each([
    ['Japanese', '1b24424b7c305f1b2842', '万胃', '~ISO IR87'],
    ['Chinese', '817c825e', '亅俕', 'GB 18030-2000'],
  ])('takes nothing of a %s header for a delimiter, and answers it byte by byte', (_, name, text, charset) => {
    const bytes = Buffer.concat([
      Buffer.from('MSH|^~\\&|'),
      hex(name),
      Buffer.from(`|B|C|D|20261124||ADT^A01|M7|P|2.5||||||${charset}\rPID|1||1||X\r`),
    ])
    expect(Message.read(decode(bytes, '').text).first('MSH')?.value(3)).toBe(text)
    const header = readHeader(bytes)
    expect([header.field(10), header.component(9, 2), header.field(18)]).toEqual(['M7', 'A01', charset])
    const answer = Buffer.from(framed([acknowledge('AA', [], header, { controlId: 'X', at: 0 })], header))
    expect(answer.includes(hex(`7c${name}7c`))).toBe(true)
  })
})

describe('a header in Chinese', () => {
  const named = (name: string, charset: string) =>
    Buffer.concat([
      Buffer.from('MSH|^~\\&|A|'),
      hex(name),
      Buffer.from(`|C|D|20261124||ADT^A01|M7|P|2.5||||||${charset}\rPID|1||1||X\r`),
    ])

  it.each([
    ['GB 18030-2000', '北京', 'b1b1bea9', 'GB 18030-2000', ''],
    ['BIG-5', '中文', 'a4a4a4e5', 'BIG-5', ''],
    ['GB 18030 with four bytes a character', '㐀北', '8139ee39b1b1', 'GB 18030-2000', ''],
    ['GB 18030 of a sender that never names it', '縷亅', 'bf7c817c', '', 'GB 18030-2000'],
    ['UTF-8 of a sender that else sends GB 18030', '中', 'e4b8ad', 'UNICODE UTF-8', 'GB 18030-2000'],
    ['UTF-8 under the name of GB 18030', '中', 'e4b8ad', 'GB 18030-2000', ''],
    ['UTF-8 under the name of Big5', '中', 'e4b8ad', 'BIG-5', ''],
  ])('%s: no delimiter is lost or found in it', (_, text, name, charset, sender) => {
    const header = readHeader(named(name, charset), sender)
    expect([header.field(5), header.field(10), header.field(11)]).toEqual(['C', 'M7', 'P'])
    const read = Message.read(decode(named(name, charset), sender).text).first('MSH')
    expect([read?.value(4), read?.value(5), read?.value(10)]).toEqual([text, 'C', 'M7'])
  })

  it('is answered under its own control id where only the profile knows the set', async () => {
    const intake = new FakeIntake(undefined, directoryOf({ ...profile, charset: 'GB 18030-2000' }))
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(named('bf7c', '')))
    const batch = [Buffer.from('BHS|^~\\&|A\r'), named('bf7c', ''), Buffer.from('BTS|1\r')]
    await sender.send(frame(Buffer.concat(batch)))
    const said = (await sender.hear(2)).map(answer => /MSA\|\w+\|\w*/.exec(answer.text)?.[0])
    expect(said).toEqual(['MSA|AA|M7', 'MSA|AA|M7'])
  })
})

it('a first line without an end is no header: what strangers send is not worked on', async () => {
  const intake = new FakeIntake(undefined, { ...directoryOf(profile), senders: [] })
  await using gateway = await listen(intake, { maxFrame: 32 * 1024 * 1024 })
  using sender = await Sender.to(gateway.port)
  await sender.send(frame(`MSH|^~\\&|\x1b$B${'a'.repeat(1024 * 1024)}|||||||M7`))
  const [answer] = await sender.hear(1)
  expect(answer?.text.length).toBeLessThan(1000)
  const before = readHeader(Buffer.from(`MSH|^~\\&|${'|'.repeat(1024 * 1024)}`))
  expect(before.segment).toBeNull()
})

describe('UTF-16', () => {
  const text = `${head('UNICODE UTF-16')}PID|1||1||Müller “x” Ča 山|||F\r`
  const be = (of: string) => Buffer.from(of, 'utf16le').swap16()
  const le = (of: string) => Buffer.from(of, 'utf16le')

  it.each<[string, Buffer]>([
    ['big-endian', be(text)],
    ['big-endian with a byte order mark', be(`\uFEFF${text}`)],
    ['little-endian', le(text)],
    ['little-endian with a byte order mark', le(`\uFEFF${text}`)],
  ])('%s', async (_, bytes) => {
    expect(decode(bytes, 'ASCII')).toEqual({ text, charset: 'UNICODE UTF-16', fallback: false, doubtful: false })
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(bytes))
    const [answer] = await sender.hear(1)
    const written = decode(Buffer.from(answer!.text, 'latin1'), 'ASCII')
    expect(written.charset).toBe('UNICODE UTF-16')
    expect(written.text).toMatch(
      /^MSH\|\^~\\&\|C\|D\|A\|B\|\d+\+0000\|\|ACK\^A01\^ACK\|[0-9a-f]+\|P\|2\.5\.1\|{6}UNICODE UTF-16\rMSA\|AA\|1\r$/,
    )
    expect(intake.arrivals[0]).toMatchObject({ messageId: '1', meta: { type: 'ADT^A01', version: '2.5.1' } })
    expect(hl7v2Translator.outline(intake.arrivals[0]!)).toBe('ADT^A01 2.5.1 MSH PID')
  })

  it.each([
    ['MSH-18 names another set', be(text.replace('UNICODE UTF-16', '8859/1')), 'UNICODE UTF-16'],
    ['MSH-18 is empty', be(text.replace('UNICODE UTF-16', '')), 'UNICODE UTF-16'],
    ['UNICODE that is UTF-8', Buffer.from(text.replace('UNICODE UTF-16', 'UNICODE')), 'UNICODE UTF-8'],
  ])('%s: read as what it is, flagged', (_, bytes, charset) => {
    expect(decode(bytes, 'ASCII')).toMatchObject({ charset, fallback: false, doubtful: true })
    expect(nameIn(decode(bytes, 'ASCII').text)).toBe('Müller “x” Ča 山')
  })

  it.each([
    ['half a character at the end', be(text).subarray(0, -1)],
    ['no end of the last segment', be(text).subarray(0, -2)],
    ['half a pair', be(text.replace('山', '\ud83d'))],
  ])('refuses %s', (_, bytes) => {
    expect(refusal(() => decode(bytes, 'ASCII'))).toBe('E_CHARSET at MSH-18')
  })

  it('a text with the bytes of VT or of FS CR is never taken in part', async () => {
    const intake = new FakeIntake(arrival => {
      const refused = refusal(() => decode(arrival.bytes, 'ASCII'))
      return refused
        ? { kind: 'never', issues: [{ code: 'E_CHARSET', at: 'MSH-18' }] }
        : { kind: 'kept', issues: [], receipt: 'r' }
    })
    await using gateway = await listen(intake, {}, {})
    using sender = await Sender.to(gateway.port)
    // Tamil has 0B in its upper byte; a quotation mark before Malayalam reads 20 1C 0D 05
    for (const name of ['தமிழ்', '“അമ്മ”']) await sender.send(frame(be(text.replace('山', name))))
    await sender.send(frame(be(text)))
    await sender.hear(3)
    expect(
      sender.answers.map(answer => /M\0?S\0?A\0?\|\0?A\0?[AER]/.exec(answer.text)?.[0]?.replaceAll('\0', '')),
    ).toEqual(['MSA|AR', 'MSA|AE', 'MSA|AA'])
    expect(intake.refusals).toEqual(expect.arrayContaining(['E_FRAME_BROKEN', 'E_NOT_HL7', 'E_FRAME_NOISE']))
  })
})

describe('a wrong declaration', () => {
  it.each<[string, string, string, boolean]>([
    ['UTF-8 under the name of 8859/1', '8859/1', 'c3bc', true],
    ['UTF-8 under the name of a code page', 'WINDOWS-1252', 'c3bc', true],
    ['a code page under the name of 8859/1', '8859/1', '93fc94', true],
    ['UTF-8 under the name of GB 18030', 'GB 18030-2000', 'e4b8ade69687', true],
    ['GB 18030', 'GB 18030-2000', 'b1b1bea9', false],
    ['GB 18030 that might be UTF-8', 'GB 18030-2000', 'cda8', false],
    ['8859/1', '8859/1', 'fc', false],
    ['a code page by its name', 'WINDOWS-1252', '93fc94', false],
    ['ASCII under any name', '8859/5', '41', false],
  ])('%s: flagged or not, and read as declared', (_, charset, bytes, doubtful) => {
    expect(decode(message(charset, hex(bytes)), 'ASCII')).toMatchObject({ charset, doubtful, fallback: false })
  })

  it.each(['GB 18030-2000', 'BIG-5'])(
    'UTF-8 under the name of %s that would take delimiters with it: as UTF-8',
    charset => {
      const read = decode(message(charset, hex('e4b8ad5ee69687')), 'ASCII')
      expect(read).toMatchObject({ charset: 'UNICODE UTF-8', doubtful: true, fallback: false })
      expect(nameIn(read.text)).toBe('中^文')
    },
  )

  it('an unknown name among several is flagged as unknown', () => {
    expect(decode(message('8859/1~KLINGON', hex('fc')), 'ASCII')).toMatchObject({ charset: '8859/1', fallback: true })
  })

  it('is an issue beside a positive answer', () => {
    const bytes = message('8859/1', hex('c3bc')).toString('latin1').replace('PID', 'EVN||20261124\rPID')
    const { issues } = hl7v2Translator.translate(
      arrivalOf(new Uint8Array(Buffer.from(bytes, 'latin1'))),
      directoryOf(profile),
    )
    expect(issues).toContainEqual({ code: 'E_CHARSET_DOUBTFUL', at: 'MSH-18' })
  })
})
