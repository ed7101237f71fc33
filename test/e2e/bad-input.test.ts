/** Bad input gets a clear answer on its own wire, and costs nobody else's message its place (promises 6 and 7). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Box, until } from './box.ts'
import { adt, heartRate, msh, oru, segments, temperature, timeOf } from './messages.ts'
import { openOutput } from './opened.ts'
import { fhir, frame, mllp, mllpBytes, mllpFlood, mllpHangUp, mqttOnce, Watch } from './senders.ts'

let box: Box
let last = 1000

beforeAll(async () => {
  box = await Box.run({ yaml: yaml => yaml.replace('port: 0 }', 'port: 0, maxFrame: 64KiB }') })
})
afterAll(() => box?.[Symbol.asyncDispose]())

const deep = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`

describe('MLLP', () => {
  const good = oru('4711', 'GOOD', 1)
  /** A good message on a connection of its own, right after each bad one. */
  const goes = async () => {
    last += 1
    expect(await mllp(box.listen.mllp, oru('4711', `G${last}`, last))).toMatchObject({ code: 'AA', id: `G${last}` })
  }
  const dates = (value: string) => good.replace('GOOD', 'DATE').replace(/2026100100\d+\+0000/g, value)

  test.each([
    ['not HL7', 'hello', 'AR', '', 'E_NOT_HL7', ''],
    ['no MSH-10', good.replace('|GOOD|', '||'), 'AR', '', 'E_NO_CONTROL_ID', 'MSH^1^10'],
    ['delimiters that are letters', good.replace('|^~\\&|', '|abcd|'), 'AR', 'GOOD', 'E_DELIMITERS', 'MSH^1^2'],
    [
      'a type nobody takes',
      good.replace('ORU^R01^ORU_R01', 'PEX^P07^PEX_P07'),
      'AR',
      'GOOD',
      'E_MESSAGE_TYPE',
      'MSH^1^9',
    ],
    ['an event nobody takes', good.replace('ORU^R01^ORU_R01', 'ADT^A99^ADT_A99'), 'AR', 'GOOD', 'E_EVENT', 'MSH^1^9'],
    ['a version of the future', good.replace('|2.5.1|', '|3.0|'), 'AR', 'GOOD', 'E_VERSION', 'MSH^1^12'],
  ])('%s', async (_what, message, code, id, error, at) => {
    const answer = await mllp(box.listen.mllp, message)
    expect(answer).toMatchObject({ code, id, error })
    expect(answer?.at).toMatch(new RegExp(`^${at.replaceAll('^', '\\^')}`))
    await goes()
  })

  test('other delimiters are not bad: they are read', async () => {
    const message = oru('4711', 'OTHER', 2).replaceAll('|', '#').replaceAll('^', '@')
    expect(await mllp(box.listen.mllp, message)).toMatchObject({ code: 'AA', id: 'OTHER' })
  })

  test.each([
    ['in the 13th month', '20261399000000+0000'],
    ['that is a word', 'yesterday'],
  ])('a date %s never becomes a date', async (_what, date) => {
    const answer = await mllp(box.listen.mllp, dates(date))
    expect(['AA', 'AE']).toContain(answer?.code)
    expect(answer?.text).not.toContain(date)
    await goes()
  })

  test('garbage bytes, a half frame and an endless frame are counted, not answered', async () => {
    await mllpHangUp(box.listen.mllp, Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await mllpHangUp(box.listen.mllp, Buffer.from([0, 255, 254, 7, 0x1c, 0x0d]))
    await mllpHangUp(box.listen.mllp, frame(good).subarray(0, 60))
    const taken = await mllpFlood(box.listen.mllp, Buffer.alloc(16 * 1024, 'A'))
    expect(taken).toBeLessThan(64 * 1024 * 1024)
    const metrics = await (await box.admin('/metrics')).text()
    for (const code of ['E_FRAME_NOISE', 'E_FRAME_BROKEN', 'E_FRAME_TOO_LARGE']) {
      expect(metrics).toMatch(new RegExp(`refused_messages_total\\{source="mllp",code="${code}"\\} [1-9]`))
    }
    await goes()
  })

  test('a half frame before a whole one on the same connection costs only itself', async () => {
    const both = Buffer.concat([frame(good).subarray(0, 60), frame(oru('4711', 'WHOLE', 3))])
    expect(await mllpBytes(box.listen.mllp, both)).toMatchObject({ code: 'AA', id: 'WHOLE' })
  })

  test('an ADT without an identifier is ours to mend: AA, and held for a person', async () => {
    const message = adt('x', 'NOBODY').replace(/PID\|1\|\|[^|]*/, 'PID|1||')
    expect(await mllp(box.listen.mllp, message)).toMatchObject({ code: 'AA', id: 'NOBODY' })
    const rows = await box.cliJson<{ rule: string; outline: string }[]>('held', 'list')
    expect(rows).toMatchObject([{ rule: 'E_NO_PATIENT', source: 'mllp', sender: 'demo' }])
    expect(rows[0]!.outline).toMatch(/^ADT\^A01/)
    await goes()
  })

  test('a PID segment that is missing', async () => {
    const answer = await mllp(box.listen.mllp, segments(msh('ADT^A01^ADT_A01', 'NOPID'), 'EVN|A01|20261101070000'))
    expect(answer).toMatchObject({ code: 'AE', id: 'NOPID', error: 'E_SEGMENT_MISSING' })
    await goes()
  })
})

