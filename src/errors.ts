/**
 * Every error code of the gateway, one row each; docs/reference/errors.md explains them one by one (a test compares).
 * `text` is what senders see: fixed words, never a value. HL7 codes: table 0357. MQTT: reason codes of MQTT 5.
 */
import type { Code, Issue, Ms } from './records.ts'

/**
 * How an error is answered:
 * - `content`: the sender can mend the message: AE, 422, MQTT 0x99
 * - `syntax`: not readable as what it claims to be: AE, 400, MQTT 0x99
 * - `unsupported`: type, version or size: AR, 422 or 413
 * - `access`: who is asking: AR, 401/403, MQTT 0x87
 * - `held`: ours to mend: positive answer and an alarm
 * - `later`: not now: no answer, 503, MQTT 0x97
 * - `note`: an issue beside a positive answer
 * - `operator`: for the people who run the box (configuration, keys, disk, cloud)
 */
export type ErrorClass = 'content' | 'syntax' | 'unsupported' | 'access' | 'held' | 'later' | 'note' | 'operator'

type Row = Readonly<{ class: ErrorClass; text: string; hl7?: string; http?: number; mqtt?: number; exit?: number }>

export const errors = {
  // HL7 v2 over MLLP
  E_NOT_HL7: { class: 'unsupported', hl7: '100', text: 'the frame does not begin with an MSH segment' },
  E_DELIMITERS: { class: 'unsupported', hl7: '102', text: 'MSH-1 and MSH-2 do not name usable delimiters' },
  E_NO_CONTROL_ID: { class: 'unsupported', hl7: '101', text: 'MSH-10 is empty' },
  E_TWO_HEADERS: { class: 'unsupported', hl7: '100', text: 'the frame holds more than one MSH segment' },
  E_MESSAGE_TYPE: { class: 'unsupported', hl7: '200', text: 'this message type is not supported' },
  E_EVENT: { class: 'unsupported', hl7: '201', text: 'this trigger event is not supported' },
  E_VERSION: { class: 'unsupported', hl7: '203', text: 'this HL7 version is not supported' },
  E_PROCESSING_ID: { class: 'unsupported', hl7: '202', text: 'this processing id is not taken here' },
  E_SENDER: { class: 'access', hl7: '207', http: 403, text: 'this sender is not known here' },
  E_CHARSET: { class: 'content', hl7: '102', text: 'the bytes do not fit the character set' },
  E_SEGMENT_MISSING: { class: 'content', hl7: '100', text: 'a required segment is missing' },
  E_TWO_PATIENTS: { class: 'content', hl7: '207', text: 'the message names more than one patient' },
  E_FIELD_MISSING: { class: 'content', hl7: '101', http: 422, mqtt: 0x99, text: 'a required value is missing' },
  E_FIELD_TYPE: { class: 'content', hl7: '102', http: 422, mqtt: 0x99, text: 'the value has the wrong data type' },
  E_DATE: { class: 'content', hl7: '102', http: 422, mqtt: 0x99, text: 'not a valid date or time' },
  E_CODE: { class: 'content', hl7: '103', http: 422, mqtt: 0x99, text: 'the code is not in the table' },
  E_FRAME_TOO_LARGE: { class: 'unsupported', hl7: '207', text: 'the frame is larger than maxFrame' },
  E_FRAME_EMPTY: { class: 'syntax', text: 'a frame without a message in it' },
  E_FRAME_BROKEN: { class: 'syntax', text: 'a frame that did not end before the next one or the connection did' },
  E_FRAME_NOISE: { class: 'syntax', text: 'bytes outside a frame' },
  E_TLS_PLAINTEXT: { class: 'access', text: 'the connection did not begin with TLS' },
  E_TLS_VERSION: { class: 'access', text: 'no TLS version or cipher that both sides take' },
  E_TLS_HANDSHAKE: { class: 'access', text: 'the TLS handshake did not come to its end' },
  E_TLS_DISTRUSTED: { class: 'access', text: 'the other side does not trust our certificate' },
  E_CERTIFICATE_MISSING: { class: 'access', text: 'no client certificate was shown' },
  E_CERTIFICATE_EXPIRED: { class: 'access', text: 'the client certificate, or one above it, has run out' },
  E_CERTIFICATE_EARLY: { class: 'access', text: 'the client certificate, or one above it, is not valid yet' },
  E_CERTIFICATE_UNTRUSTED: { class: 'access', text: 'the client certificate is not good under our authority' },
  E_BATCH: { class: 'content', hl7: '100', text: 'the batch is not built as HL7 says' },
  E_BATCH_COUNT: { class: 'content', hl7: '207', text: 'the batch or file holds another number than its trailer says' },
  E_MESSAGE_PARTS: {
    class: 'unsupported',
    hl7: '207',
    text: 'the message has more segments, a segment more parts, or a batch more messages than are taken',
  },
  // JSON, measurements and FHIR
  E_JSON: { class: 'syntax', http: 400, mqtt: 0x99, text: 'not valid JSON' },
  E_JSON_DEPTH: { class: 'syntax', http: 400, mqtt: 0x99, text: 'JSON nested too deeply' },
  E_JSON_KEY: { class: 'syntax', http: 400, mqtt: 0x99, text: 'JSON member name is forbidden or given twice' },
  E_UTF8: { class: 'syntax', http: 400, mqtt: 0x99, text: 'not valid UTF-8' },
  E_PAYLOAD: { class: 'content', http: 422, mqtt: 0x99, text: 'the payload is not of the announced format' },
  E_FORMAT: { class: 'unsupported', http: 422, mqtt: 0x99, text: 'this payload format is not supported' },
  E_UNIT: { class: 'content', hl7: '103', http: 422, mqtt: 0x99, text: 'the unit does not fit the measurement' },
  E_VALUE_RANGE: {
    class: 'content',
    hl7: '102',
    http: 422,
    mqtt: 0x99,
    text: 'the value is impossible for this measurement',
  },
  E_FHIR_INVALID: { class: 'content', http: 422, mqtt: 0x99, text: 'not valid FHIR R4' },
  E_TYPE: { class: 'unsupported', hl7: '200', http: 422, mqtt: 0x99, text: 'this resource type is not supported' },
  E_BUNDLE: { class: 'unsupported', http: 422, text: 'this kind of Bundle or entry is not supported' },
  E_RECORD_TOO_LARGE: {
    class: 'unsupported',
    hl7: '207',
    http: 413,
    mqtt: 0x95,
    text: 'a record would be larger than the largest that is forwarded',
  },
  E_BODY_TOO_LARGE: { class: 'unsupported', http: 413, mqtt: 0x95, text: 'the message is larger than allowed' },
  E_IDEMPOTENCY: { class: 'content', http: 422, text: 'this Idempotency-Key came before with other content' },
  E_MEDIA_TYPE: { class: 'unsupported', http: 415, text: 'this content type or encoding is not supported' },
  E_NOT_FOUND: { class: 'unsupported', http: 404, text: 'there is nothing at this address' },
  E_HTTP: { class: 'syntax', http: 400, text: 'the HTTP request is malformed, too large in its headers, or too slow' },
  E_METHOD: { class: 'unsupported', http: 405, text: 'this method is not offered here' },
  E_TOKEN: { class: 'access', http: 401, text: 'no valid bearer token' },
  E_SCOPE: { class: 'access', http: 403, text: 'this client may not do that' },
  // MQTT
  E_MQTT_MALFORMED: { class: 'syntax', mqtt: 0x81, text: 'malformed MQTT packet' },
  E_MQTT_PROTOCOL: { class: 'syntax', mqtt: 0x82, text: 'MQTT protocol error' },
  E_MQTT_QOS: { class: 'unsupported', mqtt: 0x9b, text: 'this QoS is not supported' },
  E_MQTT_VERSION: { class: 'unsupported', mqtt: 0x84, text: 'this MQTT version is not supported' },
  E_MQTT_SECRET: { class: 'access', mqtt: 0x86, text: 'device id or secret is wrong' },
  E_MQTT_TOPIC: { class: 'access', mqtt: 0x87, text: 'this topic does not belong to the device' },
  E_MQTT_TOPIC_NAME: { class: 'syntax', mqtt: 0x90, text: 'the topic name is not valid' },
  E_MQTT_RETAIN: { class: 'unsupported', mqtt: 0x9a, text: 'retained messages are not supported' },
  E_MQTT_RECEIVE_MAXIMUM: { class: 'syntax', mqtt: 0x93, text: 'more messages in flight than the receive maximum' },
  E_MQTT_TAKEN_OVER: { class: 'later', mqtt: 0x8e, text: 'another connection took over this session' },
  E_MQTT_KEEP_ALIVE: { class: 'later', mqtt: 0x8d, text: 'keep-alive timeout' },
  E_MQTT_TOPIC_ALIAS: { class: 'syntax', mqtt: 0x94, text: 'topic aliases are not supported' },
  E_MQTT_SUBSCRIPTION_ID: { class: 'unsupported', mqtt: 0xa1, text: 'subscription identifiers are not supported' },
  E_MQTT_LOCKED: { class: 'access', mqtt: 0x9f, text: 'too many wrong secrets; wait a minute' },
  // ours to mend: a positive answer, held for a person
  E_NO_PATIENT: { class: 'held', text: 'nothing in the message identifies the patient' },
  E_NO_WEARER: { class: 'held', text: 'nobody wore the device at that time' },
  E_REFERENCE: { class: 'held', text: 'a reference leads neither into the message nor to an identifier' },
  E_MERGE_CYCLE: { class: 'held', text: 'the merge would make a circle' },
  E_PRIVACY_NO_RULE: { class: 'held', text: 'no privacy rule for a required element' },
  E_PRIVACY_SCAN: { class: 'held', text: 'an identifier would have stayed readable' },
  E_OUTPUT_INVALID: { class: 'held', text: 'our own translation is not valid FHIR R4' },
  E_SEALED_INVALID: { class: 'held', text: 'the sealed resource is not valid FHIR R4' },
  E_TRANSLATOR: { class: 'held', text: 'the translator failed' },
  E_KILLER: { class: 'held', text: 'the message stopped the engine' },
  // not now
  E_FULL: { class: 'later', hl7: '207', http: 503, mqtt: 0x97, text: 'the box is full' },
  E_STOPPING: { class: 'later', hl7: '207', http: 503, mqtt: 0x8b, text: 'the gateway is stopping' },
  E_BUSY: { class: 'later', hl7: '207', http: 503, mqtt: 0x97, text: 'the gateway is busy' },
  E_ENGINE: { class: 'later', hl7: '207', http: 503, mqtt: 0x97, text: 'the engine is restarting' },
  // beside a positive answer
  E_UNMAPPED_SEGMENT: { class: 'note', text: 'a segment without a mapping stayed in the sealed original' },
  E_UNMAPPED_CODE: { class: 'note', text: 'a code without a mapping is on the work list' },
  E_PRUNED: { class: 'note', text: 'a value that does not fit was left out' },
  E_CHARSET_FALLBACK: { class: 'note', text: 'the declared character set is unknown; the sender default was used' },
  E_CHARSET_DOUBTFUL: {
    class: 'note',
    text: 'the bytes look like another character set than the one they were read in',
  },
  E_ACK: { class: 'note', text: 'an acknowledgement came in; nothing is answered to it' },
  E_NO_ZONE: { class: 'note', text: 'a time without zone was read in the zone of the sender' },
  E_DST_GAP: { class: 'note', text: 'a local time that the zone skips' },
  E_VERSION_EMPTY: { class: 'note', text: 'MSH-12 is empty; read as 2.5' },
  E_PROCESSING_ID_EMPTY: { class: 'note', text: 'MSH-11 is empty; taken as live' },
  E_ZONE_UNKNOWN: { class: 'note', text: 'a date and time without a zone was cut to its day' },
  E_PROVISIONAL: { class: 'note', text: 'nothing names this resource; its id holds for this message only' },
  E_RECEIPT_TIME: { class: 'note', text: 'no time of measurement was given; the time of receipt stands' },
  // the people who run the box
  E_CONFIG: { class: 'operator', exit: 78, text: 'the configuration has mistakes' },
  E_TLS_EXPIRES: { class: 'operator', text: 'a certificate of a listener runs out within 30 days, or has run out' },
  E_KEYS: { class: 'operator', exit: 78, text: 'the keys are missing or do not fit' },
  E_USAGE: { class: 'operator', exit: 64, text: 'this cannot be done as asked' },
  E_PORT_BUSY: { class: 'operator', exit: 69, text: 'the port is in use' },
  E_NOT_RUNNING: { class: 'operator', exit: 69, text: 'no running gateway was found' },
  E_DATABASE: { class: 'operator', exit: 74, text: 'the database cannot be used' },
  E_DISK: { class: 'operator', exit: 74, text: 'the disk refused a write' },
  E_ALREADY_RUNNING: { class: 'operator', exit: 69, text: 'another gateway uses this data folder' },
  E_INTERNAL: { class: 'operator', exit: 70, http: 500, text: 'a mistake in the gateway itself' },
  E_EPOCH: { class: 'operator', text: 'the database is older than its mark; a new epoch was begun' },
  E_HELD: { class: 'operator', text: 'messages are held for a person' },
  E_HELD_QUOTA: { class: 'operator', text: 'the held messages use up their share' },
  E_UPLINK_DOWN: { class: 'operator', exit: 69, text: 'the uplink does not answer' },
  E_UPLINK_AUTH: { class: 'operator', exit: 69, text: 'the uplink refuses the login or the rights' },
  E_UPLINK_CONFIG: { class: 'operator', exit: 78, text: 'the uplink or its topics are set up wrongly' },
  E_UPLINK_CLUSTER: { class: 'operator', exit: 69, text: 'the address belongs to another cluster than before' },
  E_UPLINK_PARTITIONS: {
    class: 'operator',
    text: 'a topic has more partitions than before; the new ones are not used',
  },
  E_UPLINK_GAP: { class: 'operator', text: 'rows that this uplink has not got are gone' },
  E_UPLINK_REJECTED: { class: 'operator', text: 'the uplink refused a record' },
  E_UPLINK_DOUBTFUL: { class: 'operator', text: 'an acknowledgement looked wrong; the batch is sent again' },
  E_STANDBY: { class: 'operator', text: 'the uplink that stands by cannot be reached' },
  E_SWITCHED: { class: 'operator', text: 'the uplink that stands by is in use' },
  E_OUTBOX_ROW: { class: 'operator', text: 'an outbox row does not open under the box key' },
  E_SEAL_OPEN_FAILED: { class: 'operator', text: 'a sealed value does not open' },
  E_DEMO_KEY: { class: 'operator', exit: 78, text: 'a key of purpose demo needs --allow-demo' },
} as const satisfies Record<Code, Row>

