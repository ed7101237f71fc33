/** A day of a box, from the outside: real command, real sockets, real files, opened with the reference reader. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Box, root, runCommand, until } from './box.ts'
import { adt, authorityUri, heartRate, oru, temperature } from './messages.ts'
import { openOutput } from './opened.ts'
import { fhir, mllp, mqttOnce, Watch } from './senders.ts'

const example = (name: string) => readFileSync(join(root, 'examples', name), 'utf8').replaceAll('\n', '\r')

describe('a demo box', () => {
  let box: Box

  beforeAll(async () => {
    box = await Box.run()
  })
  afterAll(() => box?.[Symbol.asyncDispose]())

  test('takes all three ways in, and one patient has all the results', async () => {
    const { listen } = box
    expect(await mllp(listen.mllp, example('adt-a01.hl7'))).toMatchObject({ code: 'AA', id: 'A0001' })
    expect(await mllp(listen.mllp, example('oru-r01.hl7'))).toMatchObject({ code: 'AA', id: 'L0001' })
    const watch = box.secret('demo-watch')
    expect(await mqttOnce(listen.mqtt, watch, example('heart-rate.json'), 5)).toMatchObject({ reason: 0 })
    expect(await mqttOnce(listen.mqtt, watch, example('blood-pressure.json'), 4)).toMatchObject({ reason: 0 })
    const posted = await fhir(listen.fhir, box.secret('demo-http').token, example('observation.json'))
    expect(posted).toMatchObject({ status: 202, receipt: expect.stringMatching(/^[\w-]{22}$/) })
    await box.drained()

    const opened = await openOutput(box)
    const patients = opened.of('Patient')
    expect(patients).toHaveLength(1)
    expect(patients[0]).toMatchObject({
      name: [{ family: 'Brandstätter', given: ['Änne', 'Maria'] }],
      birthDate: '1974-05-12',
    })
    const results = opened.of('Observation')
    expect(results.map(one => one.code.coding[0].code).sort()).toEqual([
      '2160-0',
      '2345-7',
      '6298-4',
      '8310-5',
      '85354-9',
      '8867-4',
    ])
    for (const one of results) expect(one.subject.reference).toBe(`Patient/${patients[0]!.id}`)
    expect(opened.counters).toMatchObject({
      badSignature: 0,
      malformed: 0,
      unknownKey: 0,
      failedTokens: 0,
      incomplete: 0,
    })
  })

  test('a repeat is answered like the first one and comes out once', async () => {
    const { listen } = box
    const message = oru('4711', 'TWICE', 1)
    const reading = heartRate(2)
    const token = box.secret('demo-http').token
    const body = temperature('4711', 't-3', 3)
    for (let n = 0; n < 2; n++) {
      expect(await mllp(listen.mllp, message)).toMatchObject({ code: 'AA', id: 'TWICE' })
      expect(await mqttOnce(listen.mqtt, box.secret('demo-watch'), reading)).toMatchObject({ reason: 0 })
      expect(await fhir(listen.fhir, token, body, { key: 'once' })).toMatchObject({ status: 202 })
    }
    expect(await fhir(listen.fhir, token, temperature('4711', 't-4', 4), { key: 'once' })).toMatchObject({
      status: 422,
    })
    await box.drained()
    const { entries } = await openOutput(box)
    const results = entries.filter(entry => entry.facts.type === 'Observation')
    const times = results.map(entry => entry.opened?.resource.effectiveDateTime)
    for (const n of ['01', '02', '03']) {
      const same = times.filter(time => String(time).startsWith(`2026-10-01T00:00:${n}`))
      expect(same.length, n).toBe(1)
    }
    expect(times.some(time => String(time).startsWith('2026-10-01T00:00:04'))).toBe(false)
  })

  test('says how it is, without names', async () => {
    expect(await (await box.admin('/livez')).json()).toEqual({ alive: true })
    expect((await box.admin('/readyz')).status).toBe(200)
    const metrics = await (await box.admin('/metrics')).text()
    expect(metrics).toMatch(/^clinic_gateway_received_messages_total\{source="mllp"\} [1-9]/m)
    expect(metrics).toMatch(/^clinic_gateway_uplink_up\{uplink="cloud"\} 1$/m)
    expect(metrics).toMatch(/^clinic_gateway_answer_duration_seconds_count\{source="fhir"\} [1-9]/m)
    const status = await box.cliJson('status')
    expect(status).toMatchObject({
      gateway: 'demo-1',
      purpose: 'demo',
      listen: box.listen,
      outbox: { pending: 0, bytes: 0, budget: 2 ** 31, oldestSeconds: 0 },
      uplinks: [{ name: 'cloud', state: 'up', through: expect.any(Number) }],
      held: expect.any(Number),
      worklist: expect.any(Number),
      alarms: expect.any(Array),
    })
    expect((status as { sources: { name: string }[] }).sources.map(({ name }) => name)).toEqual([
      'mllp',
      'mqtt',
      'fhir',
    ])
    expect((await box.cli('status')).out).toContain('gateway demo-1')
  })

  test('a new device is let in at once, and its readings are held until somebody wears it', async () => {
    const device = await box.cliJson<{ id: string; secret: string }>('devices', 'add', 'bp-017', '--format', 'omh')
    expect(device).toEqual({ id: 'bp-017', secret: expect.stringMatching(/^[\w-]{27}$/) })
    expect(await mqttOnce(box.listen.mqtt, device, heartRate(10))).toMatchObject({ reason: 0 })
    expect(await box.cliJson('held', 'list')).toMatchObject([{ rule: 'E_NO_WEARER', source: 'mqtt' }])
    const patient = `${authorityUri}|4711`
    const assigned = await box.cli(
      'devices',
      'assign',
      'bp-017',
      '--patient',
      patient,
      '--from',
      '2026-01-01T00:00:00Z',
    )
    expect(assigned.code).toBe(0)
    expect(await mqttOnce(box.listen.mqtt, device, heartRate(11))).toMatchObject({ reason: 0 })
    const rows = await box.cliJson<{ no: number }[]>('held', 'list')
    expect(rows).toHaveLength(1)
    expect((await box.cli('held', 'drop', String(rows[0]!.no))).code).toBe(0)
    expect(await box.cliJson('held', 'list')).toEqual([])
  })

  test('a new client may do what it was made for', async () => {
    const { token } = await box.cliJson<{ token: string }>('clients', 'add', 'app', '--scope', 'Observation')
    expect(await fhir(box.listen.fhir, token, temperature('4711', 't-20', 20))).toMatchObject({ status: 202 })
    const patient = { resourceType: 'Patient', identifier: [{ system: authorityUri, value: '4711' }] }
    expect(await fhir(box.listen.fhir, token, patient, { path: '/Patient' })).toMatchObject({ status: 403 })
  })

  test('translate shows the FHIR before and after sealing, check says that the configuration is good', async () => {
    const file = join(root, 'examples/oru-r01.hl7')
    const { code, out } = await box.cli('translate', file, '--json')
    expect(code).toBe(0)
    const shown = JSON.parse(out) as { outline: string; before: { valid: boolean }[]; after: { id: string }[] }
    expect(shown.outline).toMatch(/^ORU\^R01/)
    expect(shown.before.every(one => one.valid)).toBe(true)
    for (const { id } of shown.after) expect(id).toMatch(/^p1-/)
    expect(JSON.stringify(shown.after)).not.toContain('Brandst')
    expect(await box.cli('check', '--config', '.demo/gateway.yaml')).toMatchObject({ code: 0 })
  })

  test('a second gateway on the same data is refused', async () => {
    const { code, err } = await box.cli('run', '--config', '.demo/gateway.yaml')
    expect({ code, err }).toMatchObject({ code: 69, err: expect.stringContaining('E_ALREADY_RUNNING') })
  })
})

describe('starting and stopping', () => {
  test('SIGTERM answers what is in flight, ends with 0, and a start goes on', async () => {
    await using box = await Box.run()
    await using watch = await Watch.connect(box.listen.mqtt, box.secret('demo-watch'), 5)
    const sent = Array.from({ length: 40 }, (_, n) => n)
    const readings = sent.map(n => watch.publish(heartRate(n)))
    const results = sent.map(n => mllp(box.listen.mllp, oru('4711', `S${n}`, n)))
    await readings[0]
    const code = await box.term()
    const answers = [...(await Promise.all(readings)), ...(await Promise.all(results))]
    expect(code).toBe(0)
    const positive = answers.filter(one => one && ('reason' in one ? one.reason === 0 : one.code === 'AA')).length
    expect(positive).toBeGreaterThan(0)
    await box.start()
    await box.drained()
    const { entries } = await openOutput(box)
    const kept = entries.filter(entry => entry.facts.type === 'Observation').length
    expect(kept).toBeGreaterThanOrEqual(positive)
  })

  test('the plain command passes the signal on, whatever Node started it', async () => {
    await using box = await Box.init()
    const command = [join(root, 'scripts/clinic-gateway.mjs'), 'run', '--config', '.demo/gateway.yaml']
    const child = spawn(process.execPath, command, { cwd: box.folder, stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    child.stderr.on('data', chunk => {
      log += chunk
    })
    await until(() => log.includes('"msg":"ready"'))
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })

  test('a gateway whose starter is killed stops by itself', async () => {
    await using box = await Box.init()
    const command = [join(root, 'scripts/clinic-gateway.mjs'), 'run', '--config', '.demo/gateway.yaml']
    const child = spawn(process.execPath, command, { cwd: box.folder, stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    child.stderr.on('data', chunk => {
      log += chunk
    })
    const [, admin] = await until(() => /"listen":\{"admin":"([^"]+)"/.exec(log) ?? false)
    child.kill('SIGKILL')
    const isGone = () =>
      fetch(`http://${admin}/livez`).then(
        () => false as const,
        () => true as const,
      )
    expect(await until(isGone)).toBe(true)
  })

  test('a busy port: exit 69, the port is named, and how to take another one', async () => {
    await using box = await Box.init()
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const { code, err } = await box.cli('run', '--config', '.demo/gateway.yaml', '--set', `sources.mqtt.port=${port}`)
    other.close()
    expect(code).toBe(69)
    expect(err).toContain(`127.0.0.1:${port}`)
    expect(err).toContain('--set sources.mllp.port=0')
  })

  test('a configuration with three mistakes: exit 78, all three named with line and nearest key', async () => {
    await using box = await Box.init()
    box.configure(yaml =>
      yaml
        .replace('budget: 2GiB', 'budgte: 2GiB')
        .replace('mode: demo', 'mode: fast')
        .replace('port: 0', 'port: 99999'),
    )
    const { code, err } = await box.cli('run', '--config', '.demo/gateway.yaml')
    expect(code).toBe(78)
    const lines = err.split('\n').filter(line => /gateway\.yaml:\d+ /.test(line))
    expect(lines).toHaveLength(3)
    expect(err).toMatch(/:3 data\.budgte .*budget/)
    expect(err).toMatch(/:4 privacy\.mode /)
    expect(err).toMatch(/:6 sources\.mllp\.port /)
  })

  test('commands read a stopped box, and change it', async () => {
    await using box = await Box.run()
    await mllp(box.listen.mllp, adt('4711', 'A1').replace(/PID\|1\|\|[^|]*/, 'PID|1||'))
    expect(await box.term()).toBe(0)
    expect(await box.cliJson('held', 'list')).toMatchObject([{ rule: 'E_NO_PATIENT', source: 'mllp' }])
    const device = await box.cliJson<{ id: string; secret: string }>('devices', 'add', 'late-1')
    await box.start()
    await using watch = await Watch.connect(box.listen.mqtt, device, 4)
    expect(watch.client.connected).toBe(true)
    expect((await runCommand(['status'], '/')).code).toBe(64)
  })
})
