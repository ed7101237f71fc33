/** `topics create`: makes the topics of this configuration's Kafka uplinks. `topics acls`: prints who needs which rights. */
import type { Config } from '../config/config.ts'
import { duration } from '../config/values.ts'
import { machine } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { openLog } from '../log.ts'
import type { Ms } from '../records.ts'
import { arrangeTopics, type Layout, type Topic } from '../uplink/check/arrange.ts'
import { aclScript, type Role } from '../uplink/check/rights.ts'
import type { KafkaSettings } from '../uplink/kafka/kafka.ts'
import { locateConfig, readArguments, word } from './arguments.ts'
import { type Io, json, printed } from './io.ts'

export const help = `clinic-gateway topics create [--partitions N] [--replication N] [--retention TIME] [--config FILE] [--json]
clinic-gateway topics acls --principal User:NAME [--reader GROUP | --admin] [--format kafka|confluent] [--config FILE]

create   makes <prefix>.fhir, <prefix>.test (delete), <prefix>.keys (compact) and <prefix>.audit. Those that exist stay as
         they are; what differs is said. It logs in as the gateway does, which then needs the rights of acls --admin.
           --partitions N    of .fhir and .test (default 6); it stays, so that keys keep their order
           --replication N   replicas (default 1; a real cluster: 3)
           --retention TIME  how long .fhir and .test keep records (default 7d); the choice of the cloud team
acls     prints a shell script with the least rights, for whoever administers the cluster to look at and run
           --principal P     who gets them: User:gw; Confluent: User:sa-123abc
           --reader GROUP    a consumer in this group, instead of the gateway
           --admin           who runs topics create
           --format F        kafka (Kafka's kafka-acls.sh, the default) or confluent (the Confluent CLI)
           --command-config  file with the administrator's login for kafka-acls.sh (default admin.properties)
Both     --uplink NAME       one of several Kafka uplinks; without it create makes the topics of all, acls wants one

  clinic-gateway topics create --config gateway.yaml --partitions 6 --replication 3
  clinic-gateway topics acls --principal User:gw > rights.sh

Exit codes: 0 good, 1 a topic that exists has a setting that is wrong, 64 usage, 69 the cluster does not answer or refuses
the login or the rights, 78 the configuration, or the cluster does not take these topics (more replicas than brokers).
`

const options = {
  partitions: { type: 'string' },
  replication: { type: 'string' },
  retention: { type: 'string' },
  principal: { type: 'string' },
  reader: { type: 'string' },
  admin: { type: 'boolean' },
  format: { type: 'string' },
  'command-config': { type: 'string' },
  uplink: { type: 'string' },
} as const

type Values = ReturnType<typeof read>['values']

const read = (argv: readonly string[]) => readArguments(argv, options)

export async function topics(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = read(argv)
  if (values.help) return printed(io, help)
  const act = word(positionals, 0, 'create or acls')
  if (act !== 'create' && act !== 'acls') throw new GatewayError('E_USAGE', 'topics', 'create or acls')
  const uplinks = kafkaUplinks(locateConfig(values)).filter(({ name }) => name === (values.uplink ?? name))
  if (uplinks.length === 0) throw new GatewayError('E_USAGE', 'uplinks', 'no such Kafka uplink is configured')
  return act === 'create' ? create(uplinks, values, io) : acls(uplinks, values, io)
}

/** The Kafka uplinks of a configuration. */
export function kafkaUplinks(config: Config): readonly KafkaSettings[] {
  const { id, topicPrefix } = config.gateway
  const loopbackOnly = config.privacy.mode === 'demo'
  return config.uplinks
    .filter(uplink => uplink.type === 'kafka')
    .map(uplink => ({ ...uplink, topicPrefix, clientId: `clinic-gateway-${id}`, loopbackOnly }))
}

async function create(uplinks: readonly KafkaSettings[], values: Values, io: Io): Promise<number> {
  const layout: Layout = {
    partitions: number(values.partitions, 6, '--partitions'),
    replication: number(values.replication, 1, '--replication'),
    retention: time(values.retention ?? '7d', '--retention'),
  }
  const found = []
  for (const settings of uplinks) {
    const topics = await arrangeTopics(settings, layout, { environment: machine, log: openLog({ level: 'error' }) })
    found.push({ uplink: settings.name, topics })
  }
  if (values.json) io.out(json(io, found))
  else for (const { uplink, topics } of found) io.out(topics.map(topic => describeTopic(uplink, topic)).join(''))
  const findings = found.flatMap(({ topics }) => topics).flatMap(topic => topic.findings)
  return findings.some(({ result }) => result === 'bad') ? 1 : 0
}

function describeTopic(uplink: string, { topic, made, partitions, replication, findings }: Topic): string {
  const head = `${uplink}: ${made ? 'made' : 'there is'} ${topic} (partitions ${partitions}, replicas ${replication})\n`
  const lines = findings.map(
    ({ result, setting, value, wanted }) => `  ${result}: ${setting}=${value}, should be ${wanted}\n`,
  )
  return [head, ...lines].join('')
}

async function acls(uplinks: readonly KafkaSettings[], values: Values, io: Io): Promise<number> {
  const { principal = '', reader, admin, format = 'kafka' } = values
  if (uplinks.length > 1)
    throw new GatewayError('E_USAGE', '--uplink', `one of ${uplinks.map(one => one.name).join(', ')}`)
  demandPrintable({ '--principal': principal, '--reader': reader, '--command-config': values['command-config'] })
  if (!/^User:[^\s*]/.test(principal)) throw new GatewayError('E_USAGE', '--principal', 'User:…')
  if (format !== 'kafka' && format !== 'confluent') throw new GatewayError('E_USAGE', '--format', 'kafka or confluent')
  if (reader !== undefined && admin) throw new GatewayError('E_USAGE', '--admin', 'not together with --reader')
  if (reader !== undefined && /^\s*\*?\s*$/.test(reader)) {
    throw new GatewayError('E_USAGE', '--reader', 'the name of one consumer group')
  }
  const role: Role = reader !== undefined ? 'reader' : admin ? 'topics' : 'gateway'
  const { topicPrefix: prefix, brokers } = uplinks[0]!
  const commandConfig = values['command-config'] ?? 'admin.properties'
  return printed(io, aclScript({ format, role, group: reader ?? '', principal, prefix, brokers, commandConfig }))
}

/** The script is run by an administrator: what is written into it ends neither its line nor its comment. */
function demandPrintable(given: Readonly<Record<string, string | undefined>>): void {
  const wrong = Object.entries(given).find(([, value]) => /[\p{Cc}\u2028\u2029]/u.test(value ?? ''))
  if (wrong) throw new GatewayError('E_USAGE', wrong[0], 'without line breaks and control characters')
}

function number(text: string | undefined, fallback: number, option: string): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new GatewayError('E_USAGE', option)
  return value
}

function time(text: string, option: string): Ms {
  const parsed = duration(text)
  if ('ok' in parsed && parsed.ok > 0) return parsed.ok
  throw new GatewayError('E_USAGE', option, 'such as 7d or 12h')
}
