/** Two ways out of which one stands by: what a person sees and does, box running and stopped. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Box, until } from './box.ts'
import { adt } from './messages.ts'
import { mllp } from './senders.ts'

type View = Readonly<{ name: string; mode: string; inUse: boolean; state: string; trouble: { code: string } | null }>

const two = (yaml: string) =>
  yaml.replace(
    /^uplinks:[\s\S]*?(?=^\S)/m,
    `uplinks:
  - { type: file, name: cloud-a, dir: ./out }
  - { type: file, name: cloud-b, dir: ./out-b, mode: standby, switchAfter: 10m }
`,
  )

test('switch to the second cluster and back; the choice outlives a restart', { timeout: 60_000 }, async () => {
  await using box = await Box.run({ yaml: two })
  const lines = (dir: string) => {
    const file = join(box.folder, '.demo', dir, 'demo.fhir.ndjson')
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0
  }
  const views = async () => (await box.status()).uplinks as unknown as View[]
  const isInUse = (name: string) => async () => (await views()).some(one => one.name === name && one.state === 'up')

  await mllp(box.listen.mllp, adt('A1', '4711'))
  await box.drained()
  const first = lines('out')
  expect(first).toBeGreaterThan(0)
  expect(lines('out-b')).toBe(0)
  expect(await views()).toMatchObject([
    { name: 'cloud-a', mode: 'both', inUse: true, state: 'up', trouble: null, history: 0 },
    { name: 'cloud-b', mode: 'standby', inUse: false, state: 'standby', trouble: null },
  ])

  await expect(box.carryOut({ do: 'uplink.switch', uplink: 'cloud-c' })).rejects.toThrow('E_USAGE')
  expect(await box.carryOut({ do: 'uplink.switch', uplink: 'cloud-b' })).toEqual({ active: 'cloud-b' })
  await until(isInUse('cloud-b'))
  await mllp(box.listen.mllp, adt('A2', '4712'))
  await box.drained()
  expect(lines('out')).toBe(first)
  expect(lines('out-b')).toBeGreaterThan(first) // all of the mirror's lag, and the new
  expect(await (await box.admin('/metrics')).text()).toContain('clinic_gateway_uplink_in_use{uplink="cloud-b"} 1')
  await until(async () => (await box.status()).alarms.some(({ code }) => code === 'E_SWITCHED'))
  expect((await box.cli('uplinks')).out).toMatch(/cloud-a {2}standby, not in use, [\s\S]*cloud-b {2}up, in use, /)

  await box.term()
  expect(await box.cliJson<View[]>('uplinks')).toMatchObject([
    { name: 'cloud-a', inUse: false, state: 'stopped' },
    { name: 'cloud-b', inUse: true, state: 'stopped' },
  ])
  expect((await box.cli('uplinks', 'switch', 'cloud-a')).out).toBe('cloud-a is the one in use\n')
  await box.start()
  await until(async () => lines('out') > first) // it goes on where it was: it has missed nothing
  await box.drained()
  expect(lines('out')).toBe(lines('out-b'))
  expect(await box.carryOut({ do: 'uplink.accept', uplink: 'cloud-a' })).toEqual({ accepted: 'cloud-a' })
  await until(isInUse('cloud-a'))
})
