/**
 * Does a row cost more when more rows wait behind it? What the engine does for a page of the drain (read it, open its rows,
 * move the cursor), with 10^3 rows in the log, with 10^4, and so on, against 10^3 in turns: two boxes are open, and each
 * sample takes 1,000 rows from the begin of the one backlog and of the other. After each sample messages come in, so that
 * the backlog stays as long as it was.
 *
 *   node bench/backlog.ts [--least 3] [--most 6] [--full] [--samples 40] [--goal 1.1] [--dir DIR]
 *
 * --least, --most: powers of ten; --full: up to 7 (27 GB, half an hour). --dir: keep the boxes there and use them again.
 * Prints a line a size and one JSON line; exits 1 where a median ratio is over the goal.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { initDemo } from '../src/cli/init.ts'
import { loadConfig } from '../src/config/load.ts'
import { EngineThread } from '../src/engine-thread.ts'
import { machine } from '../src/environment.ts'
import { limits } from '../src/limits.ts'
import { silent } from '../src/log.ts'
import { engineSettings } from '../src/main.ts'
import type { StoreStatus } from '../src/ports.ts'
import type { Sealed } from '../src/records.ts'
import { clinicArrival } from './engine.ts'
import { fillBacklog } from './fill.ts'

const { values } = parseArgs({
  options: {
    least: { type: 'string', default: '3' },
    most: { type: 'string', default: '6' },
    full: { type: 'boolean', default: false },
    samples: { type: 'string', default: '40' },
    goal: { type: 'string', default: '1.1' },
    dir: { type: 'string' },
  },
})
const [samples, goal] = [Number(values.samples), Number(values.goal)]
const most = values.full ? 7 : Number(values.most)
const sample = 1000
let messages = 1_000_000
const uplink = 'cloud'
const dir = values.dir ?? mkdtempSync(join(tmpdir(), 'cg-backlog-'))
const load = loadavg()[0]
const results = []
try {
  for (let power = Number(values.least); power <= most; power++) {
    const row = await compare(10 ** power)
    results.push(row)
    const { rows, us, least, ratio, cpu, cpuRatio } = row
    process.stdout.write(
      `${String(rows).padStart(9)} rows: ${us} us a row against ${least}, ratio ${ratio}; CPU ${cpu} us, ratio ${cpuRatio}\n`,
    )
  }
} finally {
  if (!values.dir) rmSync(dir, { recursive: true, force: true })
}
process.stdout.write(`${JSON.stringify({ bench: 'backlog', load, samples, goal, results })}\n`)
process.exitCode = results.some(({ ratio }) => ratio > goal) ? 1 : 0

type Box = Readonly<{ backlog: number; engine: EngineThread }>
/** Microseconds a row: by the clock, and of CPU over all threads. */
type Cost = Readonly<{ us: number; cpu: number }>

async function compare(rows: number) {
  const boxes = [await open('least', 10 ** 3), await open(`${rows}`, rows)] as const
  const costs: [Cost[], Cost[]] = [[], []]
  for (let n = -5; n < samples; n++) {
    for (const [i, box] of boxes.entries()) {
      await topUp(box)
      const cost = await drain(box)
      if (n >= 0) costs[i]!.push(cost)
    }
  }
  for (const { engine } of boxes) await engine.stop()
  const [least, long] = costs.map(all => ({
    us: median(all.map(({ us }) => us)),
    cpu: median(all.map(({ cpu }) => cpu)),
  }))
  const ratio = median(costs[1].map(({ us }, i) => us / costs[0][i]!.us))
  const cpuRatio = median(costs[1].map(({ cpu }, i) => cpu / costs[0][i]!.cpu))
  const figures = { us: long!.us, least: least!.us, ratio, cpu: long!.cpu, cpuRatio }
  return { rows, ...(Object.fromEntries(Object.entries(figures).map(round)) as typeof figures) }
}

async function open(name: string, backlog: number): Promise<Box> {
  const folder = join(dir, name)
  const file = join(folder, 'gateway.yaml')
  if (!existsSync(file)) {
    initDemo(folder, false)
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/budget: \w+, freeFloor: \w+/, 'budget: 100GiB, freeFloor: 1GiB'),
    )
  }
  const settings = engineSettings(loadConfig(file))
  fillBacklog(settings, backlog, machine.now())
  const engine = new EngineThread({
    entry: new URL('../src/engine-worker.ts', import.meta.url),
    data: { serve: true, settings },
    environment: machine,
    log: silent,
    onFatal: error => {
      throw error
    },
  })
  await engine.start()
  return { backlog, engine }
}

/** Takes messages until the backlog is as long as it should be. */
async function topUp({ engine, backlog }: Box): Promise<void> {
  for (;;) {
    const { seq, cursors } = await engine.ask<StoreStatus>({ ask: 'status' })
    if (seq - (cursors[0]?.through ?? 0) >= backlog) return
    const arrivals = Array.from({ length: 100 }, () => clinicArrival(messages++, 'demo-watch', machine.now()))
    await engine.ask({ ask: 'take', arrivals })
  }
}

/** What Drain asks of the engine, for `sample` rows. */
async function drain({ engine }: Box): Promise<Cost> {
  const [begin, used] = [performance.now(), process.cpuUsage()]
  let rows = 0
  while (rows < sample) {
    const maxRows = Math.min(limits.peekRows, sample - rows)
    const page = await engine.ask<Sealed[]>({ ask: 'peek', uplink, maxRows, maxBytes: limits.peekBytes })
    const through = page.at(-1)?.seq
    if (through === undefined) throw new Error('no rows')
    await engine.ask({ ask: 'settle', uplink, outcomes: [{ kind: 'delivered', through }] })
    rows += page.length
  }
  const { user, system } = process.cpuUsage(used)
  return { us: ((performance.now() - begin) * 1000) / rows, cpu: (user + system) / rows }
}

function round([name, number]: [string, number]): [string, number] {
  return [name, Math.round(number * 100) / 100]
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}
