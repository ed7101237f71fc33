/** The store of one gateway: SQLite in one folder, one writer, one process (DESIGN §9). */
import type { Environment } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { limits, MiB } from '../limits.ts'
import type { Again, Store, Stream } from '../ports.ts'
import type { Ms, OutboxRow } from '../records.ts'
import { openAgain } from './again.ts'
import { type Audit, type AuditReport, openAudit, verifyAudit } from './audit.ts'
import { type Connection, connect, faultOf, isFull } from './connection.ts'
import { openCursors } from './cursors.ts'
import { openDirectoryTables } from './directory.ts'
import { openGaps } from './gaps.ts'
import { openGone } from './gone.ts'
import { openHeld } from './held.ts'
import { judgeEpoch, nextEpoch, readMark, writeMark } from './mark.ts'
import { type Meta, openMeta } from './meta.ts'
import { assertDurable, lockFolder, openDatabase, openFolder, openReading, type Synchronous } from './open.ts'
import { openOriginals } from './originals.ts'
import { openOutbox } from './outbox.ts'
import { belongs, openReadingCalls, type Reading } from './reading.ts'
import { migrate, migrations, schemaOf } from './schema.ts'
import { openSpace, openUsed, type Space } from './space.ts'
import { batchBytes, heldBytesOf, openArrivals, openHighest } from './take.ts'
import { openTally } from './tally.ts'
import { openTidy } from './tidy.ts'
import { openUsage, rowBytes, type Usage } from './usage.ts'

export type { AuditReport } from './audit.ts'

export type StoreOptions = Readonly<{
  /** Folder of the data (`data.dir`); made if missing, 0700. */
  dir: string
  /** Bytes that the database may grow to (`data.budget`), at least 1 MiB. */
  budget: number
  /** Bytes that stay free on the disk (`data.freeFloor`). */
  freeFloor: number
  /** `gateway.id`: a folder belongs to one gateway. */
  gateway: string
  purpose: 'demo' | 'production'
  /** Names of the configured uplinks; the cursors of others do not count. */
  uplinks: readonly string[]
  /** The one of them that stands by for the first other one; null: each gets everything. Default null. */
  standby?: string | null
  environment: Environment
  /** The power-cut test proves with NORMAL that it sees losses; refused for purpose production. Default FULL. */
  synchronous?: Synchronous
}>

export type ReadOnlyStore = Reading & Pick<Store, 'close'>

const leastBudget = MiB
/** Steps over rows that an uplink need not send, in one call. */
const passSteps = 20
/** What a row needs in the file, generously. */
const againShare = 1.5

/**
 * Opens the store, makes it where there is none, and recovers what a crash left. Throws GatewayError E_CONFIG (budget,
 * another gateway's folder, another purpose), E_ALREADY_RUNNING, E_DATABASE (damaged, or written by a newer version)
 * or E_DISK.
 */
export function openStore(options: StoreOptions): Store {
  const { dir, budget, purpose, synchronous = 'FULL' } = options
  if (!(budget >= leastBudget)) throw new GatewayError('E_CONFIG', 'data.budget')
  if (purpose === 'production' && synchronous !== 'FULL') throw new GatewayError('E_CONFIG', 'synchronous')
  openFolder(dir)
  const unlock = lockFolder(dir)
  try {
    const space = openSpace(options)
    space.relieve()
    const connection = connect(openDatabase(dir, budget, synchronous))
    try {
      return compose(options, { connection, space, synchronous, unlock })
    } catch (error) {
      connection.db.close()
      throw error
    }
  } catch (error) {
    unlock()
    throw faultOf(error, 'data.dir')
  }
}

/**
 * Follows the audit chain of a data folder (SEALING S9), whether its gateway runs or not. Throws GatewayError E_DATABASE
 * where there is no database.
 */
export function verifyAuditOf(dir: string): AuditReport {
  const db = openReading(dir)
  try {
    return connect(db).read('audit', () => verifyAudit(db))
  } finally {
    db.close()
  }
}

/**
 * Opens the store of a stopped gateway, or of a running one beside it, for reading: no lock, no epoch, no mark, no
 * migration; no file of the store changes. Throws GatewayError E_DATABASE (no database, or one of another version of the
 * tables) or E_CONFIG (another gateway's folder, another purpose).
 */
