import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Reader, ReaderKeys } from '../../src/reader/index.ts'
import type { Arrival, Change } from '../../src/records.ts'
import { arrivalOf, openWorld, patientChange, type World } from './world.ts'

const open: World[] = []
afterEach(() => {
  for (const world of open.splice(0)) {
    world.close()
    rmSync(world.dir, { recursive: true, force: true })
  }
})

/** `merge 2 1`: 2 becomes a link to 1; `circle 1 2`: each becomes a link to the other; `apart 2 1`: they are two people; `tell 2`: all that is known of 2. */
function translate(text: string): { changes: Change[] } {
  const [act, prior = '', other = ''] = text.split(' ')
  if (act === 'circle') {
    const there = translate(`merge ${prior} ${other}`).changes
    const back = translate(`merge ${other} ${prior}`).changes
    return { changes: [...there, ...back.map(change => renamed(change, `${change.resource.id}-back`))] }
  }
  if (act === 'tell') return { changes: [patientChange(prior)] }
  const name = patientChange(other).identity[0]!
  if (act === 'apart') {
    const back = patientChange(other, { unlinks: patientChange(prior).identity, verb: 'ensure' })
    return { changes: [patientChange(prior, { unlinks: [name], verb: 'ensure' }), renamed(back, 'other')] }
  }
  const link = [{ other: { reference: 'Patient/survivor' }, type: 'replaced-by' as const }]
  const merged = patientChange(prior, { alsoFor: [name] })
  const survivor = renamed(patientChange(other, { verb: 'ensure' }), 'survivor')
  return {
    changes: [survivor, { ...merged, resource: { ...merged.resource, active: false, link } as Change['resource'] }],
  }
}

function renamed(change: Change, id: string): Change {
  return { ...change, resource: { ...change.resource, id } }
}

function run(batches: readonly (readonly string[])[], more: Partial<Arrival> = {}) {
  const world = openWorld(translate)
  open.push(world)
  const verdicts = batches.flatMap(texts => world.engine.take(texts.map(text => arrivalOf(text, more))))
  const keys = ReaderKeys.fromFolder(join(world.dir, 'reader'), { allowDemo: true })
  const reader = new Reader({ keys, mode: more.mode ?? 'live' })
  const records = world.engine.peek('cloud', 1000, 1e8)
  const at = (lane: string) => records.filter(record => record.lane === lane)
  for (const { topic, key, headers, value } of [...at('key'), ...at('data')])
    reader.take({ topic, partition: 0, key, headers: JSON.parse(headers), value })
  const idOf = (value: string) => world.protector.idOf('Patient', patientChange(value).identity[0]!)
  const of = (value: string) => reader.get(`Patient/${idOf(value)}`)?.opened.resource
  return { kinds: verdicts.map(({ kind }) => kind), reader, idOf, of, world }
}

describe('a merge that is undone', () => {
  test.each([
    ['in messages of their own', [['tell 2'], ['merge 2 1'], ['apart 2 1'], ['tell 2 again']]],
    ['told the other way round', [['tell 2'], ['merge 2 1'], ['apart 1 2'], ['tell 2 again']]],
    ['in one batch', [['tell 2', 'merge 2 1', 'apart 2 1', 'tell 2 again']]],
  ])('leaves two people, whatever is said later: %s', (_, batches) => {
    const { kinds, reader, idOf, of } = run(batches)
    expect(new Set(kinds)).toEqual(new Set(['kept']))
    expect(reader.resolve(idOf('2'))).toBe(idOf('2'))
    expect(of('2')).not.toHaveProperty('link')
  })

  test('goes out under both keys, and the person is active again', () => {
    const { of, idOf, world } = run([['merge 2 1'], ['apart 2 1']])
    expect(of('2')).toMatchObject({ active: true })
    const last = world.engine
      .peek('cloud', 1000, 1e8)
      .filter(({ headers }) => headers.includes(idOf('2')))
      .slice(-2)
    expect(last.map(({ key }) => key).sort()).toEqual([idOf('1'), idOf('2')].sort())
  })

  test('may be made again, also the other way round: that is no circle any more', () => {
    const { kinds, reader, idOf } = run([['merge 2 1'], ['apart 2 1'], ['merge 1 2']])
    expect(kinds).toEqual(['kept', 'kept', 'kept'])
    expect(reader.resolve(idOf('1'))).toBe(idOf('2'))
  })

  test('a circle within one message is held like any other', () => {
    expect(run([['circle 1 2']]).kinds).toEqual(['held'])
  })

  test('is this merge only: one into somebody else stays', () => {
    const { reader, idOf } = run([['merge 2 3'], ['apart 2 1'], ['tell 2']])
    expect(reader.resolve(idOf('2'))).toBe(idOf('3'))
  })

  test('where there was none, nothing is overwritten', () => {
    const { of } = run([['tell 2'], ['apart 2 1']])
    expect(of('2')).not.toHaveProperty('active')
  })

  test('is not undone by what goes out under two keys for another reason', () => {
    const two = patientChange('2')
    const linkage = {
      resourceType: 'Linkage' as const,
      id: 'linkage',
      active: true,
      item: ['patient', 'other'].map(id => ({ type: 'alternate' as const, resource: { reference: `Patient/${id}` } })),
    }
    const world = openWorld(text => {
      if (text !== 'link 2 1') return translate(text)
      const other = renamed(patientChange('1', { verb: 'ensure' }), 'other')
      const both = { identity: [{ system: 'sender:x', value: '2 1' }], subject: two.subject, alsoFor: other.identity }
      return { changes: [{ ...two, verb: 'ensure' }, other, { verb: 'replace', resource: linkage, ...both }] }
    })
    open.push(world)
    for (const text of ['merge 2 3', 'link 2 1']) expect(world.engine.take([arrivalOf(text)])[0]?.kind).toBe('kept')
    const idOf = (value: string) => world.protector.idOf('Patient', patientChange(value).identity[0]!)
    expect(world.store.link(idOf('2'))).toBe(idOf('3'))
  })

  test('in test messages says nothing about live ones', () => {
    const world = openWorld(translate)
    open.push(world)
    const said = (text: string, mode: 'live' | 'test') =>
      world.engine.take([arrivalOf(text, { mode, messageId: `${mode} ${text}` })])
    said('merge 2 1', 'live')
    said('apart 2 1', 'test')
    const origin = world.protector.idOf('Patient', patientChange('2').identity[0]!)
    expect(world.store.link(origin)).toBe(world.protector.idOf('Patient', patientChange('1').identity[0]!))
  })
})
