/** Writes config/gateway.yaml, config/gateway.schema.json and the sample sender profile from the tables of settings. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configTable } from '../src/config/config.ts'
import { editorSchema, sampleYaml } from '../src/config/describe.ts'
import { profileTable } from '../src/directory/profiles.ts'

/** Values of the sample that are required, or read better than in bytes and milliseconds. They equal the defaults. */
const shown = {
  'gateway.id': 'gw-01',
  'gateway.tenant': 'north-clinic',
  'gateway.topicPrefix': 'north',
  'data.dir': './data',
  'data.budget': '10GiB',
  'data.freeFloor': '1GiB',
  'privacy.mode': 'production',
  'privacy.keys': './keys',
  'privacy.profile': 'clinical',
  'sources.mllp.host': '127.0.0.1',
  'sources.mllp.maxFrame': '1MiB',
  'sources.mllp.tls.cert': './tls/mllp.pem',
  'sources.mllp.tls.key': './tls/mllp.key',
  'sources.mllp.listeners.name': 'lab',
  'sources.mllp.listeners.host': '127.0.0.1',
  'sources.mllp.listeners.port': '2576',
  'sources.mllp.listeners.tls.cert': './tls/mllp.pem',
  'sources.mllp.listeners.tls.key': './tls/mllp.key',
  'sources.mllp.idleTimeout': '10m',
  'sources.mqtt.host': '127.0.0.1',
  'sources.mqtt.maxPacket': '256KiB',
  'sources.fhir.host': '127.0.0.1',
  'sources.fhir.maxBody': '2MiB',
  'directory.senders': './senders',
  'directory.trackers': './trackers',
  'uplinks.file.name': 'cloud',
  'uplinks.file.dir': './out',
  'uplinks.kafka.name': 'cloud',
  'uplinks.kafka.brokers': '[broker-1.example.org:9092]',
  'uplinks.file.mode': 'both',
  'uplinks.file.mirrorLag': '15m',
  'uplinks.file.catchUp': 'newest',
  'uplinks.kafka.mode': 'both',
  'uplinks.kafka.mirrorLag': '15m',
  'uplinks.kafka.catchUp': 'newest',
  'uplinks.kafka.connectionTimeout': '5s',
  'uplinks.kafka.requestTimeout': '6s',
  'uplinks.kafka.compression': 'zstd',
  'uplinks.kafka.sasl.mechanism': 'scram-sha-512',
  'uplinks.kafka.proxy.url': 'http://proxy.example.org:3128',
  'admin.host': '127.0.0.1',
  'log.level': 'info',
}

const shownProfile = {
  addresses: '[10.20.0.0/16]',
  zone: 'Europe/Vienna',
  charset: 'UNICODE UTF-8',
  'identifying.type': 'MR',
  authorities: '{ NORTH: "urn:oid:2.16.840.1.113883.19.5" }',
  adt: 'snapshot',
  test: 'topic',
  whenFull: 'close',
}

/** The generated files: path under the project root → text. */
export function generated(): Readonly<Record<string, string>> {
  const head = (text: string) =>
    `# ${text}\n# Every setting with its default; generated from the table of settings, so what is not here does not exist.\n\n`
  return {
    'config/gateway.yaml': `${head('Clinic Gateway')}${sampleYaml(configTable, shown)}\n`,
    'config/gateway.schema.json': `${JSON.stringify(editorSchema(configTable), null, 2)}\n`,
    'config/senders/ehr.yaml': `${head('An HL7 sender; the name of the file names the sender')}${sampleYaml(profileTable, shownProfile)}\n`,
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, text] of Object.entries(generated())) writeFileSync(new URL(`../${file}`, import.meta.url), text)
}
