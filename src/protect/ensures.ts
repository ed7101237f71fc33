/** What was ensured lately: the same content is sent once in 24 hours (DESIGN §4, Verbs). Bounded, MACs only. */
import { limits } from '../limits.ts'
import type { Ms } from '../records.ts'

/** One `ensure` or `delete` on its way to the disk; `mac` null forgets what was ensured there. */
export type Ensured = Readonly<{ place: string; mac: string | null; at: Ms }>

export class Ensures {
  readonly #sent = new Map<string, Ensured>()

  /** Whether this content went out at that place within 24 hours. */
  knows({ place, mac, at }: Ensured): boolean {
    const known = this.#sent.get(place)
    return known !== undefined && known.mac === mac && Math.abs(at - known.at) < limits.ensureMs
  }

  /** Takes over what is on disk now; the oldest fall out. */
  remember(ensured: Ensured): void {
    this.#sent.delete(ensured.place)
    if (ensured.mac === null) return
    this.#sent.set(ensured.place, ensured)
    if (this.#sent.size > limits.ensureInMemory) this.#sent.delete(this.#sent.keys().next().value!)
  }
  /** Forgets everything: what comes is said anew. */
  forget(): void {
    this.#sent.clear()
  }
}
