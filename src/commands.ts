/** What a person asks for, carried out on the engine's side: held messages, devices, clients, the work list. */

import type { DeviceLabel } from './directory/directory.ts'
import type { Environment } from './environment.ts'
import { GatewayError } from './errors.ts'
import { limits } from './limits.ts'
import type { Outgoing } from './outgoing.ts'
import type { Command, Directory, HeldRow, LoggedRow, Place, Protector, Store } from './ports.ts'
import type { Ms } from './records.ts'

/** Secrets of devices and tokens of clients: 160 random bits, shown once, kept as MAC. */
const secretBytes = 20

/** A code that came up this often is shown. */
const shownFrom = 3

type Room = Readonly<{
  store: Store
  protector: Protector
  directory(): Directory
  reload(): Directory
  /** Absent where a database is only read. */
  engine?: Readonly<{ outgoing: Pick<Outgoing, 'retry' | 'activate'> }>
}>

/** Carries out one command for `who` (a user of the box). Throws GatewayError E_USAGE. */
export function runCommand(room: Room, who: string, command: Command, environment: Environment): unknown {
  const { store } = room
  const now = environment.now()
  switch (command.do) {
    case 'held.list':
      return store.heldList(limits.listRows).map(row => heldView(room, row))
    case 'held.show':
      return heldView(room, find(store, command.no))
    case 'held.drop':
      if (!store.dropHeld(command.no, who, now)) throw new GatewayError('E_USAGE', `held ${command.no}`)
      return { dropped: command.no }
    case 'device.add':
      return addDevice(room, who, command, environment)
    case 'device.assign':
      return assignDevice(room, who, command, environment)
    case 'device.list':
      return [...room.directory().devices.values()].map(({ secretMac, ...device }) => device)
    case 'client.add':
      return addClient(room, who, command, environment)
    case 'client.list':
      return [...room.directory().clients.values()].map(({ name, scopes }) => ({ name, scopes }))
    case 'codes.list':
      return store
        .work(limits.listRows)
        .map(row => ({ ...codeView(room, row), sender: row.sender, at: row.at, count: row.count }))
    case 'outbox.list':
      return listOutbox(store)
    case 'outbox.show':
      return loggedView(store, store.logged(number(command.seq, 'SEQ')))
    case 'outbox.retry':
      return retry(room, who, command)
    case 'outbox.resend':
      return resend(store, who, command, now)
    case 'outbox.stop':
      return { stopped: store.stopResend(resending(store, command.uplink), who, now) }
    case 'uplink.list':
      return listUplinks(store)
    case 'uplink.switch':
      return switchTo(room, who, command.uplink)
    case 'uplink.accept':
      store.attach(known(store, command.uplink), { cluster: null, partitions: {} })
      store.acceptGap(command.uplink)
      store.audit(who, 'uplink.accept', command.uplink, 'ok', now)
      return { accepted: command.uplink }
  }
  throw new GatewayError('E_USAGE', 'do')
}

function retry({ store, engine }: Room, who: string, command: Extract<Command, { do: 'outbox.retry' }>) {
  if (!engine) throw new GatewayError('E_INTERNAL', 'outbox.retry')
  const seq = command.seq === null ? null : number(command.seq, 'SEQ')
  return engine.outgoing.retry(known(store, command.uplink), seq, who)
}

function switchTo({ store, engine }: Room, who: string, uplink: string) {
  if (!engine) throw new GatewayError('E_INTERNAL', 'uplink.switch')
  engine.outgoing.activate(known(store, uplink), who)
  return { active: uplink }
}

function resend(store: Store, who: string, command: Extract<Command, { do: 'outbox.resend' }>, now: Ms) {
  const { uplink, from, to, key } = command
  if (key !== null && typeof key !== 'string') throw new GatewayError('E_USAGE', '--key')
  return store.resend(known(store, uplink), { from: place(from), to: to ? place(to) : null, key }, who, now)
}

/** What comes from outside is checked here: commands arrive over HTTP. */
function number(seq: unknown, name: string): number {
  if (!Number.isSafeInteger(seq) || Number(seq) < 1) throw new GatewayError('E_USAGE', name)
  return Number(seq)
}

function place(asked: Place): Place {
  if ('seq' in asked) return { seq: number(asked.seq, 'SEQ') }
  if (!Number.isSafeInteger(asked.at)) throw new GatewayError('E_USAGE', 'TIME')
  return { at: asked.at }
}

function known(store: Store, uplink: string): string {
  if (store.status().cursors.some(cursor => cursor.uplink === uplink)) return uplink
  throw new GatewayError('E_USAGE', 'no such uplink')
}

/** A job may be left over from an uplink that is not configured any more. */
function resending(store: Store, uplink: string): string {
  return store.resends().some(job => job.uplink === uplink) ? uplink : known(store, uplink)
}

