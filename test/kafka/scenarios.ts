/** What is done to the cloud and to the line, one after another. Each ends healed; what follows is the same for all. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Fault, produceApi } from '../net/kafka-proxy.ts'
import { type Lab, observer } from './lab.ts'
import { lossHere, setLoss } from './loss.ts'
import type { Station } from './station.ts'

export type Stage = Readonly<{
  lab: Lab
  station: Station
  /** A shorter form, for a run that must not take long. */
  short: boolean
  random: () => number
  /** Notes what does not hold; the scenario goes on. */
  check: (holds: boolean, what: string) => void
  /** Up to this number rows may be gone, by the cloud's own act. */
  letGo: (through: number) => void
}>

export type Scenario = Readonly<{
  name: string
  /** Part of the short run. */
  short?: boolean
  /** Must lose rows when it is played with a careless uplink. */
  control?: boolean
  /** By the fault proxies rather than straight to the brokers. */
  line?: boolean
  /** Why it cannot be done here; null = it can. */
  missing?: () => string | null
  run: (stage: Stage) => Promise<void>
}>

export const scenarios: readonly Scenario[] = [
  { name: 'rolling restart', short: true, control: true, run: rollingRestart },
  { name: 'kill -9 of one node, each in turn', short: true, run: killEach },
  { name: 'kill -9 of two nodes', run: killTwo },
  { name: 'leaders move', run: moveLeaders },
  { name: 'NOT_ENOUGH_REPLICAS', short: true, run: notEnoughReplicas },
  { name: 'quota', run: quota },
  { name: 'idle connections closed', run: idle },
  { name: 'producer id forgotten', run: forgottenProducer },
  { name: 'a node that is silent (SIGSTOP)', run: silentNode },
  { name: 'another cluster at all addresses', line: true, short: true, run: otherCluster },
  { name: 'another cluster at one address', line: true, run: otherAtOne },
  { name: 'another cluster after a restart of the box', line: true, run: otherBetween },
  { name: 'topics deleted and made anew', run: topicsAnew },
  { name: 'partitions added', line: true, run: partitionsAdded },
  { name: 'authorization revoked and given back', line: true, run: revoked },
  { name: 'answers dropped', line: true, run: spoiled('mute') },
  { name: 'requests swallowed', line: true, run: spoiled('swallow') },
  { name: 'cut before applying', line: true, run: spoiled('cutBefore') },
  { name: 'cut after applying', line: true, run: spoiled('cutAfter') },
  { name: 'dead without a reset', line: true, short: true, run: dead },
  { name: '600 ms latency', line: true, run: badLine(24, late) },
  { name: '64 kbit/s', line: true, run: badLine(40, slow) },
  { name: 'kill -9 of the box', run: killBox },
  { name: '20 % loss, 600 ms, 64 kbit/s', line: true, missing: lossHere, run: badLine(60, lossy) },
]

const seconds = (count: number) => pause(count * 1000)

async function rollingRestart({ lab, station }: Stage): Promise<void> {
  for (const id of [2, 3, 1]) {
    await lab.node(id).term()
    await lab.node(id).restart()
    await lab.whole(station.topics)
    await seconds(4) // leaders go back to the node
  }
}

async function killEach({ lab, station, short }: Stage): Promise<void> {
  for (const id of short ? [3, 1] : [2, 3, 1, 2, 3, 1]) {
    await lab.node(id).kill()
    await seconds(3)
    await lab.node(id).restart()
    await lab.whole(station.topics)
  }
}

async function killTwo({ lab, station }: Stage): Promise<void> {
  for (const pair of [
    [2, 3],
    [1, 3],
    [1, 2],
  ]) {
    const nodes = pair.map(id => lab.node(id))
    await Promise.all(nodes.map(node => node.kill()))
    await seconds(5)
    await Promise.all(nodes.map(node => node.restart()))
    await lab.whole(station.topics)
  }
}

