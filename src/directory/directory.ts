/** Assembles the directory: who may talk to us and what we know of them. One immutable value per revision. */
import type { Client, Device, Directory, Protector, SenderProfile, Store, Wearing } from '../ports.ts'

/** What the sealed label of a device holds; nothing of it is in clear on the disk (SEALING S6). */
export type DeviceLabel = Readonly<{ id: string; format: string | null; test: boolean }>

export type DirectorySources = Readonly<{
  store: Pick<Store, 'deviceRows' | 'clientRows'>
  protector: Pick<Protector, 'openNote'>
  senders: readonly SenderProfile[]
  anySender: SenderProfile | null
}>

export function buildDirectory(revision: number, sources: DirectorySources): Directory {
  return {
    revision,
    anySender: sources.anySender,
    senders: sources.senders,
    devices: new Map(devices(sources).map(device => [device.id, device])),
    clients: new Map(clients(sources.store).map(client => [client.name, client])),
  }
}

function devices({ store, protector }: DirectorySources): Device[] {
  return store.deviceRows().map(row => {
    const label = JSON.parse(protector.openNote('label', row.label)) as DeviceLabel
    return { ...label, secretMac: row.secret, worn: row.worn as readonly Wearing[] }
  })
}

function clients(store: DirectorySources['store']): Client[] {
  return store.clientRows().map(row => ({ name: row.name, tokenMac: row.token, scopes: row.scopes }))
}