export function openReadOnly(options: StoreOptions): ReadOnlyStore {
  const { dir, budget, uplinks, environment } = options
  const db = openReading(dir)
  const connection = connect(db)
  try {
    return connection.read('open', () => {
      if (schemaOf(db) !== migrations.length) throw new GatewayError('E_DATABASE', 'meta.schema')
      const [meta, usage, audit] = [openMeta(db), openUsage(db), openAudit(db)]
      belongs(meta, options)
      const log = openLog(db, options, { meta, usage, audit })
      const held = openHeld(db, { originals: openOriginals(db, usage), usage, audit })
      const arrivals = openHighest(db)
      const directory = openDirectoryTables(db, audit)
      const [space, used] = [openSpace(options), openUsed(db)]
      const parts = {
        connection,
        meta,
        usage,
        ...log,
        arrivals,
        held,
        directory,
        space,
        used,
        budget,
        uplinks,
        environment,
      }
      return { ...openReadingCalls(parts), close: () => db.close() }
    })
  } catch (error) {
    db.close()
    throw error
  }
}

/** The log and how far each uplink is in it. */
function openLog(
  db: Connection['db'],
  { uplinks, standby = null, environment }: StoreOptions,
  parts: Readonly<{ meta: Meta; usage: Usage; audit: Audit }>,
) {
  const gone = openGone(db)
  const tally = openTally(db, { ...parts, gone })
  const cursors = openCursors(db, { uplinks, standby, meta: parts.meta, environment })
  const outbox = openOutbox(db, { ...parts, gone, cursors, tally })
  const again = openAgain(db, { ...parts, gone, cursors, tally, outbox })
  const gaps = openGaps(db, { ...parts, uplinks, gone, cursors })
  return { gone, tally, cursors, outbox, again, gaps }
}

type Opened = Readonly<{ connection: Connection; space: Space; synchronous: Synchronous; unlock: () => void }>

