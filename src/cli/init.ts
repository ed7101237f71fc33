/** `init --demo [DIR]`: throw-away keys, a configuration, a device with a wearer, an HTTP client. Never overwrites. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../commands.ts'
import { loadConfig } from '../config/load.ts'
import { EngineRoom } from '../engine-worker.ts'
import { machine } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { engineSettings } from '../main.ts'
import { createDemoKeys } from '../protect/index.ts'
import { demoFolder, readArguments } from './arguments.ts'
import { type Io, printed } from './io.ts'

export const help = `clinic-gateway init --demo [DIR] [--fresh]

Makes what a demo needs in DIR (default ./${demoFolder}): throw-away keys, gateway.yaml, the device demo-watch worn by a
demo patient, an HTTP client. Never overwrites; --fresh removes DIR first.

  clinic-gateway init --demo
  clinic-gateway init --demo /tmp/try --fresh
`

/** Who wears demo-watch: the patient of examples/adt-a01.hl7 and examples/oru-r01.hl7. */
export const demoPatient = { authority: 'urn:oid:2.16.840.1.113883.19.5', value: '4711' }

const demoGateway = { tenant: 'demo', gateway: 'demo-1' }

export async function init(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, { fresh: { type: 'boolean' } })
  if (values.help) return printed(io, help)
  if (!values.demo) throw new GatewayError('E_USAGE', '--demo', 'the production ceremony is not part of this release')
  const folder = positionals[0] ?? demoFolder
  initDemo(folder, values.fresh === true)
  io.out(`${folder} is ready; next: clinic-gateway run --config ${join(folder, 'gateway.yaml')}\n`)
  return 0
}

/** Makes what is missing in `folder`. */
export function initDemo(folder: string, fresh: boolean): void {
  if (fresh) rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'secrets'), { recursive: true, mode: 0o700 })
  createDemoKeys(folder, { ...demoGateway, environment: machine })
  const file = join(folder, 'gateway.yaml')
  if (!existsSync(file)) writeFileSync(file, demoYaml, { mode: 0o600 })
  addPeople(folder, file)
}

function addPeople(folder: string, file: string): void {
  const [watch, http] = [join(folder, 'secrets', 'demo-watch.json'), join(folder, 'secrets', 'demo-http.json')]
  if (existsSync(watch) && existsSync(http)) return
  const room = new EngineRoom(engineSettings(loadConfig(file)))
  const secret = (path: string, value: unknown) => writeFileSync(path, `${JSON.stringify(value)}\n`, { mode: 0o600 })
  try {
    if (!existsSync(watch)) {
      secret(
        watch,
        runCommand(room, 'init', { do: 'device.add', id: 'demo-watch', format: null, test: false }, machine),
      )
      runCommand(room, 'init', { do: 'device.assign', id: 'demo-watch', ...demoPatient, from: 0 }, machine)
    }
    if (!existsSync(http))
      secret(http, runCommand(room, 'init', { do: 'client.add', name: 'demo-http', scopes: ['*'] }, machine))
  } finally {
    room.store.close()
  }
}

const demoYaml = `# A demo: loopback only, throw-away keys, records go to ./out. Nothing here is fit for real patients.
gateway: { id: ${demoGateway.gateway}, tenant: ${demoGateway.tenant}, topicPrefix: demo }
data: { dir: ./data, budget: 2GiB, freeFloor: 256MiB }
privacy: { mode: demo, keys: ./box, profile: clinical }
sources:
  mllp: { host: 127.0.0.1, port: 2575 }
  mqtt: { host: 127.0.0.1, port: 1883 }
  fhir: { host: 127.0.0.1, port: 8080 }
directory: { senders: ./senders }
uplinks:
  - { name: cloud, type: file, dir: ./out }
admin: { host: 127.0.0.1, port: 9090 }
`