describe('MQTT', () => {
  const wrong: readonly (readonly [string, string, string])[] = [
    ['a unit that does not fit', heartRate(1, 60, 'km/h'), 'E_UNIT'],
    ['an impossible heart rate', heartRate(1, 4000), 'E_VALUE_RANGE'],
    ['a date that is none', heartRate(1).replaceAll(timeOf(1), '2026-02-30T00:00:00Z'), 'E_DATE'],
    ['garbage', '\u0000\u0001{{{', 'E_JSON'],
    ['JSON 100 levels deep', deep, 'E_JSON_DEPTH'],
    ['__proto__', heartRate(1).replace('"body":{', '"body":{"__proto__":{"a":1},'), 'E_JSON_KEY'],
    ['a member given twice', heartRate(1).replace('"body":{', '"body":{"heart_rate":1,'), 'E_JSON_KEY'],
    ['a format nobody knows', heartRate(1).replace('"heart-rate"', '"mood"'), 'E_FORMAT'],
  ]

  test.each(wrong)('5: %s', async (_what, payload, code) => {
    await using watch = await Watch.connect(box.listen.mqtt, box.secret('demo-watch'), 5)
    const answer = await watch.publish(payload)
    expect(answer?.reason).toBeGreaterThanOrEqual(0x80)
    expect(await until(() => watch.said[0] ?? false)).toContain(`"refused":"${code}"`)
    last += 1
    expect(await watch.publish(heartRate(last))).toMatchObject({ reason: 0 })
  })

  test.each(wrong)('3.1.1: %s', async (_what, payload, code) => {
    await using watch = await Watch.connect(box.listen.mqtt, box.secret('demo-watch'), 4)
    expect(await watch.publish(payload)).toMatchObject({ reason: 0 })
    expect(JSON.parse(await until(() => watch.said[0] ?? false))).toMatchObject({
      refused: code,
      time: expect.any(String),
    })
    last += 1
    expect(await watch.publish(heartRate(last))).toMatchObject({ reason: 0 })
  })

  test('a foreign topic: 5 hears 0x87 and goes on, 3.1.1 is disconnected', async () => {
    await using five = await Watch.connect(box.listen.mqtt, box.secret('demo-watch'), 5)
    expect(await five.publish(heartRate(1), 'omh', 'trackers/other/omh')).toMatchObject({ reason: 0x87 })
    last += 1
    expect(await five.publish(heartRate(last))).toMatchObject({ reason: 0 })
    await using three = await Watch.connect(box.listen.mqtt, box.secret('demo-watch'), 4)
    expect(await three.publish(heartRate(1), 'omh', 'trackers/other/omh')).toBeNull()
  })

  test.each([
    [4, 4],
    [5, 0x86],
  ] as const)('a wrong secret (%s): the CONNACK says %s', async (version, code) => {
    const device = { id: 'demo-watch', secret: 'wrong' }
    await expect(mqttOnce(box.listen.mqtt, device, heartRate(1), version)).rejects.toMatchObject({ code })
    last += 1
    expect(await mqttOnce(box.listen.mqtt, box.secret('demo-watch'), heartRate(last))).toMatchObject({ reason: 0 })
  })
})

describe('FHIR', () => {
  const good = JSON.stringify(temperature('4711', 'bad', 1))
  const post = (body: string, path = '/Observation') =>
    fhir(box.listen.fhir, box.secret('demo-http').token, body, { path })

  test.each([
    ['garbage', '\u0000\u0001{{{', 400, 'E_JSON'],
    ['JSON 100 levels deep', deep, 400, 'E_JSON_DEPTH'],
    ['__proto__', good.replace('{', '{"__proto__":{"a":1},'), 400, 'E_JSON_KEY'],
    ['a member given twice', good.replace('{', '{"status":"final",'), 400, 'E_JSON_KEY'],
    ['a date that is none', good.replace(timeOf(1), '2026-02-30T00:00:00Z'), 422, 'E_'],
    ['no status', good.replace('"status":"final",', ''), 422, 'E_'],
    ['another type than the address says', good.replace('"Observation"', '"Patient"'), 422, 'E_'],
    ['a type that is not taken', JSON.stringify({ resourceType: 'Medication' }), 422, 'E_TYPE', '/Medication'],
    ['no such address', good, 404, 'E_NOT_FOUND', '/Nothing'],
  ])('%s', async (_what, body, status, code, path = '/Observation') => {
    const answer = await post(body, path)
    expect(answer.status).toBe(status)
    const outcome = JSON.parse(answer.text) as {
      resourceType: string
      issue: { diagnostics: string; severity: string }[]
    }
    expect(outcome.resourceType).toBe('OperationOutcome')
    expect(outcome.issue[0]).toMatchObject({ severity: 'error', diagnostics: expect.stringContaining(code) })
    last += 1
    expect(await post(JSON.stringify(temperature('4711', `g-${last}`, last)))).toMatchObject({ status: 202 })
  })

  test('a wrong token', async () => {
    expect(await fhir(box.listen.fhir, 'demo-http.wrong', good)).toMatchObject({ status: 401 })
    expect(await fhir(box.listen.fhir, 'nobody', good)).toMatchObject({ status: 401 })
  })
})

test('whatever came, everything good was kept, and what left is whole', async () => {
  await box.drained()
  const { entries, counters, of, broken } = await openOutput(box)
  const results = entries.filter(entry => entry.facts.type === 'Observation')
  expect(results.length).toBeGreaterThan(last - 1000)
  expect(of('Patient')).toHaveLength(1)
  expect(counters).toMatchObject({ badSignature: 0, malformed: 0, unknownKey: 0, failedTokens: 0, incomplete: 0 })
  expect(broken).toBe(0)
  expect((await box.status()).engine.lost).toBe(0)
})
