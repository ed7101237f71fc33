import { describe, expect, it } from 'vitest'
import { limits, MiB } from '../../../src/limits.ts'
import type { Fields } from '../../../src/log.ts'
import {
  Clock,
  directoryOf,
  FakeIntake,
  frame,
  gate,
  kept,
  listen,
  oru,
  profile,
  Sender,
  settings,
  until,
} from './wire.ts'

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `M${i}`)
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

describe('frames over a real socket', () => {
  it('takes single bytes', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    for (const byte of frame(oru('ONE', 'Grüße'))) await sender.send(Uint8Array.of(byte))
    await sender.hear(1)
    expect(sender.heard).toEqual(['AA ONE'])
    expect(Buffer.from(intake.arrivals[0]!.bytes).toString()).toBe(oru('ONE', 'Grüße'))
  })

  it.each<[string, readonly (string | Uint8Array)[], readonly string[], readonly string[]]>([
    ['three in one segment', [Buffer.concat(['A', 'B', 'C'].map(id => frame(oru(id))))], ['A', 'B', 'C'], []],
    [
      'a message with the start of the next',
      [Buffer.concat([frame(oru('A')), frame(oru('B')).subarray(0, 20)]), frame(oru('B')).subarray(20)],
      ['A', 'B'],
      [],
    ],
    ['FS and CR in different chunks', [frame(oru('A')).subarray(0, -1), '\r', frame(oru('B'))], ['A', 'B'], []],
    ['garbage before VT', ['garbage', frame(oru('A'))], ['A'], ['E_FRAME_NOISE']],
    ['no VT, then a good one', [frame(oru('A')).subarray(1), frame(oru('B'))], ['B'], ['E_FRAME_NOISE']],
    ['no FS CR, then a new VT', [`\x0b${oru('A')}`, frame(oru('B'))], ['B'], ['E_FRAME_BROKEN']],
    ['FS alone, then a new VT', [`\x0b${oru('A')}\x1c`, frame(oru('B'))], ['B'], ['E_FRAME_BROKEN']],
    ['an empty frame', [frame(''), frame(oru('A'))], ['A'], ['E_FRAME_EMPTY']],
  ])('%s', async (_, chunks, taken, refusals) => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    for (const chunk of chunks) {
      await sender.send(chunk)
      await pause(10)
    }
    await sender.hear(taken.length)
    expect(sender.heard).toEqual(taken.map(id => `AA ${id}`))
    expect(intake.ids).toEqual(taken)
    expect(intake.refusals).toEqual(refusals)
  })

  it('splits no character that the network splits', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    const bytes = frame(oru('A', 'ü'))
    const middle = bytes.indexOf('ü') + 1
    await sender.send(bytes.subarray(0, middle))
    await pause(10)
    await sender.send(bytes.subarray(middle))
    await sender.hear(1)
    expect(Buffer.from(intake.arrivals[0]!.bytes).toString()).toBe(oru('A', 'ü'))
  })

  it('answers FS alone where the profile allows it', async () => {
    const intake = new FakeIntake(() => kept, directoryOf({ ...profile, endWithoutCr: true }))
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(`\x0b${oru('A')}\x1c`)
    await sender.hear(1)
    await sender.send(`\x0b${oru('B')}\x1c\r`)
    await sender.hear(2)
    expect(sender.heard).toEqual(['AA A', 'AA B'])
    expect(intake.refusals).toEqual([])
  })

  it('takes 2,000 pipelined messages of 2 KB, each once, answered in order', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    const names = ids(2000)
    void sender.send(Buffer.concat(names.map(id => frame(oru(id, 'x'.repeat(1800))))))
    await sender.hear(2000)
    expect(sender.heard).toEqual(names.map(id => `AA ${id}`))
    expect(intake.ids).toEqual(names)
    expect(intake.mostInFlight).toBe(1)
  })

  it('takes a large message and closes an endless one at the limit, without an answer', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using large = await Sender.to(gateway.port)
    await large.send(frame(oru('LARGE', 'x'.repeat(MiB - 1000))))
    await large.hear(1)
    expect(large.heard).toEqual(['AA LARGE'])
    using endless = await Sender.to(gateway.port)
    let sent = 0
    await endless.send('\x0b')
    while (!endless.socket.readableEnded && !endless.socket.destroyed) {
      await endless.send(Buffer.alloc(64 * 1024, 'x'))
      sent += 64 * 1024
      expect(sent).toBeLessThan(200 * MiB)
    }
    expect(endless.answers).toEqual([])
    expect(intake.refusals).toEqual(['E_FRAME_TOO_LARGE'])
  })

  it('drops the connection that holds most when half frames pass the common budget', async () => {
    const intake = new FakeIntake()
    const maxFrame = 16 * MiB
    await using gateway = await listen(intake, { maxFrame })
    using good = await Sender.to(gateway.port)
    await good.send(`\x0b${oru('GOOD').slice(0, 30)}`)
    const greedy = await Promise.all(ids(4).map(() => Sender.to(gateway.port)))
    const half = Buffer.alloc(limits.mllpHalfFrameBytes / 3, 'x')
    half[0] = 0x0b
    for (const sender of greedy) void sender.send(half)
    await Promise.race(greedy.map(sender => sender.closed))
    await good.send(`${oru('GOOD').slice(30)}\x1c\r`)
    await good.hear(1)
    expect(good.heard).toEqual(['AA GOOD'])
    expect(intake.refusals).toContain('E_BUSY')
    for (const sender of greedy) sender[Symbol.dispose]()
  })

  it('no half frame of strangers drops the one of a sender', async () => {
    const intake = new FakeIntake(() => kept, directoryOf({ ...profile, addresses: ['127.0.0.1'] }))
    await using gateway = await listen(intake, { maxFrame: limits.mllpHalfFrameBytes })
    const half = limits.mllpHalfFrameBytes / 2
    const large = frame(oru('LARGE', 'x'.repeat(half)))
    using good = await Sender.to(gateway.port)
    await good.send(large.subarray(0, half))
    const strangers = await Promise.all(ids(4).map(() => Sender.to(gateway.port, '127.0.0.2')))
    for (const stranger of strangers) void stranger.send(large.subarray(0, half * 0.7))
    await Promise.race([good.closed, ...strangers.map(({ closed }) => closed)])
    await good.send(large.subarray(half))
    await good.hear(1)
    expect(good.heard).toEqual(['AA LARGE'])
    for (const stranger of strangers) stranger[Symbol.dispose]()
  })
})

