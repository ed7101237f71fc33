/**
 * What the safety of the Kafka uplink costs: rows through it, against kafkajs alone that sends the same bytes the same safe
 * way (idempotent, every replica, one partition per request, batches of 400, the same compression). Same broker, same run,
 * in turns, each in a process of its own. Records are real ones, of laboratory messages and readings. For information:
 * the same without compression, and the same number of records of the same size by kcat and by Java's own producer.
 *
 *   node bench/drain.ts [--rows 200000] [--rounds 5] [--floor 0.9]
 *
 * Prints a table and one JSON line: medians in rows a second and the ratio; exits 1 where the ratio is under the floor.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { kafkaTool } from '../scripts/kafka/jars.ts'
import { kafkaMissing, startKafka } from '../scripts/kafka/local.ts'
import { machine } from '../src/environment.ts'
import { silent } from '../src/log.ts'
import { createTopics, type KafkaSettings } from '../src/uplink/kafka/kafka.ts'
import { withAdmin } from '../src/uplink/kafka/session.ts'
import { clinicArrival, openEngine, recordsOf } from './engine.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '5' },
    floor: { type: 'string', default: '0.9' },
  },
})
const [count, rounds, floor] = [Number(values.rows), Number(values.rounds), Number(values.floor)]
const deps = { environment: machine, log: silent }

const missing = kafkaMissing()
if (missing) throw new Error(missing)
const load = loadavg()[0]
const dir = mkdtempSync(join(tmpdir(), 'cg-drain-'))
const files = writeRecords()
const kafka = await startKafka()

/** Rows a second, and microseconds of CPU a row where it is known. */
type Sent = Readonly<{ rate: number; us?: number }>

const ways: Readonly<Record<string, (prefix: string) => Promise<Sent>>> = {
  'uplink zstd': prefix => nodeProcess('uplink', prefix, 'zstd'),
  'alone zstd': prefix => nodeProcess('alone', prefix, 'zstd'),
  'uplink none': prefix => nodeProcess('uplink', prefix, 'none'),
  'alone none': prefix => nodeProcess('alone', prefix, 'none'),
  ...(spawnSync('kcat', ['-V']).status === 0 ? { 'kcat zstd': kcat } : {}),
  'java zstd': java,
}

try {
  const sent = new Map<string, Sent[]>(Object.keys(ways).map(name => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, send] of Object.entries(ways)) sent.get(name)!.push(await inFreshTopics(`r${round}`, send))
  }
  const medians = Object.fromEntries([...sent].map(([name, all]) => [name, middle(all)]))
  for (const [name, { rate, us }] of Object.entries(medians))
    process.stdout.write(
      `${name.padEnd(12)} ${String(rate).padStart(7)} rows/s${us ? `, ${us} us of CPU a row` : ''}\n`,
    )
  const ratio = ratioOf(medians, 'zstd')
  const result = {
    bench: 'drain',
    rows: count,
    rounds,
    load,
    ratio,
    ratioNone: ratioOf(medians, 'none'),
    floor,
    medians,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  process.exitCode = ratio < floor ? 1 : 0
} finally {
  await kafka.stop()
  rmSync(dir, { recursive: true, force: true })
}

/** About 9,000 records as they leave the box; for tools that read lines also key, headers and value on one line. */
function writeRecords() {
  const bench = openEngine(join(dir, 'box'))
  const arrivals = Array.from({ length: 5000 }, (_, n) => clinicArrival(n, 'watch-0'))
  const records = recordsOf(bench, arrivals).filter(({ lane }) => lane === 'data')
  bench.close()
  const lines = records.map(({ key, headers, value }) => {
    const text = value && Buffer.from(value).toString()
    return { row: JSON.stringify({ key, headers, value: text }), plain: `${key}${headers}${text}` }
  })
  const [rows, plain] = [join(dir, 'rows.ndjson'), join(dir, 'plain.txt')]
  writeFileSync(rows, `${lines.map(({ row }) => row).join('\n')}\n`)
  writeFileSync(plain, `${lines.map(({ plain }) => plain).join('\n')}\n`)
  return { rows, plain, lines: lines.length }
}

async function inFreshTopics(prefix: string, send: (prefix: string) => Promise<Sent>): Promise<Sent> {
  const settings: KafkaSettings = { name: 'bench', brokers: [kafka.bootstrap], topicPrefix: prefix, clientId: 'bench' }
  const topics = await createTopics(settings, { partitions: 1, replication: 1 }, deps)
  try {
    return await send(prefix)
  } finally {
    await withAdmin(settings, deps, admin => admin.deleteTopics({ topics: [...topics] }))
  }
}

async function nodeProcess(way: 'uplink' | 'alone', prefix: string, compression: 'zstd' | 'none'): Promise<Sent> {
  const args = ['bench/drain-way.ts', way, kafka.bootstrap, prefix, compression, String(count), files.rows]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return JSON.parse(await printed(child))
}

/** Its start is in the time, as it has no other clock. */
async function kcat(prefix: string): Promise<Sent> {
  const settings = ['enable.idempotence=true', 'acks=all', 'batch.num.messages=400', 'linger.ms=20', ...codec('.codec')]
  const args = ['-P', '-b', kafka.bootstrap, '-t', `${prefix}.fhir`, '-p', '0', ...settings.flatMap(one => ['-X', one])]
  const begin = performance.now()
  const child = spawn('kcat', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const rows = Math.ceil(count / files.lines) * files.lines
  for (let sent = 0; sent < rows; sent += files.lines) {
    for await (const chunk of createReadStream(files.plain))
      if (!child.stdin.write(chunk)) await once(child.stdin, 'drain')
  }
  child.stdin.end()
  await printed(child)
  return { rate: rows / ((performance.now() - begin) / 1000) }
}

/** It says its rate itself; the first records, which warm it, are not in it. */
async function java(prefix: string): Promise<Sent> {
  const settings = ['acks=all', 'enable.idempotence=true', 'linger.ms=20', 'batch.size=1000000', ...codec('.type')]
  const warm = ['--warmup-records', '20000', '--num-records', String(count + 20_000), '--throughput', '-1']
  const what = ['--topic', `${prefix}.fhir`, '--payload-file', files.plain, '--bootstrap-server', kafka.bootstrap]
  const text = await kafkaTool('ProducerPerformance', ...what, ...warm, '--command-property', ...settings)
  const rates = [...text.matchAll(/records sent, ([\d.]+) records\/sec/g)].map(([, rate]) => Number(rate))
  return { rate: rates.at(-1) ?? 0 }
}

function codec(name: string): string[] {
  return [`compression${name}=zstd`, name === '.codec' ? 'compression.level=1' : 'compression.zstd.level=1']
}

async function printed(child: ReturnType<typeof spawn>): Promise<string> {
  let text = ''
  child.stdout!.on('data', chunk => {
    text += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`it failed: ${child.spawnargs.slice(0, 3).join(' ')}`)
  return text
}

function ratioOf(medians: Readonly<Record<string, Sent>>, codec: string): number {
  return Math.round((1000 * medians[`uplink ${codec}`]!.rate) / medians[`alone ${codec}`]!.rate) / 1000
}

function middle(all: readonly Sent[]): Sent {
  const rate = Math.round(median(all.map(one => one.rate)))
  return all[0]?.us === undefined ? { rate } : { rate, us: Math.round(10 * median(all.map(one => one.us ?? 0))) / 10 }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}
