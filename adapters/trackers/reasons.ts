/** Error codes → the words MQTT has for them: reason codes and reason strings (MQTT 5 §2.4), return codes (3.1.1 §3.2.2.3). */
import { errorRow } from '../../src/errors.ts'
import type { Code, Issue, Ms } from '../../src/records.ts'

/** Reason codes that may stand in a PUBACK (MQTT 5 table 3-4). */
const inPuback = new Set([0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])

/** For PUBACK. A code that has no reason of its own there: 0x97 for `later`, else 0x83, valid but not taken. */
export function pubackReason(code: Code): number {
  const { mqtt, class: kind } = errorRow(code)
  if (mqtt !== undefined && inPuback.has(mqtt)) return mqtt
  return kind === 'later' ? 0x97 : 0x83
}

/** For the CONNACK of MQTT 5 (table 3-1), where somebody is not let in. */
export function connackReason(code: Code): number {
  return errorRow(code).mqtt ?? 0x80
}

/** For DISCONNECT (MQTT 5 table 3-10), which has no word for a wrong secret: a device that is none any more is not authorised. */
export function disconnectReason(code: Code): number {
  return code === 'E_MQTT_SECRET' ? 0x87 : (errorRow(code).mqtt ?? 0x80)
}

/** For the CONNACK of 3.1.1: 1 version, 3 not now, 4 id or secret, 5 not allowed. */
export function returnCodeOf(code: Code): number {
  if (code === 'E_MQTT_VERSION') return 1
  if (code === 'E_MQTT_SECRET') return 4
  return errorRow(code).class === 'later' ? 3 : 5
}

/** Reason String: the code, the place and fixed words; never a value. */
export function reasonString({ code, at }: Issue): string {
  return `${code}${at ? ` at ${at}` : ''}: ${errorRow(code).text}`
}

/** The word on the status topic that tells a device what was refused and why, as JSON; `time` is the time of receipt. */
export function statusWord({ code, at }: Issue, receivedAt: Ms): string {
  return JSON.stringify({ refused: code, at, time: new Date(receivedAt).toISOString() })
}
