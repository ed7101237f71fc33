import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Counters, Reader, type ReaderOptions, type ReaderRecord } from '../../../src/reader/index.ts'
import {
  aead,
  type Data,
  dataRecord,
  keyRecord,
  lp,
  mask,
  newDek,
  newKeys,
  sealed,
  sha256,
  signRecord,
  token,
  vectorId,
} from './sealer.ts'

const dek = newDek()
const reference = `Patient/${vectorId}`
const patient = (members: Record<string, unknown> = {}): Record<string, unknown> => ({
  resourceType: 'Patient',
  id: vectorId,
  ...members,
})
const named = (family: string, key = dek) => {
  const extension = [sealed(token(key, ['Patient', vectorId, 'name[0]'], { m: { family } }))]
  return patient({ name: [{ extension, _family: { extension: [mask] } }] })
}

function read(records: readonly ReaderRecord[], options: Partial<ReaderOptions> = {}): Reader {
  const reader = new Reader({ keys: newKeys(), ...options })
  for (const record of records) reader.take(record)
  return reader
}

/** Counters that are not zero, but for `read`. */
function counted(reader: Reader): Partial<Counters> {
  return Object.fromEntries(Object.entries(reader.counters).filter(([name, count]) => name !== 'read' && count > 0))
}
const family = (reader: Reader) => (reader.get(reference)?.opened.resource.name as { family?: string }[])?.[0]?.family

describe('what a reader takes', () => {
  it('opens what gateways it knows have signed', () => {
    const reader = read([keyRecord(dek), dataRecord({ resource: named('Müller') })])
    expect(reader.state().get(reference)).toMatchObject({
      key: vectorId,
      facts: { verb: 'replace', type: 'Patient', gateway: 'gw-1' },
      opened: { resource: patient({ name: [{ family: 'Müller' }] }) },
    })
    expect(counted(reader)).toEqual({})
  })

  it('finds a change of any header, of the key, the topic and the value', () => {
    const record = dataRecord({ resource: named('Müller') })
    const flip = (text: string, place: number) => {
      const code = text.charCodeAt(place) ^ 1
      return text.slice(0, place) + String.fromCharCode(code) + text.slice(place + 1)
    }
    const isFound = (bad: ReaderRecord) => {
      const reader = read([keyRecord(dek), bad])
      expect(counted(reader)).toEqual({ badSignature: 1 })
      expect(reader.state().size).toBe(0)
    }
    for (const [name, text] of Object.entries(record.headers)) {
      isFound({ ...record, headers: { ...record.headers, [name]: flip(text, text.length - 1) } })
      const { [name]: _, ...others } = record.headers
      isFound({ ...record, headers: others })
    }
    isFound({ ...record, headers: { ...record.headers, 'cg-chunk': '1/1' } })
    isFound({ ...record, key: flip(record.key, 3) })
    isFound({ ...record, topic: 'demo.test' })
    isFound({ ...record, value: null })
    fc.assert(
      fc.property(fc.nat(record.value!.length - 1), fc.nat(7), (place, bit) => {
        const value = Buffer.from(record.value!)
        value[place]! ^= 1 << bit
        isFound({ ...record, value })
      }),
      { numRuns: 20 },
    )
  })

  it('checks the gateway that a record names, and no other', () => {
    const foreign = signRecord('demo.fhir', vectorId, { 'cg-gateway': 'gw-2', ce_source: '/demo/gw-2' }, null, 'gw-1')
    expect(counted(read([foreign]))).toEqual({ badSignature: 1 })
    const ofOtherTenant = signRecord('demo.fhir', vectorId, { ce_source: '/other/gw-1' }, null)
    expect(counted(read([ofOtherTenant]))).toEqual({ badSignature: 1 })
  })

  it('knows a mirrored topic by the name its gateway signed', () => {
    const record = { ...dataRecord({ resource: patient() }), topic: 'eu.demo.fhir' }
    expect(counted(read([record]))).toEqual({ badSignature: 1 })
    expect(counted(read([record], { topics: { 'eu.demo.fhir': 'demo.fhir' } }))).toEqual({})
  })

  it('counts signed records that are of no known form', () => {
    const forms: Data[] = [
      { resource: patient(), headers: { 'cg-verb': 'upsert' } },
      { resource: patient(), headers: { 'cg-version': '1.2.3' } },
      { resource: patient(), headers: { 'cg-part': '2/1' } },
      { resource: patient(), headers: { 'cg-type': 'Person' } },
      { resource: patient(), headers: { 'cg-mode': 'dream' } },
      { resource: patient(), headers: { ce_time: 'yesterday' } },
      { resource: patient(), headers: { 'cg-seq': '-1' } },
      { resource: patient(), headers: { 'cg-chunk': '1/2' } },
      { resource: patient(), reference: 'Patient/p1-other' },
      { resource: patient(), reference: `Observation/${vectorId}` },
      { resource: null, reference },
      { verb: 'delete', resource: patient() },
    ]
    for (const form of forms) expect(counted(read([dataRecord(form)]))).toMatchObject({ malformed: 1 })
    const { 'cg-sig': _, ...headers } = dataRecord({ resource: patient() }).headers
    const notJson = signRecord('demo.fhir', vectorId, headers, Buffer.from('{"id'))
    expect(counted(read([notJson]))).toEqual({ malformed: 1 })
  })

  it('skips test records of `check --online`, which have no number; none that is not signed', () => {
    const headers = { 'cg-verb': 'check', 'cg-epoch': undefined, 'cg-seq': undefined }
    const record = signRecord('demo.test', 'check/gw-1', headers, null)
    const reader = read([record, record])
    expect(counted(reader)).toEqual({})
    expect(reader.counters.read).toBe(2)
    expect(reader.marks()).toEqual({})
    expect(counted(read([{ ...record, key: 'check/gw-2' }]))).toEqual({ badSignature: 1 })
  })

  it('skips other topics, erased rows, and records of the other mode', () => {
    const records = [
      signRecord('demo.audit', 'gw-1', {}, Buffer.from('{"v":"anchor1"}')),
      dataRecord({ verb: 'erased', reference }),
      dataRecord({ resource: patient(), headers: { 'cg-mode': 'test' } }),
    ]
    const reader = read(records)
    expect(counted(reader)).toEqual({ otherTopic: 1, erased: 1, otherMode: 1 })
    expect(reader.state().size).toBe(0)
    expect(read(records, { mode: 'test' }).state().size).toBe(1)
  })
})

