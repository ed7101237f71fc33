/** Demo keys and a Protector for tests, with a clock that stands still until it is moved. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine } from '../../../src/environment.ts'
import type { Protector, Stamp } from '../../../src/ports.ts'
import { createDemoKeys, type Keys, loadKeys, openProtector } from '../../../src/protect/index.ts'
import type { Change, FhirResource, Identity } from '../../../src/records.ts'

export const receivedAt = Date.UTC(2026, 10, 24, 8)

export type World = {
  dir: string
  keys: Keys
  clock: { now: number }
  open: () => Protector
  stamp: (over?: Partial<Stamp>) => Stamp
}

export function newWorld(): World {
  const dir = mkdtempSync(join(tmpdir(), 'protect-'))
  const clock = { now: receivedAt }
  const environment = { ...machine, now: () => clock.now }
  createDemoKeys(dir, { tenant: 'demo', gateway: 'demo-1', environment })
  const keys = loadKeys(join(dir, 'box'))
  const options = { tenant: 'demo', gateway: 'demo-1', purpose: 'demo', topicPrefix: 'demo', environment } as const
  let seq = 0
  const stamp = (over: Partial<Stamp> = {}): Stamp => ({
    epoch: 1795555555,
    arrival: 7,
    release: 0,
    receivedAt,
    mode: 'live',
    historical: false,
    content: new Uint8Array(16),
    nextSeq: () => ++seq,
    ...over,
  })
  return { dir, keys, clock, open: () => openProtector(keys, options), stamp }
}

export const anna: Identity = { system: 'urn:oid:1.2.36.146.595.217.0.1', value: 'MRN-12345' }
const doctor: Identity = { system: 'urn:oid:1.2.3', value: 'D-777' }

export function change(resource: unknown, over: Partial<Change> = {}): Change {
  const { resourceType, id } = resource as FhirResource
  const identity = resourceType === 'Patient' ? anna : { system: 'sender:lab', value: `${resourceType}-${id}` }
  const ofPerson = !['Practitioner', 'PractitionerRole', 'Organization', 'Location', 'Device'].includes(resourceType)
  return {
    verb: 'replace',
    resource: resource as FhirResource,
    identity: [identity],
    subject: ofPerson ? anna : null,
    ...over,
  }
}

/** The people that other resources refer to. */
export const people: readonly Change[] = [
  change({ resourceType: 'Patient', id: 'patient' }, { verb: 'ensure' }),
  change({ resourceType: 'Practitioner', id: 'doctor' }, { verb: 'ensure', identity: [doctor] }),
]
