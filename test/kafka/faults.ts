/** Faults that begin and end, and may overlap: what random schedules are made of. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Fault, produceApi } from '../net/kafka-proxy.ts'
import type { Lab } from './lab.ts'
import { setLoss } from './loss.ts'
import type { Station } from './station.ts'

export const kinds = [
  'kill',
  'killTwo',
  'restart',
  'silent',
  'leaders',
  'quota',
  'revoked',
  'cut',
  'dead',
  'loss',
  'late',
  'slow',
  'otherCluster',
  'otherAtOne',
  'cutBefore',
  'cutAfter',
  'mute',
  'swallow',
] as const
export type Kind = (typeof kinds)[number]

/** `at` and `during` in milliseconds; `share` of the requests. All is drawn for every kind, so that schedules stay as they were. */
export type Plan = Readonly<{ kind: Kind; node: number; share: number; at: number; during: number }>

/** Where faults are done: the lab, a box in it, the port of the second cluster. */
export type Place = Readonly<{ lab: Lab; station: Station; other: number; random: () => number }>

type Act = Readonly<{
  begin: (plan: Plan, place: Place, active: Active) => unknown
  end?: (plan: Plan, place: Place, active: Active) => unknown
}>

const lies: Act = {
  begin: (plan, _place, active) => active.add(plan),
  end: (plan, _place, active) => active.remove(plan),
}

const pair = (node: number): readonly number[] => [node, (node % 3) + 1]

const acts: Readonly<Record<Kind, Act>> = {
  kill: {
    begin: ({ node }, { lab }) => lab.node(node).kill(),
    end: ({ node }, { lab }) => lab.up(node),
  },
  killTwo: {
    begin: ({ node }, { lab }) => Promise.all(pair(node).map(id => lab.node(id).kill())),
    end: ({ node }, { lab }) => Promise.all(pair(node).map(id => lab.up(id))),
  },
  restart: {
    begin: ({ node }, { lab }) => lab.node(node).term(),
    end: ({ node }, { lab }) => lab.up(node),
  },
  silent: {
    begin: ({ node }, { lab }) => lab.node(node).pause(),
    end: ({ node }, { lab }) => lab.node(node).resume(),
  },
  leaders: { begin: (_plan, { lab, station }) => lab.moveLeaders(`${station.prefix}.fhir`) },
  quota: {
    begin: (_plan, { lab }) => lab.quota(3000),
    end: (_plan, { lab }) => lab.quota(null),
  },
  revoked: {
    begin: (_plan, { lab, station }) => lab.authorize(station.prefix, false),
    end: (_plan, { lab, station }) => lab.authorize(station.prefix, true),
  },
  cut: { begin: (_plan, { lab }) => lab.cut() },
  dead: {
    begin: (plan, { lab }, active) => {
      active.add(plan)
      lab.line.forget()
    },
    end: lies.end!,
  },
  loss: lies,
  late: lies,
  slow: lies,
  otherCluster: lies,
  otherAtOne: lies,
  cutBefore: lies,
  cutAfter: lies,
  mute: lies,
  swallow: lies,
}

const spoilers: ReadonlySet<string> = new Set<Fault>(['cutBefore', 'cutAfter', 'mute', 'swallow'])

/** What lies on the requests and on the line at the moment. */
class Active {
  readonly #plans = new Set<Plan>()
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  add(plan: Plan): void {
    this.#plans.add(plan)
    this.#apply()
  }

  remove(plan: Plan): void {
    this.#plans.delete(plan)
    this.#apply()
  }

  #has(kind: Kind): boolean {
    return [...this.#plans].some(plan => plan.kind === kind)
  }

  #apply(): void {
    const { lab, other } = this.#place
    lab.line.latencyMs = this.#has('late') ? 600 : 0
    lab.line.bitsPerSecond = this.#has('slow') ? 64_000 : Number.POSITIVE_INFINITY
    lab.line.deadForNew = this.#has('dead')
    setLoss(this.#has('loss') ? 20 : 0)
    lab.lead(this.#has('otherCluster') ? [1, 2, 3] : this.#has('otherAtOne') ? [1] : [], other)
    lab.spoil(apiKey => this.#fault(apiKey))
  }

  #fault(apiKey: number): Fault {
    const hit = [...this.#plans].find(
      ({ kind, share }) => spoilers.has(kind) && this.#place.random() < (apiKey === produceApi ? share : share / 5),
    )
    return hit ? (hit.kind as Fault) : 'forward'
  }
}

/** Draws 3 to 6 faults that begin within five seconds and last up to four. */
export function draw(random: () => number): readonly Plan[] {
  const plans = Array.from({ length: 3 + Math.floor(random() * 4) }, () => ({
    kind: kinds[Math.floor(random() * kinds.length)]!,
    node: 1 + Math.floor(random() * 3),
    share: round(0.1 + random() * 0.4, 2),
    at: round(random() * 5000, -2),
    during: round(300 + random() * 3700, -2),
  }))
  return plans.sort((a, b) => a.at - b.at)
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}

/** Carries out a schedule. Afterwards everything is healed but for the nodes of the lab (Lab.heal). */
export async function carryOut(plans: readonly Plan[], place: Place): Promise<void> {
  const active = new Active(place)
  await Promise.all(plans.map(plan => one(plan, place, active)))
}

async function one(plan: Plan, place: Place, active: Active): Promise<void> {
  const { begin, end } = acts[plan.kind]
  await pause(plan.at)
  try {
    await begin(plan, place, active)
  } catch {
    return // a cluster that is down by another fault takes no orders
  }
  await pause(plan.during)
  if (end) await insist(() => end(plan, place, active))
}

/** A fault must end, even where the cluster is not ready to hear of it yet. */
async function insist(work: () => unknown): Promise<void> {
  for (let left = 20; ; left--) {
    try {
      return void (await work())
    } catch (error) {
      if (left === 0) throw error
      await pause(1000)
    }
  }
}
