/**
 * The end of an outage: the real command with a backlog, its Kafka comes back, and messages go on coming in at a clinic's
 * rate. Rows a second on their way out, and the memory of the process. The broker, the senders and the gateway share the
 * machine.
 *
 *   node bench/outage.ts [--rows 1000000] [--rate 10] [--history] [--rounds 1]
 *
 * --rate: messages a second, half laboratory results, half tracker readings; 1 to 10 is what clinics produce. --history:
 * the rows are two days old, so that they go out beside the new ones, under a new epoch. Prints one JSON line a round.
 * `readyMs`: from the start of the command, which reads its whole database, until it takes messages. `beforeMiB`: memory
 * with the same messages coming in before the Kafka is back; `soonMiB`: the most while the first 50,000 rows
 * leave, when all code is in use for the first time; `growthMiB`: what came on top of that.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { kafkaMissing, startKafka } from '../scripts/kafka/local.ts'
import { nodeFlags } from '../scripts/node-flags.mjs'
import { initDemo } from '../src/cli/init.ts'
import { loadConfig } from '../src/config/load.ts'
import { machine } from '../src/environment.ts'
import { day } from '../src/limits.ts'
import { silent } from '../src/log.ts'
import { engineSettings } from '../src/main.ts'
import { createTopics, type KafkaSettings } from '../src/uplink/kafka/kafka.ts'
import { withAdmin } from '../src/uplink/kafka/session.ts'
import { fillBacklog } from './fill.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '1' },
    history: { type: 'boolean', default: false },
  },
})
const [rows, rate] = [Number(values.rows), Number(values.rate)]
const deps = { environment: machine, log: silent }
const beforeMs = 15_000
const soonRows = 50_000

const missing = kafkaMissing()
if (missing) throw new Error(missing)
for (let round = 0; round < Number(values.rounds); round++) await run()

async function run(): Promise<void> {
  const load = loadavg()[0]
  const folder = mkdtempSync(join(tmpdir(), 'cg-outage-'))
  const kafka = await startKafka()
  const settings = { name: 'cloud', brokers: [kafka.bootstrap], topicPrefix: 'demo', clientId: 'bench' }
  const children: ChildProcess[] = []
  try {
    const file = configure(folder, kafka.bootstrap)
    await createTopics(settings, { partitions: 6, replication: 1 }, deps)
    await kafka.kill()
    fillBacklog(engineSettings(loadConfig(file)), rows, machine.now() - (values.history ? 2 * day : 0))

    const since = performance.now()
    const gateway = start(file)
    children.push(gateway)
    const listen = await ready(gateway)
    const readyMs = Math.round(performance.now() - since)
    const watch = readFileSync(join(folder, 'secrets', 'demo-watch.json'), 'utf8')
    const loads = [sender('mllp', listen.mllp!, '10', ''), sender('mqtt', listen.mqtt!, '20', `[${watch}]`)]
    children.push(...loads)
    await pause(beforeMs)
    const beforeMiB = resident(gateway)

    await kafka.restart()
    const { seconds, memory } = await drained(settings, gateway)
    const mostMiB = Math.max(...memory.map(({ MiB }) => MiB))
    const soonMiB = Math.max(...memory.filter(({ arrived }) => arrived <= soonRows).map(({ MiB }) => MiB))
    const answers = await Promise.all(loads.map(answersOf))
    const result = {
      bench: values.history ? 'outage, history' : 'outage',
      rows,
      rate,
      load,
      readyMs,
      rowsPerSecond: Math.round(rows / seconds),
      beforeMiB: Math.round(beforeMiB),
      mostMiB: Math.round(mostMiB),
      soonMiB: Math.round(soonMiB),
      growthMiB: Math.round(mostMiB - soonMiB),
      mllp: answers[0],
      mqtt: answers[1],
    }
    process.stdout.write(`${JSON.stringify(result)}\n`)
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await kafka.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A demo's box with a Kafka uplink. */
function configure(folder: string, bootstrap: string): string {
  initDemo(folder, false)
  const file = join(folder, 'gateway.yaml')
  const text = readFileSync(file, 'utf8')
    .replace(/port: \d+/g, 'port: 0')
    .replace(/budget: \w+, freeFloor: \w+/, 'budget: 50GiB, freeFloor: 1GiB')
    .replace(/\{ name: cloud, type: file.*\}/, `{ name: cloud, type: kafka, brokers: ['${bootstrap}'] }`)
  writeFileSync(file, text)
  return file
}

function start(file: string): ChildProcess {
  const flags = [...nodeFlags, 'scripts/clinic-gateway.mjs', 'run', '--config', file]
  return spawn(process.execPath, flags, { stdio: ['ignore', 'ignore', 'pipe'] })
}

async function ready(gateway: ChildProcess): Promise<Record<string, string>> {
  let log = ''
  for await (const chunk of gateway.stderr!) {
    log += chunk
    const line = log.split('\n').find(one => one.includes('"msg":"ready"'))
    if (!line) continue
    gateway.stderr!.resume()
    return JSON.parse(line).listen
  }
  throw new Error(`the gateway did not start\n${log}`)
}

/** Half of the rate; ended by SIGTERM. */
function sender(way: string, address: string, width: string, input: string): ChildProcess {
  const args = ['bench/load.ts', way, address, '10000000', width, '0', String(rate / 2)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin!.end(input)
  return child
}

async function answersOf(child: ChildProcess): Promise<unknown> {
  child.kill('SIGTERM')
  let text = ''
  child.stdout!.on('data', chunk => {
    text += chunk
  })
  await once(child, 'close')
  return JSON.parse(text)
}

/** From the first record that arrives until as many have arrived as were waiting; the broker is asked again and again. */
async function drained(settings: KafkaSettings, gateway: ChildProcess) {
  const memory: { arrived: number; MiB: number }[] = []
  let begin = 0
  for (;;) {
    await pause(250)
    if (gateway.exitCode !== null) throw new Error('the gateway ended')
    const arrived = await recordsIn(settings)
    memory.push({ arrived, MiB: resident(gateway) })
    if (begin === 0 && arrived > 0) begin = performance.now()
    if (arrived >= rows) return { seconds: (performance.now() - begin) / 1000, memory }
  }
}

function recordsIn(settings: KafkaSettings): Promise<number> {
  return withAdmin(settings, deps, async admin => {
    const ends = await Promise.all(['fhir', 'keys'].map(suffix => admin.fetchTopicOffsets(`demo.${suffix}`)))
    return ends.flat().reduce((sum, { high }) => sum + Number(high), 0)
  })
}

/** Resident memory of the gateway's process, MiB. */
function resident(gateway: ChildProcess): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
