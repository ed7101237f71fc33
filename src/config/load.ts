/** Loads the configuration: file, overrides, cross checks. The only reader of process.env. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { GatewayError } from '../errors.ts'
import { hour, KiB } from '../limits.ts'
import { type Config, configTable, type UplinkConfig } from './config.ts'
import { type Mistake, readDocument } from './document.ts'
import { absoluteListeners, checkListeners } from './listeners.ts'
import { absoluteSecurity, checkSecurity } from './security.ts'
import { isLoopback } from './values.ts'

/** All mistakes of one file at once; exit code 78. */
export class ConfigError extends GatewayError {
  readonly file: string
  readonly mistakes: readonly Mistake[]

  constructor(file: string, mistakes: readonly Mistake[]) {
    super('E_CONFIG', file, `${mistakes.length}`)
    this.file = file
    this.mistakes = mistakes
  }

  /** One line a mistake: `gateway.yaml:12 sources.mllp.prot unknown; did you mean port?` */
  lines(): string[] {
    return this.mistakes.map(({ line, at, text }) => `${this.file}${line > 0 ? `:${line}` : ''} ${at} ${text}`)
  }
}

/** Reads a text file; a missing or unreadable one is a ConfigError that names it. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as { code?: string }).code
    throw new ConfigError(file, [{ line: 0, at: '', text: code === 'ENOENT' ? 'no such file' : 'cannot be read' }])
  }
}

/**
 * Loads `file` with `overrides` (`path=value`, as of --set). Paths in it become absolute, relative to the file.
 * Throws ConfigError with every mistake.
 */
export function loadConfig(file: string, overrides: readonly string[] = []): Config {
  const { values, mistakes } = readDocument(readText(file), configTable, overrides)
  if (mistakes.length > 0) throw new ConfigError(file, mistakes)
  const config = absolute(values as Config, dirname(resolve(file)))
  const conflicts = crossCheck(config)
  if (conflicts.length > 0) throw new ConfigError(file, conflicts)
  return config
}

/**
 * `run --demo --config FILE`: keys, id, tenant and purpose of the demo, everything else of FILE (DESIGN §4). FILE need
 * not name what the demo gives.
 */
export function loadDemoConfig(demoFile: string, file: string | null, overrides: readonly string[]): Config {
  if (!file) return loadConfig(demoFile, overrides)
  const demo = loadConfig(demoFile)
  const given = [`gateway.id=${demo.gateway.id}`, `gateway.tenant=${demo.gateway.tenant}`]
  const source = readText(file)
  const named = readDocument(source, configTable).mistakes.some(mistake => mistake.at === 'gateway.topicPrefix')
  const prefix = named ? [`gateway.topicPrefix=${demo.gateway.topicPrefix}`] : []
  const config = loadConfig(file, [...given, ...prefix, ...overrides])
  return { ...config, privacy: demo.privacy }
}

function absolute(config: Config, base: string): Config {
  const uplink = (one: UplinkConfig): UplinkConfig =>
    one.type === 'file' ? { ...one, dir: resolve(base, one.dir) } : absoluteSecurity(one, base)
  const { mllp } = config.sources
  return {
    ...config,
    sources: { ...config.sources, ...(mllp && { mllp: absoluteListeners(mllp, base) }) },
    data: { ...config.data, dir: resolve(base, config.data.dir) },
    privacy: { ...config.privacy, keys: resolve(base, config.privacy.keys) },
    directory: { senders: resolve(base, config.directory.senders), trackers: resolve(base, config.directory.trackers) },
    uplinks: config.uplinks.map(uplink),
  }
}

/** What no single setting can know. */
function crossCheck(config: Config): Mistake[] {
  const mistakes: Mistake[] = []
  const add = (at: string, text: string) => mistakes.push({ line: 0, at, text })
  if (config.uplinks.length === 0) add('uplinks', 'at least one is required')
  const names = config.uplinks.map(uplink => uplink.name)
  if (new Set(names).size < names.length) add('uplinks', 'two have the same name')
  if (config.uplinks[0]?.mode === 'standby')
    add('uplinks[0].mode', 'the first one cannot stand by: it is the one in use')
  if (config.uplinks.filter(uplink => uplink.mode === 'standby').length > 1) add('uplinks', 'only one can stand by')
  for (const [i, uplink] of config.uplinks.entries()) {
    if (uplink.mode !== 'standby' && uplink.switchAfter !== undefined) {
      add(`uplinks[${i}].switchAfter`, 'only with mode: standby')
    }
    if (uplink.mirrorLag > hour) add(`uplinks[${i}].mirrorLag`, 'at most 1h')
    if ((uplink.bandwidth ?? KiB) < KiB) add(`uplinks[${i}].bandwidth`, 'at least 1KiB')
    if (uplink.type !== 'kafka') continue
    const demo = config.privacy.mode === 'demo'
    for (const { at, text } of checkSecurity(uplink, demo)) add(`uplinks[${i}].${at}`, text)
    if (uplink.brokers.length === 0) add(`uplinks[${i}].brokers`, 'at least one is required')
    if (demo && !uplink.brokers.every(broker => isLoopback(hostOf(broker)))) {
      add(`uplinks[${i}].brokers`, 'the demo keeps to loopback')
    }
  }
  const { mllp } = config.sources
  for (const { at, text } of mllp ? checkListeners(mllp, config.privacy.mode === 'demo') : []) {
    add(`sources.mllp.${at}`, text)
  }
  for (const [name, host] of withoutTls(config)) {
    if (host === undefined || isLoopback(host)) continue
    // production off loopback asks for TLS, which comes with the tracker and privacy issues
    add(`${name}.host`, config.privacy.mode === 'demo' ? 'the demo keeps to loopback' : 'only loopback in this release')
  }
  return mistakes
}

/** The listeners that have no TLS in this release, and their hosts. */
function withoutTls({ sources: { mqtt, fhir }, admin }: Config): [string, string | undefined][] {
  return [
    ['sources.mqtt', mqtt?.host],
    ['sources.fhir', fhir?.host],
    ['admin', admin.host],
  ]
}

function hostOf(address: string): string {
  return address.replace(/:\d+$/, '')
}

/** The environment variables that change how the gateway runs. */
export function environmentVariables(): { noColor: boolean } {
  return { noColor: process.env.NO_COLOR !== undefined || process.env.TERM === 'dumb' }
}
