/** Runs a program of the lab where it can lose packets without touching the machine's own network. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fetchJars, kafkaMissing } from '../../scripts/kafka/jars.ts'
import { ownNamespace } from './loss.ts'

/** A network with loopback only, and processes of its own: when the first of them ends, all that it has started end too. */
const apart = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc']

/**
 * Calls `main` in a network namespace that holds nothing but loopback: this program is started again in one, where that is
 * possible, and as it is elsewhere. Without Java nothing is called, and the reason is printed.
 */
export async function inLab(main: () => Promise<void>): Promise<void> {
  const missing = kafkaMissing()
  if (missing) return print({ test: 'kafka', skipped: missing })
  if (process.env[ownNamespace] !== undefined) {
    await main()
    process.exit() // a client of the judge that looks for brokers which are gone would go on for ever
  }
  for (const artifact of [undefined, 'kafka-tools']) fetchJars(artifact) // in there is no network to fetch them by
  const isThere = spawnSync('unshare', [...apart, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' }).status === 0
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const [command, ...rest] = isThere
    ? ['unshare', ...apart, 'sh', '-c', 'ip link set lo up && "$0" "$@"', ...argv]
    : argv
  const env = { ...process.env, [ownNamespace]: isThere ? '1' : '0' }
  const again = spawn(command!, rest, { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => again.kill('SIGKILL'))
  const [status] = await once(again, 'exit')
  process.exitCode = status ?? 1
}

/** One JSON line. */
export function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
