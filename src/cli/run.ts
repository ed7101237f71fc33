/** `run`: the gateway in the foreground, until SIGINT or SIGTERM. SIGHUP: sender profiles and certificates are read again. */
import { closeSync, openSync } from 'node:fs'
import { relative } from 'node:path'
import { isatty } from 'node:tty'
import type { Config } from '../config/config.ts'
import { environmentVariables } from '../config/load.ts'
import { errorRow, type GatewayError } from '../errors.ts'
import { openLog } from '../log.ts'
import { Gateway, type Listening } from '../main.ts'
import { demoFolder, locateConfig, readArguments } from './arguments.ts'
import { initDemo } from './init.ts'
import { type Io, printed } from './io.ts'

export const help = `clinic-gateway run [--config FILE] [--demo] [--fresh] [--set path=value]…

Runs the gateway. --demo makes and uses throw-away keys in ./${demoFolder} and keeps to loopback; with --config FILE it takes
keys, id and tenant from there and everything else from FILE. A port of 0 is any free one.

SIGHUP reads the sender profiles and the certificates of the listeners again: all, or nothing where one has a mistake.

  clinic-gateway run --demo
  clinic-gateway run --config /etc/clinic-gateway/gateway.yaml
  clinic-gateway run --demo --set sources.mllp.port=12575

Exit codes: 0 stopped, 64 usage, 69 port in use, 70 our mistake, 74 disk, 78 configuration or keys.
`

/** After a signal, open work gets this long before the process ends anyway. */
const stopWithinMs = 10_000

export async function run(argv: readonly string[], io: Io): Promise<number> {
  const { values } = readArguments(argv, { fresh: { type: 'boolean' } })
  if (values.help) return printed(io, help)
  if (values.demo) initDemo(demoFolder, values.fresh === true)
  const config = locateConfig(values)
  const log = openLog({ level: config.log.level })
  return new Promise((resolve, reject) => {
    const gateway = new Gateway(config, (error: GatewayError) => {
      log.error('the gateway cannot go on', { code: error.code, at: error.at })
      process.exit(errorRow(error.code).exit ?? 70)
    })
    let stopping = false
    const started = gateway.start()
    started.then(listen => {
      if (stopping) return
      openLog().info('ready', { listen })
      if (config.privacy.mode === 'demo') io.out(screen(config, listen))
    }, reject)
    // a signal during the start waits for its end: stopping what is half there would leave the other half
    const stop = () => {
      stopping = true
      setTimeout(() => process.exit(70), stopWithinMs).unref()
      started.then(() => gateway.stop()).then(() => resolve(0), reject)
    }
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    // nohup takes the terminal from standard input
    const isByHand = isatty(0)
    process.on('SIGHUP', () => {
      if (stopping) return
      // a terminal that is closed says so by the same signal
      if (isByHand && !hasTerminal()) stop()
      else started.then(() => gateway.reload(), reject)
    })
  })
}

/** Whether the terminal that this process was started from is still there. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

/** One calm screen: what listens where, that the keys are throw-away, where records come out, what to try next. */
function screen(config: Config, listen: Listening): string {
  const bold =
    environmentVariables().noColor || !process.stdout.isTTY
      ? (text: string) => text
      : (text: string) => `\x1b[1m${text}\x1b[0m`
  const here = (path: string) => relative(process.cwd(), path) || '.'
  const [uplink] = config.uplinks
  const out = uplink?.type === 'file' ? `${here(uplink.dir)}/${config.gateway.topicPrefix}.fhir.ndjson` : 'Kafka'
  return `
  ${bold('Clinic Gateway')} is running as a demo, with throw-away keys. Not for real patients.

    HL7 v2 over MLLP    ${listen.mllp ?? '-'}
    MQTT 3.1.1 and 5    ${listen.mqtt ?? '-'}
    FHIR over HTTP      http://${listen.fhir ?? '-'}/fhir
    status, metrics     http://${listen.admin ?? '-'}/status

    sealed records go to   ${out}
    keys and secrets lie in ${demoFolder}

  ${bold('Try, in another terminal:')}

    npx clinic-gateway send examples/adt-a01.hl7 --to mllp
    npx clinic-gateway send examples/heart-rate.json --to mqtt
    npx clinic-gateway send examples/observation.json --to fhir
    npx clinic-gateway decrypt ${out} --reader ${demoFolder}/reader --allow-demo

  Ctrl-C stops it.
`
}
