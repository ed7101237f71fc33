import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MiB } from '../../../src/limits.ts'
import { type Connection, connect } from '../../../src/store/connection.ts'
import { openDatabase } from '../../../src/store/open.ts'
import { codeOf } from './world.ts'

let dir: string
let connection: Connection
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'clinic-gateway-connection-'))
  connection = connect(openDatabase(dir, MiB, 'FULL'))
  connection.db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB) STRICT')
})
afterEach(() => {
  connection.db.close()
  rmSync(dir, { recursive: true, force: true })
})

const fail = (code: string) => () => {
  throw new Database.SqliteError('a row with Müller in it', code)
}
const count = () => connection.read('count', () => connection.db.prepare('SELECT count(*) FROM t').pluck().get())

describe('errors', () => {
  it.each([
    ['SQLITE_FULL', 'E_FULL'],
    ['SQLITE_BUSY', 'E_BUSY'],
    ['SQLITE_CONSTRAINT_PRIMARYKEY', 'E_DATABASE'],
    ['SQLITE_TOOBIG', 'E_DATABASE'],
    ['SQLITE_IOERR_FSYNC', 'E_DISK'],
    ['SQLITE_IOERR_WRITE', 'E_DISK'],
    ['SQLITE_CORRUPT', 'E_DISK'],
    ['SQLITE_NOTADB', 'E_DISK'],
  ])('%s is %s', (foreign, own) => {
    expect(codeOf(() => connection.read('take', fail(foreign)))).toBe(own)
  })

  it('never carry the words of the library', () => {
    expect(() => connection.read('take', fail('SQLITE_CONSTRAINT'))).toThrow(
      'E_DATABASE: the database cannot be used at take',
    )
  })

  it('after one of the disk nothing is tried again', () => {
    expect(codeOf(() => connection.write('take', fail('SQLITE_IOERR_FSYNC')))).toBe('E_DISK')
    expect(codeOf(count)).toBe('E_DISK')
    expect(codeOf(() => connection.write('take', () => {}))).toBe('E_DISK')
  })

  it('after any other one the work goes on', () => {
    expect(codeOf(() => connection.write('take', fail('SQLITE_CONSTRAINT')))).toBe('E_DATABASE')
    expect(count()).toBe(0)
  })
})

describe('a write', () => {
  const insert = (bytes: number) => connection.db.prepare('INSERT INTO t(b) VALUES (zeroblob(?))').run(bytes)

  it('is all or nothing', () => {
    const broken = () =>
      connection.write('take', () => {
        insert(10)
        throw new RangeError('a mistake of ours')
      })
    expect(broken).toThrow(RangeError)
    expect(count()).toBe(0)
  })

  it('beyond the cap of the file leaves nothing behind; after a delete there is room again', () => {
    let rows = 0
    const fill = () => {
      for (;;) {
        connection.write('take', () => insert(50_000))
        rows++
      }
    }
    expect(codeOf(fill)).toBe('E_FULL')
    expect(connection.db.inTransaction).toBe(false)
    expect(count()).toBe(rows)
    connection.write('tidy', () => connection.db.exec('DELETE FROM t WHERE a <= 3'))
    connection.write('take', () => insert(50_000))
    expect(count()).toBe(rows - 2)
  })
})