describe('order, pressure and endings', () => {
  it('answers 20 pipelined messages in order though the first is the slowest', async () => {
    const intake = new FakeIntake(async ({ messageId }) => {
      if (messageId === 'M0') await pause(100)
      return kept
    })
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    await sender.send(Buffer.concat(ids(20).map(id => frame(oru(id)))))
    await sender.hear(20)
    expect(sender.heard).toEqual(ids(20).map(id => `AA ${id}`))
    expect(intake.mostInFlight).toBe(1)
  })

  it('answers a sender that closes its half right after its messages', async () => {
    const intake = new FakeIntake(async () => {
      await pause(5)
      return kept
    })
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    sender.socket.end(Buffer.concat(ids(20).map(id => frame(oru(id)))))
    await sender.closed
    expect(sender.heard).toEqual(ids(20).map(id => `AA ${id}`))
  })

  it('holds a sender back by TCP while its message is on its way', async () => {
    const verdict = gate()
    const intake = new FakeIntake(async () => {
      await verdict.opened
      return kept
    })
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    const sent = sender.send(Buffer.concat(ids(4000).map(id => frame(oru(id, 'x'.repeat(10_000))))))
    let left = false
    void sent.then(() => {
      left = true
    })
    await until(() => intake.arrivals.length > 0)
    await pause(200)
    expect(left).toBe(false)
    expect(intake.arrivals.length).toBe(1)
    verdict.open()
    await sender.hear(4000)
    expect(intake.mostInFlight).toBe(1)
    expect(new Set(intake.ids).size).toBe(4000)
  })

  it('lets one slow connection not hold up another', async () => {
    const verdict = gate()
    const intake = new FakeIntake(async ({ messageId }) => {
      if (messageId === 'SLOW') await verdict.opened
      return kept
    })
    await using gateway = await listen(intake)
    using slow = await Sender.to(gateway.port)
    using quick = await Sender.to(gateway.port)
    await slow.send(frame(oru('SLOW')))
    await until(() => intake.arrivals.length === 1)
    await quick.send(frame(oru('QUICK')))
    await quick.hear(1)
    expect(quick.heard).toEqual(['AA QUICK'])
    verdict.open()
    await slow.hear(1)
    expect(slow.heard).toEqual(['AA SLOW'])
  })

  it('holds back a sender that does not read its answers', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake)
    using sender = await Sender.to(gateway.port)
    sender.socket.pause()
    // the answers repeat MSH-3, so that few of them fill every buffer on the way
    const names = ids(400)
    void sender.send(Buffer.concat(names.map(id => frame(oru(id).replace('|LAB|', `|${'L'.repeat(100_000)}|`)))))
    await until(() => intake.arrivals.length > 0)
    await pause(300)
    expect(intake.arrivals.length).toBeLessThan(400)
    sender.socket.resume()
    await sender.hear(400)
    expect(sender.heard).toEqual(names.map(id => `AA ${id}`))
  })

  it('survives a reset before the answer, and takes nothing more of that connection', async () => {
    const verdict = gate()
    const logged: string[] = []
    const note = (message: string) => void logged.push(message)
    const intake = new FakeIntake(async ({ messageId }) => {
      if (messageId === 'GONE') await verdict.opened
      return kept
    })
    await using gateway = await listen(intake, {}, { log: { info: note, warn: note, error: note } })
    const rude = await Sender.to(gateway.port)
    await rude.send(Buffer.concat(['GONE', 'BEHIND'].map(id => frame(oru(id)))))
    await until(() => intake.arrivals.length === 1)
    rude.socket.resetAndDestroy()
    await until(() => logged.includes('connection failed'))
    verdict.open()
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(oru('A')))
    await sender.hear(1)
    await until(() => intake.inFlight === 0)
    expect(sender.heard).toEqual(['AA A'])
    expect(intake.ids).toEqual(['GONE', 'A'])
  })

  it('hangs up on a quiet connection, counting its half frame, but never on one that waits for a verdict', async () => {
    const clock = new Clock()
    const verdict = gate()
    const intake = new FakeIntake(async ({ messageId }) => {
      if (messageId === 'WAITS') await verdict.opened
      return kept
    })
    await using gateway = await listen(intake, { idleTimeout: 100 }, { environment: clock })
    using quiet = await Sender.to(gateway.port)
    using waiting = await Sender.to(gateway.port)
    await waiting.send(frame(oru('WAITS')))
    await quiet.send(Buffer.concat([frame(oru('A')), frame(oru('HALF')).subarray(0, 20)]))
    await quiet.hear(1)
    await until(() => intake.ids.includes('WAITS'))
    clock.advance(99)
    await pause(20)
    expect(quiet.socket.readableEnded).toBe(false)
    clock.advance(1)
    await quiet.closed
    clock.advance(1000)
    verdict.open()
    await waiting.hear(1)
    await waiting.send(frame(oru('B')))
    await waiting.hear(2)
    expect(waiting.heard).toEqual(['AA WAITS', 'AA B'])
    clock.advance(100)
    clock.advance(100)
    await waiting.closed
    expect(intake.refusals).toEqual(['E_FRAME_BROKEN'])
  })

  it('stops in order: the message on its way is answered, the ones behind it stay with the sender', async () => {
    const verdict = gate()
    const intake = new FakeIntake(async () => {
      await verdict.opened
      return kept
    })
    // on a clock that stands still nothing is cut off: whoever is still talking must be heard out
    const gateway = await listen(intake, {}, { environment: new Clock() })
    using busy = await Sender.to(gateway.port)
    using quiet = await Sender.to(gateway.port)
    void busy.send(Buffer.concat(ids(1000).map(id => frame(oru(id, 'x'.repeat(20_000))))))
    await until(() => intake.arrivals.length === 1)
    const stopped = gateway.stop()
    await quiet.closed
    verdict.open()
    await stopped
    await busy.closed
    expect(busy.heard).toEqual(['AA M0'])
    expect(intake.ids).toEqual(['M0'])
    await expect(Sender.to(gateway.port)).rejects.toThrow('ECONNREFUSED')
  })

  it('refuses connections above the limit and takes new ones when there is room again', async () => {
    const intake = new FakeIntake()
    await using gateway = await listen(intake, { maxConnections: 1 })
    const first = await Sender.to(gateway.port)
    const second = await Sender.to(gateway.port)
    await second.closed
    expect(intake.refusals).toEqual(['E_BUSY'])
    first.socket.end()
    await first.closed
    using third = await Sender.to(gateway.port)
    await third.send(frame(oru('A')))
    await third.hear(1)
    expect(third.heard).toEqual(['AA A'])
  })

  it('drops the connection, not the process, when the intake breaks its promise never to reject', async () => {
    const logged: Fields[] = []
    const note = (_: string, fields?: Fields) => void logged.push(fields ?? {})
    const intake = new FakeIntake(() => Promise.reject(new Error('Müller^Änne')))
    await using gateway = await listen(intake, {}, { log: { info: note, warn: note, error: note } })
    using sender = await Sender.to(gateway.port)
    await sender.send(frame(oru('A')))
    await sender.closed
    expect(intake.refusals).toEqual(['E_INTERNAL'])
    expect(JSON.stringify(logged)).not.toContain('Müller')
  })
})

