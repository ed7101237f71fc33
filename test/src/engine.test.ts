import { afterEach, describe, expect, test } from 'vitest'
import { GatewayError, refuse } from '../../src/errors.ts'
import type { Store } from '../../src/ports.ts'
import type { Sealed, Verdict } from '../../src/records.ts'
import { allergyChange, arrivalOf, openWorld, patientChange, type World } from './world.ts'

const open: World[] = []

afterEach(() => {
  for (const world of open.splice(0)) world.close()
})

function world(...args: Parameters<typeof openWorld>): World {
  const made = openWorld(...args)
  open.push(made)
  return made
}

/** `p:4711` is an ADT for 4711; other texts are refused, held or fail as they say. */
function translate(text: string) {
  if (text.startsWith('never')) refuse('E_DATE', 'PID-7')
  if (text.startsWith('held')) refuse('E_NO_PATIENT', 'PID-3')
  if (text.startsWith('bug')) throw new TypeError(`cannot read ${text}`)
  if (text.startsWith('invalid')) {
    return {
      changes: [patientChange('1', { resource: { resourceType: 'Patient', id: 'patient', gender: 'M' } as never })],
    }
  }
  return { changes: [patientChange(text.slice(2))] }
}

const kinds = (verdicts: readonly Verdict[]) => verdicts.map(verdict => verdict.kind)
const headers = (record: Sealed) => JSON.parse(record.headers) as Record<string, string>
const rows = ({ engine }: World) => engine.peek('cloud', 1000, 1e8)
const data = (one: World) => rows(one).filter(row => row.lane === 'data')

