/**
 * `npm run demo`: the whole story on real parts. A real Kafka, the gateway as its users start it, a small clinic that
 * plays for a minute, an outage in the middle, the drain, and then the proof, read from the topic with the reference
 * reader: sent = answered = read, nothing twice, order per patient kept, no name in clear.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { carryOut, type RunningStatus, runningStatus } from '../../src/cli/box.ts'
import { initDemo } from '../../src/cli/init.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { machine } from '../../src/environment.ts'
import { silent } from '../../src/log.ts'
import { createTopics } from '../../src/uplink/kafka/kafka.ts'
import { kafkaMissing, type LocalKafka, startKafka } from '../kafka/local.ts'
import { authority, type Box, Clinic, patients } from './clinic.ts'
import { prove } from './proof.ts'

const playSeconds = Number(process.env.DEMO_SECONDS ?? 60)
const outageFrom = Math.round(playSeconds * 0.3)
const outageTo = Math.round(playSeconds * 0.65)
const drainWithinMs = 60_000

const folder = mkdtempSync(join(tmpdir(), 'clinic-gateway-demo-'))
const say = (text: string) => process.stdout.write(`${text}\n`)

/** What must end with the demo, the newest first. */
const endings: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]

try {
  process.exitCode = await story()
} finally {
  for (const end of endings.toReversed()) await end()
}

async function story(): Promise<number> {
  const missing = kafkaMissing()
  if (missing) {
    say(`the demo needs a real Kafka: ${missing} (Java 17 and Maven). npm start needs neither.`)
    return 69
  }
  say('\n  Clinic Gateway, the whole story\n')
  step('a real Kafka starts (the first time its jars are fetched)')
  const kafka = await startKafka()
  endings.push(() => kafka.stop())
  const config = await prepare(kafka.bootstrap)
  step(`the gateway starts: MLLP, MQTT, FHIR on loopback; Kafka at ${kafka.bootstrap}`)
  await startGateway()
  const box = await registerPeople(config)
  const clinic = new Clinic(box)
  step(
    `a small clinic plays for ${playSeconds} s: an EHR and a lab (HL7 v2), six trackers (MQTT 3.1.1 and 5), an app (FHIR)`,
  )
  const played = clinic.play()
  const backlog = await outage(config, clinic, kafka)
  clinic.stop()
  await played
  step('the clinic closes; the rest drains')
  const drained = await drain(config)
  step('the topic is read with the reference reader')
  const proof = await prove({ config, reader: join(folder, 'reader'), bootstrap: kafka.bootstrap, clinic, folder })
  summary(clinic, backlog, drained, proof)
  return proof.failures.length === 0 ? 0 : 1
}

async function prepare(bootstrap: string): Promise<Config> {
  initDemo(folder, false)
  const file = join(folder, 'gateway.yaml')
  const yaml = readFileSync(file, 'utf8')
    .replace(/port: \d+/g, 'port: 0')
    .replace('type: file, dir: ./out', `type: kafka, brokers: ["${bootstrap}"], requestTimeout: 3s`)
  writeFileSync(file, yaml)
  const config = loadConfig(file)
  const settings = {
    name: 'cloud',
    brokers: [bootstrap],
    topicPrefix: config.gateway.topicPrefix,
    clientId: 'demo-topics',
  }
  await createTopics(
    { ...settings, connectionTimeout: 10_000, requestTimeout: 10_000 },
    { partitions: 4, replication: 1 },
    { environment: machine, log: silent },
  )
  return config
}

async function startGateway(): Promise<void> {
  const command = ['scripts/clinic-gateway.mjs', 'run', '--config', join(folder, 'gateway.yaml')]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'pipe'] })
  endings.push(() => child.kill('SIGKILL'))
  let log = ''
  child.stderr?.on('data', chunk => {
    log += chunk
  })
  for (let tries = 0; tries < 200; tries++) {
    if (log.includes('"msg":"ready"')) return
    if (child.exitCode !== null) break
    await pause(50)
  }
  throw new Error(`the gateway did not start: ${log}`)
}

async function registerPeople(config: Config): Promise<Box> {
  const { listen } = await runningStatus(config)
  const devices = []
  for (const [i, patient] of patients.entries()) {
    const id = `tracker-${i + 1}`
    devices.push(
      (await carryOut(config, { do: 'device.add', id, format: 'omh', test: false })) as { id: string; secret: string },
    )
    await carryOut(config, { do: 'device.assign', id, authority: `urn:oid:${authority}`, value: patient.mrn, from: 0 })
  }
  const { token } = (await carryOut(config, { do: 'client.add', name: 'app', scopes: ['Observation'] })) as {
    token: string
  }
  return { mllp: listen.mllp as string, mqtt: listen.mqtt as string, fhir: listen.fhir as string, token, devices }
}

/** Plays through, with the broker killed in the middle; returns the largest backlog. */
async function outage(config: Config, clinic: Clinic, node: LocalKafka): Promise<number> {
  let backlog = 0
  for (let second = 1; second <= playSeconds; second++) {
    await pause(1000)
    if (second === outageFrom) {
      await node.kill()
      say('      the broker is killed (kill -9): the internet is down')
    }
    if (second === outageTo) {
      await node.restart()
      say('      the broker is back')
    }
    const { outbox, uplinks } = await runningStatus(config)
    backlog = Math.max(backlog, outbox.pending)
    if (second % 5 === 0) say(progress(second, clinic, outbox, uplinks[0]?.state ?? '?'))
  }
  return backlog
}

function progress(second: number, clinic: Clinic, outbox: RunningStatus['outbox'], state: string): string {
  const counts = `sent ${pad(clinic.sent)} answered ${pad(clinic.answered)} waiting for the cloud ${pad(outbox.pending)}`
  return `      ${pad(second, 3)} s   ${counts}   uplink ${state}`
}

async function drain(config: Config): Promise<number> {
  const since = performance.now()
  while (performance.now() - since < drainWithinMs) {
    const { outbox } = await runningStatus(config)
    if (outbox.pending === 0) break
    await pause(100)
  }
  return performance.now() - since
}

function summary(clinic: Clinic, backlog: number, drainedMs: number, proof: Awaited<ReturnType<typeof prove>>): void {
  const line = (name: string, value: string | number) => say(`    ${name.padEnd(52)} ${value}`)
  say('\n  What happened\n')
  line('messages sent', clinic.sent)
  line('positive answers', clinic.answered)
  line('sent again before an answer came', clinic.retried)
  line('longest wait for an answer, outage included', `${Math.round(clinic.longestAnswerMs)} ms`)
  line('largest backlog during the outage', `${backlog} records`)
  line('drained after the clinic closed in', `${Math.round(drainedMs)} ms`)
  say('\n  What the cloud can read\n')
  line('records on the topics', proof.records)
  line('repeats that the reader dropped', proof.repeats)
  line('measurements and results answered / read', `${proof.expected} / ${proof.found}`)
  line('of them twice', proof.doubled)
  line('out of order for their patient', proof.disordered)
  line('signatures that failed, fields that did not open', `${proof.badSignatures}, ${proof.failedTokens}`)
  line('names and numbers in clear on the topics, on the disk', `${proof.clearOnTopics}, ${proof.clearOnDisk}`)
  say('\n  One patient, sealed and opened\n')
  for (const text of proof.sample) say(`    ${text}`)
  say(
    proof.failures.length === 0 ? '\n  All of it holds.\n' : `\n  NOT all of it holds: ${proof.failures.join('; ')}\n`,
  )
}

function step(text: string): void {
  say(`  ·  ${text}`)
}

function pad(value: number, width = 5): string {
  return String(value).padStart(width)
}