it('lives through 2,000 mutants and answers every good message between them', async () => {
  const intake = new FakeIntake()
  await using gateway = await listen(intake, { maxConnections: settings.maxConnections })
  using sender = await Sender.to(gateway.port)
  const good = ids(2000)
  const bytes = good.flatMap((id, i) => [frame(mutant(i)), frame(oru(id))])
  void sender.send(Buffer.concat(bytes))
  const last = good.at(-1)!
  await until(() => sender.heard.at(-1)?.endsWith(` ${last}`) ?? false)
  const heard = new Set(sender.heard)
  expect(good.filter(id => !heard.has(`AA ${id}`))).toEqual([])
})

/** A message with some bytes changed, cut, doubled or made into framing, always the same for a number. */
function mutant(seed: number): Buffer {
  let state = seed * 2_654_435_761 + 1
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
  let bytes = Buffer.from(oru('MUTANT'))
  for (let i = 0; i <= next(6); i++) {
    const at = next(bytes.length + 1)
    const change = next(5)
    if (change === 0) bytes[at] = next(256)
    else if (change === 1) bytes = bytes.subarray(0, at)
    else if (change === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(next(bytes.length + 1))])
    else if (change === 3) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([0x0b]), bytes.subarray(at)])
    else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from('\x1c\r'), bytes.subarray(at)])
  }
  return bytes
}
