/**
 * The floors: stores that do the least. `log` appends the same sealed bytes to a file and calls fdatasync; `count` only
 * counts. Both hold what little the line asks back (devices, clients, numbers) in memory.
 */
import { closeSync, fdatasyncSync, openSync, writevSync } from 'node:fs'
import { join } from 'node:path'
import type { Store, Taken, Wearing } from '../src/ports.ts'

type DeviceRow = { mac: Uint8Array; label: Uint8Array; secret: string; worn: Wearing[] }

/** `sync`: called instead of nothing after the append; benchmarks add a slow disk's delay to it. */
export function floorStore(kind: 'log' | 'count', dir: string): Store {
  const fd = kind === 'log' ? openSync(join(dir, 'floor.log'), 'a') : -1
  const devices: DeviceRow[] = []
  let arrivals = 0
  let rows = 0
  const none = () => {
    throw new Error('not part of the floor')
  }
  return {
    epoch: 1,
    newEpoch: false,
    counters: () => ({ arrival: 0, seq: 0 }),
    seen: () => null,
    snapshot: () => [],
    link: () => null,
    take(batch) {
      arrivals += batch.length
      for (const taken of batch) rows += taken.rows.length
      if (kind !== 'log' || batch.length === 0) return
      writevSync(fd, batch.flatMap(bytesOf))
      fdatasyncSync(fd)
    },
    heldRoom: () => Number.POSITIVE_INFINITY,
    peek: () => [],
    settle: () => {},
    cursor: uplink => ({ uplink, cluster: null, partitions: {}, through: 0, parked: 0, history: 0 }),
    attach: () => false,
    acceptGap: () => {},
    leaveBehind: () => false,
    follow: () => {},
    activate: () => {},
    parked: () => [],
    logged: () => null,
    history: () => [],
    waiting: () => 0,
    parkedRows: () => [],
    retry: none,
    resend: none,
    stopResend: () => 0,
    resends: () => [],
    resendPage: () => null,
    resent: none,
    heldList: () => [],
    dropHeld: () => false,
    work: () => [],
    deviceRows: () => devices,
    clientRows: () => [],
    putDevice(mac, label, secret) {
      devices.push({ mac, label, secret, worn: [] })
    },
    putClient: none,
    assign(mac, wearer, from) {
      devices.find(device => Buffer.compare(device.mac, mac) === 0)?.worn.push({ wearer, from, to: null })
    },
    audit: () => {},
    status: () => ({
      epoch: 1,
      arrivals,
      seq: rows,
      pending: 0,
      pendingBytes: 0,
      usedBytes: 0,
      budget: 1,
      room: true,
      oldestPendingAt: null,
      held: 0,
      heldBytes: 0,
      heldBudget: 1,
      worklist: 0,
      cursors: [],
      sent: { rows: 0, bytes: 0, since: null },
      active: null,
      gaps: [],
      hoursLeft: null,
    }),
    tidy: () => false,
    close: () => (fd >= 0 ? closeSync(fd) : undefined),
  }
}

/** Everything of a message that the database holds in bytes. */
function bytesOf(taken: Taken): Uint8Array[] {
  const rows = taken.rows.flatMap(row => [
    Buffer.from(row.topic + row.key + row.headers),
    row.value ?? new Uint8Array(),
  ])
  return [
    ...rows,
    ...(taken.original ? [taken.original.body] : []),
    ...(taken.seen ? [taken.seen.control, taken.seen.content] : []),
  ]
}
