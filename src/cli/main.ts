/** The command line: finds the command, turns errors into one line and an exit code of sysexits.h. */
import { ConfigError } from '../config/load.ts'
import { errorRow, GatewayError, UplinkError } from '../errors.ts'
import { describe } from '../log.ts'
import { endWithReader, type Io, printed, terminal } from './io.ts'

type Command = (argv: readonly string[], io: Io) => Promise<number>

/** Each command is loaded when it is asked for, so that none pays for another's packages. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./init.ts')).init,
  run: async () => (await import('./run.ts')).run,
  check: async () => (await import('./check.ts')).check,
  translate: async () => (await import('./translate.ts')).translate,
  send: async () => (await import('./send.ts')).send,
  status: async () => (await import('./status.ts')).status,
  held: async () => (await import('./held.ts')).held,
  outbox: async () => (await import('./outbox.ts')).outbox,
  codes: async () => (await import('./held.ts')).codes,
  devices: async () => (await import('./people.ts')).devices,
  clients: async () => (await import('./people.ts')).clients,
  uplinks: async () => (await import('./uplinks.ts')).uplinks,
  topics: async () => (await import('./topics.ts')).topics,
  decrypt: async () => (await import('./decrypt.ts')).decrypt,
}

const help = `clinic-gateway COMMAND [options]

  init        make a demo: throw-away keys, configuration, a device, a client
  run         run the gateway
  check       is this configuration good? --online: is the way to Kafka?
  translate   what does a message become?
  send        send one file to the running gateway
  status      what came in, what went out, what is wrong
  held        messages that wait for a person
  outbox      rows that the cloud refused, rows to be sent again
  codes       local codes without a mapping
  devices     trackers and who wears them
  clients     programs that post FHIR
  uplinks     where records go; switch to the second cluster
  topics      make the Kafka topics, print the rights they need
  decrypt     open sealed records (where the private key is)

clinic-gateway COMMAND --help shows options and examples. --json prints for programs; unknown members may be added.
Exit codes: 0 good, 1 something found, 64 usage, 69 not reachable or port in use, 70 our mistake, 74 disk, 78 configuration.
`

/** Runs one command line; resolves with the exit code. */
export async function main(argv: readonly string[], io: Io = terminal): Promise<number> {
  if (io === terminal) {
    endWithReader()
    quietCrashes()
  }
  const [name, ...rest] = argv
  if (name === undefined) {
    io.err(help)
    return 64
  }
  if (name === '--help' || name === '-h' || name === 'help') return printed(io, help)
  const load = commands[name]
  try {
    if (!load) throw new GatewayError('E_USAGE', '', 'no such command; clinic-gateway --help lists them')
    const command = await load()
    return await command(rest, io)
  } catch (error) {
    return complain(error, io)
  }
}

/** Node would print the message of an uncaught error, and libraries quote their input in it: ours says class and place. */
function quietCrashes(): void {
  const crash = (error: unknown) => {
    complain(error, terminal)
    process.exit(70)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}

function complain(error: unknown, io: Io): number {
  if (error instanceof ConfigError) {
    io.err(`E_CONFIG: ${errorRow('E_CONFIG').text}\n${error.lines().join('\n')}\n`)
    return 78
  }
  if (error instanceof GatewayError) {
    io.err(`${error.message}\n`)
    if (error instanceof UplinkError) io.err(`${error.advice}\n`)
    if (error.code === 'E_PORT_BUSY')
      io.err(
        'another port (0 = any free one): --set sources.mllp.port=0, sources.mqtt.port, sources.fhir.port, admin.port; with npm: npm start -- --set …\n',
      )
    return errorRow(error.code).exit ?? 1
  }
  io.err(`E_INTERNAL: ${errorRow('E_INTERNAL').text} ${JSON.stringify(describe(error))}\n`)
  return 70
}