describe('marks', () => {
  it('drop what is not above them, per gateway, epoch, topic and partition', () => {
    const one = dataRecord({ resource: named('A') })
    const two = dataRecord({ resource: named('B'), arrival: 2 })
    expect(counted(read([keyRecord(dek), one, two, one, two]))).toEqual({ repeats: 2 })
    expect(counted(read([two, one]))).toMatchObject({ repeats: 1 })
    expect(counted(read([keyRecord(dek), two, { ...one, partition: 1 }]))).toEqual({ older: 1 })
    const restored = dataRecord({
      resource: named('C'),
      arrival: 3,
      headers: { 'cg-epoch': '1795555556', 'cg-seq': '1' },
    })
    expect(family(read([keyRecord(dek), two, restored]))).toBe('C')
  })

  it('do not move for a record that nobody signed', () => {
    const forged = dataRecord({ resource: named('X'), headers: { 'cg-seq': '999999999' } })
    const reader = read([{ ...forged, key: 'p1-x' }, keyRecord(dek), dataRecord({ resource: named('A') })])
    expect(counted(reader)).toEqual({ badSignature: 1 })
    expect(family(reader)).toBe('A')
  })

  it('can be kept for the next start', () => {
    const one = dataRecord({ resource: patient() })
    const reader = read([keyRecord(dek), one])
    expect(Object.keys(reader.marks())).toEqual(['demo/gw-1 1795555555 demo.fhir 0'])
    expect(counted(read([one], { marks: reader.marks() }))).toEqual({ repeats: 1 })
  })
})

