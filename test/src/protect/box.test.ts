import { constants, createPrivateKey, privateDecrypt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { day } from '../../../src/limits.ts'
import type { Protector } from '../../../src/ports.ts'
import { Box } from '../../../src/protect/box.ts'
import { aeadOpen, lp, unpadBlob } from '../../../src/protect/format.ts'
import { authenticator, authKeyOf } from '../../../src/protect/index.ts'
import { boxSub } from '../../../src/protect/keys.ts'
import type { Sealed } from '../../../src/records.ts'
import { newWorld, receivedAt, type World } from './world.ts'

let world: World
let protector: Protector
beforeAll(() => {
  world = newWorld()
  protector = world.open()
})

const run = (first: number, length = 32) => Buffer.from(Array.from({ length }, (_, i) => first + i))
const record: Sealed = {
  seq: 7,
  lane: 'data',
  topic: 'demo.fhir',
  key: 'p1-a',
  headers: '{}',
  value: Buffer.from('{"a":1}'),
}

describe('at rest', () => {
  it('V4 and V8 of SEALING S11', () => {
    const box = new Box({ boxKey: run(0x40), nonce: () => run(0, 12), today: () => '2026-11-24' })
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    expect(hex(boxSub(run(0x40), 'outbox/2026-11-24'))).toBe(
      '403a9310bfe5ad85a96b56f395cc47f7ac876c22cb4c80d624174fbbf1de9355',
    )
    expect(hex(box.seenControl('lab-east', 'MSG00001'))).toBe('0214a5cc31422259357ee639d82e9789')
    expect(hex(box.seenContent('lab-east', Buffer.from('MSH|^~\\&|A\r')))).toBe('443300bfcabe97e164145512976987af')
  })

  it('a row opens as it was, and only as it was', () => {
    const row = protector.sealRow(record, 5)
    expect(Buffer.from(row.value!).includes('"a"')).toBe(false)
    expect(row).toMatchObject({ epoch: 5, day: '2026-11-24', seq: 7 })
    expect(protector.openRow(row)).toEqual(record)
    const none = { ...record, value: null }
    expect(protector.openRow(protector.sealRow(none, 5))).toEqual(none)
    const bent = Buffer.from(row.value!)
    bent[20]! ^= 1
    for (const over of [
      { value: bent },
      { seq: 8 },
      { epoch: 6 },
      { topic: 'demo.test' },
      { key: 'p1-b' },
      { day: '2026-11-25' },
    ]) {
      expect(() => protector.openRow({ ...row, ...over })).toThrow(
        new GatewayError('E_OUTBOX_ROW', `seq ${{ seq: 7, ...over }.seq}`),
      )
    }
  })

  it('notes open under their use; marks find a value again', () => {
    const note = protector.sealNote('label', 'demo-watch')
    expect(protector.openNote('label', note)).toBe('demo-watch')
    expect(() => protector.openNote('work', note)).toThrow('E_SEAL_OPEN_FAILED')
    expect(protector.mark('work', 'a')).toEqual(protector.mark('work', 'a'))
    expect(protector.mark('work', 'a')).not.toEqual(protector.mark('label', 'a'))
    expect(protector.receipt(1)).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(protector.receipt(1)).not.toBe(protector.receipt(2))
  })

  it('secrets are checked with the auth half of the box key alone', () => {
    const authenticate = authenticator(authKeyOf(world.keys.boxKey))
    const mac = protector.secretMac('device', 'watch', 'secret')
    expect(authenticate('device', 'watch', 'secret', mac)).toBe(true)
    expect(authenticate('device', 'watch', 'Secret', mac)).toBe(false)
    expect(authenticate('device', 'other', 'secret', mac)).toBe(false)
    expect(authenticate('client', 'watch', 'secret', mac)).toBe(false)
    expect(authenticate('device', 'watch', 'secret', '')).toBe(false)
  })

  it('originals open with the replay key and nothing else; their key is recorded until it is on disk', () => {
    const fresh = world.open()
    const first = fresh.sealOriginal(3, Buffer.from('MSH|^~\\&'))
    expect(fresh.sealOriginal(4, new Uint8Array()).keyRecord).toBe(first.keyRecord)
    fresh.rolledBack()
    fresh.committed()
    expect(fresh.sealOriginal(5, new Uint8Array()).keyRecord).toBe(first.keyRecord)
    fresh.committed()
    expect(fresh.sealOriginal(6, new Uint8Array()).keyRecord).toBeNull()
    world.clock.now += day
    expect(fresh.sealOriginal(7, new Uint8Array()).keyRecord).not.toBeNull()
    world.clock.now = receivedAt

    const card = JSON.parse(readFileSync(join(world.dir, 'box', 'replay.private.json'), 'utf8'))
    const key = createPrivateKey({ key: Buffer.from(card.pkcs8, 'base64'), format: 'der', type: 'pkcs8' })
    const { wrapped, subject, kekId } = JSON.parse(first.keyRecord!)
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    const dek = privateDecrypt({ key, ...padding }, Buffer.from(wrapped, 'base64url')).subarray(0, 32)
    expect({ subject, kekId }).toEqual({ subject: 'local', kekId: 'replay-1' })
    const open = (id: number) => aeadOpen(dek, first.body, lp('r1', 'demo', 'demo-1', id, first.kid))
    expect(unpadBlob(open(3)!)?.toString()).toBe('MSH|^~\\&')
    expect(open(4)).toBeNull()
  })
})
