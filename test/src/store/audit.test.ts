import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { auditHash, auditStart, verifyAudit } from '../../../src/store/audit.ts'
import { verifyAuditOf } from '../../../src/store/index.ts'
import { codeOf, morning, World } from './world.ts'

it('makes the hash of SEALING vector V5', () => {
  const entry = { n: 1, actor: 'system', act: 'start', obj: 'gw-01', outcome: 'ok', detail: '' }
  expect(auditHash(auditStart, { ...entry, at: '2026-11-24T08:00:00.000Z' }).toString('hex')).toBe(
    '9652541565ecb587e7665f79e77c00829fb44852c24f17bc411ef2ea9639bf98',
  )
})

describe('the chain', () => {
  let world: World
  beforeEach(() => {
    world = new World()
    for (const act of ['start', 'unlock', 'lock']) world.store.audit('system', act, 'gw-01', 'ok', morning)
    world.take()
    world.reopen()
  })
  afterEach(() => world.end())

  it('holds from the first entry to the last, over a restart', () => {
    const last = world.one<Buffer>('SELECT h FROM audit ORDER BY n DESC LIMIT 1').toString('hex')
    expect(verifyAuditOf(world.dir)).toEqual({ entries: 5, head: last, broken: null })
    world.store.close()
    expect(verifyAuditOf(world.dir)).toEqual({ entries: 5, head: last, broken: null })
    world.open()
    expect(codeOf(() => verifyAuditOf('/nowhere'))).toBe('E_DATABASE')
  })

  it('breaks where numbers were left out, even with hashes that fit', () => {
    const db = new Database(`${world.dir}/gateway.db`)
    const before = db.prepare('SELECT h FROM audit WHERE n = 5').pluck().get() as Buffer
    const at = new Date(morning).toISOString()
    const link = { n: 7, at, actor: 'system', act: 'stop', obj: 'gw-01', outcome: 'ok', detail: '' }
    const h = auditHash(before.toString('hex'), link)
    db.prepare('INSERT INTO audit VALUES (@n, @at, @actor, @act, @obj, @outcome, @detail, @h)').run({ ...link, h })
    expect(verifyAudit(db)).toMatchObject({ entries: 5, broken: 6 })
    db.close()
  })

  it.each([
    ['an entry was changed', "UPDATE audit SET actor = 'nobody' WHERE n = 3", 3],
    ['an entry was taken out', 'DELETE FROM audit WHERE n = 3', 3],
    ['entries were swapped', 'UPDATE audit SET n = CASE n WHEN 2 THEN 9 ELSE n END WHERE n = 2', 2],
    ['a moment was moved', "UPDATE audit SET at = '2020-01-01T00:00:00.000Z' WHERE n = 5", 5],
  ])('breaks where %s', (_, tamper, broken) => {
    const db = new Database(`${world.dir}/gateway.db`)
    db.exec(tamper)
    expect(verifyAudit(db).broken).toBe(broken)
    db.close()
  })
})
