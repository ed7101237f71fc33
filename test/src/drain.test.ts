import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Drain, type DrainParts } from '../../src/drain.ts'
import { GatewayError, UplinkError } from '../../src/errors.ts'
import { second } from '../../src/limits.ts'
import { silent } from '../../src/log.ts'
import type { Attachment, Uplink } from '../../src/ports.ts'
import type { Outcome, Sealed } from '../../src/records.ts'
import { FakeLog } from './fake-log.ts'
import { FakeTime } from './fake-time.ts'

const minute = 60 * second
const nowhere: Attachment = { cluster: null, partitions: {} }
const again = (code: 'E_UPLINK_DOWN' | 'E_UPLINK_DOUBTFUL', waitMs = 0): Outcome[] => [{ kind: 'again', code, waitMs }]
const delivered = (rows: readonly Sealed[]): Outcome[] => [{ kind: 'delivered', through: rows.at(-1)!.seq }]

describe('drain', () => {
  let time: FakeTime
  let log: FakeLog
  const drains: Drain[] = []

  beforeEach(() => {
    time = new FakeTime()
    log = new FakeLog()
  })

  afterEach(async () => {
    const stopped = drains.splice(0).map(drain => drain.stop())
    await time.pass(minute)
    await Promise.all(stopped)
  })

  function start(uplink: Partial<Uplink>, more: Partial<DrainParts> = {}): Drain {
    const whole: Uplink = {
      name: 'cloud',
      connect: async known => known,
      send: async rows => delivered(rows),
      close: async () => {},
      ...uplink,
    }
    const drain = new Drain({
      name: 'cloud',
      open: () => whole,
      engine: log.engine,
      environment: time,
      log: silent,
      ...more,
    })
    drains.push(drain)
    drain.start()
    return drain
  }

  test('a page that is not acknowledged comes again exactly as it was, until it is', async () => {
    log.add(3)
    const sent: (readonly Sealed[])[] = []
    const drain = start({
      send: async rows => {
        sent.push(structuredClone(rows))
        if (sent.length > 3) return delivered(rows)
        log.add(1) // a page that is read anew would be longer
        return again('E_UPLINK_DOWN')
      },
    })
    await time.pass(minute)
    expect(sent.slice(0, 4)).toEqual(Array(4).fill(sent[0]))
    expect(drain.state).toBe('up')
    expect(drain.sent).toBe(log.place('cloud').through)
  })

  test('bytes of a page are given back once it is acknowledged, not before', async () => {
    log.add(2)
    const sent: (readonly Sealed[])[] = []
    const sizes: number[][] = []
    start({
      send: async rows => {
        sent.push(rows)
        sizes.push(rows.map(({ value }) => value!.length))
        return sent.length > 1 ? delivered(rows) : again('E_UPLINK_DOWN')
      },
    })
    await time.pass(minute)
    expect(sizes[0]!.every(size => size > 0)).toBe(true)
    expect(sizes[1]).toEqual(sizes[0])
    expect(sent[0]!.map(({ value }) => value!.length)).toEqual(sizes[0]!.map(() => 0))
  })

  test('after the heal it is tried again within 4 s, however long the outage', async () => {
    log.add(1)
    let healthy = false
    let at = 0
    start({
      send: async rows => {
        if (!healthy) return again('E_UPLINK_DOWN')
        at = time.monotonic()
        return delivered(rows)
      },
    })
    await time.pass(600 * minute)
    healthy = true
    const heal = time.monotonic()
    await time.pass(minute)
    expect(at - heal).toBeGreaterThan(0)
    expect(at - heal).toBeLessThanOrEqual(4 * second)
  })

  test.each([0, 1, 3, 6, 7.9, 8.1, 9, 11])(
    'a far side that is silent, each attempt 8 s: %d s into one it comes back, and 9 s later rows have gone',
    async offset => {
      log.add(1)
      let healthy = false
      const connect = async (known: Attachment) => {
        if (healthy) return known
        await time.sleep(8 * second) // a connection that is dead stays so
        throw new GatewayError('E_UPLINK_DOWN', 'cloud')
      }
      start({ connect })
      await time.pass(20 * minute + offset * second)
      healthy = true
      await time.pass(9 * second)
      expect(log.place('cloud').through).toBe(1)
    },
  )

  test('connecting is tried again without end; the reason, its cause and what to change are known meanwhile', async () => {
    log.add(1)
    let tries = 0
    const connect = async () => {
      tries += 1
      if (tries < 3) {
        throw new UplinkError('E_UPLINK_AUTH', 'broker', { cause: 'SASL', advice: 'check it', waitMs: 30 * second })
      }
      return { cluster: 'cluster-1', partitions: { 't.fhir': 3 } }
    }
    const drain = start({ connect })
    await time.pass(0)
    const since = time.now()
    expect(drain.troubles()).toEqual([
      { code: 'E_UPLINK_AUTH', at: 'broker', cause: 'SASL', advice: 'check it', since },
    ])
    await time.pass(29 * second)
    expect(tries).toBe(1) // a login that fails is not tried often
    await time.pass(31 * second)
    expect(drain.troubles()).toEqual([])
    expect(log.place('cloud')).toMatchObject({ through: 1, to: { cluster: 'cluster-1', partitions: { 't.fhir': 3 } } })
  })

  test('before a page goes again it connects, so that another cluster is found before anything is sent to it', async () => {
    log.add(1)
    let cluster = 'A'
    const seen: string[] = []
    const drain = start({
      connect: async known => {
        if (known.cluster !== null && known.cluster !== cluster) throw new GatewayError('E_UPLINK_CLUSTER', 'cloud')
        return { cluster, partitions: {} }
      },
      send: async rows => {
        seen.push(cluster)
        if (seen.length > 1) return delivered(rows)
        cluster = 'B'
        return again('E_UPLINK_DOWN')
      },
    })
    await time.pass(minute)
    expect(drain.troubles()[0]?.code).toBe('E_UPLINK_CLUSTER')
    expect(seen).toEqual(['A'])
    log.place('cloud').to = nowhere // a person accepts it
    drain.reconnect()
    await time.pass(0)
    expect(seen).toEqual(['A', 'B'])
    expect(log.place('cloud').to.cluster).toBe('B')
  })

  test('a parked row is settled with its page, and the rest is delivered', async () => {
    log.add(2)
    const parked: Outcome = { kind: 'unsendable', seq: 1, code: 'E_UPLINK_REJECTED' }
    const drain = start({ send: async rows => [parked, ...delivered(rows)] })
    await time.pass(second)
    expect(log.settled).toMatchObject([parked, { kind: 'delivered', through: 2 }])
    expect(drain.sent).toBe(1)
  })

  test('a refused row is parked before what follows it leaves; then the rest goes at once', async () => {
    log.add(4)
    const events: string[] = []
    const park = (seq: number): Outcome[] => [{ kind: 'unsendable', seq, code: 'E_UPLINK_REJECTED' }]
    const answers = [park(2), park(3), []]
    const drain = start({
      send: async rows => {
        events.push(`parked ${[...log.place('cloud').parked]}, given ${rows.map(({ seq }) => seq)}`)
        const [answer = []] = answers.splice(0, 1)
        return answer.length > 0 ? answer : delivered(rows)
      },
    })
    await time.pass(0)
    expect(events).toEqual(['parked , given 1,2,3,4', 'parked 2, given 1,3,4', 'parked 2,3, given 1,4'])
    expect([drain.state, drain.sent, log.place('cloud').through]).toEqual(['up', 2, 4])
  })

  test('a page of which every row is refused holds nothing up', async () => {
    log.add(2)
    const send = async ([first]: readonly Sealed[]): Promise<Outcome[]> =>
      first!.seq > 2 ? delivered([first!]) : [{ kind: 'unsendable', seq: first!.seq, code: 'E_UPLINK_REJECTED' }]
    const drain = start({ send })
    await time.pass(0)
    log.add(1)
    drain.nudge()
    await time.pass(0)
    expect([drain.state, drain.sent, [...log.place('cloud').parked]]).toEqual(['up', 1, [1, 2]])
  })

  test('stopping does not wait for a far side that is away, and it can be started again', async () => {
    log.add(1)
    let away = true
    const drain = start({ send: async rows => (away ? again('E_UPLINK_DOWN', 60 * minute) : delivered(rows)) })
    await time.pass(second)
    expect(drain.state).toBe('down')
    await drain.stop()
    expect(drain.state).toBe('stopped')
    away = false
    drain.start()
    await time.pass(second)
    expect(log.place('cloud').through).toBe(1)
  })

  test('a doubtful answer is shown for ten minutes, though it is over at once', async () => {
    log.add(1)
    let answers = 0
    const drain = start({ send: async rows => (answers++ === 0 ? again('E_UPLINK_DOUBTFUL') : delivered(rows)) })
    await time.pass(9 * minute)
    expect(drain.state).toBe('up')
    expect(drain.troubles().map(({ code }) => code)).toEqual(['E_UPLINK_DOUBTFUL'])
    await time.pass(2 * minute)
    expect(drain.troubles()).toEqual([])
  })

  test('what the uplink warns of is shown while it works', async () => {
    const drain = start({ warnings: () => [{ code: 'E_UPLINK_PARTITIONS', at: 't.fhir' }] })
    await time.pass(second)
    expect(drain.state).toBe('up')
    expect(drain.troubles()).toMatchObject([{ code: 'E_UPLINK_PARTITIONS', at: 't.fhir' }])
  })

  describe('two streams', () => {
    const streams = () => log.settled.map(({ stream }) => stream)

    test('what is new does not wait for a backlog, and both move', async () => {
      log.add(20_000)
      log.oldThrough = 20_000
      start({ send: async rows => time.sleep(100).then(() => delivered(rows)) })
      await time.pass(150)
      const before = log.settled.length
      log.add(1)
      await time.pass(250)
      expect(streams().slice(before)).toContain('live')
      for (let i = 0; i < 40; i++) {
        log.add(1000) // more than goes out: live pages are full all the time
        await time.pass(100)
      }
      const share = streams().filter(stream => stream === 'history').length / streams().length
      expect(share).toBeGreaterThan(0.4)
      await time.pass(10 * minute)
      expect(log.place('cloud')).toMatchObject({ through: log.rows.length, history: null })
    })

    test('after an outage in its midst, too: first the page in flight, then new rows beside the old', async () => {
      log.add(100)
      let healthy = true
      const drain = start({ send: async rows => (healthy ? delivered(rows) : again('E_UPLINK_DOWN')) })
      await time.pass(second)
      healthy = false
      log.add(1000)
      drain.nudge()
      await time.pass(20 * minute)
      log.oldThrough = log.rows.length
      const before = log.settled.length
      healthy = true
      await time.pass(minute)
      expect(streams()[before]).toBe('live')
      expect(streams()[before + 1]).toBe('history')
      expect(log.place('cloud')).toMatchObject({ through: log.rows.length, history: null })
    })

    test('history that was left in an earlier life of the process goes on', async () => {
      log.add(10)
      Object.assign(log.place('cloud'), { through: 10, history: { first: 3, last: 6 } })
      start({})
      await time.pass(second)
      expect(log.settled).toMatchObject([{ stream: 'history', through: 6 }])
    })

    test('what was left behind goes out though the engine was lost before it could say so', async () => {
      log.add(100)
      log.oldThrough = 100
      log.loseAnswer = 'leaveBehind'
      start({})
      await time.pass(minute)
      expect(log.place('cloud')).toMatchObject({ through: 100, history: null })
      expect(log.settled.at(-1)).toMatchObject({ stream: 'history', through: 100 })
    })

    test('catchUp: order leaves nothing behind', async () => {
      log.add(10)
      log.oldThrough = 10
      start({}, { catchUp: 'order' })
      await time.pass(second)
      expect(streams()).toEqual(['live'])
    })
  })

  describe('pace', () => {
    test('pages grow on a fast line, are small after a failure, and a cap holds', async () => {
      log.add(3000, 1000)
      const sizes: number[] = []
      let fails = false
      start({
        send: async rows => {
          sizes.push(rows.length)
          await time.sleep(10)
          return fails ? again('E_UPLINK_DOWN') : delivered(rows)
        },
      })
      await time.pass(50)
      expect(sizes.slice(0, 4)).toEqual(
        [64, 128, 256, 384].map(size => expect.toSatisfy((n: number) => n > size * 0.8)),
      )
      fails = true
      await time.pass(minute)
      fails = false
      const before = sizes.length
      await time.pass(4500)
      expect(sizes[before + 1]).toBeLessThan(80)
    })

    test('the bandwidth is kept to', async () => {
      log.add(1000, 1000)
      let bytes = 0
      const send = async (rows: readonly Sealed[]) => {
        bytes += rows.reduce((sum, { value }) => sum + value!.length, 0)
        return delivered(rows)
      }
      start({ send }, { bandwidth: 16 * 1024 })
      await time.pass(20 * second)
      expect(bytes).toBeLessThan(22 * 16 * 1024)
      expect(bytes).toBeGreaterThan(17 * 16 * 1024)
    })
  })

  describe('an uplink that stands by for another', () => {
    const ties = { cluster: 'A', partitions: { 't.fhir': 6 } }

    test('gets the partitions that the first one was pinned to, and refuses others by topic', async () => {
      log.place('first').to = ties
      const asked: Attachment[] = []
      let partitions = 6
      const connect = async (known: Attachment) => {
        asked.push(known)
        return { cluster: 'B', partitions: { 't.fhir': partitions } }
      }
      const drain = start({ connect }, { standsFor: 'first' })
      await time.pass(second)
      expect(asked[0]).toEqual({ cluster: null, partitions: ties.partitions })
      expect(drain.state).toBe('up')
      await drain.stop()
      partitions = 3
      expect(await drain.check()).toBe(false)
      expect(drain.troubles()).toMatchObject([{ code: 'E_UPLINK_CONFIG', at: 't.fhir' }])
      expect(log.settled).toEqual([])
    })

    test('stopping ends a check of a far side that is silent', async () => {
      const silence = Promise.withResolvers<Attachment>()
      const close = async () => silence.reject(new GatewayError('E_UPLINK_DOWN', 'cloud'))
      silence.promise.catch(() => {})
      const quiet = new Drain({
        name: 'cloud',
        open: () => ({ name: 'cloud', connect: () => silence.promise, send: async () => [], close }),
        engine: log.engine,
        environment: time,
        log: silent,
      })
      const checked = quiet.check()
      await time.pass(second)
      await quiet.stop()
      expect(await checked).toBe(false)
    })

    test('a check sends nothing and hangs up', async () => {
      log.add(1)
      let closed = 0
      const drain = start({ close: async () => void closed++ })
      await drain.stop()
      const settled = log.settled.length
      expect(await drain.check()).toBe(true)
      expect(closed).toBe(2)
      expect(log.settled).toHaveLength(settled)
      expect(drain.state).toBe('stopped')
    })
  })
})
