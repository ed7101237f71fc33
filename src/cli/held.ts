/** `held` and `codes`: what waits for a person. Reason and skeleton only; the content needs the replay key. */
import { errorRow, GatewayError } from '../errors.ts'
import type { Code } from '../records.ts'
import { locateConfig, readArguments, word } from './arguments.ts'
import { carryOut } from './box.ts'
import { type Io, json, printed } from './io.ts'

export const heldHelp = `clinic-gateway held list          what is held, why, and its skeleton (segment or format names, never a value)
clinic-gateway held show NO
clinic-gateway held drop NO       ends it; audited

  clinic-gateway held list --json
`

export const codesHelp = `clinic-gateway codes      local codes without a mapping: how often, from whom, where

A code is shown when it looks like one and came up three times or more; others may be somebody's name or number and stay
sealed. Map codes in the sender profile (config/senders, \`codes\`), as system|code.

  clinic-gateway codes --json
`

type Held = Readonly<{
  no: number
  receivedAt: string
  source: string
  sender: string
  outline: string
  rule: Code
  at: string
}>

export async function held(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {})
  if (values.help) return printed(io, heldHelp)
  const verb = word(positionals, 0, 'list, show or drop')
  const config = locateConfig(values)
  if (verb === 'list') {
    const rows = (await carryOut(config, { do: 'held.list' })) as Held[]
    if (values.json) return printed(io, json(io, rows))
    io.out(rows.length === 0 ? 'nothing is held\n' : rows.map(line).join(''))
    return 0
  }
  const no = Number(word(positionals, 1, 'NO'))
  if (!Number.isSafeInteger(no) || no < 1) throw new GatewayError('E_USAGE', 'NO')
  if (verb === 'show') {
    const row = (await carryOut(config, { do: 'held.show', no })) as Held
    io.out(values.json ? json(io, row) : `${line(row)}   ${errorRow(row.rule).text}\n`)
    return 0
  }
  if (verb !== 'drop') throw new GatewayError('E_USAGE', 'held', 'list, show or drop')
  await carryOut(config, { do: 'held.drop', no })
  io.out(values.json ? json(io, { dropped: no }) : `${no} is dropped\n`)
  return 0
}

function line(row: Held): string {
  return `${row.no}  ${row.receivedAt}  ${row.source}/${row.sender}  ${row.rule} ${row.at}  ${row.outline}\n`
}

type Unmapped = Readonly<{ sender: string; at: string; system: string | null; code: string | null; count: number }>

export async function codes(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, {})
  if (values.help) return printed(io, codesHelp)
  const rows = (await carryOut(locateConfig(values), { do: 'codes.list' })) as Unmapped[]
  if (values.json) return printed(io, json(io, rows))
  const text = ({ sender, at, system, code, count }: Unmapped) =>
    `${count}  ${sender}  ${at}  ${code === null ? '(sealed)' : `${system ?? ''}|${code}`}\n`
  return printed(io, rows.length === 0 ? 'every code has a mapping\n' : rows.map(text).join(''))
}
