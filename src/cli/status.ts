/** `status`: what the running gateway says of itself. */
import { locateConfig, readArguments } from './arguments.ts'
import { type RunningStatus, runningStatus } from './box.ts'
import { type Io, json, printed } from './io.ts'
import { line } from './uplinks.ts'

export const statusHelp = `clinic-gateway status [--json]      what came in, what went out, what waits, what is wrong
`

export async function status(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, {})
  if (values.help) return printed(io, statusHelp)
  const now = await runningStatus(locateConfig(values))
  io.out(values.json ? json(io, now) : page(now))
  return 0
}

/** What the log still has, and how long it would last. */
function logLines({ sent, historyRows, parked, hoursKept, hoursLeft }: RunningStatus['outbox']): string[] {
  const kept = hoursKept === null ? 'none' : `${sent.rows} records, ${hoursKept} hours back`
  const left = hoursLeft === null ? '' : `; full in ${hoursLeft} hours if nothing is sent`
  return [
    `  sent and still here: ${kept}${left}`,
    ...(historyRows > 0 ? [`  ${historyRows} records of an outage go out beside what is new`] : []),
    ...(parked > 0 ? [`  ${parked} records are parked: clinic-gateway outbox list`] : []),
  ]
}

/** How those listen that have TLS, and those off loopback that have none. */
function listenerLines({ listeners }: RunningStatus): string[] {
  return listeners.flatMap(({ name, address, until, plaintext }) => {
    const how = until ? `TLS, certificate until ${until.slice(0, 10)}` : plaintext && `without TLS: ${plaintext}`
    return how ? [`  ${name.padEnd(6)} ${address}  ${how}`] : []
  })
}

function page(now: RunningStatus): string {
  const sources = now.sources.map(
    one =>
      `  ${one.name.padEnd(6)} ${now.listen[one.name] ?? '-'}  received ${one.received}, refused ${one.refused}, last ${one.lastAt ?? 'never'}`,
  )
  const uplinks = now.uplinks.map(one => line(one).trimEnd())
  const alarms = now.alarms.length === 0 ? ['  none'] : now.alarms.map(one => `  ${one.code} since ${one.since}`)
  const { pending, bytes, oldestSeconds, used, budget } = now.outbox
  return [
    `gateway ${now.gateway} (${now.purpose})`,
    'sources',
    ...sources,
    ...listenerLines(now),
    `outbox  ${pending} records, ${bytes} bytes, oldest ${oldestSeconds} s; ${Math.round((100 * used) / budget)} % of the budget used`,
    ...logLines(now.outbox),
    'uplinks',
    ...uplinks,
    `held ${now.held}, work list ${now.worklist}`,
    'alarms',
    ...alarms,
    '',
  ].join('\n')
}
