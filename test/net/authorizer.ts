/** A broker that has just started refuses to make topics (UNKNOWN_SERVER_ERROR) until its authorizer has read its rules. */
import { setTimeout as pause } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'

const patienceMs = 60_000

/** Resolves once the cluster takes orders; makes the topic `probe`. Rejects when it does not for a minute. */
export async function takesOrders(brokers: readonly string[]): Promise<void> {
  const admin = new Kafka({ clientId: 'probe', brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const topics = [{ topic: 'probe', numPartitions: 1, replicationFactor: 1 }]
  for (const giveUpAt = performance.now() + patienceMs; ; await pause(200)) {
    try {
      await admin.createTopics({ topics, waitForLeaders: false })
      return await admin.disconnect()
    } catch (error) {
      if (performance.now() > giveUpAt) throw error
    }
  }
}
