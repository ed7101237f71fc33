/**
 * `npm run bench`: the figures, as ratios against a floor measured in the same run; medians of `--rounds` (default 5).
 * Prints a table and one JSON line. Figures are for comparing, not for testing: nothing here fails a build.
 *
 *   node bench/run.ts [--rounds N] [--messages N] [--only NAME]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { type Line, openLine, type StoreKind } from './line.ts'

type Load = Readonly<{ messages: number; seconds: number; p50: number; p99: number }>
type Case = Readonly<{
  name: string
  goal: number
  way: 'mllp' | 'mqtt'
  floor: StoreKind
  slowMs: number
  /** Clients or connections, and messages each has in flight. */
  clients: number
  window: number
  /** Share of --messages that is enough here. */
  share: number
}>

const cases: readonly Case[] = [
  {
    name: 'mqtt 50 x 20, sync +8 ms',
    goal: 0.9,
    way: 'mqtt',
    floor: 'log',
    slowMs: 8,
    clients: 50,
    window: 20,
    share: 1,
  },
  {
    name: 'mqtt 1 x 1, plain disk',
    goal: 0.6,
    way: 'mqtt',
    floor: 'log',
    slowMs: 0,
    clients: 1,
    window: 1,
    share: 0.1,
  },
  { name: 'mllp 1 connection', goal: 0.6, way: 'mllp', floor: 'count', slowMs: 0, clients: 1, window: 1, share: 0.1 },
  {
    name: 'mllp 50 connections',
    goal: 0.6,
    way: 'mllp',
    floor: 'count',
    slowMs: 0,
    clients: 50,
    window: 1,
    share: 0.25,
  },
]

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '20000' },
    only: { type: 'string', default: '' },
  },
})
const rounds = Number(values.rounds)

const results = []
for (const one of cases.filter(({ name }) => name.includes(values.only))) {
  const row = await compare(one)
  results.push(row)
  const bare = row.bare === null ? '' : `  frames and splits only ${row.bare}/s`
  const rates = `ours ${row.ours}/s  floor ${row.floor}/s${bare}  answer p50 ${row.p50} ms p99 ${row.p99} ms`
  process.stdout.write(`${row.name.padEnd(28)} ratio ${row.ratio} (goal ${row.goal})  ${rates}\n`)
}
process.stdout.write(`${JSON.stringify({ rounds, messages: Number(values.messages), results })}\n`)

/** Ours and the floor in turns, so that both see the same machine; for MLLP also, for information, a bare server. */
async function compare(one: Case) {
  const ours: Load[] = []
  const floors: Load[] = []
  const bares: Load[] = []
  for (let round = 0; round < rounds; round++) {
    ours.push(await measure(one, 'sqlite'))
    floors.push(await measure(one, one.floor))
    if (one.way === 'mllp') bares.push(await measure(one, 'bare'))
  }
  return {
    name: one.name,
    goal: one.goal,
    ratio: Math.round(100 * median(ours.map((load, i) => rate(load) / rate(floors[i] as Load)))) / 100,
    ours: Math.round(median(ours.map(rate))),
    floor: Math.round(median(floors.map(rate))),
    bare: bares.length > 0 ? Math.round(median(bares.map(rate))) : null,
    p50: median(ours.map(load => load.p50)),
    p99: median(ours.map(load => load.p99)),
  }
}

async function measure(one: Case, store: StoreKind): Promise<Load> {
  const line = await openLine(one.way, store, one.slowMs, one.way === 'mqtt' ? one.clients : 0)
  try {
    const messages = Math.max(500, Math.round(Number(values.messages) * one.share))
    await load(one, line, Math.round(messages / 5))
    return await load(one, line, messages)
  } finally {
    await line.close()
  }
}

function rate(load: Load): number {
  return load.messages / load.seconds
}

/** One run of the load generator against a line. Every run sends messages that the line has not seen. */
async function load(one: Case, line: Line, messages: number): Promise<Load> {
  const width = one.way === 'mqtt' ? one.window : one.clients
  const offset = await line.messages()
  const args = ['bench/load.ts', one.way, line.address, String(messages), String(width), String(offset)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(line.devices))
  let text = ''
  child.stdout.on('data', chunk => {
    text += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the load failed (${one.name}, ${code})`)
  return JSON.parse(text)
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] as number
}
