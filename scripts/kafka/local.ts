/**
 * A real Apache Kafka on this machine, from Maven artifacts: for the demo, the tests and trying out. Needs `java` and
 * `mvn`. One node, broker and controller in one; ready in about a second.
 *
 *   node scripts/kafka/local.ts [--port N] [--dir DIR]      runs until Ctrl-C; prints the address
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { kafkaMissing } from './jars.ts'
import { controllerProperties, freePort, type Properties, startNode } from './node.ts'

export { kafkaMissing }

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
  properties?: Properties
  secure?: Readonly<{ port: number; protocol: string }>
  scram?: readonly string[]
}>

/** Starts a node. `port` 0 or absent = any free one; `dir` absent = a temporary folder; an existing `dir` is continued. */
export async function startKafka(options: LocalOptions = {}): Promise<LocalKafka> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'kafka-'))
  const port = options.port || (await freePort())
  const properties = serverProperties(port, await freePort(), options)
  const clusterId = randomBytes(16).toString('base64url')
  const node = await startNode(dir, { port, properties, clusterId, ...(options.scram ? { scram: options.scram } : {}) })
  return {
    bootstrap: `127.0.0.1:${port}`,
    dir,
    kill: node.kill,
    restart: node.restart,
    pause: node.pause,
    resume: node.resume,
    stop: async () => {
      node.resume()
      await node.kill()
      if (!options.dir) rmSync(dir, { recursive: true, force: true })
    },
  }
}

function serverProperties(port: number, controllerPort: number, options: LocalOptions): Properties {
  const { advertised = `127.0.0.1:${port}`, secure } = options
  const second = secure ? `,SECURE://127.0.0.1:${secure.port}` : ''
  return {
    ...controllerProperties(1, port, controllerPort),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${second}`,
    'advertised.listeners': `PLAINTEXT://${advertised}${second}`,
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:${secure?.protocol ?? 'PLAINTEXT'}`,
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    ...options.properties,
  }
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
