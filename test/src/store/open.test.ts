import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MiB } from '../../../src/limits.ts'
import { verifyAudit } from '../../../src/store/audit.ts'
import { assertDurable, openDatabase } from '../../../src/store/open.ts'
import { migrations } from '../../../src/store/schema.ts'
import { rowBytesSql } from '../../../src/store/usage.ts'
import { codeOf, World } from './world.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'clinic-gateway-open-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const data = () => join(dir, 'data')
const log = () => join(dir, 'log')
const writer = new URL('./writer.ts', import.meta.url).pathname

function run(...options: string[]): ChildProcess {
  return spawn(process.execPath, [writer, data(), log(), ...options], { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function logged(lines: number): Promise<void> {
  while (!existsSync(log()) || readFileSync(log(), 'utf8').split('\n').length <= lines) await wait(10)
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('durability', () => {
  it('is asked for and read back on every open', () => {
    for (let round = 0; round < 2; round++) {
      const db = openDatabase(dir, 16 * MiB, 'FULL')
      db.exec('CREATE TABLE IF NOT EXISTS t(a)')
      assertDurable(db, 'FULL')
      const pragma = (name: string) => db.pragma(name, { simple: true })
      expect(pragma('synchronous')).toBe(2)
      expect(pragma('journal_mode')).toBe('wal')
      expect(pragma('auto_vacuum')).toBe(2)
      expect(pragma('secure_delete')).toBe(1)
      expect(pragma('max_page_count')).toBe((16 * MiB) / 4096)
      db.close()
    }
  })

  it('is missed where a connection does not sync every commit', () => {
    const db = openDatabase(dir, 16 * MiB, 'NORMAL')
    expect(codeOf(() => assertDurable(db, 'FULL'))).toBe('E_DATABASE')
    db.pragma('synchronous = FULL')
    db.pragma('journal_mode = DELETE')
    expect(codeOf(() => assertDurable(db, 'FULL'))).toBe('E_DATABASE')
    db.close()
  })

  it('is missed by the store where the library does not do as it is told', () => {
    const pragma = Database.prototype.pragma
    const deaf = vi.spyOn(Database.prototype, 'pragma')
    deaf.mockImplementation(function (this: Database.Database, source, options) {
      return pragma.call(this, source === 'synchronous = FULL' ? 'synchronous = NORMAL' : source, options)
    })
    try {
      expect(codeOf(() => new World({ dir: data() }))).toBe('E_DATABASE')
    } finally {
      deaf.mockRestore()
    }
    new World({ dir: data() }).end()
  })

  it('cannot be lowered in production', () => {
    expect(codeOf(() => new World({ dir: data(), purpose: 'production', synchronous: 'NORMAL' }))).toBe('E_CONFIG')
    expect(existsSync(data())).toBe(false)
  })
})

describe('the folder', () => {
  it('and everything in it is for the service user only', () => {
    const world = new World({ dir: data() })
    world.take()
    world.store.peek('cloud', 1, 1)
    expect(statSync(data()).mode & 0o777).toBe(0o700)
    for (const name of ['gateway.db', 'gateway.db-wal', 'gateway.db-shm', 'gateway.lock', 'mark.json', 'ballast']) {
      expect([name, statSync(join(data(), name)).mode & 0o777]).toEqual([name, 0o600])
    }
    world.end()
  })

  it('belongs to one gateway and one purpose', () => {
    const world = new World({ dir: data() })
    world.store.close()
    expect(codeOf(() => world.open({ gateway: 'gw-02' }))).toBe('E_CONFIG')
    expect(codeOf(() => world.open({ gateway: 'gw-01', purpose: 'production' }))).toBe('E_CONFIG')
    world.open({ purpose: 'demo' })
    world.end()
  })

  it('needs a budget', () => {
    expect(codeOf(() => new World({ dir: data(), budget: 1000 }))).toBe('E_CONFIG')
    expect(codeOf(() => new World({ dir: data(), budget: Number.NaN }))).toBe('E_CONFIG')
  })

  it('that cannot be made is a fault of the disk', () => {
    writeFileSync(join(dir, 'file'), '')
    expect(codeOf(() => new World({ dir: join(dir, 'file', 'data') }))).toBe('E_DISK')
  })
})

describe('one process', () => {
  it('a second opening is refused, in this process too, and the first goes on', () => {
    const world = new World({ dir: data() })
    expect(codeOf(() => new World({ dir: data() }))).toBe('E_ALREADY_RUNNING')
    world.take()
    world.end()
  })

  it('a running gateway is left alone; a killed one holds nothing', async () => {
    const child = run('FULL', 'held')
    await logged(1)
    expect(codeOf(() => new World({ dir: data() }))).toBe('E_ALREADY_RUNNING')
    await kill(child)
    new World({ dir: data() }).end()
  })

  it('a thread that was ended holds nothing', async () => {
    const worker = new Worker(writer, { argv: [data(), log(), 'FULL', 'held'] })
    await logged(1)
    expect(codeOf(() => new World({ dir: data() }))).toBe('E_ALREADY_RUNNING')
    await worker.terminate()
    new World({ dir: data() }).end()
  })
})

describe('kill -9', () => {
  it('loses nothing that was acknowledged', async () => {
    for (let round = 1; round <= 10; round++) {
      const child = run()
      const before = existsSync(log()) ? readFileSync(log(), 'utf8').split('\n').length - 1 : 0
      await logged(before + 5)
      await wait(Math.random() * 30)
      await kill(child)
    }
    const world = new World({ dir: data() })
    const acknowledged = readFileSync(log(), 'utf8').trimEnd().split('\n')
    const kept = world.look(db =>
      db.prepare('SELECT arrival, count(*) AS rows FROM outbox GROUP BY arrival').all(),
    ) as {
      arrival: number
      rows: number
    }[]
    const rows = new Map(kept.map(({ arrival, rows }) => [arrival, rows]))
    expect(acknowledged.filter(line => rows.get(Number.parseInt(line, 10)) !== 2)).toEqual([])
    expect(kept.filter(({ rows }) => rows !== 2)).toEqual([])
    expect(world.store.newEpoch).toBe(false)
    expect(world.look(verifyAudit).broken).toBeNull()
    const { counted, real } = world.usage()
    expect(counted).toEqual(real)
    world.end()
  })
})

describe('a damaged file', () => {
  function written(): string {
    const world = new World({ dir: data() })
    world.take({}, 50, 2000)
    world.store.close()
    return join(data(), 'gateway.db')
  }

  function scribble(file: string, at: number): void {
    const fd = openSync(file, 'r+')
    writeSync(fd, Buffer.alloc(4096, 'x'), 0, 4096, at)
    closeSync(fd)
  }

  it.each([
    ['that is no database', (file: string) => writeFileSync(file, 'x'.repeat(8192))],
    ['that was cut', (file: string) => truncateSync(file, 20 * 4096)],
    [
      'with a page of rubbish that nothing has to read yet',
      (file: string) => scribble(file, statSync(file).size - 3 * 4096),
    ],
  ])('%s is not opened', (_, damage) => {
    damage(written())
    expect(codeOf(() => new World({ dir: data() }))).toBe('E_DATABASE')
  })
})

describe('the schema', () => {
  it('carries its number, and one of a newer version is refused', () => {
    const world = new World({ dir: data() })
    expect(world.one("SELECT v FROM meta WHERE k = 'schema'")).toBe(String(migrations.length))
    world.store.close()
    const db = new Database(join(data(), 'gateway.db'))
    db.exec(`UPDATE meta SET v = ${migrations.length + 1} WHERE k = 'schema'`)
    db.close()
    expect(codeOf(() => world.open())).toBe('E_DATABASE')
  })

  it('knows at the change to the second one that all but a parked row has gone', () => {
    mkdirSync(data(), { mode: 0o700 })
    const old = openDatabase(data(), 16 * MiB, 'FULL')
    old.exec(migrations[0]!)
    old.exec(
      `INSERT INTO meta VALUES ('schema', '1'), ('epoch', '1700000000'), ('gateway', 'gw-01'), ('purpose', 'demo')`,
    )
    const row = old.prepare(`INSERT INTO outbox(seq, epoch, arrival, lane, topic, key, headers, day, value)
      VALUES (?, 1700000000, 1, 'data', 't', 'k', '{}', '2026-11-20', NULL)`)
    for (const seq of [3, 10]) row.run(seq)
    old.exec('DELETE FROM outbox WHERE seq = 10')
    old.exec("INSERT INTO cursor VALUES ('cloud', 'lkc-1', 10)")
    old.exec("INSERT INTO parked VALUES ('cloud', 3, 'E_UPLINK_REJECTED', 5)")
    old.close()
    writeFileSync(join(data(), 'mark.json'), '{"epoch":1700000000,"seq":10}')
    const world = new World({ dir: data() })
    expect(world.look(db => db.prepare('SELECT first, last FROM gone').all())).toEqual([{ first: 1, last: 10 }])
    expect(world.store.status()).toMatchObject({ pending: 0, gaps: [] })
    world.take({}, 2)
    world.store.settle('cloud', [{ kind: 'delivered', through: 12 }])
    expect(world.store.resend('cloud', { from: { seq: 1 }, to: null, key: null }, 'nurse', world.now)).toEqual({
      from: 11,
      to: 12,
      rows: 2,
    })
    world.end()
  })

  it('is brought from the first to the newest one, with all that lies in it', () => {
    mkdirSync(data(), { mode: 0o700 })
    const old = openDatabase(data(), 16 * MiB, 'FULL')
    old.exec(migrations[0]!)
    old.exec(`INSERT INTO meta VALUES ('schema', '1'), ('epoch', '1700000000'), ('floor', '700'), ('gateway', 'gw-01'),
      ('purpose', 'demo')`)
    const arrival = old.prepare(`INSERT INTO arrival(no, at, source, sender, format, outline, state, mapping, mode, seq)
      VALUES (?, ?, 'mllp', 'lab', 'hl7v2', '', 'kept', '', 'live', ?)`)
    const row = old.prepare(`INSERT INTO outbox(seq, epoch, arrival, lane, topic, key, headers, day, value)
      VALUES (?, 1700000000, ?, 'data', 't', 'k', '{}', '2026-11-20', zeroblob(?))`)
    for (let no = 1; no <= 1000; no++) arrival.run(no, 1e12 + no * 1000, no)
    for (let seq = 1; seq <= 1000; seq++) if (seq === 3 || seq > 200) row.run(seq, seq, seq)
    old.exec("INSERT INTO cursor VALUES ('cloud', 'lkc-1', 700)")
    old.exec("INSERT INTO parked VALUES ('cloud', 3, 'E_UPLINK_REJECTED', 5)")
    old.exec(`UPDATE usage SET rows = (SELECT count(*) FROM outbox WHERE seq <= 700),
      bytes = (SELECT sum(${rowBytesSql}) FROM outbox WHERE seq <= 700) WHERE class = 'delivered'`)
    old.exec(`UPDATE usage SET rows = 300, bytes = (SELECT sum(${rowBytesSql}) FROM outbox WHERE seq > 700)
      WHERE class = 'pending'`)
    old.close()
    writeFileSync(join(data(), 'mark.json'), '{"epoch":1700000000,"seq":800}')

    const world = new World({ dir: data() })
    expect(world.store.newEpoch).toBe(false)
    const bytes = (where: string) => world.one(`SELECT sum(${rowBytesSql}) FROM outbox WHERE ${where}`)
    expect(world.store.status()).toMatchObject({
      epoch: 1_700_000_000,
      seq: 1000,
      pending: 300,
      pendingBytes: bytes('seq > 700'),
      oldestPendingAt: 1e12 + 701_000,
      sent: { rows: 501, bytes: bytes('seq <= 700'), since: 1e12 + 201_000 },
      cursors: [{ uplink: 'cloud', cluster: 'lkc-1', through: 700, parked: 1, history: 0 }],
    })
    expect(world.usage().counted).toEqual(world.usage().real)
    world.store.settle('cloud', [{ kind: 'delivered', through: 900 }])
    expect(world.store.status()).toMatchObject({ pending: 100, pendingBytes: bytes('seq > 900') })
    world.take({}, 2)
    expect(world.store.resend('cloud', { from: { seq: 1 }, to: null, key: null }, 'nurse', world.now)).toEqual({
      from: 201,
      to: 900,
      rows: 700,
    })
    world.reopen()
    expect(world.store.status().pending).toBe(102)
    world.end()
  })

  it('has only strict tables', () => {
    const world = new World({ dir: data() })
    const loose = world.look(db =>
      db.prepare("SELECT name FROM pragma_table_list WHERE strict = 0 AND name NOT LIKE 'sqlite%'").pluck().all(),
    )
    expect(loose).toEqual([])
    world.end()
  })
})
