/** Throw-away keys for trying out (SEALING S10, demo): everything in one folder, and nothing ever overwritten. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'

export type DemoKeysOptions = Readonly<{ tenant: string; gateway: string; environment: Environment }>

/**
 * Makes what is missing of `<dir>/box` (the gateway's half, for `loadKeys`) and `<dir>/reader` (what a consumer holds:
 * the private half `kek-demo.private.json` and the gateway cards `gateways.json`). Folders 0700, files 0600.
 */
export function createDemoKeys(dir: string, { tenant, gateway, environment }: DemoKeysOptions): void {
  const box = join(dir, 'box')
  const reader = join(dir, 'reader')
  for (const folder of [dir, box, reader]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  const created = new Date(environment.now()).toISOString()
  const label = environment.random(4).toString('hex')

  make(join(box, 'box.key'), () => environment.random(32))
  make(join(box, 'psk-1.key'), () => environment.random(32))

  const signing = signingKey(join(box, 'signing.key'))
  const publicKey = createPublicKey(signing).export({ format: 'der', type: 'spki' }).toString('base64')
  make(join(reader, 'gateways.json'), () => json([{ v: 'g1', tenant, gateway, alg: 'Ed25519', publicKey, created }]))

  const kek = demoPair(join(reader, 'kek-demo.private.json'), `demo-${label}`)
  make(join(box, 'kek.pub.json'), () => publicCard(kek, tenant, created))

  const replay = demoPair(join(box, 'replay.private.json'), 'replay-1')
  make(join(box, 'replay.pub.json'), () => publicCard(replay, tenant, created))
}

type DemoPair = Readonly<{ kekId: string; key: KeyObject }>

/** An RSA pair kept as `{v:"p1",kekId,purpose:"demo",pkcs8}`. */
function demoPair(file: string, kekId: string): DemoPair {
  make(file, () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
    return json({ v: 'p1', kekId, purpose: 'demo', pkcs8 })
  })
  const kept = JSON.parse(readFileSync(file, 'utf8')) as { kekId: string; pkcs8: string }
  const der = Buffer.from(kept.pkcs8, 'base64')
  return { kekId: kept.kekId, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) }
}

function publicCard({ kekId, key }: DemoPair, tenant: string, created: string): string {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64')
  return json({ v: 'c1', tenant, kekId, purpose: 'demo', alg: 'RSA-OAEP-256', spki, created })
}

function signingKey(file: string): KeyObject {
  make(file, () => generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }))
  return createPrivateKey({ key: readFileSync(file), format: 'der', type: 'pkcs8' })
}

/** Writes a file that is not there yet; one that is there stays as it is. */
function make(file: string, content: () => Buffer | string): void {
  if (!existsSync(file)) writeFileSync(file, content(), { mode: 0o600, flag: 'wx' })
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
