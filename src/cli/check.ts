/** `check`: would this configuration run? With --online: would its Kafka uplinks, tried from end to end? */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readCredentials } from '../../adapters/hl7v2/certificates.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/load.ts'
import { machine } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { openLog } from '../log.ts'
import { engineSettings, protectorOptions } from '../main.ts'
import type { CursorRow } from '../ports.ts'
import { type Keys, loadKeys, openProtector, testRecord } from '../protect/index.ts'
import type { Sealed } from '../records.ts'
import { openReadOnly } from '../store/index.ts'
import { probe, type Step } from '../uplink/check/probe.ts'
import { unusableFiles } from '../uplink/way/credentials.ts'
import { locateConfig, readArguments } from './arguments.ts'
import { type Io, json, printed, terminal } from './io.ts'
import { kafkaUplinks } from './topics.ts'

export const help = `clinic-gateway check [--online] [--config FILE] [--json]

Configuration, sender profiles and keys: every mistake at once; without --online also certificates and other files. With
--online every Kafka uplink, step by step: files, names, connections, TLS, login, cluster, topics and their settings, rights, a
test record on <prefix>.test, the clock. It changes nothing, works beside a running gateway and ends within 30 s.

The first line says good or bad for all of it.

  clinic-gateway check --config /etc/clinic-gateway/gateway.yaml
  clinic-gateway check --online --json

Exit codes: 0 good (warnings are allowed), 1 an uplink would not work, 78 the configuration or the keys.
`

type Online = Readonly<{ uplink: string; steps: readonly Step[] }>

export async function check(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, { online: { type: 'boolean' } })
  if (values.help) return printed(io, help)
  const config = locateConfig(values)
  const settings = engineSettings(config)
  const keys = readKeys(config, values.online === true)
  if (typeof keys !== 'string') {
    openProtector(keys, protectorOptions(config))
    demandWritable(config.data.dir)
  }
  if (!values.online) {
    demandCertificates(config, values.config ?? 'gateway.yaml')
    demandFiles(config, values.config ?? 'gateway.yaml')
  }
  const online = values.online ? await probeAll(config, keys) : []
  const ok = online.every(({ steps }) => steps.every(({ result }) => result !== 'bad'))
  const counts = {
    senders: settings.senders.length,
    uplinks: settings.uplinks.length,
    sources: Object.keys(config.sources).length,
  }
  if (values.json) io.out(json(io, { ok, ...counts, ...(values.online && { online }) }))
  else {
    io.out(
      `${ok ? 'good' : 'bad'}: ${counts.sources} sources, ${counts.senders} sender profiles, ${counts.uplinks} uplinks\n`,
    )
    io.out(online.map(text).join(''))
  }
  const code = ok ? 0 : 1
  // a name server that does not answer keeps a thread, and Node would wait for it beyond the time
  if (values.online && io === terminal) process.exit(code)
  return code
}

/**
 * The keys; where this user may not read them, why. The trial of the uplinks does without, so that a technician need not
 * be the gateway's own user; the check of the configuration does not.
 */
function readKeys(config: Config, online: boolean): Keys | string {
  const file = join(config.privacy.keys, 'signing.key')
  if (online && !readable(file))
    return 'the signing key cannot be read by this user; run check as the user of the gateway'
  return loadKeys(config.privacy.keys)
}

function readable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EACCES'
  }
}

async function probeAll(config: Config, keys: Keys | string): Promise<readonly Online[]> {
  const record = (): Sealed | string => (typeof keys === 'string' ? keys : testRecord(keys, protectorOptions(config)))
  const deps = { environment: machine, log: openLog({ level: 'error' }) }
  const known = knownCursors(config)
  return Promise.all(
    kafkaUplinks(config).map(async settings => {
      const attachment =
        typeof known === 'string' ? known : (known.find(({ uplink }) => uplink === settings.name) ?? null)
      return { uplink: settings.name, steps: await probe(settings, { attachment, record: record() }, deps) }
    }),
  )
}

/** Where the uplinks stand: nothing where the box is new, and why it is not known where its database cannot be read. */
function knownCursors(config: Config): readonly CursorRow[] | string {
  if (!mayExist(join(config.data.dir, 'gateway.db'))) return []
  try {
    return readCursors(config)
  } catch (error) {
    if (error instanceof GatewayError && ['E_DATABASE', 'E_DISK'].includes(error.code))
      return 'data folder cannot be read'
    throw error
  }
}

/** A folder that is closed to us hides what is in it. */
function mayExist(file: string): boolean {
  try {
    statSync(file)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

/** Throws GatewayError E_DATABASE or E_DISK. */
function readCursors({ data, gateway, privacy, uplinks }: Config): readonly CursorRow[] {
  const names = uplinks.map(({ name }) => name)
  const store = openReadOnly({
    ...data,
    gateway: gateway.id,
    purpose: privacy.mode,
    uplinks: names,
    environment: machine,
  })
  try {
    return store.status().cursors
  } finally {
    store.close()
  }
}

function text({ uplink, steps }: Online): string {
  return `\n${uplink}\n${steps.map(line).join('')}`
}

function line({ step, at, result, code, cause, note, advice }: Step): string {
  const said = [code, cause === code ? undefined : cause, note].filter(one => one !== undefined).join('  ')
  const todo = advice === undefined ? '' : `${' '.repeat(20)}${advice}\n`
  return `  ${result.padEnd(8)} ${step.padEnd(8)} ${`${at}  ${said}`.trimEnd()}\n${todo}`
}

/** Certificates and keys of the listeners, all mistakes at once. Throws ConfigError. */
function demandCertificates({ sources: { mllp } }: Config, file: string): void {
  const groups = [
    { at: 'sources.mllp.tls', tls: mllp?.tls },
    ...(mllp?.listeners ?? []).map(({ tls }, i) => ({ at: `sources.mllp.listeners[${i}].tls`, tls })),
  ]
  const mistakes = groups.flatMap(({ at, tls }) => {
    try {
      if (tls) readCredentials(tls, at)
      return []
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return [{ line: 0, at: error.at, text: error.detail }]
    }
  })
  if (mistakes.length > 0) throw new ConfigError(file, mistakes)
}

/** All files of all uplinks at once; with --online the trial of each says it. Throws ConfigError. */
function demandFiles({ uplinks }: Config, file: string): void {
  const mistakes = uplinks.flatMap((uplink, i) =>
    (uplink.type === 'kafka' ? unusableFiles(uplink) : []).map(({ at, cause, advice }) => ({
      line: 0,
      at: `uplinks[${i}].${at}`,
      text: `${cause}: ${advice}`,
    })),
  )
  if (mistakes.length > 0) throw new ConfigError(file, mistakes)
}

function demandWritable(dir: string): void {
  let at = dir
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at)
  try {
    accessSync(at, constants.W_OK)
  } catch {
    throw new GatewayError('E_DISK', dir)
  }
}
