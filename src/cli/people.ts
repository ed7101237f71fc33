/** `devices` and `clients`: who may send, and who wears what. Secrets are shown once. */

import { GatewayError } from '../errors.ts'
import type { Command, Wearing } from '../ports.ts'
import { locateConfig, readArguments, word } from './arguments.ts'
import { carryOut } from './box.ts'
import { type Io, json, printed } from './io.ts'

export const devicesHelp = `clinic-gateway devices add ID [--format F] [--test]      prints the secret once
clinic-gateway devices assign ID --patient AUTHORITY|VALUE [--from TIME]
clinic-gateway devices list

  clinic-gateway devices add bp-017 --format omh --json
  clinic-gateway devices assign bp-017 --patient 'urn:oid:2.16.840.1.113883.19.5|4711' --from 2026-11-24T08:00:00Z
`

export const clientsHelp = `clinic-gateway clients add NAME [--scope TYPE]…      prints the token once; default scope: every type
clinic-gateway clients list

  clinic-gateway clients add telehealth-app --scope Observation --json
`

export async function devices(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    format: { type: 'string' },
    test: { type: 'boolean' },
    patient: { type: 'string' },
    from: { type: 'string' },
  })
  if (values.help) return printed(io, devicesHelp)
  const verb = word(positionals, 0, 'add, assign or list')
  const config = locateConfig(values)
  if (verb === 'list')
    return printDevices((await carryOut(config, { do: 'device.list' })) as DeviceView[], io, values.json === true)
  const id = word(positionals, 1, 'ID')
  const command = deviceCommand(verb, id, values)
  const result = await carryOut(config, command)
  if (values.json) return printed(io, json(io, result))
  io.out(verb === 'add' ? `device ${id}\nsecret ${(result as { secret: string }).secret}\n` : `${id} is assigned\n`)
  return 0
}

type DeviceValues = { format?: string; test?: boolean; patient?: string; from?: string }

function deviceCommand(verb: string, id: string, values: DeviceValues): Command {
  if (verb === 'add') return { do: 'device.add', id, format: values.format ?? null, test: values.test === true }
  if (verb !== 'assign') throw new GatewayError('E_USAGE', 'devices', 'add, assign or list')
  const split = (values.patient ?? '').lastIndexOf('|')
  if (split < 1) throw new GatewayError('E_USAGE', '--patient', 'expected AUTHORITY|VALUE')
  const patient = values.patient as string
  return {
    do: 'device.assign',
    id,
    authority: patient.slice(0, split),
    value: patient.slice(split + 1),
    from: moment(values.from),
  }
}

/** RFC 3339 with a zone; without --from the assignment holds from the beginning of time. */
function moment(text: string | undefined): number {
  if (text === undefined) return 0
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new GatewayError('E_USAGE', '--from', 'expected a time such as 2026-11-24T08:00:00Z')
  return ms
}

type DeviceView = Readonly<{ id: string; format: string | null; test: boolean; worn: readonly Wearing[] }>

function printDevices(rows: readonly DeviceView[], io: Io, asJson: boolean): number {
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  const views = rows.map(row => ({
    ...row,
    worn: row.worn.map(worn => ({ ...worn, from: time(worn.from), to: time(worn.to) })),
  }))
  if (asJson) return printed(io, json(io, views))
  for (const { id, format, worn } of views) {
    const now = worn.findLast(period => period.to === null)
    io.out(`${id}  ${format ?? 'any format'}  ${now ? `worn since ${now.from} by ${now.wearer}` : 'nobody wears it'}\n`)
  }
  return 0
}

export async function clients(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, { scope: { type: 'string', multiple: true } })
  if (values.help) return printed(io, clientsHelp)
  const verb = word(positionals, 0, 'add or list')
  const config = locateConfig(values)
  if (verb === 'list') {
    const rows = (await carryOut(config, { do: 'client.list' })) as { name: string; scopes: string[] }[]
    io.out(values.json ? json(io, rows) : rows.map(row => `${row.name}  ${row.scopes.join(' ')}\n`).join(''))
    return 0
  }
  if (verb !== 'add') throw new GatewayError('E_USAGE', 'clients', 'add or list')
  const name = word(positionals, 1, 'NAME')
  const result = (await carryOut(config, { do: 'client.add', name, scopes: values.scope ?? ['*'] })) as {
    token: string
  }
  io.out(values.json ? json(io, result) : `client ${name}\ntoken ${result.token}\n`)
  return 0
}
