/**
 * Tries an uplink from end to end before going live (`check --online`): files, names, connections, TLS, login, cluster,
 * topics and their settings, rights, a test record, the clock. It changes nothing of the box and works beside a running
 * gateway; what it leaves behind is one record on `<prefix>.test`, which readers skip.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Environment } from '../../environment.ts'
import { minute, second } from '../../limits.ts'
import type { Log } from '../../log.ts'
import type { Attachment } from '../../ports.ts'
import type { Ms, Sealed } from '../../records.ts'
import { causeOf } from '../kafka/causes.ts'
import { trouble } from '../kafka/classify.ts'
import { partitionOf } from '../kafka/partition.ts'
import { type KafkaSettings, openSession, withAdmin, withClient } from '../kafka/session.ts'
import { findingsOf } from '../kafka/topic-rules.ts'
import { type Sight, seeTopics } from '../kafka/topics.ts'
import { readProxy, readTls, unusableFiles } from '../way/credentials.ts'
import type { Way } from '../way/dial.ts'
import { oddFiles } from '../way/files.ts'
import { clockDifference, tokenClock } from './clock.ts'
import { addressOf, expiry, reach, resolveName, shakeHands } from './knock.ts'
import { operationsOn } from './operations.ts'
import { atSeed, type Broker, type Described, describeCluster } from './seed.ts'
import { type Found, type Note, type Step, type StepName, Steps } from './steps.ts'

export type { Result, Step } from './steps.ts'

export type ProbeOptions = Readonly<{
  /** What the box's cursor is tied to; null where it is new; a text says why that is not known. */
  attachment: Attachment | null | string
  /** The signed test record; a text says why there is none. */
  record: Sealed | string
}>

type Deps = Readonly<{ environment: Environment; log: Log }>
/** `signal` ends whatever is still tried when the time is over. */
type Parts = Deps & Readonly<{ signal: AbortSignal }>

/** All of it ends within this time. */
const wholeMs = 30 * second
/** Of one request; the product itself is more patient. */
const requestMs = 5 * second
const clockWarningMs = 1 * minute
const clockBadMs = 5 * minute

/** Runs all steps of one uplink, at most 30 s. Never rejects: what fails is a step with code, cause and advice. */
export async function probe(settings: KafkaSettings, options: ProbeOptions, deps: Deps): Promise<readonly Step[]> {
  const steps = new Steps(settings.name)
  const hasty = { ...settings, connectionTimeout: requestMs, requestTimeout: requestMs }
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const end = new AbortController()
  const cancel = deps.environment.after(wholeMs, () => {
    steps.fail('time', settings.name, trouble('NO_ANSWER', settings.name))
    resolve()
  })
  await Promise.race([new Probe(hasty, options, { ...deps, signal: end.signal }, steps).run(), late])
  cancel()
  steps.close()
  end.abort()
  return steps.list
}

class Probe {
  readonly #settings: KafkaSettings
  readonly #options: ProbeOptions
  readonly #deps: Parts
  readonly #steps: Steps

  constructor(settings: KafkaSettings, options: ProbeOptions, deps: Parts, steps: Steps) {
    this.#settings = settings
    this.#options = options
    this.#deps = deps
    this.#steps = steps
  }

