/** Makes the topics of a gateway and says how the others differ from what they should be (`topics create`). */
import type { Environment } from '../../environment.ts'
import type { Log } from '../../log.ts'
import { type KafkaSettings, withAdmin } from '../kafka/session.ts'
import { type Finding, findingsOf } from '../kafka/topic-rules.ts'
import { type Layout, makeTopics, seeTopics } from '../kafka/topics.ts'

export type { Layout }

export type Topic = Readonly<{
  topic: string
  made: boolean
  partitions: number
  replication: number
  findings: readonly Finding[]
}>

/** Makes what is missing, looks at all. Topics that exist stay as they are. Rejects with UplinkError. */
export function arrangeTopics(
  settings: KafkaSettings,
  layout: Layout,
  deps: Readonly<{ environment: Environment; log: Log }>,
): Promise<readonly Topic[]> {
  return withAdmin(settings, deps, async admin => {
    const made = await makeTopics(admin, settings.topicPrefix, layout, deps.environment)
    const sights = await seeTopics(admin, settings.topicPrefix)
    return sights
      .filter(({ found }) => found === 'there')
      .map(sight => {
        const { topic, partitions, replication } = sight
        return { topic, made: made.includes(topic), partitions, replication, findings: findingsOf(sight) }
      })
  })
}
