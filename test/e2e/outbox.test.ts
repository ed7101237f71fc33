/** What a person does with rows of the log: look, give parked ones another try, send a day again; box running and stopped. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { Box, type Status, until } from './box.ts'
import { adt } from './messages.ts'
import { openOutput } from './opened.ts'
import { mllp } from './senders.ts'

type Listed = { parked: { seq: number; code: string }[]; resends: unknown[]; history: unknown[] }
type Shown = { seq: number; headers: Record<string, string>; uplinks: { uplink: string; state: string }[] }
type Log = Status['outbox'] & {
  sent: { rows: number; since: string | null }
  historyRows: number
  parked: number
  hoursKept: number | null
  hoursLeft: number | null
}

/** The command line in this process, which starts faster than one of its own. */
async function cli(box: Box, ...argv: readonly string[]): Promise<{ code: number; out: string }> {
  const out: string[] = []
  const io = { out: (text: string) => void out.push(text), err: () => {}, person: false }
  const code = await main([...argv, '--config', join(box.folder, '.demo/gateway.yaml')], io)
  return { code, out: out.join('') }
}

async function cliJson<T>(box: Box, ...argv: readonly string[]): Promise<T> {
  const { code, out } = await cli(box, ...argv, '--json')
  expect([argv, code]).toEqual([argv, 0])
  return JSON.parse(out) as T
}

test('outbox list, show, retry and resend, and what status says of the log', async () => {
  await using box = await Box.run()
  expect(await mllp(box.listen.mllp, adt('A1', '4711'))).toMatchObject({ code: 'AA' })
  await box.drained()
  const rows = (await box.status()).engine.seq
  const before = await openOutput(box)
  const outbox = (await box.status()).outbox as Log
  expect(outbox).toMatchObject({ sent: { rows }, historyRows: 0, parked: 0, hoursKept: 0, hoursLeft: null })
  expect(Date.parse(outbox.sent.since ?? '')).toBeGreaterThan(Date.now() - 600_000)
  expect((await cli(box, 'status')).out).toContain(`sent and still here: ${rows} records, 0 hours back`)

  expect(await cliJson<Listed>(box, 'outbox', 'list')).toEqual({ parkedRows: 0, parked: [], resends: [], history: [] })
  const shown = await cliJson<Shown>(box, 'outbox', 'show', String(rows))
  expect(shown).toMatchObject({ seq: rows, uplinks: [{ state: 'sent' }] })
  expect(JSON.stringify(shown)).not.toContain('resourceType')
  expect((await cli(box, 'outbox', 'show', '999')).code).toBe(64)
  expect((await cli(box, 'outbox', 'retry', '1')).code).toBe(64)
  expect((await cli(box, 'outbox', 'resend', '--from', 'yesterday')).code).toBe(64)

  expect(await cliJson(box, 'outbox', 'resend', '--from', '1')).toEqual({ from: 1, to: rows, rows })
  await until(async () => (await box.status()).engine.seq === 2 * rows)
  await box.drained()
  const after = await openOutput(box)
  expect(after.counters.read).toBe(2 * before.counters.read)
  expect(after.counters).toMatchObject({ repeats: 0, badSignature: 0, failedTokens: 0, unknownKey: 0 })
  expect(after.resources).toEqual(before.resources)

  await box.term()
  const db = new Database(join(box.data, 'gateway.db'))
  db.exec(`INSERT INTO parked VALUES ('${shown.uplinks[0]!.uplink}', ${rows}, 'E_UPLINK_REJECTED', 1)`)
  db.close()
  expect((await cliJson<Listed>(box, 'outbox', 'list')).parked).toMatchObject([
    { seq: rows, code: 'E_UPLINK_REJECTED' },
  ])
  expect((await cliJson<Shown>(box, 'outbox', 'show', String(rows))).uplinks).toMatchObject([{ state: 'parked' }])
  expect(await cliJson(box, 'outbox', 'retry', '--all')).toEqual({ retried: 1, unreadable: 0, left: 0 })
  expect((await cliJson<Listed>(box, 'outbox', 'list')).parked).toEqual([])
  await box.start()
  await box.drained()
  const { 'cg-version': version, ce_id } = shown.headers
  const again = await cliJson<Shown>(box, 'outbox', 'show', String(2 * rows + 1))
  expect(again.headers).toMatchObject({ 'cg-historical': '1', 'cg-version': version, ce_id })
  expect((await openOutput(box)).counters).toMatchObject({ badSignature: 0, repeats: 0, malformed: 0 })
}, 120_000)
