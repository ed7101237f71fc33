/** Kafka's own programs, from Maven artifacts that are fetched once and kept in `.cache/kafka`. Needs `java` and `mvn`. */
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export const kafkaVersion = '4.4.0'
const broker = 'kafka_2.13'

/** Why there can be no local Kafka here; null = there can. */
export function kafkaMissing(): string | null {
  const missing = ['java', 'mvn'].find(command => spawnSync(command, ['-version'], { stdio: 'ignore' }).status !== 0)
  return missing ? `${missing} is not installed` : null
}

/**
 * A folder with the jars of an artifact of `org.apache.kafka` and all that it needs in `lib`, fetched once:
 * `$CLINIC_GATEWAY_CACHE` or `.cache` in the project.
 */
export function fetchJars(artifact: string = broker, version = kafkaVersion): string {
  const root = process.env.CLINIC_GATEWAY_CACHE ?? resolve(import.meta.dirname, '../../.cache')
  const cache = join(root, 'kafka', artifact === broker ? version : `${artifact}-${version}`)
  if (existsSync(join(cache, 'lib'))) return cache
  const making = `${cache}.${process.pid}`
  mkdirSync(making, { recursive: true })
  writeFileSync(join(making, 'pom.xml'), pom(artifact, version))
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib']
  execFileSync('mvn', ['-q', '-B', ...goal], { cwd: making, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    renameSync(making, cache)
  } catch {
    rmSync(making, { recursive: true, force: true }) // another process was quicker
  }
  return cache
}

/** The jars of a folder of `fetchJars`, for `-cp`; always in the same order, as an archive of classes demands. */
export function classPath(cache: string): string {
  const names = readdirSync(join(cache, 'lib')).filter(name => name.endsWith('.jar'))
  return names
    .sort()
    .map(name => join(cache, 'lib', name))
    .join(':')
}

const execute = promisify(execFile)

/**
 * Runs one of Kafka's own tools to its end, such as `kafkaTool('ConfigCommand', '--bootstrap-server', …)`; the class is in
 * `org.apache.kafka.tools` where no package is given. Resolves with what it printed. Rejects when it fails, with what it
 * said in `stdout` and `stderr`.
 */
export async function kafkaTool(name: string, ...argv: readonly string[]): Promise<string> {
  const main = name.includes('.') ? name : `org.apache.kafka.tools.${name}`
  const jvm = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
  const { stdout } = await execute('java', [...jvm, '-cp', classPath(fetchJars('kafka-tools')), main, ...argv])
  return stdout
}

function pom(artifact: string, version: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>clinic-gateway</groupId><artifactId>local-kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
</dependency></dependencies></project>
`
}
