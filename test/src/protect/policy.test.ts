import { describe, expect, it } from 'vitest'
import { patterns } from '../../../src/protect/acts/match.ts'
import { sha256hex } from '../../../src/protect/format.ts'
import { rulesOf } from '../../../src/protect/policy/compile.ts'
import { acts } from '../../../src/protect/policy/lines.ts'
import { policyHash, policyRows, policyTypes } from '../../../src/protect/policy/policy.ts'
import { boundCodes, elementsOf, typeName, types } from './generate.ts'

type Leaf = Readonly<{ path: string; type: string; codes: readonly string[] | null }>

/** Every leaf below `from`, as `at`: backbone elements descended, a choice type a leaf each, references to content followed. */
function leaves(resource: string, from: string, at: string): Leaf[] {
  const own = elementsOf(resource).filter(one => one.path.startsWith(`${from}.`))
  return own
    .filter(one => !one.path.slice(from.length + 1).includes('.'))
    .flatMap(element => {
      const path = at + element.path.slice(from.length)
      if (element.contentReference) return leaves(resource, element.contentReference.slice(1), path)
      return (element.type ?? []).flatMap(({ code }) => {
        const type = typeName(code)
        if (type === 'BackboneElement') return leaves(resource, element.path, path)
        const suffix = type[0]!.toUpperCase() + type.slice(1)
        const codes = element.binding?.strength === 'required' ? boundCodes(element.binding.valueSet ?? '') : null
        return { path: path.replace('[x]', suffix), type: path === `${resource}.id` ? 'id' : type, codes }
      })
    })
}

describe('the privacy policy', () => {
  const expected = types.flatMap(type => leaves(type, type, type))

  it('has exactly one row for every leaf of every type, and none for anything else', () => {
    const paths = policyRows.map(row => `${row.path} ${row.type}`)
    expect(new Set(paths).size).toBe(paths.length)
    expect([...paths].sort()).toEqual(expected.map(({ path, type }) => `${path} ${type}`).sort())
    expect([...policyTypes].sort()).toEqual([...types])
    expect(policyRows.length).toBeGreaterThan(400)
  })

  it('knows only acts of the closed set, and only patterns that there are', () => {
    for (const row of policyRows) expect(acts, row.path).toContain(row.act)
    for (const row of policyRows.filter(one => one.act === 'match')) expect(patterns, row.path).toContain(row.arg)
  })

  it('lists exactly the codes that FHIR binds an element to', () => {
    const codes = new Map(expected.map(leaf => [leaf.path, leaf.codes]))
    for (const { path, type, act, arg } of policyRows.filter(row => row.act === 'enum' && row.type === 'code')) {
      expect(arg?.split(' ').sort(), `${path} ${type} ${act}`).toEqual([...(codes.get(path) ?? [])].sort())
    }
  })

  it('never keeps words: strings, markdown and narrative are sealed or must match a pattern', () => {
    const free = [
      'string',
      'markdown',
      'base64Binary',
      'Narrative',
      'Annotation',
      'Attachment',
      'HumanName',
      'ContactPoint',
    ]
    for (const { path, type, act } of policyRows.filter(row => free.includes(row.type))) {
      expect(['seal', 'match', 'drop'], `${path} ${type}`).toContain(act)
    }
  })

  it('is hashed as SEALING S5 says, and compiled for every type', () => {
    const rows = policyRows.map(({ path, type, act, arg }) =>
      arg === undefined ? { path, type, act } : { path, type, act, arg },
    )
    expect(rows.map(row => row.path)).toEqual(rows.map(row => row.path).sort())
    expect(policyHash).toBe(sha256hex(JSON.stringify(rows)))
    expect([...rulesOf.keys()].sort()).toEqual([...types])
  })
})