async function moveLeaders({ lab, station }: Stage): Promise<void> {
  for (let n = 0; n < 4; n++) {
    await lab.moveLeaders(`${station.prefix}.fhir`)
    await seconds(2)
  }
}

async function notEnoughReplicas({ lab, station, short, check }: Stage): Promise<void> {
  const followers = [lab.node(2), lab.node(3)]
  const before = station.load.diary.length
  await Promise.all(followers.map(node => node.kill()))
  await seconds(short ? 12 : 60)
  const { uplinks } = await station.status()
  check(uplinks[0]?.state === 'down', 'the uplink says that it is down')
  check(station.load.diary.length > before + 100, 'messages are taken meanwhile')
  await Promise.all(followers.map(node => node.restart()))
}

async function quota({ lab }: Stage): Promise<void> {
  await lab.quota(3000)
  await seconds(25)
  await lab.quota(null)
}

/** Load in bursts, with pauses that are longer than a broker keeps an idle connection. */
async function bursts(station: Station, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    station.load.paused = true
    await seconds(4)
    station.load.paused = false
    await seconds(1.5)
  }
}

async function idle({ lab, station }: Stage): Promise<void> {
  await lab.cluster.reconfigure({ 'connections.max.idle.ms': '1500' })
  await lab.whole(station.topics)
  await bursts(station, 5)
  await lab.cluster.reconfigure({ 'connections.max.idle.ms': '600000' })
}

async function forgottenProducer({ lab, station }: Stage): Promise<void> {
  await lab.dynamic('producer.id.expiration.ms', 1000)
  await bursts(station, 5)
  await lab.dynamic('producer.id.expiration.ms', 86_400_000)
}

async function silentNode({ lab, station }: Stage): Promise<void> {
  for (const id of [2, 1]) {
    lab.node(id).pause()
    await seconds(12)
    lab.node(id).resume()
    await lab.whole(station.topics)
  }
}

/** What it had sent and not yet noted goes out again, under the same numbers. */
async function killBox({ lab, station }: Stage): Promise<void> {
  for (const id of [3, 2, 1, 2]) {
    await station.box.kill()
    await lab.node(id).kill()
    await station.box.start()
    await lab.node(id).restart()
    await seconds(3)
  }
}

/** The second cluster, with topics of the same names, so that nothing but its id tells it from ours. */
export async function tempting(lab: Lab, prefix: string) {
  const other = await lab.other()
  const admin = observer(other.bootstrap).admin()
  await admin.connect()
  const topics = ['fhir', 'test', 'keys'].map(name => ({
    topic: `${prefix}.${name}`,
    numPartitions: name === 'keys' ? 1 : 6,
    configEntries: [{ name: 'cleanup.policy', value: name === 'keys' ? 'compact' : 'delete' }],
  }))
  await admin.createTopics({ topics, waitForLeaders: true })
  return {
    port: other.nodes[0]!.behind,
    /** Records in it. */
    async count(): Promise<number> {
      const ends = await Promise.all(topics.map(({ topic }) => admin.fetchTopicOffsets(topic)))
      return ends.flat().reduce((sum, { high }) => sum + Number(high), 0)
    },
    close: () => admin.disconnect(),
  }
}

async function otherCluster({ lab, station, short, check }: Stage): Promise<void> {
  const other = await tempting(lab, station.prefix)
  lab.lead([1, 2, 3], other.port)
  check(await station.alarmed('E_UPLINK_CLUSTER', 20_000), 'E_UPLINK_CLUSTER is raised')
  await seconds(short ? 3 : 10)
  check((await other.count()) === 0, 'nothing is written to the other cluster')
  await other.close()
  lab.lead()
}

async function otherAtOne({ lab, station, check }: Stage): Promise<void> {
  const other = await tempting(lab, station.prefix)
  for (const id of [1, 2, 3, 1, 2, 3]) {
    lab.lead([id], other.port)
    lab.cut()
    await seconds(3)
    lab.lead()
    await seconds(1)
  }
  check((await other.count()) === 0, 'nothing is written to the other cluster')
  await other.close()
}

