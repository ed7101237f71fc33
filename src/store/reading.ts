/** What the store tells without changing anything: the lists and the status. */
import { GatewayError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Store } from '../ports.ts'
import type { Connection } from './connection.ts'
import type { DirectoryTables } from './directory.ts'
import type { Held } from './held.ts'
import type { Meta } from './meta.ts'
import type { Outbox } from './outbox.ts'
import type { Space } from './space.ts'
import type { Usage } from './usage.ts'

export type Reading = Pick<Store, 'heldRoom' | 'heldList' | 'work' | 'deviceRows' | 'clientRows' | 'status'>

export type ReadingParts = Readonly<{
  connection: Connection
  meta: Meta
  usage: Usage
  outbox: Outbox
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
  const { meta, usage, outbox, arrivals, held, directory, space, used, budget, uplinks } = parts
  const { read } = parts.connection
  const heldBudget = Math.floor(budget * limits.heldShare)
  return {
    heldRoom: () => read('held', () => Math.max(0, heldBudget - held.bytes())),
    heldList: limit => read('held', () => held.list(limit)),
    work: limit => read('work', () => held.work(limit)),
    deviceRows: () => read('directory', () => directory.deviceRows()),
    clientRows: () => read('directory', () => directory.clientRows()),
    status: () =>
      read('status', () => ({
        epoch: meta.number('epoch'),
        arrivals: arrivals(),
        seq: outbox.highest(),
        pending: usage.of('pending').rows,
        pendingBytes: usage.of('pending').bytes,
        usedBytes: used(),
        budget,
        room: space.room(used()),
        oldestPendingAt: outbox.oldestPendingAt(),
        held: held.count(),
        heldBytes: held.bytes(),
        heldBudget,
        worklist: held.workCount(),
        cursors: uplinks.map(uplink => outbox.cursor(uplink)),
      })),
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
