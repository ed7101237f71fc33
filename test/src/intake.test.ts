import { afterEach, describe, expect, test } from 'vitest'
import { EngineThread } from '../../src/engine-thread.ts'
import { machine } from '../../src/environment.ts'
import type { GatewayError } from '../../src/errors.ts'
import { BatchingIntake, type Observer } from '../../src/intake.ts'
import { limits } from '../../src/limits.ts'
import { silent } from '../../src/log.ts'
import type { Arrival, Verdict } from '../../src/records.ts'

const entry = new URL('./fake-engine.ts', import.meta.url)
const quiet: Observer = { received() {}, answered() {}, refused() {} }
const open: EngineThread[] = []

afterEach(async () => {
  for (const engine of open.splice(0)) await engine.stop()
})

async function world(options: { deadlineMs?: number; onFatal?: (error: GatewayError) => void } = {}) {
  const engine = new EngineThread({
    entry,
    data: { lostOnce: new SharedArrayBuffer(4) },
    environment: machine,
    log: silent,
    onFatal: () => {},
    ...options,
  })
  open.push(engine)
  await engine.start()
  let commits = 0
  const onCommit = () => {
    commits += 1
  }
  const intake = new BatchingIntake({
    engine,
    environment: machine,
    observer: quiet,
    authenticate: () => false,
    onCommit,
  })
  return { engine, intake, commits: () => commits }
}

function arrival(text: string, source = 'mllp'): Arrival {
  const bytes = new Uint8Array(Buffer.from(text))
  return {
    source,
    sender: 's',
    format: 'hl7v2',
    messageId: text,
    mode: 'live',
    receivedAt: 0,
    clockTrusted: true,
    meta: {},
    bytes,
  }
}

const kinds = (verdicts: readonly Verdict[]) => verdicts.map(verdict => verdict.kind)

describe('intake', () => {
  test('what comes while a commit is in flight goes into the next one, together', async () => {
    const { engine, intake, commits } = await world()
    const first = intake.take(arrival('first'))
    await new Promise(resolve => setTimeout(resolve, 3))
    const rest = Array.from({ length: 100 }, (_, i) => intake.take(arrival(`m${i}`)))
    expect(kinds(await Promise.all([first, ...rest]))).toEqual(Array(101).fill('kept'))
    expect(commits()).toBe(2)
    const batches = await engine.ask<string[][]>({ ask: 'status' })
    expect(batches[1]).toEqual(rest.map((_, i) => `m${i}`))
  })

  test('sources take turns: a flood of one leaves the other its place in the next batch', async () => {
    const { engine, intake } = await world()
    const flood = Array.from({ length: limits.batchArrivals * 2 }, (_, i) => intake.take(arrival(`flood${i}`, 'mqtt')))
    const one = intake.take(arrival('one', 'mllp'))
    await Promise.all([...flood, one])
    const batches = await engine.ask<string[][]>({ ask: 'status' })
    expect(batches[0]).toContain('one')
    expect(batches[0]).toHaveLength(limits.batchArrivals)
  })

  test('a message that kills the engine is held; every other one is kept, and a new engine serves', async () => {
    const { engine, intake } = await world()
    const texts = [
      ...Array.from({ length: 20 }, (_, i) => `a${i}`),
      'KILL',
      ...Array.from({ length: 20 }, (_, i) => `b${i}`),
    ]
    const verdicts = await Promise.all(texts.map(text => intake.take(arrival(text))))
    expect(kinds(verdicts)).toEqual(texts.map(text => (text === 'KILL' ? 'held' : 'kept')))
    expect(engine.lost).toBeGreaterThan(0)
    expect((await intake.take(arrival('after'))).kind).toBe('kept')
  })

  test('a message that kills the engine at the head of a large batch does not end the gateway', async () => {
    const fatal: GatewayError[] = []
    const { intake } = await world({ onFatal: error => fatal.push(error) })
    const texts = ['KILL', ...Array.from({ length: 130 }, (_, i) => `m${i}`)]
    const verdicts = await Promise.all(texts.map(text => intake.take(arrival(text))))
    expect(kinds(verdicts)).toEqual(['held', ...Array(130).fill('kept')])
    expect(fatal).toEqual([])
  })

  test('an innocent message that was in hand when the engine was lost is kept', async () => {
    const { intake } = await world()
    expect((await intake.take(arrival('LOST ONCE'))).kind).toBe('kept')
  })

  test('a batch that takes long is answered in parts, in order, and senders take turns between them', async () => {
    const { engine, intake } = await world()
    const texts = ['SLOW 1', 'SLOW 2', 'SLOW 3']
    const slow = texts.map(text => intake.take(arrival(text)))
    const other = intake.take({ ...arrival('other'), sender: 'other' })
    expect(kinds(await Promise.all([...slow, other]))).toEqual(Array(4).fill('kept'))
    const batches = await engine.ask<string[][]>({ ask: 'status' })
    expect(batches.flat().filter(text => text.startsWith('SLOW'))).toEqual(texts)
    expect(batches.flat().indexOf('other')).toBeLessThan(3)
  })

  test('a message that never ends is stopped at the deadline and held', async () => {
    const { intake } = await world({ deadlineMs: 300 })
    const verdicts = await Promise.all(['x', 'HANG', 'y'].map(text => intake.take(arrival(text))))
    expect(kinds(verdicts)).toEqual(['kept', 'held', 'kept'])
  })

  test('a disk that refuses ends the process: the senders hear nothing positive', async () => {
    const fatal = new Promise<GatewayError>(resolve => {
      void world({ onFatal: resolve }).then(({ intake }) => intake.take(arrival('FATAL')))
    })
    expect((await fatal).code).toBe('E_DISK')
  })

  test('above the byte cap and while stopping the answer is later, never silence', async () => {
    const { intake } = await world()
    const big = { ...arrival('big'), bytes: new Uint8Array(limits.inFlightBytes) }
    const waiting = intake.take(big)
    expect(await intake.take(arrival('small'))).toEqual({ kind: 'later', code: 'E_BUSY' })
    expect((await waiting).kind).toBe('kept')
    await intake.stop()
    expect(await intake.take(arrival('late'))).toEqual({ kind: 'later', code: 'E_STOPPING' })
  })
})
