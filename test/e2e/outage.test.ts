/** Twenty minutes without the far side, in seconds: what is new goes beside what is old, and nothing is lost or doubled. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { minute } from '../../src/limits.ts'
import { Box, type Status, until } from './box.ts'
import { adt } from './messages.ts'
import { openOutput } from './opened.ts'
import { mllp } from './senders.ts'

const folder = mkdtempSync(join(tmpdir(), 'clinic-gateway-clock-'))
const clock = join(folder, 'ahead')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('an outage of twenty minutes', async () => {
  writeFileSync(clock, '0')
  process.env.CLOCK_FILE = clock
  await using box = await Box.run({ preload: ['test/e2e/clock.ts'] })
  const say = async (mrn: string, id: string, name: string) => {
    expect(await mllp(box.listen.mllp, adt(mrn, id, name))).toMatchObject({ code: 'AA' })
  }
  const uplink = async () => (await box.status()).uplinks[0] as Status['uplinks'][number] & { state: string }
  await say('4711', 'A1', 'First^Anna')
  await box.drained()
  const epochNow = async () => ((await box.status()).engine as Status['engine'] & { epoch: number }).epoch
  const epoch = await epochNow()

  const away = `${box.out}.away`
  renameSync(box.out, away)
  writeFileSync(box.out, 'no folder')
  await say('4711', 'A2', 'Second^Anna')
  await until(async () => (await uplink()).state === 'down')
  await say('4711', 'A3', 'Third^Anna')
  await say('4712', 'B1', 'Only^Berta')
  writeFileSync(clock, String(20 * minute))
  rmSync(box.out)
  renameSync(away, box.out)
  await until(async () => (await epochNow()) > epoch)
  await say('4711', 'A4', 'Fourth^Anna')
  await box.drained()

  const { entries, counters, of } = await openOutput(box)
  expect(counters).toMatchObject({ repeats: 0, badSignature: 0, unknownKey: 0, failedTokens: 0, malformed: 0 })
  const patients = entries.filter(({ facts }) => facts.type === 'Patient' && facts.verb === 'replace')
  const told = patients.map(({ facts, opened }) => {
    const [name] = opened!.resource.name as unknown as { family: string }[]
    return [name?.family, facts.historical, Number(facts.version.slice(0, 10)) > epoch]
  })
  expect(told.sort()).toEqual([
    ['First', false, false],
    ['Fourth', false, true],
    ['Only', true, false],
    ['Second', false, false],
    ['Third', true, false],
  ])
  expect(
    of('Patient')
      .map(patient => patient.name[0].family)
      .sort(),
  ).toEqual(['Fourth', 'Only'])
  expect((await box.status()).alarms).toEqual([])
}, 120_000)
