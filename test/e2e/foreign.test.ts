/** The lines of the README with tools that are not ours: netcat, mosquitto_pub, curl. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Box, root } from './box.ts'
import { openOutput } from './opened.ts'

const isThere = (tool: string) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0
const missing = ['nc', 'mosquitto_pub', 'curl'].filter(tool => !isThere(tool))
const needs = missing.length > 0 ? `needs ${missing.join(', ')}` : 'nc, mosquitto_pub, curl'

describe.skipIf(missing.length > 0)(`foreign clients (${needs})`, { timeout: 60_000 }, () => {
  let box: Box

  beforeAll(async () => {
    box = await Box.run()
  })
  afterAll(() => box?.[Symbol.asyncDispose]())

  /** Runs a line of the README, with the ports of this box in place of the usual ones. */
  const readme = (begin: string, ...more: readonly string[]) => {
    const text = readFileSync(`${root}/README.md`, 'utf8').replaceAll('\\\n', ' ')
    const line = text.split('\n').find(one => one.trimStart().startsWith(begin))
    expect(line, begin).toBeDefined()
    const port = (address: string) => address.slice(address.lastIndexOf(':') + 1)
    const here = [...more, line ?? '']
      .join('\n')
      .replace('127.0.0.1 2575', `127.0.0.1 ${port(box.listen.mllp)}`)
      .replace('-p 1883', `-p ${port(box.listen.mqtt)}`)
      .replace('127.0.0.1:8080', box.listen.fhir)
      .replaceAll('.demo/', `${box.folder}/.demo/`)
    return spawnSync('sh', ['-c', here], { cwd: root, encoding: 'utf8', timeout: 20_000 })
  }
  const lineOf = (begin: string) =>
    readFileSync(`${root}/README.md`, 'utf8')
      .split('\n')
      .find(one => one.startsWith(begin)) ?? ''

  test('netcat sends HL7 and reads AA', () => {
    expect(readme("{ printf '\\013'").stdout).toMatch(/\nMSA\|AA\|A0001\n/)
  })

  test('mosquitto_pub publishes a reading, in both versions of MQTT', () => {
    const secret = lineOf('secret=')
    expect(readme('mosquitto_pub', secret)).toMatchObject({ status: 0, stderr: '' })
    const older = `mosquitto_pub() { command mosquitto_pub "$@" -V mqttv311; }`
    expect(readme('mosquitto_pub', secret, older)).toMatchObject({ status: 0, stderr: '' })
  })

  test('curl posts an Observation and gets 202 with a receipt', () => {
    expect(readme('curl -i', lineOf('token=')).stdout).toMatch(/^HTTP\/1\.1 202 [\s\S]*\nreceipt: /i)
  })

  test('what they sent is about one and the same person', async () => {
    await box.drained()
    const opened = await openOutput(box)
    expect(opened.of('Patient')).toHaveLength(1)
    expect(opened.of('Observation').length).toBeGreaterThanOrEqual(2)
  })
})
