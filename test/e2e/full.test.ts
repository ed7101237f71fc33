/** A box that is full says so in each protocol's words, keeps what it has, and takes the resend once there is room. */
import { expect, test } from 'vitest'
import { Box } from './box.ts'
import { heartRate, oru, temperature } from './messages.ts'
import { openOutput } from './opened.ts'
import { fhir, mllp, mqttOnce } from './senders.ts'

/** The cloud is away: the uplink's folder cannot be made, because a file is in its place. */
const away = (yaml: string) => yaml.replace('dir: ./out', 'dir: ./gateway.yaml/out')
const small = (yaml: string) => yaml.replace('budget: 2GiB', 'budget: 2MiB')

test('a full budget: later, then the resend is taken', { timeout: 60_000 }, async () => {
  await using box = await Box.run({ yaml: yaml => away(small(yaml)) })
  const token = box.secret('demo-http').token
  const note = `NTE|1|L|${'haemolysed '.repeat(3000)}`
  let kept = 0
  while ((await mllp(box.listen.mllp, oru('4711', `F${kept}`, kept, note)))?.code === 'AA') kept += 1
  expect(kept).toBeGreaterThan(2)

  const n = kept
  const big = { user_notes: 'dizzy '.repeat(6000) }
  const posted = { ...temperature('4711', 'late', n), note: [{ text: 'dizzy '.repeat(6000) }] }
  expect(await mllp(box.listen.mllp, oru('4711', `F${n}`, n, note))).toBeNull()
  expect(await mqttOnce(box.listen.mqtt, box.secret('demo-watch'), heartRate(n, 60, undefined, big), 5)).toMatchObject({
    reason: 0x97,
  })
  expect(await mqttOnce(box.listen.mqtt, box.secret('demo-watch'), heartRate(n, 60, undefined, big), 4)).toBeNull()
  const refused = await fhir(box.listen.fhir, token, posted, { key: 'late' })
  expect(refused).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^\d+$/) })
  expect(refused.text).toContain('E_FULL')
  expect((await box.admin('/readyz')).status).toBe(503)

  expect(await box.term()).toBe(0)
  box.configure(yaml => yaml.replace('budget: 2MiB', 'budget: 1GiB').replace('./gateway.yaml/out', './out'))
  await box.start()
  expect(await mllp(box.listen.mllp, oru('4711', `F${n}`, n, note))).toMatchObject({ code: 'AA' })
  expect(await mqttOnce(box.listen.mqtt, box.secret('demo-watch'), heartRate(n, 60, undefined, big), 4)).toMatchObject({
    reason: 0,
  })
  expect(await fhir(box.listen.fhir, token, posted, { key: 'late' })).toMatchObject({ status: 202 })
  await box.drained()
  const { entries } = await openOutput(box)
  const results = entries.filter(entry => entry.facts.type === 'Observation')
  expect(results).toHaveLength(kept + 3)
})
