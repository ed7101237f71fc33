/**
 * Bytes ⇄ packets, the one file that knows mqtt-packet. Its parser gets whole packets only, one at a time, so that a
 * field which lies about its length cannot reach into the next packet; and what it lets through is refused here: text
 * that is not UTF-8 or holds NUL, packet id 0, bodies where none may be.
 */
import { generate, type Packet, parser } from 'mqtt-packet'
import { GatewayError } from '../../src/errors.ts'

export type {
  IConnectPacket as Connect,
  IPublishPacket as Publish,
  ISubscribePacket as Subscribe,
  IUnsubscribePacket as Unsubscribe,
  Packet,
} from 'mqtt-packet'

/** MQTT 3.1.1 (level 4) or 5. */
export type Version = 4 | 5

/** What a CONNECT asks to speak: a version of ours, `other` for MQTT of another level, null for what is not MQTT. */
export function versionOf(packet: Buffer): Version | 'other' | null {
  if (packet[0] !== 0x10) return null
  const start = packet.findIndex((byte, at) => at > 0 && byte < 0x80) + 1
  const name = packet.toString('latin1', start, start + 8)
  const level = name.startsWith('\0\x04MQTT') ? packet[start + 6] : name === '\0\x06MQIsdp' ? 3 : undefined
  if (level === undefined) return null
  return level === 4 || level === 5 ? level : 'other'
}

/**
 * Reads one whole packet as `Framer` cut it.
 * Throws GatewayError E_MQTT_MALFORMED, or E_MQTT_PROTOCOL for packet id 0 (MQTT 5 §2.2.1).
 */
export function decode(bytes: Buffer, version: Version): Packet {
  const packet = parse(bytes, version)
  if (!packet || !texts(packet).every(isText)) throw new GatewayError('E_MQTT_MALFORMED')
  if (packet.cmd === 'pingreq' && bytes.length > 2) throw new GatewayError('E_MQTT_MALFORMED')
  if (packet.messageId !== undefined && !(packet.messageId > 0)) throw new GatewayError('E_MQTT_PROTOCOL')
  return packet
}

/** Writes a packet; from MQTT 5 its reason text is left out where the peer could not take it (`maximum` bytes). */
export function encode(packet: Packet, version: Version, maximum: number | undefined): Buffer {
  const properties = maximum === undefined ? {} : { properties: { maximumPacketSize: maximum } }
  return generate(packet, { protocolVersion: version, ...properties })
}

function parse(bytes: Buffer, version: Version): Packet | null {
  const found: Packet[] = []
  let failed = false
  const reader = parser({ protocolVersion: version })
  reader.on('packet', packet => found.push(packet))
  reader.on('error', () => {
    failed = true
  })
  try {
    reader.parse(bytes)
  } catch {
    return null
  }
  return failed || found.length !== 1 ? null : found[0]!
}

function texts(packet: Packet): unknown[] {
  if (packet.cmd === 'connect') return [packet.clientId, packet.username ?? '', packet.will?.topic ?? '']
  if (packet.cmd === 'publish') return [packet.topic]
  if (packet.cmd === 'subscribe') return packet.subscriptions.map(subscription => subscription.topic)
  if (packet.cmd === 'unsubscribe') return packet.unsubscriptions
  return []
}

/** The parser writes U+FFFD for what is not UTF-8; no name of ours has it. */
function isText(text: unknown): boolean {
  return typeof text === 'string' && !/[\0\ufffd]/.test(text)
}
