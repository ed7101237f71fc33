import { afterEach, describe, expect, test } from 'vitest'
import { Drain } from '../../src/drain.ts'
import type { EngineThread } from '../../src/engine-thread.ts'
import { machine } from '../../src/environment.ts'
import { GatewayError } from '../../src/errors.ts'
import { silent } from '../../src/log.ts'
import type { Ask, Uplink } from '../../src/ports.ts'
import type { Outcome, Sealed } from '../../src/records.ts'

const drains: Drain[] = []

afterEach(async () => {
  for (const drain of drains.splice(0)) await drain.stop()
})

const row = (seq: number): Sealed => ({ seq, lane: 'data', topic: 't.fhir', key: 'k', headers: '{}', value: null })

/** An engine with a log of `rows`, and what was settled. */
function engineWith(rows: Sealed[]) {
  let through = 0
  const settled: Outcome[] = []
  const clusters: (string | null)[] = []
  const ask = async (asked: Ask): Promise<unknown> => {
    if (asked.ask === 'peek') return rows.filter(one => one.seq > through).slice(0, 2)
    if (asked.ask === 'cursor') {
      clusters.push(asked.cluster)
      return { uplink: 'cloud', cluster: null, through, parked: 0 }
    }
    if (asked.ask !== 'settle') return null
    settled.push(...asked.outcomes)
    for (const outcome of asked.outcomes) if (outcome.kind === 'delivered') through = outcome.through
    return null
  }
  return { engine: { ask } as unknown as EngineThread, settled, clusters }
}

function drainOf(engine: EngineThread, uplink: Partial<Uplink>): Drain {
  const whole = { name: 'cloud', connect: async () => null, send: async () => [], close: async () => {}, ...uplink }
  const drain = new Drain({ engine, uplink: whole, environment: machine, log: silent })
  drains.push(drain)
  drain.start()
  return drain
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 500) throw new Error('it did not come to be')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

describe('drain', () => {
  test('a page that is not acknowledged comes again exactly as it was, until it is', async () => {
    const { engine, settled } = engineWith([row(1), row(2), row(3)])
    const sent: number[][] = []
    const send = async (rows: readonly Sealed[]): Promise<readonly Outcome[]> => {
      sent.push(rows.map(one => one.seq))
      if (sent.length < 3) return [{ kind: 'again', code: 'E_UPLINK_DOWN', waitMs: 0 }]
      return [{ kind: 'delivered', through: rows.at(-1)?.seq as number }]
    }
    const drain = drainOf(engine, { send })
    await until(() => settled.length === 2)
    expect(sent).toEqual([[1, 2], [1, 2], [1, 2], [3]])
    expect(drain.state).toBe('up')
    expect(drain.sent).toBe(3)
  })

  test('connecting is tried again without end; the reason is known meanwhile', async () => {
    const { engine, settled, clusters } = engineWith([row(1)])
    let tries = 0
    const connect = async () => {
      tries += 1
      if (tries < 3) throw new GatewayError('E_UPLINK_CONFIG', 't.keys cleanup.policy')
      return 'cluster-1'
    }
    const drain = drainOf(engine, { connect, send: async () => [{ kind: 'delivered', through: 1 }] })
    await until(() => tries === 1)
    await until(() => drain.trouble !== null)
    expect(drain.trouble?.code).toBe('E_UPLINK_CONFIG')
    await until(() => settled.length === 1)
    expect(drain.trouble).toBeNull()
    expect(clusters.at(-1)).toBe('cluster-1')
  })

  test('a parked row is settled with its page, and the rest is delivered', async () => {
    const { engine, settled } = engineWith([row(1), row(2)])
    const outcomes: Outcome[] = [
      { kind: 'unsendable', seq: 1, code: 'E_UPLINK_REJECTED' },
      { kind: 'delivered', through: 2 },
    ]
    drainOf(engine, { send: async () => outcomes })
    await until(() => settled.length === 2)
    expect(settled).toEqual(outcomes)
  })

  test('stopping does not wait for a far side that is away', async () => {
    const { engine } = engineWith([row(1)])
    const drain = drainOf(engine, { send: async () => [{ kind: 'again', code: 'E_UPLINK_DOWN', waitMs: 60_000 }] })
    await until(() => drain.state === 'down' && drain.trouble !== null)
    await drain.stop()
    expect(drain.state).toBe('stopped')
  })
})
