/** One process of Apache Kafka: its properties, its start, its signals, its end. `local.ts` and `cluster.ts` are made of it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { classPath, fetchJars } from './jars.ts'

const startDeadlineMs = 60_000

/** Lines of server.properties. */
export type Properties = Readonly<Record<string, string>>

export type NodeOptions = Readonly<{
  /** The port that is open when the node is ready. */
  port: number
  properties: Properties
  /** Longest heap, as `-Xmx` takes it. */
  heap?: string
  clusterId: string
  /** Users as `SCRAM-SHA-512=[name=…,password=…]`; written when the data folder is made. */
  scram?: readonly string[]
}>

/**
 * A node that was started. `kill` is kill -9, `term` an orderly stop; `restart` begins again with the same data, and resolves
 * when the node is ready; one that runs is left as it is.
 */
export type KafkaNode = Readonly<{
  kill: () => Promise<void>
  term: () => Promise<void>
  restart: (properties?: Properties) => Promise<void>
  /** Stops the process without ending it (SIGSTOP): the address takes connections and answers nothing. */
  pause: () => void
  resume: () => void
  running: () => boolean
}>

/** What every node of ours has. The last four make a restart after kill -9 quick: the old registration times out soon. */
export const commonProperties: Properties = {
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'auto.create.topics.enable': 'false',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
  'broker.session.timeout.ms': '1000',
  'broker.heartbeat.interval.ms': '200',
  'controller.quorum.election.timeout.ms': '200',
  'controller.quorum.election.backoff.max.ms': '200',
}

/** Starts a node whose files are in `dir`; data that is there is continued. It does not outlive this process. */
export async function startNode(dir: string, options: NodeOptions): Promise<KafkaNode> {
  const cache = fetchJars()
  await archiveClasses(cache)
  mkdirSync(dir, { recursive: true })
  const { port, heap = '512m' } = options
  const file = join(dir, 'server.properties')
  const write = (properties: Properties) => writeFileSync(file, text({ 'log.dirs': join(dir, 'data'), ...properties }))
  write(options.properties)
  if (!existsSync(join(dir, 'data'))) format(cache, file, options)

  const begin = () => spawnNode(cache, file, `-Xmx${heap}`)
  let node = begin()
  let ready = untilOpen(node, port)
  await ready
  return {
    kill: () => end(node, 'SIGKILL'),
    term: () => end(node, 'SIGTERM'),
    restart: properties => {
      if (isAlive(node)) return ready
      if (properties) write(properties)
      node = begin()
      ready = untilOpen(node, port)
      return ready
    },
    pause: () => void node.kill('SIGSTOP'),
    resume: () => void node.kill('SIGCONT'),
    running: () => isAlive(node),
  }
}

function text(properties: Properties): string {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`)
  return `${lines.join('\n')}\n`
}

function java(cache: string): readonly string[] {
  return ['-Xms64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classPath(cache)]
}

type Identity = Pick<NodeOptions, 'clusterId' | 'scram'>

function format(cache: string, file: string, { clusterId, scram = [] }: Identity): void {
  const users = scram.flatMap(user => ['--add-scram', user])
  // written with `=`, because an id may begin with a dash
  const tool = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', file, ...users]
  execFileSync('java', [...java(cache), ...tool], { stdio: 'ignore' })
}

function spawnNode(cache: string, file: string, ...flags: readonly string[]): ChildProcess {
  const archive = join(cache, 'classes.jsa')
  const shared = existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, '-Xshare:auto'] : []
  return spawnJava([...shared, ...flags, ...java(cache), 'kafka.Kafka', file])
}

/** Starts a Java program. It does not outlive this process. */
export function spawnJava(argv: readonly string[]): ChildProcess {
  const child = spawn('java', argv, { stdio: 'ignore' })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  return child
}

/** Resolves when the node's port is open; rejects, and ends it, when it does not come up. */
async function untilOpen(node: ChildProcess, port: number): Promise<void> {
  const giveUpAt = performance.now() + startDeadlineMs
  while (!(await isOpen(port))) {
    if (!isAlive(node) || performance.now() > giveUpAt) {
      node.kill('SIGKILL')
      throw new Error('the local Kafka did not start')
    }
    await sleep(50)
  }
}

/** An archive of the loaded classes, made once by a node that starts and ends, halves every later start. */
async function archiveClasses(cache: string): Promise<void> {
  const archive = join(cache, 'classes.jsa')
  if (existsSync(archive)) return
  const dir = mkdtempSync(join(tmpdir(), 'kafka-'))
  const file = join(dir, 'server.properties')
  const [port, controller] = [await freePort(), await freePort()]
  const clusterId = 'QUFBQUFBQUFBQUFBQUFBQQ'
  writeFileSync(file, text({ ...controllerProperties(1, port, controller), 'log.dirs': join(dir, 'data') }))
  format(cache, file, { clusterId })
  const making = `${archive}.${process.pid}`
  const node = spawnNode(cache, file, `-XX:ArchiveClassesAtExit=${making}`)
  await untilOpen(node, port)
  await end(node, 'SIGTERM')
  if (existsSync(making)) renameSync(making, archive)
  rmSync(dir, { recursive: true, force: true })
}

/** A node that is broker and controller, on loopback. */
export function controllerProperties(id: number, port: number, controllerPort: number): Properties {
  return {
    ...commonProperties,
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': `${id}@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  }
}

export function isAlive(node: ChildProcess): boolean {
  return node.exitCode === null && node.signalCode === null
}

/** Sends the signal and waits for the end; nothing happens to a process that has ended. */
export async function end(node: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isAlive(node)) return
  const ended = once(node, 'exit')
  node.kill(signal)
  await ended
}

/** Below the range from which the system takes ports of outgoing connections: a node that is down keeps its port. */
const ports = { first: 20_000, count: 12_000 }

/** A port on loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.first + Math.floor(Math.random() * ports.count)
    const server = createServer()
    const { promise, resolve } = Promise.withResolvers<boolean>()
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    if (await promise) return port
  }
}

function isOpen(port: number): Promise<boolean> {
  const { promise, resolve: answer } = Promise.withResolvers<boolean>()
  const socket = connect({ host: '127.0.0.1', port })
  socket.once('connect', () => answer(true)).once('error', () => answer(false))
  return promise.finally(() => socket.destroy())
}
