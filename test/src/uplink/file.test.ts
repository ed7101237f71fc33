import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { machine } from '../../../src/environment.ts'
import { silent } from '../../../src/log.ts'
import { fileUplink } from '../../../src/uplink/file.ts'
import { nowhere, row, rows } from './rows.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'uplink-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const path = (topic = 'demo.fhir') => join(dir, `${topic}.ndjson`)
const text = (topic?: string) => readFileSync(path(topic), 'utf8')
const seqs = (topic?: string) =>
  text(topic)
    .trimEnd()
    .split('\n')
    .map(line => Number(JSON.parse(line).headers['cg-seq']))

async function open() {
  const uplink = fileUplink({ name: 'out', dir }, { environment: machine, log: silent })
  await uplink.connect(nowhere)
  return uplink
}

describe('the file uplink', () => {
  test('writes one line a record, with the exact bytes of the value', async () => {
    const uplink = await open()
    const value = '{"b":1.50,"a":"Ω"}'
    const outcomes = await uplink.send([row(1, { key: 'k', value }), row(2, { key: 'k', value: null })])
    expect(outcomes).toEqual([{ kind: 'delivered', through: 2 }])
    const [first, second] = text().split('\n')
    expect(first).toBe(`{"topic":"demo.fhir","key":"k","headers":${row(1).headers},"value":${value}}`)
    expect(JSON.parse(second!)).toMatchObject({ key: 'k', value: null })
    expect(statSync(path()).mode & 0o777).toBe(0o600)
  })

  test('splits a page by topic and keeps the order within each', async () => {
    const uplink = await open()
    await uplink.send([row(1), row(2, { lane: 'key' }), row(3), row(4, { lane: 'key' }), row(5, { lane: 'audit' })])
    expect([seqs(), seqs('demo.keys'), seqs('demo.audit')]).toEqual([[1, 3], [2, 4], [5]])
  })

  test('writes no data record while its key record cannot be written', async () => {
    const uplink = await open()
    writeFileSync(path('demo.keys'), 'not ours\n')
    const outcomes = await uplink.send([row(1, { lane: 'key' }), row(2)])
    expect(outcomes).toMatchObject([{ kind: 'again', code: 'E_UPLINK_CONFIG' }])
    expect(existsSync(path())).toBe(false)
    expect(text('demo.keys')).toBe('not ours\n')
  })

  test('continues a file, without doubling rows that were written but not settled', async () => {
    await (await open()).send(rows(1, 5))
    await (await open()).send(rows(3, 8))
    expect(seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('takes a lower number of a new epoch as new', async () => {
    await (await open()).send(rows(1, 5))
    await (await open()).send(rows(2, 3, { epoch: 2 }))
    expect(seqs()).toEqual([1, 2, 3, 4, 5, 2, 3])
  })

  test('wherever a crash cut the file, the rest is cut off and written again', async () => {
    await (await open()).send(rows(1, 4))
    const whole = readFileSync(path())
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length }), fc.nat({ max: 100 }), async (length, zeros) => {
        writeFileSync(path(), Buffer.concat([whole.subarray(0, length), Buffer.alloc(zeros)]))
        const uplink = await open()
        const lines = text()
        expect(lines === '' || lines.endsWith('}\n')).toBe(true)
        await uplink.send(rows(1, 4))
        expect(readFileSync(path())).toEqual(whole)
      }),
      { numRuns: 60 },
    )
  })

  test('continues behind a record that is larger than the first look at the end', async () => {
    await (await open()).send([row(1), row(2, { value: JSON.stringify('x'.repeat(900_000)) })])
    truncateSync(path(), statSync(path()).size - 10)
    await (await open()).send(rows(1, 3))
    expect(seqs()).toEqual([1, 2, 3])
  })

  test('what a failed write left behind does not stay', async () => {
    const uplink = await open()
    await uplink.send(rows(1, 2))
    appendFileSync(path(), '{"topic":"demo.fhir","key":')
    await uplink.send(rows(3, 4))
    expect(seqs()).toEqual([1, 2, 3, 4])
  })

  test('begins a new file where somebody carried the old one away', async () => {
    const uplink = await open()
    await uplink.send(rows(1, 2))
    renameSync(path(), join(dir, 'away'))
    await uplink.send(rows(3, 4))
    expect(seqs()).toEqual([3, 4])
  })

  test('leaves files alone that are not ours', async () => {
    writeFileSync(path('opened'), '{"resourceType":"Patient"}\n{"resour')
    await open()
    expect(text('opened')).toBe('{"resourceType":"Patient"}\n{"resour')
  })

  test('parks a row whose topic is no file name or whose value is no line', async () => {
    const uplink = await open()
    const outcomes = await uplink.send([row(1, { topic: '../out' }), row(2, { value: '{\n}' }), row(3)])
    expect(outcomes).toEqual([
      { kind: 'unsendable', seq: 1, code: 'E_UPLINK_REJECTED' },
      { kind: 'unsendable', seq: 2, code: 'E_UPLINK_REJECTED' },
      { kind: 'delivered', through: 3 },
    ])
    expect(seqs()).toEqual([3])
  })

  test('answers again while the disk refuses, and goes on when it is back', async () => {
    const uplink = await open()
    rmSync(dir, { recursive: true })
    expect(await uplink.send(rows(1, 2))).toMatchObject([{ kind: 'again', code: 'E_DISK' }])
    await uplink.connect(nowhere)
    expect(await uplink.send(rows(1, 2))).toEqual([{ kind: 'delivered', through: 2 }])
  })

  test('after kill -9 at any moment no line is torn, lost or doubled', async () => {
    for (let round = 0, settled = 0; round < 10; round++) {
      settled = await writeUntilKilled(settled + 1, 5 + round)
      await open()
      const found = seqs()
      expect(found).toEqual(found.map((_, i) => i + 1))
      expect(found.length).toBeGreaterThanOrEqual(settled)
    }
  })
})

/** Lets a child write from `from` on, kills it after some settled pages, and returns the last number that it settled. */
async function writeUntilKilled(from: number, pages: number): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'file-writer.ts'), dir, `${from}`])
  let said = ''
  child.stdout.on('data', chunk => {
    said += chunk
    if (said.split('\n').length > pages) child.kill('SIGKILL')
  })
  await once(child, 'close')
  expect(child.signalCode).toBe('SIGKILL')
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1))
}
