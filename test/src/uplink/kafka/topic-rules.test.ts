import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { day, limits } from '../../../../src/limits.ts'
import { findingsOf } from '../../../../src/uplink/kafka/topic-rules.ts'
import { plans, type Sight } from '../../../../src/uplink/kafka/topics.ts'

const right = {
  'cleanup.policy': 'delete',
  'delete.retention.ms': `${7 * day}`,
  'max.compaction.lag.ms': `${day}`,
  'max.message.bytes': '1048588',
  'message.timestamp.after.max.ms': '3600000',
  'message.timestamp.before.max.ms': '9223372036854775807',
  'message.timestamp.type': 'CreateTime',
  'min.insync.replicas': '2',
  'retention.bytes': '-1',
  'retention.ms': `${7 * day}`,
  'unclean.leader.election.enable': 'false',
} as const

/** A topic as `topics create` makes it on a cluster of three, with one setting changed. */
function sight(suffix: string, change: Readonly<Record<string, string>> = {}, replication = 3): Sight {
  const plan = plans.find(one => one.suffix === suffix)!
  const settings = new Map(Object.entries({ ...right, ...plan.settings, ...change }))
  return { plan, topic: `n.${suffix}`, found: 'there', partitions: 6, replication, settings }
}

const results = (one: Sight) => findingsOf(one).map(({ setting, value, result }) => `${result} ${setting}=${value}`)

describe('topics as they are made', () => {
  test.each(plans.map(({ suffix }) => suffix))('%s has nothing wrong', suffix => {
    expect(findingsOf(sight(suffix))).toEqual([])
  })
})

describe('a setting that breaks a promise is bad, one that bears a risk is warned of', () => {
  test.each([
    ['fhir', 'cleanup.policy', 'compact', 'bad'],
    ['test', 'cleanup.policy', 'compact,delete', 'bad'],
    ['keys', 'cleanup.policy', 'delete', 'bad'],
    ['keys', 'cleanup.policy', 'compact,delete', 'warning'],
    ['fhir', 'retention.ms', '-1', 'bad'],
    ['fhir', 'retention.ms', `${day - 1}`, 'warning'],
    ['test', 'retention.ms', '0', 'warning'],
    ['audit', 'retention.ms', '1000', 'warning'],
    ['fhir', 'retention.bytes', '1073741824', 'warning'],
    ['fhir', 'message.timestamp.after.max.ms', '1', 'warning'],
    ['keys', 'message.timestamp.before.max.ms', '299999', 'warning'],
    ['fhir', 'max.message.bytes', `${limits.recordBytes}`, 'bad'],
    ['keys', 'max.compaction.lag.ms', '9223372036854775807', 'bad'],
    ['keys', 'max.compaction.lag.ms', `${7 * day}`, 'warning'],
    ['keys', 'delete.retention.ms', `${day}`, 'bad'],
    ['fhir', 'min.insync.replicas', '1', 'warning'],
    ['keys', 'unclean.leader.election.enable', 'true', 'warning'],
    ['fhir', 'message.timestamp.type', 'LogAppendTime', 'warning'],
  ])('%s %s=%s: %s', (suffix, setting, value, result) => {
    expect(results(sight(suffix, { [setting]: value }))).toEqual([`${result} ${setting}=${value}`])
  })

  test('fewer than three replicas are warned of', () => {
    expect(results(sight('fhir', {}, 2))).toEqual(['warning replication=2'])
  })

  test('what may not be read is not judged', () => {
    expect(findingsOf({ ...sight('keys'), settings: null })).toEqual([])
  })
})

test('docs/operating/kafka.md names every setting that is judged', () => {
  const manual = readFileSync('docs/operating/kafka.md', 'utf8')
  for (const setting of Object.keys(right)) expect(manual, setting).toContain(`${setting}`)
})
