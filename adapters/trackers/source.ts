/**
 * The MQTT listener: the gateway itself is the broker that trackers connect to, and takes readings in only
 * (docs/decisions/004). One connection per device; an acknowledgement means that the reading is ours and on disk.
 */
import { createServer, type Socket } from 'node:net'
import type { Environment } from '../../src/environment.ts'
import type { KnownCode } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import { listen } from '../../src/listen.ts'
import { describe, type Log } from '../../src/log.ts'
import type { Intake, Source } from '../../src/ports.ts'
import type { Code } from '../../src/records.ts'
import { Budget } from './budget.ts'
import { Lockout } from './lockout.ts'
import { Session } from './session.ts'

const name = 'mqtt'

/** The settings `sources.mqtt`. */
export type MqttSettings = Readonly<{
  /** Address to bind. */
  host: string
  /** 0: any free port. */
  port: number
  /** Most bytes of one packet, fixed header included; a larger one ends the connection before it is read. */
  maxPacket: number
  maxConnections: number
}>

/** The MQTT source. `start` rejects with GatewayError E_PORT_BUSY, or E_CONFIG where the address cannot be bound. */
export function mqttSource(
  settings: MqttSettings,
  { intake, environment, log }: Readonly<{ intake: Intake; environment: Environment; log: Log }>,
): Source {
  const budget = new Budget(limits.mqttHalfPacketBytes)
  const lockout = new Lockout(environment)
  const sessions = new Set<Session>()
  const strangers = new Map<string, Set<Session>>()
  const byDevice = new Map<string, Session>()
  const refused = (code: Code) => intake.refused(name, code)
  const server = createServer({ keepAlive: true, noDelay: true }, connect)
  server.maxConnections = settings.maxConnections
  server.on('drop', () => refused('E_BUSY'))

  function connect(socket: Socket): void {
    const session = new Session({
      socket,
      maxPacket: settings.maxPacket,
      environment,
      log,
      budget,
      admit,
      modeOf,
      take: arrival => intake.take(arrival),
      refused,
    })
    sessions.add(session)
    greet(session)
    void session.closed.then(() => forget(session))
  }

  /** Who does not say who it is must not use up the places of those who do. */
  function greet(session: Session): void {
    const waiting = strangers.get(session.address) ?? new Set()
    strangers.set(session.address, waiting.add(session))
    const [longest] = waiting
    if (waiting.size > limits.mqttStrangers) longest?.drop('E_BUSY')
  }

  function admit(session: Session, id: string, secret: string): KnownCode | null {
    const { address } = session
    // The secret first: whoever knows it is let in, or a stranger could lock a device out by guessing in its name.
    if (!intake.authenticate('device', id, secret) || !intake.directory().devices.has(id)) {
      const locked = lockout.isLocked(address, id)
      lockout.wrong(address, id)
      return locked ? 'E_MQTT_LOCKED' : 'E_MQTT_SECRET'
    }
    lockout.right(address, id)
    known(session)
    byDevice.get(id)?.giveWay()
    byDevice.set(id, session)
    void session.closed.then(() => byDevice.get(id) === session && byDevice.delete(id))
    return null
  }

  function modeOf(id: string): 'live' | 'test' | null {
    const device = intake.directory().devices.get(id)
    if (!device) return null
    return device.test ? 'test' : 'live'
  }

  function known(session: Session): void {
    const waiting = strangers.get(session.address)
    waiting?.delete(session)
    if (waiting?.size === 0) strangers.delete(session.address)
  }

  function forget(session: Session): void {
    sessions.delete(session)
    known(session)
  }

  return {
    name,
    async start() {
      const address = await listen(server, settings.host, settings.port, 'sources.mqtt')
      server.on('error', error => log.error('listener failed', { source: name, ...describe(error) }))
      return address
    },
    async stop() {
      const freed = new Promise(resolve => server.close(resolve))
      for (const session of sessions) session.stop()
      const cancel = environment.after(limits.mqttStopMs, () => {
        for (const session of sessions) session.drop('E_STOPPING')
      })
      await freed
      cancel()
    },
  }
}
