/**
 * The least rights on a Kafka cluster that each part needs, and the scripts that grant them. Tried on a real broker with
 * its own authorizer: these suffice, and without any one of them something stops, or is lost as it says here.
 */

import { plans } from '../kafka/topics.ts'
import type { Operation } from './operations.ts'

/** One operation on some topics, or on a consumer group. */
export type Right = Readonly<{
  operation: Operation
  topics: readonly string[]
  group: string | null
  /** What it is needed for. */
  why: string
  /** What is lost without it, where that is not everything. */
  optional?: string
}>

/** Who is granted rights: the box, a consumer, or whoever runs `topics create`. */
export type Role = 'gateway' | 'reader' | 'topics'

/** The tools that the scripts are for: Kafka's own `kafka-acls.sh`, or the Confluent CLI. */
export type ScriptFormat = 'kafka' | 'confluent'

export type ScriptOptions = Readonly<{
  format: ScriptFormat
  role: Role
  /** `User:…`. */
  principal: string
  prefix: string
  /** The reader's consumer group. */
  group: string
  brokers: readonly string[]
  /** File with the settings of the administrator's own login, for `kafka-acls.sh`. */
  commandConfig: string
}>

/**
 * The rights of a role. WRITE on a topic includes DESCRIBE on it, and since Kafka 2.8 it allows an idempotent producer, so
 * the box needs neither by itself; it needs no right on the cluster, on groups or on transactional ids. READ includes
 * DESCRIBE as well, on topics and on groups.
 */
export function rightsOf(role: Role, prefix: string, group: string): readonly Right[] {
  const topics = (...suffixes: readonly string[]) => suffixes.map(suffix => `${prefix}.${suffix}`)
  const sent = topics(...plans.filter(plan => plan.required).map(plan => plan.suffix))
  const all = topics(...plans.map(plan => plan.suffix))
  switch (role) {
    case 'gateway':
      return [
        {
          operation: 'write',
          topics: sent,
          group: null,
          why: 'the box sends records, and looks whether the topics are there',
        },
        {
          operation: 'describeConfigs',
          topics: sent,
          group: null,
          why: 'the box checks the settings of its topics',
          optional:
            'without it they are taken as right: a wrong cleanup.policy is not found, batches keep to 1 MiB, and an acknowledgement of a record that was not stored is not recognised',
        },
      ]
    case 'reader':
      return [
        {
          operation: 'read',
          topics: topics('fhir', 'keys'),
          group: null,
          why: 'the consumer reads records and the keys that open them',
        },
        { operation: 'read', topics: [], group, why: 'the consumer group keeps how far it is' },
      ]
    case 'topics':
      return [
        { operation: 'create', topics: all, group: null, why: 'makes the topics' },
        { operation: 'describe', topics: all, group: null, why: 'looks which of them are there' },
        {
          operation: 'describeConfigs',
          topics: all,
          group: null,
          why: 'says which settings of topics that are there differ',
          optional: 'without it those settings are not looked at',
        },
      ]
  }
}

const titles: Readonly<Record<Role, string>> = {
  gateway: 'The rights that the gateway needs',
  reader: 'The rights that a consumer of the records needs',
  topics: 'The rights that `clinic-gateway topics create` needs',
}

/** A shell script that grants the rights of a role; every name in it is quoted. */
export function aclScript(options: ScriptOptions): string {
  const { format, role, principal, prefix, group } = options
  const rights = rightsOf(role, prefix, group)
  return [
    '#!/bin/sh',
    `# ${titles[role]}, no more.`,
    ...(format === 'kafka' ? kafkaHead(options) : confluentHead),
    ...rights.flatMap(right => [
      '',
      ...comment(`${word(right.operation, ' ').toUpperCase()}: ${right.why}.`),
      ...(right.optional ? comment(`Optional; ${right.optional}.`) : []),
      ...(format === 'kafka' ? [kafkaLine(right, principal)] : confluentLines(right, principal)),
    ]),
    '',
  ].join('\n')
}

function kafkaHead({ brokers, commandConfig }: ScriptOptions): readonly string[] {
  return [
    `# ${commandConfig}: the settings of an administrator's login, who may alter the cluster.`,
    'set -eu',
    'grant() {',
    `  kafka-acls.sh --bootstrap-server ${quoted(brokers.join(','))} --command-config ${quoted(commandConfig)} --add "$@"`,
    '}',
  ]
}

/** The cluster is the one that `confluent kafka cluster use` names. */
const confluentHead = [
  '# Log in and choose the cluster first: confluent login; confluent kafka cluster use lkc-…',
  'set -eu',
  'grant() {',
  '  confluent kafka acl create --allow "$@"',
  '}',
]

function kafkaLine({ operation, topics, group }: Right, principal: string): string {
  const resources = group === null ? topics.map(topic => `--topic ${quoted(topic)}`) : [`--group ${quoted(group)}`]
  return `grant --allow-principal ${quoted(principal)} --operation ${word(operation, '')} ${resources.join(' ')}`
}

function confluentLines({ operation, topics, group }: Right, principal: string): readonly string[] {
  const account = principal.replace(/^User:/, '')
  const resources =
    group === null ? topics.map(topic => `--topic ${quoted(topic)}`) : [`--consumer-group ${quoted(group)}`]
  const operations = word(operation, '-').toLowerCase()
  return resources.map(resource => `grant --service-account ${quoted(account)} --operations ${operations} ${resource}`)
}

/** `describeConfigs` → `DescribeConfigs`, `Describe-Configs`, `Describe Configs`. */
function word(operation: Operation, between: string): string {
  const [first = '', ...rest] = operation
  return `${first.toUpperCase()}${rest.join('').replace(/[A-Z]/g, letter => `${between}${letter}`)}`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** Lines of at most 100 characters. */
function comment(text: string): readonly string[] {
  return text.match(/.{1,98}(?:\s|$)/g)!.map(line => `# ${line.trim()}`)
}
