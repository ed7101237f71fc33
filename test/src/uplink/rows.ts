/** Numbered records, and a log of them that behaves like the store's outbox towards an uplink. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attachment, Uplink } from '../../../src/ports.ts'
import type { Lane, Outcome, Sealed } from '../../../src/records.ts'

/** An uplink that was never connected. */
export const nowhere: Attachment = { cluster: null, partitions: {} }

export type RowOptions = Readonly<{
  prefix?: string
  key?: string
  lane?: Lane
  value?: string | null
  epoch?: number
  topic?: string
}>

const suffix = { key: 'keys', data: 'fhir', audit: 'audit' } as const

/** One record with the headers that readers count by. */
export function row(seq: number, options: RowOptions = {}): Sealed {
  const { prefix = 'demo', key = `p1-${seq % 7}`, lane = 'data', epoch = 1 } = options
  const { value = JSON.stringify({ seq, text: 'ä'.repeat(20) }), topic = `${prefix}.${suffix[lane]}` } = options
  const headers = { ce_specversion: '1.0', 'cg-gateway': 'gw-01', 'cg-epoch': `${epoch}`, 'cg-seq': `${seq}` }
  return { seq, lane, topic, key, headers: JSON.stringify(headers), value: value === null ? null : Buffer.from(value) }
}

export function rows(from: number, to: number, options: RowOptions = {}): Sealed[] {
  return Array.from({ length: to - from + 1 }, (_, i) => row(from + i, options))
}

/** Drains a log through an uplink as src/drain.ts does: a page is given again, but for what is parked, until it is settled. */
export async function drainAll(
  uplink: Uplink,
  log: readonly Sealed[],
  page = 50,
  between = async (_seq: number) => {},
) {
  const parked: number[] = []
  const troubles: Outcome[] = []
  for (let at = 0; at < log.length; at += page) {
    let rows = log.slice(at, at + page)
    while (rows.length > 0) {
      const outcomes = await uplink.send(rows)
      for (const outcome of outcomes) {
        if (outcome.kind === 'unsendable') parked.push(outcome.seq)
        if (outcome.kind === 'again') troubles.push(outcome)
      }
      if (outcomes.some(({ kind }) => kind === 'delivered')) break
      rows = rows.filter(({ seq }) => !parked.includes(seq))
      await sleep(100)
    }
    await between(log[Math.min(at + page, log.length) - 1]!.seq)
  }
  return { parked, troubles }
}
