/**
 * MLLP clients of other people, for tests only: three from npm, HAPI's from Maven, python-hl7's `mllp_send` from the
 * system or PyPI. They are fetched once, into `.cache/interop`; what cannot be fetched is named, and its test skipped.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const cache = here('../../.cache/interop')
const works = (command: string, ...args: readonly string[]) =>
  spawnSync(command, args, { cwd: cache, timeout: 120_000, stdio: 'ignore' }).status === 0

/** Why the clients from npm cannot be used; null = they can. */
export function npmMissing(): string | null {
  const pinned = JSON.parse(readFileSync(here('npm/package.json'), 'utf8')) as { dependencies: Record<string, string> }
  const complete = () => Object.entries(pinned.dependencies).every(([name, version]) => installed(name) === version)
  if (complete()) return null
  mkdirSync(cache, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(here(`npm/${file}`), join(cache, file))
  if (works('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund') && complete()) return null
  return 'needs the packages of test/interop/npm, which npm could not fetch'
}

function installed(name: string): string | null {
  const manifest = join(cache, 'node_modules', name, 'package.json')
  return existsSync(manifest) ? (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version : null
}

/** The exports of a package among them. */
export const load = <T>(name: string): T => createRequire(join(cache, 'package.json'))(name) as T

const classPathFile = join(cache, 'classpath.txt')

/** Why HAPI's client cannot be used; null = it can. */
export function hapiMissing(): string | null {
  mkdirSync(cache, { recursive: true })
  if (!works('java', '-version')) return 'needs java 17 or later'
  if (existsSync(classPathFile) && readFileSync(classPathFile, 'utf8').split(':').every(existsSync)) return null
  if (!works('mvn', '-version')) return 'needs mvn'
  const build = ['-B', '-q', '-f', here('pom.xml'), 'dependency:build-classpath', `-Dmdep.outputFile=${classPathFile}`]
  if (works('mvn', ...build)) return null
  rmSync(classPathFile, { force: true })
  return 'needs the jars of test/interop/pom.xml, which Maven could not fetch'
}

/** Sends messages with HAPI's client, one after the other on one connection: what it read in each answer. */
export function hapi(port: string, messages: readonly string[]): readonly string[] {
  const input = messages.map(message => Buffer.from(message).toString('base64')).join('\n')
  const classPath = readFileSync(classPathFile, 'utf8')
  const run = spawnSync('java', ['-cp', classPath, here('Hapi.java'), port], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
  })
  if (run.status !== 0) throw new Error(`HAPI's client ended with ${run.status}: ${run.stderr.slice(0, 1000)}`)
  return run.stdout.trim().split('\n')
}

const version = '0.4.5'
const ownMllpSend = join(cache, 'python/bin/mllp_send')

/** Why python-hl7 cannot be used; null = it can. */
export function mllpSendMissing(): string | null {
  mkdirSync(cache, { recursive: true })
  if (works('mllp_send', '--version') || works(ownMllpSend, '--version')) return null
  const made =
    works('python3', '-m', 'venv', join(cache, 'python')) &&
    works(join(cache, 'python/bin/pip'), 'install', '-q', `hl7==${version}`)
  return made && existsSync(ownMllpSend) ? null : 'needs mllp_send (Debian: python3-hl7), which could not be fetched'
}

/** Runs `mllp_send` over a file of MLLP frames; what it printed: the answers. */
export function mllpSend(port: string, file: string, ...options: readonly string[]): string {
  const command = works('mllp_send', '--version') ? 'mllp_send' : ownMllpSend
  const args = ['-p', port, '-f', file, ...options, '127.0.0.1']
  const run = spawnSync(command, args, { encoding: 'latin1', timeout: 20_000 })
  if (run.status !== 0) throw new Error(`mllp_send ended with ${run.status}: ${run.stderr}`)
  return run.stdout
}
