import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { machine } from '../../../src/environment.ts'
import { GatewayError } from '../../../src/errors.ts'
import type { Verdict } from '../../../src/records.ts'
import { Clock, directoryOf, FakeIntake, frame, kept, listen, oru, profile, Sender, until } from './wire.ts'

/** Waits that end twenty times sooner. */
const hurried = { ...machine, after: (ms: number, then: () => void) => machine.after(ms / 20, then) }

describe('verdicts on the wire', () => {
  const refusedAs: Verdict = { kind: 'never', issues: [{ code: 'E_FIELD_MISSING', at: 'PID-3' }] }

  it.each<[Verdict, string]>([
    [kept, 'AA'],
    [{ kind: 'held', issues: [{ code: 'E_NO_PATIENT', at: 'PID-3' }], receipt: 'r' }, 'AA'],
    [{ kind: 'same', as: 'held', receipt: 'r' }, 'AA'],
    [refusedAs, 'AE'],
    [{ kind: 'never', issues: [{ code: 'E_EVENT', at: 'MSH-9.2' }] }, 'AR'],
  ])('%j is %s', async (verdict, code) => {
    await using gateway = await listen(new FakeIntake(() => verdict))
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat([frame(oru('A')), frame(oru('B'))]))
    await sender.hear(2)
    expect(sender.heard).toEqual([`${code} A`, `${code} B`])
  })

  it('good, bad, good in one segment: each is answered for itself', async () => {
    const intake = new FakeIntake(({ messageId }) => (messageId === 'BAD' ? refusedAs : kept))
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat(['A', 'BAD', 'B'].map(id => frame(oru(id)))))
    await sender.hear(3)
    expect(sender.heard).toEqual(['AA A', 'AE BAD', 'AA B'])
  })

  it('leaves the same MSH-10 twice to the intake', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat([frame(oru('A')), frame(oru('A'))]))
    await sender.hear(2)
    expect(intake.ids).toEqual(['A', 'A'])
  })

  it.each(['E_FULL', 'E_STOPPING', 'E_BUSY', 'E_ENGINE'] as const)('%s: no answer, and hung up', async code => {
    const intake = new FakeIntake(() => ({ kind: 'later', code }))
    await using gateway = await listen(intake, {}, { environment: hurried })
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat([frame(oru('A')), frame(oru('B'))]))
    await sender.closed
    expect(sender.answers).toEqual([])
    expect(intake.ids).toEqual(['A'])
  })

  it('full is AR where the profile wants it, and the connection goes on; stopping is not', async () => {
    const intake = new FakeIntake(
      ({ messageId }) => ({ kind: 'later', code: messageId === 'STOP' ? 'E_STOPPING' : 'E_FULL' }),
      directoryOf({ ...profile, whenFull: 'AR' }),
    )
    await using gateway = await listen(intake, {}, { environment: hurried })
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat(['A', 'B', 'STOP'].map(id => frame(oru(id)))))
    await sender.closed
    expect(sender.heard).toEqual(['AR A', 'AR B'])
  })
})

describe('the listener', () => {
  it('says which port is busy', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    const failed = await listen(new FakeIntake(), { port }).catch((error: unknown) => error)
    other.close()
    expect(failed).toBeInstanceOf(GatewayError)
    expect(failed).toMatchObject({ code: 'E_PORT_BUSY', message: expect.stringContaining(`127.0.0.1:${port}`) })
  })
})

