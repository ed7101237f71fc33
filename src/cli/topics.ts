/** `topics create`: makes the topics of this configuration's Kafka uplinks, with the settings they need. */
import { machine } from '../environment.ts'
import { GatewayError } from '../errors.ts'
import { openLog } from '../log.ts'
import { createTopics } from '../uplink/kafka.ts'
import { locateConfig, readArguments, word } from './arguments.ts'
import { type Io, printed } from './io.ts'

export const help = `clinic-gateway topics create [--partitions N] [--replication N] [--config FILE]

Makes <prefix>.fhir, <prefix>.test (delete), <prefix>.keys (compact) and <prefix>.audit; those that exist stay as they are.

  clinic-gateway topics create --config gateway.yaml --partitions 6 --replication 3
`

export async function topics(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    partitions: { type: 'string' },
    replication: { type: 'string' },
  })
  if (values.help) return printed(io, help)
  if (word(positionals, 0, 'create') !== 'create') throw new GatewayError('E_USAGE', 'topics', 'create')
  const config = locateConfig(values)
  const kafka = config.uplinks.filter(uplink => uplink.type === 'kafka')
  if (kafka.length === 0) throw new GatewayError('E_USAGE', 'uplinks', 'no Kafka uplink is configured')
  const layout = {
    partitions: number(values.partitions, 6, '--partitions'),
    replication: number(values.replication, 1, '--replication'),
  }
  for (const uplink of kafka) {
    const settings = {
      ...uplink,
      topicPrefix: config.gateway.topicPrefix,
      clientId: `clinic-gateway-${config.gateway.id}`,
    }
    const made = await createTopics(settings, layout, { environment: machine, log: openLog({ level: 'error' }) })
    io.out(
      made.length === 0
        ? `${uplink.name}: all topics are there\n`
        : made.map(topic => `${uplink.name}: made ${topic}\n`).join(''),
    )
  }
  return 0
}

function number(text: string | undefined, fallback: number, option: string): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new GatewayError('E_USAGE', option)
  return value
}