/** Parked rows, and what goes out beside what is new. */
function listOutbox(store: Store) {
  const { cursors } = store.status()
  return {
    /** The list is cut, this is not. */
    parkedRows: cursors.reduce((rows, cursor) => rows + cursor.parked, 0),
    parked: store.parked(limits.listRows, null).map(row => ({ ...row, at: time(row.at) })),
    resends: store.resends().map(({ id, ...job }) => ({ ...job, left: job.last - job.next + 1 })),
    history: store.history().map(part => ({ ...part, rows: part.last - part.first + 1 })),
  }
}

/** Headers and sizes of a row, and what became of it at each uplink; never its value. */
function loggedView(store: Store, row: LoggedRow | null) {
  if (!row) throw new GatewayError('E_USAGE', 'no such row is there')
  const { headers, at, parked, onlyFor, ...rest } = row
  const parts = store.history()
  const state = (uplink: string, through: number) => {
    if (onlyFor !== null && !onlyFor.split(',').includes(uplink)) return 'not for it'
    if (parked.some(one => one.uplink === uplink)) return 'parked'
    if (row.seq > through) return 'waiting'
    const left = parts.some(part => part.uplink === uplink && part.first <= row.seq && row.seq <= part.last)
    return left ? 'waiting in the history' : 'sent'
  }
  const uplinks = store.status().cursors.map(({ uplink, through }) => {
    const { code, at: since } = parked.find(one => one.uplink === uplink) ?? { code: null, at: null }
    return { uplink, state: state(uplink, through), code, since: time(since) }
  })
  return { ...rest, at: time(at), onlyFor, headers: JSON.parse(headers) as unknown, uplinks }
}

function listUplinks(store: Store) {
  const { cursors, active, gaps } = store.status()
  return cursors.map(cursor => {
    const { first, last, at } = gaps.find(gap => gap.uplink === cursor.uplink) ?? { at: null }
    const gap = at === null ? null : { first, last, since: time(at) }
    return { ...cursor, active: active === null ? null : active === cursor.uplink, gap }
  })
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

/**
 * A local code is shown when it looks like one and came up often; rarer ones and texts may be somebody's number or name
 * and wait for the unlock of the privacy release (evidence: privacy review #13).
 */
function codeView(
  room: Room,
  row: { code: Uint8Array; count: number },
): { system: string | null; code: string | null } {
  const { system, code } = JSON.parse(room.protector.openNote('work', row.code)) as { system: string; code: string }
  const shown = (text: string) => (row.count >= shownFrom && /^[A-Za-z0-9._/:-]{1,40}$/.test(text) ? text : null)
  return { system: shown(system), code: shown(code) }
}

/** On disk a device is a MAC; the list names it, since somebody has to assign it. */
function heldView(room: Room, row: HeldRow) {
  const device = [...room.directory().devices.keys()].find(
    id => Buffer.from(room.protector.mark('label', id)).toString('hex') === row.sender,
  )
  return { ...row, sender: device ?? row.sender, receivedAt: new Date(row.receivedAt).toISOString() }
}

function find(store: Store, no: number): HeldRow {
  const row = store.heldList(Number.MAX_SAFE_INTEGER).find(one => one.no === no)
  if (!row) throw new GatewayError('E_USAGE', `held ${no}`)
  return row
}

function addDevice(room: Room, who: string, command: Extract<Command, { do: 'device.add' }>, environment: Environment) {
  const { id, format, test } = command
  if (typeof id !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id))
    throw new GatewayError('E_USAGE', 'device id')
  if (room.directory().devices.has(id)) throw new GatewayError('E_USAGE', 'device id is taken')
  const secret = environment.random(secretBytes).toString('base64url')
  const label: DeviceLabel = { id, format, test }
  const { protector, store } = room
  store.putDevice(
    protector.mark('label', id),
    protector.sealNote('label', JSON.stringify(label)),
    protector.secretMac('device', id, secret),
    who,
    environment.now(),
  )
  room.reload()
  return { id, secret }
}

function assignDevice(
  room: Room,
  who: string,
  command: Extract<Command, { do: 'device.assign' }>,
  environment: Environment,
) {
  const { id, authority, value, from } = command
  if (!room.directory().devices.has(id)) throw new GatewayError('E_USAGE', 'no such device')
  const wearer = room.protector.idOf('Patient', { system: authority, value })
  room.store.assign(room.protector.mark('label', id), wearer, from, who, environment.now())
  room.reload()
  return { id, from: new Date(from).toISOString() }
}

function addClient(room: Room, who: string, command: Extract<Command, { do: 'client.add' }>, environment: Environment) {
  const { name, scopes } = command
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,32}$/.test(name)) throw new GatewayError('E_USAGE', 'client name')
  if (room.directory().clients.has(name)) throw new GatewayError('E_USAGE', 'client name is taken')
  const secret = environment.random(secretBytes).toString('base64url')
  room.store.putClient(name, room.protector.secretMac('client', name, secret), scopes, who, environment.now())
  room.reload()
  return { token: `${name}.${secret}` }
}