describe('connections are shared between addresses', () => {
  it('one address with idle connections cannot shut out another: its longest idle one is dropped', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake, { maxConnections: 4 })
    const greedy: Sender[] = []
    for (let i = 0; i < 4; i++) greedy.push(await Sender.to(gateway.port, '127.0.0.2'))
    await greedy[0]!.send(frame(oru('BUSY')))
    await greedy[0]!.hear(1)
    using other = await Sender.to(gateway.port, '127.0.0.3')
    await other.send(frame(oru('A')))
    await other.hear(1)
    await greedy[1]!.closed
    expect(other.heard).toEqual(['AA A'])
    expect(intake.refusals).toEqual(['E_BUSY'])
    for (const i of [0, 2, 3]) await greedy[i]!.send(frame(oru(`STILL${i}`)))
    await Promise.all([greedy[0]!.hear(2), greedy[2]!.hear(1), greedy[3]!.hear(1)])
    expect(intake.ids).toEqual(expect.arrayContaining(['STILL0', 'STILL2', 'STILL3']))
    for (const sender of greedy) sender[Symbol.dispose]()
  })

  it('a newcomer is turned away where nobody holds more than it would', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake, { maxConnections: 2 })
    const first = await Sender.to(gateway.port, '127.0.0.2')
    const second = await Sender.to(gateway.port, '127.0.0.3')
    using third = await Sender.to(gateway.port, '127.0.0.4')
    await third.closed
    await first.send(frame(oru('A')))
    await second.send(frame(oru('B')))
    await Promise.all([first.hear(1), second.hear(1)])
    expect([first.heard, second.heard, third.heard]).toEqual([['AA A'], ['AA B'], []])
    for (const sender of [first, second]) sender[Symbol.dispose]()
  })

  it('a message on its way is not idle: its connection stays', async () => {
    const { promise, resolve } = Promise.withResolvers<Verdict>()
    const intake = new FakeIntake(({ messageId }) => (messageId === 'SLOW' ? promise : kept))
    await using gateway = await listen(intake, { maxConnections: 2 })
    using slow = await Sender.to(gateway.port, '127.0.0.2')
    await slow.send(frame(oru('SLOW')))
    await until(() => intake.inFlight === 1)
    using idle = await Sender.to(gateway.port, '127.0.0.2')
    using other = await Sender.to(gateway.port, '127.0.0.3')
    await idle.closed
    resolve(kept)
    await slow.hear(1)
    await other.send(frame(oru('A')))
    await other.hear(1)
    expect([slow.heard, other.heard]).toEqual([['AA SLOW'], ['AA A']])
  })

  it('an unknown sender has seconds, a known one the idle timeout', async () => {
    const clock = new Clock()
    const intake = new FakeIntake(() => kept, directoryOf({ ...profile, addresses: ['127.0.0.2'] }))
    await using gateway = await listen(intake, {}, { environment: clock })
    using stranger = await Sender.to(gateway.port, '127.0.0.3')
    using known = await Sender.to(gateway.port, '127.0.0.2')
    await known.send(frame(oru('A')))
    await known.hear(1)
    clock.advance(10_000)
    await stranger.closed
    await known.send(frame(oru('B')))
    await known.hear(2)
    expect(known.heard).toEqual(['AA A', 'AA B'])
  })
})

describe('what the wire itself refuses', () => {
  it.each([
    ['not HL7', 'GET / HTTP/1.1\r\n', 'E_NOT_HL7', 'AR ', 'MSH^1'],
    ['MSH-2 under three characters', oru('A').replace('^~\\&', '^~'), 'E_DELIMITERS', 'AR A', 'MSH^1^2'],
    ['no MSH-10', oru(''), 'E_NO_CONTROL_ID', 'AR ', 'MSH^1^10'],
    ['MSH-10 of ""', oru('""'), 'E_NO_CONTROL_ID', 'AR ""', 'MSH^1^10'],
    ['a batch with unusable delimiters', 'BHS|^~|LAB|EAST|||20261124||||B7\r', 'E_DELIMITERS', 'AR B7', 'BHS^1^2'],
    ['an unknown MSH-11', oru('A').replace('|P|', '|Z|'), 'E_PROCESSING_ID', 'AR A', 'MSH^1^11'],
  ])('%s, then goes on', async (_, message, code, heard, place) => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat([frame(message), frame(oru('GOOD'))]))
    const [refusal] = await sender.hear(2)
    expect(sender.heard).toEqual([heard, 'AA GOOD'])
    expect(refusal?.field('ERR', 2)).toBe(place)
    expect(refusal?.field('ERR', 5)).toBe(code)
    expect(intake.refusals).toEqual([code])
    expect(intake.ids).toEqual(['GOOD'])
  })

  it('an unknown sender hears AR and is hung up on; its address is logged once', async () => {
    const logged: string[] = []
    const note = (message: string) => void logged.push(message)
    const intake = new FakeIntake(() => kept, directoryOf({ ...profile, addresses: ['10.0.0.0/8', '192.168.1.7'] }))
    await using gateway = await listen(intake, {}, { log: { info: note, warn: note, error: note } })
    for (let i = 0; i < 2; i++) {
      using sender = await Sender.to(gateway.port)
      await sender.send(Buffer.concat([frame(oru('A')), frame(oru('B'))]))
      await sender.closed
      expect(sender.heard).toEqual(['AR A'])
    }
    expect(intake.refusals).toEqual(['E_SENDER', 'E_SENDER'])
    expect(intake.arrivals).toEqual([])
    expect(logged).toEqual(['unknown sender'])
  })

  it('takes anybody on loopback in demo mode, and hears of a new directory at once', async () => {
    const intake = new FakeIntake(() => kept, { ...directoryOf(), anySender: { ...profile, name: 'demo' } })
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(oru('A')))
    await sender.hear(1)
    intake.known = { ...directoryOf(profile), revision: 2 }
    await sender.send(frame(oru('B')))
    await sender.hear(2)
    intake.known = { ...directoryOf(), revision: 3 }
    await sender.send(frame(oru('C')))
    await sender.closed
    expect(intake.arrivals.map(arrival => arrival.sender)).toEqual(['demo', 'lab-east'])
    expect(sender.heard).toEqual(['AA A', 'AA B', 'AR C'])
  })
})

