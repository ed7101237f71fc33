/** What the store tells without changing anything: the lists and the status. */
import type { Environment } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Store, StoreStatus } from '../ports.ts'
import type { AgainTable } from './again.ts'
import type { Connection } from './connection.ts'
import type { Cursors } from './cursors.ts'
import type { DirectoryTables } from './directory.ts'
import type { Gaps } from './gaps.ts'
import type { Held } from './held.ts'
import type { Meta } from './meta.ts'
import type { Outbox } from './outbox.ts'
import type { Space } from './space.ts'
import type { Tally } from './tally.ts'
import type { Usage } from './usage.ts'

export type Reading = Pick<
  Store,
  | 'heldRoom'
  | 'heldList'
  | 'work'
  | 'deviceRows'
  | 'clientRows'
  | 'status'
  | 'parked'
  | 'logged'
  | 'history'
  | 'resends'
  | 'cursor'
>

export type ReadingParts = Readonly<{
  connection: Connection
  meta: Meta
  usage: Usage
  outbox: Outbox
  cursors: Cursors
  again: AgainTable
  gaps: Gaps
  tally: Tally
  environment: Environment
  /** The highest number of a message ever used. */
  arrivals: () => number
  held: Held
  directory: DirectoryTables
  space: Space
  /** Bytes of the database in use. */
  used: () => number
  budget: number
  uplinks: readonly string[]
}>

/** The reading calls of the store. */
export function openReadingCalls(parts: ReadingParts): Reading {
  const { meta, usage, outbox, cursors, again, gaps, arrivals, held, directory, space, used, budget, uplinks } = parts
  const { read } = parts.connection
  const heldBudget = Math.floor(budget * limits.heldShare)

  /** What is sent would make room, but for parked rows; the pace is what messages needed of late. */
  function hoursLeft(sentBytes: number): number | null {
    const pace = parts.tally.pace(parts.environment.now())
    return pace ? (space.left(used()) + Math.max(0, sentBytes - outbox.parkedBytes())) / pace : null
  }

  function status(): StoreStatus {
    const pending = outbox.pending()
    const log = usage.of('log')
    const sent = { rows: log.rows - pending.rows, bytes: log.bytes - pending.bytes, since: outbox.sentSince() }
    return {
      epoch: meta.number('epoch'),
      arrivals: arrivals(),
      seq: outbox.highest(),
      pending: pending.rows,
      pendingBytes: pending.bytes,
      usedBytes: used(),
      budget,
      room: space.room(used()),
      oldestPendingAt: outbox.oldestPendingAt(),
      held: held.count(),
      heldBytes: held.bytes(),
      heldBudget,
      worklist: held.workCount(),
      cursors: uplinks.map(uplink => cursors.row(uplink)),
      sent,
      active: cursors.active(),
      gaps: gaps.list(),
      hoursLeft: hoursLeft(sent.bytes),
    }
  }

  return {
    heldRoom: () => read('held', () => Math.max(0, heldBudget - held.bytes())),
    heldList: limit => read('held', () => held.list(limit)),
    work: limit => read('work', () => held.work(limit)),
    deviceRows: () => read('directory', () => directory.deviceRows()),
    clientRows: () => read('directory', () => directory.clientRows()),
    parked: (limit, uplink) => read('outbox', () => outbox.parked(limit, uplink)),
    logged: seq => read('outbox', () => outbox.row(seq)),
    history: () =>
      read('outbox', () => uplinks.flatMap(uplink => cursors.parts(uplink).map(part => ({ uplink, ...part })))),
    resends: () => read('outbox', () => again.jobs()),
    cursor: uplink => read('cursor', () => cursors.row(uplink)),
    status: () => read('status', status),
  }
}

/**
 * A folder is its first opener's: throws GatewayError E_CONFIG for another gateway's folder or another purpose. False:
 * the folder is new and does not know yet.
 */
export function belongs(meta: Meta, own: Readonly<{ gateway: string; purpose: string }>): boolean {
  for (const [name, at] of [
    ['gateway', 'gateway.id'],
    ['purpose', 'privacy.mode'],
  ] as const) {
    const known = meta.get(name)
    if (known === null) return false
    if (known !== own[name]) throw new GatewayError('E_CONFIG', at)
  }
  return true
}