describe('waiting for data keys', () => {
  it('keeps a record until its key comes, and shows it masked until then', () => {
    const opened: string[] = []
    const onOpened: ReaderOptions['onOpened'] = entry => opened.push(entry.facts.version.slice(20, 23))
    const reader = read([dataRecord({ resource: named('A') }), dataRecord({ resource: patient(), arrival: 2 })], {
      onOpened,
    })
    expect(counted(reader)).toEqual({ unknownKey: 1 })
    expect(opened).toEqual(['002'])
    reader.take(keyRecord(dek))
    expect(opened).toEqual(['002', '001'])
    expect(counted(reader)).toEqual({})
    expect(reader.get(reference)?.facts.version).toContain('.000000000002.')
  })

  it('waits for every key of a record', () => {
    const second = newDek()
    const { name } = named('A')
    const other = [sealed(token(second, ['Patient', vectorId, 'birthDate'], { v: '1974-12-25' })), mask]
    const reader = read([dataRecord({ resource: patient({ name, _birthDate: { extension: other } }) }), keyRecord(dek)])
    expect(family(reader)).toBe('A')
    expect(counted(reader)).toEqual({ unknownKey: 1 })
    reader.take(keyRecord(second))
    expect(reader.get(reference)?.opened.resource.birthDate).toBe('1974-12-25')
    expect(counted(reader)).toEqual({})
  })

  it('gives up the oldest when too many wait, and all when asked', () => {
    const given: (string | null)[] = []
    const records = [1, 2, 3].map(arrival => dataRecord({ resource: named('A', newDek()), arrival }))
    const reader = read(records, {
      waitingRecords: 2,
      onOpened: ({ facts }) => given.push(facts.version.slice(20, 23)),
    })
    expect(given).toEqual(['001'])
    reader.openWaiting()
    expect(given).toEqual(['001', '002', '003'])
    expect(counted(reader)).toMatchObject({ unknownKey: 3 })
  })

  it('masks again what an erased person left in memory', () => {
    const at = '2026-11-24T09:00:00Z'
    const value = Buffer.from(JSON.stringify({ v: 'erase1', subject: vectorId, at, reason: 'R1' }))
    const reader = read([keyRecord(dek), dataRecord({ resource: named('A') })])
    expect(family(reader)).toBe('A')
    reader.take(signRecord('demo.keys', `erase/${vectorId}`, {}, value))
    expect(JSON.stringify(reader.get(reference)?.opened.resource)).toContain('masked')
    expect(family(reader)).toBeUndefined()
  })
})

describe('what holds', () => {
  it('ends alike in any order of two gateways, with resends', () => {
    const versions: Data[] = [
      { verb: 'ensure', arrival: 1, resource: patient({ active: true }) },
      { verb: 'replace', arrival: 2, resource: patient({ gender: 'male' }) },
      { verb: 'delete', arrival: 3, reference },
      { verb: 'ensure', arrival: 4, resource: patient({ gender: 'other' }) },
      { verb: 'replace', arrival: 2, release: 1, resource: patient({ gender: 'female' }) },
      { verb: 'replace', arrival: 1, gateway: 'gw-2', resource: patient({ gender: 'unknown' }) },
      { verb: 'delete', arrival: 2, gateway: 'gw-2', reference },
    ]
    const timed = versions.map((one, place) => ({ ...one, time: `2026-11-24T08:00:0${place}.000Z` }))
    const list = fc.subarray(timed, { minLength: 1 })
    const twoOrders = list.chain(some => {
      const all = [...some, ...some.slice(0, 2)]
      const order = fc.shuffledSubarray(all, { minLength: all.length })
      return fc.tuple(order, order)
    })
    const stateOf = (order: Data[]) => {
      // records are numbered as they are sent, so each order is an order of arrival without repeats
      const reader = read(order.map(dataRecord))
      return JSON.stringify([...reader.state().values()].map(({ opened }) => opened.resource))
    }
    fc.assert(
      fc.property(twoOrders, ([one, other]) => {
        expect(stateOf(one)).toBe(stateOf(other))
      }),
      { numRuns: 60 },
    )
  })

  it('logs every new record in order of arrival', () => {
    const log: string[] = []
    const records = [3, 1, 2].map(arrival => dataRecord({ resource: patient(), arrival }))
    read([...records, records[0]!], { onRecord: ({ version }, key) => log.push(`${key} ${version.slice(20, 23)}`) })
    expect(log).toEqual([3, 1, 2].map(n => `${vectorId} 00${n}`))
  })

  it('follows merges, over several steps, and in a circle ends with one person', () => {
    const merged = (id: string, into: string) => {
      const link = [{ type: 'replaced-by', other: { reference: `Patient/${into}` } }]
      return dataRecord({ resource: { resourceType: 'Patient', id, link } })
    }
    const reader = read([
      merged('p1-a', 'p1-b'),
      merged('p1-b', 'p1-c'),
      merged('p1-x', 'p1-y'),
      merged('p1-y', 'p1-x'),
    ])
    expect(['p1-a', 'p1-b', 'p1-c', 'p1-none'].map(id => reader.resolve(id))).toEqual([
      'p1-c',
      'p1-c',
      'p1-c',
      'p1-none',
    ])
    expect(['p1-x', 'p1-y'].map(id => reader.resolve(id))).toEqual(['p1-x', 'p1-x'])
  })

  it('takes a merge link under both keys as one version', () => {
    const resource = patient({ active: false })
    const reader = read([
      dataRecord({ resource, headers: { 'cg-part': '1/2' } }),
      dataRecord({ resource, key: 'p1-survivor', headers: { 'cg-part': '2/2' } }),
    ])
    expect(reader.state().size).toBe(1)
    expect(counted(reader)).toEqual({})
  })

  it('knows which messages are incomplete', () => {
    const part = (text: string, arrival: number, more = {}) =>
      dataRecord({ resource: patient(), arrival, headers: { 'cg-part': text, ...more } })
    const erased = () => dataRecord({ verb: 'erased', reference, arrival: 2, headers: { 'cg-part': '2/2' } })
    expect(counted(read([part('1/2', 1)]))).toEqual({ incomplete: 1 })
    expect(counted(read([part('1/2', 2), erased()]))).toEqual({ erased: 1 })
    const sentAgain = () => part('1/2', 3, { 'cg-historical': '1' })
    expect(counted(read([part('1/2', 3), part('2/2', 3), sentAgain()]))).toEqual({ older: 1 })
    expect(counted(read([part('1/2', 1), part('1/2', 2)], { messagesKept: 1 }))).toMatchObject({ incomplete: 1 })
  })
})

