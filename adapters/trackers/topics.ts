/** Which topics a device may use: `trackers/<device id>/<format>` to publish, its own `status` and `command` to listen. */
import type { KnownCode } from '../../src/errors.ts'

const own = (id: string): string => `trackers/${id}/`

export const statusTopic = (id: string): string => `${own(id)}status`
export const commandTopic = (id: string): string => `${own(id)}command`

/** The payload format that a publish topic names, or why this device may not publish there. */
export function formatOf(topic: string, id: string): { format: string } | KnownCode {
  if (topic === '' || /[+#]/.test(topic)) return 'E_MQTT_TOPIC_NAME'
  if (!topic.startsWith(own(id)) || mayListen(topic, id)) return 'E_MQTT_TOPIC'
  const format = topic.slice(own(id).length)
  return format === '' || format.includes('/') ? 'E_MQTT_TOPIC' : { format }
}

/** Whether a device may subscribe to a filter. Wildcards and shared subscriptions are nobody's. */
export function mayListen(filter: string, id: string): boolean {
  return filter === statusTopic(id) || filter === commandTopic(id)
}
