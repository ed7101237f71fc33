/** A whole engine on real parts in a folder of its own: keys, Protector, SQLite; the translator is the test's. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { anyLoopbackSender } from '../../src/directory/profiles.ts'
import { Engine } from '../../src/engine.ts'
import { type Environment, machine } from '../../src/environment.ts'
import { check } from '../../src/fhir/check.ts'
import { silent } from '../../src/log.ts'
import type { Directory, Protector, Store, Translator } from '../../src/ports.ts'
import { createDemoKeys, loadKeys, openProtector } from '../../src/protect/index.ts'
import type { Arrival, Change, Translated } from '../../src/records.ts'
import { openStore } from '../../src/store/index.ts'

export const names = { tenant: 'demo', gateway: 'demo-1' }

export const directory: Directory = {
  revision: 1,
  anySender: anyLoopbackSender,
  senders: [],
  devices: new Map(),
  clients: new Map(),
}

export type World = Readonly<{ dir: string; engine: Engine; store: Store; protector: Protector; close: () => void }>

export type WorldOptions = Readonly<{
  dir?: string
  budget?: number
  wrap?: (store: Store) => Store
  translators?: Readonly<Record<Arrival['format'], Translator>>
  directory?: Directory
  environment?: Environment
  uplinks?: readonly string[]
  standby?: string | null
}>

/** Opens (or opens again, with `dir`) an engine whose translator reads the message with `translate`. */
export function openWorld(
  translate: (text: string, arrival: Arrival) => Partial<Translated>,
  options: WorldOptions = {},
): World {
  const { environment = machine, uplinks = ['cloud'], standby = null } = options
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'cg-engine-'))
  createDemoKeys(dir, { ...names, environment: machine })
  const protector = openProtector(loadKeys(join(dir, 'box')), {
    ...names,
    purpose: 'demo',
    topicPrefix: 'demo',
    environment,
  })
  const opened = openStore({
    dir: join(dir, 'data'),
    budget: options.budget ?? 1 << 28,
    freeFloor: 0,
    gateway: names.gateway,
    purpose: 'demo',
    uplinks,
    standby,
    environment,
  })
  const store = options.wrap?.(opened) ?? opened
  const translator: Translator = {
    translate: arrival => ({
      changes: [],
      snapshots: [],
      issues: [],
      unmapped: [],
      repeatable: true,
      mapping: 'test/1',
      ...translate(Buffer.from(arrival.bytes).toString(), arrival),
    }),
    outline: () => 'test',
  }
  const translators = options.translators ?? { hl7v2: translator, measurement: translator, fhir: translator }
  const engine = new Engine({
    environment,
    log: silent,
    store,
    protector,
    check,
    translators,
    directory: () => options.directory ?? directory,
  })
  return { dir, engine, store, protector, close: () => opened.close() }
}

export function arrivalOf(text: string, more: Partial<Arrival> = {}): Arrival {
  return {
    source: 'mllp',
    sender: 'demo',
    format: 'hl7v2',
    messageId: text,
    mode: 'live',
    receivedAt: machine.now(),
    clockTrusted: true,
    meta: {},
    bytes: new Uint8Array(Buffer.from(text)),
    ...more,
  }
}

const authority = 'urn:oid:2.16.840.1.113883.19.5'

export function patientChange(value: string, more: Partial<Change> = {}): Change {
  const name = { system: authority, value }
  const resource = { resourceType: 'Patient' as const, id: 'patient', identifier: [name] }
  return { verb: 'replace', resource, identity: [name], subject: name, ...more }
}

export function allergyChange(patient: string, code: string): Change {
  return {
    verb: 'replace',
    resource: {
      resourceType: 'AllergyIntolerance',
      id: `allergy-${code}`,
      clinicalStatus: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
      },
      code: { text: code },
      patient: { reference: 'Patient/patient' },
    },
    identity: [{ system: authority, value: `${patient}|${code}` }],
    subject: { system: authority, value: patient },
  }
}
