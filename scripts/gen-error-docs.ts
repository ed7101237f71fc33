/** Writes docs/reference/errors.md: for every code of src/errors.ts its meaning, what the sender saw, what to do. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type ErrorClass, errorRow, errors, type KnownCode } from '../src/errors.ts'
import { causes } from '../src/uplink/kafka/causes.ts'

/** What to do, by code. */
const advice: Readonly<Record<KnownCode, string>> = {
  E_NOT_HL7: 'Sender: the frame must begin with `MSH`. Check that this port is meant to get HL7 v2.',
  E_DELIMITERS: 'Sender: MSH-1 is one character, MSH-2 three to five different ones, usually `^~\\&`.',
  E_NO_CONTROL_ID: 'Sender: give every message its own MSH-10; without it no answer can be matched to it.',
  E_TWO_HEADERS:
    'Sender: one message a frame. An end block (FS CR) between two messages is missing, or a batch was sent without BHS.',
  E_MESSAGE_TYPE: 'Not translated in this release. Ask the sender to filter it, or wait for the release that takes it.',
  E_EVENT: 'As E_MESSAGE_TYPE, for one trigger event of a known type.',
  E_VERSION: 'Sender: MSH-12 must be 2.1 to 2.8.',
  E_PROCESSING_ID:
    'The sender profile says `test: refuse` and MSH-11 was `T` or `D`. Set `test: topic` to take test messages to the test topic.',
  E_SENDER:
    'No sender profile fits the listener, the certificate and the address of this connection. The log names them (`unknown sender`). Add a profile, or correct its `listener`, `certificates` or `addresses`, then send SIGHUP.',
  E_FRAME_EMPTY: 'Counted, not answered: there is nothing to answer to.',
  E_FRAME_BROKEN:
    'The half frame was thrown away and counted; the sender has no answer and sends again. Look at the network or the sender.',
  E_FRAME_NOISE:
    'Counted and skipped. A sender that does not speak MLLP, or one that restarts in the middle of a message.',
  E_TLS_PLAINTEXT:
    'Sender: this listener takes TLS only. Switch TLS on, or check the port. An HTTP client or a port scan looks the same.',
  E_TLS_VERSION: 'Sender: TLS 1.2 or 1.3 with a current cipher. An old Java or Windows needs them switched on.',
  E_TLS_HANDSHAKE:
    'The connection was given up, broke or said nothing for ten seconds before it was secure. Often: the sender does not take our certificate and says nothing, or a monitor only knocks. The log has `cause`.',
  E_TLS_DISTRUSTED:
    'Sender: trust the authority of the certificate in `tls.cert`, and connect by a name that is in it. `tls.cert` must hold the chain.',
  E_CERTIFICATE_MISSING: 'Sender: show a client certificate. Or set `clientCertificates: ask` or `none`.',
  E_CERTIFICATE_EXPIRED: 'Sender: renew the certificate; or the clock of the box is wrong.',
  E_CERTIFICATE_EARLY: 'Sender: wrong certificate, or the clock of the box or of the authority is wrong.',
  E_CERTIFICATE_UNTRUSTED:
    'The certificate is not of the authority in `tls.ca`, its chain is not complete, or it is not meant for clients. The log has `cause`, the symbol of OpenSSL.',
  E_BATCH:
    'Sender: FHS, then for each batch BHS, messages and BTS, then FTS; FHS with FTS and BTS may be left out. The messages themselves were answered one by one.',
  E_BATCH_COUNT:
    'Sender: BTS-1 is the number of messages of the batch, FTS-1 the number of batches. The messages that came were answered one by one; look whether some are missing.',
  E_MESSAGE_PARTS: 'Sender: more segments or fields than a real message has.',
  E_CHARSET: 'Sender: the bytes do not fit MSH-18. Correct MSH-18, or the profile’s `charset` where MSH-18 is empty.',
  E_SEGMENT_MISSING: 'Sender: the segment named in ERR-2 is required by the message structure.',
  E_TWO_PATIENTS: 'Sender: send an ADT for every patient; A01, A03, A04, A08 and A31 are about one.',
  E_FIELD_MISSING: 'Sender: fill the place named in ERR-2 (HL7), the path (FHIR, trackers).',
  E_FIELD_TYPE: 'Sender: for example an OBX-2 of NM with a text in OBX-5. Correct OBX-2 or the value.',
  E_DATE: 'Sender: not a real date or time, or not in the form of the standard.',
  E_CODE: 'Sender: the code is not in the HL7 table or value set of this place.',
  E_FRAME_TOO_LARGE:
    'The connection was closed. Larger documents come with a later release; raise `sources.mllp.maxFrame` only up to the record limit.',
  E_JSON: 'Sender: the payload is not JSON.',
  E_JSON_DEPTH: 'Sender: nested more than 64 levels.',
  E_JSON_KEY:
    'Sender: a member name came twice, or is one that programs misread (`__proto__`, `constructor`, `prototype`).',
  E_UTF8: 'Sender: encode as UTF-8.',
  E_PAYLOAD: 'Sender: the payload is JSON, but not of the format that the topic names.',
  E_FORMAT: 'Sender: see adapters/trackers/README.md for the formats. The last topic level names the format.',
  E_UNIT: 'Sender: see the table of vital signs in adapters/trackers/README.md for the units of each measurement.',
  E_VALUE_RANGE: 'Sender: physically impossible (for example a heart rate of 900/min). The reading is never forwarded.',
  E_FHIR_INVALID: 'Sender: the OperationOutcome names the element. The official validator of HL7 explains more.',
  E_TYPE: 'Sender: see GET /fhir/metadata for the types taken. A type is taken when its privacy rules are complete.',
  E_BUNDLE: 'Sender: transactions with POST or conditional PUT entries are taken; batches and messages come later.',
  E_RECORD_TOO_LARGE:
    'Sender: one resource would be a record above 900 kB. Documents in chunks come with a later release.',
  E_BODY_TOO_LARGE: 'Sender: split the message, or raise `sources.fhir.maxBody` or `sources.mqtt.maxPacket`.',
  E_IDEMPOTENCY: 'Sender: use a new Idempotency-Key for new content.',
  E_MEDIA_TYPE: 'Sender: `application/fhir+json`, without Content-Encoding.',
  E_NOT_FOUND: 'Sender: POST /fhir/<type>, POST /fhir, GET /fhir/metadata.',
  E_HTTP: 'Sender: headers of at most 16 KiB, sent within 5 s, the whole request within a minute.',
  E_METHOD: 'Sender: this gateway takes data in; it is not a FHIR server to read from.',
  E_TOKEN: 'Make a client with `clinic-gateway clients add` and send its token as `Authorization: Bearer …`.',
  E_SCOPE: 'The client was made without this resource type. Make one with `--scope TYPE`.',
  E_MQTT_MALFORMED: 'The connection was ended: the bytes are not an MQTT packet.',
  E_MQTT_PROTOCOL:
    'The connection was ended: a packet that is not allowed here (a second CONNECT, packet id 0, reserved bits).',
  E_MQTT_QOS: 'Device: publish with QoS 0 or 1. QoS 2 comes with the tracker release.',
  E_MQTT_VERSION: 'Device: MQTT 3.1.1 or 5.',
  E_MQTT_SECRET:
    'Client id and user name are the device’s id, the password its secret from `clinic-gateway devices add`. Too many wrong ones lock the address out for a while.',
  E_MQTT_TOPIC: 'Device: publish to `trackers/<own id>/<format>`, subscribe to the own `status` and `command` only.',
  E_MQTT_TOPIC_NAME: 'Device: a topic without wildcards, NUL or broken UTF-8.',
  E_MQTT_RETAIN: 'Device: publish without the retain flag.',
  E_MQTT_RECEIVE_MAXIMUM: 'Device: wait for PUBACKs; the receive maximum stands in CONNACK.',
  E_MQTT_TAKEN_OVER:
    'Another connection with the same client id came. If it was not the same device, give it a secret of its own.',
  E_MQTT_LOCKED:
    'Too many wrong secrets for this device came from this address; more of them are answered late for a while, the right one at once. Look for the device that has an old secret.',
  E_MQTT_SUBSCRIPTION_ID: 'Device: subscribe without a subscription identifier.',
  E_MQTT_TOPIC_ALIAS: 'Device: send the whole topic; CONNACK says that no aliases are taken.',
  E_RECEIPT_TIME:
    'The payload has no device time; the time of receipt stands in for it. Give the device a clock or its readings a time.',
  E_MQTT_KEEP_ALIVE: 'The device said nothing for one and a half times its keep-alive.',
  E_NO_PATIENT:
    'Held. PID-3 (and PV1-19) name nobody: check the profile’s `identifying` and `authorities`, or drop the message and have it sent again, corrected.',
  E_NO_WEARER: 'Held. Assign the device for that time: `clinic-gateway devices assign`.',
  E_REFERENCE:
    'Held. The sender refers to a resource by an id of its own; let it refer by identifier, or send both in one transaction.',
  E_MERGE_CYCLE:
    'Held. The merge says that two patients replaced each other. Ask the sending system which one is right.',
  E_PRIVACY_NO_RULE:
    'Held. Something that changes the meaning (a modifier extension, implicitRules) may neither be sealed nor shown.',
  E_PRIVACY_SCAN:
    'Held. A name, number or address of the person stood in a place that stays readable, and would not go.',
  E_OUTPUT_INVALID:
    'Held: a mistake in our translation. Report it with the output of `held show` (no patient data in it).',
  E_SEALED_INVALID: 'Held: a mistake in our sealing. Report it as above.',
  E_TRANSLATOR: 'Held: a mistake in our translation. The log names file and line; report it.',
  E_KILLER: 'Held as it came, untranslated: it stopped the engine. All other messages went on. Report it.',
  E_FULL: 'Free space or raise `data.budget`; see whether the uplink is up. Senders keep their messages and try again.',
  E_STOPPING: 'The gateway is being stopped. Senders try again.',
  E_BUSY: 'More is waiting than the memory cap allows. Senders try again; if it lasts, look at the disk.',
  E_ENGINE: 'The engine was replaced. Senders try again; the log says why.',
  E_UNMAPPED_SEGMENT: 'Nothing to do; the segment is in the sealed original and can be translated later.',
  E_UNMAPPED_CODE: 'Map the code in the sender profile (`codes`); `clinic-gateway codes` lists where it came up.',
  E_PRUNED: 'Nothing to do, or ask the sender to correct the place named.',
  E_CHARSET_FALLBACK: 'Ask the sender to correct MSH-18.',
  E_CHARSET_DOUBTFUL:
    'Look at a name of this sender with a letter outside ASCII; if it is wrong, have MSH-18 corrected (or the profile’s `charset`, where MSH-18 is empty) and the message sent again.',
  E_ACK: 'Nothing to do. If it is much: the sender acknowledges acknowledgements; ask it to stop.',
  E_NO_ZONE: 'Check that the profile’s `zone` is the zone of the sender’s clock.',
  E_DST_GAP: 'A local time that does not exist on that day; it was moved by the length of the gap.',
  E_VERSION_EMPTY: 'Ask the sender to fill MSH-12; until then its messages are read as version 2.5.',
  E_PROCESSING_ID_EMPTY: 'Ask the sender to fill MSH-11 with `P`.',
  E_ZONE_UNKNOWN: 'Give the sender profile a `zone`.',
  E_PROVISIONAL:
    'Ask the sender for an order or result number (OBR-3, OBX-21), a FHIR identifier, or a device time; without one a correction cannot find what it corrects.',
  E_CONFIG:
    'Each line names file, line, setting and what is expected. As an alarm: a reload (SIGHUP) found mistakes, the log has them, and nothing was changed; mend them and send SIGHUP again.',
  E_TLS_EXPIRES:
    'Renew the files of `tls.cert` and `tls.key`, then send SIGHUP to the gateway. Connections stay; new ones see the new certificate.',
  E_KEYS:
    'The key named is missing, readable by others, or of another purpose or tenant. `init --demo` makes throw-away keys.',
  E_USAGE: '`clinic-gateway COMMAND --help` shows options and examples.',
  E_PORT_BUSY: 'Another program listens there. `--set sources.mllp.port=12575` (or 0 = any free port).',
  E_NOT_RUNNING: 'Start the gateway, or name its configuration with `--config`.',
  E_DATABASE:
    'The database file is damaged or of another version or gateway. Set the data folder aside (do not delete it) and start with a new one; the uplink has everything up to its cursor.',
  E_DISK:
    'The disk refused a write or a sync. The process ends on purpose and recovers when it is started again; look at the disk before that.',
  E_ALREADY_RUNNING: 'A gateway holds this data folder. Ask it through its admin API, or stop it.',
  E_INTERNAL: 'Our mistake. The log names file and line; report it.',
  E_EPOCH:
    'The database was reverted (a snapshot, a restored copy, a damaged tail). Numbers go on under a new epoch; readers cope. Find out who reverted it.',
  E_HELD: '`clinic-gateway held list` says which and why.',
  E_HELD_QUOTA: 'Decide about the held messages (`held list`, `held drop`).',
  E_UPLINK_DOWN:
    'Usually the network or the cluster; the gateway tries again without end and keeps everything. [What it can be](uplink-troubles.md).',
  E_UPLINK_AUTH:
    '`clinic-gateway check --online` names what is refused and what to change; `clinic-gateway topics acls` prints the rights that are needed.',
  E_UPLINK_CONFIG: 'The log names topic and setting. `clinic-gateway topics create` makes topics as they must be.',
  E_UPLINK_CLUSTER:
    'The address leads to another cluster than the one that got the records so far; nothing is sent to it. If that is meant: `clinic-gateway uplinks accept NAME`.',
  E_UPLINK_PARTITIONS:
    'The gateway goes on with the partitions that the topic had when it was first seen, so that a key keeps its place. To use the new ones: `clinic-gateway uplinks accept NAME`; later records of a key may then be in another partition than its earlier ones.',
  E_UPLINK_GAP:
    '`clinic-gateway uplinks` names the rows; the log had to give them up while the uplink was away or not configured. Copy them from the other cluster, the box has them no more; then `clinic-gateway uplinks accept NAME`.',
  E_UPLINK_REJECTED:
    'The cluster refuses one record for good (size, format). It is parked, its place kept; the next ones went on. `clinic-gateway outbox list` and `outbox show` say which; when the cause is mended, `outbox retry`.',
  E_UPLINK_DOUBTFUL: 'The batch is sent again with the same numbers; readers drop what they have.',
  E_STANDBY:
    'A switch would not work now. `clinic-gateway status` says why it does not connect; everything goes on through the first uplink.',
  E_SWITCHED:
    'Records go to the second cluster, by command or because the first was away too long. When the first is well again: `clinic-gateway uplinks switch NAME` with its name.',
  E_OUTBOX_ROW:
    'The row was damaged on the disk or the box key is another one. It is parked and cannot be sent again; check the disk. `clinic-gateway outbox list` says which.',
  E_SEAL_OPEN_FAILED: 'The element stays masked. A key record is missing, or the value was changed or moved.',
  E_DEMO_KEY: 'Records under throw-away keys are not for real use; add `--allow-demo` to open them.',
}

