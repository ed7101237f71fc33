/**
 * A second cluster: `node test/kafka/standby.ts [--short] [--only NAME,…]`. Two real clusters of one node, MirrorMaker 2 from
 * A to B, the gateway as its users start it, load over MLLP and MQTT. Each scenario prints one JSON line; exit 1 when a
 * reader of either cluster misses a message or a row, gets one twice, or out of order.
 *
 * both       each cluster gets everything, and one that is away does not delay the other
 * command    A dies with rows that it acknowledged and the mirror never brought; after a while `uplinks switch b`, so that
 *            a new epoch begins; the box is killed; A comes back with a late mirror; `uplinks switch a`
 * automatic  A hangs, as behind a line that is cut without a word; the box switches by itself after `switchAfter`, and
 *            everything goes out in order; the rest as above
 * drill      twice there and back while A and the mirror are well; back with the box stopped
 * control    the same death, and a lag that is too short: the reader of B must miss rows, and go on missing them when the
 *            mirror brings them late; `outbox resend` brings them
 *
 * With each switch repeats must show when the reader has no marks, or nothing was sent again at all. --short: `command` and
 * `control`.
 */
import { parseArgs } from 'node:util'
import { kafkaMissing, type LocalKafka, startKafka } from '../../scripts/kafka/local.ts'
import { type Mirror, startMirror } from '../../scripts/kafka/mirror.ts'
import { type Line, Load } from '../crash/load.ts'
import { Box, pause } from '../e2e/box.ts'
import { randomFrom } from '../random.ts'
import { print } from './namespace.ts'
import {
  type Ends,
  endsOf,
  isBefore,
  type Judgement,
  judgeTopics,
  misses,
  readTopics,
  type Stored,
  seqOf,
} from './reading.ts'

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false }, only: { type: 'string' } } })

const prefix = 'demo'
const patients = 12
const load = { patients, everyMs: 600, ways: ['mllp', 'mqtt'], random: randomFrom(1) } as const
/** Rows that a phase lets pass before it goes on. */
const some = values.short ? 200 : 1000
/** Rows that A acknowledges while the mirror is dead. */
const unmirrored = 60
const patienceMs = 90_000

type Report = Readonly<{ good: boolean; line: object }>
type Place = Readonly<{ a: LocalKafka; b: LocalKafka; box: Box; senders: Load }>
type Scenario = Readonly<{ ofB: string; run: (place: Place) => Promise<Report> }>

const scenarios: Readonly<Record<string, Scenario>> = {
  both: { ofB: '', run: both },
  command: { ofB: standby('20s'), run: place => failOver(place, killed, 2) },
  automatic: { ofB: `${standby('20s')}, switchAfter: 5s, catchUp: order`, run: place => failOver(place, hanging, 1) },
  drill: { ofB: standby('20s'), run: drill },
  control: { ofB: standby('0s'), run: control },
}

/** How A goes and comes, and who brings B in. */
type Fate = Readonly<{
  down: (place: Place) => Promise<void>
  turn: (place: Place) => Promise<void>
  up: (place: Place) => Promise<void>
}>
const killed: Fate = {
  down: ({ a }) => a.kill(),
  /** A person notices late: by then the rows of the lag count as history. */
  turn: async place => {
    await pause(8000)
    await switchTo(place, 'b')
  },
  up: ({ a }) => a.restart(),
}
const hanging: Fate = {
  down: async ({ a }) => a.pause(),
  turn: async () => {},
  up: async ({ a }) => a.resume(),
}

const short = ['command', 'control']
const chosen = values.only?.split(',') ?? (values.short ? short : Object.keys(scenarios))
const missing = kafkaMissing()
if (missing) print({ scenario: 'standby', skipped: missing })
else for (const name of chosen) await report(name)

async function report(name: string): Promise<void> {
  const started = performance.now()
  const { good, line } = await play(scenarios[name]!).catch(error => ({ good: false, line: { failed: String(error) } }))
  print({ scenario: `standby ${name}`, good, ...line, seconds: Math.round((performance.now() - started) / 1000) })
  if (!good) process.exitCode = 1
}

