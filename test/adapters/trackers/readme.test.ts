/** What the README shows to vendors is true. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { statusWord } from '../../../adapters/trackers/reasons.ts'
import { vitals } from '../../../adapters/trackers/vitals.ts'
import { observe, translate } from './payloads.ts'

const text = readFileSync(new URL('../../../adapters/trackers/README.md', import.meta.url), 'utf8')
const examples = [...text.matchAll(/```json (\w+)\n([\s\S]*?)```/g)].map(match => ({
  format: match[1]!,
  json: match[2]!,
}))

describe('the README of the trackers', () => {
  test.each(examples.filter(({ format }) => format !== 'status'))(
    'example $#: $format is taken',
    ({ format, json }) => {
      expect(observe(json, format).status).toBe('final')
      expect(translate(json, format).issues).toEqual([])
    },
  )

  test('shows two data points, an Observation and a status word', () => {
    expect(examples.map(({ format }) => format)).toEqual(['omh', 'omh', 'fhir', 'status'])
  })

  test('shows the status word as it is sent', () => {
    const { json } = examples.find(({ format }) => format === 'status')!
    const word = JSON.parse(json) as { refused: 'E_UNIT'; at: string; time: string }
    expect(JSON.parse(statusWord({ code: word.refused, at: word.at }, Date.parse(word.time)))).toEqual(word)
  })

  test.each([...vitals.values()])('has the row of $key', ({ key, codes, components, unit, units, range }) => {
    const own = codes.map(([code]) => code).join(' ')
    const parts = components.map(({ codes }) => codes[0]![0]).join(', ')
    const others = Object.keys(units).map(one => `\`${one}\``)
    const bounds = range[1] < 1e9 ? `${range[0]} to ${range[1]}` : 'below 0'
    const cells = [key, parts ? `${own} with ${parts}` : own, `\`${unit}\``, others.join(' '), bounds]
    expect(text).toContain(`| ${cells.join(' | ')} |`)
  })
})