export type KnownCode = keyof typeof errors

/** The row of a code; unknown codes (there are none in a tested build) read as an internal mistake. */
export function errorRow(code: Code): Row {
  return (errors as Record<Code, Row>)[code] ?? errors.E_INTERNAL
}

/** An error of the gateway: a code and a place. Its message is fixed words, so it may be logged and shown. */
export class GatewayError extends Error {
  readonly code: KnownCode
  readonly at: string
  readonly detail: string

  constructor(code: KnownCode, at = '', detail = '') {
    super(`${code}: ${errors[code].text}${at ? ` at ${at}` : ''}${detail ? ` (${detail})` : ''}`)
    this.name = 'GatewayError'
    this.code = code
    this.at = at
    this.detail = detail
  }
}

/**
 * An uplink's trouble as a technician needs it. `cause`: the symbol of what the far side, TLS or the system said, never a
 * text of theirs. `advice`: one sentence, what to change. `waitMs`: how long to wait at least before the next attempt.
 */
export class UplinkError extends GatewayError {
  override readonly cause: string
  readonly advice: string
  readonly waitMs: Ms

  constructor(code: KnownCode, at: string, say: Readonly<{ cause: string; advice: string; waitMs: Ms }>) {
    super(code, at, say.cause)
    this.name = 'UplinkError'
    this.cause = say.cause
    this.advice = say.advice
    this.waitMs = say.waitMs
  }
}

/** Thrown by translators and the Protector: the message is refused (`never`) or held, for these reasons. */
export class Refusal extends Error {
  readonly kind: 'never' | 'held'
  readonly issues: readonly Issue[]

  constructor(issues: readonly [Issue, ...Issue[]]) {
    super(issues.map(issue => `${issue.code} at ${issue.at}`).join(', '))
    this.name = 'Refusal'
    this.kind = issues.some(issue => errorRow(issue.code).class === 'held') ? 'held' : 'never'
    this.issues = issues
  }
}

/** Refuses with one finding. */
export function refuse(code: KnownCode, at: string): never {
  throw new Refusal([{ code, at }])
}
