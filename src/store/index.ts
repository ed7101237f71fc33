/** The store of one gateway: SQLite in one folder, one writer, one process (DESIGN §9). */
import type { Environment } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { MiB } from '../limits.ts'
import type { Store } from '../ports.ts'
import { type AuditReport, openAudit, verifyAudit } from './audit.ts'
import { type Connection, connect, faultOf } from './connection.ts'
import { openDirectoryTables } from './directory.ts'
import { openHeld } from './held.ts'
import { judgeEpoch, readMark, writeMark } from './mark.ts'
import { openMeta } from './meta.ts'
import { assertDurable, lockFolder, openDatabase, openFolder, openReading, type Synchronous } from './open.ts'
import { openOriginals } from './originals.ts'
import { openOutbox } from './outbox.ts'
import { migrate } from './schema.ts'
import { openSpace, openUsed, type Space } from './space.ts'
import { batchBytes, openArrivals } from './take.ts'
import { openTidy } from './tidy.ts'
import { openUsage } from './usage.ts'

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
  environment: Environment
  /** The power-cut test proves with NORMAL that it sees losses; refused for purpose production. Default FULL. */
  synchronous?: Synchronous
}>

const leastBudget = MiB

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

type Opened = Readonly<{ connection: Connection; space: Space; synchronous: Synchronous; unlock: () => void }>

function compose(options: StoreOptions, { connection, space, synchronous, unlock }: Opened): Store {
  const { dir, budget, gateway, uplinks, environment } = options
  const { db, read, write } = connection
  read('open', () => migrate(db))

  const meta = openMeta(db)
  const usage = openUsage(db)
  const audit = openAudit(db)
  const used = openUsed(db)
  const outbox = openOutbox(db, { uplinks, meta, usage, audit })
  const arrivals = openArrivals(db, { outbox, usage, audit, gateway })
  const originals = openOriginals(db, usage)
  const held = openHeld(db, { originals, audit })
  const directory = openDirectoryTables(db, audit)
  const tidy = openTidy({ connection, meta, usage, outbox, originals, held, space, used, budget, environment })

  /** The folder's gateway and purpose are those of its first opening. */
  function belong(name: 'gateway' | 'purpose', at: string): void {
    const known = meta.get(name)
    if (known === null) meta.set(name, options[name])
    else if (known !== options[name]) throw new GatewayError('E_CONFIG', at)
  }

  /** What must succeed to make room again: on a full disk the ballast is given up for it. */
  function insist<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof GatewayError && error.code === 'E_FULL' && read('disk', space.release))) throw error
      return work()
    }
  }

  function raiseMark(epoch: number, seq: number): void {
    insist(() => read('mark', () => writeMark(dir, { epoch, seq })))
    marked = seq
  }

  function beginEpoch(): { epoch: number; lost: boolean } {
    const now = environment.now()
    const known = meta.get('epoch')
    const database = { epoch: known === null ? null : Number(known), seq: outbox.highest() }
    const { epoch, begun, lost } = judgeEpoch(database, readMark(dir), now)
    if (!begun) return { epoch, lost }
    raiseMark(epoch, database.seq)
    const entry = { at: now, actor: 'system', act: 'epoch.begin', obj: String(epoch), detail: `seq=${database.seq}` }
    insist(() =>
      write('open', () => {
        meta.set('epoch', epoch)
        audit({ ...entry, outcome: lost ? 'E_EPOCH' : 'ok' })
      }),
    )
    return { epoch, lost }
  }

  let marked = readMark(dir)?.seq ?? 0
  insist(() =>
    write('open', () => {
      belong('gateway', 'gateway.id')
      belong('purpose', 'privacy.mode')
      outbox.configure()
      meta.set('openedAt', environment.now())
    }),
  )
  const { epoch, lost } = beginEpoch()
  read('open', () => assertDurable(db, synchronous))
  read('disk', space.restore)

  return {
    epoch,
    newEpoch: lost,
    counters: () => read('counters', () => ({ arrival: arrivals.highest(), seq: outbox.highest() })),
    seen: (control, content) => read('seen', () => arrivals.seen(control, content)),
    snapshot: list => read('snapshot', () => arrivals.snapshot(list)),
    link: from => read('link', () => arrivals.link(from)),
    take(batch) {
      if (batch.length === 0) return
      read('take', () => space.demand(used(), batchBytes(batch)))
      write('take', () => arrivals.write(batch, environment.now()))
    },
    peek(uplink, maxRows, maxBytes) {
      const rows = read('peek', () => outbox.peek(uplink, maxRows, maxBytes))
      if ((rows.at(-1)?.seq ?? 0) > marked) raiseMark(epoch, outbox.highest())
      return rows
    },
    settle(uplink, outcomes) {
      if (outcomes.every(({ kind }) => kind === 'again')) return
      insist(() => write('settle', () => outbox.settle(uplink, outcomes, environment.now())))
    },
    cursor: uplink => read('cursor', () => outbox.cursor(uplink)),
    setCluster: (uplink, cluster) => insist(() => write('cursor', () => outbox.setCluster(uplink, cluster))),
    heldList: limit => read('held', () => held.list(limit)),
    dropHeld: (no, who, at) => insist(() => write('held', () => held.end(no, 'dropped', who, at))),
    work: limit => read('work', () => held.work(limit)),
    deviceRows: () => read('directory', () => directory.deviceRows()),
    clientRows: () => read('directory', () => directory.clientRows()),
    putDevice: (...device) => insist(() => write('directory', () => directory.putDevice(...device))),
    putClient: (...client) => insist(() => write('directory', () => directory.putClient(...client))),
    assign: (...period) => insist(() => write('directory', () => directory.assign(...period))),
    audit(actor, act, obj, outcome, at) {
      insist(() => write('audit', () => audit({ at, actor, act, obj, outcome, detail: '' })))
    },
    status: () =>
      read('status', () => ({
        epoch,
        arrivals: arrivals.highest(),
        seq: outbox.highest(),
        pending: usage.of('pending').rows,
        pendingBytes: usage.of('pending').bytes,
        usedBytes: used(),
        budget,
        oldestPendingAt: outbox.oldestPendingAt(),
        held: held.count(),
        worklist: held.workCount(),
        cursors: uplinks.map(uplink => outbox.cursor(uplink)),
      })),
    tidy: (now, budgetMs) => insist(() => tidy(now, budgetMs)),
    close() {
      try {
        db.close()
      } finally {
        unlock()
      }
    },
  }
}