async function otherBetween({ lab, station, check }: Stage): Promise<void> {
  const other = await tempting(lab, station.prefix)
  await station.box.term()
  lab.lead([1, 2, 3], other.port)
  await station.box.start()
  check(await station.alarmed('E_UPLINK_CLUSTER', 20_000), 'E_UPLINK_CLUSTER is raised')
  await seconds(3)
  check((await other.count()) === 0, 'nothing is written to the other cluster')
  await other.close()
  lab.lead()
}

/**
 * What was acknowledged before is gone with the topics, by the cloud's own act. So the load rests until all of it is
 * acknowledged, and the topics go before it begins again: under their old numbers only the later rows can be there. The
 * others come back when a person asks for it, from the history on the box.
 */
async function topicsAnew({ lab, station, check, letGo }: Stage): Promise<void> {
  await station.rest()
  const gone = await station.through()
  await lab.admin.deleteTopics({ topics: [...station.topics] })
  station.load.paused = false
  await seconds(8)
  check((await station.through()) === gone, 'nothing counts as sent while there is no topic')
  await station.makeTopics()
  station.ledger.madeAnew()
  await station.recovered()
  await station.resend(1, gone)
  letGo(gone)
}

async function partitionsAdded({ lab, station, check }: Stage): Promise<void> {
  const topic = `${station.prefix}.fhir`
  await lab.admin.createPartitions({ topicPartitions: [{ topic, count: 12 }] })
  await seconds(8)
  lab.cut()
  check(await station.alarmed('E_UPLINK_PARTITIONS', 15_000), 'E_UPLINK_PARTITIONS is raised')
}

async function revoked({ lab, station, check }: Stage): Promise<void> {
  await lab.authorize(station.prefix, true)
  await seconds(2)
  await lab.authorize(station.prefix, false)
  check(await station.alarmed('E_UPLINK_AUTH', 20_000), 'E_UPLINK_AUTH is raised')
  await seconds(5)
  await lab.authorize(station.prefix, true)
}

/** One request of four, and of the others one of twenty, meets the fault. */
function spoiled(fault: Fault): Scenario['run'] {
  return async ({ lab, random }) => {
    lab.spoil(apiKey => (random() < (apiKey === produceApi ? 0.25 : 0.05) ? fault : 'forward'))
    await seconds(25)
    lab.spoil()
  }
}

async function dead({ lab, station, short, check }: Stage): Promise<void> {
  for (let n = 0; n < (short ? 1 : 3); n++) {
    lab.line.forget()
    const ms = await station.recovered()
    check(ms <= 10_000, `silent connections are given up within 10 s (${ms} ms)`)
  }
  lab.line.deadForNew = true
  lab.line.forget()
  await seconds(short ? 8 : 20)
  await lab.heal()
}

/** A bad line is slow; it is not a standstill, neither at its begin nor later. */
function badLine(length: number, spoil: (lab: Lab) => void): Scenario['run'] {
  return async ({ lab, station, check }) => {
    const throughs = [await station.through()]
    spoil(lab)
    for (let n = 0; n < 2; n++) {
      await seconds(length / 2)
      throughs.push(await station.through())
    }
    await lab.heal()
    const [before, halfWay, after] = throughs as [number, number, number]
    check(halfWay > before && after > halfWay, `records go out on the bad line (rows up to ${throughs.join(', ')})`)
  }
}

function late(lab: Lab): void {
  lab.line.latencyMs = 600
}

function slow(lab: Lab): void {
  lab.line.bitsPerSecond = 64_000
}

function lossy(lab: Lab): void {
  setLoss(20)
  lab.line.latencyMs = 300 // there and back: 600
  lab.line.bitsPerSecond = 64_000
}
