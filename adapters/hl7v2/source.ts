/**
 * The MLLP listener: connections in, arrivals to the intake, verdicts back as acknowledgements. What only the wire can
 * judge (an unknown sender, an unreadable header) is answered here and never becomes an arrival.
 */
import { createServer, type Socket } from 'node:net'
import type { Environment } from '../../src/environment.ts'
import { Refusal, refuse } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import { listen } from '../../src/listen.ts'
import { describe, type Log } from '../../src/log.ts'
import type { Intake, SenderProfile, Source } from '../../src/ports.ts'
import type { Arrival, Issue, Ms } from '../../src/records.ts'
import { type AnswerStamp, ackCode, acknowledge, answer } from './answer.ts'
import { Connections } from './connections.ts'
import { checkHeader, type Header, readHeader } from './header.ts'
import { senderFinder } from './sender.ts'
import { type Reply, Session } from './session.ts'

const name = 'mllp'

/** The settings `sources.mllp`. */
export type MllpSettings = Readonly<{
  /** Address to bind. */
  host: string
  /** 0: any free port. */
  port: number
  /** Most bytes of one message; a larger one is counted and its connection closed without an answer. */
  maxFrame: number
  idleTimeout: Ms
  maxConnections: number
}>

/** The MLLP source. `start` rejects with GatewayError E_PORT_BUSY, or E_CONFIG where the address cannot be bound. */
export function mllpSource(
  settings: MllpSettings,
  { intake, environment, log }: Readonly<{ intake: Intake; environment: Environment; log: Log }>,
): Source {
  const senderOf = senderFinder()
  const budget = new Budget(limits.mllpHalfFrameBytes)
  const connections = new Connections(settings.maxConnections)
  const strangers = new Set<string>()
  const server = createServer({ allowHalfOpen: true, keepAlive: true, noDelay: true }, connect)

  function connect(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    if (connections.admits(address)) converse(socket, address)
    else turnAway(socket)
  }

  function converse(socket: Socket, address: string): void {
    const sender = senderOf(intake.directory(), address)
    if (!sender) noteStranger(address)
    const session = new Session({
      socket,
      framing: { maxFrame: settings.maxFrame, endWithoutCr: sender?.endWithoutCr ?? false },
      idleTimeout: sender ? settings.idleTimeout : Math.min(settings.idleTimeout, limits.mllpStrangerMs),
      environment,
      log,
      who: { source: name, sender: sender?.name ?? null },
      serve: bytes => serve(bytes, address),
      refused: code => intake.refused(name, code),
      holds: (holder, bytes) => budget.set(holder, bytes),
    })
    connections.add(address, session)
  }

  function turnAway(socket: Socket): void {
    intake.refused(name, 'E_BUSY')
    socket.destroy()
  }

  /** Once an address, and not for ever new ones: strangers must not fill the disk. */
  function noteStranger(address: string): void {
    if (strangers.has(address) || strangers.size >= limits.mllpStrangers) return
    strangers.add(address)
    log.warn('unknown sender', { source: name, address })
  }

  async function serve(bytes: Uint8Array<ArrayBuffer>, address: string): Promise<Reply> {
    const header = readHeader(bytes)
    const sender = senderOf(intake.directory(), address)
    if (!sender) return { bytes: refusal([{ code: 'E_SENDER', at: '' }], header), last: true }
    const arrival = arrivalOf(bytes, header, sender, environment.now())
    if (arrival instanceof Refusal) return { bytes: refusal(arrival.issues, header), last: false }
    const answered = answer(await intake.take(arrival), header, sender.whenFull, stamp())
    return answered && { bytes: answered, last: false }
  }

  /** The answer to what never became an arrival, counted here because the intake does not see it. */
  function refusal(issues: readonly Issue[], header: Header): Uint8Array {
    for (const { code } of issues) intake.refused(name, code)
    return acknowledge(ackCode(issues), issues, header, stamp())
  }

  /** MSH-10 of the answer: at most 20 characters before HL7 v2.7. */
  function stamp(): AnswerStamp {
    return { controlId: environment.random(10).toString('hex'), at: environment.now() }
  }

  return {
    name,
    async start() {
      const address = await listen(server, settings.host, settings.port, 'sources.mllp')
      server.on('error', error => log.error('listener failed', { source: name, ...describe(error) }))
      return address
    },
    async stop() {
      const freed = new Promise(resolve => server.close(resolve))
      for (const session of connections.all()) session.stop()
      await freed
    },
  }
}

/** The message as the intake takes it, or why the wire refuses it already. */
function arrivalOf(
  bytes: Uint8Array<ArrayBuffer>,
  header: Header,
  sender: SenderProfile,
  receivedAt: Ms,
): Arrival | Refusal {
  try {
    checkHeader(header)
    return {
      source: name,
      sender: sender.name,
      format: 'hl7v2',
      messageId: controlIdOf(header),
      mode: modeOf(header, sender),
      receivedAt,
      clockTrusted: true,
      meta: { type: typeOf(header), version: shaped(/^2\.\d(?:\.\d){0,2}$/, header.component(12, 1)) },
      bytes,
    }
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

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

/** One byte budget over all connections: when their half frames pass it, the connection that holds most is dropped. */
class Budget {
  readonly #limit: number
  readonly #held = new Map<Session, number>()
  #total = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** `session` holds so many bytes now. */
  set(session: Session, bytes: number): void {
    this.#note(session, bytes)
    const largest = this.#total > this.#limit ? this.#largest() : undefined
    if (!largest) return
    this.#note(largest, 0)
    largest.drop('E_BUSY')
  }

  #note(session: Session, bytes: number): void {
    this.#total += bytes - (this.#held.get(session) ?? 0)
    if (bytes > 0) this.#held.set(session, bytes)
    else this.#held.delete(session)
  }

  #largest(): Session | undefined {
    let largest: Session | undefined
    for (const [session, bytes] of this.#held) {
      if (!largest || bytes > (this.#held.get(largest) ?? 0)) largest = session
    }
    return largest
  }
}
