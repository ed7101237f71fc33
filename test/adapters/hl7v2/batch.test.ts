import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchAnswer, readBatch } from '../../../adapters/hl7v2/batch.ts'
import { readHeader } from '../../../adapters/hl7v2/header.ts'
import { limits } from '../../../src/limits.ts'
import type { Arrival, Verdict } from '../../../src/records.ts'
import { directoryOf, FakeIntake, frame, gate, kept, listen, oru, profile, Sender, until } from './wire.ts'

const header = (segment: 'FHS' | 'BHS', id: string) => `${segment}|^~\\&|LAB|EAST|GATEWAY|CLINIC|20261124||||${id}\r`
const refusedAs: Verdict = { kind: 'never', issues: [{ code: 'E_FIELD_MISSING', at: 'PID-3' }] }

/** What comes back, without the times and control ids of the moment. */
const plain = (text: string) =>
  text
    .split('\r')
    .filter(line => line !== '')
    .map(line => line.replace(/\|\d{14}\+0000\|/, '|TIME|').replace(/\|[0-9a-f]{20}(?=\||$)/, '|NEW'))

/** Sends one frame, and a message after it, which shows that the connection went on; returns the first answer. */
async function answerTo(batch: string | Uint8Array, intake: FakeIntake): Promise<readonly string[]> {
  await using gateway = await listen(intake)
  using sender = await Sender.to(gateway.port)
  await sender.send(Buffer.concat([frame(batch), frame(oru('AFTER'))]))
  const [answer] = await sender.hear(2)
  expect(sender.heard[1]).toBe('AA AFTER')
  expect(intake.ids.at(-1)).toBe('AFTER')
  expect(intake.mostInFlight).toBeLessThan(2)
  return plain(answer?.text ?? '')
}

const mshOf = (event = '') => `MSH|^~\\&|GATEWAY|CLINIC|LAB|EAST|TIME||ACK${event}|NEW|P|2.5.1`
const acks = (ids: readonly string[], code = 'AA') =>
  ids.flatMap(id => [`${mshOf('^R01^ACK')}||||||UNICODE UTF-8`, `MSA|${code}|${id}`])
const head = (segment: 'FHS' | 'BHS', id: string) => `${segment}|^~\\&|GATEWAY|CLINIC|LAB|EAST|TIME||||NEW|${id}`
const fault = (id: string, error: string) => [mshOf(), `MSA|AE|${id}`, error]
const countError = (place: string) =>
  `ERR||${place}|207^Application internal error^HL70357|E|E_BATCH_COUNT|||the batch or file holds another number than its trailer says`
const buildError = (place: string) =>
  `ERR||${place}|100^Segment sequence error^HL70357|E|E_BATCH|||the batch is not built as HL7 says`

