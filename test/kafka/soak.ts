/**
 * The long run: `node test/kafka/soak.ts [--minutes 120] [--seed 1] [--short]`, which is `npm run test:soak`. A real Kafka of
 * three nodes, the packaged command at twice a clinic's rate, each minute one fault, and a healed cloud until the next. Prints a
 * JSON line a minute and what came of it; exit 1 when anything was lost, doubled or out of order, when the process held more
 * than 256 MB at any time, or when its heap or its open files grew from the first third to the last. --short: four minutes.
 *
 * A clinic's rate is ten messages a second at most (bench/outage.ts), so this sends twenty.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { root } from '../e2e/box.ts'
import { randomFrom } from '../random.ts'
import { carryOut, kinds, type Plan } from './faults.ts'
import { Lab } from './lab.ts'
import { wrongs } from './ledger.ts'
import { inLab, print } from './namespace.ts'
import { tempting } from './scenarios.ts'
import { recoveryMs, Station } from './station.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    short: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes ?? (values.short ? 4 : 120))
const minuteMs = 60_000
/** 24 senders, so twenty messages a second. */
const everyMs = 1200
const residentMB = 256
/** What thirds of the run may differ by, in MiB of live heap over all threads: less than 50 bytes a message in two hours. */
const heapMiB = 6
/** Sockets to the cloud come and go. */
const handles = 8

/** What stands a minute after a fault began and just before the next one. */
type Sample = Readonly<{ heapMiB: number; handles: number }>

await inLab(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clinic-gateway-soak-'))
  try {
    await main(packed(folder))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** The command as the package has it: emitted JavaScript, since stripping types takes 40 MB that no clinic pays. */
function packed(folder: string): string {
  const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (built.status !== 0) throw new Error('the package cannot be built')
  for (const part of ['dist', 'config', 'package.json', 'scripts/clinic-gateway.mjs', 'scripts/node-flags.mjs']) {
    cpSync(join(root, part), join(folder, part), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return join(folder, 'scripts/clinic-gateway.mjs')
}

async function main(command: string): Promise<void> {
  await using lab = await Lab.open()
  await lab.authorize('soak', true)
  const random = randomFrom(Number(values.seed))
  await using station = await Station.open(lab, 'soak', {
    line: true,
    random,
    everyMs,
    heapEveryMs: minuteMs / 2,
    command,
  })
  const other = await tempting(lab, 'soak')
  const started = performance.now()
  const samples: Sample[] = []
  const failures: string[] = []
  let longest = 0
  for (let minute = 1; minute <= minutes; minute++) {
    const plan = next(random)
    await carryOut([plan], { lab, station, other: other.port, random })
    await lab.heal()
    await lab.ready(station.topics)
    const recovered = await station.recovered()
    longest = Math.max(longest, recovered)
    if (recovered > recoveryMs) failures.push(`${plan.kind} in minute ${minute}: recovered only after ${recovered} ms`)
    await pause(Math.max(0, started + minute * minuteMs - performance.now()))
    samples.push({ heapMiB: station.heap(), handles: handlesOf(station.box.pid) })
    print({ minute, fault: plan.kind, recoveryMs: recovered, ...samples.at(-1), memoryMiB: station.memory() })
  }
  const verdict = await station.judge()
  failures.push(...wrongs(verdict))
  const { engine } = await station.status()
  if (engine.lost > 0) failures.push(`the engine was lost ${engine.lost} times`)
  if ((await other.count()) > 0) failures.push('something is written to the other cluster')
  await other.close()
  const mostMB = station.mostMemory()
  if (mostMB > residentMB) failures.push(`held ${mostMB} MB`)
  const grown = { heapMiB: growth(samples, 'heapMiB'), handles: growth(samples, 'handles') }
  if (grown.heapMiB > heapMiB) failures.push(`the heap grew by ${grown.heapMiB} MiB`)
  if (grown.handles > handles) failures.push(`${grown.handles} more files are open`)
  const figures = { minutes, ...verdict, longestRecoveryMs: longest, mostMB, grown }
  print({ test: 'soak', good: failures.length === 0, ...figures, failures })
  if (failures.length > 0) process.exitCode = 1
}

/** A fault of 5 to 25 seconds. */
function next(random: () => number): Plan {
  const kind = kinds[Math.floor(random() * kinds.length)]!
  return {
    kind,
    node: 1 + Math.floor(random() * 3),
    share: 0.1 + random() * 0.4,
    at: 0,
    during: 5000 + Math.floor(random() * 20_000),
  }
}

/** The median of the last third less that of the first; what comes before a third of a short run is warming up, too. */
function growth(samples: readonly Sample[], name: keyof Sample): number {
  const third = Math.max(1, Math.floor(samples.length / 3))
  const middle = (some: readonly Sample[]) => some.map(one => one[name]).toSorted((a, b) => a - b)[some.length >> 1]!
  return Math.round((middle(samples.slice(-third)) - middle(samples.slice(0, third))) * 10) / 10
}

function handlesOf(pid: number): number {
  return readdirSync(join('/proc', String(pid), 'fd')).length
}
