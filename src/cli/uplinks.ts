/** `uplinks`: where records go, which of two clusters is in use, and whether a changed one is right. */
import { type Config, standbyPair } from '../config/config.ts'
import { errorRow, GatewayError } from '../errors.ts'
import type { CursorRow } from '../ports.ts'
import type { Code } from '../records.ts'
import { locateConfig, readArguments, word } from './arguments.ts'
import { carryOut, type RunningStatus, runningStatus } from './box.ts'
import { type Io, json, printed } from './io.ts'

export const uplinksHelp = `clinic-gateway uplinks [list]         where records go, how far, and what is wrong
clinic-gateway uplinks switch NAME    use this one of two clusters of which one stands by (mode: standby)
clinic-gateway uplinks accept NAME    what this uplink finds now is right: another cluster, or more partitions of a topic;
                                      and rows that it has not got are known to be gone

Each is audited. What readers see of it: docs/operating/second-cluster.md and docs/operating/kafka.md.

  clinic-gateway uplinks switch cloud-b
`

type Row = RunningStatus['uplinks'][number]

export async function uplinks(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {})
  if (values.help) return printed(io, uplinksHelp)
  const [verb = 'list'] = positionals
  if (verb !== 'list' && verb !== 'switch' && verb !== 'accept') {
    throw new GatewayError('E_USAGE', 'uplinks', 'list, switch or accept')
  }
  const config = locateConfig(values)
  if (verb === 'list') {
    const rows = await list(config)
    return printed(io, values.json ? json(io, rows) : rows.map(line).join(''))
  }
  const uplink = word(positionals, 1, 'NAME')
  if (!config.uplinks.some(({ name }) => name === uplink)) throw new GatewayError('E_USAGE', 'NAME', 'no such uplink')
  if (verb === 'switch') demandPaired(config, uplink)
  const done = await carryOut(
    config,
    verb === 'switch' ? { do: 'uplink.switch', uplink } : { do: 'uplink.accept', uplink },
  )
  const text = verb === 'switch' ? `${uplink} is the one in use` : `${uplink} takes what it finds next`
  return printed(io, values.json ? json(io, done) : `${text}\n`)
}

/** Of a running gateway what it says, of a stopped one what its database says. */
async function list(config: Config): Promise<readonly Row[]> {
  try {
    return (await runningStatus(config)).uplinks
  } catch (error) {
    if (!(error instanceof GatewayError && error.code === 'E_NOT_RUNNING')) throw error
  }
  const rows = (await carryOut(config, { do: 'uplink.list' })) as (CursorRow & {
    active: boolean | null
    gap: Row['gap']
  })[]
  const pair = standbyPair(config.uplinks)
  return rows.map(({ uplink, through, parked, history, active, gap }) => ({
    name: uplink,
    mode: uplink === pair?.standby ? 'standby' : 'both',
    inUse: (uplink !== pair?.standby && uplink !== pair?.first) || active === true,
    state: 'stopped',
    trouble: null,
    sent: 0,
    through,
    parked,
    history,
    gap,
  }))
}

function demandPaired(config: Config, uplink: string): void {
  const pair = standbyPair(config.uplinks)
  if (!pair) throw new GatewayError('E_USAGE', 'uplinks', 'none has mode: standby')
  if (uplink !== pair.first && uplink !== pair.standby) throw new GatewayError('E_USAGE', 'NAME', 'not one of the two')
}

/** One uplink for people; `status` shows the same. */
export function line({ name, mode, inUse, state, sent, through, parked, history, gap, trouble }: Row): string {
  const use = mode === 'standby' || !inUse ? `, ${inUse ? 'in use' : 'not in use'}` : ''
  const counts = [
    `sent ${sent}`,
    `through ${through}`,
    `parked ${parked}`,
    ...(history > 0 ? [`history ${history}`] : []),
  ]
  const lacks = gap ? `    E_UPLINK_GAP since ${gap.since}: rows ${gap.first} to ${gap.last} are gone, not sent\n` : ''
  return `  ${name}  ${state}${use}, ${counts.join(', ')}\n${lacks}${trouble ? troubleLine(trouble) : ''}`
}

function troubleLine({ code, since, at, cause, advice }: NonNullable<Row['trouble']>): string {
  const place = [at, cause].filter(Boolean).join(' ')
  return `    ${code} since ${since}${place ? ` (${place})` : ''}: ${advice ?? errorRow(code as Code).text}\n`
}