describe('a batch', () => {
  it('is taken message by message and answered by a batch that names it', async () => {
    const intake = new FakeIntake()
    const file = [header('FHS', 'F1'), header('BHS', 'B1'), oru('A'), oru('B'), 'BTS|2\r', 'FTS|1\r'].join('')
    expect(await answerTo(file, intake)).toEqual([
      head('FHS', 'F1'),
      head('BHS', 'B1'),
      ...acks(['A', 'B']),
      'BTS|2',
      'FTS|1',
    ])
    expect(intake.ids).toEqual(['A', 'B', 'AFTER'])
    expect(intake.refusals).toEqual([])
    expect(intake.arrivals.map(one => Buffer.from(one.bytes).toString())).toEqual(
      ['A', 'B', 'AFTER'].map(id => oru(id)),
    )
  })

  it('one bad message holds back only itself', async () => {
    const intake = new FakeIntake(({ messageId }) => (messageId === 'BAD' ? refusedAs : kept))
    const batch = [header('BHS', 'B1'), oru('A'), oru('BAD'), oru(''), oru('C'), 'BTS|4\r'].join('')
    const answer = await answerTo(batch, intake)
    expect(answer.filter(line => line.startsWith('MSA'))).toEqual(['MSA|AA|A', 'MSA|AE|BAD', 'MSA|AR', 'MSA|AA|C'])
    expect(answer.at(-1)).toBe('BTS|4')
    expect(intake.ids).toEqual(['A', 'BAD', 'C', 'AFTER'])
    expect(intake.refusals).toEqual(['E_NO_CONTROL_ID'])
  })

  it.each<[string, string, readonly string[]]>([
    [
      'several batches in a file',
      `${header('FHS', 'F1')}${header('BHS', 'B1')}${oru('A')}BTS|1\r${header('BHS', 'B2')}${oru('B')}BTS|1\rFTS|2\r`,
      [
        head('FHS', 'F1'),
        head('BHS', 'B1'),
        ...acks(['A']),
        'BTS|1',
        head('BHS', 'B2'),
        ...acks(['B']),
        'BTS|1',
        'FTS|2',
      ],
    ],
    ['no FHS', `${header('BHS', 'B1')}${oru('A')}BTS|1\r`, [head('BHS', 'B1'), ...acks(['A']), 'BTS|1']],
    [
      'no BHS',
      `${header('FHS', 'F1')}${oru('A')}${oru('B')}FTS|1\r`,
      [head('FHS', 'F1'), ...acks(['A', 'B']), 'FTS|1'],
    ],
    [
      'no BHS, and FTS-1 counts messages',
      `${header('FHS', 'F1')}${oru('A')}${oru('B')}FTS|2\r`,
      [head('FHS', 'F1'), ...acks(['A', 'B']), 'FTS|1'],
    ],
    [
      'no trailers',
      `${header('FHS', 'F1')}${header('BHS', 'B1')}${oru('A')}`,
      [head('FHS', 'F1'), head('BHS', 'B1'), ...acks(['A']), 'BTS|1', 'FTS|1'],
    ],
    [
      'trailers that say nothing',
      `${header('BHS', 'B1')}${oru('A')}BTS||a comment\r`,
      [head('BHS', 'B1'), ...acks(['A']), 'BTS|1'],
    ],
    ['no message', `${header('BHS', 'B1')}BTS|0\r`, [head('BHS', 'B1'), 'BTS|0']],
    [
      'CRLF and a byte order mark',
      `\uFEFF${header('BHS', 'B1')}${oru('A')}BTS|1\r`.replaceAll('\r', '\r\n'),
      [head('BHS', 'B1'), ...acks(['A']), 'BTS|1'],
    ],
    [
      'fewer than BTS-1 says',
      `${header('BHS', 'B1')}${oru('A')}BTS|2\r`,
      [head('BHS', 'B1'), ...acks(['A']), ...fault('B1', countError('BTS^1^1')), 'BTS|2'],
    ],
    [
      'more than BTS-1 says, in the second batch',
      `${header('BHS', 'B1')}${oru('A')}BTS|1\r${header('BHS', 'B2')}${oru('B')}BTS|0\r`,
      [
        head('BHS', 'B1'),
        ...acks(['A']),
        'BTS|1',
        head('BHS', 'B2'),
        ...acks(['B']),
        ...fault('B2', countError('BTS^2^1')),
        'BTS|2',
      ],
    ],
    [
      'BTS-1 that is no number',
      `${header('BHS', 'B1')}${oru('A')}BTS|one\r`,
      [head('BHS', 'B1'), ...acks(['A']), ...fault('B1', countError('BTS^1^1')), 'BTS|2'],
    ],
    [
      'another number of batches than FTS-1 says',
      `${header('FHS', 'F1')}${header('BHS', 'B1')}${oru('A')}BTS|1\rFTS|3\r`,
      [head('FHS', 'F1'), head('BHS', 'B1'), ...acks(['A']), 'BTS|1', ...fault('F1', countError('FTS^1^1')), 'FTS|1'],
    ],
    [
      'a segment between batches',
      `${header('BHS', 'B1')}${oru('A')}BTS|1\rPID|1||LOST\rPV1|1\r`,
      [head('BHS', 'B1'), ...acks(['A']), 'BTS|1', ...fault('B1', buildError('BTS^1'))],
    ],
    [
      'a segment before the first message',
      `${header('BHS', 'B1')}PID|1||LOST\r${oru('A')}BTS|1\r`,
      [head('BHS', 'B1'), ...acks(['A']), 'BTS|1', ...fault('B1', buildError('BHS^1'))],
    ],
    [
      'a second trailer',
      `${header('BHS', 'B1')}${oru('A')}BTS|1\rBTS|1\r`,
      [head('BHS', 'B1'), ...acks(['A']), 'BTS|1', ...fault('B1', buildError('BTS^2'))],
    ],
    [
      'a message behind the end of the file',
      `${header('FHS', 'F1')}${header('BHS', 'B1')}${oru('A')}BTS|1\rFTS|1\r${oru('B')}`,
      [
        head('FHS', 'F1'),
        head('BHS', 'B1'),
        ...acks(['A']),
        'BTS|1',
        ...acks(['B']),
        ...fault('F1', buildError('FTS^1')),
        'FTS|2',
      ],
    ],
  ])('%s', async (_, batch, expected) => {
    expect(await answerTo(batch, new FakeIntake())).toEqual(expected)
  })

  it('counts what is wrong with it', async () => {
    const intake = new FakeIntake()
    await answerTo(`${header('FHS', 'F')}${header('BHS', 'B')}${oru('A')}BTS|9\rFTS|9\rPID|1\rPID|2\r`, intake)
    expect(intake.refusals).toEqual(['E_BATCH_COUNT', 'E_BATCH_COUNT', 'E_BATCH'])
  })

  it('speaks with its own delimiters; its messages with theirs', async () => {
    const batch = `BHS:_~\\&:LAB:EAST:GATEWAY:CLINIC:::::B1\r${oru('A')}BTS:2\r`
    const answer = await answerTo(batch, new FakeIntake())
    expect(answer[0]).toBe(
      'BHS:_~\\&:GATEWAY:CLINIC:LAB:EAST:'.concat(answer[0]!.split(':')[6]!, '::::', answer[0]!.split(':')[10]!, ':B1'),
    )
    expect(answer).toContain('MSA|AA|A')
    expect(answer).toContain('MSA:AE:B1')
    expect(answer.at(-1)).toBe('BTS:2')
  })

  it('answers what each message asks for by MSH-15 and MSH-16, and may be empty', async () => {
    const asking = (id: string, modes: string) => oru(id).replace('|2.5.1||||||', `|2.5.1|||${modes}||`)
    const both = `${header('BHS', 'B1')}${asking('A', 'AL|AL')}${asking('B', 'NE|NE')}${asking('C', 'AL|NE')}BTS|3\r`
    const said = (lines: readonly string[]) => lines.filter(line => /^(MSA|BTS)/.test(line))
    expect(said(await answerTo(both, new FakeIntake()))).toEqual(['MSA|CA|A', 'MSA|AA|A', 'MSA|CA|C', 'BTS|3'])
    const none = `${header('BHS', 'B2')}${asking('A', 'ER|ER')}BTS|1\r`
    expect(await answerTo(none, new FakeIntake())).toEqual([head('BHS', 'B2'), 'BTS|0'])
  })

  it('of UTF-16 is taken and answered in UTF-16', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    const message = oru('A').replace('UNICODE UTF-8', 'UNICODE UTF-16')
    const batch = Buffer.from(
      `\uFEFF${header('BHS', 'B1')}${message}${message.replace('|A|', '|B|')}BTS|2\r`,
      'utf16le',
    )
    await sender.send(frame(batch))
    await sender.hear(1)
    const answer = Buffer.from(sender.answers[0]!.text, 'latin1').toString('utf16le')
    expect(answer.startsWith('\uFEFFBHS|^~\\&|GATEWAY')).toBe(true)
    expect(plain(answer).filter(line => line.startsWith('MSA'))).toEqual(['MSA|AA|A', 'MSA|AA|B'])
    expect(Buffer.from(intake.arrivals[0]!.bytes).toString('utf16le')).toBe(message)
  })

  it('of more messages than the limit is refused whole', async () => {
    const intake = new FakeIntake()
    const batch = `${header('BHS', 'B1')}${'MSH|^~\\&\r'.repeat(limits.hl7BatchMessages + 1)}`
    const answer = await answerTo(batch, intake)
    expect(answer.slice(0, 2)).toEqual([mshOf(), 'MSA|AR|B1'])
    expect(intake.ids).toEqual(['AFTER'])
    expect(intake.refusals).toEqual(['E_MESSAGE_PARTS'])
  })

  it('of more headers and trailers than the limit is refused whole, at once', async () => {
    const intake = new FakeIntake()
    const answer = await answerTo(`${header('BHS', 'B1')}${'BTS|1\r'.repeat(150_000)}`, intake)
    expect(answer.slice(0, 2)).toEqual([mshOf(), 'MSA|AR|B1'])
    expect(intake.refusals).toEqual(['E_MESSAGE_PARTS'])
  })

  it('of as many messages as may be and its own lines is taken', () => {
    const { batches } = readBatch(
      Buffer.from(
        `${header('BHS', 'B1')}${'MSH|^~\\&\r'.repeat(limits.hl7BatchMessages)}BTS|${limits.hl7BatchMessages}\r`,
      ),
    )
    expect(batches.map(({ messages, issues }) => [messages.length, issues])).toEqual([[limits.hl7BatchMessages, []]])
  })

  it('waits with its sender while other batches fill the memory for batches', async () => {
    const { opened, open } = gate()
    const intake = new FakeIntake(() => opened.then(() => kept))
    const size = Math.ceil(limits.inFlightBytes / 3)
    await using gateway = await listen(intake, { maxFrame: size + 1024 })
    const senders = new Map<string, Sender>()
    for (const id of ['A', 'B', 'C']) {
      const sender = await Sender.to(gateway.port)
      senders.set(id, sender)
      void sender.send(frame(`${header('BHS', id)}${oru(id, 'x'.repeat(size))}BTS|1\r`))
      await until(() => intake.ids.includes(id) || intake.refusals.length > 0)
    }
    await senders.get('C')!.closed
    expect(senders.get('C')!.answers).toEqual([])
    expect(intake.refusals).toEqual(['E_BUSY'])
    expect(intake.ids).toEqual(['A', 'B'])
    open()
    await Promise.all([senders.get('A')!.hear(1), senders.get('B')!.hear(1)])
    using again = await Sender.to(gateway.port)
    await again.send(frame(`${header('BHS', 'C')}${oru('C', 'x'.repeat(size))}BTS|1\r`))
    await again.hear(1)
    expect(intake.ids).toEqual(['A', 'B', 'C'])
    for (const sender of senders.values()) sender[Symbol.dispose]()
  })

  it('of an unknown sender is refused whole', async () => {
    const intake = new FakeIntake(() => kept, directoryOf({ ...profile, addresses: ['10.0.0.0/8'] }))
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(`${header('BHS', 'B1')}${oru('A')}BTS|1\r`))
    await sender.closed
    expect(sender.heard).toEqual(['AR B1'])
    expect(intake.arrivals).toEqual([])
  })
})

