/** An engine of one log and some uplinks' places in it, as far as the way out asks it. */
import { EngineLost, type EngineThread } from '../../src/engine-thread.ts'
import type { Ask, Attachment, Stream } from '../../src/ports.ts'
import type { Outcome, Sealed } from '../../src/records.ts'

type Place = { through: number; history: { first: number; last: number } | null; to: Attachment; parked: Set<number> }

export function row(seq: number, bytes = 100): Sealed {
  const value = Buffer.alloc(bytes)
  return { seq, lane: 'data', topic: 't.fhir', key: 'k', headers: '{}', value }
}

export class FakeLog {
  readonly rows: Sealed[] = []
  readonly asked: Ask[] = []
  readonly settled: (Outcome & { stream: Stream; uplink: string })[] = []
  readonly #places = new Map<string, Place>()
  /** The uplink in use, as the store remembers it. */
  active: string | null = null
  onActivate: (uplink: string) => void = () => {}
  /** The engine does it and is lost before it answers, once. */
  loseAnswer: Ask['ask'] | null = null
  /** Rows up to this number are old enough to be left behind. */
  oldThrough = 0

  get engine(): EngineThread {
    return { ask: async (ask: Ask) => this.#ask(ask) } as unknown as EngineThread
  }

  /** Adds rows at the end of the log. */
  add(count: number, bytes?: number): void {
    for (let i = 0; i < count; i++) this.rows.push(row(this.rows.length + 1, bytes))
  }

  place(uplink: string): Place {
    const place = this.#places.get(uplink) ?? {
      through: 0,
      history: null,
      to: { cluster: null, partitions: {} },
      parked: new Set(),
    }
    this.#places.set(uplink, place)
    return place
  }

  #ask(ask: Ask): unknown {
    this.asked.push(ask)
    const answer = this.#answer(ask)
    if (this.loseAnswer !== ask.ask) return answer
    this.loseAnswer = null
    throw new EngineLost()
  }

  #answer(ask: Ask): unknown {
    switch (ask.ask) {
      case 'cursor':
        return this.#cursor(ask.uplink)
      case 'attach':
        this.place(ask.uplink).to = ask.to
        return null
      case 'peek':
        return this.#peek(ask.uplink, ask.stream ?? 'live', ask.maxRows, ask.maxBytes)
      case 'settle':
        for (const outcome of ask.outcomes) this.#settle(ask.uplink, ask.stream ?? 'live', outcome)
        return null
      case 'activate':
        this.active = ask.uplink
        this.onActivate(ask.uplink)
        return null
      case 'status':
        return { active: this.active }
      case 'leaveBehind':
        return this.#leaveBehind(this.place(ask.uplink))
      default:
        return null
    }
  }

  #cursor(uplink: string) {
    const { through, history, to, parked } = this.place(uplink)
    return { uplink, through, parked: parked.size, history: history ? history.last - history.first + 1 : 0, ...to }
  }

  #peek(uplink: string, stream: Stream, maxRows: number, maxBytes: number): Sealed[] {
    const { through, history, parked } = this.place(uplink)
    const from = stream === 'live' ? through + 1 : (history?.first ?? Number.POSITIVE_INFINITY)
    const to = stream === 'live' ? Number.POSITIVE_INFINITY : (history?.last ?? 0)
    const found = this.rows.filter(({ seq }) => seq >= from && seq <= to && !parked.has(seq)).slice(0, maxRows)
    let bytes = 0
    return found.filter(({ value }, i) => {
      bytes += value?.length ?? 0
      return i === 0 || bytes <= maxBytes
    })
  }

  #settle(uplink: string, stream: Stream, outcome: Outcome): void {
    this.settled.push({ ...outcome, stream, uplink })
    const place = this.place(uplink)
    if (outcome.kind === 'unsendable') place.parked.add(outcome.seq)
    if (outcome.kind !== 'delivered') return
    if (stream === 'live') place.through = outcome.through
    else if (place.history) {
      place.history.first = outcome.through + 1
      if (place.history.first > place.history.last) place.history = null
    }
  }

  #leaveBehind(place: Place): boolean {
    if (place.through >= this.oldThrough) return false
    place.history = { first: place.through + 1, last: this.rows.length }
    place.through = this.rows.length
    return true
  }
}
