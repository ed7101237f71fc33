import { randomBytes, scryptSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { ReaderKeys, type ReaderRecord, readKek } from '../../../src/reader/index.ts'
import {
  aead,
  b64u,
  cardOf,
  cards,
  gatewayKeys,
  kekDer,
  kekFile,
  keyRecord,
  lp,
  newDek,
  newKeys,
  signRecord,
  vectorId,
} from './sealer.ts'

const signer = cards[0]!
const marker = (at: string, subject = vectorId) =>
  signRecord(
    'demo.keys',
    `erase/${subject}`,
    {},
    Buffer.from(JSON.stringify({ v: 'erase1', subject, at, reason: 'R1' })),
  )
const tombstone = (kid: string) => signRecord('demo.keys', kid, {}, null)

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
  return 'none'
}

describe('key records (SEALING S4)', () => {
  it('bring a data key, once', () => {
    const keys = newKeys()
    const dek = newDek()
    expect(keys.get(dek.kid)).toBeNull()
    const record = keyRecord(dek)
    expect(keys.take(record, signer)).toEqual({ kind: 'key', kid: dek.kid })
    expect(keys.take(record, signer)).toEqual({ kind: 'ignored' })
    expect(keys.get(dek.kid)?.key.export()).toEqual(dek.dek)
    expect(keys.refused).toBe(0)
  })

  it.each([
    'kid',
    'tenant',
    'subject',
    'notBefore',
    'notAfter',
    'alg',
    'wrapAlg',
    'kekId',
    'gateway',
    'wrapped',
    'sig',
  ])('is ignored and counted when its %s is not what the gateway signed', name => {
    const keys = newKeys()
    const dek = newDek()
    const change = (record: Record<string, string>) => {
      record[name] = record[name]!.replace(/[0-9A-Za-z]/, found => (found === '2' ? '3' : '2'))
    }
    expect(keys.take(keyRecord(dek, { change }), signer)).toEqual({ kind: 'ignored' })
    expect(keys.get(dek.kid)).toBeNull()
    expect(keys.refused).toBe(1)
  })

  it('is ignored where the kid is not the one its key makes', () => {
    const keys = newKeys()
    const lie = { dek: randomBytes(32), kid: newDek().kid }
    keys.take(keyRecord(lie), signer)
    expect(keys.get(lie.kid)).toBeNull()
    expect(keys.refused).toBe(1)
  })

  it('is ignored where another head was wrapped with the key', () => {
    const keys = newKeys()
    const dek = newDek()
    keys.take(keyRecord(dek, { head: randomBytes(32) }), signer)
    expect(keys.get(dek.kid)).toBeNull()
    expect(keys.refused).toBe(1)
  })

  it('does not displace the good one of its kid', () => {
    const keys = newKeys()
    const dek = newDek()
    keys.take(keyRecord({ ...dek, dek: randomBytes(32) }), signer)
    keys.take(keyRecord(dek), signer)
    expect(keys.get(dek.kid)?.key.export()).toEqual(dek.dek)
  })

  it('is ignored from a stranger, for another KEK, for a demo KEK, under another key, and when it is no JSON', () => {
    const dek = newDek()
    const record = keyRecord(dek)
    const strange: readonly [ReaderRecord, ReaderKeys?][] = [
      [record, new ReaderKeys({ keks: [readKek(kekFile, 'k', {})], gateways: [cards[1]!] })],
      [keyRecord(dek, { kekId: 'kek-2' })],
      [{ ...record, key: newDek().kid }],
      [{ ...record, value: Buffer.from('{"v":"k1"') }],
      [{ ...record, value: Buffer.from('null') }],
      [
        keyRecord(dek, { kekId: 'demo-1' }),
        new ReaderKeys({ keks: [readKek({ ...kekFile, kekId: 'demo-1' }, 'k', { allowDemo: true })], gateways: cards }),
      ],
    ]
    for (const [bad, keys = newKeys()] of strange) {
      expect(keys.take(bad, signer)).toEqual({ kind: 'ignored' })
      expect(keys.refused).toBe(1)
    }
  })
})