describe('whatever comes as a batch', () => {
  const line = fc.constantFrom(
    'MSH|^~\\&|A',
    'PID|1',
    'MSHX|',
    'BTS|1',
    'BHS|^~\\&|B',
    'FHS|^~\\&|F',
    'FTS|1',
    'BHS',
    '',
  )

  it('loses no message and no byte of one', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 30 }),
        fc.constantFrom('\r', '\n', '\r\n'),
        fc.boolean(),
        (lines, end, wide) => {
          const all = ['BHS|^~\\&|X', ...lines]
          const text = all.map(one => one + end).join('')
          const { batches, issues } = readBatch(wide ? Buffer.from(`\uFEFF${text}`, 'utf16le') : Buffer.from(text))
          const read = batches.flatMap(({ messages }) =>
            messages.map(one => Buffer.from(one).toString(wide ? 'utf16le' : 'utf8')),
          )
          const expected: string[] = []
          let strays = 0
          let inside = false
          for (const one of all) {
            const name = /^(MSH|BHS|BTS|FHS|FTS)(?![A-Za-z0-9])/.exec(one)?.[1]
            if (name) inside = name === 'MSH'
            if (name === 'MSH') expected.push('')
            if (inside) expected.push(expected.pop() + one + end)
            else if (!name && one !== '') strays += 1
          }
          expect(read).toEqual(expected)
          if (strays > 0) expect(issues.map(({ code }) => code)).toContain('E_BATCH')
        },
      ),
      { numRuns: 500 },
    )
  })

  it('of any bytes is read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        const { batches } = readBatch(Buffer.concat([Buffer.from('FHS|^~\\&|X\r'), bytes]))
        expect(
          batchAnswer({ header: readHeader(Buffer.from('FHS|^~\\&|X\r')), batches, issues: [] }, [], () => ({
            controlId: 'G',
            at: 0,
          })),
        ).toMatch(/^FHS[\s\S]*FTS\|\d+\r$/)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a batch that is broken off', () => {
  /** Knows what it took, as the engine does. */
  function remembering(before: (arrival: Arrival) => Verdict | Promise<Verdict | null> | null) {
    const took = new Set<string>()
    const intake = new FakeIntake(async arrival => {
      const instead = await before(arrival)
      if (instead) return instead
      const id = String(arrival.messageId)
      if (took.has(id)) return { kind: 'same', as: 'kept', receipt: 'r' }
      took.add(id)
      return kept
    })
    return { intake, took }
  }
  const batch = frame([header('BHS', 'B1'), ...['A', 'B', 'C', 'D'].map(id => oru(id)), 'BTS|4\r'].join(''))

  it('by a lost connection: what was taken is ours, nothing more is, and the batch sent again takes the rest', async () => {
    const { opened, open } = gate()
    const { intake, took } = remembering(async ({ messageId }) => (messageId === 'B' ? opened.then(() => null) : null))
    await using gateway = await listen(intake)
    const first = await Sender.to(gateway.port)
    await first.send(batch)
    await until(() => intake.ids.at(-1) === 'B')
    first.socket.resetAndDestroy()
    await first.closed
    await new Promise(resolve => setTimeout(resolve, 50))
    open()
    await until(() => took.has('B'))
    await new Promise(resolve => setTimeout(resolve, 50))
    expect([...took]).toEqual(['A', 'B'])
    using second = await Sender.to(gateway.port)
    await second.send(batch)
    const [answer] = await second.hear(1)
    expect(plain(answer!.text).filter(line => line.startsWith('MSA'))).toEqual([
      'MSA|AA|A',
      'MSA|AA|B',
      'MSA|AA|C',
      'MSA|AA|D',
    ])
    expect(intake.ids).toEqual(['A', 'B', 'A', 'B', 'C', 'D'])
    expect([...took]).toEqual(['A', 'B', 'C', 'D'])
  })

  it('by a full box: no answer, closed, and no later message is taken before the one that must wait', async () => {
    let full = true
    const { intake, took } = remembering(({ messageId }) =>
      messageId === 'C' && full ? { kind: 'later', code: 'E_BUSY' } : null,
    )
    await using gateway = await listen(intake)
    const first = await Sender.to(gateway.port)
    await first.send(batch)
    await first.closed
    expect(first.answers).toEqual([])
    expect(intake.ids).toEqual(['A', 'B', 'C'])
    full = false
    using second = await Sender.to(gateway.port)
    await second.send(batch)
    await second.hear(1)
    expect([...took]).toEqual(['A', 'B', 'C', 'D'])
  })

  it('by a full box that says so: what comes after the rejected message is rejected as well, not taken before it', async () => {
    const { intake, took } = remembering(({ messageId }) =>
      messageId === 'B' ? { kind: 'later', code: 'E_FULL' } : null,
    )
    intake.known = directoryOf({ ...profile, whenFull: 'AR' })
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(batch)
    const [answer] = await sender.hear(1)
    const said = plain(answer!.text).filter(line => line.startsWith('MSA'))
    expect(said).toEqual(['MSA|AA|A', 'MSA|AR|B', 'MSA|AR|C', 'MSA|AR|D'])
    expect([...took]).toEqual(['A'])
  })

  it('by a directory that shuts its sender out: nothing more of it is taken', async () => {
    const { intake, took } = remembering(({ messageId }) => {
      if (messageId === 'B') intake.known = { ...directoryOf(), revision: 2 }
      return null
    })
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(batch)
    await sender.closed
    expect(sender.answers).toEqual([])
    expect([...took]).toEqual(['A', 'B'])
  })

  it('by the stop of the gateway: the message on its way is the last', async () => {
    const { opened, open } = gate()
    const { intake, took } = remembering(async () => opened.then(() => null))
    const gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(batch)
    await until(() => intake.inFlight === 1)
    const stopped = gateway.stop()
    open()
    await Promise.all([stopped, sender.closed])
    expect([...took]).toEqual(['A'])
    expect(sender.answers).toEqual([])
  })
})

