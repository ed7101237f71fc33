/** What the tests of the MLLP wire share: a listener on a free port, a fake intake, a client that reads answers. */
import { connect, type Socket } from 'node:net'
import { type MllpSettings, mllpSource } from '../../../adapters/hl7v2/source.ts'
import { type Environment, machine } from '../../../src/environment.ts'
import { type Log, silent } from '../../../src/log.ts'
import type { Directory, Intake, SenderProfile } from '../../../src/ports.ts'
import type { Arrival, Code, Verdict } from '../../../src/records.ts'

export const profile: SenderProfile = {
  name: 'lab-east',
  addresses: ['127.0.0.0/8'],
  zone: 'Europe/Berlin',
  charset: 'UNICODE UTF-8',
  identifying: { type: 'MR' },
  authorities: {},
  adt: 'snapshot',
  test: 'topic',
  whenFull: 'close',
  endWithoutCr: false,
  codes: {},
}

export const directoryOf = (...senders: readonly SenderProfile[]): Directory => ({
  revision: 1,
  anySender: null,
  senders,
  devices: new Map(),
  clients: new Map(),
})

export const kept: Verdict = { kind: 'kept', issues: [], receipt: 'r' }

export const frame = (message: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0x0b]), Buffer.from(message as string), Buffer.from([0x1c, 0x0d])])

/** A small result; `id` is its MSH-10, `text` its OBX-5. */
export const oru = (id: string, text = '5.4'): string =>
  [
    `MSH|^~\\&|LAB|EAST|GATEWAY|CLINIC|20261124080000||ORU^R01^ORU_R01|${id}|P|2.5.1||||||UNICODE UTF-8`,
    'PID|1||12345^^^EAST^MR||Muster^Änne',
    `OBX|1|ST|2345-7^Glucose^LN||${text}||||||F`,
    '',
  ].join('\r')

/** Remembers what it was given; answers with `verdict`. */
export class FakeIntake implements Intake {
  readonly arrivals: Arrival[] = []
  readonly refusals: Code[] = []
  inFlight = 0
  mostInFlight = 0
  known: Directory
  readonly #verdict: (arrival: Arrival) => Verdict | Promise<Verdict>

  constructor(verdict: (arrival: Arrival) => Verdict | Promise<Verdict> = () => kept, known = directoryOf(profile)) {
    this.#verdict = verdict
    this.known = known
  }

  async take(arrival: Arrival): Promise<Verdict> {
    this.arrivals.push(arrival)
    this.inFlight += 1
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
    await new Promise(resolve => setImmediate(resolve))
    const verdict = await this.#verdict(arrival)
    this.inFlight -= 1
    return verdict
  }

  get ids(): readonly (string | null)[] {
    return this.arrivals.map(arrival => arrival.messageId)
  }

  get bytes(): number {
    return this.arrivals.reduce((sum, arrival) => sum + arrival.bytes.length, 0)
  }

  directory(): Directory {
    return this.known
  }

  authenticate(): boolean {
    return false
  }

  refused(source: string, code: Code): void {
    if (source === 'mllp') this.refusals.push(code)
  }
}

export const settings: MllpSettings = {
  host: '127.0.0.1',
  port: 0,
  maxFrame: 1024 * 1024,
  idleTimeout: 60_000,
  maxConnections: 200,
}

/** A clock that stands still until it is told to go on. */
export class Clock implements Environment {
  readonly random = machine.random
  #now = 0
  readonly #timers = new Set<{ at: number; then: () => void }>()

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.#now + ms, then }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  advance(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
      this.#timers.delete(timer)
      timer.then()
    }
  }
}

/** A promise and the way to keep it. */
export function gate(): Readonly<{ opened: Promise<void>; open: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

/** A running listener; `await using` stops it. */
export async function listen(
  intake: Intake,
  more: Partial<MllpSettings> = {},
  parts: { environment?: Environment; log?: Log } = {},
) {
  const source = mllpSource({ ...settings, ...more }, { intake, environment: machine, log: silent, ...parts })
  const address = await source.start()
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  return { address, port, stop: () => source.stop(), [Symbol.asyncDispose]: () => source.stop() }
}

/** One answer, split at its standard delimiters; `field('MSA', 2)`. */
export type Answer = Readonly<{ text: string; field(segment: string, n: number): string }>

function answerOf(text: string): Answer {
  const separator = text.charAt(3)
  const rows = text.split('\r').map(line => line.split(separator))
  return {
    text,
    field(segment, n) {
      const row = rows.find(([name]) => name === segment)
      return row?.[segment === 'MSH' ? n - 1 : n] ?? ''
    },
  }
}

/** A sender. Never fails on a reset: it only stops hearing. */
export class Sender {
  readonly socket: Socket
  readonly answers: Answer[] = []
  readonly closed: Promise<void>
  #open = true
  #rest = Buffer.alloc(0)
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('data', chunk => this.#read(chunk as Buffer))
    this.closed = new Promise(resolve =>
      socket.on('close', () => {
        this.#open = false
        this.#wake()
        resolve()
      }),
    )
  }

  /** `from`: the address that it connects from; any of 127.0.0.0/8. */
  static async to(port: number, from = '127.0.0.1'): Promise<Sender> {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from, noDelay: true })
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Sender(socket)
  }

  /** One on a connection that is there already. */
  static on(socket: Socket): Sender {
    return new Sender(socket)
  }

  /** Resolves when the bytes have left, or the connection is gone. */
  send(bytes: Uint8Array | string): Promise<void> {
    return new Promise(resolve => this.socket.write(bytes, () => resolve()))
  }

  /** Waits for so many answers in all; fewer when the connection ends. */
  async hear(count: number): Promise<readonly Answer[]> {
    while (this.answers.length < count && this.#open) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    return this.answers
  }

  get heard(): readonly string[] {
    return this.answers.map(answer => `${answer.field('MSA', 1)} ${answer.field('MSA', 2)}`)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (let end = this.#rest.indexOf('\x1c\r'); end >= 0; end = this.#rest.indexOf('\x1c\r')) {
      if (this.#rest[0] !== 0x0b) throw new Error('the answer does not begin with VT')
      this.answers.push(answerOf(this.#rest.toString('latin1', 1, end)))
      this.#rest = this.#rest.subarray(end + 2)
    }
    this.#wake()
  }
}

/** Waits until `condition` holds; the test's own time limit ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}
