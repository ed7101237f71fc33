/**
 * Tells a record that the cluster refuses from a topic that refuses everything: a limit set far too low, a rule that came
 * overnight. The first is parked, so that its neighbours go on; for the second hardly anything may be parked, or one wrong
 * setting would park the whole outbox, a row a second. What decides is whether the topic took another record just then.
 */
import { KiB, limits } from '../../limits.ts'
import { trouble } from './classify.ts'

/** A record that was refused alone, and the symbol of what the cluster said. */
export type Suspect = Readonly<{ seq: number; topic: string; partition: number; cause: string }>

/** A topic since it last took a record: attempts in which it took none, and after how many the next record is parked. */
type Doubt = { rounds: number; due: number }

/** Nearly all records are much smaller, so that a topic with such a limit takes them. */
const usualBytes = 64 * KiB

/** Whether a record is so large that nothing but its size need be wrong. `maxBytes`: what the topic takes. */
export function isTooLarge(bytes: number, maxBytes: number): boolean {
  return bytes > maxBytes && maxBytes >= usualBytes
}

export class Refusals {
  readonly #park: (seq: number) => void
  /** Topics that took a record in this attempt. */
  readonly #taking = new Set<string>()
  readonly #doubts = new Map<string, Doubt>()
  #suspects: readonly Suspect[] = []

  /** `park` is told of each record that is to blame itself. */
  constructor(park: (seq: number) => void) {
    this.#park = park
  }

  /** Begins an attempt to send a page, or goes on with one; what was suspected before is sent again. */
  begin(goesOn = false): void {
    if (!goesOn) this.#taking.clear()
    this.#suspects = []
  }

  /** The topic took records: what it refused in this attempt is to blame. */
  taken(topic: string): void {
    this.#taking.add(topic)
    this.#doubts.delete(topic)
    for (const one of this.#of(topic)) this.#blameRecord(one)
  }

  /** Throws UplinkError E_UPLINK_CONFIG where so many partitions refused that asking on is no use. */
  suspect(one: Suspect): void {
    if (this.#taking.has(one.topic)) {
      this.#blameRecord(one)
      return
    }
    this.#suspects = [...this.#suspects, one]
    if (this.#of(one.topic).length >= limits.suspects) throw blameTopic(one)
  }

  /**
   * Whether a suspect stands in the way of what follows in its partition. Were that sent, and the suspect too one day, readers
   * would drop it unseen: its number is below the last one. So the proof comes from before it, or from another partition.
   */
  holds(topic: string, partition: number): boolean {
    return this.#of(topic).some(one => one.partition === partition)
  }

  /**
   * Throws UplinkError E_UPLINK_CONFIG where a topic refused records and took none.
   *
   * It may have been offered no other. So that records cannot block the way for ever, the first one is parked after some
   * rounds, a second one after ten times as many, and so on: a wrong setting parks a few in a day, never the outbox.
   */
  settle(): void {
    const [first] = this.#suspects
    if (!first) return
    if (!this.#isExcused(first.topic)) throw blameTopic(first)
    this.#blameRecord(first)
  }

  #isExcused(topic: string): boolean {
    const { rounds, due } = this.#doubts.get(topic) ?? { rounds: 0, due: limits.suspectRounds }
    const isDue = rounds + 1 >= due
    this.#doubts.set(topic, isDue ? { rounds: 0, due: 10 * due } : { rounds: rounds + 1, due })
    return isDue
  }

  #blameRecord(one: Suspect): void {
    this.#suspects = this.#suspects.filter(other => other !== one)
    this.#park(one.seq)
  }

  #of(topic: string): readonly Suspect[] {
    return this.#suspects.filter(one => one.topic === topic)
  }
}

function blameTopic({ topic, cause }: Suspect): Error {
  return trouble(`ALL_${cause}`, topic)
}
