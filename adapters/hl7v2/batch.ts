/**
 * HL7 batches (HL7 v2.5.1 §2.10.3): `[FHS] {[BHS] {message} [BTS]} [FTS]` in one frame. Every message in it is taken and
 * answered for itself; header and trailer only say how many there should be.
 */
import { refuse } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import type { Issue } from '../../src/records.ts'
import { type AnswerStamp, acknowledge, batchHeader, batchTrailer } from './answer.ts'
import { formOf, leading, textOf, widthOf } from './bytes.ts'
import { type Header, readHeader } from './header.ts'

/** One batch: BHS, where it has one, its messages with memory of their own, and what is wrong with its trailer. */
export type Batch = Readonly<{
  header: Header | null
  messages: readonly Uint8Array<ArrayBuffer>[]
  issues: readonly Issue[]
}>

/** What a frame holds that begins with FHS or BHS; `header` is that segment. */
export type BatchFile = Readonly<{ header: Header; batches: readonly Batch[]; issues: readonly Issue[] }>

/** A line of the batch's own, or the first of a message; `stray`: something stands between it and the next such line. */
type Line = Readonly<{ name: string; text: string; from: number; stray: boolean }>
type Open = { header: Header | null; messages: Uint8Array<ArrayBuffer>[]; issues: Issue[] }

/**
 * Throws Refusal E_MESSAGE_PARTS where there are more messages, or more headers and trailers, than limits.hl7BatchMessages.
 * `charset`: the sender's.
 */
export function readBatch(bytes: Uint8Array, charset = ''): BatchFile {
  const header = readHeader(bytes, charset)
  const form = formOf(bytes)
  const start = leading(bytes)
  const lines = linesOf(textOf(bytes.subarray(start), form))
  if (!lines) refuse('E_MESSAGE_PARTS', header.segment ?? 'BHS')
  return { header, ...new Reader(bytes, start, widthOf(form), lines, charset).read() }
}

/**
 * The answer to a file, one text: what its messages are owed (`said`, a list for each batch), and at the end of a batch
 * or file with a wrong trailer an own `AE` with its control id in MSA-2.
 */
export function batchAnswer(file: BatchFile, said: readonly (readonly string[])[], stamp: () => AnswerStamp): string {
  const complaint = (header: Header, issues: readonly Issue[]) =>
    issues.length > 0 ? [acknowledge('AE', issues, header, stamp())] : []
  const batches = file.batches.map(({ header, issues }, i) => {
    const messages = [...(said[i] ?? []), ...complaint(header ?? file.header, issues)]
    if (!header) return messages.join('')
    return [batchHeader(header, stamp()), ...messages, batchTrailer('BTS', messages.length, header)].join('')
  })
  const all = [...batches, ...complaint(file.header, file.issues)]
  if (file.header.segment !== 'FHS') return all.join('')
  return [batchHeader(file.header, stamp()), ...all, batchTrailer('FTS', batches.length, file.header)].join('')
}

/** Goes through the lines once. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #width: 1 | 2
  readonly #lines: readonly Line[]
  readonly #charset: string
  readonly #batches: Open[] = []
  readonly #issues: Issue[] = []
  readonly #places = new Set<string>()
  #open: Open | null = null
  /** Where the message that is being read begins. */
  #from: number | null = null
  #trailers = 0
  #filed = false

  constructor(bytes: Uint8Array, start: number, width: 1 | 2, lines: readonly Line[], charset: string) {
    this.#bytes = bytes
    this.#start = start
    this.#width = width
    this.#lines = lines
    this.#charset = charset
  }

  read(): Omit<BatchFile, 'header'> {
    for (const [i, line] of this.#lines.entries()) this.#take(line, i === 0)
    this.#endMessage(Number.POSITIVE_INFINITY)
    return { batches: this.#batches, issues: this.#issues }
  }

  #take(line: Line, first: boolean): void {
    this.#endMessage(line.from)
    if (this.#filed) this.#misplaced('FTS')
    switch (line.name) {
      case 'MSH':
        this.#open ??= this.#begin(null)
        this.#from = line.from
        return
      case 'BHS':
        this.#open = this.#begin(this.#headerIn(line))
        if (line.stray) this.#misplaced('BHS')
        return
      case 'BTS':
        this.#endBatch(line)
        return
      case 'FHS':
        if (!first || line.stray) this.#misplaced('FHS')
        return
      case 'FTS':
        this.#endFile(line)
    }
  }

  #begin(header: Header | null): Open {
    const batch: Open = { header, messages: [], issues: [] }
    this.#batches.push(batch)
    return batch
  }

  /** Null where its delimiters cannot be used: its messages have their own. */
  #headerIn(line: Line): Header | null {
    const header = readHeader(this.#slice(line.from, line.from + line.text.length), this.#charset)
    if (header.delimiters) return header
    this.#misplaced('BHS')
    return null
  }

  #endMessage(to: number): void {
    if (this.#from === null) return
    this.#open?.messages.push(this.#slice(this.#from, to))
    this.#from = null
  }

  #slice(from: number, to: number): Uint8Array<ArrayBuffer> {
    const at = (character: number) => this.#start + character * this.#width
    return new Uint8Array(this.#bytes.subarray(at(from), at(to)))
  }

  #endBatch(line: Line): void {
    this.#trailers += 1
    const at = this.#trailers > 1 ? `BTS[${this.#trailers}]` : 'BTS'
    const batch = this.#open
    this.#open = null
    if (!batch || line.stray) this.#misplaced(at)
    if (batch && contradicts(line, batch.messages.length)) batch.issues.push({ code: 'E_BATCH_COUNT', at: `${at}-1` })
  }

  #endFile(line: Line): void {
    this.#open = null
    this.#filed = true
    // where there is no BHS, senders count messages (node-hl7-client does)
    const bare = this.#batches.every(({ header }) => !header)
    const messages = this.#batches.reduce((sum, batch) => sum + batch.messages.length, 0)
    const wrong = contradicts(line, this.#batches.length) && !(bare && !contradicts(line, messages))
    if (wrong) this.#issues.push({ code: 'E_BATCH_COUNT', at: 'FTS-1' })
    if (line.stray) this.#misplaced('FTS')
  }

  /** Said once for each place: a torn message is many lines. */
  #misplaced(at: string): void {
    if (this.#places.has(at)) return
    this.#places.add(at)
    this.#issues.push({ code: 'E_BATCH', at })
  }
}

const ownLines = /(?:^|[\r\n])((?:MSH|BHS|BTS|FHS|FTS)(?![A-Za-z0-9])[^\r\n]*)/g

/** Null where there are too many; no more of them are looked for. */
function linesOf(text: string): readonly Line[] | null {
  const found: RegExpExecArray[] = []
  let messages = 0
  for (const line of text.matchAll(ownLines)) {
    if (line[1]?.startsWith('MSH')) messages += 1
    found.push(line)
    if (Math.max(messages, found.length - messages) > limits.hl7BatchMessages) return null
  }
  return found.map(({ 0: whole, 1: line = '', index }, i) => {
    const from = index + whole.length - line.length
    const rest = text.slice(from + line.length, found[i + 1]?.index)
    return { name: line.slice(0, 3), text: line, from, stray: !line.startsWith('MSH') && /[^\r\n]/.test(rest) }
  })
}

/** BTS-1 and FTS-1 are optional: an empty one says nothing. */
function contradicts({ text }: Line, count: number): boolean {
  const said = (text.slice(4).split(text.charAt(3), 1)[0] as string).trim()
  return said !== '' && !(/^\d{1,9}$/.test(said) && Number(said) === count)
}
