/** One frame: its message, or the messages of its batch, to the intake in order, and back what their sender is owed. */
import type { Environment } from '../../src/environment.ts'
import { Refusal, refuse } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import type { Intake, SenderProfile } from '../../src/ports.ts'
import type { Arrival, Issue, Ms, Verdict } from '../../src/records.ts'
import { type AnswerStamp, answers, framed, refusals } from './answer.ts'
import { type BatchFile, batchAnswer, readBatch } from './batch.ts'
import { checkHeader, type Header, readHeader } from './header.ts'
import type { Reply } from './session.ts'

/** Answers that a message is owed, none where it asks for none; null: `later`. */
type Owed = readonly string[] | null

/** What the messages of a batch know of those before them. */
type Batch = { full: Verdict | null }

export class Exchange {
  readonly #source: string
  readonly #intake: Intake
  readonly #environment: Environment
  /** Bytes of the batches in hand. */
  #held = 0

  /** `source`: the name under which messages and refusals are counted. */
  constructor(source: string, { intake, environment }: Readonly<{ intake: Intake; environment: Environment }>) {
    this.#source = source
    this.#intake = intake
    this.#environment = environment
  }

  /** Takes a frame of `sender` (null: unknown) to its reply. A batch goes on while it is `wanted`. Never rejects. */
  async take(bytes: Uint8Array<ArrayBuffer>, sender: SenderProfile | null, wanted: () => boolean): Promise<Reply> {
    const header = readHeader(bytes, sender?.charset)
    if (!sender) return { bytes: framed(this.#refused([{ code: 'E_SENDER', at: '' }], header), header), last: true }
    const isBatch = header.segment !== null && header.segment !== 'MSH' && header.delimiters !== null
    const owed = await (isBatch
      ? this.#hold(bytes.length, () => this.#takeBatch(bytes, header, sender, wanted))
      : this.#takeMessage(bytes, header, sender))
    return owed && { bytes: framed(owed, header), last: false }
  }

  /** Batches wait here, message for message, and not in the intake: what they take together has a limit of its own. */
  async #hold(bytes: number, work: () => Promise<Owed>): Promise<Owed> {
    if (this.#held > 0 && this.#held + bytes > limits.inFlightBytes) {
      this.#count('E_BUSY')
      return null
    }
    this.#held += bytes
    try {
      return await work()
    } finally {
      this.#held -= bytes
    }
  }

  async #takeMessage(
    bytes: Uint8Array<ArrayBuffer>,
    header: Header,
    sender: SenderProfile,
    batch: Batch = { full: null },
  ): Promise<Owed> {
    if (isAcknowledgement(header)) return this.#swallowed()
    const arrival = attempt(() => this.#arrival(bytes, header, sender))
    if (arrival instanceof Refusal) return this.#refused(arrival.issues, header)
    const verdict = batch.full ?? (await this.#intake.take(arrival))
    if (verdict.kind === 'later') batch.full = verdict
    return answers(verdict, header, sender.whenFull, this.#stamp)
  }

  /**
   * One after the other, so that they are taken in their order: a message that must wait would otherwise be passed by the
   * next one. Where one found no room, those after it find none. What was taken before a batch is broken off is ours; sent
   * again, it is known.
   */
  async #takeBatch(
    bytes: Uint8Array<ArrayBuffer>,
    header: Header,
    sender: SenderProfile,
    wanted: () => boolean,
  ): Promise<Owed> {
    const file = attempt(() => readBatch(bytes, sender.charset))
    if (file instanceof Refusal) return this.#refused(file.issues, header)
    const said: string[][] = []
    const batch: Batch = { full: null }
    for (const { messages } of file.batches) {
      const owed: string[] = []
      said.push(owed)
      for (const message of messages) {
        if (!wanted()) return null
        const one = await this.#takeMessage(message, readHeader(message, sender.charset), sender, batch)
        if (!one) return null
        owed.push(...one)
      }
    }
    this.#countFaults(file)
    return [batchAnswer(file, said, this.#stamp)]
  }

  #countFaults(file: BatchFile): void {
    for (const { code } of [...file.batches.flatMap(({ issues }) => issues), ...file.issues]) this.#count(code)
  }

  /** What never becomes an arrival, counted here because the intake does not see it. */
  #refused(issues: readonly Issue[], header: Header): readonly string[] {
    for (const { code } of issues) this.#count(code)
    return refusals(issues, header, this.#stamp)
  }

  /** A sender that acknowledges our acknowledgement: answered, two systems would never stop. */
  #swallowed(): readonly string[] {
    this.#count('E_ACK')
    return []
  }

  #count(code: Issue['code']): void {
    this.#intake.refused(this.#source, code)
  }

  /** MSH-10 of the answer: at most 20 characters before HL7 v2.7. */
  readonly #stamp = (): AnswerStamp => ({
    controlId: this.#environment.random(10).toString('hex'),
    at: this.#environment.now(),
  })

  /** The message as the intake takes it. Throws Refusal for what the wire refuses already. */
  #arrival(bytes: Uint8Array<ArrayBuffer>, header: Header, sender: SenderProfile): Arrival {
    checkHeader(header)
    const receivedAt: Ms = this.#environment.now()
    return {
      source: this.#source,
      sender: sender.name,
      format: 'hl7v2',
      messageId: controlIdOf(header),
      mode: modeOf(header, sender),
      receivedAt,
      clockTrusted: true,
      meta: { type: typeOf(header), version: shaped(/^2\.\d(?:\.\d){0,2}$/, header.component(12, 1)) },
      bytes,
    }
  }
}

/** The value, or the Refusal that was thrown. */
function attempt<T>(make: () => T): T | Refusal {
  try {
    return make()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

const isAcknowledgement = (header: Header): boolean => header.segment === 'MSH' && header.component(9, 1) === 'ACK'

/** MSH-10 as received. Throws Refusal E_NO_CONTROL_ID: without it the sender could not tell what the answer is for. */
function controlIdOf(header: Header): string {
  const id = header.field(10)
  return /^(?:""|\s*)$/.test(id) ? refuse('E_NO_CONTROL_ID', 'MSH-10') : id
}

/**
 * HL7 table 0103: P is live, T and D are test. Empty is live, and the translator flags it. Throws Refusal
 * E_PROCESSING_ID for anything else, since what does not say that it is real must not become somebody's record, and for
 * tests where the profile refuses them.
 */
function modeOf(header: Header, sender: SenderProfile): Arrival['mode'] {
  const id = header.component(11, 1).trim().toUpperCase()
  if (id === 'P' || id === '') return 'live'
  const test = id === 'T' || id === 'D'
  return test && sender.test === 'topic' ? 'test' : refuse('E_PROCESSING_ID', 'MSH-11')
}

const typeOf = (header: Header): string =>
  [1, 2].map(component => shaped(/^[A-Z][A-Z0-9]{2}$/, header.component(9, component))).join('^')

/** Facts of the wire never carry free text of the message. */
const shaped = (pattern: RegExp, text: string): string => (pattern.test(text) ? text : '?')
