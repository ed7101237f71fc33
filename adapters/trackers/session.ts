/**
 * The MQTT rules of one tracker's connection (3.1.1 and 5, OASIS): who it is, what it may send, and its answers, in the
 * order in which its publishes came. A PUBACK leaves only after the verdict.
 *
 * No session outlives its connection: there is nothing to keep, since only the device's own status words ever go out.
 */
import type { Socket } from 'node:net'
import type { Environment } from '../../src/environment.ts'
import { GatewayError, type KnownCode } from '../../src/errors.ts'
import { limits, second } from '../../src/limits.ts'
import type { Log } from '../../src/log.ts'
import type { Arrival, Code, Issue, Ms, Verdict } from '../../src/records.ts'
import type { Budget } from './budget.ts'
import { Connection } from './connection.ts'
import {
  type Connect,
  decode,
  encode,
  type Packet,
  type Publish,
  type Subscribe,
  type Unsubscribe,
  type Version,
  versionOf,
} from './packets.ts'
import { connackReason, disconnectReason, pubackReason, reasonString, returnCodeOf, statusWord } from './reasons.ts'
import { formatOf, mayListen, statusTopic } from './topics.ts'

export type SessionParts = Readonly<{
  socket: Socket
  maxPacket: number
  environment: Environment
  log: Log
  budget: Budget
  /** Lets a device in and makes this its one session, or says why not. */
  admit(session: Session, id: string, secret: string): KnownCode | null
  /** The mode of what a device sends now; null: it is no device any more. */
  modeOf(id: string): Arrival['mode'] | null
  take(arrival: Arrival): Promise<Verdict>
  refused(code: Code): void
}>

/** The place of one publish in the order of answers. */
type Turn = { answer: (() => void) | null }

/** What is known since the CONNECT. */
type Peer = Readonly<{
  id: string
  version: Version
  /** Most bytes of a packet that it takes. */
  maximum: number | undefined
  /** It wants reason strings in every answer. */
  reasons: boolean
}>

