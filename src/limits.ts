/** Every limit of the gateway that is not a setting: a name, a value, and why. Settings with defaults live in config/. */

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

export const limits = {
  /** Rows of one commit; above ~500 a commit is bound by CPU, not by the sync (evidence: buffer and MQTT, B2). */
  batchArrivals: 500,
  /** Bytes of arrivals in one commit. */
  batchBytes: 4 * MiB,
  /** Bytes of arrivals waiting for a verdict over all sources; above it, `later`. */
  inFlightBytes: 64 * MiB,
  inFlightArrivals: 20_000,
  /** A batch that takes longer to judge is committed in parts, so that large messages do not keep small ones waiting. */
  judgeMs: 500,
  /** The engine answers within this time or is replaced; a batch gets more for every MiB in it. */
  engineDeadlineMs: 10 * second,
  engineDeadlinePerMiBMs: 30 * second,
  /** The largest record that leaves: Kafka's default maximum is 1 MiB of batch. */
  recordBytes: 900_000,
  /** JSON nesting in any payload. */
  jsonDepth: 64,
  peekRows: 500,
  peekBytes: 4 * MiB,
  /** A page begins small with each connection and doubles while it takes less than a short time. */
  pageFirstBytes: 64 * KiB,
  pageLeastBytes: 16 * KiB,
  pageLeastRows: 20,
  pageShortMs: second / 2,
  /**
   * Larger ones are for lines that are far: near the cluster they gain little, and their rows live so long that V8 takes
   * them for old, which lets a drain grow by 100 MiB instead of 30 (bench/outage.ts).
   */
  pageNearBytes: 384 * KiB,
  /** A page that takes longer is halved: what is new waits for one page at most. */
  pageLongMs: 2 * second,
  /**
   * A record that timed out alone is given the time that it takes at this rate: 64 kbit/s, less what TLS and TCP add, and
   * half of it, since the system goes on sending what the attempt before left in its buffers.
   */
  slowestBytesPerSecond: 3 * KiB,
  /** A session is made anew after this: topics, settings and certificates are looked at again. */
  sessionMs: 15 * minute,
  /** A doubtful acknowledgement is over as soon as it is seen; people see it this long. */
  doubtfulShownMs: 10 * minute,
  /** How often the uplink that is not in use is tried, and the one that stands by follows. */
  standbyCheckMs: 30 * second,
  /** How often it is noted how far the first uplink is, for the one that follows. */
  standbySampleMs: minute,
  /** Back-off of an uplink: doubles from the first to the last. */
  backOffFirstMs: 200,
  backOffLastMs: 4 * second,
  /** Partitions of a topic that refuse, and none takes, until it is to blame; attempts after which one record is parked. */
  suspects: 8,
  suspectRounds: 5,
  /** A login that fails is not tried often: clusters lock accounts. */
  backOffLoginMs: 30 * second,
  /** An answer of an OAuth token endpoint: how long it may take, and its length. */
  tokenMs: 8 * second,
  tokenBytes: 64 * KiB,
  /** The longest answer of a broker; above it, it is not one. Descriptions of the largest clusters stay far below. */
  answerBytes: 16 * MiB,
  /** A file with a secret, a key or certificates; the bundle of all public authorities has a quarter of it. */
  secretFileBytes: MiB,
  /** A row that has waited so long for its uplink is history: what is new does not wait for it. */
  historyAfterMs: 15 * minute,
  /** Rows and bytes of one step that writes rows again, and how long the steps of one look at the log may take. */
  againRows: 200,
  againBytes: MiB,
  againMs: 50,
  /** Above this part of the budget sent things go early, and nothing is sent again that was sent already. */
  pressureShare: 0.6,
  /** Housekeeping: how often, how often while more is due than one turn does, and the time of a turn. */
  tidyEveryMs: minute,
  tidyAgainMs: second,
  tidyMs: 50,
  /** How long parked rows are given another try in one command. */
  retryMs: 2 * second,
  /** A data key: at most this long and this many uses (SEALING S1). */
  dataKeyMs: day,
  dataKeyUses: 2 ** 28,
  dataKeysInMemory: 20_000,
  /** An `ensure` with the same content is sent once in this time. */
  ensureMs: day,
  /** Places that are remembered, 500 bytes each. A laboratory's orders, ensured once each, push the others out in a quarter of an hour. */
  ensureInMemory: 10_000,
  /** Lifetimes of sealed originals (SEALING S7). */
  originalSentMs: 14 * day,
  originalHeldMs: 90 * day,
  originalRefusedMs: 72 * hour,
  originalRefusedRows: 1000,
  /** Held messages: at most this part of the budget, so that one sender whom nobody looks after cannot fill the box. */
  heldShare: 0.25,
  /** Rows and indexes of one message beside its bodies. */
  arrivalRowBytes: 600,
  seenMs: 7 * day,
  listRows: 200,
  /** The first line of an HL7 frame. It is read, and repeated in answers, before it is known who sent it. */
  hl7HeaderBytes: 128 * KiB,
  /** Segments of one HL7 message. */
  hl7Segments: 10_000,
  /** Fields, repetitions, components and subcomponents of one HL7 segment; a waveform in an OBX has tens of thousands. */
  hl7SegmentParts: 100_000,
  /** Messages of one HL7 batch or batch file, and as many headers and trailers. */
  hl7BatchMessages: 10_000,
  /** ERR segments (before v2.5: repetitions) of one HL7 answer. */
  hl7AnswerErrors: 20,
  /** Half-received frames over all MLLP connections; above it the connection that holds most is closed. */
  mllpHalfFrameBytes: 32 * MiB,
  /** From the connection to the end of its TLS handshake. */
  mllpHandshakeMs: 10 * second,
  /** A certificate of ours that runs out so soon is an alarm. */
  certificateSoonMs: 30 * day,
  /** Addresses of unknown MLLP senders that are logged, once each. */
  mllpStrangers: 1000,
  /** How long a connection of an unknown MLLP sender may be idle: all it can get is a refusal. */
  mllpStrangerMs: 10 * second,
  /** How long an MLLP connection is left unread before it is closed without an answer, so that senders do not storm. */
  mllpLaterMs: second,
  /** After our last word an MLLP peer has this long to read it and to hang up. */
  mllpLingerMs: 2 * second,
  /** Headers of one HTTP request: their bytes and the time they may take; then the time of the whole request. */
  httpHeaderBytes: 16 * KiB,
  httpHeadersMs: 5 * second,
  httpRequestMs: minute,
  /** How long an HTTP connection without a request stays open. */
  httpIdleMs: 65 * second,
  httpConnections: 500,
  /** Bodies being received over all HTTP connections; above it, 503. */
  httpBodyBytes: 32 * MiB,
  /** On stopping, how long requests in flight have. */
  httpStopMs: 10 * second,
  /** A new MQTT connection has this long, and its CONNECT this many bytes, before it is known who it is. */
  mqttConnectMs: 10 * second,
  mqttConnectBytes: 16 * KiB,
  /** MQTT connections of one address that are not known yet; above it the one that has waited longest is dropped. */
  mqttStrangers: 200,
  /** A packet that has begun is complete within this time. */
  mqttPacketMs: 30 * second,
  /** Longest keep-alive granted to MQTT 5 (Server Keep Alive); 3.1.1 has no word for it. */
  mqttKeepAliveMs: 20 * minute,
  /**
   * QoS 1 publishes of one MQTT 5 connection without an answer (Receive Maximum). More than `mqttUnanswered` and one read
   * of real payloads, because common clients (mqtt.js) do not keep it and would be thrown out again after every reconnect.
   */
  mqttReceiveMaximum: 1024,
  /** Publishes of one connection without a verdict; at either mark its socket is not read. Wider than devices' own windows, so that pings are seen. */
  mqttUnanswered: 256,
  mqttUnansweredBytes: MiB,
  /** Half-received packets over all MQTT connections; above it the connection that holds most is dropped. */
  mqttHalfPacketBytes: 32 * MiB,
  /** Answers that an MQTT peer does not read; above it, it is dropped. */
  mqttUnreadBytes: 64 * KiB,
  /** How long an MQTT 3.1.1 connection is left unread before it is closed without PUBACK, so that devices do not storm. */
  mqttLaterMs: second,
  /** After our last word an MQTT peer has this long to read it and to hang up. */
  mqttLingerMs: 2 * second,
  /** On stopping, how long publishes in flight have. */
  mqttStopMs: 10 * second,
  /** Wrong secrets of one device id from one address in `mqttLockMs`; then the pair is locked out for as long. */
  mqttWrongSecrets: 5,
  mqttLockMs: minute,
  /** Pairs of address and device id remembered for it; beyond, the oldest is forgotten. */
  mqttLocks: 10_000,
} as const