describe('sealed Binaries (SEALING S2)', () => {
  const binary = (id: string, path: string, contentType: string, bytes: Uint8Array) => {
    const plain = Buffer.concat([Buffer.from([contentType.length]), Buffer.from(contentType), bytes])
    const kid = Buffer.from(dek.kid, 'base64url')
    const box = aead(dek.dek, plain, lp('e1', 'demo', 'Binary', id, path, dek.kid))
    const data = Buffer.concat([kid, box]).toString('base64')
    return { resourceType: 'Binary', id, contentType: 'application/vnd.clinic-gateway.sealed', data }
  }

  it('open a resource of profile sealed, and keep its digits', () => {
    const inside = Buffer.from(`{"resourceType":"Patient","id":"${vectorId}","x":1.50}  `)
    const record = dataRecord({ reference, resource: binary(vectorId, 'data', 'application/fhir+json', inside) })
    const reader = read([record, keyRecord(dek)])
    expect(JSON.stringify(reader.get(reference)?.opened.resource)).toBe(inside.toString().trim())
    const image = binary(vectorId, 'data', 'image/png', Buffer.from('PNG'))
    const opened = read([keyRecord(dek), dataRecord({ resource: image })]).get(`Binary/${vectorId}`)?.opened.resource
    expect(opened).toMatchObject({ contentType: 'image/png', data: Buffer.from('PNG').toString('base64') })
    const moved = { ...image, id: 'p1-other' }
    expect(counted(read([keyRecord(dek), dataRecord({ resource: moved })]))).toEqual({ failedTokens: 1 })
    const cut = { ...image, data: 'AAAA' }
    expect(counted(read([keyRecord(dek), dataRecord({ resource: cut })]))).toEqual({ failedTokens: 1 })
  })

  it('join the chunks of an attachment when all are there, in any order, and check its hash', () => {
    const bytes = Buffer.from('a long letter in two parts')
    const chunk = (i: number, part: Uint8Array, arrival = 1) =>
      dataRecord({
        resource: binary(`p1-att-${i}`, `chunk[${i}]`, 'application/pdf', part),
        key: vectorId,
        arrival,
        headers: { 'cg-chunk': `${i}/2` },
      })
    const url = 'Binary/p1-att'
    const report = (sha: string) => {
      const plain = { m: { url, size: bytes.length, title: 'T' }, sha256: sha }
      const extension = [sealed(token(dek, ['DiagnosticReport', 'p1-r', 'presentedForm[0]'], plain))]
      const presentedForm = [{ contentType: 'application/pdf', extension }]
      return dataRecord({ resource: { resourceType: 'DiagnosticReport', id: 'p1-r', presentedForm }, key: vectorId })
    }
    const sha = createHash('sha256').update(bytes).digest('hex')
    const parts = () => [chunk(2, bytes.subarray(9)), chunk(1, bytes.subarray(0, 9))]

    const reader = read([report(sha), ...parts().slice(0, 1), keyRecord(dek)])
    const [link] = reader.get('DiagnosticReport/p1-r')!.opened.attachments
    expect(reader.get('DiagnosticReport/p1-r')?.opened.resource.presentedForm).toEqual([
      { contentType: 'application/pdf', url, size: bytes.length, title: 'T' },
    ])
    expect(reader.attachment(link!)).toBeNull()
    reader.take(chunk(1, bytes.subarray(0, 9)))
    expect(reader.attachment(link!)).toEqual({ contentType: 'application/pdf', bytes })
    expect(reader.attachment({ ...link!, sha256: sha256('other').toString('hex') })).toBeNull()
    expect(reader.state().size).toBe(1)
    // a newer version that is still arriving does not hide the whole one
    reader.take(chunk(1, Buffer.from('new'), 2))
    expect(reader.attachment(link!)).not.toBeNull()
  })
})
