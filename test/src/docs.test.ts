import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { errorDocs, uplinkTroubles } from '../../scripts/gen-error-docs.ts'

describe('generated documents are fresh', () => {
  test('docs/reference/errors.md (npm run generate)', () => {
    expect(readFileSync('docs/reference/errors.md', 'utf8')).toBe(errorDocs())
  })

  test('docs/reference/uplink-troubles.md (npm run generate)', () => {
    expect(readFileSync('docs/reference/uplink-troubles.md', 'utf8')).toBe(uplinkTroubles())
  })

  test('links between documents lead to files', () => {
    for (const file of ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'docs/security/promises.md']) {
      const base = file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '.'
      for (const [, target] of readFileSync(file, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)) {
        expect(() => readFileSync(`${base}/${target}`), `${file} → ${target}`).not.toThrow(/ENOENT/)
      }
    }
  })
})
