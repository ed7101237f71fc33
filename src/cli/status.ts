/** `status`: what the running gateway says of itself. `check`: would this configuration run? */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { GatewayError } from '../errors.ts'
import { engineSettings, protectorOptions } from '../main.ts'
import { loadKeys, openProtector } from '../protect/index.ts'
import { locateConfig, readArguments } from './arguments.ts'
import { type RunningStatus, runningStatus } from './box.ts'
import { type Io, json, printed } from './io.ts'

export const statusHelp = `clinic-gateway status [--json]      what came in, what went out, what waits, what is wrong
`

export const checkHelp = `clinic-gateway check [--config FILE]      configuration, sender profiles and keys: every mistake at once

  clinic-gateway check --config /etc/clinic-gateway/gateway.yaml
`

export async function status(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, {})
  if (values.help) return printed(io, statusHelp)
  const now = await runningStatus(locateConfig(values))
  io.out(values.json ? json(io, now) : page(now))
  return 0
}

function page(now: RunningStatus): string {
  const sources = now.sources.map(
    one =>
      `  ${one.name.padEnd(6)} ${now.listen[one.name] ?? '-'}  received ${one.received}, refused ${one.refused}, last ${one.lastAt ?? 'never'}`,
  )
  const uplinks = now.uplinks.map(
    one => `  ${one.name}  ${one.state}, sent ${one.sent}, through ${one.through}, parked ${one.parked}`,
  )
  const alarms = now.alarms.length === 0 ? ['  none'] : now.alarms.map(one => `  ${one.code} since ${one.since}`)
  const { pending, bytes, oldestSeconds, used, budget } = now.outbox
  return [
    `gateway ${now.gateway} (${now.purpose})`,
    'sources',
    ...sources,
    `outbox  ${pending} records, ${bytes} bytes, oldest ${oldestSeconds} s; ${Math.round((100 * used) / budget)} % of the budget used`,
    'uplinks',
    ...uplinks,
    `held ${now.held}, work list ${now.worklist}`,
    'alarms',
    ...alarms,
    '',
  ].join('\n')
}

export async function check(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, {})
  if (values.help) return printed(io, checkHelp)
  const config = locateConfig(values)
  const settings = engineSettings(config)
  openProtector(loadKeys(config.privacy.keys), protectorOptions(config))
  demandWritable(config.data.dir)
  const found = {
    ok: true,
    senders: settings.senders.length,
    uplinks: settings.uplinks.length,
    sources: Object.keys(config.sources).length,
  }
  io.out(
    values.json
      ? json(io, found)
      : `good: ${found.sources} sources, ${found.senders} sender profiles, ${found.uplinks} uplinks\n`,
  )
  return 0
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
