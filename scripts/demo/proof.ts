/** The proof: what the cloud holds, read as a consumer reads it, against the diary of the senders. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { Config } from '../../src/config/config.ts'
import { SEAL } from '../../src/protect/format.ts'
import { type Entry as Read, Reader, ReaderKeys, type ReaderRecord, readReaderFolder } from '../../src/reader/index.ts'
import '../../src/uplink/kafka/compression.ts'
import { type Clinic, type Entry, patients } from './clinic.ts'

export type Proof = Readonly<{
  records: number
  repeats: number
  expected: number
  found: number
  doubled: number
  disordered: number
  badSignatures: number
  failedTokens: number
  clearOnTopics: number
  clearOnDisk: number
  sample: readonly string[]
  failures: readonly string[]
}>

type Parts = Readonly<{ config: Config; reader: string; bootstrap: string; clinic: Clinic; folder: string }>

/** Reads both topics to their ends and compares. */
export async function prove({ config, reader: folderOfReader, bootstrap, clinic, folder }: Parts): Promise<Proof> {
  const prefix = config.gateway.topicPrefix
  const records = await readTopics(bootstrap, [`${prefix}.keys`, `${prefix}.fhir`])
  const keys = new ReaderKeys({ ...readReaderFolder(folderOfReader, { allowDemo: true }), allowDemo: true })
  const opened: Read[] = []
  const reader = new Reader({ keys, onOpened: entry => opened.push(entry) })
  for (const record of records) reader.take(record)
  const counters = reader.counters
  const said = opened.flatMap(entry => spoken(entry, reader))
  const counts = Map.groupBy(said, one => nameOf(one))
  const found = clinic.diary.filter(entry => counts.has(nameOf(entry))).length
  const clear = {
    topics: hits(records.map(bytesOf)),
    disk: hits(filesIn(join(folder, 'data')).map(file => readFileSync(file))),
  }
  const proof = {
    records: records.length,
    repeats: counters.repeats,
    expected: clinic.diary.length,
    found,
    doubled: [...counts.values()].filter(same => new Set(same.map(one => one.id)).size > 1).length,
    disordered: disordered(said),
    badSignatures: counters.badSignature,
    failedTokens: counters.failedTokens,
    clearOnTopics: clear.topics,
    clearOnDisk: clear.disk,
    sample: sample(reader, records),
  }
  return { ...proof, failures: failuresOf(proof, clinic) }
}

function failuresOf(proof: Omit<Proof, 'failures'>, clinic: Clinic): string[] {
  const demands: [boolean, string][] = [
    [clinic.sent === clinic.answered, 'a message has no positive answer'],
    [proof.expected > 0 && proof.found === proof.expected, 'an answered message is missing'],
    [proof.doubled === 0, 'something is there twice'],
    [proof.disordered === 0, 'the order of a patient is broken'],
    [proof.badSignatures === 0 && proof.failedTokens === 0, 'something does not verify or open'],
    [proof.clearOnTopics === 0 && proof.clearOnDisk === 0, 'a name or number is in clear'],
  ]
  return demands.filter(([holds]) => !holds).map(([, text]) => text)
}

async function readTopics(bootstrap: string, topics: readonly string[]): Promise<ReaderRecord[]> {
  const kafka = new Kafka({ clientId: 'demo-reader', brokers: [bootstrap], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const open = new Map<string, number>()
  for (const topic of topics) {
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
      if (Number(high) > 0) open.set(`${topic}/${partition}`, Number(high))
    }
  }
  await admin.disconnect()
  const consumer = kafka.consumer({ groupId: 'demo-reader' })
  await consumer.connect()
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  const records: ReaderRecord[] = []
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({
      topic,
      partition,
      message,
    }: {
      topic: string
      partition: number
      message: KafkaMessage
    }) => {
      records.push(recordOf(topic, partition, message))
      const name = `${topic}/${partition}`
      if (Number(message.offset) + 1 >= (open.get(name) ?? 0)) open.delete(name)
      if (open.size === 0) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  return records
}

type KafkaMessage = { key: Buffer | null; value: Buffer | null; offset: string; headers?: Record<string, unknown> }

function recordOf(topic: string, partition: number, { key, value, headers }: KafkaMessage): ReaderRecord {
  const texts = Object.entries(headers ?? {}).map(([name, bytes]) => [name, String(bytes)])
  return { topic, partition, key: key?.toString() ?? '', headers: Object.fromEntries(texts), value }
}

/** What an opened Observation says, in the words of the diary. */
function spoken(entry: Read, reader: Reader): (Omit<Entry, 'way'> & { id: string })[] {
  const resource = entry.opened?.resource as Observation | undefined
  if (resource?.resourceType !== 'Observation') return []
  const patient = reader.get(resource.subject.reference)?.opened.resource as
    | { identifier?: { value: string }[] }
    | undefined
  const at = resource.effectiveDateTime.replace('+00:00', 'Z').replace('.000Z', 'Z')
  const code = resource.code.coding.find(coding => coding.system === 'http://loinc.org')?.code ?? ''
  const fallback = resource.subject.reference
  return [{ id: entry.facts.id, mrn: patient?.identifier?.[0]?.value ?? fallback, code, at }]
}

type Observation = Readonly<{
  resourceType: string
  subject: { reference: string }
  effectiveDateTime: string
  code: { coding: { system: string; code: string }[] }
}>

function nameOf({ mrn, code, at }: Omit<Entry, 'way'>): string {
  return `${mrn} ${code} ${at}`
}

/** How often a later time of one patient and code comes before an earlier one. */
function disordered(said: readonly Omit<Entry, 'way'>[]): number {
  const last = new Map<string, string>()
  let count = 0
  for (const { mrn, code, at } of said) {
    const line = `${mrn} ${code}`
    if ((last.get(line) ?? '') > at) count += 1
    last.set(line, at)
  }
  return count
}

/** How many of the pieces hold a name, number, street or phone of a patient in clear. */
function hits(pieces: readonly Buffer[]): number {
  const canaries = patients.flatMap(({ mrn, family, street, phone }) => [mrn, family, street, phone])
  return pieces.filter(piece => canaries.some(canary => piece.includes(canary))).length
}

function bytesOf({ topic, key, headers, value }: ReaderRecord): Buffer {
  return Buffer.concat([Buffer.from(topic + key + JSON.stringify(headers)), value ?? Buffer.alloc(0)])
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .map(name => join(folder, name))
    .filter(file => statSync(file).isFile())
}

function sample(reader: Reader, records: readonly ReaderRecord[]): string[] {
  const patient = [...reader.state().values()].find(one => one.facts.type === 'Patient' && one.opened.resource.address)
  const sealed = records.find(
    ({ headers }) => headers.ce_subject === `Patient/${patient?.facts.id}` && headers['cg-verb'] === 'replace',
  )
  if (!patient || !sealed?.value) return []
  const { name, birthDate, address } = JSON.parse(Buffer.from(sealed.value).toString())
  const open = patient.opened.resource
  const short = (value: unknown) =>
    JSON.stringify(value)
      .replaceAll(/(e1\.[\w-]{4})[\w.-]+/g, '$1…')
      .replaceAll(SEAL, 'urn:oid:2.25…1')
      .slice(0, 118)
  return [
    `sealed   name ${short(name)}`,
    `         birthDate ${birthDate}   address ${short(address)}`,
    `opened   name ${short(open.name)}`,
    `         birthDate ${open.birthDate}   address ${short(open.address)}`,
  ]
}
