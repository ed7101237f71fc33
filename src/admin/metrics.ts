/** Counters and gauges for /metrics (prom-client): base units, labels from closed sets, never an identifier. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { errorRow, errors } from '../errors.ts'
import type { StoreStatus } from '../ports.ts'
import type { Code, Ms, Verdict } from '../records.ts'

export type SourceView = Readonly<{ name: string; lastAt: Ms | null; received: number; refused: number }>

type UplinkGauges = Readonly<{
  name: string
  state: string
  inUse: boolean
  sent: number
  sentBytes: number
  history: number
  parked: number
}>

const uplinkStates = ['up', 'down', 'stopped', 'standby']

/** What a scrape shows beside the counters. */
export type Gauges = Readonly<{
  store: StoreStatus
  oldestSeconds: number
  uplinks: readonly UplinkGauges[]
  alarms: readonly Readonly<{ code: Code }>[]
}>

const prefix = 'clinic_gateway_'

export class Metrics {
  readonly #registry = new Registry()
  readonly #now: () => Ms
  readonly #sources = new Map<string, { lastAt: Ms | null; received: number; refused: number }>()
  readonly #received: Counter
  readonly #refused: Counter
  readonly #held: Counter
  readonly #duration: Histogram
  readonly #gauges: Readonly<Record<string, Gauge>>

  /** `sources`: the names of the configured sources, so that a silent one shows as zero. */
  constructor(sources: readonly string[], now: () => Ms) {
    this.#now = now
    const counter = (name: string, help: string, labelNames: string[]) =>
      new Counter({ name: prefix + name, help, labelNames, registers: [this.#registry] })
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name: prefix + name, help, labelNames, registers: [this.#registry] })
    this.#received = counter('received_messages_total', 'Messages taken off the wire.', ['source'])
    this.#refused = counter('refused_messages_total', 'Messages and connections refused.', ['source', 'code'])
    this.#held = counter('held_messages_total', 'Messages held for a person.', ['source', 'code'])
    this.#duration = new Histogram({
      name: `${prefix}answer_duration_seconds`,
      help: 'From the whole message to its verdict.',
      labelNames: ['source'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers: [this.#registry],
    })
    this.#gauges = {
      rows: gauge('outbox_rows', 'Records that an uplink has not acknowledged.'),
      bytes: gauge('outbox_bytes', 'Their bytes.'),
      oldest: gauge('outbox_oldest_seconds', 'Age of the oldest of them.'),
      used: gauge('store_used_bytes', 'Bytes of the database.'),
      budget: gauge('store_budget_bytes', 'The most it may take.'),
      held: gauge('held_messages', 'Messages held now.'),
      worklist: gauge('worklist_rows', 'Local codes without a mapping.'),
      up: gauge('uplink_up', '1 while the uplink works.', ['uplink']),
      state: gauge('uplink_state', '1 for the state that it is in.', ['uplink', 'state']),
      inUse: gauge('uplink_in_use', '1 for each that is sent to, or would be if it were up.', ['uplink']),
      sent: gauge('uplink_sent_records', 'Records acknowledged since the start.', ['uplink']),
      sentBytes: gauge('uplink_sent_bytes', 'Their bytes: key, headers and value.', ['uplink']),
      history: gauge('uplink_history_records', 'Records of past outages that go out beside what is new.', ['uplink']),
      parked: gauge('uplink_parked_records', 'Records that the uplink refused.', ['uplink']),
      alarm: gauge('alarm', '1 while the alarm is on.', ['code']),
      memory: gauge('process_resident_memory_bytes', 'Resident memory.'),
    }
    for (const source of sources) {
      this.#sources.set(source, { lastAt: null, received: 0, refused: 0 })
      this.#received.inc({ source }, 0)
    }
  }

  received(source: string): void {
    const view = this.#view(source)
    view.received += 1
    view.lastAt = this.#now()
    this.#received.inc({ source })
  }

  answered(source: string, verdict: Verdict, ms: Ms): void {
    this.#duration.observe({ source }, ms / 1000)
    if (verdict.kind === 'never') this.refused(source, verdict.issues[0]?.code ?? 'E_INTERNAL')
    if (verdict.kind === 'later') this.refused(source, verdict.code)
    if (verdict.kind === 'held') this.#held.inc({ source, code: known(heldRule(verdict)) })
  }

  refused(source: string, code: Code): void {
    this.#view(source).refused += 1
    this.#refused.inc({ source, code: known(code) })
  }

  sources(): SourceView[] {
    return [...this.#sources].map(([name, view]) => ({ name, ...view }))
  }

  /** The text of /metrics. */
  async text(gauges: Gauges): Promise<string> {
    const { store } = gauges
    const values = {
      rows: store.pending,
      bytes: store.pendingBytes,
      oldest: gauges.oldestSeconds,
      used: store.usedBytes,
      budget: store.budget,
      held: store.held,
      worklist: store.worklist,
      memory: process.memoryUsage.rss(),
    }
    for (const [name, value] of Object.entries(values)) this.#gauges[name]?.set(value)
    for (const uplink of gauges.uplinks) this.#show(uplink)
    this.#gauges.alarm?.reset()
    for (const alarm of gauges.alarms) this.#gauges.alarm?.set({ code: known(alarm.code) }, 1)
    return this.#registry.metrics()
  }

  #show({ name, state, inUse, sent, sentBytes, history, parked }: UplinkGauges): void {
    const values = { up: state === 'up' ? 1 : 0, inUse: inUse ? 1 : 0, sent, sentBytes, history, parked }
    for (const [gauge, value] of Object.entries(values)) this.#gauges[gauge]?.set({ uplink: name }, value)
    for (const one of uplinkStates) this.#gauges.state?.set({ uplink: name, state: one }, one === state ? 1 : 0)
  }

  #view(source: string): { lastAt: Ms | null; received: number; refused: number } {
    const view = this.#sources.get(source) ?? { lastAt: null, received: 0, refused: 0 }
    this.#sources.set(source, view)
    return view
  }
}

function known(code: Code): Code {
  return code in errors ? code : 'E_INTERNAL'
}

function heldRule(verdict: Extract<Verdict, { issues: unknown }>): Code {
  return verdict.issues.find(issue => errorRow(issue.code).class === 'held')?.code ?? 'E_INTERNAL'
}
