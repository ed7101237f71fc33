/** SIGHUP: sender profiles and certificates change under a running gateway and its connections, all of them or nothing. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { frame, Sender } from '../adapters/hl7v2/wire.ts'
import { poison } from '../crash/engine-entry.ts'
import { type Certificate, makeAuthority, opensslMissing } from '../net/certificates.ts'
import { Box, type Status, until } from './box.ts'
import { adt } from './messages.ts'

const missing = opensslMissing()
const more = ', listeners: [{ name: lab, port: 0, tls: { cert: tls/box.crt, key: tls/box.key, ca: tls/ca.crt } }] }'
const yaml = (text: string) => text.replace(/(mllp: .*) }/, `$1${more}`)

/** A box with a listener `lab`, and the ways to change what it reads on SIGHUP. */
async function boxWithTls() {
  const authority = makeAuthority('Clinic')
  const box = await Box.init({ yaml, preload: ['test/crash/with-engine.ts'] })
  const at = (file: string) => join(box.folder, '.demo', file)
  for (const folder of ['tls', 'senders']) mkdirSync(at(folder), { recursive: true })
  copyFileSync(authority.ca, at('tls/ca.crt'))
  const profile = (text: string) =>
    writeFileSync(at('senders/lab.yaml'), `listener: lab\ncertificates: ["DNS:lab.example"]\nzone: UTC\n${text}\n`)
  const certify = ({ cert, key }: Certificate) => {
    copyFileSync(cert, at('tls/box.crt'))
    copyFileSync(key, at('tls/box.key'))
  }
  const hangUp = async (says: string) => {
    const before = box.log.length
    process.kill(box.pid, 'SIGHUP')
    await until(() => box.log.slice(before).includes(`"msg":"${says}`))
    return box.log.slice(before)
  }
  return { box, authority, profile, certify, hangUp, at, [Symbol.asyncDispose]: () => box[Symbol.asyncDispose]() }
}

async function dial(box: Box, { cert, key }: Certificate, ca: string): Promise<TLSSocket> {
  const port = Number((box.listen as Record<string, string>).lab!.split(':')[1])
  const files = { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) }
  const socket = tlsConnect({ port, host: '127.0.0.1', ...files })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return socket
}

/** MSH-11 T, which the profile takes or refuses. */
const trial = (id: string) => frame(adt('4711', id).replace('|P|', '|T|'))
const alarms = async (box: Box) => (await box.status()).alarms.map(({ code }) => code)

test.skipIf(missing)(`profiles and certificates${missing ? ` (${missing})` : ''}`, { timeout: 60_000 }, async () => {
  await using gateway = await boxWithTls()
  const { box, authority, profile, certify, hangUp, at } = gateway
  profile('test: refuse')
  certify(authority.issue('first', { days: 20 }))
  await box.start()
  const lab = authority.issue('lab', { names: 'DNS:lab.example' })
  using sender = Sender.on(await dial(box, lab, authority.ca))
  const answer = async (id: string, message = trial(id)) => {
    const count = sender.answers.length + 1
    await sender.send(message)
    await sender.hear(count)
    return sender.heard.at(-1)
  }
  const certificate = async () => {
    const socket = await dial(box, lab, authority.ca)
    const { subject } = socket.getPeerX509Certificate()!
    socket.destroy()
    return subject
  }
  expect(await answer('M1')).toBe('AR M1')
  const { listeners } = (await box.status()) as Status & { listeners: readonly object[] }
  expect(listeners).toEqual([
    expect.objectContaining({ name: 'mllp', until: null, plaintext: null }),
    expect.objectContaining({ name: 'lab', until: expect.stringMatching(/^2\d{3}-/) }),
  ])
  expect(await alarms(box)).toContain('E_TLS_EXPIRES')

  profile('test: topic')
  certify(authority.issue('second', { days: 40 }))
  await hangUp('reloaded')
  expect(await answer('M2')).toBe('AA M2')
  expect(await certificate()).toBe('CN=second')
  expect(await alarms(box)).not.toContain('E_TLS_EXPIRES')

  // an engine that takes the place of another has the new profile
  expect(await answer('DEADLY', frame(adt('4711', 'DEADLY', poison)))).toBe('AA DEADLY')
  expect((await box.status()).engine.lost).toBeGreaterThan(0)
  expect(await answer('AFTER')).toBe('AA AFTER')

  // the profile has a mistake: the new certificate waits too
  profile('test: perhaps')
  certify(authority.issue('third', { days: 40 }))
  const said = await hangUp('not reloaded')
  expect(said).toContain('senders/lab.yaml:4 test expected topic or refuse')
  expect([await answer('M3'), await certificate()]).toEqual(['AA M3', 'CN=second'])
  expect(await alarms(box)).toContain('E_CONFIG')

  // the certificate has one: the new profile waits too
  profile('test: refuse')
  writeFileSync(at('tls/box.crt'), 'nothing')
  expect(await hangUp('not reloaded')).toContain('"at":"sources.mllp.listeners[0].tls.cert"')
  expect([await answer('M4'), await certificate()]).toEqual(['AA M4', 'CN=second'])
  const found: string[] = []
  const io = { out() {}, err: (text: string) => void found.push(text), person: false }
  expect(await main(['check', '--config', at('gateway.yaml')], io)).toBe(78)
  expect(found.join()).toContain('sources.mllp.listeners[0].tls.cert not a certificate in PEM')

  certify(authority.issue('fourth', { days: 40 }))
  await hangUp('reloaded')
  expect([await answer('M5'), await certificate()]).toEqual(['AR M5', 'CN=fourth'])
  expect(await alarms(box)).not.toContain('E_CONFIG')
  expect(await box.term()).toBe(0)
})