  async run(): Promise<void> {
    const way = this.#files()
    if (!way) return
    const { brokers } = this.#settings
    const logins = await Promise.all(brokers.map(address => this.#enter(address, way)))
    const cluster = logins.find(login => login !== null)
    if (!cluster) return
    const named = cluster.brokers.filter(one => !brokers.includes(one))
    const others = await Promise.all(named.map(address => this.#enter(address, way)))
    const ids = new Set([...logins, ...others].flatMap(login => login?.id ?? []))
    this.#cluster([...ids])
    if (ids.size > 1) return this.#steps.add('topic', this.#settings.topicPrefix, untried)
    const sights = await this.#topics()
    const there = sights.filter(({ plan, found }) => plan.required && found === 'there')
    if (there.length > 0) await this.#rights(there.map(({ topic }) => topic))
    await this.#record(cluster.id)
  }

  async #enter(address: string, way: Way): Promise<Described | null> {
    return (await this.#knock(address, way)) ? this.#logIn(address) : null
  }

  /** Certificates, keys and secrets; null where one cannot be used. */
  #files(): Way | null {
    const { tls, proxy } = this.#settings
    const unusable = unusableFiles(this.#settings)
    for (const error of unusable) this.#steps.fail('files', error.at, error)
    if (unusable.length > 0) return null
    if (tls?.cert) {
      const end = Date.parse(new X509Certificate(readFileSync(tls.cert)).validTo)
      this.#steps.add('files', 'tls.cert', expiry('our certificate', end, this.#deps.environment.now()))
    }
    for (const { at, ...note } of oddFiles(this.#settings)) this.#steps.add('files', at, note)
    return { ...(tls && { tls: readTls(tls) }), ...(proxy && { proxy: readProxy(proxy) }) }
  }

  /** Each step only where the one before was good; says whether all were. */
  async #knock(text: string, way: Way): Promise<boolean> {
    const environment = { ...this.#deps.environment, signal: this.#deps.signal }
    const address = addressOf(text)
    const looks: readonly [StepName, () => Promise<Note>][] = [
      ['name', () => resolveName(address, way, environment)],
      ['connect', () => reach(address, way, environment)],
      ['tls', () => shakeHands(address, way, environment)],
    ]
    for (const [step, look] of looks.slice(0, way.tls ? 3 : 2)) {
      if (!(await this.#steps.run(step, text, async () => ({ note: await look(), found: true })))) return false
    }
    return true
  }

  /** Logs in at one address alone, so that each of them is known to work. */
  #logIn(address: string): Promise<Described | null> {
    const { sasl, tls } = this.#settings
    const note = sasl ? `as set by sasl (${sasl.mechanism})` : tls?.cert ? 'by our certificate' : 'none is set'
    return this.#steps.run('login', address, async () => ({
      note: { note },
      found: await this.#atSeed(describeCluster, [address]),
    }))
  }

  #atSeed<T>(work: (broker: Broker) => Promise<T>, brokers = this.#settings.brokers): Promise<T> {
    return withClient({ ...this.#settings, brokers }, this.#deps, kafka => atSeed(kafka, work))
  }

  #cluster(ids: readonly string[]): void {
    const { attachment } = this.#options
    const { name } = this.#settings
    const known = typeof attachment === 'string' ? null : (attachment?.cluster ?? null)
    const [first = ''] = ids
    if (ids.some(id => id !== (known ?? first))) {
      this.#steps.fail('cluster', name, trouble('E_UPLINK_CLUSTER', name))
    } else if (typeof attachment === 'string') {
      this.#steps.add('cluster', name, { result: 'warning', note: `${first}, not compared: ${attachment}` })
    } else {
      this.#steps.add('cluster', name, { note: known ? `${first}, as before` : first })
    }
  }

  async #topics(): Promise<readonly Sight[]> {
    try {
      const sights = await withAdmin(this.#settings, this.#deps, admin => seeTopics(admin, this.#settings.topicPrefix))
      for (const sight of sights) this.#topic(sight)
      return sights
    } catch (error) {
      this.#steps.fail('topic', this.#settings.topicPrefix, error)
      return []
    }
  }

  #topic(sight: Sight): void {
    const { plan, topic, found, partitions, replication, settings } = sight
    if (found !== 'there') {
      const symbol = found === 'missing' ? 'NO_SUCH_TOPIC' : 'TOPIC_AUTHORIZATION_FAILED'
      if (plan.required) this.#steps.fail('topic', topic, trouble(symbol, topic))
      return
    }
    const findings = findingsOf(sight)
    const { attachment } = this.#options
    const pinned = (typeof attachment === 'string' ? null : attachment)?.partitions[topic] ?? partitions
    if (!findings.some(({ result }) => result === 'bad')) {
      this.#steps.add('topic', topic, { note: `partitions ${partitions}, replicas ${replication}` })
    }
    for (const { setting, value, result, wanted } of findings) {
      const place = { note: `${setting}=${value}`, advice: `Should be ${wanted}.` }
      this.#steps.add('topic', topic, { result, code: 'E_UPLINK_CONFIG', ...place })
    }
    if (pinned !== partitions) this.#steps.add('topic', topic, { result: 'warning', ...repartitioned(pinned) })
    if (!settings) this.#steps.add('topic', topic, { result: 'warning', ...unread })
  }

  async #rights(topics: readonly string[]): Promise<void> {
    try {
      const held = await this.#atSeed(broker => operationsOn(broker, topics))
      if (!held) this.#steps.add('rights', '', { result: 'skipped', note: 'this cluster does not tell' })
      for (const [topic, operations] of held ?? []) {
        if (operations.has('write')) this.#steps.add('rights', topic, { note: 'may write' })
        else this.#steps.fail('rights', topic, trouble('TOPIC_AUTHORIZATION_FAILED', topic))
      }
    } catch (error) {
      this.#steps.fail('rights', this.#settings.topicPrefix, error)
    }
  }

  /** Sends the test record and waits for its acknowledgement, as the uplink sends all others. */
  async #record(cluster: string): Promise<void> {
    const { record } = this.#options
    const topic = `${this.#settings.topicPrefix}.test`
    if (typeof record === 'string') this.#steps.add('record', topic, { result: 'skipped', note: record })
    else if (this.#steps.anyBad) this.#steps.add('record', topic, untried)
    else return this.#clock(await this.#steps.run('record', topic, () => this.#send(record, cluster)))
    await this.#clock(null)
  }

  async #send(record: Sealed, cluster: string): Promise<Found<Sent>> {
    const { environment } = this.#deps
    const session = await openSession(this.#settings, cluster, this.#deps)
    try {
      const partition = partitionOf(record.key, session.topics.get(record.topic)!.partitions)
      const [began, before] = [environment.monotonic(), environment.now()]
      const time = await session.produce(record.topic, partition, [record])
      const note = { note: `acknowledged in ${Math.round(environment.monotonic() - began)} ms` }
      const difference = time === null ? null : clockDifference(time, { before, after: environment.now() })
      return { note, found: { difference } }
    } finally {
      session.end()
    }
  }

  /** By the broker's time in the answer to the test record; where there is none, by the token endpoint's. */
  async #clock(sent: Sent | null): Promise<void> {
    const { environment } = this.#deps
    const { name, sasl } = this.#settings
    if (sent?.difference != null) return this.#steps.add('clock', name, clockNote(sent.difference, 'the broker'))
    if (!sasl?.tokenUrl) return this.#steps.add('clock', name, sent ? untold : { result: 'skipped', note: 'not tried' })
    await this.#steps.run('clock', 'sasl.tokenUrl', async () => {
      const difference = await tokenClock(this.#settings, environment)
      return { note: difference === null ? untold : clockNote(difference, 'the token endpoint'), found: difference }
    })
  }
}

