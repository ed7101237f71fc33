/** What the tests of the MQTT wire share: a listener on a free port, a fake intake, a peer that speaks raw packets. */
import { connect as connectTcp, type Socket } from 'node:net'
import { generate, type IConnectPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { type MqttSettings, mqttSource } from '../../../adapters/trackers/source.ts'
import { type Environment, machine } from '../../../src/environment.ts'
import { silent } from '../../../src/log.ts'
import type { Device, Directory, Intake, Source } from '../../../src/ports.ts'
import type { Arrival, Code, Verdict } from '../../../src/records.ts'

export type Version = 4 | 5

export const kept: Verdict = { kind: 'kept', issues: [], receipt: 'r' }
export const later: Verdict = { kind: 'later', code: 'E_FULL' }
export const never: Verdict = { kind: 'never', issues: [{ code: 'E_UNIT', at: '$.body.heart_rate.unit' }] }

export const device = (id: string, more: Partial<Device> = {}): Device => ({
  id,
  format: null,
  secretMac: '',
  test: false,
  worn: [],
  ...more,
})

export const directoryOf = (...devices: readonly Device[]): Directory => ({
  revision: 1,
  anySender: null,
  senders: [],
  devices: new Map(devices.map(one => [one.id, one])),
  clients: new Map(),
})

/** Knows `watch` and `scale`; the secret of every device is `secret`. */
export class FakeIntake implements Intake {
  readonly arrivals: Arrival[] = []
  readonly refusals: Code[] = []
  readonly known = directoryOf(device('watch'), device('scale'), device('bench', { test: true }))
  judge: (arrival: Arrival) => Verdict | Promise<Verdict> = () => kept

  async take(arrival: Arrival): Promise<Verdict> {
    this.arrivals.push(arrival)
    return this.judge(arrival)
  }

  directory(): Directory {
    return this.known
  }

  authenticate(kind: 'device' | 'client', id: string, secret: string): boolean {
    return kind === 'device' && this.known.devices.has(id) && secret === 'secret'
  }

  refused(_source: string, code: Code): void {
    this.refusals.push(code)
  }

  /** The payloads taken, as text. */
  get payloads(): string[] {
    return this.arrivals.map(({ bytes }) => Buffer.from(bytes).toString())
  }
}

/** Timers that run when the test says so; the clocks stand until then. */
export class ManualTime implements Environment {
  #now = Date.UTC(2026, 10, 24)
  #elapsed = 0
  #timers: { at: number; then: () => void }[] = []

  now = (): number => this.#now + this.#elapsed
  monotonic = (): number => this.#elapsed
  random = machine.random

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.#elapsed + ms, then }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(one => one !== timer)
    }
  }

  pass(ms: number): void {
    const until = this.#elapsed + ms
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers = this.#timers.filter(one => one !== next)
      this.#elapsed = next.at
      next.then()
    }
    this.#elapsed = until
  }
}

const running: Source[] = []
const peers: Peer[] = []

/** A listener on a free port of loopback. */
export async function listen(
  intake: FakeIntake = new FakeIntake(),
  settings: Partial<MqttSettings> = {},
  environment: Environment = machine,
): Promise<{ port: number; intake: FakeIntake; source: Source }> {
  const whole = { host: '127.0.0.1', port: 0, maxPacket: 4096, maxConnections: 100, ...settings }
  const source = mqttSource(whole, { intake, environment, log: silent })
  const port = Number((await source.start()).split(':').at(-1))
  running.push(source)
  return { port, intake, source }
}

/** Call after each test. */
export async function tidyUp(): Promise<void> {
  for (const peer of peers.splice(0)) peer.socket.destroy()
  for (const source of running.splice(0)) await source.stop()
}

/** A peer that writes what it likes and remembers what came back. */
export class Peer {
  readonly socket: Socket
  readonly received: Packet[] = []
  readonly closed: Promise<unknown>
  readonly #version: Version

  constructor(port: number, version: Version) {
    this.#version = version
    this.socket = connectTcp({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('error', () => this.socket.destroy())
    this.closed = new Promise(resolve => this.socket.once('close', resolve))
    const reader = parser({ protocolVersion: version })
    reader.on('packet', packet => this.received.push(packet))
    this.socket.on('data', chunk => reader.parse(chunk as Buffer))
    peers.push(this)
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  send(...packets: readonly Packet[]): void {
    this.socket.write(Buffer.concat(packets.map(packet => this.bytes(packet))))
  }

  bytes(packet: Packet): Buffer {
    return generate(packet, { protocolVersion: this.#version })
  }

  /** The first packet of a kind that comes and was not asked for yet. */
  async next(cmd?: Packet['cmd']): Promise<Packet & Record<string, unknown>> {
    return until(() => {
      const at = this.received.findIndex(packet => cmd === undefined || packet.cmd === cmd)
      return at < 0 ? undefined : (this.received.splice(at, 1)[0] as Packet & Record<string, unknown>)
    })
  }

  /** Packet ids of the PUBACKs received so far. */
  get acknowledged(): number[] {
    return this.received.flatMap(packet => (packet.cmd === 'puback' ? packet.messageId! : []))
  }
}

export const connectPacket = (version: Version, more: Partial<IConnectPacket> = {}): IConnectPacket => ({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: version,
  clean: true,
  clientId: 'watch',
  username: 'watch',
  password: Buffer.from('secret'),
  keepalive: 60,
  ...more,
})

export const publish = (messageId: number, payload: string, more: Partial<IPublishPacket> = {}): IPublishPacket => ({
  cmd: 'publish',
  qos: 1,
  dup: false,
  retain: false,
  topic: 'trackers/watch/omh',
  messageId,
  payload,
  ...more,
})

/** A peer that was let in. */
export async function enter(port: number, version: Version, more: Partial<IConnectPacket> = {}): Promise<Peer> {
  const peer = new Peer(port, version)
  peer.send(connectPacket(version, more))
  const { returnCode, reasonCode } = await peer.next('connack')
  if ((version === 5 ? reasonCode : returnCode) !== 0) throw new Error('not let in')
  return peer
}

/** Waits for what something becomes: the first value that is not undefined or false. */
export async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}
