/** Which settings of a topic are right, for `check --online` and `topics create` (DESIGN §4, SEALING S8.6). */
import { day, limits, minute } from '../../limits.ts'
import type { Plan, Sight } from './topics.ts'

/** A setting that is not as it should be. `bad`: data or a promise suffers. `warning`: it works, with a risk. */
export type Finding = Readonly<{
  topic: string
  setting: string
  value: string
  result: 'warning' | 'bad'
  /** What it should be, and why. */
  wanted: string
}>

type Rule = Readonly<{
  setting: string
  of: readonly Plan['suffix'][]
  judge: (value: string) => 'good' | 'warning' | 'bad'
  wanted: string
}>

const data = ['fhir', 'test'] as const
const sent = ['fhir', 'test', 'keys'] as const
const all = ['fhir', 'test', 'keys', 'audit'] as const

/** Headers, key and the batch's own bytes beside the largest value. */
const recordRoom = limits.recordBytes + 10_000

/** As far as `check --online` lets the clock be off. */
const clockRoom = 5 * minute

/** A rule with two results: it holds, or it does not. */
function demand(result: Finding['result'], holds: (value: string) => boolean): Rule['judge'] {
  return value => (holds(value) ? 'good' : result)
}

const rules: readonly Rule[] = [
  {
    setting: 'cleanup.policy',
    of: ['fhir', 'test', 'audit'],
    judge: demand('bad', value => value === 'delete'),
    wanted: 'delete: every version of a resource counts, compaction would take some away',
  },
  {
    setting: 'cleanup.policy',
    of: ['keys'],
    judge: value => (value === 'compact' ? 'good' : value.split(',').includes('compact') ? 'warning' : 'bad'),
    wanted: 'compact: a key must outlive all data that it opens',
  },
  {
    setting: 'retention.ms',
    of: data,
    judge: value => (Number(value) < 0 ? 'bad' : Number(value) < day ? 'warning' : 'good'),
    wanted:
      'finite, since what stays readable of a person must end by itself, and no less than a day (604800000 is 7 days): a consumer that is away longer misses records',
  },
  {
    setting: 'retention.bytes',
    of: ['fhir', 'audit'],
    judge: demand('warning', value => Number(value) < 0),
    wanted: '-1: a limit by size takes records away before a consumer that is behind has read them',
  },
  {
    setting: 'retention.ms',
    of: ['audit'],
    judge: demand('warning', value => Number(value) < 0),
    wanted: '-1: the anchors of the audit stay',
  },
  {
    setting: 'max.message.bytes',
    of: sent,
    judge: demand('bad', value => Number(value) >= recordRoom),
    wanted: `${recordRoom} or more (Kafka's default is 1048588): larger records would be parked`,
  },
  {
    setting: 'max.compaction.lag.ms',
    of: ['keys'],
    judge: value => (Number(value) <= day ? 'good' : Number(value) <= 7 * day ? 'warning' : 'bad'),
    wanted: `${day} or the least that the provider takes: so long an erased key may stay readable in the log`,
  },
  {
    setting: 'delete.retention.ms',
    of: ['keys'],
    judge: demand('bad', value => Number(value) >= 7 * day),
    wanted: `${7 * day} or more: so long a reader may be away and still learn that a key was erased`,
  },
  {
    setting: 'replication',
    of: all,
    judge: demand('warning', value => Number(value) >= 3),
    wanted: '3: with fewer replicas a broken disk in the cluster loses acknowledged records',
  },
  {
    setting: 'min.insync.replicas',
    of: all,
    judge: demand('warning', value => Number(value) >= 2),
    wanted: '2: with 1 a record is acknowledged when one broker has it',
  },
  {
    setting: 'unclean.leader.election.enable',
    of: all,
    judge: demand('warning', value => value !== 'true'),
    wanted: 'false: a broker that lags behind must not become leader, acknowledged records would be lost',
  },
  // records get the box's time when they are sent, also those that waited for days: so only its clock counts here
  {
    setting: 'message.timestamp.after.max.ms',
    of: ['fhir', 'keys'],
    judge: demand('warning', value => Number(value) >= clockRoom),
    wanted: `${clockRoom} or more: when the clock of the box is farther ahead than this, nothing goes out until it is set`,
  },
  {
    setting: 'message.timestamp.before.max.ms',
    of: ['fhir', 'keys'],
    judge: demand('warning', value => Number(value) >= clockRoom),
    wanted: `${clockRoom} or more: when the clock of the box is farther behind than this, nothing goes out until it is set`,
  },
  {
    setting: 'message.timestamp.type',
    of: ['fhir', 'keys'],
    judge: demand('warning', value => value === 'CreateTime'),
    wanted: 'CreateTime: only then an acknowledgement of a record that was not stored can be told from a right one',
  },
]

/** Judges a topic that is there. Settings that may not be read are not judged. */
export function findingsOf({ plan, topic, replication, settings }: Sight): readonly Finding[] {
  return rules
    .filter(rule => rule.of.includes(plan.suffix))
    .flatMap(({ setting, judge, wanted }) => {
      const value = setting === 'replication' ? String(replication) : settings?.get(setting)
      const result = value === undefined ? 'good' : judge(value)
      return result === 'good' ? [] : [{ topic, setting, value: value!, result, wanted }]
    })
}