describe('tombstones and erasure (SEALING S8)', () => {
  it('a tombstone takes a key away, one of another tenant does not', () => {
    const keys = newKeys()
    const dek = newDek()
    keys.take(keyRecord(dek), signer)
    keys.take(tombstone(dek.kid), { ...signer, tenant: 'other' })
    expect(keys.get(dek.kid)).not.toBeNull()
    keys.take(tombstone(dek.kid), signer)
    expect(keys.get(dek.kid)).toBeNull()
  })

  it('a marker takes the keys of its subject that were made before, whichever comes first', () => {
    const old = newDek()
    const sameSecond = newDek()
    const next = newDek()
    const other = newDek()
    const records = [
      keyRecord(old, { notBefore: '2026-11-24T08:00:00Z' }),
      keyRecord(sameSecond, { notBefore: '2026-11-24T09:00:00Z' }),
      keyRecord(next, { notBefore: '2026-11-24T09:00:01Z' }),
      keyRecord(other, { notBefore: '2026-11-24T08:00:00Z', subject: 'p1-other' }),
    ]
    const erase = marker('2026-11-24T09:00:00Z')
    for (const order of [
      [...records, erase],
      [erase, ...records],
    ]) {
      const keys = newKeys()
      for (const record of order) keys.take(record, signer)
      expect([old, sameSecond, next, other].map(({ kid }) => keys.get(kid) !== null)).toEqual([
        false,
        false,
        true,
        true,
      ])
      expect(keys.refused).toBe(0)
    }
  })

  it('a marker counts only under its own key and with a time', () => {
    for (const bad of [{ ...marker('2026-11-24T09:00:00Z'), key: 'erase/p1-other' }, marker('soon')]) {
      const keys = newKeys()
      expect(keys.take(bad, signer)).toEqual({ kind: 'ignored' })
      expect(keys.refused).toBe(1)
    }
  })
})

describe('private keys and cards (SEALING S10)', () => {
  const kdf = { name: 'scrypt', N: 1024, r: 8, p: 1, salt: b64u(Buffer.alloc(16, 7)) }
  const derived = scryptSync('four words of passphrase', Buffer.alloc(16, 7), 32, kdf)
  const box = b64u(aead(derived, kekDer, lp('cgw-priv-1', 'kek-1')))
  const ceremony = { v: 'p1', kekId: 'kek-1', purpose: 'production', kdf, box }

  it('opens the form of the key ceremony with its passphrase only', () => {
    const passphrase = 'four words of passphrase'
    const keys = new ReaderKeys({ keks: [readKek(ceremony, 'k', { passphrase })], gateways: cards })
    const dek = newDek()
    keys.take(keyRecord(dek), signer)
    expect(keys.get(dek.kid)).not.toBeNull()
    expect(codeOf(() => readKek(ceremony, 'k', {}))).toBe('E_KEYS')
    expect(codeOf(() => readKek(ceremony, 'k', { passphrase: 'other' }))).toBe('E_KEYS')
    expect(codeOf(() => readKek({ ...ceremony, kekId: 'kek-2' }, 'k', { passphrase }))).toBe('E_KEYS')
    const greedy = { ...kdf, N: 2 ** 40 }
    expect(codeOf(() => readKek({ ...ceremony, kdf: greedy }, 'k', { passphrase }))).toBe('E_KEYS')
    expect(codeOf(() => readKek({ ...ceremony, kdf: { ...kdf, N: 1000 } }, 'k', { passphrase }))).toBe('E_KEYS')
  })

  it('refuses keys of a demo unless they are allowed, by purpose and by name', () => {
    expect(codeOf(() => readKek({ ...kekFile, purpose: 'demo' }, 'k', {}))).toBe('E_DEMO_KEY')
    expect(codeOf(() => readKek({ ...kekFile, kekId: 'demo-7' }, 'k', {}))).toBe('E_DEMO_KEY')
    expect(codeOf(() => readKek({ ...kekFile, purpose: 'demo' }, 'k', { allowDemo: true }))).toBe('none')
  })

  it('says what is wrong with a folder without quoting it', () => {
    const dir = mkdtempSync(join(tmpdir(), 'reader-'))
    expect(codeOf(() => ReaderKeys.fromFolder(join(dir, 'none')))).toBe('E_KEYS')
    writeFileSync(join(dir, 'kek-1.private.json'), JSON.stringify(kekFile))
    expect(codeOf(() => ReaderKeys.fromFolder(dir))).toBe('E_KEYS')
    const card = cardOf('gw-1', gatewayKeys['gw-1'])
    for (const bad of [{}, [{ ...card, alg: 'RSA' }], [{ ...card, publicKey: 'AAAA' }], [null]]) {
      writeFileSync(join(dir, 'gateways.json'), JSON.stringify(bad))
      expect(codeOf(() => ReaderKeys.fromFolder(dir))).toBe('E_KEYS')
    }
    writeFileSync(join(dir, 'gateways.json'), JSON.stringify([card]))
    expect(ReaderKeys.fromFolder(dir).gateways).toHaveLength(1)
    writeFileSync(join(dir, 'bad.private.json'), '{"v":"p1","secret')
    expect(codeOf(() => ReaderKeys.fromFolder(dir))).toBe('E_KEYS')
  })
})
