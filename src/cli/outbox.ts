/** `outbox`: rows that wait for a person, and rows that shall go out again. */
import type { Config } from '../config/config.ts'
import { errorRow, GatewayError } from '../errors.ts'
import type { Place } from '../ports.ts'
import type { Code } from '../records.ts'
import { locateConfig, readArguments, word } from './arguments.ts'
import { carryOut } from './box.ts'
import { type Io, json, printed } from './io.ts'

export const outboxHelp = `clinic-gateway outbox list                 parked rows, and what goes out beside what is new
clinic-gateway outbox show SEQ             headers and sizes of a row, and what became of it; never its value
clinic-gateway outbox retry SEQ | --all    parked rows go out again, under new numbers
clinic-gateway outbox resend --from SEQ|TIME [--to SEQ|TIME] [--key KEY]
                                           rows that were sent go out again, as cg-historical, beside what is new
clinic-gateway outbox resend --stop        ends that

  --uplink NAME   which uplink; not needed where there is one only
  TIME            of arrival, with a zone: 2026-11-24T08:00:00Z
  KEY             of the records, such as a patient's pseudonym

How far back a resend reaches is in clinic-gateway status. Each of these is audited.

  clinic-gateway outbox retry 4711
  clinic-gateway outbox resend --from 2026-11-24T08:00:00Z --to 2026-11-24T12:00:00Z
`

const options = {
  uplink: { type: 'string' },
  all: { type: 'boolean' },
  from: { type: 'string' },
  to: { type: 'string' },
  key: { type: 'string' },
  stop: { type: 'boolean' },
} as const

type Arguments = ReturnType<typeof readArguments<typeof options>>
type Verb = (config: Config, asked: Arguments, io: Io) => Promise<void>

const verbs: Readonly<Record<string, Verb>> = { list, show, retry, resend }

export async function outbox(argv: readonly string[], io: Io): Promise<number> {
  const asked = readArguments(argv, options)
  if (asked.values.help) return printed(io, outboxHelp)
  const verb = verbs[word(asked.positionals, 0, 'list, show, retry or resend')]
  if (!verb) throw new GatewayError('E_USAGE', 'outbox', 'list, show, retry or resend')
  await verb(locateConfig(asked.values), asked, io)
  return 0
}

type Listed = Readonly<{
  parkedRows: number
  parked: readonly Readonly<{
    uplink: string
    seq: number
    topic: string
    key: string
    code: Code
    at: string
    bytes: number
  }>[]
  resends: readonly Readonly<{ uplink: string; first: number; last: number; key: string | null; left: number }>[]
  history: readonly Readonly<{ uplink: string; first: number; last: number; rows: number }>[]
}>

async function list(config: Config, { values }: Arguments, io: Io): Promise<void> {
  const listed = (await carryOut(config, { do: 'outbox.list' })) as Listed
  if (values.json) return io.out(json(io, listed))
  const { parked, parkedRows, resends, history } = listed
  if (parked.length === 0) io.out('no row is parked\n')
  for (const { uplink, seq, topic, key, code, at, bytes } of parked) {
    io.out(`${uplink}  ${seq}  ${topic}  ${key}  ${bytes} bytes  since ${at}  ${code}: ${errorRow(code).text}\n`)
  }
  if (parkedRows > parked.length) io.out(`and ${parkedRows - parked.length} more parked rows\n`)
  for (const { uplink, first, last, rows } of history) {
    io.out(`${uplink}  history: rows ${first} to ${last} wait, ${rows} rows\n`)
  }
  for (const { uplink, first, last, key, left } of resends) {
    const rows = first > last ? `key records up to ${last}` : `rows ${first} to ${last}`
    io.out(`${uplink}  again: ${rows}${key ? ` of ${key}` : ''}, ${left} to go through\n`)
  }
}

type Shown = Readonly<{
  headers: Readonly<Record<string, string>>
  uplinks: readonly Readonly<{ uplink: string; state: string; code: Code | null; since: string | null }>[]
}>

