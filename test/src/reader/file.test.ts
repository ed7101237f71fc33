import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type FileLine, parseLine, Reader, type ReaderRecord, readRecords } from '../../../src/reader/index.ts'
import { dataRecord, newKeys, vectorId } from './sealer.ts'

/** A line as the file uplink writes it. */
function lineOf({ topic, key, headers, value }: ReaderRecord): string {
  const head = `{"topic":${JSON.stringify(topic)},"key":${JSON.stringify(key)},"headers":${JSON.stringify(headers)}`
  return `${head},"value":${value ? Buffer.from(value).toString() : 'null'}}`
}

async function all(file: string): Promise<FileLine[]> {
  const lines: FileLine[] = []
  for await (const line of readRecords(file, 3)) lines.push(line)
  return lines
}

async function linesOf(content: string | Uint8Array): Promise<FileLine[]> {
  const file = join(mkdtempSync(join(tmpdir(), 'reader-')), 'demo.fhir.ndjson')
  writeFileSync(file, content)
  return all(file)
}
const kinds = (lines: FileLine[]) => lines.map(({ kind, line }) => `${line} ${kind}`)

it('cuts the exact bytes of the value out of a line', () => {
  const values = ['{"a":1.50,"b":"}],\\"\\\\"}', '{"a": [1, {"b":null}] , "ü":"\\u00fc"}', '[]', '"x}"', '1.0', '{}']
  for (const value of values) {
    const record = {
      topic: 'demo.fhir',
      partition: 0,
      key: 'p1-ü"',
      headers: { 'cg-x': 'a}"' },
      value: Buffer.from(value),
    }
    expect(parseLine(Buffer.from(lineOf(record)))).toEqual(record)
  }
  expect(parseLine(Buffer.from(lineOf(dataRecord({ verb: 'delete', reference: 'Patient/a' }))))?.value).toBeNull()
})

it('cuts any JSON value as it stands', () => {
  fc.assert(
    fc.property(fc.json(), fc.string(), (value, key) => {
      const record = { topic: 'demo.fhir', partition: 0, key, headers: { key }, value: Buffer.from(value) }
      expect(parseLine(Buffer.from(lineOf(record)))).toEqual({
        ...record,
        value: value === 'null' ? null : record.value,
      })
    }),
  )
})

it('refuses lines that are no record', () => {
  const good = lineOf(dataRecord({ verb: 'delete', reference: 'Patient/a' }))
  const bad = [
    '',
    '{}',
    'null',
    good.slice(0, -1),
    `${good}x`,
    good.replace('"key"', '"kez"'),
    good.replace('"value":null', '"value":null,"value":null'),
    good.replace('"value":null', '"value":'),
    good.replace(/"cg-seq":"\d+"/, '"cg-seq":7'),
    good.replace('"topic":"demo.fhir"', '"topic":1'),
  ]
  for (const line of bad) expect(parseLine(Buffer.from(line))).toBeNull()
})

it('reads a file of many lines and tells broken ones and a torn last one', async () => {
  const records = Array.from({ length: 200 }, (_, i) => {
    return dataRecord({
      resource: { resourceType: 'Patient', id: vectorId, text: 'ü'.repeat(700 + i) },
      arrival: i + 1,
    })
  })
  const lines = await linesOf(`${records.map(lineOf).join('\n')}\n`)
  expect(lines).toEqual(
    records.map((record, i) => ({ kind: 'record', line: i + 1, record: { ...record, partition: 3 } })),
  )
  const reader = new Reader({ keys: newKeys() })
  for (const line of lines) if (line.kind === 'record') reader.take(line.record)
  expect(reader.counters).toMatchObject({ read: 200, badSignature: 0 })

  const good = lineOf(records[0]!)
  expect(kinds(await linesOf(`${good}\nnonsense\n\n${good}\n${good.slice(0, 40)}`))).toEqual([
    '1 record',
    '2 broken',
    '4 record',
    '5 torn',
  ])
  expect(kinds(await linesOf(good))).toEqual(['1 record'])
  expect(kinds(await linesOf(''))).toEqual([])
})

it('does not keep a line without end in memory', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'reader-')), 'long')
  for (let i = 0; i < 20; i++) appendFileSync(file, Buffer.alloc(2 ** 20, 0x61))
  appendFileSync(file, '\n{}\n')
  expect(kinds(await all(file))).toEqual(['1 broken', '2 broken'])
})

it('says that a file cannot be read', async () => {
  await expect(all('/nowhere/demo.fhir.ndjson')).rejects.toMatchObject({ code: 'E_USAGE' })
})
