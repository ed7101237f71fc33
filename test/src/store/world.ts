/** A real store in a folder of its own, a clock that the test moves, and messages to fill it with. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type Environment, machine } from '../../../src/environment.ts'
import { GatewayError } from '../../../src/errors.ts'
import { MiB } from '../../../src/limits.ts'
import type { Store, Taken } from '../../../src/ports.ts'
import type { OutboxRow } from '../../../src/records.ts'
import { openStore, type StoreOptions } from '../../../src/store/index.ts'
import { rowBytesSql } from '../../../src/store/usage.ts'

export const morning = Date.parse('2026-11-24T08:00:00.000Z')

export class World {
  readonly dir: string
  readonly environment: Environment
  now = morning
  /** How long a look at the clock takes that only goes forward: as a sync would. */
  lookMs = 0
  store: Store
  #options: StoreOptions
  #arrival = 0
  #seq = 0
  #looked = 0
  #set = 0

  constructor(options: Partial<StoreOptions> = {}) {
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'clinic-gateway-store-'))
    this.environment = { ...machine, now: () => this.now, monotonic: () => this.#monotonic() }
    const { dir, environment } = this
    this.#options = {
      budget: 16 * MiB,
      freeFloor: 0,
      gateway: 'gw-01',
      purpose: 'demo',
      uplinks: ['cloud'],
      ...options,
      dir,
      environment,
    }
    this.store = openStore(this.#options)
    this.#count()
  }

  /** No time passes, but the clock on the wall says something else. */
  setClock(byMs: number): void {
    this.now += byMs
    this.#set += byMs
  }

  #monotonic(): number {
    this.#looked += this.lookMs
    return this.now - morning - this.#set + this.#looked
  }

  /** Closes and opens again, with other options if given. */
  reopen(options: Partial<StoreOptions> = {}): Store {
    this.store.close()
    return this.open(options)
  }

  open(options: Partial<StoreOptions> = {}): Store {
    this.#options = { ...this.#options, ...options }
    this.store = openStore(this.#options)
    this.#count()
    return this.store
  }

  /** The numbers go on where the database ends. */
  #count(): void {
    const { arrival, seq } = this.store.counters()
    this.#arrival = arrival
    this.#seq = seq
  }

  /** A message with `rows` outbox rows of `bytes` each; everything else as given. */
  message(parts: Partial<Taken> = {}, rows = 1, bytes = 100): Taken {
    const no = ++this.#arrival
    const state = parts.state ?? 'kept'
    return {
      no,
      receivedAt: this.now,
      source: 'mllp',
      sender: 'lab-east',
      format: 'hl7v2',
      outline: 'ORU^R01 2.5.1 MSH PID OBR OBX',
      state,
      rule: state === 'kept' ? null : 'E_NO_PATIENT',
      at: state === 'kept' ? null : 'PID-3',
      mapping: 'hl7v2/1',
      mode: 'live',
      seen: state === 'refused' ? null : { control: randomBytes(16), content: randomBytes(16) },
      original: { kid: 'kid-1', body: randomBytes(200), keyRecord: null },
      subjects: ['p1-anna'],
      rows: state === 'kept' ? Array.from({ length: rows }, () => this.row(bytes)) : [],
      heads: [],
      snapshots: [],
      links: [],
      work: [],
      ...parts,
    }
  }

  row(bytes = 100): OutboxRow {
    return {
      seq: ++this.#seq,
      epoch: this.store.epoch,
      lane: 'data',
      topic: 'demo.fhir',
      key: 'p1-anna',
      headers: '{"cg-verb":"replace"}',
      day: new Date(this.now).toISOString().slice(0, 10),
      value: randomBytes(bytes),
    }
  }

  /** Takes one message and returns it. */
  take(parts: Partial<Taken> = {}, rows = 1, bytes = 100): Taken {
    const message = this.message(parts, rows, bytes)
    this.store.take([message])
    return message
  }

  /** Numbers of a failed batch are used again. */
  putBack(): void {
    this.#count()
  }

  /** Looks into the file beside the store. */
  look<T>(work: (db: Database.Database) => T): T {
    const db = new Database(join(this.dir, 'gateway.db'), { readonly: true })
    try {
      return work(db)
    } finally {
      db.close()
    }
  }

  one<T = unknown>(sql: string): T {
    return this.look(db => db.prepare(sql).pluck().get()) as T
  }

  /** The counters of usage as they stand, and as a count of everything gives them; tests expect them to be equal. */
  usage(): { counted: unknown; real: unknown } {
    return this.look(db => ({
      counted: db.prepare("SELECT * FROM usage WHERE class NOT IN ('ever', 'need') ORDER BY class").all(),
      real: db.prepare(`${realUsage} ORDER BY class`).all(),
    }))
  }

  end(): void {
    this.store.close()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

const originals = (
  state: string,
) => `SELECT '${state}' AS class, count(*) AS rows, ifnull(sum(length(body)), 0) AS bytes
  FROM original JOIN arrival ON no = id WHERE state = '${state}'`
const records = (name: string) => `SELECT '${name}' AS class, count(*) AS rows,
  ifnull(sum(${rowBytesSql}), 0) AS bytes FROM outbox`
const realUsage = [records('log'), ...['kept', 'held', 'refused'].map(originals)].join(' UNION ALL ')

/** The code of the GatewayError that `work` throws. */
export function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
  return 'no error'
}

export const seqs = (rows: readonly { seq: number }[]): number[] => rows.map(({ seq }) => seq)
