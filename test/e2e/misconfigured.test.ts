/** An uplink that is set up wrongly: the box says what to change, and takes messages all the same. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeAuthority, opensslMissing } from '../net/certificates.ts'
import { Box, until } from './box.ts'
import { oru } from './messages.ts'
import { mllp } from './senders.ts'

const kafka = `{ name: cloud, type: kafka, brokers: ['127.0.0.1:1'], tls: { ca: ./tls/ca.pem },
    sasl: { mechanism: scram-sha-512, username: box, passwordFile: ./tls/password } }`
const withKafka = (yaml: string) => yaml.replace('{ name: cloud, type: file, dir: ./out }', kafka)
const missing = opensslMissing()

test.skipIf(missing)(
  `files that are missing are named, messages are taken, and no restart is needed after mending${missing ? ` (${missing})` : ''}`,
  { timeout: 60_000 },
  async () => {
    await using box = await Box.run({ yaml: withKafka })
    const says = (msg: string, facts: object) =>
      until(() =>
        box.log.split('\n').some(line => line.startsWith('{') && matches(JSON.parse(line), { msg, ...facts })),
      )
    await says('a file of the uplink cannot be used', { code: 'E_UPLINK_CONFIG', at: 'tls.ca', cause: 'ENOENT' })
    await says('a file of the uplink cannot be used', { at: 'sasl.passwordFile', cause: 'ENOENT' })
    expect(await mllp(box.listen.mllp, oru('4711', 'M1', 1))).toMatchObject({ code: 'AA' })
    await says('uplink down', { code: 'E_UPLINK_CONFIG', at: 'tls.ca', cause: 'ENOENT' })

    const checked = await box.cli('check', '--config', '.demo/gateway.yaml')
    expect(checked).toMatchObject({ code: 78, err: expect.stringMatching(/^E_CONFIG/) })
    expect(checked.err).toMatch(/^\.demo\/gateway\.yaml uplinks\[0\]\.tls\.ca ENOENT: The file cannot be read/m)
    expect(checked.err).toMatch(/^\.demo\/gateway\.yaml uplinks\[0\]\.sasl\.passwordFile ENOENT: /m)

    const folder = join(box.folder, '.demo/tls')
    mkdirSync(folder)
    copyFileSync(makeAuthority('Test CA').ca, join(folder, 'ca.pem'))
    writeFileSync(join(folder, 'password'), 'secret')
    await says('uplink down', { code: 'E_UPLINK_DOWN', at: 'cloud', cause: 'ECONNREFUSED' })
    expect(await mllp(box.listen.mllp, oru('4711', 'M2', 2))).toMatchObject({ code: 'AA' })
    expect((await box.status()).outbox.pending).toBeGreaterThan(1)
  },
)

function matches(line: Readonly<Record<string, unknown>>, facts: object): boolean {
  return Object.entries(facts).every(([name, value]) => line[name] === value)
}