/** By how much the clocks differ; null where the cluster does not tell. */
type Sent = Readonly<{ difference: Ms | null }>

const untried: Note = { result: 'skipped', note: 'not tried, see above' }

const untold: Note = {
  note: 'not told: that takes message.timestamp.type=LogAppendTime on the test topic, as `topics create` sets it',
}

const unread: Note = {
  code: 'E_UPLINK_AUTH',
  cause: 'TOPIC_AUTHORIZATION_FAILED',
  note: 'its settings may not be read',
  advice: 'Grant DESCRIBE_CONFIGS (`topics acls`), or compare the settings with docs/operating/kafka.md by hand.',
}

function repartitioned(pinned: number): Note {
  const { code, advice } = causeOf('E_UPLINK_PARTITIONS')
  return { code, note: `it had ${pinned} partitions when the box first saw it`, advice }
}

/** Data keys are named by the day, tokens and certificates have times: a clock that is far off breaks all three. */
function clockNote(difference: Ms, whose: string): Note {
  const seconds = Math.round(Math.abs(difference) / second)
  const note = `${seconds} s ${difference < 0 ? 'ahead of' : 'behind'} ${whose}`
  const { code, advice } = causeOf('CLOCK')
  if (Math.abs(difference) > clockBadMs) return { result: 'bad', code, cause: 'CLOCK', note, advice }
  return Math.abs(difference) > clockWarningMs ? { result: 'warning', note, advice } : { note }
}