async function show(config: Config, { values, positionals }: Arguments, io: Io): Promise<void> {
  const seq = numberOf(word(positionals, 1, 'SEQ'))
  const row = (await carryOut(config, { do: 'outbox.show', seq })) as Shown
  if (values.json) return io.out(json(io, row))
  const { headers, uplinks, ...facts } = row
  for (const [name, value] of Object.entries(facts)) io.out(`${name.padEnd(12)}${value ?? '-'}\n`)
  for (const [name, value] of Object.entries(headers)) io.out(`  ${name}: ${value}\n`)
  for (const { uplink, state, code, since } of uplinks) {
    io.out(`${uplink}  ${state}${code ? ` since ${since}, ${code}: ${errorRow(code).text}` : ''}\n`)
  }
}

type Retried = Readonly<{ retried: number; unreadable: number; left: number }>

async function retry(config: Config, { values, positionals }: Arguments, io: Io): Promise<void> {
  const uplink = uplinkOf(config, values.uplink)
  const done = values.all
    ? await retryAll(config, uplink)
    : ((await carryOut(config, { do: 'outbox.retry', uplink, seq: numberOf(word(positionals, 1, 'SEQ')) })) as Retried)
  if (values.json) return io.out(json(io, done))
  io.out(`${done.retried} rows go out again\n`)
  if (done.unreadable > 0) io.out(`${done.unreadable} rows do not open and stay parked\n`)
}

/** The box answers after a while with what it has done so far. */
async function retryAll(config: Config, uplink: string): Promise<Retried> {
  for (let retried = 0; ; ) {
    const done = (await carryOut(config, { do: 'outbox.retry', uplink, seq: null })) as Retried
    retried += done.retried
    if (done.left === 0 || done.retried === 0) return { ...done, retried }
  }
}

async function resend(config: Config, { values }: Arguments, io: Io): Promise<void> {
  if (values.stop) {
    // what is left over from an uplink that is not configured any more can be ended too
    const uplink = values.uplink ?? uplinkOf(config, undefined)
    const { stopped } = (await carryOut(config, { do: 'outbox.stop', uplink })) as { stopped: number }
    return io.out(values.json ? json(io, { stopped }) : `${stopped} ended\n`)
  }
  const uplink = uplinkOf(config, values.uplink)
  const from = placeOf('--from', values.from ?? '')
  const to = values.to === undefined ? null : placeOf('--to', values.to)
  const command = { do: 'outbox.resend', uplink, from, to, key: values.key ?? null } as const
  const begun = (await carryOut(config, command)) as { from: number; to: number; rows: number }
  if (values.json) return io.out(json(io, begun))
  const rows = values.key === undefined ? `${begun.rows} rows` : `those of the key among ${begun.rows} rows`
  io.out(`from row ${begun.from} to ${begun.to}, ${rows}: they go out beside what is new\n`)
}

/** The only uplink may be left out. */
function uplinkOf({ uplinks }: Config, name: string | undefined): string {
  const found = name === undefined && uplinks.length === 1 ? uplinks[0] : uplinks.find(uplink => uplink.name === name)
  if (!found) throw new GatewayError('E_USAGE', '--uplink', `one of ${uplinks.map(uplink => uplink.name).join(', ')}`)
  return found.name
}

function numberOf(text: string): number {
  const seq = Number(text)
  if (!Number.isSafeInteger(seq) || seq < 1) throw new GatewayError('E_USAGE', 'SEQ')
  return seq
}

/** A number of the log, or an RFC 3339 time with a zone. */
function placeOf(option: string, text: string): Place {
  if (/^[1-9]\d{0,14}$/.test(text)) return { seq: Number(text) }
  const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text)
  const at = zoned ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new GatewayError('E_USAGE', option, 'a row number, or a time such as 2026-11-24T08:00:00Z')
  return { at }
}
