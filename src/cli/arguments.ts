/** Reads a command's arguments with node:util and turns what does not fit into E_USAGE (exit 64). */
import { existsSync, readFileSync } from 'node:fs'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { Config } from '../config/config.ts'
import { loadConfig, loadDemoConfig } from '../config/load.ts'
import { GatewayError } from '../errors.ts'

type Options = NonNullable<ParseArgsConfig['options']>

export const common = {
  config: { type: 'string' },
  demo: { type: 'boolean' },
  set: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies Options

export const demoFolder = '.demo'
export const demoConfig = `${demoFolder}/gateway.yaml`

/** Values and words of one command line. Throws GatewayError E_USAGE that names the option. */
export function readArguments<const T extends Options>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options: { ...common, ...options }, allowPositionals: true })
  } catch (error) {
    const option = /'(--?[A-Za-z-]+)/.exec((error as Error).message)?.[1] ?? ''
    throw new GatewayError('E_USAGE', option)
  }
}

/** The configuration that --config, --demo and --set name; without them `./gateway.yaml`, else the demo's. */
export function locateConfig(values: { config?: string; demo?: boolean; set?: string[] }): Config {
  const set = values.set ?? []
  if (values.demo) return loadDemoConfig(demoConfig, values.config ?? null, set)
  if (values.config) return loadConfig(values.config, set)
  if (existsSync('gateway.yaml')) return loadConfig('gateway.yaml', set)
  if (existsSync(demoConfig)) return loadConfig(demoConfig, set)
  throw new GatewayError('E_USAGE', '--config', 'no gateway.yaml here; name one with --config, or use --demo')
}

/** The word at `index`, or E_USAGE with the name it has in the help. */
export function word(positionals: readonly string[], index: number, name: string): string {
  const found = positionals[index]
  if (found === undefined) throw new GatewayError('E_USAGE', name)
  return found
}

/** The bytes of an input file. Throws GatewayError E_USAGE. */
export function readInput(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    throw new GatewayError('E_USAGE', 'FILE', 'cannot be read')
  }
}