const classes: Readonly<Record<ErrorClass, string>> = {
  content: 'refused: the sender can mend it',
  syntax: 'refused: not readable',
  unsupported: 'refused: not supported',
  access: 'refused: who is asking',
  held: 'positive answer; held for a person, with an alarm',
  later: 'not now: the sender keeps it and tries again',
  note: 'positive answer; noted beside it',
  operator: 'for the people who run the box',
}

/** The text of docs/reference/errors.md. */
export function errorDocs(): string {
  const parts = (Object.keys(errors) as KnownCode[]).map(code => {
    const row = errorRow(code)
    return `### ${code}\n\n${capital(row.text)}. *${capital(classes[row.class])}.* ${seen(row)}\n\n${advice[code]}\n`
  })
  return `# Error codes\n\n<!-- generated by scripts/gen-error-docs.ts -->\n\nEvery code: what it means, what the sender saw, what to do. Answers and logs name code and place, never a value.\n\n${parts.join('\n')}`
}

/** The text of docs/reference/uplink-troubles.md. */
export function uplinkTroubles(): string {
  const rows = causes.map(({ named, code, kind, advice }) => `| ${named} | \`${code}\` | ${kind} | ${advice} |`)
  const head = `# What can be wrong with an uplink

<!-- generated by scripts/gen-error-docs.ts -->

The log line \`uplink down\`, \`trouble\` in \`/status\`, \`check --online\` and the other commands name a code, the place (a
setting, a topic, the uplink), the symbol of what the cluster, TLS, the proxy or the system said, and what to change. The
first row that fits counts; \`*\` stands for anything. Whatever it is, messages are taken and kept, and the uplink tries
again: a refused login after 30 s, since clusters lock accounts, everything else after at most 4 s.

*config*: a setting is wrong, here or there. *auth*: login, certificate or rights are refused. *transient*: it may pass by
itself. *record*: one record is refused and parked.

| symbol | code | kind | what to change |
|---|---|---|---|`
  return `${[head, ...rows].join('\n')}\n`
}

function seen(row: ReturnType<typeof errorRow>): string {
  const hl7 = row.hl7
    ? [
        `HL7 ${row.class === 'later' ? 'no answer, or `AR`' : row.class === 'content' ? '`AE`' : '`AR`'} with ERR-3 \`${row.hl7}\``,
      ]
    : []
  const http = row.http ? [`HTTP ${row.http}`] : []
  const mqtt = row.mqtt ? [`MQTT 5 0x${row.mqtt.toString(16)}`] : []
  const exit = row.exit ? [`exit code ${row.exit}`] : []
  const ways = [...hl7, ...http, ...mqtt, ...exit]
  return ways.length > 0 ? `Seen as: ${ways.join(', ')}.` : ''
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../docs/reference/errors.md', import.meta.url), errorDocs())
  writeFileSync(new URL('../docs/reference/uplink-troubles.md', import.meta.url), uplinkTroubles())
}
