/**
 * Breaks the box on purpose: `node test/crash/crash.ts [--kind kill|engine|file|power|all] [--cycles N] [--seed S]
 * [--control]`. Each kind prints one JSON line; exit 1 when anything was lost, doubled, out of order, torn or unsound.
 *
 * kill     SIGKILL at random moments under load from all three ways in, restart on the same data
 * engine   the engine's thread dies in the middle of its batches, over and over; the process never does
 * file     SIGKILL just after the uplink's file grew, with large records; half of the files get a torn line besides
 * power    the plug is pulled (power-cut.ts), and its control run with synchronous = NORMAL, which must lose rows
 *
 * --control shows that the harness can see: `kill` then runs a store that answers before it writes and must lose,
 * `engine` sends pairs the wrong way round, which must show as order, and `file` spoils the finished files in five ways
 * that must all be found. docs/internals/testing.md has the figures.
 */
import { spawnSync } from 'node:child_process'
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Box, pause } from '../e2e/box.ts'
import { heartRate, oru, temperature } from '../e2e/messages.ts'
import { fhir, mllp, mqttOnce } from '../e2e/senders.ts'
import { randomFrom } from '../random.ts'
import { poison } from './engine-entry.ts'
import { type Judgement, judge, misses } from './judge.ts'
import { Load, type LoadOptions } from './load.ts'

const { values } = parseArgs({
  options: {
    kind: { type: 'string', default: 'all' },
    cycles: { type: 'string' },
    seed: { type: 'string', default: '1' },
    control: { type: 'boolean', default: false },
  },
})

/** Cycles of the short run that CI does; about two minutes in all. */
const short = { kill: 8, engine: 12, file: 12, power: 6 }
type Kind = keyof typeof short

const patients = 4
const random = randomFrom(Number(values.seed))
const between = (least: number, most: number) => least + random() * (most - least)

/** A report is a line of output; `good` decides the exit code. */
type Report = Readonly<{ good: boolean; line: object }>

const kinds: Readonly<Record<Kind, (cycles: number) => Promise<Report>>> = {
  kill: cycles => killed(cycles, {}),
  engine: poisoned,
  file: torn,
  power: async cycles => powerCut(cycles),
}

const chosen = Object.keys(kinds).filter(kind => values.kind === 'all' || values.kind === kind) as Kind[]
if (chosen.length === 0) throw new Error(`no such kind: ${values.kind}`)
for (const kind of chosen) {
  const cycles = Number(values.cycles ?? short[kind])
  const started = performance.now()
  const { good, line } = await kinds[kind](cycles)
  const seconds = Math.round((performance.now() - started) / 1000)
  process.stdout.write(`${JSON.stringify({ test: kind, control: values.control, cycles, good, ...line, seconds })}\n`)
  if (!good) process.exitCode = 1
}

/** kill -9 of the process at random moments. */
async function killed(cycles: number, more: Partial<LoadOptions>): Promise<Report> {
  if (values.control) process.env.CRASH_ENGINE = 'early'
  const preload = values.control ? ['test/crash/with-engine.ts'] : []
  await using box = await Box.run({ preload })
  const load = new Load(box, { patients, everyMs: 15, random, ...more })
  await load.start()
  for (let n = 0; n < cycles; n++) {
    await pause(between(50, 900))
    await box.kill()
    await box.start()
  }
  const verdict = await settle(box, load)
  const good = values.control ? verdict.lost > 0 : misses(verdict).length === 0 && verdict.answered > cycles
  return report(good, load, verdict)
}

/** The engine's thread dies; its process goes on, poisonous messages end held, all others are kept. */
async function poisoned(cycles: number): Promise<Report> {
  await using box = await Box.run({ preload: ['test/crash/with-engine.ts'] })
  const load = new Load(box, { patients, everyMs: 5, random, reversed: values.control })
  await load.start()
  let positive = 0
  for (let n = 0; n < cycles; n++) {
    await pause(between(50, 600))
    if (await sendPoison(box, n)) positive += 1
  }
  const { engine } = await box.status()
  const verdict = await settle(box, load)
  await box.start()
  const { held } = await box.status()
  const rows = await box.cliJson<{ rule: string }[]>('held', 'list')
  const killers = rows.filter(row => row.rule === 'E_KILLER').length
  const isHeld = positive === cycles && killers === cycles && held === cycles && engine.lost >= cycles
  const good = isHeld && (values.control ? verdict.unordered > 0 : misses(verdict).length === 0)
  return report(good, load, verdict, {
    poisons: cycles,
    positive,
    heldAsKiller: killers,
    enginesLost: engine.lost,
  })
}