describe('acknowledgements that come in', () => {
  const ack = (type: string) => `MSH|^~\\&|LAB|EAST|GATEWAY|CLINIC|20261124||${type}|X1|P|2.5.1|||AL|AL\rMSA|AA|M1\r`

  it.each(['ACK', 'ACK^R01^ACK'])('%s: counted, not taken, never answered', async type => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat([frame(ack(type)), frame(oru('A'))]))
    await sender.hear(1)
    expect(sender.heard).toEqual(['AA A'])
    expect(intake.refusals).toEqual(['E_ACK'])
  })

  it('so that two gateways that are each other’s senders fall silent', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(oru('A')))
    const [answer] = await sender.hear(1)
    await sender.send(Buffer.concat([frame(Buffer.from(answer!.text, 'latin1')), frame(oru('B'))]))
    await sender.hear(2)
    expect(sender.heard).toEqual(['AA A', 'AA B'])
  })
})

describe('enhanced mode on the wire', () => {
  it('sends commit and application acknowledgement in frames of their own, and nothing where nothing is asked', async () => {
    const asking = (id: string, commit: string, application: string) =>
      `MSH|^~\\&|LAB|EAST|GW|CLINIC|2026||ORU^R01|${id}|P|2.5.1|||${commit}|${application}\rPID|1\r`
    const intake = new FakeIntake(({ messageId }) => (messageId!.startsWith('BAD') ? refusedAs : kept))
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    const messages = [
      asking('A', 'AL', 'AL'),
      asking('B', 'NE', 'NE'),
      asking('BAD1', 'AL', 'AL'),
      asking('BAD2', 'NE', 'ER'),
      oru('C'),
    ]
    await sender.send(Buffer.concat(messages.map(message => frame(message))))
    await sender.hear(5)
    expect(sender.heard).toEqual(['CA A', 'AA A', 'CE BAD1', 'AE BAD2', 'AA C'])
    expect(intake.ids).toEqual(['A', 'B', 'BAD1', 'BAD2', 'C'])
  })

  it('says nothing before the message is on disk', async () => {
    const { opened, open } = gate()
    await using gateway = await listen(new FakeIntake(() => opened.then(() => kept)))
    using sender = await Sender.to(gateway.port)
    await sender.send(frame('MSH|^~\\&|A|B|C|D|||ADT^A01|M1|P|2.5|||AL|AL\r'))
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(sender.answers).toEqual([])
    open()
    await sender.hear(2)
    expect(sender.heard).toEqual(['CA M1', 'AA M1'])
  })
})