describe('engine', () => {
  test('each arrival is judged on its own; refused and held ones leave no holes in the log', () => {
    const one = world(translate)
    const texts = ['p:1', 'never', 'p:2', 'held', 'bug', 'invalid', 'p:3']
    expect(kinds(one.engine.take(texts.map(text => arrivalOf(text))))).toEqual([
      'kept',
      'never',
      'kept',
      'held',
      'held',
      'held',
      'kept',
    ])
    expect(rows(one).map(row => row.seq)).toEqual(rows(one).map((_, i) => i + 1))
    expect(one.store.heldList(10).map(row => row.rule)).toEqual(['E_NO_PATIENT', 'E_TRANSLATOR', 'E_OUTPUT_INVALID'])
    expect(one.store.status().held).toBe(3)
  })

  test('a repeat is answered from the first: in the same batch, in a later one, and after a restart', () => {
    const first = world(translate)
    const [kept, same] = first.engine.take([arrivalOf('p:1'), arrivalOf('p:1')])
    expect(same).toEqual({ kind: 'same', as: 'kept', receipt: (kept as { receipt: string }).receipt })
    expect(first.engine.take([arrivalOf('p:1')])[0]).toEqual(same)
    first.engine.take([arrivalOf('held')])
    first.close()
    open.pop()
    const again = world(translate, { dir: first.dir })
    expect(again.engine.take([arrivalOf('p:1')])[0]).toEqual(same)
    expect(again.engine.take([arrivalOf('held')])[0]).toMatchObject({ kind: 'same', as: 'held' })
    expect(data(again)).toHaveLength(1)
  })

  test('the same control id with other content is a new HL7 message, and a mistake for HTTP', () => {
    const one = world(translate)
    one.engine.take([arrivalOf('p:1', { messageId: 'A1' })])
    expect(kinds(one.engine.take([arrivalOf('p:2', { messageId: 'A1' })]))).toEqual(['kept'])
    const http = { source: 'fhir', format: 'fhir' as const, messageId: 'key-1' }
    one.engine.take([arrivalOf('p:3', http)])
    const elsewhere = one.engine.take([arrivalOf('p:3', { ...http, meta: { interaction: 'transaction' } })])
    expect(kinds(elsewhere)).toEqual(['never'])
    expect(one.engine.take([arrivalOf('p:4', http)])[0]).toEqual({
      kind: 'never',
      issues: [{ code: 'E_IDEMPOTENCY', at: 'Idempotency-Key' }],
    })
  })

  test('a reading without a device time is never a repeat', () => {
    const one = world(text => ({ ...translate(text), repeatable: false }))
    const reading = arrivalOf('p:1', { source: 'mqtt', format: 'measurement', messageId: null })
    expect(kinds(one.engine.take([reading, reading]))).toEqual(['kept', 'kept'])
  })

  test('a refused message is judged afresh when it comes again', () => {
    let known = false
    const one = world(text => (known ? translate('p:1') : translate(`never${text}`)))
    expect(kinds(one.engine.take([arrivalOf('x')]))).toEqual(['never'])
    known = true
    expect(kinds(one.engine.take([arrivalOf('x')]))).toEqual(['kept'])
  })

  test('a snapshot list: what is no longer named is deleted, also within one batch', () => {
    const lists: Record<string, string[]> = { a: ['nuts', 'milk'], b: ['milk'], c: ['milk', 'eggs'] }
    const one = world(text => ({
      changes: [patientChange('1'), ...(lists[text] ?? []).map(code => allergyChange('1', code))],
      snapshots: [{ type: 'AllergyIntolerance', subject: { system: 'urn:oid:2.16.840.1.113883.19.5', value: '1' } }],
    }))
    one.engine.take([arrivalOf('a'), arrivalOf('b')])
    one.engine.take([arrivalOf('c')])
    const deletes = data(one).filter(row => headers(row)['cg-verb'] === 'delete')
    expect(deletes).toHaveLength(1)
    expect(deletes[0]?.value).toBeNull()
    const nuts = data(one).find(row => headers(row)['cg-type'] === 'AllergyIntolerance')
    expect(headers(deletes[0] as Sealed).ce_subject).toBe(headers(nuts as Sealed).ce_subject)
  })

  test('two senders who know one patient: the list of one takes nothing off that of the other', () => {
    const subject = { system: 'urn:oid:2.16.840.1.113883.19.5', value: '1' }
    const one = world(text => ({
      changes: [patientChange('1'), ...text.split(' ').map(code => allergyChange('1', code))],
      snapshots: [{ type: 'AllergyIntolerance', subject }],
    }))
    const gone = () => data(one).filter(row => headers(row)['cg-verb'] === 'delete').length
    one.engine.take([arrivalOf('nuts', { sender: 'ward' }), arrivalOf('milk', { sender: 'clinic' })])
    expect(gone()).toBe(0)
    one.engine.take([arrivalOf('eggs', { sender: 'ward' })])
    expect(gone()).toBe(1)
  })

  test('a part of a list: what belongs to another part of it stays', () => {
    const subject = { system: 'urn:oid:2.16.840.1.113883.19.5', value: '1' }
    const one = world(text => {
      const [visit, ...codes] = text.split(' ')
      const named = codes.map(code => allergyChange('1', code))
      const part = { of: visit!, names: named.map(({ identity }) => identity[0]!) }
      return { changes: [patientChange('1'), ...named], snapshots: [{ type: 'AllergyIntolerance', subject, part }] }
    })
    const gone = () => data(one).filter(row => headers(row)['cg-verb'] === 'delete').length
    one.engine.take([arrivalOf('first nuts milk'), arrivalOf('second eggs')])
    expect(gone()).toBe(0)
    one.engine.take([arrivalOf('first nuts')])
    expect(gone()).toBe(1)
    one.engine.take([arrivalOf('second figs')])
    expect(gone()).toBe(2)
  })

  test('a merge goes out under both keys in one message; one that closes a circle is held', () => {
    const merge = (prior: string, survivor: string) => {
      const other = { system: 'urn:oid:2.16.840.1.113883.19.5', value: survivor }
      const identifier = [{ system: other.system, value: prior }]
      const link = [{ other: { reference: 'Patient/survivor' }, type: 'replaced-by' as const }]
      const resource = { resourceType: 'Patient' as const, id: 'prior', active: false, identifier, link }
      const surviving = patientChange(survivor, {
        verb: 'ensure',
        resource: { resourceType: 'Patient', id: 'survivor', identifier: [other] },
      })
      return { changes: [surviving, patientChange(prior, { resource, alsoFor: [other] })] }
    }
    const one = world(text => merge(...(text.split('>') as [string, string])))
    expect(kinds(one.engine.take([arrivalOf('1>2'), arrivalOf('2>3'), arrivalOf('3>1')]))).toEqual([
      'kept',
      'kept',
      'held',
    ])
    expect(kinds(one.engine.take([arrivalOf('3>1', { messageId: 'later' })]))).toEqual(['held'])
    const prior = data(one).filter(row => headers(row)['cg-message'] === '1' && headers(row)['cg-verb'] === 'replace')
    expect(prior).toHaveLength(2)
    expect(new Set(prior.map(row => row.key)).size).toBe(2)
    expect(new Set(prior.map(row => headers(row)['cg-version'])).size).toBe(1)
    expect(Buffer.from(prior[0]?.value as Uint8Array)).toEqual(Buffer.from(prior[1]?.value as Uint8Array))
  })

  test('whose data keys went out is kept beside the log, for erasure', () => {
    const given: unknown[] = []
    const listen = (store: Store) =>
      override(store, {
        take(batch) {
          given.push(...batch.flatMap(taken => taken.keys ?? []))
          store.take(batch)
        },
      })
    const one = world(translate, { wrap: listen })
    one.engine.take([arrivalOf('p:1'), arrivalOf('p:1', { messageId: 'again' })])
    const [record] = rows(one).filter(row => row.lane === 'key')
    const subject = one.protector.idOf('Patient', { system: 'urn:oid:2.16.840.1.113883.19.5', value: '1' })
    expect(given).toEqual([{ kid: record?.key, subject }])
  })

  test('test messages leave the state of live ones alone: lists and merges', () => {
    const lists: Record<string, string[]> = { a: ['nuts', 'milk'], t: ['milk'], b: ['milk'] }
    const subject = { system: 'urn:oid:2.16.840.1.113883.19.5', value: '1' }
    const one = world(text => ({
      changes: [patientChange('1'), ...(lists[text] ?? []).map(code => allergyChange('1', code))],
      snapshots: [{ type: 'AllergyIntolerance', subject }],
    }))
    one.engine.take([arrivalOf('a'), arrivalOf('t', { mode: 'test' }), arrivalOf('b')])
    const deletes = data(one).filter(row => headers(row)['cg-verb'] === 'delete')
    expect(deletes.map(row => row.topic)).toEqual(['demo.fhir'])
  })

  test('a patient who was merged away keeps the link in every later version', () => {
    const survivor = { system: 'urn:oid:2.16.840.1.113883.19.5', value: '2' }
    const merge = () => {
      const link = [{ other: { reference: 'Patient/survivor' }, type: 'replaced-by' as const }]
      const resource = { resourceType: 'Patient' as const, id: 'prior', active: false, link }
      const surviving = patientChange('2', { verb: 'ensure', resource: { resourceType: 'Patient', id: 'survivor' } })
      return { changes: [surviving, patientChange('1', { resource, alsoFor: [survivor] })] }
    }
    const one = world(text => (text === 'merge' ? merge() : { changes: [patientChange('1')] }))
    one.engine.take([arrivalOf('before'), arrivalOf('merge')])
    one.engine.take([arrivalOf('after')])
    const versions = data(one).filter(
      row => headers(row)['cg-message'] === '3' && headers(row)['cg-verb'] === 'replace',
    )
    expect(versions).toHaveLength(2)
    for (const { value } of versions) {
      const patient = JSON.parse(Buffer.from(value as Uint8Array).toString())
      expect(patient).toMatchObject({ active: false, link: [{ type: 'replaced-by' }] })
      expect(patient.link[0].other.reference).toBe(`Patient/${one.protector.idOf('Patient', survivor)}`)
    }
  })

  test('a batch that takes long to judge is committed in parts', () => {
    const one = world(text => {
      const until = performance.now() + 300
      while (performance.now() < until);
      return translate(text)
    })
    const first = one.engine.take(['p:1', 'p:2', 'p:3', 'p:4'].map(text => arrivalOf(text)))
    expect(first.length).toBeGreaterThan(0)
    expect(first.length).toBeLessThan(4)
    expect(one.store.status().arrivals).toBe(first.length)
  })

  test('held messages have a share of their own: above it they are later, and the others are kept', () => {
    let room = 0
    const one = world(translate, { wrap: store => override(store, { heldRoom: () => room }) })
    expect(kinds(one.engine.take(['held', 'p:1'].map(text => arrivalOf(text))))).toEqual(['later', 'kept'])
    room = 1_000_000
    expect(kinds(one.engine.take([arrivalOf('held')]))).toEqual(['held'])
  })

  test('a full box answers later, writes nothing, and goes on where it was when there is room', () => {
    const faults = { full: false }
    const one = world(translate, { wrap: store => faulty(store, faults) })
    one.engine.take([arrivalOf('p:1')])
    const before = rows(one).length
    faults.full = true
    expect(one.engine.take([arrivalOf('p:2'), arrivalOf('p:3')])).toEqual([
      { kind: 'later', code: 'E_FULL' },
      { kind: 'later', code: 'E_FULL' },
    ])
    faults.full = false
    expect(kinds(one.engine.take([arrivalOf('p:2')]))).toEqual(['kept'])
    const after = rows(one)
    expect(after.map(row => row.seq)).toEqual(after.map((_, i) => i + 1))
    // the key of p:2 was made in the failed batch: its record must come with the batch that was written
    expect(after.slice(before).map(row => row.lane)).toEqual(['key', 'data'])
  })

  test('a message that the database refuses is bisected out and held; its neighbours are kept', () => {
    const faults = { poison: 'p:3' }
    const one = world(translate, { wrap: store => faulty(store, faults) })
    const verdicts = one.engine.take(['p:1', 'p:2', 'p:3', 'p:4'].map(text => arrivalOf(text)))
    expect(kinds(verdicts)).toEqual(['kept', 'kept', 'held', 'kept'])
    expect(one.store.heldList(10)[0]?.rule).toBe('E_DATABASE')
  })

  test('a damaged outbox row is parked and the rows after it go out', () => {
    const one = world(translate, { wrap: store => damaging(store, 2) })
    one.engine.take([arrivalOf('p:1'), arrivalOf('p:2')])
    expect(rows(one).map(row => row.seq)).toEqual([1, 3, 4])
    expect(one.store.cursor('cloud').parked).toBe(1)
  })

  test('an original that stopped the engine is held raw, with a positive answer', () => {
    const one = world(translate)
    expect(one.engine.hold(arrivalOf('boom'), 'E_KILLER')).toMatchObject({ kind: 'held' })
    expect(one.store.heldList(1)[0]).toMatchObject({ rule: 'E_KILLER', outline: 'test' })
  })
})

/** A store that is full, or that refuses one message with a constraint error. */
function faulty(store: Store, faults: { full?: boolean; poison?: string }): Store {
  return override(store, {
    take(batch) {
      if (faults.full) throw new GatewayError('E_FULL')
      const poisoned =
        batch.length > 0 && faults.poison && batch.some(taken => taken.state === 'kept' && taken.no === 3)
      if (poisoned) throw new GatewayError('E_DATABASE', 'take')
      store.take(batch)
    },
  })
}

/** A store whose row `seq` comes back with one bit flipped. */
function damaging(store: Store, seq: number): Store {
  return override(store, {
    peek(uplink, maxRows, maxBytes) {
      return store.peek(uplink, maxRows, maxBytes).map(row => {
        if (row.seq !== seq || !row.value) return row
        const value = Uint8Array.from(row.value)
        value[value.length - 1] = (value[value.length - 1] as number) ^ 1
        return { ...row, value }
      })
    },
  })
}

function override(store: Store, some: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const own = some[name as keyof Store]
      if (own) return own
      const value = target[name as keyof Store] as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
