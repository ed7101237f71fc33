/**
 * Every setting, once: how it reads, its default and one sentence. `config/gateway.yaml` (the commented sample) and
 * `config/gateway.schema.json` (for editors) are generated from this table, and a test compares them.
 */
import type { Ms } from '../records.ts'
import type { Group, Setting } from './document.ts'
import { type Listeners, listenersTable } from './listeners.ts'
import { type SecurityConfig, securityTable } from './security.ts'
import { bytes, count, duration, durationFrom, hostPort, listOf, oneOf, port, slug, text } from './values.ts'

export type Config = Readonly<{
  gateway: Readonly<{ id: string; tenant: string; topicPrefix: string }>
  data: Readonly<{ dir: string; budget: number; freeFloor: number }>
  privacy: Readonly<{ mode: 'demo' | 'production'; keys: string; profile: 'clinical' }>
  sources: Readonly<{
    mllp?: Readonly<{ maxFrame: number; idleTimeout: Ms; maxConnections: number }> & Listeners
    mqtt?: Readonly<{ host: string; port: number; maxPacket: number; maxConnections: number }>
    fhir?: Readonly<{ host: string; port: number; maxBody: number }>
  }>
  directory: Readonly<{ senders: string; trackers: string }>
  uplinks: readonly UplinkConfig[]
  admin: Readonly<{ host: string; port: number }>
  log: Readonly<{ level: 'info' | 'warn' | 'error' }>
}>

/** How an uplink is used, whatever its kind. */
export type WayConfig = Readonly<{
  name: string
  mode: 'both' | 'standby'
  switchAfter?: Ms
  mirrorLag: Ms
  catchUp: 'newest' | 'order'
  bandwidth?: number
}>
export type FileUplinkConfig = WayConfig & Readonly<{ type: 'file'; dir: string }>
export type KafkaUplinkConfig = WayConfig &
  Readonly<{
    type: 'kafka'
    brokers: readonly string[]
    connectionTimeout: Ms
    requestTimeout: Ms
    compression: 'zstd' | 'none'
  }> &
  SecurityConfig
export type UplinkConfig = FileUplinkConfig | KafkaUplinkConfig

/** The uplink that stands by, and the first one, whose place it takes; null where each gets everything. */
export function standbyPair(uplinks: readonly WayConfig[]): Readonly<{ first: string; standby: string }> | null {
  const [first] = uplinks
  const standby = uplinks.find(uplink => uplink.mode === 'standby')
  return first && standby ? { first: first.name, standby: standby.name } : null
}

function setting<T>(read: Setting<T>['read'], fallback: T, about: string): Setting<T> {
  return { read, default: fallback, about }
}

const listener = (fallback: number, what: string) => ({
  host: setting(text, '127.0.0.1', `address to listen on for ${what}`),
  port: setting(port, fallback, '0 = any free port'),
})

const MiB = 1024 * 1024

/** Shorter ones fail on any line, longer ones keep a dead connection alive. */
const patience = durationFrom('100ms', '10m')

const way = {
  mode: setting(oneOf('both', 'standby'), 'both', 'both: gets everything; standby: takes the place of the first one'),
  switchAfter: setting<Ms | undefined>(
    durationFrom('1s', '7d'),
    undefined,
    'standby: takes over when the first is down so long; absent = by command',
  ),
  mirrorLag: setting(duration, 900_000, 'standby: how much is sent again after a switch'),
  catchUp: setting(
    oneOf('newest', 'order'),
    'newest',
    'after an outage: newest = what is new does not wait for what is old',
  ),
  bandwidth: setting<number | undefined>(bytes, undefined, 'bytes a second at most; absent = no limit'),
}

export const configTable: Group = {
  settings: {
    gateway: {
      settings: {
        id: { read: slug, about: 'this box; part of every record' },
        tenant: { read: slug, about: 'the clinic; boxes of one clinic share it' },
        topicPrefix: { read: slug, about: 'topics are <prefix>.fhir, <prefix>.keys, <prefix>.test' },
      },
    },
    data: {
      settings: {
        dir: setting(text, './data', 'the database and its mark; relative to this file'),
        budget: setting(
          bytes,
          10 * 1024 * MiB,
          'the most the database may take; when it is used up, senders are told to wait',
        ),
        freeFloor: setting(bytes, 1024 * MiB, 'stop taking messages when the disk has less free than this'),
      },
    },
    privacy: {
      settings: {
        mode: setting(oneOf('production', 'demo'), 'production', 'demo is written by init --demo only'),
        keys: setting(text, './keys', 'folder with the keys of this box'),
        profile: setting(oneOf('clinical'), 'clinical', 'what stays readable for stream processing'),
      },
    },
    sources: {
      settings: {
        mllp: {
          optional: true,
          settings: {
            ...listener(2575, 'HL7 v2 over MLLP'),
            maxFrame: setting(bytes, 1 * MiB, 'a larger frame closes the connection without an answer'),
            idleTimeout: setting(durationFrom('1s', '1d'), 600_000, 'a silent connection is closed after this'),
            maxConnections: setting(count, 200, 'more are closed at once'),
            ...listenersTable,
          },
        },
        mqtt: {
          optional: true,
          settings: {
            ...listener(1883, 'MQTT 3.1.1 and 5'),
            maxPacket: setting(bytes, 256 * 1024, 'a larger packet ends the connection'),
            maxConnections: setting(count, 5000, 'more are refused'),
          },
        },
        fhir: {
          optional: true,
          settings: {
            ...listener(8080, 'FHIR over HTTP'),
            maxBody: setting(bytes, 2 * MiB, 'a larger body is answered 413'),
          },
        },
      },
    },
    directory: {
      settings: {
        senders: setting(text, './senders', 'folder with one YAML file per HL7 sender'),
        trackers: setting(text, './trackers', 'folder for mapping files of tracker payloads; read by a later release'),
      },
    },
    uplinks: {
      by: 'type',
      kinds: {
        file: {
          settings: {
            type: { read: oneOf('file'), about: 'records go to <dir>/<topic>.ndjson' },
            name: { read: slug, about: 'names the cursor; keep it' },
            dir: setting(text, './out', 'relative to this file'),
            ...way,
          },
        },
        kafka: {
          settings: {
            type: { read: oneOf('kafka'), about: 'records go to a Kafka cluster' },
            name: { read: slug, about: 'names the cursor; keep it' },
            brokers: { read: listOf(hostPort), about: 'host:port of some brokers of one cluster' },
            ...way,
            connectionTimeout: setting(patience, 5_000, 'for one connection attempt'),
            requestTimeout: setting(patience, 6_000, 'a request without an answer ends its connection after this'),
            compression: setting(oneOf('zstd', 'none'), 'zstd', 'none for a cluster that does not take zstd'),
            ...securityTable,
          },
        },
      },
    },
    admin: { settings: { ...listener(9090, 'health, metrics, status and the command line') } },
    log: { settings: { level: setting(oneOf('info', 'warn', 'error'), 'info', 'JSON lines on standard error') } },
  },
}
