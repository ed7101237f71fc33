import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hl7Codes, hl7CodesFile } from '../../../scripts/gen-hl7-codes.ts'
import { policyPage, policyPageFile } from '../../../scripts/gen-policy-docs.ts'

describe('generated files are fresh', () => {
  it('src/protect/generated/hl7-codes.ts (node scripts/gen-hl7-codes.ts)', () => {
    expect(readFileSync(hl7CodesFile, 'utf8') === hl7Codes()).toBe(true)
  })

  it('docs/reference/privacy-policy.md (node scripts/gen-policy-docs.ts)', () => {
    expect(readFileSync(policyPageFile, 'utf8') === policyPage()).toBe(true)
  })
})