export class Session {
  readonly #parts: SessionParts
  readonly #connection: Connection
  #peer: Peer | null = null
  /** Version of an MQTT peer that is not let in yet. */
  #version: Version | null = null
  #listening = new Set<string>()
  #turns: Turn[] = []
  #acknowledging = 0
  #unansweredBytes = 0
  #stopping = false

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#connection = new Connection({
      ...parts,
      packet: bytes => this.#packet(bytes),
      lastWord: code => this.#lastWord(code),
    })
  }

  get closed(): Promise<void> {
    return this.#connection.closed
  }

  get address(): string {
    return this.#connection.address
  }

  /** Another connection of the same device goes on in its place. */
  giveWay(): void {
    this.#connection.end('E_MQTT_TAKEN_OVER')
  }

  drop(code: Code): void {
    this.#connection.drop(code)
  }

  /** Reads nothing more, answers what is in flight, says goodbye. */
  stop(): void {
    this.#stopping = true
    this.#connection.pause()
    this.#answerInTurn()
  }

  /** A GatewayError thrown from here on ends the connection, with its code as last word. */
  #packet(bytes: Buffer): void {
    if (this.#peer) this.#next(decode(bytes, this.#peer.version), this.#peer)
    else this.#first(bytes)
  }

  #next(packet: Packet, peer: Peer): void {
    switch (packet.cmd) {
      case 'publish':
        this.#publish(packet, peer)
        break
      case 'pingreq':
        this.#send({ cmd: 'pingresp' })
        break
      case 'subscribe':
        this.#subscribe(packet, peer)
        break
      case 'unsubscribe':
        this.#unsubscribe(packet)
        break
      case 'disconnect':
        this.#connection.hangUp()
        break
      default:
        throw new GatewayError('E_MQTT_PROTOCOL')
    }
  }

  // ---------------------------------------------------------------- CONNECT

  /** What is not MQTT gets no answer; who may not come in gets a CONNACK that says so. */
  #first(bytes: Buffer): void {
    const version = versionOf(bytes)
    if (version === null) throw new GatewayError('E_MQTT_MALFORMED')
    const connect = version === 'other' ? null : decode(bytes, version)
    this.#version = version === 'other' ? 4 : version
    if (connect?.cmd !== 'connect') throw new GatewayError('E_MQTT_VERSION')
    const refusal = wrongConnect(connect) ?? this.#admit(connect)
    if (refusal === 'E_MQTT_LOCKED') this.#connection.endLater(refusal)
    else if (refusal) throw new GatewayError(refusal)
    else this.#welcome(connect, this.#version)
  }

  #admit({ clientId, username, password }: Connect): KnownCode | null {
    if (username !== clientId) return 'E_MQTT_SECRET'
    return this.#parts.admit(this, clientId, password?.toString() ?? '')
  }

  #welcome(connect: Connect, version: Version): void {
    const asked = (connect.keepalive ?? 0) * second
    const granted = version === 5 ? grantedKeepAlive(asked) : asked
    const { maximumPacketSize, requestProblemInformation } = connect.properties ?? {}
    const reasons = requestProblemInformation !== false
    this.#peer = { id: connect.clientId, version, maximum: maximumPacketSize, reasons }
    this.#connection.admit(this.#parts.maxPacket, granted)
    const properties = {
      ...offer(this.#parts.maxPacket),
      ...(granted === asked ? {} : { serverKeepAlive: granted / second }),
    }
    this.#send({ cmd: 'connack', sessionPresent: false, returnCode: 0, reasonCode: 0, properties })
  }

  // ---------------------------------------------------------------- PUBLISH

  #publish(packet: Publish, peer: Peer): void {
    const wrong = wrongPublish(packet, peer.version)
    if (wrong) throw new GatewayError(wrong)
    const topic = formatOf(packet.topic, peer.id)
    if (packet.qos === 1) this.#acknowledging += 1
    if (peer.version === 5 && this.#acknowledging > limits.mqttReceiveMaximum)
      throw new GatewayError('E_MQTT_RECEIVE_MAXIMUM')
    if (typeof topic !== 'string') this.#take(packet, this.#arrival(packet, peer.id, topic.format))
    else if (topic === 'E_MQTT_TOPIC' && peer.version === 5 && packet.qos === 1) this.#foreign(packet)
    else throw new GatewayError(topic)
  }

  /** MQTT 5 can say no to one publish and go on. */
  #foreign(packet: Publish): void {
    this.#parts.refused('E_MQTT_TOPIC')
    this.#turns.push({ answer: () => this.#puback(packet, { code: 'E_MQTT_TOPIC', at: 'topic' }) })
    this.#answerInTurn()
  }

  #arrival(packet: Publish, id: string, format: string): Arrival {
    const mode = this.#parts.modeOf(id)
    if (!mode) throw new GatewayError('E_MQTT_SECRET')
    return {
      source: 'mqtt',
      sender: id,
      format: 'measurement',
      messageId: null,
      mode,
      receivedAt: this.#parts.environment.now(),
      clockTrusted: true,
      meta: { payload: format, device: id },
      // memory of its own: what crosses to the engine thread is copied with everything behind it
      bytes: new Uint8Array(Buffer.from(packet.payload)),
    }
  }

  #take(packet: Publish, arrival: Arrival): void {
    const turn: Turn = { answer: null }
    this.#turns.push(turn)
    this.#unansweredBytes += arrival.bytes.length
    this.#press()
    void this.#parts.take(arrival).then(verdict => {
      this.#unansweredBytes -= arrival.bytes.length
      turn.answer = () => this.#answer(packet, arrival.receivedAt, verdict)
      this.#answerInTurn()
    })
  }

  #answerInTurn(): void {
    while (this.#turns[0]?.answer && this.#connection.isOpen) this.#turns.shift()!.answer!()
    if (this.#stopping && this.#turns.length === 0) this.#connection.end('E_STOPPING')
    else this.#press()
  }

  /** Pressure is wider than a device's own window: who waits for its answers can still ping. */
  #press(): void {
    const pressed = this.#turns.length >= limits.mqttUnanswered || this.#unansweredBytes >= limits.mqttUnansweredBytes
    if (pressed || this.#stopping) this.#connection.pause()
    else this.#connection.resume()
  }

  #answer(packet: Publish, receivedAt: Ms, verdict: Verdict): void {
    const issue = issueOf(verdict)
    if (issue && verdict.kind === 'never') this.#tell(statusWord(issue, receivedAt))
    if (packet.qos === 0) return
    if (verdict.kind === 'later' && this.#peer?.version === 4) this.#connection.endLater()
    else this.#puback(packet, issue)
  }

  /** 3.1.1 has no other answer than yes; why not then stands on the status topic. */
  #puback({ messageId }: Publish, issue: Issue | null): void {
    this.#acknowledging -= 1
    const reasonCode = issue ? pubackReason(issue.code) : 0
    const properties = issue && this.#peer?.reasons ? { properties: { reasonString: reasonString(issue) } } : {}
    this.#send({ cmd: 'puback', messageId: messageId!, reasonCode, ...properties })
  }

  #tell(word: string): void {
    const { id, maximum = Number.POSITIVE_INFINITY } = this.#peer!
    const topic = statusTopic(id)
    if (!this.#listening.has(topic) || topic.length + word.length + 16 > maximum) return
    this.#send({ cmd: 'publish', qos: 0, dup: false, retain: false, topic, payload: word })
  }

  // ---------------------------------------------------------------- SUBSCRIBE

  #subscribe({ messageId, subscriptions, properties }: Subscribe, { id, version }: Peer): void {
    if (subscriptions.length === 0) throw new GatewayError('E_MQTT_PROTOCOL')
    if (properties?.subscriptionIdentifier !== undefined) throw new GatewayError('E_MQTT_SUBSCRIPTION_ID')
    const granted = subscriptions.map(({ topic }) => {
      if (!mayListen(topic, id)) return version === 5 ? 0x87 : 0x80
      this.#listening.add(topic)
      return 0
    })
    if (granted.some(code => code >= 0x80)) this.#parts.refused('E_MQTT_TOPIC')
    this.#send({ cmd: 'suback', messageId: messageId!, granted })
  }

  #unsubscribe({ messageId, unsubscriptions }: Unsubscribe): void {
    if (unsubscriptions.length === 0) throw new GatewayError('E_MQTT_PROTOCOL')
    const granted = unsubscriptions.map(topic => (this.#listening.delete(topic) ? 0 : 0x11))
    this.#send({ cmd: 'unsuback', messageId: messageId!, granted })
  }

  // ---------------------------------------------------------------- writing

  #send(packet: Packet): void {
    const { version, maximum } = this.#peer!
    this.#connection.write(encode(packet, version, maximum))
  }

  #lastWord(code: Code): Buffer | null {
    const version = this.#peer?.version ?? this.#version
    if (version === null) return null
    const properties = { reasonString: reasonString({ code, at: '' }) }
    if (this.#peer) {
      if (version === 4) return null
      return encode({ cmd: 'disconnect', reasonCode: disconnectReason(code), properties }, 5, this.#peer.maximum)
    }
    const connack = { cmd: 'connack', sessionPresent: false } as const
    if (version === 4) return encode({ ...connack, returnCode: returnCodeOf(code) }, 4, undefined)
    return encode({ ...connack, reasonCode: connackReason(code), properties }, 5, undefined)
  }
}