describe('the arrival', () => {
  it('says what the wire knows', async () => {
    const intake = new FakeIntake()
    const environment = { ...machine, now: () => 1_795_555_555_000 }
    await using gateway = await listen(intake, {}, { environment })
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(oru('A')))
    await sender.hear(1)
    expect(intake.arrivals).toEqual([
      {
        source: 'mllp',
        sender: 'lab-east',
        format: 'hl7v2',
        messageId: 'A',
        mode: 'live',
        receivedAt: 1_795_555_555_000,
        clockTrusted: true,
        meta: { type: 'ORU^R01', version: '2.5.1' },
        bytes: new Uint8Array(Buffer.from(oru('A'))),
      },
    ])
  })

  it.each([
    ['P', 'live'],
    ['', 'live'],
    ['T', 'test'],
    ['D', 'test'],
    ['P^T', 'live'],
    ['t', 'test'],
  ])('MSH-11 %j is %s', async (id, mode) => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(oru('A').replace('|P|', `|${id}|`)))
    await sender.hear(1)
    expect(intake.arrivals[0]?.mode).toBe(mode)
  })

  it('refuses tests where the profile does', async () => {
    const intake = new FakeIntake(() => kept, directoryOf({ ...profile, test: 'refuse' }))
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat([frame(oru('A').replace('|P|', '|T|')), frame(oru('B'))]))
    await sender.hear(2)
    expect(sender.heard).toEqual(['AR A', 'AA B'])
    expect(intake.ids).toEqual(['B'])
  })

  it.each([
    ['other delimiters', 'MSH|$%~&|LAB||||||ORU$R01|A|P|2.5\rPID|1\r', 'AA A'],
    ['MSH-2 of five characters', 'MSH|^~\\&#|LAB||||||ORU^R01|A|P|2.7\rPID|1\r', 'AA A'],
    ['MSH-2 of three', 'MSH|^~&|LAB||||||ORU^R01|A|P|2.5\rPID|1\r', 'AA A'],
    ['LF', oru('A').replaceAll('\r', '\n'), 'AA A'],
    ['CRLF', oru('A').replaceAll('\r', '\r\n'), 'AA A'],
    ['a byte order mark and blank lines', `\uFEFF\r\n${oru('A')}`, 'AA A'],
    ['no final CR', oru('A').slice(0, -1), 'AA A'],
  ])('%s', async (_, message, heard) => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(message))
    await sender.hear(1)
    expect(sender.heard).toEqual([heard])
    expect(intake.arrivals[0]?.meta.type).toBe('ORU^R01')
  })

  it('puts no free text of the message into its facts', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(frame('MSH|^~\\&|A|B|C|D|||Müller^Änne|A|P|version\r'))
    await sender.hear(1)
    expect(intake.arrivals[0]?.meta).toEqual({ type: '?^?', version: '?' })
  })
})
