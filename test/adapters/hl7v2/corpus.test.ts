import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readBatch } from '../../../adapters/hl7v2/batch.ts'
import { decode } from '../../../adapters/hl7v2/charset.ts'
import { encodingCharacters, readDelimiters } from '../../../adapters/hl7v2/delimiters.ts'
import { readHeader } from '../../../adapters/hl7v2/header.ts'
import { Message, type Segment } from '../../../adapters/hl7v2/message.ts'
import { Refusal } from '../../../src/errors.ts'

const corpus = join(process.env.CLINIC_GATEWAY_CORPUS ?? '../shared/data', 'hl7-corpus')

/** Every message of every file; a file may hold many. */
function messages(): Uint8Array[] {
  const files = readdirSync(corpus, { recursive: true, withFileTypes: true }).filter(file => file.isFile())
  const texts = files.map(file => readFileSync(join(file.parentPath, file.name), 'latin1'))
  return texts
    .flatMap(text => text.split(/(?<=[\r\n])(?=MSH\|)/))
    .filter(text => text.startsWith('MSH|'))
    .map(text => Buffer.from(text, 'latin1'))
}

const raw = (segment: Segment, n: number, separator: string): string =>
  segment
    .field(n)
    .map(field => field.raw)
    .join(separator)

describe.skipIf(!existsSync(corpus))('messages of other systems (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
  it('are read without losing a field, or refused for their header', () => {
    const refusals: Record<string, number> = {}
    let read = 0
    for (const bytes of messages()) {
      try {
        expectNothingLost(decode(bytes, '8859/1').text)
        read += 1
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const { code } = error.issues[0]!
        refusals[code] = (refusals[code] ?? 0) + 1
      }
    }
    expect(read).toBeGreaterThan(800)
    expect(
      Object.keys(refusals).filter(code => !/^E_(DELIMITERS|CHARSET|TWO_HEADERS|MESSAGE_PARTS)$/.test(code)),
    ).toEqual([])
    if (process.env.CLINIC_GATEWAY_FIGURES) console.log({ read, refusals })
  })
})

describe.skipIf(!existsSync(corpus))('batches of other systems (needs the corpora: set CLINIC_GATEWAY_CORPUS)', () => {
  it('hold what their trailers say, all but the one that is made not to', () => {
    const files = readdirSync(corpus, { recursive: true, withFileTypes: true }).filter(file => file.isFile())
    const found = files.flatMap(file => {
      const bytes = readFileSync(join(file.parentPath, file.name))
      const header = readHeader(bytes)
      return /^[FB]HS$/.test(header.segment ?? '') && header.delimiters
        ? [{ name: file.name, ...readBatch(bytes) }]
        : []
    })
    const faults = found.flatMap(({ name, batches, issues }) =>
      [...batches.flatMap(batch => batch.issues), ...issues].map(({ code, at }) => `${name} ${code} ${at}`),
    )
    expect(found.length).toBeGreaterThan(6)
    expect(found.flatMap(({ batches }) => batches).flatMap(({ messages }) => messages).length).toBeGreaterThan(20)
    expect(faults).toEqual(['count-mismatch.hl7 E_BATCH_COUNT BTS-1'])
  })
})

/** Every field that holds anything is there as it was written. */
function expectNothingLost(text: string): void {
  const message = Message.read(text)
  const lines = text.split(/[\r\n]+/).filter(line => line !== '')
  const d = readDelimiters(lines[0]!)
  expect(message.segments).toHaveLength(lines.length)
  for (const [i, segment] of message.segments.entries()) {
    const fields = lines[i]!.split(d.field)
    const first = segment.name === 'MSH' ? 2 : 1
    const written = fields.slice(first).filter(field => !blank(field, d.component + d.repetition + d.subcomponent))
    const found = fields.slice(first).map((_, at) => raw(segment, at + (segment.name === 'MSH' ? 3 : 1), d.repetition))
    expect(found.filter(field => field !== '')).toEqual(written)
  }
  expect(message.first('MSH')?.value(2)).toBe(encodingCharacters(d))
}

const blank = (field: string, delimiters: string): boolean => [...field].every(one => delimiters.includes(one))
