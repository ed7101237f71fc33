/**
 * Where the engine's time goes: the share of each stage per message, for an ORU and for a tracker reading, by V8's CPU
 * profiler. Medians of `--rounds` (default 5). Prints a table and one JSON line; `us` is the time per message in
 * microseconds, measured without the profiler.
 *
 *   node bench/profile.ts [--rounds N] [--messages N] [--top N]
 *
 * --top: also the N functions that the most time is spent in.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Engine } from '../src/engine.ts'
import type { Arrival } from '../src/records.ts'
import { openEngine, oruArrival, readingArrival } from './engine.ts'

/** Stage by file and function: a sample belongs to the first row that one of its frames matches. */
const stages: readonly (readonly [stage: string, file: string, functions?: readonly string[]])[] = [
  ['splitting', 'adapters/hl7v2/message.ts'],
  ['splitting', 'adapters/hl7v2/charset.ts'],
  ['splitting', 'adapters/hl7v2/outline.ts'],
  ['splitting', 'src/fhir/json.ts', ['readJson']],
  ['translating', 'adapters/'],
  ['checking', 'src/fhir/check.ts'],
  ['signing', 'src/protect/headers.ts', ['signed']],
  ['sealing', 'src/protect/'],
  ['committing', 'src/store/'],
]

const batchSize = 100
const root = new URL('..', import.meta.url).href

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '2000' },
    top: { type: 'string', default: '0' },
  },
})

type Shares = Readonly<Record<string, number>>
type Result = Readonly<{ name: string; us: number; shares: Shares }>
type Way = Readonly<{ name: string; arrival: (n: number) => Arrival }>

const ways: readonly Way[] = [
  { name: 'ORU, 7 OBX', arrival: n => oruArrival(n) },
  { name: 'tracker reading', arrival: n => readingArrival(n) },
]

const dir = mkdtempSync(join(tmpdir(), 'cg-profile-'))
const { engine, close } = openEngine(dir)
const results: Result[] = []
for (const way of ways) results.push(await measure(way))
close()
rmSync(dir, { recursive: true, force: true })
process.stdout.write(
  `${JSON.stringify({ rounds: Number(values.rounds), messages: Number(values.messages), results })}\n`,
)

async function measure({ name, arrival }: Way): Promise<Result> {
  let next = 0
  const take = () => {
    const arrivals = Array.from({ length: Number(values.messages) }, () => arrival(next++))
    const since = performance.now()
    for (let i = 0; i < arrivals.length; i += batchSize) demandKept(engine.take(arrivals.slice(i, i + batchSize)))
    return ((performance.now() - since) / arrivals.length) * 1000
  }
  take()
  const times: number[] = []
  const profiles: Profiler.Profile[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    times.push(take())
    profiles.push(await profileOf(take))
  }
  const us = Math.round(median(times))
  const shares = medians(profiles.map(sharesOf))
  print(name, us, shares)
  for (const line of hottest(profiles, Number(values.top))) process.stdout.write(`  ${line}\n`)
  return { name, us, shares }
}

function demandKept(verdicts: ReturnType<Engine['take']>): void {
  const other = verdicts.find(({ kind }) => kind !== 'kept')
  if (other) throw new Error(`not kept: ${JSON.stringify(other)}`)
}

function print(name: string, us: number, shares: Shares): void {
  process.stdout.write(`${name}: ${us} us a message\n`)
  for (const [stage, share] of Object.entries(shares).sort(([, a], [, b]) => b - a))
    process.stdout.write(
      `  ${stage.padEnd(12)} ${(share * 100).toFixed(1).padStart(5)} %  ${Math.round(share * us)} us\n`,
    )
}

// ---------------------------------------------------------------- the profile

async function profileOf(run: () => void): Promise<Profiler.Profile> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 200 })
  await session.post('Profiler.start')
  run()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  return profile
}

function sharesOf(profile: Profiler.Profile): Shares {
  const shares: Record<string, number> = {}
  eachSample(profile, (frames, share) => {
    const stage = stageOf(frames)
    shares[stage] = (shares[stage] ?? 0) + share
  })
  return shares
}

/** Calls back with the frames of each node that was sampled, the innermost first, and its share of all samples. */
function eachSample(profile: Profiler.Profile, visit: (frames: readonly Frame[], share: number) => void): void {
  const parents = new Map(profile.nodes.flatMap(node => (node.children ?? []).map(id => [id, node] as const)))
  const total = profile.nodes.reduce((sum, node) => sum + (node.hitCount ?? 0), 0)
  for (const node of profile.nodes) {
    const frames: Frame[] = []
    for (let at: Node | undefined = node; at; at = parents.get(at.id)) frames.push(at.callFrame)
    if (node.hitCount) visit(frames, node.hitCount / total)
  }
}

type Node = Profiler.ProfileNode
type Frame = Node['callFrame']

function stageOf(frames: readonly Frame[]): string {
  if (frames[0]!.functionName === '(garbage collector)') return 'collecting'
  const row = stages.find(([, file, names]) =>
    frames.some(frame => fileOf(frame).startsWith(file) && (names?.includes(frame.functionName) ?? true)),
  )
  return row?.[0] ?? 'the rest'
}

function fileOf({ url }: Frame): string {
  return url.startsWith(root) ? url.slice(root.length) : url
}

/** The functions by the share of time that they spend themselves. */
function hottest(profiles: readonly Profiler.Profile[], count: number): string[] {
  const own = new Map<string, number>()
  for (const profile of profiles) {
    eachSample(profile, (frames, share) => {
      const place = placeOf(frames)
      own.set(place, (own.get(place) ?? 0) + share / profiles.length)
    })
  }
  const sorted = [...own].sort(([, a], [, b]) => b - a).slice(0, count)
  return sorted.map(([place, share]) => `${(share * 100).toFixed(1).padStart(5)} %  ${place}`)
}

/** Native functions have no file, so their caller is named too. */
function placeOf([frame, ...callers]: readonly Frame[]): string {
  const name = frame!.functionName || '(anonymous)'
  if (frame!.url !== '') return `${name} ${fileOf(frame!)}:${frame!.lineNumber + 1}`
  return callers.length > 1 ? `${name} in ${placeOf(callers)}` : name
}

// ---------------------------------------------------------------- figures

function medians(rows: readonly Shares[]): Shares {
  const names = [...new Set(rows.flatMap(row => Object.keys(row)))]
  return Object.fromEntries(names.map(name => [name, round(median(rows.map(row => row[name] ?? 0)))]))
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}

function round(share: number): number {
  return Math.round(share * 1000) / 1000
}
