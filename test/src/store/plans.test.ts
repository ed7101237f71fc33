/** What runs for every message or batch must find its rows by a primary key: a scan would grow with the box. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import * as again from '../../../src/store/again.ts'
import * as cursors from '../../../src/store/cursors.ts'
import * as held from '../../../src/store/held.ts'
import * as outbox from '../../../src/store/outbox.ts'
import * as take from '../../../src/store/take.ts'
import * as tally from '../../../src/store/tally.ts'
import * as tidy from '../../../src/store/tidy.ts'
import { World } from './world.ts'

let world: World
beforeAll(() => {
  world = new World()
})
afterAll(() => world.end())

const plan = (statement: string) =>
  world.look(db => {
    const sql = statement.replace(/@\w+/g, '?')
    const values = Array.from(sql.match(/\?/g) ?? [], () => 1)
    return db
      .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...values)
      .map(row => row.detail)
  })

const rooms = { again, cursors, outbox, take, tally, tidy }
const statements = Object.entries(rooms).flatMap(([room, { sql }]) =>
  Object.entries(sql).map(([name, text]) => [room, name, text] as const),
)

it.each(statements)('%s %s scans nothing but the parked rows', (_room, _name, sql) => {
  expect(plan(sql).filter(line => /SCAN|TEMP B-TREE/.test(line) && line !== 'SCAN parked')).toEqual([])
})

it.each(Object.entries(held.sql))('held %s reads only held messages', (_, sql) => {
  expect(plan(sql).filter(line => !/arrival_held/.test(line))).toEqual([])
})

it('no index lies on the path of a message', () => {
  const indexes = world.look(db =>
    db.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").pluck().all(),
  )
  // one entry in some hundred rows
  expect(indexes).toEqual(['arrival_held', 'tally_at'])
})
