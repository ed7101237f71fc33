/**
 * A real Apache Kafka on this machine, from Maven artifacts: for the demo, the tests and trying out. Needs `java` and
 * `mvn`. One node, broker and controller in one; ready in about a second.
 *
 *   node scripts/kafka/local.ts [--port N] [--dir DIR]      runs until Ctrl-C; prints the address
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const version = '4.4.0'
const startDeadlineMs = 60_000

/** A running node. `kill` is kill -9; `restart` begins again with the same data and port after `kill`. */
export type LocalKafka = Readonly<{
  /** `127.0.0.1:port` */
  bootstrap: string
  dir: string
  kill: () => Promise<void>
  restart: () => Promise<void>
  /** Stops the process without ending it (SIGSTOP): the address takes connections and answers nothing. */
  pause: () => void
  resume: () => void
  /** Ends the process and deletes the data that it made itself. */
  stop: () => Promise<void>
}>

/**
 * `advertised`: the `host:port` that clients are told, for a proxy in front; default the node's own. `properties`: lines of
 * server.properties that are added, or replace ours. `secure`: a second listener, named SECURE, with the port and protocol
 * (`SSL`, `SASL_SSL`, …) given; its settings are `properties`. `scram`: users as `SCRAM-SHA-512=[name=…,password=…]`.
 */
export type LocalOptions = Readonly<{
  port?: number
  dir?: string
  advertised?: string
  properties?: Readonly<Record<string, string>>
  secure?: Readonly<{ port: number; protocol: string }>
  scram?: readonly string[]
}>

/** Why there can be no local Kafka here; null = there can. */
export function kafkaMissing(): string | null {
  const missing = ['java', 'mvn'].find(command => spawnSync(command, ['-version'], { stdio: 'ignore' }).status !== 0)
  return missing ? `${missing} is not installed` : null
}

/** Starts a node. `port` 0 or absent = any free one; `dir` absent = a temporary folder; an existing `dir` is continued. */
export async function startKafka(options: LocalOptions = {}): Promise<LocalKafka> {
  const cache = fetchJars()
  await archiveClasses(cache)
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'kafka-'))
  const port = options.port || (await freePort())
  const properties = join(dir, 'server.properties')
  mkdirSync(dir, { recursive: true })
  writeFileSync(properties, serverProperties(dir, port, await freePort(), options))
  if (!existsSync(join(dir, 'data'))) format(cache, properties, options.scram)

  let node = await launch(cache, properties, port)
  return {
    bootstrap: `127.0.0.1:${port}`,
    dir,
    kill: () => end(node, 'SIGKILL'),
    restart: async () => {
      node = await launch(cache, properties, port)
    },
    pause: () => void node.kill('SIGSTOP'),
    resume: () => void node.kill('SIGCONT'),
    stop: async () => {
      node.kill('SIGCONT')
      await end(node, 'SIGKILL')
      if (!options.dir) rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** The folder of the jars, fetched once: `$CLINIC_GATEWAY_CACHE` or `.cache` in the project. */
function fetchJars(): string {
  const root = process.env.CLINIC_GATEWAY_CACHE ?? resolve(import.meta.dirname, '../../.cache')
  const cache = join(root, 'kafka', version)
  if (existsSync(join(cache, 'lib'))) return cache
  const making = `${cache}.${process.pid}`
  mkdirSync(making, { recursive: true })
  writeFileSync(join(making, 'pom.xml'), pom())
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib']
  execFileSync('mvn', ['-q', '-B', ...goal], { cwd: making, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    renameSync(making, cache)
  } catch {
    rmSync(making, { recursive: true, force: true }) // another process was quicker
  }
  return cache
}

function pom(): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>clinic-gateway</groupId><artifactId>local-kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version>
</dependency></dependencies></project>
`
}

/** The last four of ours make a restart after kill -9 quick: the old registration times out in a second. */
function serverProperties(dir: string, port: number, controllerPort: number, options: LocalOptions): string {
  const { advertised = `127.0.0.1:${port}`, secure } = options
  const second = secure ? `,SECURE://127.0.0.1:${secure.port}` : ''
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${second}`,
    'advertised.listeners': `PLAINTEXT://${advertised}${second}`,
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:${secure?.protocol ?? 'PLAINTEXT'}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(dir, 'data'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    'broker.session.timeout.ms': '1000',
    'broker.heartbeat.interval.ms': '200',
    'controller.quorum.election.timeout.ms': '200',
    'controller.quorum.election.backoff.max.ms': '200',
    ...options.properties,
  }
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`)
  return `${lines.join('\n')}\n`
}

function java(cache: string): readonly string[] {
  const jars = readdirSync(join(cache, 'lib'))
    .filter(name => name.endsWith('.jar'))
    .sort()
    .map(name => join(cache, 'lib', name))
  return ['-Xms64m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', jars.join(':')]
}

function format(cache: string, properties: string, scram: readonly string[] = []): void {
  const clusterId = randomBytes(16).toString('base64url')
  const users = scram.flatMap(user => ['--add-scram', user])
  const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties, ...users]
  execFileSync('java', [...java(cache), ...tool], { stdio: 'ignore' })
}

/** Starts the node and waits until its port is open. It does not outlive this process. */
async function launch(cache: string, properties: string, port: number, ...flags: string[]): Promise<ChildProcess> {
  const archive = join(cache, 'classes.jsa')
  const shared = existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, '-Xshare:auto'] : []
  const node = spawn('java', [...shared, ...flags, ...java(cache), 'kafka.Kafka', properties], { stdio: 'ignore' })
  const killNode = () => node.kill('SIGKILL')
  process.once('exit', killNode)
  node.once('exit', () => process.off('exit', killNode))
  const giveUpAt = performance.now() + startDeadlineMs
  while (!(await isOpen(port))) {
    if (node.exitCode !== null || performance.now() > giveUpAt) {
      killNode()
      throw new Error('the local Kafka did not start')
    }
    await sleep(50)
  }
  return node
}

/** An archive of the loaded classes, made once by a node that starts and ends, halves every later start. */
async function archiveClasses(cache: string): Promise<void> {
  const archive = join(cache, 'classes.jsa')
  if (existsSync(archive)) return
  const dir = mkdtempSync(join(tmpdir(), 'kafka-'))
  const properties = join(dir, 'server.properties')
  const port = await freePort()
  writeFileSync(properties, serverProperties(dir, port, await freePort(), {}))
  format(cache, properties)
  const making = `${archive}.${process.pid}`
  await end(await launch(cache, properties, port, `-XX:ArchiveClassesAtExit=${making}`), 'SIGTERM')
  if (existsSync(making)) renameSync(making, archive)
  rmSync(dir, { recursive: true, force: true })
}

async function end(node: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (node.exitCode !== null || node.signalCode !== null) return
  const ended = once(node, 'exit')
  node.kill(signal)
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function isOpen(port: number): Promise<boolean> {
  const { promise, resolve: answer } = Promise.withResolvers<boolean>()
  const socket = connect({ host: '127.0.0.1', port })
  socket.once('connect', () => answer(true)).once('error', () => answer(false))
  return promise.finally(() => socket.destroy())
}

async function main(): Promise<void> {
  const missing = kafkaMissing()
  if (missing) throw new Error(missing)
  const { values } = parseArgs({ options: { port: { type: 'string' }, dir: { type: 'string' } } })
  const kafka = await startKafka({
    ...(values.port ? { port: Number(values.port) } : {}),
    ...(values.dir ? { dir: values.dir } : {}),
  })
  process.stdout.write(`${kafka.bootstrap}\n`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await kafka.stop()
}

if (import.meta.main) await main()