/** What this end can do, for the CONNACK of MQTT 5 (§3.2.2.3); everything else it says no to. */
const offer = (maximumPacketSize: number) => ({
  sessionExpiryInterval: 0,
  receiveMaximum: limits.mqttReceiveMaximum,
  maximumQoS: 1,
  retainAvailable: false,
  maximumPacketSize,
  topicAliasMaximum: 0,
  wildcardSubscriptionAvailable: false,
  subscriptionIdentifiersAvailable: false,
  sharedSubscriptionAvailable: false,
})

/** A will is taken and never published, since nobody may listen to it; one that we could not keep is refused (MQTT 5). */
function wrongConnect({ protocolVersion, will, properties, clientId }: Connect): KnownCode | null {
  if (clientId === '' || properties?.authenticationMethod !== undefined) return 'E_MQTT_SECRET'
  if (properties?.receiveMaximum === 0 || properties?.maximumPacketSize === 0) return 'E_MQTT_PROTOCOL'
  if (protocolVersion !== 5 || !will) return null
  if (will.retain) return 'E_MQTT_RETAIN'
  return will.qos === 2 ? 'E_MQTT_QOS' : null
}

/** What the CONNACK ruled out. A 3.1.1 device could not know that nothing is retained: its reading is taken as it is. */
function wrongPublish({ qos, retain, properties }: Publish, version: Version): KnownCode | null {
  if (qos === 2) return 'E_MQTT_QOS'
  if (properties?.topicAlias !== undefined) return 'E_MQTT_TOPIC_ALIAS'
  if (properties?.subscriptionIdentifier !== undefined) return 'E_MQTT_PROTOCOL'
  return retain && version === 5 ? 'E_MQTT_RETAIN' : null
}

/** Server Keep Alive (MQTT 5 §3.2.2.3.14): no connection without one. */
function grantedKeepAlive(asked: Ms): Ms {
  return asked === 0 ? limits.mqttKeepAliveMs : Math.min(asked, limits.mqttKeepAliveMs)
}

function issueOf(verdict: Verdict): Issue | null {
  if (verdict.kind === 'never') return verdict.issues[0] ?? { code: 'E_INTERNAL', at: '' }
  return verdict.kind === 'later' ? { code: verdict.code, at: '' } : null
}
