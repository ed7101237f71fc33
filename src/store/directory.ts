/** Devices, who wears them when, and clients: MACs, sealed labels and pseudonyms (SEALING S6), nothing in clear. */
import type Database from 'better-sqlite3'
import { GatewayError } from '../errors.ts'
import type { Wearing } from '../ports.ts'
import type { Ms } from '../records.ts'
import type { Audit } from './audit.ts'

export type DeviceRow = Readonly<{ mac: Uint8Array; label: Uint8Array; secret: string; worn: readonly Wearing[] }>
export type ClientRow = Readonly<{ name: string; token: string; scopes: readonly string[] }>

export type DirectoryTables = Readonly<{
  deviceRows(): DeviceRow[]
  clientRows(): ClientRow[]
  putDevice(mac: Uint8Array, label: Uint8Array, secret: string, who: string, at: Ms): void
  putClient(name: string, token: string, scopes: readonly string[], who: string, at: Ms): void
  assign(mac: Uint8Array, wearer: string, from: Ms, who: string, at: Ms): void
}>

/** The tables of the directory. The writing calls belong inside the caller's transaction; each is audited. */
export function openDirectoryTables(db: Database.Database, audit: Audit): DirectoryTables {
  const devices = db.prepare<[], Omit<DeviceRow, 'worn'>>('SELECT mac, label, secret FROM device ORDER BY mac')
  const clients = db.prepare<[], { name: string; token: string; scopes: string }>('SELECT * FROM client ORDER BY name')
  const worn = db.prepare<[Uint8Array], Wearing>(
    'SELECT starts AS "from", ends AS "to", wearer FROM wearing WHERE mac = ? ORDER BY starts',
  )
  const lastWorn = db.prepare<[Uint8Array], { starts: Ms; ends: Ms | null }>(
    'SELECT starts, ends FROM wearing WHERE mac = ? ORDER BY starts DESC LIMIT 1',
  )
  const known = db.prepare('SELECT 1 FROM device WHERE mac = ?')
  const putDevice = db.prepare('INSERT OR REPLACE INTO device(mac, label, secret) VALUES (?, ?, ?)')
  const putClient = db.prepare('INSERT OR REPLACE INTO client(name, token, scopes) VALUES (?, ?, ?)')
  const endPeriod = db.prepare('UPDATE wearing SET ends = ? WHERE mac = ? AND ends IS NULL')
  const beginPeriod = db.prepare('INSERT INTO wearing(mac, starts, ends, wearer) VALUES (?, ?, NULL, ?)')
  const hex = (mac: Uint8Array) => Buffer.from(mac).toString('hex')

  return {
    deviceRows: () => devices.all().map(device => ({ ...device, worn: worn.all(device.mac) })),
    clientRows: () => clients.all().map(client => ({ ...client, scopes: JSON.parse(client.scopes) })),
    putDevice(mac, label, secret, who, at) {
      putDevice.run(mac, label, secret)
      audit({ at, actor: who, act: 'device.put', obj: hex(mac), outcome: 'ok', detail: '' })
    },
    putClient(name, token, scopes, who, at) {
      putClient.run(name, token, JSON.stringify(scopes))
      audit({ at, actor: who, act: 'client.put', obj: name, outcome: 'ok', detail: scopes.join(' ') })
    },
    assign(mac, wearer, from, who, at) {
      if (!known.get(mac)) throw new GatewayError('E_USAGE', 'device')
      const last = lastWorn.get(mac)
      if (last && from < Math.max(last.starts + 1, last.ends ?? 0)) throw new GatewayError('E_USAGE', 'from')
      endPeriod.run(from, mac)
      beginPeriod.run(mac, from, wearer)
      const detail = `${wearer} from ${new Date(from).toISOString()}`
      audit({ at, actor: who, act: 'device.assign', obj: hex(mac), outcome: 'ok', detail })
    },
  }
}