function compose(options: StoreOptions, { connection, space, synchronous, unlock }: Opened): Store {
  const { dir, budget, gateway, uplinks, environment } = options
  const { db, read, write } = connection
  insist(() => read('open', () => migrate(db)))

  const meta = openMeta(db)
  const usage = openUsage(db)
  const audit = openAudit(db)
  const used = openUsed(db)
  const log = openLog(db, options, { meta, usage, audit })
  const { outbox, cursors, again, gaps } = log
  const arrivals = openArrivals(db, { outbox, meta, usage, audit, gateway })
  const originals = openOriginals(db, usage)
  const held = openHeld(db, { originals, usage, audit })
  const directory = openDirectoryTables(db, audit)
  const parts = { connection, meta, usage, ...log, originals, held, space, used, budget, environment }
  const tidy = openTidy({ ...parts, uplinks, insist })
  const reading = openReadingCalls({ ...parts, arrivals: arrivals.highest, directory, uplinks })

  /** What must succeed to make room again: on a full disk the ballast is given up for it. */
  function insist<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!isFull(error) || !read('disk', space.release)) throw error
      return work()
    }
  }

  function raiseMark(epoch: number, seq: number): void {
    insist(() => read('mark', () => writeMark(dir, { epoch, seq })))
    marked = seq
  }

  /** True if the mark now covers every row. On a disk that is full to the last byte rows wait until it does. */
  function covered(): boolean {
    try {
      raiseMark(epoch, outbox.highest())
      return true
    } catch (error) {
      if (!isFull(error)) throw error
      return false
    }
  }

  function beginEpoch(): { epoch: number; lost: boolean } {
    const now = environment.now()
    const known = meta.get('epoch')
    const database = { epoch: known === null ? null : Number(known), seq: outbox.highest() }
    const { epoch, begun, lost } = judgeEpoch(database, readMark(dir), now)
    if (!begun) return { epoch, lost }
    raiseMark(epoch, database.seq)
    insist(() => write('open', () => recordEpoch(epoch, lost ? 'E_EPOCH' : 'ok', `seq=${database.seq}`, now)))
    return { epoch, lost }
  }

  function recordEpoch(epoch: number, outcome: string, detail: string, at: Ms): void {
    meta.set('epoch', epoch)
    audit({ at, actor: 'system', act: 'epoch.begin', obj: String(epoch), outcome, detail })
  }

  function leaveBehind(uplink: string): void {
    const now = environment.now()
    const [next, seq] = [nextEpoch(epoch, now), outbox.highest()]
    const detail = `seq=${seq} ${uplink} leaves ${cursors.through(uplink) + 1}-${seq}`
    raiseMark(next, seq)
    insist(() =>
      write('epoch', () => {
        cursors.leaveBehind(uplink, seq)
        recordEpoch(next, 'ok', detail, now)
      }),
    )
    epoch = next
  }

  /** Goes past rows that are parked or for others only; where there are very many, the rest of them next time. */
  function nextPage(uplink: string, stream: Stream, maxRows: number, maxBytes: number): readonly OutboxRow[] {
    for (let steps = 0; steps < passSteps; steps++) {
      const { rows, passed } = read('peek', () => outbox.peek(uplink, stream, maxRows, maxBytes))
      if (passed === null) return rows
      insist(() => write('peek', () => outbox.pass(uplink, stream, passed)))
    }
    return []
  }

  /** What is new comes first: rows are not sent again with the room that it needs. */
  function isPressed(): boolean {
    return used() > budget * limits.pressureShare
  }

  function demandRoom(again: readonly Again[]): void {
    const bytes = again.reduce((sum, { row }) => sum + rowBytes(row), 0)
    read('outbox', () => space.demand(used(), againShare * bytes))
  }

  let marked = readMark(dir)?.seq ?? 0
  insist(() =>
    write('open', () => {
      if (!belongs(meta, options)) for (const name of ['gateway', 'purpose'] as const) meta.set(name, options[name])
      cursors.configure()
      gaps.find(outbox.highest(), environment.now())
      meta.set('openedAt', environment.now())
    }),
  )
  const begun = beginEpoch()
  let { epoch } = begun
  read('open', () => assertDurable(db, synchronous))
  read('disk', space.restore)

  return {
    ...reading,
    get epoch() {
      return epoch
    },
    newEpoch: begun.lost,
    counters: () => read('counters', () => ({ arrival: arrivals.highest(), seq: outbox.highest() })),
    seen: (control, content) => read('seen', () => arrivals.seen(control, content)),
    snapshot: list => read('snapshot', () => arrivals.snapshot(list)),
    link: from => read('link', () => arrivals.link(from)),
    take(batch) {
      if (batch.length === 0) return
      read('take', () => space.demand(used(), batchBytes(batch)))
      if (heldBytesOf(batch) > reading.heldRoom()) throw new GatewayError('E_HELD_QUOTA', 'data.budget')
      write('take', () => arrivals.write(batch, environment.now()))
    },
    peek(uplink, maxRows, maxBytes, stream = 'live') {
      const rows = nextPage(uplink, stream, maxRows, maxBytes)
      if ((rows.at(-1)?.seq ?? 0) <= marked || covered()) return rows
      return rows.filter(({ seq }) => seq <= marked)
    },
    settle(uplink, outcomes, stream = 'live') {
      if (outcomes.every(({ kind }) => kind === 'again')) return
      insist(() => write('settle', () => outbox.settle(uplink, stream, outcomes, environment.now())))
    },
    attach: (uplink, to) =>
      insist(() =>
        write('cursor', () => {
          const isOther = cursors.attach(uplink, to)
          if (isOther) again.resendKeys(uplink, environment.now())
          return isOther
        }),
      ),
    acceptGap: uplink => insist(() => write('cursor', () => gaps.accept(uplink))),
    leaveBehind(uplink, olderThan) {
      nextPage(uplink, 'live', 1, 1)
      const oldest = read('cursor', () => outbox.oldestAbove(uplink))
      if (oldest === null || oldest > environment.now() - olderThan) return false
      try {
        leaveBehind(uplink)
        return true
      } catch (error) {
        // without a byte left everything goes out in order
        if (!isFull(error)) throw error
        return false
      }
    },
    follow: (uplink, of, lagMs) =>
      insist(() =>
        write('cursor', () => {
          cursors.follow(uplink, of, lagMs)
          gaps.fill(uplink, environment.now())
        }),
      ),
    activate: (uplink, who, at) =>
      insist(() =>
        write('cursor', () => {
          cursors.activate(uplink)
          audit({ at, actor: who, act: 'uplink.switch', obj: uplink, outcome: 'ok', detail: '' })
        }),
      ),
    waiting: uplink => read('cursor', () => outbox.highest() - cursors.through(uplink)),
    parkedRows: (...asked) => read('outbox', () => again.parkedRows(...asked)),
    retry(uplink, rows, who, at) {
      demandRoom(rows)
      write('outbox', () => again.retry(uplink, rows, who, at))
    },
    resend: (...asked) => insist(() => write('outbox', () => again.resend(...asked))),
    stopResend: (...asked) => insist(() => write('outbox', () => again.stopResend(...asked))),
    resendPage: (...asked) => read('outbox', () => (isPressed() ? null : again.page(...asked))),
    resent(page, rows) {
      demandRoom(rows)
      write('outbox', () => again.resent(page, rows, environment.now()))
    },
    dropHeld: (no, who, at) => insist(() => write('held', () => held.end(no, 'dropped', who, at))),
    putDevice: (...device) => insist(() => write('directory', () => directory.putDevice(...device))),
    putClient: (...client) => insist(() => write('directory', () => directory.putClient(...client))),
    assign: (...period) => insist(() => write('directory', () => directory.assign(...period))),
    audit(actor, act, obj, outcome, at) {
      insist(() => write('audit', () => audit({ at, actor, act, obj, outcome, detail: '' })))
    },
    tidy,
    close() {
      try {
        db.close()
      } finally {
        unlock()
      }
    },
  }
}