function standby(lag: string): string {
  return `, mode: standby, mirrorLag: ${lag}`
}

/** Two clusters with their topics, and a box under load. */
async function play({ ofB, run }: Scenario): Promise<Report> {
  const [a, b] = await Promise.all([startKafka(), startKafka()])
  const uplink = (name: string, { bootstrap }: LocalKafka, more: string) =>
    `  - { name: ${name}, type: kafka, brokers: ["${bootstrap}"]${more} }`
  const lines = `${uplink('a', a, '')}\n${uplink('b', b, ofB)}`
  const yaml = (text: string) => text.replace(/ {2}- \{ name: cloud.*\}/, lines)
  try {
    await using box = await Box.init({ yaml, preload: ['test/kafka/hurry.ts'] })
    await command(box, 'topics', 'create', '--partitions', '4')
    await box.start()
    const senders = new Load(box, load)
    await senders.start()
    return await run({ a, b, box, senders })
  } finally {
    await Promise.all([a.stop(), b.stop()])
  }
}

async function command(box: Box, ...argv: readonly string[]): Promise<void> {
  const { code, err } = await box.cli(...argv, '--config', '.demo/gateway.yaml')
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${err}`)
}

/** B is away for a while: A goes on as if nothing had happened, and B gets it all when it is back. */
async function both({ a, b, box, senders }: Place): Promise<Report> {
  await passed(box, 'b', some)
  await b.kill()
  await waitFor('B is down', async () => (await uplink(box, 'b')).state === 'down')
  await passed(box, 'a', (await box.status()).engine.seq + some)
  await b.restart()
  const { diary, seq } = await settle(box, senders)
  const judged = {
    a: judge([await readTopics(a.bootstrap, prefix)], box, diary, seq),
    b: judge([await readTopics(b.bootstrap, prefix)], box, diary, seq),
  }
  return { good: isGood(judged), line: { answered: diary.length, ...judged } }
}

/**
 * A and the mirror go, B is brought in, a reader of B has everything. A comes back with a late mirror; back to A. `epochs`:
 * so many must be on B after the switch.
 */
async function failOver(place: Place, fate: Fate, epochs: number): Promise<Report> {
  const { a, b, box, senders } = place
  const death = await lose(place, fate)
  await fate.turn(place)
  await waitFor('B is in use', async () => (await uplink(box, 'b')).inUse)
  await waitFor('people are told', () => isAlarmed(box, 'E_SWITCHED'))
  // the choice outlives a crash
  await box.kill()
  await box.start()
  await passed(box, 'b', (await box.status()).engine.seq + some)
  const onB = await answeredBy(box, senders, 'b')
  const atB = await readTopics(b.bootstrap, prefix)
  const { gap, resentFrom } = afterDeath(death, atB)

  await fate.up(place)
  const late = await mirror(place)
  await switchTo(place, 'a')
  await waitFor('the alarm is over', async () => !(await isAlarmed(box, 'E_SWITCHED')))
  await passed(box, 'a', (await box.status()).engine.seq + some)
  const { diary, seq } = await settle(box, senders)
  const finalA = await readTopics(a.bootstrap, prefix)
  const finalB = await complete(b, finalA, atB, gap)
  await late.stop()

  const judged = {
    bAfterTheSwitch: judge([atB], box, onB.diary, onB.seq),
    a: judge([finalA], box, diary, seq),
    b: judge([finalB], box, diary, seq),
    fromAToBToA: judge([finalA.filter(isBefore(death.endsOfA)), atB, finalA], box, diary, seq),
  }
  const { doubledRows: withoutMarks } = judge([finalB], box, diary, seq, false)
  const mirroredTwice = repeatsBelow(resentFrom, finalB)
  const found = { epochs: epochsOf(atB), gap: gap.length, gapFrom: gap[0]!, resentFrom, withoutMarks, mirroredTwice }
  const sentAgain = resentFrom > 1 && resentFrom <= found.gapFrom && withoutMarks >= gap.length
  const good = isGood(judged) && sentAgain && found.epochs === epochs
  return { good, line: { answered: diary.length, ...found, ...judged } }
}

/** As failOver, with a lag that is too short: what the mirror did not bring is not on B, and never counts when it comes late. */
async function control(place: Place): Promise<Report> {
  const { a, b, box, senders } = place
  const death = await lose(place, killed, true)
  await switchTo(place, 'b')
  await passed(box, 'b', (await box.status()).engine.seq + some)
  const { diary, seq } = await settle(box, senders)
  const atB = await readTopics(b.bootstrap, prefix)
  const { gap } = afterDeath(death, atB)

  await a.restart()
  const late = await mirror(place)
  const tooLate = await complete(b, await readTopics(a.bootstrap, prefix), atB, gap)
  await late.stop()

  await command(box, 'outbox', 'resend', '--uplink', 'b', '--from', String(gap[0]), '--to', String(gap.at(-1)))
  await waitFor('all is sent again', async () => (await box.status()).engine.seq >= seq + gap.length)
  await drained(box)
  const end = (await box.status()).engine.seq
  const judged = {
    b: judge([atB], box, diary, seq),
    bWithALateMirror: judge([tooLate], box, diary, seq),
    bAfterResend: judge([await readTopics(b.bootstrap, prefix)], box, diary, end),
  }
  const line = { answered: diary.length, gap: gap.length, ...judged }
  const { b: first, bWithALateMirror: second, bAfterResend: third } = judged
  return { good: first.lost > 0 && first.lostRows > 0 && second.lost === first.lost && third.lost === 0, line }
}

/** There and back twice while everything is well, with the mirror at work all the time; back with the box stopped. */
async function drill(place: Place): Promise<Report> {
  const { a, b, box, senders } = place
  const running = await mirror(place)
  await passed(box, 'a', some)
  await passed(box, 'b', 1)
  for (let round = 0; round < 2; round++) {
    await switchTo(place, 'b')
    await passed(box, 'b', (await box.status()).engine.seq + some)
    await box.term()
    await switchTo(place, 'a')
    await box.start()
    await passed(box, 'a', (await box.status()).engine.seq + some)
  }
  const { diary, seq } = await settle(box, senders)
  const finalA = await readTopics(a.bootstrap, prefix)
  const finalB = await complete(b, finalA, [], [])
  await running.stop()
  const judged = { a: judge([finalA], box, diary, seq), b: judge([finalB], box, diary, seq) }
  const { doubledRows } = judge([finalB], box, diary, seq, false)
  const line = { answered: diary.length, withoutMarks: doubledRows, ...judged }
  return { good: isGood(judged) && doubledRows > 0, line }
}

/** Rows that the box never sent to B, and that stand there more than once: the late mirror began again from the start. */
function repeatsBelow(seq: number, records: readonly Stored[]): number {
  const below = records.map(seqOf).filter(one => one < seq)
  return below.length - new Set(below).size
}

function epochsOf(records: readonly Stored[]): number {
  return new Set(records.map(({ headers }) => headers['cg-epoch'])).size
}

/** How A ended: `through` is the last row that it acknowledged; the mirror had brought B as far as `endsOfB`. */
type Death = Readonly<{ through: number; endsOfA: Ends; endsOfB: Ends }>

/**
 * The mirror dies, A goes on for a while and goes as well. The standby has moved on with A before; `follows`: it has even
 * after the mirror's death, which is what the lag is there to prevent.
 */
async function lose(place: Place, { down }: Fate, follows = false): Promise<Death> {
  const { a, b, box } = place
  const running = await mirror(place)
  await passed(box, 'a', some)
  await passed(box, 'b', 1)
  const { through: known } = await uplink(box, 'a')
  await waitFor('the mirror keeps up', async () => countOf(await endsOf(b.bootstrap, prefix)) >= known)
  await running.kill()
  const [endsOfA, endsOfB] = [await endsOf(a.bootstrap, prefix), await endsOf(b.bootstrap, prefix)]
  const enough = (await box.status()).engine.seq + unmirrored
  await passed(box, 'a', enough)
  if (follows) await passed(box, 'b', enough)
  await down(place)
  const { through } = await uplink(box, 'a')
  return { through, endsOfA, endsOfB }
}

function countOf(ends: Ends): number {
  return [...ends.values()].reduce((sum, end) => sum + end, 0)
}

/** The rows that A acknowledged and the mirror never brought, and the first row that the box itself sent to B. */
function afterDeath({ through, endsOfB }: Death, atB: readonly Stored[]) {
  const mirrored = atB.filter(isBefore(endsOfB))
  const brought = new Set(mirrored.map(seqOf))
  const gap = Array.from({ length: through }, (_, i) => i + 1).filter(seq => !brought.has(seq))
  if (gap.length < unmirrored || mirrored.length === 0) throw new Error('the mirror brought nothing, or everything')
  const direct = atB.filter(record => !isBefore(endsOfB)(record))
  return { gap, resentFrom: Math.min(...direct.map(seqOf)) }
}

function mirror({ a, b }: Place): Promise<Mirror> {
  return startMirror({ from: a.bootstrap, to: b.bootstrap, topics: `${prefix}\\..*` })
}

/** B's records, once the mirror has brought all that A has; what it brings late comes after `atB`. */
async function complete(b: LocalKafka, ofA: readonly Stored[], atB: readonly Stored[], late: readonly number[]) {
  const known = new Set(atB.map(placeOf))
  let records: readonly Stored[] = []
  await waitFor('the mirror is through', async () => {
    records = await readTopics(b.bootstrap, prefix)
    const all = new Set(records.map(seqOf))
    const added = new Set(records.filter(record => !known.has(placeOf(record))).map(seqOf))
    return ofA.every(record => all.has(seqOf(record))) && late.every(seq => added.has(seq))
  })
  return records
}

function placeOf({ topic, partition, offset }: Stored): string {
  return `${topic}/${partition}/${offset}`
}

async function switchTo({ box }: Place, name: string): Promise<void> {
  await command(box, 'uplinks', 'switch', name)
}

async function isAlarmed(box: Box, code: string): Promise<boolean> {
  return (await box.status()).alarms.some(alarm => alarm.code === code)
}

async function uplink(box: Box, name: string) {
  const found = (await box.status()).uplinks.find(one => one.name === name)
  return found as NonNullable<typeof found> & { inUse: boolean; history: number }
}

/** Waits until an uplink has acknowledged the row. */
async function passed(box: Box, name: string, seq: number): Promise<void> {
  await waitFor(`${name} has row ${seq}`, async () => (await uplink(box, name)).through >= seq)
}

type Until = Readonly<{ diary: readonly Line[]; seq: number }>

/** What was answered until now, once all of it is acknowledged by the uplink. The load goes on. */
async function answeredBy(box: Box, senders: Load, name: string): Promise<Until> {
  const diary = [...senders.diary]
  const { seq } = (await box.status()).engine
  await waitFor('what is old has gone out, too', async () => {
    const { through, history } = await uplink(box, name)
    return through >= seq && history === 0
  })
  return { diary, seq }
}

/** Everything answered and drained. */
async function settle(box: Box, senders: Load): Promise<Until> {
  await senders.stop()
  await drained(box)
  return { diary: senders.diary, seq: (await box.status()).engine.seq }
}

async function drained(box: Box): Promise<void> {
  await waitFor('drained', async () => (await box.status()).outbox.pending === 0)
}

type Parts = readonly (readonly Stored[])[]

function judge(parts: Parts, { reader }: Box, diary: readonly Line[], seq: number, marks = true): Judgement {
  return judgeTopics(parts, { reader, diary, patients, seq }, marks)
}

/** Nothing is wrong, and whoever reads to the end knows the same. */
function isGood(judged: Readonly<Record<string, Judgement>>): boolean {
  const clean = Object.values(judged).every(one => misses(one).length === 0)
  const { bAfterTheSwitch: _early, ...last } = judged
  return clean && new Set(Object.values(last).map(one => one.state)).size === 1
}

async function waitFor(what: string, look: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  while (!(await look())) {
    if (performance.now() > giveUpAt) throw new Error(`in vain: ${what}`)
    await pause(50)
  }
}