/** One poisonous message, by each way in turn. True for a positive answer: it is ours now, and held. */
async function sendPoison(box: Box, n: number): Promise<boolean> {
  const number = 1_000_000 + n
  if (n % 3 === 0)
    return (await mllp(box.listen.mllp, oru('MRN-770', `P${n}`, number, `NTE|1|L|${poison}`)))?.code === 'AA'
  if (n % 3 === 1) {
    const payload = heartRate(number, 70, 'beats/min', { user_notes: poison })
    return (await mqttOnce(box.listen.mqtt, box.secret('demo-watch'), payload))?.reason === 0
  }
  const body = { ...temperature('MRN-770', `P${n}`, number), note: [{ text: poison }] }
  return (await fhir(box.listen.fhir, box.secret('demo-http').token, body, { key: `poison-${n}` })).status === 202
}

/** Kills while the uplink writes; after every other one the file ends in the middle of a line, as a power cut leaves it. */
async function torn(cycles: number): Promise<Report> {
  await using box = await Box.run()
  const load = new Load(box, { patients, everyMs: 15, words: 4000, random })
  await load.start()
  let tears = 0
  for (let n = 0; n < cycles; n++) {
    await pause(between(20, 300))
    await grown(box)
    await pause(between(0, 4))
    await box.kill()
    if (n % 2 === 1) tears += Number(tear(box))
    await box.start()
  }
  const verdict = await settle(box, load)
  if (values.control) return await spoiled(box, load, verdict)
  return report(misses(verdict).length === 0 && tears > 0, load, verdict, { tears })
}

function dataFile(box: Box): string {
  return join(box.out, 'demo.fhir.ndjson')
}

function size(box: Box): number {
  return statSync(dataFile(box), { throwIfNoEntry: false })?.size ?? 0
}

async function grown(box: Box): Promise<void> {
  for (const before = size(box); size(box) === before; ) await pause(0)
}

/** Adds the beginning of a line, cut at a random byte. */
function tear(box: Box): boolean {
  const lines = readFileSync(dataFile(box), 'utf8').trimEnd().split('\n')
  const line = lines.at(-1) ?? ''
  appendFileSync(dataFile(box), line.slice(0, Math.floor(between(1, line.length))))
  return line !== ''
}

/** Five ways in which a finished file may be wrong; the judge must see each. */
async function spoiled(box: Box, load: Load, sound: Judgement): Promise<Report> {
  const whole = readFileSync(dataFile(box), 'utf8').trimEnd().split('\n')
  const at = whole.findLastIndex(line => line.includes('"cg-type":"Observation"'))
  const before = whole.findLastIndex((line, i) => i < at && line.includes('"cg-type":"Observation"'))
  const changed = whole[at]!.replace(/"lastUpdated"|"status":"final"/, match => match.toUpperCase())
  const ways: Readonly<Record<string, readonly string[]>> = {
    lost: whole.toSpliced(at, 1),
    repeatedRows: whole.toSpliced(at, 0, whole[at]!),
    unsound: whole.with(at, changed),
    torn: whole.with(-1, whole.at(-1)!.slice(0, -20)),
    // the reader takes a row below its mark for a repeat, so order shows as loss
    swapped: whole.with(at, whole[before]!).with(before, whole[at]!),
  }
  const seen: Record<string, string> = {}
  for (const [way, lines] of Object.entries(ways)) {
    writeFileSync(dataFile(box), `${lines.join('\n')}${way === 'torn' ? '' : '\n'}`)
    seen[way] = misses(await judge(box, load.diary, patients)).join(', ')
  }
  const good = misses(sound).length === 0 && Object.values(seen).every(text => text !== '')
  return { good, line: { answered: sound.answered, seen } }
}

/** The plug: H6's harness as it is, then its control, each printing its own line. */
function powerCut(cycles: number): Report {
  const run = (...more: readonly string[]) => {
    const script = new URL('./power-cut.ts', import.meta.url).pathname
    const child = spawnSync(process.execPath, [script, ...more], { encoding: 'utf8' })
    return { code: child.status, line: JSON.parse(child.stdout.trim() || '{}') as Record<string, unknown> }
  }
  const real = run('--cycles', String(cycles))
  if (real.line.skipped) return { good: true, line: { skipped: real.line.skipped } }
  const control = run('--control', '--pause', '20', '--cycles', String(Math.min(cycles, 3)))
  const good = real.code === 0 && control.code === 0
  const { acknowledged, lost, damaged, newEpochs } = real.line
  return { good, line: { acknowledged, lost, damaged, newEpochs, controlLost: control.line.lost } }
}

/** Everything answered and drained, then an orderly stop; the verdict of the judge. */
async function settle(box: Box, load: Load): Promise<Judgement> {
  await load.stop()
  await box.drained()
  const code = await box.term()
  if (code !== 0) throw new Error(`the gateway stopped with ${code}`)
  return judge(box, load.diary, patients)
}

function report(good: boolean, load: Load, verdict: Judgement, more: object = {}): Report {
  const longest = Math.max(...load.diary.map(({ sent, answered }) => answered - sent))
  return { good, line: { ...verdict, unanswered: load.unanswered, longestAnswerMs: Math.round(longest), ...more } }
}
