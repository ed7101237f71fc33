/**
 * Breaks the cloud and the line on purpose: `node test/kafka/kafka.ts [--short] [--only TEXT] [--seeds N] [--no-control]`,
 * which is `npm run test:kafka`. A real Kafka of three nodes, the real gateway under load from MLLP and MQTT. Prints one
 * JSON line a scenario and ends with 1 when anything was lost, doubled, out of order, slow to recover, or grew.
 *
 * The control sends several partitions in one call of the client, as its README shows; the rolling restart must then lose.
 * docs/internals/testing.md has the figures.
 */
import { parseArgs } from 'node:util'
import { randomFrom } from '../random.ts'
import { Lab } from './lab.ts'
import { type Verdict, wrongs } from './ledger.ts'
import { inLab, print } from './namespace.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import { kept, runSeeds, seedsFrom } from './seeds.ts'
import { recoveryMs, Station } from './station.ts'

const memoryMiB = 64
/** Whether a call is under way when a leader goes is chance: the control is played again until it has lost, so often at most. */
const controlRounds = 5

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    control: { type: 'boolean', default: true },
    seeds: { type: 'string' },
  },
  allowNegative: true,
})

await inLab(main)

async function main(): Promise<void> {
  await using lab = await Lab.open()
  const chosen = scenarios.filter(({ name, short }) => (values.short ? short : true) && name.includes(values.only))
  for (const [n, scenario] of chosen.entries()) {
    await play(lab, scenario, `s${n}`)
    if (values.control && scenario.control) await control(lab, scenario, `c${n}`)
  }
  const seeds = Number(values.seeds ?? (values.short ? 5 : 10))
  const numbers = [...(values.short ? [] : kept), ...seedsFrom(1, seeds)]
  if (!values.only && seeds > 0 && (await runSeeds(lab, numbers)) > 0) process.exitCode = 1
}

/** The same with a careless uplink: what is lost must be seen. */
async function control(lab: Lab, { name, line = false, run }: Scenario, prefix: string): Promise<void> {
  const random = randomFrom(1)
  const preload = ['test/kafka/with-careless.ts']
  await using station = await Station.open(lab, prefix, { line, preload, random })
  const ignore = () => undefined
  let [good, rounds] = [false, 0]
  let verdict: Verdict | null = null
  while (!good && rounds++ < controlRounds) {
    await run({ lab, station, short: values.short, random, check: ignore, letGo: ignore })
    await station.recovered()
    verdict = await station.judge()
    good = verdict.lost > 0 && verdict.missing > 0
  }
  print({ scenario: name, control: true, good, rounds, ...verdict })
  if (!good) process.exitCode = 1
}

async function play(lab: Lab, scenario: Scenario, prefix: string): Promise<void> {
  const { name, line = false } = scenario
  const why = scenario.missing?.() ?? null
  if (why !== null) return print({ scenario: name, skipped: why })
  const random = randomFrom(1)
  const failures: string[] = []
  const check = (holds: boolean, what: string) => {
    if (!holds) failures.push(`not so: ${what}`)
  }
  const started = performance.now()
  let figures: object = {}
  try {
    await using station = await Station.open(lab, prefix, { line, random })
    let gone = 0
    const letGo = (through: number) => {
      gone = through
    }
    await scenario.run({ lab, station, short: values.short, random, check, letGo })
    await lab.ready(station.topics)
    const recovered = await station.recovered()
    check(recovered <= recoveryMs, `recovered in ${recoveryMs} ms`)
    const verdict = await station.judge(gone)
    failures.push(...wrongs(verdict))
    const grown = station.memoryGrowth
    check(grown <= memoryMiB, `memory is flat`)
    figures = { ...verdict, recoveryMs: recovered, memoryMiB: station.memory(), grownMiB: grown }
  } catch (error) {
    failures.push(String(error))
  }
  await lab.heal().catch(error => failures.push(String(error)))
  const took = Math.round((performance.now() - started) / 1000)
  print({ scenario: name, good: failures.length === 0, ...figures, seconds: took, failures })
  if (failures.length > 0) process.exitCode = 1
}
